"""Combinatorial folds and paths: tables worked by hand, and what holds of any."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError, SplitError
from quantml.validation.splits import CombinatorialPurged
from tests.validation.splits.panels import allowed, clocks, days, kept, label_ends, labels, share_a_bar


def places(split, rows):
    return [[piece.place for piece in path] for path in split.paths(split.folds(days(rows)))]


def splits(rows, blocks, tested, horizon, embargo):
    label_end = np.arange(rows) + horizon
    found = CombinatorialPurged(blocks, tested, embargo=embargo).split(np.zeros((rows, 1)), groups=label_end)
    return [(train.tolist(), test.tolist()) for train, test in found]


def test_four_blocks_of_two_rows_two_of_them_tested_worked_by_hand():
    # labels end two rows on: a row trains that is at most 2 rows before a block, or 2 rows after its last one
    assert splits(8, 4, 2, horizon=2, embargo=0) == [
        ([5, 6, 7], [0, 1, 2, 3]),
        ([7], [0, 1, 4, 5]),
        ([3, 4], [0, 1, 6, 7]),
        ([0, 7], [2, 3, 4, 5]),
        ([0], [2, 3, 6, 7]),
        ([0, 1, 2], [4, 5, 6, 7]),
    ]


def test_an_embargo_on_both_sides_worked_by_hand():
    # block 1 runs from 4 to 7, its last label ends at 9: rows until 1 end at 3, one before 4; rows from 10 on are one after 9
    assert splits(12, 3, 1, horizon=2, embargo=1) == [
        ([6, 7, 8, 9, 10, 11], [0, 1, 2, 3]),
        ([0, 1, 10, 11], [4, 5, 6, 7]),
        ([0, 1, 2, 3, 4, 5], [8, 9, 10, 11]),
    ]


def test_paths_of_four_blocks_worked_by_hand():
    # block 0 is tested in folds 0, 1, 2; block 1 in 0, 3, 4; block 2 in 1, 3, 5; block 3 in 2, 4, 5
    assert places(CombinatorialPurged(4, 2), 8) == [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]


def test_the_first_paths_of_the_book():
    # Lopez de Prado (2018), section 12.4, six groups of which two are tested, splits there counted from 1:
    # path 1 is S1 S1 S2 S3 S4 S5, path 2 is S2 S6 S6 S7 S8 S9
    found = places(CombinatorialPurged(6, 2), 60)
    assert found[:2] == [[0, 0, 1, 2, 3, 4], [1, 5, 5, 6, 7, 8]]
    assert len(found) == 5


@settings(deadline=None, max_examples=150)
@given(st.integers(2, 6), st.integers(0, 3), st.data())
def test_what_trains_is_what_brute_force_over_all_pairs_finds(blocks, embargo, data):
    clock = data.draw(clocks(least=6, most=25))
    ends = data.draw(label_ends(len(clock)))
    split = CombinatorialPurged(blocks, data.draw(st.integers(1, blocks - 1)), embargo=embargo)
    for fold in split.folds(clock):
        rows = kept(fold, ends)
        assert rows == allowed(fold, ends, embargo)
        tested = labels(ends, fold.test)
        assert not any(share_a_bar((t, ends[t, symbol]), other) for t, symbol in rows for other in tested)


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 8), st.integers(8, 40), st.data())
def test_each_row_is_tested_in_as_many_folds_as_there_are_paths_and_once_in_each_path(blocks, rows, data):
    tested = data.draw(st.integers(1, blocks - 1))
    split = CombinatorialPurged(blocks, tested)
    folds = split.folds(days(rows))
    assert len(folds) == comb(blocks, tested) == split.get_n_splits() == split.fold_count
    times = Counter(np.concatenate([fold.test for fold in folds]).tolist())
    assert times == dict.fromkeys(range(rows), comb(blocks - 1, tested - 1))
    assert all(set(fold.train.tolist()) == set(range(rows)) - set(fold.test.tolist()) for fold in folds)
    paths = split.paths(folds)
    assert len(paths) == split.path_count == tested * comb(blocks, tested) / blocks
    for path in paths:
        assert np.concatenate([piece.test for piece in path]).tolist() == list(range(rows))
        assert all(set(piece.test.tolist()) <= set(folds[piece.place].test.tolist()) for piece in path)
    used = Counter((piece.place, int(piece.test[0])) for path in paths for piece in path)
    assert set(used.values()) == {1}  # no forecast stands in two paths
    assert len(used) == tested * len(folds)


def test_the_embargo_is_a_hundredth_of_the_rows_unless_given():
    assert [fold.embargo for fold in CombinatorialPurged(2, 1).folds(days(250))] == [3, 3]
    assert [fold.embargo for fold in CombinatorialPurged(2, 1, embargo=0).folds(days(250))] == [0, 0]


def test_blocks_are_as_equal_as_they_can_be():
    assert [len(fold.test) for fold in CombinatorialPurged(6, 1).folds(days(59))] == [10, 10, 10, 10, 10, 9]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, 1), "CombinatorialPurged.blocks must be a whole number of at least 2"),
        ((4, 0), "CombinatorialPurged.test_blocks must be a whole number of at least 1"),
        ((4, 4), "CombinatorialPurged.test_blocks must be fewer than blocks, 4, so that some are left to train on"),
        ((4, 2, -1), "CombinatorialPurged.embargo must be a whole number of at least 0"),
    ],
)
def test_refuses(arguments, text):
    with pytest.raises(ParameterError) as caught:
        CombinatorialPurged(*arguments[:2], **({"embargo": arguments[2]} if len(arguments) > 2 else {}))
    assert text in str(caught.value)


def test_more_folds_than_anybody_fits():
    CombinatorialPurged(15, 6)  # C(15, 6) = 5,005
    with pytest.raises(ParameterError, match=r"must make at most 10,000 folds; got '155,117,520'"):
        CombinatorialPurged(30, 15)


def test_fewer_rows_than_blocks():
    with pytest.raises(SplitError, match=r"6 blocks must have a row each; got '5 rows'"):
        CombinatorialPurged(6, 2).folds(days(5))
