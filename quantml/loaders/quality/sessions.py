"""Rules on days: sessions without bars, bars without sessions, and blocks of bars on the wrong day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.calendars import RESOLUTION, open_rows
from quantml.errors import check
from quantml.loaders.quality.attendance import Attendance, calendar_of, local_days, split_runs
from quantml.loaders.quality.findings import Finding, Severity, show_day
from quantml.loaders.quality.own_bars import OwnBars
from quantml.loaders.quality.rule import Rule

__all__ = [
    "EarlyEnd",
    "FutureBar",
    "HolidayBar",
    "LateStart",
    "MissingSession",
    "OutsideHours",
    "ShiftedDates",
    "ShiftedHours",
    "WeekendBar",
]

SATURDAY: Final = 5
END_OF_DAY: Final = pd.Timedelta(days=1) - pd.Timedelta(1, unit=RESOLUTION)
OTHER_CALENDAR: Final = 0.02
"""Share of missing sessions above which a symbol without a calendar is taken to keep another one than the rest."""
FEW: Final = 5
"""Gaps that are reported one by one in any case."""


@dataclass(frozen=True)
class MissingSession(Rule):
    """Sessions of the exchange's calendar, between a symbol's first and last bar, on which it has no bar.

    Bars without a calendar are compared with the other symbols: a session is missing where more than half of at
    least two others have a bar. A symbol that then misses more than 2 % of the sessions, in more than five gaps,
    evidently keeps other holidays, and gets one note. A gap of four weekdays and more is missing in any case. Monthly
    and slower bars are compared with the other symbols only.
    """

    name: ClassVar[str] = "missing session"
    marks_bars: ClassVar[bool] = False

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per unbroken run of missing sessions."""
        return [one for column, days in own.attendance for one in self._of(own.bars, column, days)]

    def _of(self, bars: Bars, column: int, days: Attendance) -> Iterator[Finding]:
        share = len(days.missing) / len(days.expected)
        runs = split_runs(days.missing, days.expected)
        calendar = calendar_of(bars, column)
        if calendar is None and share > OTHER_CALENDAR and len(runs) > FEW:
            evidence = (
                f"No bar on {len(days.missing)} of {len(days.expected)} days on which most others trade: it keeps"
                " another calendar than they do, or much is missing."
            )
            yield self._finding(bars, column, days.missing, evidence, Severity.NOTE)
            return
        told = f"sessions of {calendar}" if calendar else "sessions"
        for run in runs:
            count = f"{len(run)} {told}" if len(run) > 1 else f"a {told.replace('sessions', 'session', 1)}"
            yield self._finding(bars, column, run, f"No bar on {count}.", self.severity)

    def _finding(self, bars: Bars, column: int, days: pd.DatetimeIndex, evidence: str, severity: Severity) -> Finding:
        first, last = days[[0, -1]].tz_localize(bars.clock.tz)
        last = last if bars.clock.tz is None else last + END_OF_DAY
        return Finding(
            symbol=bars.symbols[column],
            date=first,
            until=last,
            rule=self.name,
            severity=severity,
            evidence=evidence,
        )


@dataclass(frozen=True)
class _ClosedDay(Rule):
    """Base of the rules on bars of days on which the exchange was closed."""

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per day."""
        days = local_days(own.bars.clock)
        return [
            _on_days(self, own, days, column, day, day, self._evidence(calendar_of(own.bars, column), day))
            for column, attendance in own.attendance
            for day in attendance.closed
            if (day.day_of_week >= SATURDAY) is self._weekend
        ]

    _weekend: ClassVar[bool]

    @staticmethod
    def _evidence(calendar: str | None, day: pd.Timestamp) -> str:
        return f"A bar on a {day:%A} on which {calendar or 'the market'} is closed."


@dataclass(frozen=True)
class WeekendBar(_ClosedDay):
    """A bar on a Saturday or Sunday on which the exchange is closed.

    Without a calendar, on a day of the week that has fewer than one in twenty of the symbol's bars.
    """

    name: ClassVar[str] = "weekend bar"
    _weekend: ClassVar[bool] = True


@dataclass(frozen=True)
class HolidayBar(_ClosedDay):
    """A bar on a weekday on which the exchange is closed, told by its calendar."""

    name: ClassVar[str] = "holiday bar"
    _weekend: ClassVar[bool] = False


@dataclass(frozen=True)
class ShiftedDates(Rule):
    """A block of daily bars stamped a day early or late, as a time zone lost on the way does it.

    The exchange is closed on the first (or last) day of each shifted week and has no bar on its last (first) session.
    A block that spans no closure cannot be seen. What the shift explains is not reported again as a missing session
    or weekend bar.
    """

    name: ClassVar[str] = "shifted dates"

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per block."""
        if own.bars.clock.tz is not None:
            return []
        found = []
        for column, attendance in own.attendance:
            for shift in attendance.shifts:
                way, (closed, missing) = "early" if shift.days < 0 else "late", shift.evidence
                evidence = (
                    f"Bars look stamped a day {way}: one on {closed:%A}, {show_day(closed)}, a closed day, and none on"
                    f" {missing:%A}, {show_day(missing)}, a session."
                )
                found.append(_on_days(self, own, own.bars.clock, column, shift.first, shift.last, evidence))
        return found


