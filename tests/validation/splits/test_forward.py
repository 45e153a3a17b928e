"""Walk-forward folds as literal tables, and what holds of them on any clock."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.canonical import canonical
from quantml.errors import ParameterError, SplitError, StudyError
from quantml.validation.splits import WalkForward
from tests.validation.splits.panels import allowed, clocks, days, kept, label_ends, labels, share_a_bar, table


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


def test_weeks_of_a_zone_with_summer_time_are_whole():
    clock = pd.date_range("2023-01-02", "2023-12-24 23:00", freq="h", tz="America/New_York")  # Monday to Sunday
    lengths = [len(fold.test) for fold in WalkForward(train="4w", test="1w").folds(clock)]
    # 51 weeks of which 4 train; the week of 12 March lacks an hour, that of 5 November has one more
    assert lengths == [7 * 24 + {5: -1, 39: 1}.get(number, 0) for number in range(47)]


@pytest.mark.parametrize(("train", "rows"), [("3d", 72), ("5d", 120), ("1w", 168)])
def test_a_first_window_of_hours_is_a_whole_one(train, rows):
    clock = pd.date_range("2023-01-02", periods=800, freq="h")
    assert {len(fold.train) for fold in WalkForward(train=train, test="1d").folds(clock)} == {rows}


def test_a_day_that_the_data_end_in_is_short_and_a_session_is_whole():
    clock = pd.date_range("2023-01-02", "2023-02-03 05:00", freq="h")
    days = WalkForward(train="5d", test="1d", last_block="drop")
    assert {len(fold.test) for fold in days.folds(clock)} == {24}
    sessions = clock[(clock.hour >= 10) & (clock.hour < 17) & (clock.day_of_week < 5)]  # Monday 2 January to Thursday
    # 24 sessions; the five days before Friday begin on a Sunday, so that the first block is the second Monday
    assert [len(fold.test) for fold in days.folds(sessions)] == [7] * 19
    weeks = WalkForward(train="1w", test="1w", last_block="drop")
    ends = [sessions[weeks.folds(sessions[:count])[-1].stop - 1] for count in (7 * 15, 7 * 14)]
    assert [f"{end:%m-%d}" for end in ends] == ["01-20", "01-13"]  # a third week with its Friday, and without


def test_one_bar_long_before_the_others_is_no_window():
    clock = days(1100, "2006-01-02").insert(0, pd.Timestamp("2004-06-01"))  # to March 2010
    first = WalkForward(train="3y", test="1y").folds(clock)[0]
    assert f"{clock[first.start]:%Y-%m-%d}" == "2008-01-01"
    assert len(first.train) == 521  # the weekdays of 2006 and 2007


def test_an_embargo_of_numpy_is_a_whole_number():
    validation = WalkForward(train=4, test=2, embargo=np.int64(2))
    assert validation == WalkForward(train=4, test=2, embargo=2)
    assert type(validation.embargo) is int


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


@st.composite
def declared(draw):
    """Any walk-forward whose parameters go together."""
    spans = st.sampled_from([2, 5, 11, "1w", "1m", "2m"])
    train, mode = draw(spans), draw(st.sampled_from(["rolling", "expanding"]))
    same_kind = st.sampled_from([1, 2] if isinstance(train, int) else ["4d", "1w"])
    try:
        return WalkForward(
            train=train,
            test=draw(st.sampled_from([1, 4, 9, "1w", "1m"])),
            mode=mode,
            refit=draw(st.sampled_from([None, 2, "1w"])),
            embargo=draw(st.integers(0, 3)),
            step=draw(st.sampled_from([None, None, 1, 6, "2w", "1m"])),
            min_train=draw(same_kind) if mode == "rolling" and draw(st.booleans()) else None,
            validation=draw(st.sampled_from([None, None, 1, "4d"])),
            last_block=draw(st.sampled_from(["keep", "drop"])),
            offset=draw(st.sampled_from([0, 0, 1, 7, "5d"])),
        )
    except ParameterError:
        return None


def test_an_offset_moves_every_fold_by_so_many_rows():
    assert table(WalkForward(train=4, test=3, offset=2).folds(days(10))) == [
        ([2, 3, 4, 5], [6, 7, 8]),
        ([5, 6, 7, 8], [9]),
    ]
    assert table(WalkForward(train=4, test=3, mode="expanding", offset=2).folds(days(10))) == [
        ([0, 1, 2, 3, 4, 5], [6, 7, 8]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], [9]),
    ]
    (fold,) = WalkForward(train=4, test=4, refit=2, validation=1, offset=3).folds(days(11))
    assert fold.validation.tolist() == [6]
    assert table(WalkForward(train=4, test=4, refit=2, offset=3).refits(days(11), fold)) == [
        ([3, 4, 5, 6], [7, 8]),
        ([5, 6, 7, 8], [9, 10]),
    ]


def test_an_offset_moves_calendar_blocks_and_is_a_duration_too():
    clock = days(600, "2019-01-01")  # the quarters of 2020 begin at rows 261, 326, 391, 457
    starts = [fold.start for fold in WalkForward(train="1y", test="3m", offset=5).folds(clock)]
    assert starts[:4] == [266, 331, 396, 462]
    fold = WalkForward(train="1y", test="3m", offset="1w").folds(clock)[1]  # 1 to 7 January are five rows
    assert (int(fold.train[0]), int(fold.train[-1]), fold.start, fold.stop) == (64 + 5, 330, 331, 396)


@settings(deadline=None, max_examples=60)
@given(declared(), st.integers(1, 30), clocks(least=6))
def test_folds_with_an_offset_are_those_of_a_shorter_clock_moved(validation, rows, clock):
    if validation is None or validation.mode == "expanding" or len(clock) <= rows:
        return
    plain, moved = (replace(validation, offset=offset) for offset in (0, rows))
    try:
        expected = plain.folds(clock[:-rows])
    except SplitError:
        with pytest.raises(SplitError):
            moved.folds(clock)
        return
    later = [([t + rows for t in train], [t + rows for t in test]) for train, test in table(expected)]
    assert table(moved.folds(clock)) == later


@pytest.mark.parametrize("offset", [-1, True, 1.5, "soon", "0d"])
def test_an_offset_is_rows_or_a_duration(offset):
    with pytest.raises(ParameterError, match=r"WalkForward.offset must be a positive number of rows, or a duration"):
        WalkForward(train=4, test=2, offset=offset)


def test_an_offset_beyond_the_data_leaves_no_folds_and_none_keeps_the_canonical_form():
    for offset in (6, 10, 99, "1y"):
        with pytest.raises(
            SplitError, match=rf"must fit into the data; got 'train=4, test=3, offset={offset} on 10 rows"
        ):
            WalkForward(train=4, test=3, offset=offset).folds(days(10))
    assert "offset" not in canonical(WalkForward(train=4, test=3, offset=0))
    assert canonical(WalkForward(train=4, test=3, offset=2))["offset"] == 2


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


@settings(deadline=None, max_examples=300)
@given(declared(), st.data())
def test_what_trains_in_every_mode_is_what_brute_force_over_all_pairs_finds(validation, data):
    clock = data.draw(clocks(least=6))
    ends = data.draw(label_ends(len(clock)))
    try:
        folds = validation.folds(clock) if validation else ()
        parts = [part for whole in folds for part in validation.refits(clock, whole)]
    except SplitError:
        return
    for fold in parts:
        rows = kept(fold, ends)
        assert rows == allowed(fold, ends, validation.embargo)
        assert rows == kept(fold, ends[: fold.start + 1])  # what comes later changes nothing
        for time, symbol in rows:
            assert time < fold.start
            assert ends[time, symbol] <= fold.start - validation.embargo
            tested = labels(ends, fold.test)
            assert not any(share_a_bar((time, ends[time, symbol]), other) for other in tested)


@settings(deadline=None, max_examples=200)
@given(declared(), clocks(least=6))
def test_each_row_is_tested_once_where_blocks_step_by_their_length(validation, clock):
    try:
        folds = validation.folds(clock) if validation else ()
    except SplitError:
        return
    tested = np.concatenate([fold.test for fold in folds]) if folds else np.empty(0)
    if validation and validation.step is None and validation.last_block == "keep":
        assert tested.tolist() == list(range(folds[0].start, len(clock)))
    for fold in folds:
        try:
            parts = validation.refits(clock, fold)
        except SplitError:
            continue
        assert np.concatenate([part.test for part in parts]).tolist() == fold.test.tolist()
        if fold.validation is not None:
            assert fold.train[-len(fold.validation) :].tolist() == fold.validation.tolist()
            assert 0 < len(fold.validation) < len(fold.train)


def test_blocks_begin_at_every_step_worked_by_hand():
    assert table(WalkForward(train=3, test=2, step=3).folds(days(10))) == [
        ([0, 1, 2], [3, 4]),
        ([3, 4, 5], [6, 7]),
        ([6, 7, 8], [9]),
    ]
    assert table(WalkForward(train=3, test=2, step=1).folds(days(6))) == [
        ([0, 1, 2], [3, 4]),
        ([1, 2, 3], [4, 5]),
        ([2, 3, 4], [5]),
    ]


def test_the_first_month_of_each_quarter_is_tested():
    clock = days(400, "2019-01-01")  # to 14 July 2020
    folds = WalkForward(train="6m", test="1m", step="3m").folds(clock)
    spans = [(f"{clock[fold.start]:%Y-%m-%d}", f"{clock[fold.test[-1]]:%Y-%m-%d}") for fold in folds]
    assert spans == [
        ("2019-07-01", "2019-07-31"),
        ("2019-10-01", "2019-10-31"),
        ("2020-01-01", "2020-01-31"),
        ("2020-04-01", "2020-04-30"),
        ("2020-07-01", "2020-07-13"),
    ]
    assert f"{clock[folds[1].train[0]]:%Y-%m-%d}" == "2019-04-01"


def test_a_window_grows_from_its_least_length_to_its_full_one():
    folds = WalkForward(train=4, test=2, min_train=2).folds(days(9))
    assert table(folds) == [
        ([0, 1], [2, 3]),
        ([0, 1, 2, 3], [4, 5]),
        ([2, 3, 4, 5], [6, 7]),
        ([4, 5, 6, 7], [8]),
    ]


def test_a_short_last_block_is_dropped_where_that_is_said():
    assert table(WalkForward(train=4, test=3, last_block="drop").folds(days(9))) == [([0, 1, 2, 3], [4, 5, 6])]
    quarters = WalkForward(train="1y", test="3m", last_block="drop")
    clock = pd.bdate_range("2019-01-01", "2020-06-29", unit="us")
    assert [f"{clock[fold.start]:%Y-%m-%d}" for fold in quarters.folds(clock)] == ["2020-01-01", "2020-04-01"]
    clock = clock[:-3]  # to 24 June: more than holidays are missing
    assert [f"{clock[fold.start]:%Y-%m-%d}" for fold in quarters.folds(clock)] == ["2020-01-01"]


def test_the_last_part_of_a_window_validates():
    (fold,) = WalkForward(train=5, test=2, validation=2).folds(days(7))
    assert (fold.train.tolist(), fold.validation.tolist()) == ([0, 1, 2, 3, 4], [3, 4])
    clock = days(400, "2019-01-01")
    fold = WalkForward(train="1y", test="3m", validation="3m").folds(clock)[0]
    assert f"{clock[fold.validation[0]]:%Y-%m-%d}" == "2019-10-01"


def test_a_validation_part_that_is_the_whole_window_says_where():
    with pytest.raises(
        SplitError, match=r"validation must hold rows, and leave rows of the window to train on.*fold 0, 3 rows"
    ):
        WalkForward(train=3, test=2, validation="1w").folds(days(9))


def test_a_window_that_falls_into_a_gap_of_the_data_says_where():
    clock = days(5).append(pd.DatetimeIndex(["2020-03-02"]))
    with pytest.raises(
        SplitError, match=r"a training window must hold rows; got 'none in 1w' \(fold 0, before 2020-03-02\)"
    ):
        WalkForward(train="1w", test="1m").folds(clock)


def test_a_study_that_trades_steps_by_its_test_blocks():
    monthly = WalkForward(train=100, test="3m", step="1m")
    monthly.check_study(trades=False)
    with pytest.raises(StudyError, match=r"must equal test, 3m, so that its decisions make one account.*with refit"):
        monthly.check_study(trades=True)
    WalkForward(train=100, test="3m", step="3m").check_study(trades=True)


def test_a_record_takes_each_row_once():
    twice, gaps = WalkForward(train=3, test=2, step=1), WalkForward(train=3, test=2, step=3)
    with pytest.raises(SplitError, match=r"use each row once; got 'step=1, test=2' \(fold 1\)"):
        twice.paths(twice.folds(days(9)))
    ((first, second, _),) = gaps.paths(gaps.folds(days(10)))
    assert (first.place, first.test.tolist(), second.place, second.test.tolist()) == (0, [3, 4], 1, [6, 7])


@pytest.mark.parametrize("last", ["keep", "drop"])
def test_a_test_window_longer_than_the_data_says_what_there_is(last):
    clock = days(60)  # to 24 March
    long = WalkForward(train=20, test=500, last_block=last)
    text = r"got 'test=500, of which there are 40 rows from 2020-01-29 to 2020-03-24'. Shorten WalkForward.test, or"
    X = pd.DataFrame({"x": np.zeros(60)}, index=clock)
    for ask in (lambda: long.check_clock(clock), lambda: list(long.split(X)), lambda: long.get_n_splits(X)):
        with pytest.raises(SplitError, match=text):
            ask()
    WalkForward(train=20, test=39, last_block=last).check_clock(clock)  # a whole one, and a row
    WalkForward(train=20, test=40, last_block=last).check_clock(clock)


def test_a_block_that_begins_is_laid_for_what_comes_next():
    assert table(WalkForward(train=4, test=3).folds(days(5))) == [([0, 1, 2, 3], [4])]


def test_a_grid_of_blocks_that_begins_nowhere_in_the_data_is_the_tests_fault():
    with pytest.raises(SplitError, match=r"Shorten WalkForward.test, at multiples of which blocks begin"):
        WalkForward(train="1y", test="50y").folds(days(600))
    with pytest.raises(SplitError, match=r"Shorten WalkForward.test, at multiples of which blocks begin"):
        WalkForward(train=20, test="50y").folds(days(600))


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
        ({"train": 1, "test": 1, "step": 0}, "WalkForward.step must be"),
        ({"train": 5, "test": 1, "validation": 5}, "WalkForward.validation must be shorter than train, 5 rows"),
        ({"train": "1y", "test": 1, "validation": "12m"}, "WalkForward.validation must be shorter than train, 1y"),
        ({"train": 5, "test": 1, "min_train": 6}, "WalkForward.min_train must be at most as long as train, 5 rows"),
        ({"train": 5, "test": 1, "min_train": "1w"}, "WalkForward.min_train must be in rows, or a duration, as train"),
        ({"train": 5, "test": 1, "min_train": 2, "mode": "expanding"}, "give the least length as train"),
        ({"train": 5, "test": 1, "last_block": "dorp"}, "Did you mean 'drop'?"),
    ],
)
def test_refuses(arguments, text):
    with pytest.raises(ParameterError) as caught:
        WalkForward(**arguments)
    assert text in str(caught.value)
