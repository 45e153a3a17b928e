"""Folds inside a training window, worked by hand and clear of what the outer fold tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import SplitError
from quantml.validation.splits import CombinatorialPurged, Fold, WalkForward, inner_folds
from tests.validation.splits.panels import days, kept, label_ends, labels, share_a_bar, table


def test_inner_folds_worked_by_hand():
    fold = Fold(0, np.arange(10, 21), np.arange(21, 25))
    assert table(inner_folds(fold, 2)) == [
        ([10, 11, 12, 13, 14, 15, 16], [17, 18]),
        ([10, 11, 12, 13, 14, 15, 16, 17, 18], [19, 20]),
    ]


def test_a_validation_part_is_cut_instead_of_the_second_half():
    (fold,) = WalkForward(train=8, test=2, validation=3).folds(days(10))
    assert table(inner_folds(fold, 1)) == [([0, 1, 2, 3, 4], [5, 6, 7])]
    assert table(inner_folds(fold, 2)) == [([0, 1, 2, 3, 4], [5, 6]), ([0, 1, 2, 3, 4, 5, 6], [7])]
    with pytest.raises(
        SplitError, match=r"a validation part must have at least 4 rows to tune on 4 inner folds; got 3"
    ):
        inner_folds(fold, 4)


def test_inner_folds_keep_the_embargo_of_theirs():
    (fold,) = WalkForward(train=8, test=2, embargo=2).folds(days(10))
    assert [part.embargo for part in inner_folds(fold, 2)] == [2, 2]


def test_a_fold_is_forward_where_its_window_ends_at_its_block():
    assert Fold(0, np.arange(3), np.arange(3, 5)).is_forward
    assert not Fold(0, np.arange(2), np.arange(3, 5)).is_forward  # what lies between is somebody's test
    assert not Fold(0, np.array([0, 1, 5]), np.arange(2, 5)).is_forward
    assert not Fold(0, np.arange(5, 8), np.arange(3, 5)).is_forward
    assert not Fold(0, np.arange(3), np.arange(0)).is_forward


@settings(deadline=None, max_examples=100)
@given(st.integers(12, 40), st.integers(2, 5), st.integers(0, 2), st.integers(1, 3), st.data())
def test_inner_folds_of_combinatorial_ones_know_nothing_of_either_test(rows, blocks, embargo, count, data):
    ends = data.draw(label_ends(rows))
    split = CombinatorialPurged(blocks, data.draw(st.integers(1, blocks - 1)), embargo=embargo)
    for fold in split.folds(days(rows)):
        try:
            inner = inner_folds(fold, count)
        except SplitError:
            continue
        for part in inner:
            held = [*part.test.tolist(), *fold.test.tolist()]
            tested = labels(ends, held)
            for time, symbol in kept(part, ends):
                assert time < part.start
                assert not any(share_a_bar((time, ends[time, symbol]), other) for other in tested)
