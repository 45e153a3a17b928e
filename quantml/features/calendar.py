"""Features of the date itself, known before any price.

What an exchange's calendar says of later days was known too, as far as its rules say it: closures that it lists one by
one, such as the days after September 11, 2001, are taken for sessions (`quantml.calendars.planned_sessions`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import RESOLUTION, planned_sessions, session_days, sessions
from quantml.errors import FeatureError, ParameterError, check
from quantml.features.own_bars import check_count, on_panel
from quantml.space import Declaration

__all__ = ["DayOfWeek", "Month", "SessionsToExpiry", "SessionsToHoliday", "TurnOfMonth"]

MARGIN: Final = pd.Timedelta("40D")
"""How long before the first bar planned sessions are read, so that its month is whole."""


@dataclass(frozen=True)
class DayOfWeek(Declaration):
    """Day of the week of each bar: 0.0 on Monday to 6.0 on Sunday (in UTC for intraday bars); NaN where no bar is."""

    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Read the days off the clock, time x symbol."""
        return _where_traded(bars.clock.day_of_week, bars)


@dataclass(frozen=True)
class Month(Declaration):
    """Month of each bar: 1.0 in January to 12.0 in December (in UTC for intraday bars); NaN where no bar is."""

    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Read the months off the clock, time x symbol."""
        return _where_traded(bars.clock.month, bars)


def _where_traded(numbers: pd.Index, bars: Bars) -> pd.DataFrame:
    return on_panel(np.where(bars.traded, numbers.to_numpy(dtype=np.float64)[:, None], np.nan), bars)


@dataclass(frozen=True)
class _Scheduled(Declaration, ABC):
    calendar: str | None = field(default=None, kw_only=True)
    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Read the number off the exchange's calendar, time x symbol; NaN where a symbol has no bar."""
        exchanges = self._exchanges(bars)
        known = {exchange: self._on_exchange(bars.clock, exchange) for exchange in dict.fromkeys(exchanges)}
        values = np.column_stack([known[exchange] for exchange in exchanges])
        return on_panel(np.where(bars.traded, values, np.nan), bars)

    def _exchanges(self, bars: Bars) -> list[str]:
        given = bars.calendar if self.calendar is None else self.calendar
        if given is None:
            hint = f"Give them one, or write {type(self).__name__}(calendar='XNYS')."
            raise FeatureError(f"bars of {type(self).__name__}", must="have a calendar", got=None, hint=hint)
        return [given if isinstance(given, str) else given[symbol] for symbol in bars.symbols]

    def _on_exchange(self, clock: pd.DatetimeIndex, exchange: str) -> NDArray[np.float64]:
        if len(clock) == 0:
            return np.empty(0)
        days = session_days(clock, exchange).as_unit(RESOLUTION)
        return self._count(days, planned_sessions(exchange, days[0] - MARGIN), exchange)

    @abstractmethod
    def _count(self, days: pd.DatetimeIndex, planned: pd.DatetimeIndex, exchange: str) -> NDArray[np.float64]:
        """Count, on each of `days`, along an exchange's planned sessions."""

    def _check_reach(self, reached: bool, planned: pd.DatetimeIndex, what: str, exchange: str) -> None:
        if not reached:
            where = f"{exchange} ends on {planned[-1]:%Y-%m-%d}" if len(planned) else f"{exchange} has no sessions"
            raise FeatureError(f"the calendar of {type(self).__name__}", must=f"know {what}", where=where)


@dataclass(frozen=True)
class TurnOfMonth(_Scheduled):
    """1.0 on the last `before` and the first `after` sessions of a month, 0.0 on all others.

    The defaults are the four days on which Lakonishok and Smidt (1988, Review of Financial Studies 1, p. 403) find the
    whole rise of the Dow Jones index.

    Parameters
    ----------
    before, after : int
        Sessions, at least 0, and not both 0.
    calendar : str, optional
        ISO 10383 code of an exchange, instead of the bars' own.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars without a calendar, or past the end of the published one.
    """

    before: int = 1
    after: int = 3

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "before", 0)
        check_count(self, "after", 0)
        check(self.before + self.after > 0, "TurnOfMonth.after", "be at least 1 where before is 0", self.after)

    def _count(self, days: pd.DatetimeIndex, planned: pd.DatetimeIndex, exchange: str) -> NDArray[np.float64]:
        begins = (days - pd.to_timedelta(days.day - 1, unit="D")).as_unit(RESOLUTION)
        ends = (begins + pd.offsets.MonthBegin(1)).as_unit(RESOLUTION)
        reached = len(planned) > 0 and bool(planned[-1] >= ends[-1] - pd.Timedelta("1D"))
        self._check_reach(reached, planned, f"the whole month of {days[-1]:%Y-%m-%d}", exchange)
        from_begin = planned.searchsorted(days, side="right") - planned.searchsorted(begins, side="left")
        to_end = planned.searchsorted(ends, side="left") - planned.searchsorted(days, side="left")
        return np.asarray((from_begin <= self.after) | (to_end <= self.before), dtype=np.float64)


