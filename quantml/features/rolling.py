"""Lags and rolling means, deviations and extremes of each symbol's own values, compiled.

Every function takes a panel, shape (T, N), in which NaN means that the symbol has no value there, and works on the
values that each symbol does have, so that a window of 21 spans 21 of them however many rows lie between. A result
stands in the row of the newest value of its window; every other row is NaN.

Nothing here subtracts what leaves the window, which loses digits. Each symbol's values are cut into blocks as long as
the window. Any window then is the end of one block and the beginning of the next: running results of the beginning are
merged with results of the end that were kept when its block was complete.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.features.tiles import ON_TILE, PANEL, over_tiles
from quantml.kernels import F1, F2, kernel

Panel = NDArray[np.float64]


@kernel(types.void(*ON_TILE, PANEL))
def _lags(values: Panel, begin: int, first: int, width: int, window: int, panel: Panel) -> None:
    last, start = first + width, begin + window - 1
    panel[begin : min(start, values.shape[0]), first:last] = np.nan
    for row in range(start, values.shape[0]):
        earlier, result = values[row - window + 1, first:last], panel[row, first:last]
        for place in range(width):
            result[place] = earlier[place]


def lag(values: Panel, bars: int) -> Panel:
    """Return the value `bars` own values earlier; with 0, the value itself."""
    return values.copy() if bars == 0 else over_tiles(_lags, values, bars + 1)


@kernel(types.void(*ON_TILE, types.int64, PANEL))
def _ratios(values: Panel, begin: int, first: int, width: int, window: int, skip: int, panel: Panel) -> None:
    last, start = first + width, begin + window - 1
    panel[begin : min(start, values.shape[0]), first:last] = np.nan
    for row in range(start, values.shape[0]):
        earlier, later = values[row - window + 1, first:last], values[row - skip, first:last]
        result = panel[row, first:last]
        for place in range(width):
            result[place] = later[place] / earlier[place]


def ratio(values: Panel, bars: int, skip: int = 0) -> Panel:
    """Return the value `skip` own values earlier over that `bars` own values earlier, which is longer ago."""
    return over_tiles(_ratios, values, bars + 1, skip)


@kernel(types.void(*ON_TILE, PANEL))
def _means(values: Panel, begin: int, first: int, width: int, window: int, panel: Panel) -> None:
    last = first + width
    share = 1.0 / window
    begun = np.zeros(width)  # sums of the block that has begun
    ended = np.zeros((window, width))  # sums of the newest 1, 2, ... values of the block before it
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result = values[row, first:last], panel[row, first:last]
        if inside == 0:
            begun[:] = 0.0
        for place in range(width):
            begun[place] += here[place]
        if inside == window - 1:
            for place in range(width):
                result[place] = begun[place] * share
            ended[0] = here
            for k in range(1, window):
                longer, shorter, older = ended[k], ended[k - 1], values[row - k, first:last]
                for place in range(width):
                    longer[place] = shorter[place] + older[place]
        elif row - begin < window:
            result[:] = np.nan
        else:
            rest = ended[window - 2 - inside]
            for place in range(width):
                result[place] = (rest[place] + begun[place]) * share


def rolling_mean(values: Panel, window: int) -> Panel:
    """Return the mean of the last `window` own values."""
    return over_tiles(_means, values, window)


@kernel(types.void(*ON_TILE, types.float64, PANEL))
def _decayed(values: Panel, begin: int, first: int, width: int, window: int, decay: float, panel: Panel) -> None:
    last = first + width
    begun, ended = np.zeros(width), np.zeros((window, width))
    powers = decay ** np.arange(window)
    scale = 1.0 / powers.sum()
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result = values[row, first:last], panel[row, first:last]
        if inside == 0:
            begun[:] = 0.0
        for place in range(width):
            begun[place] = here[place] + decay * begun[place]
        if inside == window - 1:
            for place in range(width):
                result[place] = begun[place] * scale
            ended[0] = here
            for k in range(1, window):
                longer, shorter, older = ended[k], ended[k - 1], values[row - k, first:last]
                for place in range(width):
                    longer[place] = shorter[place] + powers[k] * older[place]
        elif row - begin < window:
            result[:] = np.nan
        else:
            rest, share = ended[window - 2 - inside], powers[inside + 1]
            for place in range(width):
                result[place] = (share * rest[place] + begun[place]) * scale


def decayed_mean(values: Panel, window: int, decay: float) -> Panel:
    """Return the mean of the last `window` own values, each with `decay` times the weight of the one after it."""
    return over_tiles(_decayed, values, window, decay)


@kernel(types.void(*ON_TILE, F1, PANEL))
def _weighted(
    values: Panel, begin: int, first: int, width: int, window: int, weights: NDArray[np.float64], panel: Panel
) -> None:
    last = first + width
    for row in range(begin, values.shape[0]):
        result = panel[row, first:last]
        if row - begin < window - 1:
            result[:] = np.nan
            continue
        result[:] = 0.0
        for k in range(window - 1, -1, -1):
            older, weight = values[row - k, first:last], weights[k]
            for place in range(width):
                result[place] += weight * older[place]


def weighted_sum(values: Panel, weights: NDArray[np.float64]) -> Panel:
    """Return the sum of the last own values times `weights`, of which the first is for the newest value."""
    return over_tiles(_weighted, values, len(weights), weights)


@kernel(types.void(*ON_TILE, types.float64, PANEL))
def _extremes(values: Panel, begin: int, first: int, width: int, window: int, sign: float, panel: Panel) -> None:
    last = first + width
    begun, ended = np.zeros(width), np.zeros((window, width))
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result = values[row, first:last], panel[row, first:last]
        if inside == 0:
            begun[:] = -np.inf
        for place in range(width):
            begun[place] = max(begun[place], sign * here[place])
        if inside == window - 1:
            for place in range(width):
                result[place] = sign * begun[place]
                ended[0, place] = sign * here[place]
            for k in range(1, window):
                longer, shorter, older = ended[k], ended[k - 1], values[row - k, first:last]
                for place in range(width):
                    longer[place] = max(shorter[place], sign * older[place])
        elif row - begin < window:
            result[:] = np.nan
        else:
            rest = ended[window - 2 - inside]
            for place in range(width):
                result[place] = sign * max(rest[place], begun[place])


def rolling_max(values: Panel, window: int) -> Panel:
    """Return the largest of the last `window` own values.

    The blocks are those of van Herk (1992, Pattern Recognition Letters 13, p. 517).
    """
    return over_tiles(_extremes, values, window, 1.0)


def rolling_min(values: Panel, window: int) -> Panel:
    """Return the smallest of the last `window` own values."""
    return over_tiles(_extremes, values, window, -1.0)


@kernel(types.void(F2, types.int64, types.int64, F1, PANEL, PANEL))
def _end_squares(values: Panel, row: int, first: int, shares: NDArray[np.float64], means: Panel, sums: Panel) -> None:
    """Keep means and sums of squared deviations of the newest 1, 2, ... values of the block that ends in `row`."""
    window, width = means.shape
    means[0], sums[0] = values[row, first : first + width], 0.0
    for k in range(1, window):
        older, share = values[row - k, first : first + width], shares[k]
        known, grown, smaller, larger = means[k - 1], means[k], sums[k - 1], sums[k]
        for place in range(width):
            step = older[place] - known[place]
            mean = known[place] + step * share
            grown[place] = mean
            larger[place] = smaller[place] + step * (older[place] - mean)


@kernel(types.void(*ON_TILE, types.int64, PANEL))
def _variances(values: Panel, begin: int, first: int, width: int, window: int, ddof: int, panel: Panel) -> None:
    last = first + width
    mean, squares = np.zeros(width), np.zeros(width)  # of the block that has begun
    means, sums = np.zeros((window, width)), np.zeros((window, width))  # of the newest 1, 2, ... of the one before it
    shares, scale = 1.0 / np.arange(1, window + 1), 1.0 / (window - ddof)
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result = values[row, first:last], panel[row, first:last]
        if inside == 0:
            mean[:], squares[:] = here, 0.0
        share = shares[inside]
        for place in range(width):
            step = here[place] - mean[place]
            mean[place] += step * share
            squares[place] += step * (here[place] - mean[place])
        if inside == window - 1:
            for place in range(width):
                result[place] = squares[place] * scale
            _end_squares(values, row, first, shares, means, sums)
        elif row - begin < window:
            result[:] = np.nan
        else:
            k = window - 2 - inside
            rest, kept, weight = means[k], sums[k], (inside + 1) * (k + 1) / window
            for place in range(width):
                apart = mean[place] - rest[place]
                result[place] = (squares[place] + kept[place] + apart * apart * weight) * scale


def rolling_variance(values: Panel, window: int, ddof: int) -> Panel:
    """Return the variance of the last `window` own values; exactly 0.0 where they are equal.

    Moments are updated as in Welford (1962, Technometrics 4, p. 419) and merged as in Chan, Golub and LeVeque (1983,
    The American Statistician 37, p. 242).
    """
    return over_tiles(_variances, values, window, ddof)


def rolling_std(values: Panel, window: int, ddof: int) -> Panel:
    """Return the standard deviation of the last `window` own values; exactly 0.0 where they are equal."""
    deviation = rolling_variance(values, window, ddof)
    return np.asarray(np.sqrt(deviation, out=deviation))
