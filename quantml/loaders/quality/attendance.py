"""On which days a symbol has bars, beside the days on which its exchange was open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import is_slow, sessions

__all__ = ["Attendance", "Shift", "attend", "calendar_of", "local_days", "split_runs"]

DAY: Final = pd.Timedelta(days=1)
WEEK: Final = pd.Timedelta(days=7)
RARE_WEEKENDS: Final = 0.05
"""Share of bars on a weekday below which the market is taken to be closed on it: crypto has a seventh of its bars on
Sundays, and so (a fifth) has Tel Aviv."""
HOLIDAYS: Final = 3
"""Weekdays in a row that may be holidays where no calendar is given and no other symbol tells."""


class Shift(NamedTuple):
    """A block of bars whose dates are a day early (-1) or late (+1)."""

    first: pd.Timestamp
    last: pd.Timestamp
    days: int
    evidence: tuple[pd.Timestamp, pd.Timestamp]
    """One day with a bar on which the exchange was closed, and one session without a bar."""


@dataclass(frozen=True, eq=False)
class Attendance:
    """What is odd about the days on which one symbol has bars.

    Attributes
    ----------
    expected : DatetimeIndex
        Days on which it should have a bar, from its first to its last.
    missing, closed : DatetimeIndex
        Expected days without a bar, and days with one on which the exchange was closed; both without those that a
        shift explains.
    shifts : tuple of Shift
    """

    expected: pd.DatetimeIndex
    missing: pd.DatetimeIndex
    closed: pd.DatetimeIndex
    shifts: tuple[Shift, ...]


def attend(bars: Bars) -> Iterator[tuple[int, Attendance]]:
    """Compare the days of each symbol, by its column, with its exchange's calendar or with the other symbols.

    Without a calendar, a day is expected where more than half of at least two other living symbols have a bar, and
    where a market that trades every day has none; a weekday run longer than any holiday is missing in any case. Bars
    slower than daily are compared with the other symbols only.
    """
    days = local_days(bars.clock)
    slow = is_slow(bars.clock)
    told = _told_by_others(bars) if slow or bars.calendar is None else None
    for column in range(len(bars.symbols)):
        own = days[bars.traded[:, column]].unique()
        others = own[:0] if told is None else days[told[:, column]].unique()
        calendar = calendar_of(bars, column)
        if len(own) == 0:
            continue
        if slow:
            expected = own.union(others)
            yield column, Attendance(expected, expected.difference(own), own[:0], ())
        else:
            yield column, _beside_others(own, others) if calendar is None else _beside_calendar(own, calendar)


def calendar_of(bars: Bars, column: int) -> str | None:
    """Return the code of a symbol's exchange."""
    if bars.calendar is None or isinstance(bars.calendar, str):
        return bars.calendar
    return bars.calendar[bars.symbols[column]]


def _beside_calendar(own: pd.DatetimeIndex, calendar: str) -> Attendance:
    expected = sessions(calendar, own[0], own[-1])
    if len(expected) == 0:
        return Attendance(own, own[:0], own[:0], ())
    # A calendar knows nothing before its first year and after its last.
    own = own[(own >= expected[0] - WEEK) & (own <= expected[-1] + WEEK)]
    missing, closed = expected.difference(own), own.difference(expected)
    return _explained(expected, missing, closed, _events(missing, closed), own)


def _beside_others(own: pd.DatetimeIndex, others: pd.DatetimeIndex) -> Attendance:
    weekdays = _trading_weekdays(own)
    usual = pd.date_range(own[0], own[-1], unit=own.unit)
    usual = usual[weekdays[usual.day_of_week]]
    absent, closed = usual.difference(own), own[~weekdays[own.day_of_week]]
    missing = _beyond_holidays(absent, usual, 0 if weekdays.all() else HOLIDAYS).union(others.difference(own))
    return _explained(own.union(missing), missing, closed, _events(absent, closed), own)


def _explained(
    expected: pd.DatetimeIndex,
    missing: pd.DatetimeIndex,
    closed: pd.DatetimeIndex,
    events: list[tuple[pd.Timestamp, bool]],
    own: pd.DatetimeIndex,
) -> Attendance:
    shifts = tuple(_shifts(events, own))
    return Attendance(expected, _outside(missing, shifts), _outside(closed, shifts), shifts)


