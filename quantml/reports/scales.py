"""Where lines are thinned and ticks are put: the same on every machine and in every language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]

_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_MANTISSAS: Final = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_MONTH_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)


def thinned(values: Values, most: int) -> NDArray[np.int64]:
    """Choose the positions that a line may be drawn through without losing any peak or trough.

    Parameters
    ----------
    values : ndarray, shape (T,)
        NaN is never chosen.
    most : int
        Number of equal stretches; the first, lowest, highest and last value of each is kept.

    Returns
    -------
    ndarray of int64
        Increasing, at most four for each stretch.

    Examples
    --------
    >>> thinned(np.array([1.0, 2.0, 9.0, 3.0, 2.0, 0.0, 1.0, 1.0]), most=1)
    array([0, 2, 5, 7])
    """
    known = np.flatnonzero(~np.isnan(values))
    if known.size <= 4 * most:
        return known.astype(np.int64)
    kept: set[int] = set()
    for part in np.array_split(known, most):
        kept |= {int(part[0]), int(part[values[part].argmin()]), int(part[values[part].argmax()]), int(part[-1])}
    return np.array(sorted(kept), dtype=np.int64)


def broken(part: Values, values: Values, kept: NDArray[np.int64]) -> Values:
    """Put a NaN into a thinned line wherever it would be drawn across values that are NaN.

    Parameters
    ----------
    part : ndarray, shape (K,)
        One coordinate of the line, at the positions `kept`.
    values : ndarray, shape (T,)
        What the line was thinned from.
    kept : ndarray of int64, shape (K,)
        The positions that `thinned` chose.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, np.nan, np.nan, 3.0])
    >>> kept = thinned(values, most=2)
    >>> broken(values[kept], values, kept)
    array([ 1.,  2., nan,  3.])
    """
    missing = np.cumsum(np.isnan(values))[kept]
    return np.insert(part, np.flatnonzero(np.diff(missing)) + 1, np.nan)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Put at most `most` round numbers, evenly spaced, between `low` and `high`.

    Examples
    --------
    >>> ticks(-0.31, 0.12)
    [-0.3, -0.2, -0.1, 0.0, 0.1]
    """
    for step in _steps((high - low) / most):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]
    raise AssertionError("steps grow without bound")


def _steps(least: float) -> Iterator[float]:
    power = 10.0 ** math.floor(math.log10(least)) if least > 0.0 else 1.0
    while True:
        yield from (power * part for part in _ROUND[:-1] if power * part >= least * (1.0 - 1e-9))
        power *= 10.0


def growth_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Put at most `most` round numbers between two positive values on a logarithmic axis.

    Examples
    --------
    >>> growth_ticks(0.8, 6.0)
    [1.0, 1.5, 2.0, 3.0, 5.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in _MANTISSAS:
        found = [round(part * 10.0**power, 12) for power in decades for part in mantissas]
        found = [part for part in found if low <= part <= high]
        if 4 <= len(found) <= most:
            return found
    if high < 10.0 * low:
        return ticks(low, high, most)
    powers = [10.0**power for power in decades if low <= 10.0**power <= high]
    return powers[:: -(-len(powers) // most)]


def years(clock: pd.DatetimeIndex) -> Values:
    """Write times as years with a fraction: 2001-07-02 12:00 is 2001.5."""
    naive = clock.tz_localize(None)
    begin = pd.to_datetime({"year": naive.year, "month": 1, "day": 1})
    length = np.where(naive.is_leap_year, 366.0, 365.0)
    day = np.timedelta64(1, "D")
    return np.asarray(naive.year + (naive - pd.DatetimeIndex(begin)) / day / length, dtype=np.float64)


def year_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Put at most `most` ticks at the beginnings of months or years, with their labels.

    Examples
    --------
    >>> year_ticks(2003.4, 2008.9, most=3)
    ([2004.0, 2006.0, 2008.0], ['2004', '2006', '2008'])
    """
    for step in _MONTH_STEPS:
        first, last = math.ceil(low * 12.0 / step - 1e-9), math.floor(high * 12.0 / step + 1e-9)
        months = [number * step for number in range(first, last + 1)]
        if len(months) <= most:
            break
    labels = [str(m // 12) if step >= 12 else f"{m // 12}-{m % 12 + 1:02d}" for m in months]
    return [month / 12.0 for month in months], labels