def _on_days(
    rule: Rule, own: OwnBars, days: pd.DatetimeIndex, column: int, first: pd.Timestamp, last: pd.Timestamp, text: str
) -> Finding:
    """Make a finding on the symbol's bars of the days from `first` to `last`."""
    inside = days[own.rows[own.exists[:, column], column]]
    begin, end = int(inside.searchsorted(first)), int(inside.searchsorted(last, side="right")) - 1
    return rule.report(own, column, begin, end, text)


@dataclass(frozen=True)
class ShiftedHours(Rule):
    """A block of sessions whose intraday bars all come at other hours than before and after.

    First and last bar of the session move by the same amount, and back within `sessions`: fewer than between two
    changes to or from daylight saving time.
    """

    name: ClassVar[str] = "shifted hours"
    sessions: int = 60

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(1 <= self.sessions <= 60, "ShiftedHours.sessions", "be from 1 to 60", self.sessions)

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per block."""
        if own.bars.clock.tz is None:
            return []
        days = local_days(own.bars.clock)
        return [one for column in range(len(own.symbols)) for one in self._of(own, column, days)]

    def _of(self, own: OwnBars, column: int, days: pd.DatetimeIndex) -> Iterator[Finding]:
        rows = own.rows[own.exists[:, column], column]
        times = pd.Series(own.bars.clock[rows].tz_localize(None) - days[rows])
        hours = times.groupby(days[rows]).agg(["min", "max"])
        change = hours.diff().iloc[1:]
        moved = change[(change["min"] == change["max"]) & (change["min"] != pd.Timedelta(0))]["min"]
        place = hours.index.get_indexer(moved.index)
        taken = -1
        for one in range(len(moved) - 1):
            back = moved.iloc[one + 1] == -moved.iloc[one]
            if one > taken and back and place[one + 1] - place[one] <= self.sessions:
                taken = one + 1
                first, last = hours.index[place[one]], hours.index[place[one + 1] - 1]
                minutes = moved.iloc[one].total_seconds() / 60
                text = f"Sessions begin and end {abs(minutes):g} minutes {'later' if minutes > 0 else 'earlier'}."
                yield _on_days(self, own, days, column, first, last, text)


@dataclass(frozen=True)
class OutsideHours(Rule):
    """Intraday bars at which the exchange, by its calendar, does not trade: local time taken for UTC, or early trading.

    Days on which it is closed altogether are left to `WeekendBar` and `HolidayBar`.
    """

    name: ClassVar[str] = "outside hours"

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per unbroken run of days with such bars."""
        if own.bars.clock.tz is None:
            return []
        return [one for column, attendance in own.attendance for one in self._of(own, column, attendance)]

    def _of(self, own: OwnBars, column: int, attendance: Attendance) -> Iterator[Finding]:
        calendar = calendar_of(own.bars, column)
        if calendar is None:
            return
        days = local_days(own.bars.clock)
        rows = own.rows[own.exists[:, column], column]
        outside = ~open_rows(own.bars.clock, calendar)[rows] & ~days[rows].isin(attendance.closed)
        for run in split_runs(days[rows][outside].unique(), days[rows].unique()):
            inside = np.asarray((days[rows] >= run[0]) & (days[rows] <= run[-1]))
            text = f"{int((outside & inside).sum())} of {int(inside.sum())} bars are outside the hours of {calendar}."
            yield _on_days(self, own, days, column, run[0], run[-1], text)


@dataclass(frozen=True)
class LateStart(Rule):
    """A symbol whose first bar comes more than `sessions` rows after the panel's: it was listed later, or cut."""

    name: ClassVar[str] = "late start"
    severity: ClassVar[Severity] = Severity.NOTE
    marks_bars: ClassVar[bool] = False
    sessions: int = 5

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per such symbol."""
        first = np.argmax(own.bars.traded, axis=0)
        start = show_day(own.bars.clock[0])
        return [
            self.report(own, n, 0, 0, f"The first bar comes {first[n]} sessions after the panel's, {start}.")
            for n in np.flatnonzero(first > self.sessions).tolist()
        ]


@dataclass(frozen=True)
class EarlyEnd(Rule):
    """A symbol whose last bar comes more than `sessions` rows before the panel's: delisted, or no longer fetched."""

    name: ClassVar[str] = "early end"
    severity: ClassVar[Severity] = Severity.NOTE
    marks_bars: ClassVar[bool] = False
    sessions: int = 5

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per such symbol."""
        left = np.argmax(own.bars.traded[::-1], axis=0)
        count = own.exists.sum(axis=0) - 1
        end = show_day(own.bars.clock[-1])
        return [
            self.report(own, n, count[n], count[n], f"The last bar comes {left[n]} sessions before the panel's, {end}.")
            for n in np.flatnonzero(left > self.sessions).tolist()
        ]


@dataclass(frozen=True)
class FutureBar(Rule):
    """Bars later than `after`, the time at which the data were fetched."""

    after: pd.Timestamp
    name: ClassVar[str] = "future bar"
    severity: ClassVar[Severity] = Severity.ERROR

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per symbol with such bars."""
        zone = own.bars.clock.tz
        after = self.after.tz_localize(zone) if self.after.tz is None else self.after.tz_convert(zone)
        early = own.bars.clock.searchsorted(after, side="right")
        late = (own.rows >= early).argmax(axis=0)
        count = own.exists.sum(axis=0)
        return [
            self.report(own, n, late[n], count[n] - 1, f"{count[n] - late[n]} bars after {show_day(self.after)}.")
            for n in np.flatnonzero((own.rows >= early).any(axis=0)).tolist()
        ]
