"""How much of a stretch of the calendar may be missing at its edge before it counts as short."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

HOLIDAYS: Final = pd.Timedelta(days=4)
"""What may be missing at most: years and quarters begin and end with holidays and weekends."""
BARS: Final = 1.15
"""Bars that may be missing too, on clocks of days and longer: months differ in length and are stamped at their end."""
SHARE: Final = 4 / 7
"""Share of a stretch that holidays may take on clocks of days: weeks end with a weekend, and a holiday before it."""
SHARE_INTRADAY: Final = 0.1
"""Share of a stretch that may be missing on shorter clocks, beside the hours at which they are quiet."""
FIRST: Final = 20
"""Steps of the clock that its usual bar is read off: the first ones, so that new data move no block."""
DAILY: Final = pd.Timedelta(hours=20)
"""The least usual bar of a clock of days, some of which have 23 hours."""
DAY: Final = pd.Timedelta(days=1)
WEEK: Final = pd.Timedelta(weeks=1)


def allowance(clock: pd.DatetimeIndex, length: pd.Timedelta, quiet: pd.Timedelta) -> pd.Timedelta:
    """Return how much may be missing at the edge of a stretch.

    Parameters
    ----------
    clock : DatetimeIndex
    length : Timedelta
        Of the stretch.
    quiet : Timedelta
        Without bars where another stretch has the same edge: a session opens hours after its day begins. It counts on
        clocks of less than a day, in stretches of less than a week without its whole days, which are a weekend's.

    Examples
    --------
    >>> days, hours = (pd.date_range("2020-01-01", periods=90, freq=freq) for freq in ("D", "h"))
    >>> allowance(days, pd.Timedelta(days=366), pd.Timedelta(0))
    Timedelta('4 days 00:00:00')
    >>> allowance(days, pd.Timedelta(days=1), pd.Timedelta(0)).round("min")
    Timedelta('1 days 03:36:00')
    >>> allowance(hours, pd.Timedelta(days=5), pd.Timedelta(hours=1))
    Timedelta('0 days 13:00:00')
    """
    bar = _usual_bar(clock)
    if bar < DAILY:
        return min(HOLIDAYS, SHARE_INTRADAY * length) + (min(quiet, HOLIDAYS) if length >= WEEK else quiet % DAY)
    return max(min(HOLIDAYS, SHARE * length), BARS * bar)


def _usual_bar(clock: pd.DatetimeIndex) -> pd.Timedelta:
    steps = np.sort(np.diff(clock[: FIRST + 1].to_numpy()))
    return pd.Timedelta(steps[(len(steps) - 1) // 2]) if len(steps) else DAY
