"""Agreement with skfolio and purgedcv where they are right, and what they do where they are not (docs/splits.md)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from quantml.errors import SplitError
from quantml.validation.splits import CombinatorialPurged, WalkForward
from tests.validation.splits.panels import days, table

skfolio = pytest.importorskip("skfolio.model_selection")


def lists(splits):
    return [(train.tolist(), np.concatenate([np.atleast_1d(part) for part in test]).tolist()) for train, test in splits]


def assert_equal_or_empty(own, X, ends, expected):
    """Fold by fold; a fold of the peer's without training rows is refused."""
    if all(train for train, _ in expected):
        assert lists(own.split(X, groups=ends)) == expected
        return
    with pytest.raises(SplitError, match="must have rows to train on"):
        list(own.split(X, groups=ends))


@settings(deadline=None, max_examples=100)
@given(st.integers(3, 7), st.integers(6, 12), st.integers(1, 3), st.integers(0, 2), st.data())
def test_combinatorial_folds_and_paths_are_skfolios_where_labels_are_equally_long(blocks, size, horizon, embargo, data):
    tested, rows = data.draw(st.integers(2, blocks - 1)), blocks * size
    # skfolio purges rows by number: one less than the horizon overlap on either side
    peer = skfolio.CombinatorialPurgedCV(blocks, tested, purged_size=horizon - 1 + embargo)
    own = CombinatorialPurged(blocks, tested, embargo=embargo)
    X, ends = np.zeros((rows, 1)), np.arange(rows) + horizon
    assert_equal_or_empty(own, X, ends, lists(peer.split(X)))
    paths = own.paths(own.folds(days(rows)))
    assert peer.recombined_paths.T.tolist() == [[piece.place for piece in path] for path in paths]
    assert peer.n_test_paths == own.path_count


@settings(deadline=None, max_examples=100)
@given(st.integers(5, 80), st.integers(1, 20), st.integers(1, 15), st.booleans(), st.booleans())
def test_walk_forward_folds_are_skfolios(rows, train, test, grows, short):
    peer = skfolio.WalkForward(test_size=test, train_size=train, expand_train=grows, reduce_test=short)
    mode, last = "expanding" if grows else "rolling", "keep" if short else "drop"
    own = WalkForward(train=train, test=test, mode=mode, last_block=last)
    try:
        expected = lists(peer.split(np.zeros((rows, 1))))
    except ValueError:
        expected = []
    try:
        found = table(own.folds(days(rows)))
    except SplitError:
        found = []
    assert found == expected


def test_quarters_are_skfolios():
    clock = days(650, "2019-01-01")
    peer = skfolio.WalkForward(test_size=1, train_size=4, freq="QS", reduce_test=True)
    splits = peer.split(pd.DataFrame({"x": np.zeros(len(clock))}, index=clock))
    assert lists(splits) == table(WalkForward(train="1y", test="3m").folds(clock))


def test_where_skfolio_is_not_right():
    ends = np.arange(40) + np.where(np.arange(40) % 5 == 0, 6, 1)  # every fifth label takes 6 bars
    train, tests = list(skfolio.CombinatorialPurgedCV(4, 2, purged_size=1).split(np.zeros((40, 1))))[1]
    assert [(part[0], part[-1]) for part in tests] == [(0, 9), (20, 29)]
    assert 15 in train.tolist()
    assert ends[15] == 21  # reaches past the decision of 20
    own = list(CombinatorialPurged(4, 2, embargo=0).split(np.zeros((40, 1)), groups=ends))[1][0]
    assert 15 not in own.tolist()
    uneven = skfolio.CombinatorialPurgedCV(6, 2).split(np.zeros((59, 1)))
    assert [len(part) for part in list(uneven)[4][1]] == [9, 14]  # the last fold takes the whole remainder
    with pytest.warns(UserWarning, match="Scoring failed"):
        scores = cross_val_score(
            LinearRegression(), np.arange(40.0)[:, None], np.arange(40.0), cv=skfolio.CombinatorialPurgedCV(4, 2)
        )
    assert np.isnan(scores).all()  # its test sets are lists of arrays


# What purgedcv 0.1.11 gave for 100 daily rows whose labels end 10 rows on, 5 blocks, the third (40 to 59) tested.
PURGEDCV_FIRST_AFTER = {"no embargo": 69, "embargo_observations=5": 69, "embargo_fraction=0.05": 69, 'embargo="5D"': 75}


def test_an_embargo_begins_where_the_last_label_ends():
    def first_after(embargo):
        split = CombinatorialPurged(5, 1, embargo=embargo).split(np.zeros((100, 1)), groups=np.arange(100) + 10)
        train = list(split)[2][0]
        return int(train[train > 59][0])

    assert first_after(0) == PURGEDCV_FIRST_AFTER["no embargo"]
    assert first_after(5) == 74 == PURGEDCV_FIRST_AFTER['embargo="5D"'] - 1  # its interval holds both its ends


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 7), st.integers(8, 50), st.data())
def test_combinatorial_folds_and_paths_are_purgedcvs_for_any_labels(blocks, rows, data):
    purgedcv = pytest.importorskip("purgedcv")
    tested = data.draw(st.integers(1, blocks - 1))
    ends = np.arange(rows) + np.array(data.draw(st.lists(st.integers(1, 8), min_size=rows, max_size=rows)))
    clock = pd.date_range("2024-01-01", periods=rows + 10)
    peer = purgedcv.CombinatorialPurgedCV(blocks, tested, prediction_times=clock[:rows], evaluation_times=clock[ends])
    own = CombinatorialPurged(blocks, tested, embargo=0)
    X = np.zeros((rows, 1))
    assert_equal_or_empty(own, X, ends, lists(peer.split(X)))
    marks = [np.full(len(test), float(number)) for number, (_, test) in enumerate(peer.split(X))]
    paths = [np.concatenate([np.full(len(test), float(place)) for place, test in path])
             for path in own.paths(own.folds(clock[:rows]))]  # fmt: skip
    assert np.array_equal(peer.reconstruct_paths(marks), np.stack(paths))