def local_days(clock: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Date each bar: sessions by themselves, intraday bars in UTC by the session of their exchange.

    The exchange's night is the longest stretch of the day without bars; the date changes in the middle of it, so that
    Sydney's bars of 23:00 UTC belong to the session of the next day.
    """
    if clock.tz is None:
        return clock
    naive = clock.tz_localize(None)
    of_day = np.unique((naive - naive.normalize()).to_numpy())
    ends = np.append(of_day, of_day[0] + DAY.to_timedelta64())
    gaps = np.diff(ends)
    longest = int(np.argmax(gaps))
    if gaps[longest] < 2 * gaps.min():  # no night
        return naive.normalize()
    middle = ends[longest] + (ends[longest + 1] - ends[longest]) // 2
    offset = -middle if middle <= np.timedelta64(12, "h") else DAY.to_timedelta64() - middle
    return (naive + pd.Timedelta(offset)).normalize()


def _told_by_others(bars: Bars) -> NDArray[np.bool_]:
    """Mark the rows of the clock on which the other symbols that live have bars, and so this one should."""
    traded = bars.traded
    alive = np.maximum.accumulate(traded) & np.maximum.accumulate(traded[::-1])[::-1]
    others_alive = alive.sum(axis=1, keepdims=True) - alive
    others = traded.sum(axis=1, keepdims=True) - traded
    return np.asarray(alive & (others_alive >= 2) & (2 * others > others_alive))


def _trading_weekdays(own: pd.DatetimeIndex) -> NDArray[np.bool_]:
    return np.asarray(np.bincount(own.day_of_week, minlength=7) / len(own) >= RARE_WEEKENDS)


def _beyond_holidays(absent: pd.DatetimeIndex, usual: pd.DatetimeIndex, most: int) -> pd.DatetimeIndex:
    """Keep the absent days in runs longer than `most` of the usual days."""
    runs = split_runs(absent, usual)
    kept = [day for run in runs if len(run) > most for day in run]
    return pd.DatetimeIndex(kept, dtype=usual.dtype)


def split_runs(days: pd.DatetimeIndex, among: pd.DatetimeIndex) -> list[pd.DatetimeIndex]:
    """Cut `days` into runs that are unbroken `among` the days that could be."""
    places = among.get_indexer(days)
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    return [days[part] for part in np.split(np.arange(len(days)), cuts) if len(part)]


def _outside(days: pd.DatetimeIndex, shifts: tuple[Shift, ...]) -> pd.DatetimeIndex:
    inside = np.zeros(len(days), dtype=np.bool_)
    for shift in shifts:
        inside |= np.asarray((days >= shift.first) & (days <= shift.last))
    return days[~inside]


def _events(missing: pd.DatetimeIndex, closed: pd.DatetimeIndex) -> list[tuple[pd.Timestamp, bool]]:
    """Order missing sessions (False) and bars on closed days (True) in time."""
    return sorted([(day, False) for day in missing] + [(day, True) for day in closed])


def _shifts(events: list[tuple[pd.Timestamp, bool]], own: pd.DatetimeIndex) -> Iterator[Shift]:
    """Find blocks whose dates moved by a day.

    Where sessions s to t follow each other between two closures, dates that are a day early put a bar on the closed
    day before s and none on t; a day late, none on s and a bar on the closed day after t. So through a shifted block
    the two kinds of event alternate, within a week of each other.
    """
    begin = 0
    for place in range(1, len(events) + 1):
        alternates = (
            place < len(events)
            and events[place][1] is not events[place - 1][1]
            and events[place][0] - events[place - 1][0] <= WEEK
        )
        if alternates:
            continue
        chain = events[begin:place]
        if len(chain) > 1 and (days := _direction(chain, own)):
            closed, missing = (next(day for day, kind in chain if kind is wanted) for wanted in (True, False))
            yield Shift(chain[0][0], chain[-1][0], days, (closed, missing))
        begin = place


def _direction(chain: list[tuple[pd.Timestamp, bool]], own: pd.DatetimeIndex) -> int:
    """Tell early (-1) from late (+1): a bar on a closed day has its week after it, or before it."""
    closed = [day for day, kind in chain if kind]
    votes = sum(int(day - DAY in own) - int(day + DAY in own) for day in closed)
    return int(np.sign(votes)) or (-1 if chain[0][1] else 1)
