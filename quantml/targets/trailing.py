"""What is known of a symbol's returns at a decision: their standard deviation, and their beta to a benchmark."""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.rolling import rolling_std
from quantml.kernels import F1, F2, kernel
from quantml.panel import previous_close

__all__ = ["trailing_beta", "trailing_deviation"]


def trailing_deviation(bars: Bars, window: int) -> NDArray[np.float64]:
    """Return the standard deviation (ddof=1) of the last `window` one-bar simple returns, shape (T, N).

    It is per bar, not annualised. NaN until there are `window` returns of the symbol, and where they are all equal:
    nothing can be measured in units of 0.
    """
    close = bars.array("close")
    deviation = rolling_std(np.ascontiguousarray(close / previous_close(close) - 1.0), int(window), 1)
    return np.where(deviation > 0.0, deviation, np.nan)


def trailing_beta(bars: Bars, benchmark: int, window: int) -> NDArray[np.float64]:
    """Return the slope of each symbol's returns on those of the symbol in column `benchmark`, shape (T, N).

    It is by least squares with an intercept, over the last `window` simple returns between bars that both have. NaN
    until there are as many, and where the benchmark did not move.
    """
    close = bars.array("close")
    return _slopes(close, np.ascontiguousarray(close[:, benchmark]), int(window))


@kernel(types.float64(F1, F1, types.int64, types.int64))
def _slope(mine: NDArray[np.float64], theirs: NDArray[np.float64], first: int, stop: int) -> float:
    """Return the covariance over the variance of values `first` to before `stop`; NaN where the variance is 0."""
    my_mean, their_mean = 0.0, 0.0
    for k in range(first, stop):
        my_mean += mine[k]
        their_mean += theirs[k]
    my_mean /= stop - first
    their_mean /= stop - first
    together, alone = 0.0, 0.0
    for k in range(first, stop):
        together += (mine[k] - my_mean) * (theirs[k] - their_mean)
        alone += (theirs[k] - their_mean) ** 2
    return together / alone if alone > 0.0 else math.nan


@kernel(types.float64[:, ::1](F2, F1, types.int64))
def _slopes(close: NDArray[np.float64], market: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    rows, columns = close.shape
    slopes = np.full((rows, columns), np.nan)
    mine, theirs = np.empty(rows), np.empty(rows)
    for column in range(columns):
        count, latest, slope = 0, -1, math.nan
        for row in range(rows):
            if math.isnan(close[row, column]):
                continue
            if not math.isnan(market[row]):
                if latest >= 0:
                    mine[count] = close[row, column] / close[latest, column] - 1.0
                    theirs[count] = market[row] / market[latest] - 1.0
                    count += 1
                latest = row
                if count >= window:
                    slope = _slope(mine, theirs, count - window, count)
            slopes[row, column] = slope
    return slopes
