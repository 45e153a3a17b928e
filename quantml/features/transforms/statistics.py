"""Statistics of columns that leave NaN out: each takes values, shape (rows, columns), and returns one per column.

A column without a value has the statistic NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantml.features.transforms.base import ROUNDING, Matrix


def mean(x: Matrix) -> Matrix:
    """Return the mean of each column."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isnan(x), 0.0, x).sum(axis=0) / _count(x), dtype=np.float64)


def deviation(x: Matrix) -> Matrix:
    """Return the standard deviation (ddof=0) of each column, 0 exactly where it is constant but for rounding."""
    centre = mean(x)
    spread = np.sqrt(mean((x - centre) ** 2))
    return np.where(spread <= ROUNDING * np.abs(centre), 0.0, spread)


def quantile(x: Matrix, share: float) -> Matrix:
    """Return a quantile of each column, interpolated linearly as NumPy's is by default."""
    ordered, count = np.sort(x, axis=0), _count(x)
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.int64)
    low = _take(ordered, below)
    high = _take(ordered, np.minimum(below + 1, np.maximum(count - 1, 0)))
    part = place - below
    step = high - low
    return np.asarray(np.where(part < 0.5, low + step * part, high - step * (1.0 - part)), dtype=np.float64)


def median(x: Matrix) -> Matrix:
    """Return the median of each column."""
    return quantile(x, 0.5)


def _count(x: Matrix) -> NDArray[np.int64]:
    return np.asarray((~np.isnan(x)).sum(axis=0), dtype=np.int64)


def _take(ordered: Matrix, row: NDArray[np.int64]) -> Matrix:
    return np.asarray(np.take_along_axis(ordered, row[None, :], axis=0)[0], dtype=np.float64)
