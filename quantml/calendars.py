"""Sessions of an exchange, periods per year, and the session after the last one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import DataError, did_you_mean

RESOLUTION: Final = "us"
"""Unit of every clock in the package, so that indexes from different sources join."""

_USUAL: Final = ((0.9, 1.9, 252.0), (6.0, 8.0, 52.0), (26.0, 33.0, 12.0), (88.0, 94.0, 4.0), (360.0, 370.0, 1.0))


def infer_periods_per_year(clock: pd.DatetimeIndex) -> float:
    """Read the usual number of periods per year off the spacing of a clock.

    Daily sessions give 252 (365 where weekends trade), weeks 52, months 12, quarters 4 and years 1.

    Raises
    ------
    DataError
        If the median spacing is none of these, as on intraday clocks.
    """
    if len(clock) < 2:
        raise DataError("periods_per_year", must="be given for a clock of fewer than two rows", got=len(clock))
    days = float(np.median(np.diff(clock.to_numpy()) / np.timedelta64(1, "s"))) / 86_400
    for low, high, periods in _USUAL:
        if low <= days <= high:
            trades_weekends = periods == 252 and bool(np.any(clock.day_of_week >= 5))
            return 365.0 if trades_weekends else periods
    hint = "Say how many such periods a year has."
    raise DataError("periods_per_year", must="be given for this clock", got=f"a bar every {days:.3g} days", hint=hint)


@lru_cache(maxsize=8)
def _calendar(name: str, start: str) -> Any:
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(name, start=start)
    except exchange_calendars.errors.InvalidCalendarName as error:
        known = exchange_calendars.get_calendar_names()
        raise DataError("calendar", must="name an exchange", got=name, hint=did_you_mean(name, known)) from error


def sessions(calendar: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DatetimeIndex:
    """List the sessions of an exchange (ISO 10383 code, such as ``"XNYS"``) from `start` to `end`."""
    first = f"{max(start.year - 1, 1960)}-01-01"
    listed = _calendar(calendar, first).sessions
    return listed[(listed >= start) & (listed <= end)].as_unit(RESOLUTION)


def missing_sessions(clock: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    """List the exchange's sessions between a clock's ends that the clock does not have."""
    return sessions(calendar, clock[0], clock[-1]).difference(clock)


def next_session(calendar: str, last: pd.Timestamp) -> pd.Timestamp | None:
    """Return the exchange's first session after `last`, or None past the end of the published calendar."""
    later = sessions(calendar, last, last + pd.Timedelta(days=30))
    later = later[later > last]
    return later[0] if len(later) else None
