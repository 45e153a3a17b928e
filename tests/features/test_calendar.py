from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.features import DayOfWeek, Month, SessionsToExpiry, SessionsToHoliday, TurnOfMonth, build_features

NAN = np.nan


def test_days_and_months_where_there_is_a_bar() -> None:
    # Thursday, Friday, Monday, Sunday by any wall calendar
    days = pd.DatetimeIndex(["2024-02-29", "2024-03-01", "2024-03-04", "2024-12-01"])
    close = pd.DataFrame({"A": [1.0, 1.0, 1.0, 1.0], "B": [NAN, 1.0, NAN, NAN]}, index=days)
    bars = Bars.from_close(close, periods_per_year=365)
    np.testing.assert_array_equal(DayOfWeek()(bars), [[3.0, NAN], [4.0, 4.0], [0.0, NAN], [6.0, NAN]])
    np.testing.assert_array_equal(Month()(bars), [[2.0, NAN], [3.0, 3.0], [3.0, NAN], [12.0, NAN]])


def on(days: list[str], calendar: Any = "XNYS", symbols: tuple[str, ...] = ("A",)) -> Bars:
    clock = pd.DatetimeIndex(days)
    close = pd.DataFrame({symbol: np.ones(len(clock)) for symbol in symbols}, index=clock)
    return Bars.from_close(close, calendar=calendar, periods_per_year=252)


# third Fridays of 2018 by any wall calendar; none of them was a holiday
THIRD_FRIDAYS = ["2018-01-19", "2018-02-16", "2018-03-16", "2018-04-20", "2018-05-18", "2018-06-15", "2018-07-20",
                 "2018-08-17", "2018-09-21", "2018-10-19", "2018-11-16", "2018-12-21"]  # fmt: skip


def test_options_expire_on_third_fridays() -> None:
    year = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2018-01-02", "2018-12-31")]
    left = SessionsToExpiry()(on(year))["A"]
    assert [f"{day:%Y-%m-%d}" for day in left.index[left == 0.0]] == THIRD_FRIDAYS
    quarterly = SessionsToExpiry(every=3)(on(year))["A"]
    assert [f"{day:%Y-%m-%d}" for day in left.index[quarterly == 0.0]] == THIRD_FRIDAYS[2::3]


def test_sessions_to_expiry_by_hand() -> None:
    # Monday the 15th of January 2018 was Martin Luther King day, so the 12th has the 16th to the 19th before it
    days = ["2018-01-11", "2018-01-12", "2018-01-16", "2018-01-18", "2018-01-19", "2018-01-22"]
    # from the 22nd of January to the 16th of February there are 19 more sessions
    np.testing.assert_array_equal(SessionsToExpiry()(on(days))["A"], [5.0, 4.0, 3.0, 1.0, 0.0, 19.0])


def test_an_expiry_on_good_friday_comes_the_day_before() -> None:
    # April 18, 2014 and March 21, 2008 were Good Fridays; options expired on the Thursdays
    # then 4 more sessions in the week after, and 5 in each of three weeks
    for thursday, monday in (("2014-04-17", "2014-04-21"), ("2008-03-20", "2008-03-24")):
        np.testing.assert_array_equal(SessionsToExpiry()(on([thursday, monday]))["A"], [0.0, 19.0])


def test_sessions_to_holiday_by_hand() -> None:
    # Thanksgiving on the 22nd of November 2018, Christmas on a Tuesday, the bank holidays of May in London
    days = ["2018-11-19", "2018-11-20", "2018-11-21", "2018-11-23", "2018-12-24", "2018-12-26"]
    # from the 23rd of November to the 24th of December lie 20 sessions and the closing for a funeral on the 5th
    np.testing.assert_array_equal(SessionsToHoliday()(on(days))["A"], [2.0, 1.0, 0.0, 21.0, 0.0, 3.0])
    london = SessionsToHoliday()(on(["2018-05-03", "2018-05-04", "2018-05-08", "2018-05-25"], "XLON"))["A"]
    np.testing.assert_array_equal(london, [1.0, 0.0, 13.0, 0.0])


