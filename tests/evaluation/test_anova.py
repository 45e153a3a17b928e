"""The analysis of variance against a table worked by hand, and against regression on indicators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import DataError
from quantml.evaluation.anova import two_way


def test_a_table_worked_by_hand():
    # cells (1, 3) (2, 4) in the first row, (5, 7) (10, 8) in the second: means 2, 3, 6 and 9, and 5 over all.
    # All: 16 + 4 + 9 + 1 + 0 + 4 + 25 + 9 = 68. Rows 2.5 and 7.5: 4 (6.25 + 6.25) = 50. Columns 4 and 6: 4 (1 + 1) = 8.
    # Within: 2 + 2 + 2 + 2 = 8. Together: what is left, 2.
    found = two_way([[[1, 3], [2, 4]], [[5, 7], [10, 8]]])
    parts = (found.rows, found.columns, found.together, found.within)
    assert [part.squares for part in parts] == [50.0, 8.0, 2.0, 8.0]
    assert [part.degrees for part in parts] == [1, 1, 1, 4]
    assert [part.share for part in parts] == pytest.approx([50 / 68, 8 / 68, 2 / 68, 8 / 68])
    assert [part.by_chance for part in parts] == pytest.approx([1 / 7, 1 / 7, 1 / 7, 4 / 7])


@settings(deadline=None, max_examples=40)
@given(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), st.integers(0, 1000))
def test_parts_are_what_regressions_on_indicators_leave(shape, seed):
    table = np.random.default_rng(seed).normal(size=shape)
    row, column, _ = (index.ravel() for index in np.indices(shape))
    of_rows, of_columns = (np.eye(count)[place] for count, place in zip(shape[:2], (row, column), strict=True))
    of_cells = np.eye(shape[0] * shape[1])[row * shape[1] + column]

    def left(*parts):
        design = np.hstack([np.ones((table.size, 1)), *parts])
        fitted = design @ np.linalg.lstsq(design, table.ravel(), rcond=None)[0]
        return float(np.sum((table.ravel() - fitted) ** 2))

    found = two_way(table)
    assert found.rows.squares == pytest.approx(left() - left(of_rows), abs=1e-9)
    assert found.columns.squares == pytest.approx(left() - left(of_columns), abs=1e-9)
    assert found.together.squares == pytest.approx(left(of_rows, of_columns) - left(of_cells), abs=1e-9)
    assert found.within.squares == pytest.approx(left(of_cells), abs=1e-9)


def test_nothing_that_varies_has_no_shares_and_a_missing_value_none_either():
    assert np.isnan(two_way(np.ones((2, 2, 2))).within.share)
    assert np.isnan(two_way([[[1.0, np.nan]]]).within.share)
    for wrong in ([1.0, 2.0], np.ones((2, 0, 2))):
        with pytest.raises(DataError, match="a table of tries must have rows, columns and tries"):
            two_way(wrong)