@dataclass(frozen=True)
class SessionsToHoliday(_Scheduled):
    """How many sessions come before the exchange's next holiday; 0.0 on the last session before it.

    A holiday is a day without a session on a weekday that has one in most weeks of the year, such as Thanksgiving; a
    weekend is none. Calendars without any rule for holidays (XSHG, XBOM) list each closure by itself, with no word on
    when it was announced: there all of them count as known, since those exchanges publish their year before it begins.

    Parameters
    ----------
    calendar : str, optional
        ISO 10383 code of an exchange, instead of the bars' own.

    Raises
    ------
    FeatureError
        When called on bars without a calendar, past the end of the published one, or where its rules have no holidays.
    """

    def _count(self, days: pd.DatetimeIndex, planned: pd.DatetimeIndex, exchange: str) -> NDArray[np.float64]:
        holidays = _holidays(planned)
        if len(planned) and holidays.empty:
            planned = sessions(exchange, planned[0], planned[-1])
            holidays = _holidays(planned)
        place = holidays.searchsorted(days, side="right")
        self._check_reach(bool(place[-1] < len(holidays)), planned, f"a holiday after {days[-1]:%Y-%m-%d}", exchange)
        left = planned.searchsorted(holidays[place], side="left") - planned.searchsorted(days, side="right")
        return np.asarray(left, dtype=np.float64)


@dataclass(frozen=True)
class SessionsToExpiry(_Scheduled):
    """How many sessions come until the next monthly expiry of options, itself included; 0.0 on the day of expiry.

    Options expire on the third Friday of a month, or on the session before it where that is a holiday.

    Parameters
    ----------
    every : int
        In which months: 1 for all of them, 3 for March, June, September and December, when futures expire too.
    calendar : str, optional
        ISO 10383 code of an exchange, instead of the bars' own.

    Raises
    ------
    ParameterError
        If `every` does not divide 12.
    FeatureError
        When called on bars without a calendar, or past the end of the published one.
    """

    every: int = 1

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "every", 1)
        if 12 % self.every:
            raise ParameterError("SessionsToExpiry.every", must="divide 12", got=self.every)

    def _count(self, days: pd.DatetimeIndex, planned: pd.DatetimeIndex, exchange: str) -> NDArray[np.float64]:
        fridays = _third_fridays(days[0], days[-1], self.every)
        place = planned.searchsorted(fridays, side="right") - 1
        expiries = planned[np.maximum(place, 0)]
        following = expiries.searchsorted(days, side="left")
        reached = bool(following[-1] < len(expiries)) and planned[-1] >= fridays[following[-1]]
        self._check_reach(reached, planned, f"an expiry after {days[-1]:%Y-%m-%d}", exchange)
        left = planned.searchsorted(expiries[following], side="right") - planned.searchsorted(days, side="right")
        return np.asarray(left, dtype=np.float64)


def _third_fridays(first: pd.Timestamp, last: pd.Timestamp, every: int) -> pd.DatetimeIndex:
    """List third Fridays from the month of `first` to a year after `last`."""
    months = pd.date_range(first - pd.Timedelta(days=first.day - 1), last + pd.Timedelta("366D"), freq="MS")
    months = months[months.month % every == 0]
    return (months + pd.to_timedelta((4 - months.day_of_week) % 7 + 14, unit="D")).as_unit(RESOLUTION)


def _holidays(planned: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """List the days without a session whose weekday has sessions in most weeks of the year."""
    if len(planned) == 0:
        return planned  # past the end of the calendar
    days = pd.date_range(planned[0], planned[-1], freq="D").as_unit(RESOLUTION)
    held = pd.Series(days.isin(planned), index=days)
    usual = held.groupby([days.year, days.day_of_week]).transform("mean") > 0.5
    return pd.DatetimeIndex(days[(usual & ~held).to_numpy()], freq=None)
