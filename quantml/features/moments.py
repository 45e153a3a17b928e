"""Rolling skewness, kurtosis, autocovariance and trend of each symbol's own values, compiled.

Panels, own values and blocks are those of `rolling`: a window is the end of one block of values and the beginning of
the next, and the moments of the two are merged, so that nothing is ever subtracted from a running sum.

The loops over columns stand written out in each kernel. A compiler knows only of arrays made in the same function that
they do not overlap, and without knowing it works on one column at a time.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.features.tiles import ON_TILE, PANEL, SERIES, over_tiles
from quantml.kernels import F1, kernel

Panel = NDArray[np.float64]
Row = NDArray[np.float64]

_ROUNDING: Final = 1e-13
"""Share of the variation of values below which what a straight line leaves of it is rounding."""


@kernel(types.void(F1, F1, F1, types.float64, types.int64, SERIES))
def _write_shape(second: Row, third: Row, fourth: Row, count: float, moment: int, result: Row) -> None:
    if moment == 3:
        scale = count * math.sqrt(count - 1.0) / (count - 2.0)
        for place in range(len(result)):
            cube = second[place] * math.sqrt(second[place])
            result[place] = scale * third[place] / cube if cube > 0.0 else np.nan
    else:
        shift = 3.0 * (count - 1.0) * (count - 1.0) / ((count - 2.0) * (count - 3.0))
        scale = (count - 1.0) * count * (count + 1.0) / ((count - 2.0) * (count - 3.0))
        for place in range(len(result)):
            square = second[place] * second[place]
            result[place] = scale * (fourth[place] / square) - shift if square > 0.0 else np.nan


@kernel(types.void(*ON_TILE, types.int64, PANEL))
def _shapes(values: Panel, begin: int, first: int, width: int, window: int, moment: int, panel: Panel) -> None:
    last, total = first + width, float(window)
    mean, second, third, fourth = np.zeros(width), np.zeros(width), np.zeros(width), np.zeros(width)  # block begun
    all2, all3, all4 = np.zeros(width), np.zeros(width), np.zeros(width)  # of the whole window
    means, seconds = np.zeros((window, width)), np.zeros((window, width))  # of the newest 1, 2, ... of the block before
    thirds, fourths = np.zeros((window, width)), np.zeros((window, width))
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result, newer = values[row, first:last], panel[row, first:last], inside + 1.0
        if inside == 0:
            mean[:], second[:], third[:], fourth[:] = here, 0.0, 0.0, 0.0
        share, less, weight = 1.0 / newer, newer - 1.0, newer * newer - 3.0 * newer + 3.0
        for p in range(width):
            step = here[p] - mean[p]
            part = step * share
            square = step * part * less
            fourth[p] += part * (square * part * weight + 6.0 * part * second[p] - 4.0 * third[p])
            third[p] += part * (square * (newer - 2.0) - 3.0 * second[p])
            second[p] += square
            mean[p] += part
        if inside == window - 1:
            _write_shape(second, third, fourth, total, moment, result)
            means[0], seconds[0], thirds[0], fourths[0] = here, 0.0, 0.0, 0.0
            for k in range(1, window):
                old, count = values[row - k, first:last], k + 1.0
                share, less, weight = 1.0 / count, count - 1.0, count * count - 3.0 * count + 3.0
                m, s, t, f = means[k - 1], seconds[k - 1], thirds[k - 1], fourths[k - 1]
                m_, s_, t_, f_ = means[k], seconds[k], thirds[k], fourths[k]
                for p in range(width):
                    step = old[p] - m[p]
                    part = step * share
                    square = step * part * less
                    f_[p] = f[p] + part * (square * part * weight + 6.0 * part * s[p] - 4.0 * t[p])
                    t_[p] = t[p] + part * (square * (count - 2.0) - 3.0 * s[p])
                    s_[p] = s[p] + square
                    m_[p] = m[p] + part
        elif row - begin < window:
            result[:] = np.nan
        else:
            k, a, b = window - 2 - inside, (total - newer) / total, newer / total
            m, s, t, f = means[k], seconds[k], thirds[k], fourths[k]
            for p in range(width):
                apart = mean[p] - m[p]
                square = apart * apart
                joint = square * a * newer
                all2[p] = s[p] + second[p] + joint
                all3[p] = t[p] + third[p] + apart * (joint * (a - b) + 3.0 * (a * second[p] - b * s[p]))
                mixed = joint * (a * a - a * b + b * b) + 6.0 * (a * a * second[p] + b * b * s[p])
                all4[p] = f[p] + fourth[p] + square * mixed + 4.0 * apart * (a * third[p] - b * t[p])
            _write_shape(all2, all3, all4, total, moment, result)


def rolling_skewness(values: Panel, window: int) -> Panel:
    """Return the adjusted skewness of the last `window` own values, at least 3; NaN where they are equal.

    Powers are summed and merged as in Pebay (2008, Sandia report SAND2008-6212).
    """
    return over_tiles(_shapes, values, window, 3)


def rolling_kurtosis(values: Panel, window: int) -> Panel:
    """Return the adjusted excess kurtosis of the last `window` own values, at least 4; NaN where they are equal."""
    return over_tiles(_shapes, values, window, 4)


@kernel(types.void(*ON_TILE, types.int64, PANEL))
def _autocovariances(values: Panel, begin: int, first: int, width: int, window: int, lag: int, panel: Panel) -> None:
    last, pairs, start = first + width, window - lag, begin + lag
    mean, late, product = np.zeros(width), np.zeros(width), np.zeros(width)
    means, lates, products = np.zeros((pairs, width)), np.zeros((pairs, width)), np.zeros((pairs, width))
    panel[begin : min(start, values.shape[0]), first:last] = np.nan
    for row in range(start, values.shape[0]):
        inside = (row - start) % pairs
        here, other, result = values[row, first:last], values[row - lag, first:last], panel[row, first:last]
        if inside == 0:
            mean[:], late[:], product[:] = here, other, 0.0
        share = 1.0 / (inside + 1.0)
        for p in range(width):
            mean[p] += (here[p] - mean[p]) * share
            step = other[p] - late[p]
            late[p] += step * share
            product[p] += step * (here[p] - mean[p])
        if inside == pairs - 1:
            for p in range(width):
                result[p] = product[p] / pairs
            means[0], lates[0], products[0] = here, other, 0.0
            for k in range(1, pairs):
                old, other, share = values[row - k, first:last], values[row - k - lag, first:last], 1.0 / (k + 1.0)
                m, e, c, m_, e_, c_ = means[k - 1], lates[k - 1], products[k - 1], means[k], lates[k], products[k]
                for p in range(width):
                    now = m[p] + (old[p] - m[p]) * share
                    step = other[p] - e[p]
                    m_[p] = now
                    e_[p] = e[p] + step * share
                    c_[p] = c[p] + step * (old[p] - now)
        elif row - start < pairs:
            result[:] = np.nan
        else:
            k = pairs - 2 - inside
            m, e, c, weight = means[k], lates[k], products[k], (inside + 1.0) * (k + 1.0) / pairs
            for p in range(width):
                result[p] = (product[p] + c[p] + (mean[p] - m[p]) * (late[p] - e[p]) * weight) / pairs


def rolling_autocovariance(values: Panel, pairs: int, lag: int) -> Panel:
    """Return the covariance (ddof=0) of the last `pairs` own values with those `lag` own values before each."""
    return over_tiles(_autocovariances, values, pairs + lag, lag)


@kernel(types.void(F1, F1, types.float64, SERIES))
def _write_trend(squares: Row, product: Row, count: float, result: Row) -> None:
    times = count * (count * count - 1.0) / 12.0  # sum of squares of 1, 2, ... about their mean
    for p in range(len(result)):
        rest = squares[p] - product[p] * product[p] / times
        bent = rest > _ROUNDING * squares[p]
        result[p] = product[p] / math.sqrt(times * rest / (count - 2.0)) if bent else np.nan


@kernel(types.void(*ON_TILE, PANEL))
def _trends(values: Panel, begin: int, first: int, width: int, window: int, panel: Panel) -> None:
    last, total = first + width, float(window)
    mean, square, product = np.zeros(width), np.zeros(width), np.zeros(width)
    means, squares, products = np.zeros((window, width)), np.zeros((window, width)), np.zeros((window, width))
    all_squares, all_products = np.zeros(width), np.zeros(width)
    for row in range(begin, values.shape[0]):
        inside = (row - begin) % window
        here, result, newer = values[row, first:last], panel[row, first:last], inside + 1.0
        if inside == 0:
            mean[:], square[:], product[:] = here, 0.0, 0.0
        share, lever = 1.0 / newer, newer / 2.0  # the lever: how far the new time is from the mean of those before it
        for p in range(width):
            step = here[p] - mean[p]
            mean[p] += step * share
            square[p] += step * (here[p] - mean[p])
            product[p] += lever * (here[p] - mean[p])
        if inside == window - 1:
            _write_trend(square, product, total, result)
            means[0], squares[0], products[0] = here, 0.0, 0.0
            for k in range(1, window):
                old, share, lever = values[row - k, first:last], 1.0 / (k + 1.0), (k + 1.0) / 2.0
                m, s, c, m_, s_, c_ = means[k - 1], squares[k - 1], products[k - 1], means[k], squares[k], products[k]
                for p in range(width):
                    step = old[p] - m[p]
                    now = m[p] + step * share
                    m_[p] = now
                    s_[p] = s[p] + step * (old[p] - now)
                    c_[p] = c[p] - lever * (old[p] - now)
        elif row - begin < window:
            result[:] = np.nan
        else:
            k = window - 2 - inside
            m, s, c, older = means[k], squares[k], products[k], k + 1.0
            for p in range(width):
                apart = mean[p] - m[p]
                all_squares[p] = square[p] + s[p] + apart * apart * (newer * older / total)
                all_products[p] = product[p] + c[p] + apart * (newer * older / 2.0)
            _write_trend(all_squares, all_products, total, result)


def rolling_trend(values: Panel, window: int) -> Panel:
    """Return Student's t of the slope of the last `window` own values, at least 3, on their number.

    It is NaN where they lie on a straight line, to rounding.
    """
    return over_tiles(_trends, values, window)
