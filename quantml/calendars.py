"""Sessions and trading hours of exchanges, and how many bars a year has."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import DataError, did_you_mean

RESOLUTION: Final = "us"
"""Unit of every clock in the package, so that indexes from different sources join."""

REFERENCE: Final = (2000, 2019)
"""First and last of the years that a calendar's sessions are counted over. They are the same for all data, so that
new bars change no annualised number that was seen before."""

Calendar = str | Mapping[str, str]
"""ISO 10383 code of an exchange, or a mapping from symbols to the code of each."""

DAY: Final = pd.Timedelta("1D")
_USUAL: Final = ((0.9, 1.9, 252.0), (6.0, 8.0, 52.0), (26.0, 33.0, 12.0), (88.0, 94.0, 4.0), (360.0, 370.0, 1.0))


def infer_periods_per_year(clock: pd.DatetimeIndex) -> float:
    """Read the usual number of periods per year off the spacing of a clock.

    Daily sessions give 252 (365 where weekends trade), weeks 52, months 12, quarters 4 and years 1.

    Raises
    ------
    DataError
        If the median spacing is none of these, as on intraday clocks.
    """
    days = _median_spacing(clock) / DAY
    for low, high, periods in _USUAL:
        if low <= days <= high:
            trades_weekends = periods == 252 and bool(np.any(clock.day_of_week >= 5))
            return 365.0 if trades_weekends else periods
    hint = "Say how many such periods a year has, or name the exchange of intraday bars."
    raise DataError("periods_per_year", must="be given for this clock", got=f"a bar every {days:.3g} days", hint=hint)


def periods_per_year(clock: pd.DatetimeIndex, calendar: Calendar | None) -> float:
    """Count the bars that a year has on the calendar of an exchange.

    - Daily bars: `sessions_per_year`, of the sessions of any exchange where there are several.
    - Intraday bars, as long as the clock's most common step: the mean number in a session of the years 2000 to 2019,
      early closes and session breaks included, times `sessions_per_year`.
    - Slower bars, and where there is no calendar: `infer_periods_per_year`.

    Raises
    ------
    DataError
        If the clock has fewer than two rows, an exchange is unknown or keeps no record of a year up to 2019, or the
        bars are intraday and have no calendar or several.
    """
    spacing = _median_spacing(clock)
    if calendar is None or spacing > 1.9 * DAY:
        return infer_periods_per_year(clock)
    if spacing > 0.9 * DAY:
        return sessions_per_year(calendar)
    if not isinstance(calendar, str):
        rule = "be given for intraday bars of several exchanges"
        raise DataError("periods_per_year", must=rule, got=describe(calendar))
    hours = _in_reference_years(calendar)
    return float(round(hours.bars(bar_length(clock)) / len(hours.sessions) * sessions_per_year(calendar)))


def read_periods(clock: pd.DatetimeIndex, calendar: Calendar | None, given: float | None) -> float:
    """Check the periods per year that were given, or count them as `periods_per_year` does."""
    periods = periods_per_year(clock, calendar) if given is None else given
    if not (np.isfinite(periods) and periods > 0):
        raise DataError("periods_per_year", must="be a positive number", got=given)
    return float(periods)


def own_periods_per_year(
    clock: pd.DatetimeIndex, symbols: Sequence[str], calendar: Calendar | None, periods: float
) -> NDArray[np.float64]:
    """Count the bars that each symbol has in a year, shape (N,).

    They are those of its own exchange where each symbol has one, as `periods_per_year` counts them, and else those of
    the clock, `periods`.
    """
    if calendar is None or isinstance(calendar, str) or is_slow(clock):
        return np.full(len(symbols), periods)
    known = {name: periods_per_year(clock, name) for name in set(calendar.values())}
    return np.array([known[calendar[symbol]] for symbol in symbols])


def closed_rows(clock: pd.DatetimeIndex, symbols: Sequence[str], calendar: Calendar | None) -> NDArray[np.bool_]:
    """Say where the own exchange of a symbol has no session, shape (T, N); nowhere unless each symbol has one."""
    closed = np.zeros((len(clock), len(symbols)), dtype=np.bool_)
    if calendar is not None and not isinstance(calendar, str):
        known = {name: ~open_rows(clock, name) for name in set(calendar.values())}
        closed[:] = np.column_stack([known[calendar[symbol]] for symbol in symbols])
    return closed


def sessions_per_year(calendar: Calendar) -> float:
    """Mean number of sessions in the years 2000 to 2019, rounded; a later beginning of the calendar is allowed for.

    With several exchanges, a day counts on which any of them has a session.

    Examples
    --------
    >>> sessions_per_year("XNYS"), sessions_per_year("24/7"), sessions_per_year({"A": "XNYS", "B": "XLON"})
    (252.0, 365.0, 257.0)
    """
    listed = [_in_reference_years(name).sessions for name in sorted(set(_names(calendar)))]
    first = max(days[0].year for days in listed)
    union = pd.DatetimeIndex(np.unique(np.concatenate([days[days.year >= first].to_numpy() for days in listed])))
    return float(round(len(union) / (REFERENCE[1] - first + 1)))


def sessions(calendar: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DatetimeIndex:
    """List the sessions of an exchange (ISO 10383 code, such as ``"XNYS"``) from `start` to `end`.

    There are none before the calendar's first known year, nor after its last.
    """
    listed = _hours(calendar, min(start.year - 1, REFERENCE[0])).sessions
    return listed[(listed >= start) & (listed <= end)]


def planned_sessions(calendar: str, since: pd.Timestamp) -> pd.DatetimeIndex:
    """List the days from `since` on that an exchange's rules make sessions, to the end of the published calendar.

    Closures that a calendar lists one by one are in: nobody knew in advance of September 11, 2001 or of a president's
    funeral. In some Asian calendars the lunar holidays are listed so, and count as sessions too.

    Examples
    --------
    >>> days = planned_sessions("XNYS", pd.Timestamp("2012-10-26"))  # Sandy closed New York on the 29th and the 30th
    >>> [f"{day:%m-%d}" for day in days[:4]]
    ['10-26', '10-29', '10-30', '10-31']
    """
    listed = _planned(calendar, min(since.year - 1, REFERENCE[0]))
    return listed[listed >= since]


def session_days(clock: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    """Return the day that each row belongs to: itself, or for an intraday bar the session that opened last."""
    if clock.tz is None:
        return clock
    hours = _hours_of(clock, calendar)
    latest = np.searchsorted(hours.opens, clock.as_unit(RESOLUTION).asi8, side="right") - 1
    return hours.sessions[np.maximum(latest, 0)]


def missing_sessions(clock: pd.DatetimeIndex, calendar: Calendar) -> pd.DatetimeIndex:
    """List the sessions between a clock's ends on which it has no bar.

    An intraday bar belongs to the session that opened last. With several exchanges, the sessions of any of them
    count. On a clock slower than daily nothing is missing.
    """
    if is_slow(clock):
        return clock[:0]
    missing = [_missing(clock, name) for name in sorted(set(_names(calendar)))]
    return pd.DatetimeIndex(np.unique(np.concatenate([days.to_numpy() for days in missing]))).as_unit(RESOLUTION)


def next_session(calendar: Calendar, last: pd.Timestamp, *, step: pd.Timedelta = DAY) -> pd.Timestamp | None:
    """Return the session that the bar after `last` belongs to, or None past the end of the published calendar.

    Parameters
    ----------
    calendar : str or mapping
        With several exchanges, the first session of any of them.
    last : Timestamp
        A session, tz-naive; or the beginning of an intraday bar, in UTC.
    step : Timedelta
        Length of an intraday bar.
    """
    found = [session for name in set(_names(calendar)) if (session := _next_session(name, last, step)) is not None]
    return min(found, default=None)


def open_rows(clock: pd.DatetimeIndex, calendar: str) -> NDArray[np.bool_]:
    """Say on which rows of a clock an exchange trades; on every row of a clock slower than daily. Shape (T,)."""
    if is_slow(clock):
        return np.ones(len(clock), dtype=np.bool_)
    hours = _hours_of(clock, calendar)
    if clock.tz is None:
        return np.asarray(clock.isin(hours.sessions), dtype=np.bool_)
    return hours.trades_at(clock.as_unit(RESOLUTION).asi8)


def describe(calendar: Calendar | None) -> str | None:
    """Write a calendar in words, such as ``XNYS`` or ``XLON (VOD.L), XNYS (AAPL, MSFT)``."""
    if calendar is None or isinstance(calendar, str):
        return calendar
    listed = {name: [symbol for symbol in calendar if calendar[symbol] == name] for name in calendar.values()}
    return ", ".join(f"{name} ({', '.join(listed[name])})" for name in sorted(listed))


def bar_length(clock: pd.DatetimeIndex) -> pd.Timedelta:
    """Return the most common step of a clock; of equally common ones the shortest."""
    steps, counts = np.unique(np.diff(clock.as_unit(RESOLUTION).asi8), return_counts=True)
    return pd.Timedelta(int(steps[np.argmax(counts)]), unit=RESOLUTION)


def is_slow(clock: pd.DatetimeIndex) -> bool:
    """Say whether a clock is slower than sessions: its most common step is longer than a long weekend."""
    return len(clock) > 4 and bar_length(clock) > 4 * DAY  # a few rows may hold a long weekend and nothing else


# ---------------------------------------------------------------------- a clock


def _median_spacing(clock: pd.DatetimeIndex) -> pd.Timedelta:
    if len(clock) < 2:
        raise DataError("periods_per_year", must="be given for a clock of fewer than two rows", got=len(clock))
    return pd.Timedelta(float(np.median(np.diff(clock.as_unit(RESOLUTION).asi8))), unit=RESOLUTION)


# ------------------------------------------------------------------ an exchange


@dataclass(frozen=True)
class _Hours:
    """When an exchange trades: its sessions, and per session its hours and its break in microseconds, UTC.

    Without a break, the break's ends are both the close.
    """

    sessions: pd.DatetimeIndex
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    break_starts: NDArray[np.int64]
    break_ends: NDArray[np.int64]

    @classmethod
    def of(cls, calendar: Any) -> _Hours:
        schedule = calendar.schedule
        closes = schedule["close"]
        ends = (schedule["open"], closes, schedule["break_start"].fillna(closes), schedule["break_end"].fillna(closes))
        return cls(
            pd.DatetimeIndex(schedule.index, freq=None, name=None).as_unit(RESOLUTION),
            *(pd.DatetimeIndex(column).as_unit(RESOLUTION).asi8 for column in ends),
        )

    def between(self, first: int, last: int) -> _Hours:
        """Keep the sessions of the years `first` to `last`."""
        kept = (self.sessions.year >= first) & (self.sessions.year <= last)
        arrays = (self.opens, self.closes, self.break_starts, self.break_ends)
        return _Hours(self.sessions[kept], *(values[kept] for values in arrays))

    def bars(self, length: pd.Timedelta) -> int:
        """Count the bars of a length; each part of a session ends with one that may be shorter."""
        step = length // pd.Timedelta(1, unit=RESOLUTION)
        parts = (self.break_starts - self.opens, self.closes - self.break_ends)
        return int(sum(np.sum(-(-part // step)) for part in parts))

    def trades_at(self, moments: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say whether a session is on; its ends belong to it, what lies inside its break does not."""
        session = np.searchsorted(self.opens, moments, side="right") - 1
        at = np.maximum(session, 0)
        rests = (moments > self.break_starts[at]) & (moments < self.break_ends[at])
        return np.asarray((session >= 0) & (moments <= self.closes[at]) & ~rests, dtype=np.bool_)