def test_holidays_that_a_calendar_lists_one_by_one_count() -> None:
    # the Shanghai exchange closed on the 24th of September and from the 1st to the 5th of October 2018
    days = ["2018-09-21", "2018-09-25", "2018-09-27", "2018-09-28"]
    np.testing.assert_array_equal(SessionsToHoliday()(on(days, "XSHG"))["A"], [0.0, 3.0, 1.0, 0.0])


def test_nobody_knew_of_an_unscheduled_closing() -> None:
    # New York closed from the 11th to the 14th of September 2001; the next holiday known was Thanksgiving
    days = ["2001-09-10", "2001-09-17"]
    assert SessionsToHoliday()(on(days))["A"].iloc[0] == 52.0  # the weekdays from September 11 to November 21
    assert SessionsToExpiry()(on(days))["A"].iloc[0] == 9.0  # September 21, with the four days that fell out


def test_the_turn_of_the_month_by_hand() -> None:
    # August 2018 ended on a Friday, and Labor Day was the 3rd of September
    days = ["2018-08-30", "2018-08-31", "2018-09-04", "2018-09-05", "2018-09-06", "2018-09-07"]
    np.testing.assert_array_equal(TurnOfMonth()(on(days))["A"], [0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(TurnOfMonth(2, 1)(on(days))["A"], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(TurnOfMonth(0, 2)(on(days))["A"], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])


def test_each_symbol_has_its_own_exchange() -> None:
    # the 4th of July 2018 was a Wednesday; London's next holiday was the 27th of August
    days = ["2018-07-02", "2018-07-03", "2018-07-05"]
    bars = on(days, {"A": "XNYS", "B": "XLON"}, ("A", "B"))
    np.testing.assert_array_equal(SessionsToHoliday()(bars).iloc[:2], [[1.0, 39.0], [0.0, 38.0]])
    np.testing.assert_array_equal(SessionsToHoliday(calendar="XNYS")(bars)["B"].iloc[:2], [1.0, 0.0])


def test_an_intraday_bar_belongs_to_its_session() -> None:
    clock = pd.DatetimeIndex(["2018-11-21 14:30", "2018-11-21 20:30", "2018-11-23 14:30"], tz="UTC")
    close = pd.DataFrame({"A": [1.0, 1.0, 1.0]}, index=clock)
    bars = Bars.from_close(close, calendar="XNYS", periods_per_year=252)
    np.testing.assert_array_equal(SessionsToHoliday()(bars)["A"], [0.0, 0.0, 21.0])


@pytest.mark.parametrize(
    ("feature", "calendar", "message"),
    [
        (TurnOfMonth(), None, "feature TurnOfMonth(): bars of TurnOfMonth must have a calendar; got None. "
                              "Give them one, or write TurnOfMonth(calendar='XNYS')."),
        (SessionsToHoliday(), "24/7", "feature SessionsToHoliday(): the calendar of SessionsToHoliday must know a "
                                      "holiday after 2018-01-03 (24/7 ends on "),
        (SessionsToExpiry(calendar="XNSY"), None, "feature SessionsToExpiry(calendar='XNSY'): calendar must name an "
                                                  "exchange; got 'XNSY'. Did you mean 'XNYS'?"),
    ],
)  # fmt: skip
def test_calendars_that_do_not_tell(feature: Any, calendar: str | None, message: str) -> None:
    with pytest.raises(FeatureError) as caught:
        build_features([feature], on(["2018-01-02", "2018-01-03"], calendar))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("feature", [TurnOfMonth(), SessionsToHoliday(), SessionsToExpiry()], ids=str)
def test_the_end_of_the_published_calendar_is_told(feature: Any) -> None:
    with pytest.raises(FeatureError, match=r"must know (the whole month|a holiday|an expiry).*XNYS (ends on|has no)"):
        build_features([feature], on(["2018-01-02", "2093-01-05"]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TurnOfMonth(-1), "TurnOfMonth.before must be at least 0; got -1."),
        (lambda: TurnOfMonth(0, 0), "TurnOfMonth.after must be at least 1 where before is 0; got 0."),
        (lambda: SessionsToExpiry(5), "SessionsToExpiry.every must divide 12; got 5."),
    ],
)
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
