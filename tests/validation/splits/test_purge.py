"""The purge against brute force over the bars of label intervals."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantml.timing import UNKNOWN
from quantml.validation.splits import Held, is_known, may_train

ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1)


@given(ROWS, st.integers(0, 40), st.integers(0, 5))
def test_what_is_known_equals_brute_force_over_intervals(rows, start, embargo):
    ends = np.array([t + h for t, h in rows])
    expected = [not any(moment > start - embargo for moment in range(t + 1, t + h + 1)) for t, h in rows]
    assert is_known(ends, start, embargo).tolist() == expected


@given(ROWS, st.integers(0, 30), st.integers(1, 12), st.integers(0, 5))
def test_a_row_trains_where_its_bars_are_none_of_the_blocks_widened_by_the_embargo(rows, start, length, embargo):
    time, ends = np.array([t for t, _ in rows]), np.array([t + h for t, h in rows])
    end = start + length
    block = set(range(start - embargo + 1, end + embargo + 1))
    expected = [not block & set(range(t + 1, t + h + 1)) for t, h in rows]
    assert may_train(time, ends, [Held(start, end)], embargo).tolist() == expected


def test_a_row_keeps_clear_of_every_block():
    time = np.arange(12)
    both = [Held(2, 4), Held(7, 9)]
    # ends two rows on: 0 ends at 2; 4 and 5 begin at the end of the first block and end before the second begins
    assert np.flatnonzero(may_train(time, time + 2, both)).tolist() == [0, 4, 5, 9, 10, 11]


def test_a_label_that_is_never_known_trains_nowhere_and_widens_no_block():
    assert may_train(np.array([9]), np.array([UNKNOWN]), [Held(2, 4)]).tolist() == [False]
    assert Held.of(np.array([3, 4]), np.array([[5, UNKNOWN], [UNKNOWN, 4]])) == Held(3, 5)
    assert Held.of(np.array([3, 4]), np.array([UNKNOWN, UNKNOWN])) == Held(3, 4)
