"""Each rule on a handful of bars made by hand, with the sentence that it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.loaders import Sample
from quantml.loaders.quality import (
    EarlyEnd,
    Finding,
    HolidayBar,
    LateStart,
    MissingSession,
    OutsideHours,
    RepeatedBar,
    RepeatedOpens,
    Rule,
    ShiftedDates,
    ShiftedHours,
    Spike,
    SplitMismatch,
    StaleRun,
    UnadjustedSplit,
    UnitFlip,
    WeekendBar,
    ZeroVolume,
    check_quality,
    find_runs,
)

STEPS = (0.01, -0.006, 0.008, -0.013, 0.004)
"""Log moves that repeat: their median size is 0.008, so that a robust standard deviation is 0.0119."""


def closes(sessions: int) -> np.ndarray:
    return 100.0 * np.exp(np.cumsum(np.resize(STEPS, sessions)))


def bars(close: np.ndarray, *, first: str = "2024-01-02", calendar: str | None = None, **fields: Any) -> Bars:
    """One symbol on weekdays (or on the sessions of 2024, without days taken out), with a range around each close."""
    clock = fields.pop("clock", pd.bdate_range(first, periods=len(close)))
    frame = {"open": close * 0.999, "high": close * 1.002, "low": close * 0.997, "close": close, "volume": 1e6}
    frame |= {"symbol": "A"} | fields
    return Bars.from_frame(pd.DataFrame(frame, index=clock), calendar=calendar, periods_per_year=252)


def told(data: Bars, rule: Rule) -> list[tuple[str, str, str]]:
    return [(str(one.date.date()), str(one.until.date()), one.evidence) for one in check_quality(data, rules=[rule])]


def only(data: Bars, rule: Rule) -> Finding:
    (one,) = check_quality(data, rules=[rule])
    return one


# ------------------------------------------------------------------------ days

WEEKS = pd.DatetimeIndex(["2024-03-18", "2024-03-19", "2024-03-20", "2024-03-21", "2024-03-22", "2024-03-25",
                          "2024-03-26", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02", "2024-04-03"])  # fmt: skip
"""The sessions of the NYSE around Good Friday, 2024-03-29."""


def on(clock: pd.DatetimeIndex, calendar: str | None = "XNYS") -> Bars:
    return bars(closes(len(clock)), clock=clock, calendar=calendar)


def test_sessions_without_a_bar_are_missing_and_holidays_are_not() -> None:
    assert told(on(WEEKS), MissingSession()) == []
    gaps = WEEKS.drop(["2024-03-20", "2024-03-27", "2024-03-28", "2024-04-01"])
    assert told(on(gaps), MissingSession()) == [
        ("2024-03-20", "2024-03-20", "No bar on a session of XNYS."),
        ("2024-03-27", "2024-04-01", "No bar on 3 sessions of XNYS."),
    ]


def test_a_bar_on_a_closed_day_is_found_by_its_kind() -> None:
    clock = WEEKS.union(pd.DatetimeIndex(["2024-03-24", "2024-03-29"]))
    assert told(on(clock), WeekendBar()) == [
        ("2024-03-24", "2024-03-24", "A bar on a Sunday on which XNYS is closed."),
    ]
    assert told(on(clock), HolidayBar()) == [
        ("2024-03-29", "2024-03-29", "A bar on a Friday on which XNYS is closed."),
    ]


def test_a_week_stamped_a_day_early_is_one_finding() -> None:
    # Monday to Friday of the first week become Sunday to Thursday.
    clock = (WEEKS[:5] - pd.Timedelta(days=1)).append(WEEKS[5:])
    clock = pd.DatetimeIndex(["2024-03-15"]).append(clock)
    text = (
        "Bars look stamped a day early: one on Sunday, 2024-03-17, a closed day, and none on Friday, 2024-03-22, a"
        " session."
    )
    assert told(on(clock), ShiftedDates()) == [("2024-03-17", "2024-03-21", text)]
    assert told(on(clock), MissingSession()) == told(on(clock), WeekendBar()) == []


def test_a_week_stamped_a_day_late_is_one_finding() -> None:
    clock = pd.DatetimeIndex(["2024-03-15"]).append(WEEKS[:5] + pd.Timedelta(days=1)).append(WEEKS[5:])
    text = (
        "Bars look stamped a day late: one on Saturday, 2024-03-23, a closed day, and none on Monday, 2024-03-18, a"
        " session."
    )
    assert told(on(clock), ShiftedDates()) == [("2024-03-19", "2024-03-23", text)]
    longer = pd.bdate_range("2023-12-01", "2024-03-14").append(clock).union([pd.Timestamp("2024-03-29")])
    assert told(on(longer, calendar=None), ShiftedDates()) == [("2024-03-19", "2024-03-23", text)]


def panel(clocks: dict[str, pd.DatetimeIndex]) -> Bars:
    frame = {name: pd.Series(closes(len(clock)), clock) for name, clock in clocks.items()}
    return Bars.from_close(pd.DataFrame(frame), periods_per_year=252)


def test_without_a_calendar_the_other_symbols_tell() -> None:
    days = pd.bdate_range("2024-01-02", periods=60)
    data = panel({"A": days.drop(days[30]), "B": days, "C": days})
    assert told(data, MissingSession()) == [(str(days[30].date()),) * 2 + ("No bar on a session.",)]
    assert told(panel({"A": days.drop(days[30]), "B": days}), MissingSession()) == []


def test_a_symbol_with_other_holidays_gets_one_note() -> None:
    days = pd.bdate_range("2024-01-02", periods=100)
    data = panel({"A": days.delete(range(5, 95, 10)), "B": days, "C": days})
    found = only(data, MissingSession())
    assert (found.symbol, str(found.severity)) == ("A", "note")
    assert found.evidence.startswith("No bar on 9 of 100 days on which most others trade")


def test_a_long_gap_is_missing_without_any_witness() -> None:
    days = pd.bdate_range("2024-01-01", periods=40)
    assert told(panel({"A": days.delete(range(10, 13))}), MissingSession()) == []
    assert [one[:2] for one in told(panel({"A": days.delete(range(10, 14))}), MissingSession())] == [
        (str(days[10].date()), str(days[13].date()))
    ]


def test_a_market_that_never_closes_has_no_weekends() -> None:
    days = pd.date_range("2024-01-01", periods=60)
    data = panel({"BTC": days.drop("2024-02-03")})
    assert told(data, MissingSession()) == [("2024-02-03", "2024-02-03", "No bar on a session.")]
    assert told(data, WeekendBar()) == []


def test_monthly_bars_have_no_sessions_to_miss() -> None:
    months = pd.date_range("2020-01-31", periods=24, freq="ME")
    data = Bars.from_close(pd.DataFrame({"A": closes(24)}, index=months), calendar="XNYS")
    assert len(check_quality(data)) == 0


def test_symbols_of_two_exchanges_are_each_held_to_their_own() -> None:
    # 2024-03-29 is Good Friday in both; Easter Monday, 2024-04-01, is a holiday in London alone.
    new_york, london = WEEKS.drop("2024-03-27"), WEEKS.drop(["2024-04-01"])
    frame = pd.DataFrame({"N": pd.Series(closes(11), new_york), "L": pd.Series(closes(11), london)})
    data = Bars.from_close(frame, calendar={"N": "XNYS", "L": "XLON"})
    assert told(data, MissingSession()) == [("2024-03-27", "2024-03-27", "No bar on a session of XNYS.")]


def test_late_starts_and_early_ends_are_notes() -> None:
    days = pd.bdate_range("2024-01-02", periods=30)
    data = panel({"A": days, "B": days[6:], "C": days[5:], "D": days[:-6], "E": days[:-5]})
    late, early = only(data, LateStart()), only(data, EarlyEnd())
    assert (late.symbol, late.date, str(late.severity)) == ("B", days[6], "note")
    assert late.evidence == "The first bar comes 6 sessions after the panel's, 2024-01-02."
    assert (early.symbol, early.date) == ("D", days[-7])
    assert early.evidence == "The last bar comes 6 sessions before the panel's, 2024-02-12."


def test_bars_after_the_fetch_are_errors() -> None:
    found = [one for one in check_quality(on(WEEKS), as_of="2024-04-01 20:00") if one.rule == "future bar"]
    assert [(str(one.date.date()), one.evidence, str(one.severity)) for one in found] == [
        ("2024-04-02", "2 bars after 2024-04-01 20:00.", "error")
    ]


# -------------------------------------------------------------------- intraday


def hourly(shift: dict[str, int], *, zone: str = "America/New_York", calendar: str | None = "XNYS") -> Bars:
    """Seven bars a session, from half past nine; the sessions of `shift` moved by so many minutes."""
    days = pd.bdate_range("2024-04-01", periods=15)
    stamps = [
        day + pd.Timedelta(minutes=570 + 60 * hour + shift.get(str(day.date()), 0)) for day in days for hour in range(7)
    ]
    clock = pd.DatetimeIndex(stamps).tz_localize(zone).tz_convert("UTC")
    return bars(closes(len(clock)), clock=clock, calendar=calendar)


def test_intraday_bars_in_their_hours_are_fine() -> None:
    assert len(check_quality(hourly({}))) == 0


def test_a_block_of_shifted_hours_is_found() -> None:
    moved = hourly({"2024-04-09": 60, "2024-04-10": 60}, calendar=None)
    assert told(moved, ShiftedHours()) == [("2024-04-09", "2024-04-10", "Sessions begin and end 60 minutes later.")]


def test_local_time_taken_for_utc_is_outside_the_hours() -> None:
    found = only(hourly({}, zone="UTC"), OutsideHours())
    # Open from 13:30 UTC; 9:30, 10:30, 11:30 and 12:30 are not.
    assert found.evidence == "60 of 105 bars are outside the hours of XNYS."


def test_a_session_may_begin_on_the_evening_before_in_utc() -> None:
    # Sydney opens at 10:00, at 23:00 UTC of the day before in its summer.
    days = pd.bdate_range("2024-02-05", periods=10)
    stamps = [day + pd.Timedelta(hours=hour) for day in days for hour in range(10, 16)]
    clock = pd.DatetimeIndex(stamps).tz_localize("Australia/Sydney").tz_convert("UTC")
    data = bars(closes(60), clock=clock, calendar="XASX")
    assert told(data, WeekendBar()) == told(data, MissingSession()) == told(data, OutsideHours()) == []


# ---------------------------------------------------------------------- repeats


def repeat(close: np.ndarray, first: int, sessions: int) -> np.ndarray:
    close = close.copy()
    close[first : first + sessions] = close[first]
    return close


def test_five_equal_sessions_are_stale_and_four_repeat() -> None:
    stale, short = bars(repeat(closes(40), 20, 5)), bars(repeat(closes(40), 20, 4))
    text = "All four prices repeat those of the session before, 5 equal sessions in a row."
    assert told(stale, StaleRun()) == [("2024-01-31", "2024-02-05", text)]
    assert told(stale, RepeatedBar()) == told(short, StaleRun()) == []
    assert [one[:2] for one in told(short, RepeatedBar())] == [("2024-01-31", "2024-02-02")]


def test_equal_closes_of_different_bars_are_not_stale() -> None:
    close = repeat(closes(40), 20, 8)
    assert told(bars(close, high=close * (1.002 + np.arange(40) * 1e-5)), StaleRun()) == []


def test_equal_closes_are_chance_where_closes_often_rest() -> None:
    resting = np.repeat(closes(60), 4)  # three closes in four repeat
    assert told(panel({"A": pd.bdate_range("2020-01-01", periods=240)}), StaleRun()) == []
    frame = pd.DataFrame({"A": repeat(resting, 100, 8)}, index=pd.bdate_range("2020-01-01", periods=240))
    assert told(Bars.from_close(frame, periods_per_year=252), StaleRun()) == []
    frame = pd.DataFrame({"A": repeat(closes(240), 100, 5)}, index=frame.index)
    assert len(told(Bars.from_close(frame, periods_per_year=252), StaleRun())) == 1


def test_opens_that_are_the_last_close() -> None:
    close = closes(60)
    opened = close * 0.999
    opened[10:15] = close[9:14]
    opened[20:24] = close[19:23]
    opened[30:37] = close[29:36]
    data = bars(close, open=opened, high=np.maximum(close, opened) * 1.002, low=np.minimum(close, opened) * 0.997)
    text = "The open equals the previous close on 16 of 27 sessions."
    assert told(data, RepeatedOpens()) == [("2024-01-16", "2024-02-21", text)]
    assert [one[2] for one in told(data, RepeatedOpens(apart=1))] == [
        "The open equals the previous close on 5 of 5 sessions.",
        "The open equals the previous close on 7 of 7 sessions.",
    ]


def test_no_volume_is_a_warning_where_the_price_moved() -> None:
    close, volume = repeat(closes(90), 20, 3), np.full(90, 1e6)
    volume[[22, 40]] = 0.0
    flat = {name: np.where(np.arange(90) == 22, close, close * by) for name, by in (("high", 1.002), ("low", 0.997))}
    opened = np.where(np.arange(90) == 22, close, close * 0.999)
    found = list(check_quality(bars(close, volume=volume, open=opened, **flat), rules=[ZeroVolume()]))
    assert [(str(one.severity), one.evidence[:44]) for one in found] == [
        ("note", "No volume, and the price did not move."),
        # 100 exp(8 * 0.003) = 102.429
        ("warning", "No volume, although the price moved from 102"),
    ]


def test_a_symbol_without_volume_is_one_note() -> None:
    found = only(bars(closes(40), volume=0.0), ZeroVolume())
    assert (found.evidence, str(found.severity)) == ("No volume on 40 of 40 bars.", "note")


# ------------------------------------------------------------------------ jumps


def scaled(values: np.ndarray, rows: slice, factor: float) -> np.ndarray:
    values = values.copy()
    values[rows] *= factor
    return values


@pytest.mark.parametrize(
    ("shares", "words"), [(1.5, "3 for 2"), (2.0, "2 for 1"), (10.0, "10 for 1"), (0.2, "1 for 5")]
)
def test_a_lasting_jump_in_quiet_trading_is_a_split(shares: float, words: str) -> None:
    close, volume = scaled(closes(60), slice(40, None), 1.0 / shares), scaled(np.full(60, 1e6), slice(40, None), shares)
    ((date, _, text),) = told(bars(close, volume=volume), UnadjustedSplit())
    assert date == "2024-02-27"
    assert f"as a split of {words} does; volume is {shares:.3g} times its median of 20 sessions." in text


def test_the_same_jump_on_a_surge_of_volume_is_a_crash() -> None:
    close, volume = scaled(closes(60), slice(40, None), 0.5), scaled(np.full(60, 1e6), slice(40, 41), 9.0)
    assert told(bars(close, volume=volume), UnadjustedSplit()) == []


def test_a_recorded_split_is_no_finding_unless_the_price_ignores_it() -> None:
    split = np.where(np.arange(60) == 40, 2.0, 1.0)
    data = bars(scaled(closes(60), slice(40, None), 0.5), split=split)
    assert told(data, UnadjustedSplit()) == told(data, SplitMismatch()) == []
    ((date, _, text),) = told(bars(closes(60), split=split), SplitMismatch())
    assert date == "2024-02-27"
    assert text == "A split of 2 for 1 is recorded, but the close went from 102.429 to 103.458."


def test_without_volume_a_large_split_is_a_note() -> None:
    frame = pd.DataFrame(
        {"A": scaled(closes(60), slice(40, None), 0.5)}, index=pd.bdate_range("2024-01-02", periods=60)
    )
    found = only(Bars.from_close(frame, periods_per_year=252), UnadjustedSplit())
    assert (str(found.severity), found.date) == ("note", frame.index[40])
    frame["A"] = scaled(closes(60), slice(40, None), 2.0 / 3.0)
    assert len(check_quality(Bars.from_close(frame, periods_per_year=252), rules=[UnadjustedSplit()])) == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_close_that_leaves_and_comes_back_is_a_spike(sign: float) -> None:
    # 8 times 1.4826 * 0.008; the moves there and back are +-0.01 and -+0.006 away from it.
    data = bars(scaled(closes(60), slice(40, 41), np.exp(sign * 8 * 1.4826 * 0.008)))
    ((date, until, text),) = told(data, Spike())
    assert date == until == "2024-02-27"
    assert f"{8.0 + sign * 0.008 / (1.4826 * 0.008):.1f} robust standard deviations" in text


def test_a_move_that_stays_and_a_small_spike_are_none() -> None:
    assert told(bars(scaled(closes(60), slice(40, None), 0.9)), Spike()) == []
    assert told(bars(scaled(closes(60), slice(40, 41), 1.02)), Spike()) == []


def test_a_day_on_which_everything_fell_is_no_spike() -> None:
    days = pd.bdate_range("2024-01-02", periods=60)
    frame = pd.DataFrame({name: scaled(closes(60), slice(40, 41), 0.85) for name in "ABCDE"}, index=days)
    assert told(Bars.from_close(frame, periods_per_year=252), Spike()) == []
    frame = frame.assign(**dict.fromkeys("BCDE", closes(60)))
    assert only(Bars.from_close(frame, periods_per_year=252), Spike()).symbol == "A"


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_block_in_another_unit(factor: float) -> None:
    data = bars(scaled(closes(60), slice(40, 43), factor))
    ((date, until, text),) = told(data, UnitFlip())
    assert (date, until) == ("2024-02-27", "2024-02-29")
    assert text.endswith(f"{1.01005 * factor:.4g} times, for 3 sessions.")
    assert [one.rule for one in check_quality(data)] == ["unit flip"]
    assert told(bars(scaled(closes(60), slice(40, None), factor)), UnitFlip())[0][2].endswith("to the last bar.")


# -------------------------------------------------------------------- the rest


def test_two_symbols_with_gaps_are_looked_at_on_their_own_bars() -> None:
    days = pd.bdate_range("2024-01-02", periods=120)
    a = pd.Series(scaled(closes(60), slice(40, 41), 1.2), days[::2])
    frame = pd.DataFrame({"A": a, "B": pd.Series(closes(120), days)})
    found = only(Bars.from_close(frame, periods_per_year=252), Spike())
    assert (found.symbol, found.date) == ("A", days[80])


def test_bars_without_prices_and_empty_bars_have_no_findings() -> None:
    data = bars(closes(30))
    assert len(check_quality(data.until("2020-01-01"))) == 0
    assert check_quality(data).counts().shape == (0, 3)


def test_findings_are_counted_and_chosen() -> None:
    found = check_quality(Sample("indices").load())
    assert found.counts().loc["zero volume"].tolist() == [0, 2, 0]
    assert len(found.for_symbol("^IXIC")) == len(found.by("zero volume")) == 2
    assert list(found.frame.columns) == ["symbol", "date", "until", "rule", "severity", "evidence"]
    assert found.frame["date"].is_monotonic_increasing
    assert repr(found) == "Findings(0 errors, 5 warnings, 0 notes)"


def test_runs_of_a_mask() -> None:
    mask = np.array([[1, 0], [1, 1], [0, 1], [1, 0]], dtype=bool)
    runs = find_runs(mask)
    assert_array_equal(np.transpose(runs), [[0, 0, 1], [0, 3, 3], [1, 1, 2]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StaleRun(sessions=2), "StaleRun.sessions must be at least 3; got 2."),
        (lambda: Spike(deviations=0.0), "Spike.deviations must be positive; got 0.0."),
        (lambda: UnadjustedSplit(surge=1.0), "UnadjustedSplit.surge must be above 1; got 1.0."),
        (lambda: ShiftedHours(sessions=0), "ShiftedHours.sessions must be from 1 to 60; got 0."),
    ],
)
def test_a_wrong_parameter_is_named(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