def _names(calendar: Calendar) -> list[str]:
    return [calendar] if isinstance(calendar, str) else list(calendar.values())


def _missing(clock: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    if clock.tz is None:
        return sessions(calendar, clock[0], clock[-1]).difference(clock)
    hours = _hours_of(clock, calendar)
    seen = np.searchsorted(hours.opens, clock.as_unit(RESOLUTION).asi8, side="right") - 1
    return hours.sessions[np.setdiff1d(np.arange(max(int(seen[0]), 0), int(seen[-1]) + 1), seen)]


def _next_session(calendar: str, last: pd.Timestamp, step: pd.Timedelta) -> pd.Timestamp | None:
    hours = _hours(calendar, min(last.year - 1, REFERENCE[0]))
    if last.tz is None:
        later = int(np.searchsorted(hours.sessions, last, side="right"))
    else:
        later = int(
            np.searchsorted(hours.closes, (last + step).as_unit(RESOLUTION).asm8.astype(np.int64), side="right")
        )
    return hours.sessions[later] if later < len(hours.sessions) else None


def _hours_of(clock: pd.DatetimeIndex, calendar: str) -> _Hours:
    return _hours(calendar, min(clock[0].year - 1, REFERENCE[0]))


def _in_reference_years(calendar: str) -> _Hours:
    """Keep the whole years up to 2019 that a calendar knows."""
    hours = _hours(calendar, REFERENCE[0] - 1)
    first = hours.sessions[0]
    begins = first.year + (first.day_of_year > 10)  # it knows a year whole whose first days it knows
    kept = hours.between(max(begins, REFERENCE[0]), REFERENCE[1])
    if len(kept.sessions) == 0:
        rule = f"be given for bars of {calendar}"
        raise DataError("periods_per_year", must=rule, got=f"a calendar that begins on {first:%Y-%m-%d}")
    return kept


@lru_cache(maxsize=16)
def _hours(name: str, year: int) -> _Hours:
    """Read a calendar's hours from the beginning of a year, or from its own."""
    return _Hours.of(_published(name, year))


@lru_cache(maxsize=16)
def _planned(name: str, year: int) -> pd.DatetimeIndex:
    """Join a calendar's sessions and the closures that it lists one by one."""
    published = _published(name, year)
    held, rules = _hours(name, year).sessions, published.regular_holidays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        closures = pd.DatetimeIndex(published.adhoc_holidays).tz_localize(None)
        ruled = rules.holidays(held[0], held[-1]) if rules is not None else held[:0]
    due = closures[(closures > held[0]) & (closures < held[-1])].difference(ruled)
    due = held.union(due[[published.weekmask[day.day_of_week] == "1" for day in due]])
    return pd.DatetimeIndex(due, freq=None).as_unit(RESOLUTION)


def _published(name: str, year: int) -> Any:
    """Read a published calendar from the beginning of a year, or from its own."""
    import exchange_calendars

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # exchange_calendars has not followed pandas yet
            return _calendar(name, year)
    except exchange_calendars.errors.InvalidCalendarName as error:
        known = exchange_calendars.get_calendar_names()
        raise DataError("calendar", must="name an exchange", got=name, hint=did_you_mean(name, known)) from error
    except ValueError as error:
        text = str(error).partition("[")[0].strip()
        raise DataError("calendar", must="be usable in exchange_calendars", got=name, where=text) from error


def _calendar(name: str, year: int) -> Any:
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(name, start=f"{year}-01-01")
    except ValueError as error:
        if not str(error).startswith("The earliest date"):
            raise
    begins = exchange_calendars.get_calendar(name).bound_min()
    return exchange_calendars.get_calendar(name, start=begins)
