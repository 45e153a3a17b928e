"""Folds as literal tables, the purge against brute force, and scikit-learn's protocol."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from quantml.errors import ParameterError, SplitError
from quantml.validation.splits import Fold, WalkForward, inner_folds, is_known


def table(folds):
    return [(fold.train.tolist(), fold.test.tolist()) for fold in folds]


def days(count, start="2020-01-01"):
    return pd.bdate_range(start, periods=count, unit="us")


def test_rolling_rows_worked_by_hand():
    assert table(WalkForward(train=4, test=3).folds(days(10))) == [
        ([0, 1, 2, 3], [4, 5, 6]),
        ([3, 4, 5, 6], [7, 8, 9]),
    ]


def test_expanding_rows_worked_by_hand_keep_the_short_last_block():
    assert table(WalkForward(train=4, test=3, mode="expanding").folds(days(8))) == [
        ([0, 1, 2, 3], [4, 5, 6]),
        ([0, 1, 2, 3, 4, 5, 6], [7]),
    ]


def test_quarters_are_calendar_quarters():
    clock = days(600, "2019-01-01")
    folds = WalkForward(train="1y", test="3m").folds(clock)
    starts = [clock[fold.start] for fold in folds]
    assert starts == [
        pd.Timestamp(d) for d in ("2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01", "2021-01-01", "2021-04-01")
    ]
    assert clock[folds[1].train[0]] == pd.Timestamp("2019-04-01")
    assert clock[folds[1].train[-1]] == pd.Timestamp("2020-03-31")


def test_a_year_that_begins_with_a_holiday_is_a_whole_year():
    clock = days(600, "1999-01-04")  # the first session of 1999
    assert clock[WalkForward(train="1y", test="1y").folds(clock)[0].start] == pd.Timestamp("2000-01-03")


def test_a_year_that_begins_a_week_late_is_not():
    clock = days(600, "1999-01-11")
    assert clock[WalkForward(train="1y", test="1y").folds(clock)[0].start] == pd.Timestamp("2001-01-01")


def test_one_month_is_one_row_of_monthly_data():
    clock = pd.date_range("2020-01-31", periods=6, freq="ME", unit="us")
    assert table(WalkForward(train="3m", test="1m").folds(clock)) == [
        ([0, 1, 2], [3]),
        ([1, 2, 3], [4]),
        ([2, 3, 4], [5]),
    ]


def test_refits_cut_a_block_and_move_the_window():
    clock = days(10)
    validation = WalkForward(train=4, test=6, refit=2)
    (fold,) = validation.folds(clock)
    assert table(validation.refits(clock, fold)) == [
        ([0, 1, 2, 3], [4, 5]),
        ([2, 3, 4, 5], [6, 7]),
        ([4, 5, 6, 7], [8, 9]),
    ]


def test_a_window_of_a_year_moves_with_monthly_refits_inside_a_yearly_block():
    clock = days(600, "2019-01-01")  # to April 2021
    validation = WalkForward(train="1y", test="1y", refit="1m")
    year = validation.folds(clock)[0]
    parts = validation.refits(clock, year)
    assert [f"{clock[part.start]:%m-%d}" for part in parts[:3]] == ["01-01", "02-03", "03-02"]  # months' first weekdays
    assert [f"{clock[part.train[0]]:%Y-%m-%d}" for part in parts[:3]] == ["2019-01-01", "2019-02-01", "2019-03-01"]
    assert all(part.train[-1] == part.start - 1 for part in parts)
    assert len(parts) == 12
    assert np.array_equal(np.concatenate([part.test for part in parts]), year.test)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 300),
    st.sampled_from([3, 20, "1w", "1m", "3m"]),
    st.sampled_from([1, 7, "1w", "1m", "3m"]),
    st.sampled_from(["rolling", "expanding"]),
    st.integers(0, 60),
)
def test_blocks_tile_time_and_new_data_never_move_them(count, train, test, mode, more):
    validation = WalkForward(train=train, test=test, mode=mode)
    clock = days(count + more)
    try:
        early = validation.folds(clock[:count])
    except SplitError:
        return
    tested = np.concatenate([fold.test for fold in early])
    assert np.array_equal(tested, np.arange(tested[0], count))  # each once, without a gap
    assert all(fold.train[-1] == fold.start - 1 for fold in early)
    late = validation.folds(clock)
    assert table(early)[:-1] == table(late)[: len(early) - 1]
    assert early[-1].start == late[len(early) - 1].start


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1), st.integers(0, 40), st.integers(0, 5))
def test_purge_equals_brute_force_over_intervals(rows, start, embargo):
    ends = np.array([t + h for t, h in rows])
    expected = [not any(moment > start - embargo for moment in range(t + 1, t + h + 1)) for t, h in rows]
    assert is_known(ends, start, embargo).tolist() == expected


def test_split_purges_by_label_end():
    X = np.zeros((8, 1))
    splits = list(WalkForward(train=4, test=4).split(X, groups=np.arange(8) + 3))
    assert [(a.tolist(), b.tolist()) for a, b in splits] == [([0, 1], [4, 5, 6, 7])]


def test_works_in_cross_val_score():
    clock = days(40)
    X = pd.DataFrame({"x": np.arange(40.0)}, index=clock)
    scores = cross_val_score(LinearRegression(), X, 2.0 * X["x"], cv=WalkForward(train=10, test=10))
    assert scores.tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert WalkForward(train=10, test=10).get_n_splits(X) == 3


def test_inner_folds_worked_by_hand():
    fold = Fold(0, np.arange(10, 21), np.arange(21, 25))
    assert table(inner_folds(fold, 2)) == [
        ([10, 11, 12, 13, 14, 15, 16], [17, 18]),
        ([10, 11, 12, 13, 14, 15, 16, 17, 18], [19, 20]),
    ]


def test_too_long_a_window_says_what_to_do():
    with pytest.raises(
        SplitError, match=r"must fit into the data; got 'train=30y, test=3m on 10 rows from 2020-01-01"
    ) as caught:
        WalkForward(train="30y", test="3m").folds(days(10))
    assert "Shorten WalkForward.train" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"train": 0, "test": 1}, "WalkForward.train must be a positive number of rows"),
        ({"train": 1, "test": "3q"}, "WalkForward.test must be"),
        ({"train": 1, "test": 1, "mode": "roling"}, "Did you mean 'rolling'?"),
        ({"train": 1, "test": 1, "embargo": -1}, "WalkForward.embargo must be"),
        ({"train": 1, "test": 1, "refit": "x"}, "WalkForward.refit must be"),
    ],
)
def test_refuses(arguments, text):
    with pytest.raises(ParameterError) as caught:
        WalkForward(**arguments)
    assert text in str(caught.value)
