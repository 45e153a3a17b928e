"""Lags and rolling moments of each symbol's own values, compiled.

Every kernel takes a panel, shape (T, N), in which NaN means that the symbol has no value there, and works on the
values that each symbol does have, so that a window of 21 spans 21 of them however many rows lie between. A result
stands in the row of the newest value of its window; every other row is NaN.

Rolling moments never subtract what leaves the window, which loses digits. Each symbol's values are cut into blocks as
long as the window. Any window then is the end of one block and the beginning of the next: running moments of the
beginning are merged with moments of the end that were kept when its block was complete.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F2, kernel

TILE: Final = 8
"""Symbols gathered together: eight float64 fill a cache line."""

_PANEL: Final = types.float64[:, ::1]


@kernel(_PANEL(F2, types.int64))
def lag(values: NDArray[np.float64], bars: int) -> NDArray[np.float64]:
    """Return the value `bars` own values earlier; with 0, the value itself."""
    rows, symbols = values.shape
    lagged = np.full((rows, symbols), np.nan)
    seen = np.zeros(symbols, dtype=np.int64)
    source = np.zeros(symbols, dtype=np.int64)
    for row in range(rows):
        for symbol in range(symbols):
            if math.isnan(values[row, symbol]):
                continue
            seen[symbol] += 1
            if seen[symbol] > bars:
                while math.isnan(values[source[symbol], symbol]):
                    source[symbol] += 1
                lagged[row, symbol] = values[source[symbol], symbol]
                source[symbol] += 1
    return lagged


@kernel(types.void(F2, types.int64, _PANEL))
def _gather(values: NDArray[np.float64], first: int, own: NDArray[np.float64]) -> None:
    """Pack the values of the tile of symbols from `first` to the top of `own`; below them it stays as it was."""
    width = min(TILE, values.shape[1] - first)
    counts = np.zeros(width, dtype=np.int64)
    for row in range(values.shape[0]):
        for place in range(width):
            value = values[row, first + place]
            if not math.isnan(value):
                own[counts[place], place] = value
                counts[place] += 1


@kernel(types.void(_PANEL, F2, types.int64, _PANEL))
def _scatter(own: NDArray[np.float64], values: NDArray[np.float64], first: int, panel: NDArray[np.float64]) -> None:
    """Lay packed results back into the rows in which their symbols have values."""
    width = min(TILE, values.shape[1] - first)
    counts = np.zeros(width, dtype=np.int64)
    for row in range(values.shape[0]):
        for place in range(width):
            if not math.isnan(values[row, first + place]):
                panel[row, first + place] = own[counts[place], place]
                counts[place] += 1


@kernel(types.void(_PANEL, types.int64, _PANEL))
def _means(own: NDArray[np.float64], window: int, result: NDArray[np.float64]) -> None:
    begun = np.zeros(TILE)  # sums of the block that has begun
    ended = np.zeros((window, TILE))  # sums of the newest 1, 2, ... values of the block before it
    for newest in range(own.shape[0]):
        inside = newest % window
        for place in range(TILE):
            begun[place] = own[newest, place] + (begun[place] if inside > 0 else 0.0)
        if inside == window - 1:
            for place in range(TILE):
                result[newest, place] = begun[place] / window
                ended[0, place] = own[newest, place]
            for k in range(1, window):
                for place in range(TILE):
                    ended[k, place] = ended[k - 1, place] + own[newest - k, place]
        elif newest >= window:
            for place in range(TILE):
                result[newest, place] = (ended[window - 2 - inside, place] + begun[place]) / window


@kernel(_PANEL(F2, types.int64))
def rolling_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the mean of the last `window` own values."""
    rows, symbols = values.shape
    panel = np.full((rows, symbols), np.nan)
    if window > rows:
        return panel
    own, result = np.zeros((rows, TILE)), np.full((rows, TILE), np.nan)
    for first in range(0, symbols, TILE):
        _gather(values, first, own)
        _means(own, window, result)
        _scatter(result, values, first, panel)
    return panel


@kernel(types.void(_PANEL, types.int64, types.int64, _PANEL))
def _deviations(own: NDArray[np.float64], window: int, ddof: int, result: NDArray[np.float64]) -> None:
    mean, squares = np.zeros(TILE), np.zeros(TILE)  # of the block that has begun
    means, sums = np.zeros((window, TILE)), np.zeros((window, TILE))  # of the newest 1, 2, ... of the block before it
    share = np.empty(window)
    for k in range(window):
        share[k] = 1.0 / (k + 1)
    for newest in range(own.shape[0]):
        inside = newest % window
        for place in range(TILE):
            if inside == 0:
                mean[place], squares[place] = own[newest, place], 0.0
            step = own[newest, place] - mean[place]
            mean[place] += step * share[inside]
            squares[place] += step * (own[newest, place] - mean[place])
        if inside == window - 1:
            for place in range(TILE):
                result[newest, place] = math.sqrt(squares[place] / (window - ddof))
                means[0, place], sums[0, place] = own[newest, place], 0.0
            for k in range(1, window):
                for place in range(TILE):
                    step = own[newest - k, place] - means[k - 1, place]
                    means[k, place] = means[k - 1, place] + step * share[k]
                    sums[k, place] = sums[k - 1, place] + step * (own[newest - k, place] - means[k, place])
        elif newest >= window:
            k = window - 2 - inside
            for place in range(TILE):
                apart = mean[place] - means[k, place]
                merged = squares[place] + sums[k, place] + apart * apart * ((inside + 1) * (k + 1) / window)
                result[newest, place] = math.sqrt(merged / (window - ddof))


@kernel(_PANEL(F2, types.int64, types.int64))
def rolling_std(values: NDArray[np.float64], window: int, ddof: int) -> NDArray[np.float64]:
    """Return the standard deviation of the last `window` own values; exactly 0.0 where they are equal.

    Moments are updated as in Welford (1962, Technometrics 4, p. 419) and merged as in Chan, Golub and LeVeque (1983,
    The American Statistician 37, p. 242).
    """
    rows, symbols = values.shape
    panel = np.full((rows, symbols), np.nan)
    if window > rows:
        return panel
    own, result = np.zeros((rows, TILE)), np.full((rows, TILE), np.nan)
    for first in range(0, symbols, TILE):
        _gather(values, first, own)
        _deviations(own, window, ddof, result)
        _scatter(result, values, first, panel)
    return panel
