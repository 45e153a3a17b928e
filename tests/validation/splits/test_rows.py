"""The splitters inside scikit-learn, for single series and for panels stacked long."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from quantml.errors import SplitError
from quantml.timing import UNKNOWN
from quantml.validation.splits import BlockedKFold, CombinatorialPurged, WalkForward
from tests.validation.splits.panels import allowed, clocks, days, label_ends

BOTH = [WalkForward(train=10, test=10), CombinatorialPurged(4, 2)]


def test_split_purges_by_label_end():
    X = np.zeros((8, 1))
    splits = list(WalkForward(train=4, test=4).split(X, groups=np.arange(8) + 3))
    assert [(a.tolist(), b.tolist()) for a, b in splits] == [([0, 1], [4, 5, 6, 7])]


def test_a_purge_that_empties_a_window_says_by_how_much_to_lengthen_it():
    X, ends = np.zeros((60, 1)), np.arange(60) + 30
    hint = r"0 rows of 5 left after purge and an embargo of 2' \(fold 0\). Lengthen the training window by at least 27 rows"
    with pytest.raises(SplitError, match=hint):
        list(WalkForward(5, 5, embargo=2).split(X, groups=ends))
    assert next(WalkForward(5 + 27, 5, embargo=2).split(X, groups=ends))[0].tolist() == [0]
    with pytest.raises(SplitError, match=r"0 rows of 15 left after purge and an embargo of 20.*Use fewer blocks"):
        list(CombinatorialPurged(4, 3, embargo=20).split(X))


def line(rows):
    X = pd.DataFrame({"x": np.arange(float(rows))}, index=days(rows))
    return X, 2.0 * X["x"]


@pytest.mark.parametrize("cv", BOTH, ids=lambda cv: type(cv).__name__)
def test_works_in_cross_val_score(cv):
    X, y = line(40)
    scores = cross_val_score(LinearRegression(), X, y, cv=cv)
    assert scores.tolist() == pytest.approx([1.0] * cv.get_n_splits(X))
    assert len(scores) == (3 if isinstance(cv, WalkForward) else 6)


@pytest.mark.parametrize("cv", BOTH, ids=lambda cv: type(cv).__name__)
def test_works_in_a_grid_search_with_label_ends_as_groups(cv):
    X, y = line(40)
    grid = GridSearchCV(Ridge(), {"alpha": [0.0, 1e6]}, cv=cv).fit(X, y, groups=np.arange(40) + 2)
    assert grid.best_params_ == {"alpha": 0.0}
    assert grid.n_splits_ == cv.get_n_splits(X)
    worse = cross_val_score(Ridge(alpha=1e6), X, y, cv=cv, groups=np.arange(40) + 2)
    assert grid.cv_results_["mean_test_score"].tolist() == pytest.approx([1.0, worse.mean()])


def stacked():
    """Two symbols on four days, the second from the second day on: rows AA, AB, AB, AB by time."""
    clock = days(4)
    index = pd.MultiIndex.from_tuples(
        [(clock[0], "A"), *((day, symbol) for day in clock[1:] for symbol in "AB")], names=["time", "symbol"]
    )
    return pd.DataFrame({"x": np.arange(7.0)}, index=index)


def test_rows_of_one_time_are_trained_on_and_tested_together():
    X = stacked()
    expected = [([0, 1, 2], [3, 4]), ([1, 2, 3, 4], [5, 6])]
    found = list(WalkForward(train=2, test=1).split(X))
    assert [(a.tolist(), b.tolist()) for a, b in found] == expected
    by_time = X.droplevel("symbol")
    assert [(a.tolist(), b.tolist()) for a, b in WalkForward(train=2, test=1).split(by_time)] == expected


def test_label_ends_of_a_stacked_panel_are_positions_of_times():
    ends = np.array([1, 3, 2, 3, 3, 4, 4])  # A's label of day 1 ends at day 3
    found = list(CombinatorialPurged(4, 1, embargo=0).split(stacked(), groups=ends))
    assert [(a.tolist(), b.tolist()) for a, b in found] == [
        ([1, 2, 3, 4, 5, 6], [0]),
        ([0, 5, 6], [1, 2]),  # the block's largest label end is day 3
        ([0, 2, 5, 6], [3, 4]),
        ([0, 1, 2, 3, 4], [5, 6]),
    ]


@pytest.mark.parametrize(
    "read", [lambda clock: clock.to_period("D"), lambda clock: pd.Index(clock.date)], ids=["periods", "dates"]
)
def test_periods_and_dates_are_times(read):
    X, daily = stacked(), WalkForward(train=2, test="1d")
    days, symbols = X.index.get_level_values(0), X.index.get_level_values(1)
    expected = [([0, 1, 2], [3, 4]), ([1, 2, 3, 4], [5, 6])]
    for index in (
        read(days),
        pd.MultiIndex.from_arrays([read(days), symbols]),
        pd.MultiIndex.from_arrays([symbols, read(days)]),
    ):
        found = list(daily.split(X.set_axis(index)))
        assert [(a.tolist(), b.tolist()) for a, b in found] == expected


def test_a_sparse_table_has_rows():
    dense, sparse = (list(BOTH[0].split(X)) for X in (np.zeros((30, 2)), csr_matrix((30, 2))))
    assert [(a.tolist(), b.tolist()) for a, b in sparse] == [(a.tolist(), b.tolist()) for a, b in dense]


TEXT = [f"2020-01-0{day}" for day in range(1, 5)]


def indexed(index):
    return pd.DataFrame({"x": np.zeros(len(index))}, index=index)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (pd.MultiIndex.from_product([TEXT, ["A", "B"]]), "a MultiIndex of X must have one level of times; got 0"),
        (pd.MultiIndex.from_product([range(4), ["A", "B"]]), "a MultiIndex of X must have one level of times; got 0"),
        (pd.MultiIndex.from_arrays([days(4), days(4)]), "a MultiIndex of X must have one level of times; got 2"),
        (pd.Index(TEXT).repeat(2), "an index of X that repeats must be of times; got '2020-01-01'"),
        (pd.Index(range(4)).repeat(2), "an index of X that repeats must be of times; got '0'"),
        (pd.DatetimeIndex([*TEXT[:3], None]), "the times of X must all be known; got 'NaT' (row 3)"),
    ],
)
def test_an_index_whose_times_cannot_be_told_is_refused(index, text):
    for cv in (WalkForward(train=2, test=1), CombinatorialPurged(2, 1), BlockedKFold(2)):
        with pytest.raises(SplitError) as caught:
            list(cv.split(indexed(index)))
        assert text in str(caught.value)


@pytest.mark.parametrize("X", [np.zeros((60, 1)), indexed(days(60).strftime("%Y-%m-%d"))], ids=["array", "text"])
@pytest.mark.parametrize(
    ("cv", "name"),
    [
        (WalkForward("20d", "5d"), "train=20d"),
        (WalkForward(20, 5, validation="1w"), "validation=1w"),
        (WalkForward(20, 5, offset="1w"), "offset=1w"),
    ],
)
def test_durations_are_not_counted_without_times(X, cv, name):
    for ask in (lambda: list(cv.split(X)), lambda: cv.get_n_splits(X)):
        with pytest.raises(SplitError, match=f"must have times; got 'none, and {name}'.*pd.to_datetime"):
            ask()


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([WalkForward(train=5, test=4, embargo=1), CombinatorialPurged(4, 2, embargo=1)]), st.data())
def test_a_stacked_panel_is_split_as_the_panel_is(cv, data):
    clock = data.draw(clocks(least=10, most=25))
    whole = np.append(np.arange(1, len(clock)), UNKNOWN)  # one symbol has all its bars
    ends = np.column_stack([whole, data.draw(label_ends(len(clock)))])
    time, symbol = np.nonzero(ends < UNKNOWN)
    whole, position = np.unique(time, return_inverse=True)
    later = np.searchsorted(whole, ends[time, symbol])  # the clock has no other times than those of the rows
    X = pd.DataFrame({"symbol": symbol}, index=clock[time])
    panel = np.full((len(whole), ends.shape[1]), UNKNOWN)
    panel[position, symbol] = later
    folds = cv.folds(clock[whole])
    expected = [allowed(fold, panel, 1) for fold in folds]
    if not all(expected):
        with pytest.raises(SplitError, match="must have rows to train on"):
            list(cv.split(X, groups=later))
        return
    for fold, rows, (train, test) in zip(folds, expected, cv.split(X, groups=later), strict=True):
        assert set(zip(position[train], symbol[train], strict=True)) == rows
        assert np.unique(position[test]).tolist() == fold.test.tolist()


@pytest.mark.parametrize(
    ("X", "groups", "text"),
    [
        (None, None, "X must be given"),
        (pd.DataFrame({"x": [1, 2]}, index=days(2)[::-1]), None, "the times of X must not decrease"),
        (np.zeros((4, 1)), np.arange(3), "groups must be a whole number for each of 4 rows"),
        (np.zeros((4, 1)), np.arange(4) + 0.5, "groups must be a whole number for each of 4 rows"),
        (np.zeros((4, 1)), np.array([1, 2, 1, 4]), "groups must be at or after each row's own position; got 1 (row 2)"),
    ],
)
def test_refuses(X, groups, text):
    with pytest.raises(SplitError) as caught:
        list(WalkForward(train=2, test=1).split(X, groups=groups))
    assert text in str(caught.value)
