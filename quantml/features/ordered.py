"""Rolling statistics that depend on the order of values: quantiles and entropies, compiled.

Panels and own values are those of `rolling`. Each kernel walks along the values of one symbol and keeps exact records
of its window, a sorted list or whole numbers, so that no rounding is carried from one window to the next.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.features.tiles import SERIES, over_series
from quantml.kernels import F1, kernel

Panel = NDArray[np.float64]
Series = NDArray[np.float64]
Counts = NDArray[np.int64]

_COUNTS: Final = types.int64[::1]


@kernel(types.void(F1, types.float64, types.float64, SERIES))
def _exchange(old: Series, left: float, value: float, new: Series) -> None:
    """Copy a sorted list without `left` and with `value`; a spare place stands at either end of the lists.

    Comparing all of them beats halving, whose every step is a guess for the processor.
    """
    count = len(old) - 2
    place, target = np.int64(1), np.int64(1)
    for k in range(1, count + 1):
        place += np.int64(old[k] < left)
        target += np.int64(old[k] < value)
    if target > place:
        target -= 1
        for k in range(1, count + 1):
            here, above = old[k], old[k + 1]
            new[k] = above if (k >= place) & (k < target) else here
    else:
        for k in range(1, count + 1):
            here, below = old[k], old[k - 1]
            new[k] = below if (k > target) & (k <= place) else here
    new[target] = value


@kernel(types.void(F1, types.int64, types.float64, SERIES))
def _quantiles(values: Series, window: int, q: float, result: Series) -> None:
    even, odd = np.full(window + 2, np.inf), np.full(window + 2, np.inf)
    lower = min(int((window - 1) * q), window - 1) + 1
    upper, share = min(lower + 1, window), (window - 1) * q - (lower - 1)
    for newest in range(len(values)):
        left = values[newest - window] if newest >= window else np.inf
        if newest % 2 == 0:
            _exchange(odd, left, values[newest], even)
            low, high = even[lower], even[upper]
        else:
            _exchange(even, left, values[newest], odd)
            low, high = odd[lower], odd[upper]
        result[newest] = low + (high - low) * share if newest >= window - 1 else np.nan


def rolling_quantile(values: Panel, window: int, q: float) -> Panel:
    """Return the quantile `q` of the last `window` own values, linear between order statistics."""
    return over_series(_quantiles, values, window, q)


@kernel(types.float64(_COUNTS, F1, types.float64))
def _evenness(counts: Counts, terms: Series, most: float) -> float:
    """Return Shannon's entropy of whole-number counts over the largest, `most`; `terms` holds -p log p of each."""
    entropy = 0.0
    for count in counts:
        entropy += terms[count]
    return entropy / most


@kernel(SERIES(types.int64))
def _terms(total: int) -> Series:
    terms = np.zeros(total + 1)
    for count in range(1, total + 1):
        terms[count] = -count / total * math.log(count / total)
    return terms


@kernel(types.int64(types.float64, types.float64, types.float64, types.int64))
def _bin(value: float, low: float, high: float, bins: int) -> int:
    return min(int((value - low) / (high - low) * bins), bins - 1) if high > low else 0


@kernel(types.void(F1, types.int64, types.int64, SERIES))
def _entropies(values: Series, window: int, bins: int, result: Series) -> None:
    counts, terms, most = np.zeros(bins, dtype=np.int64), _terms(window), math.log(bins)
    low, high = 0.0, -1.0
    for newest in range(len(values)):
        if newest < window - 1:
            result[newest] = np.nan
            continue
        inside = values[newest - window + 1 : newest + 1]
        left = values[newest - window] if newest >= window else np.inf
        if low < left < high and low <= values[newest] <= high:  # the bins stay where they are
            counts[_bin(left, low, high, bins)] -= 1
            counts[_bin(values[newest], low, high, bins)] += 1
        else:
            low, high = inside.min(), inside.max()
            counts[:] = 0
            for value in inside:
                counts[_bin(value, low, high, bins)] += 1
        result[newest] = _evenness(counts, terms, most)


def rolling_entropy(values: Panel, window: int, bins: int) -> Panel:
    """Return the entropy of the last `window` own values in `bins` bins over their range, over its largest value."""
    return over_series(_entropies, values, window, bins)


@kernel(types.int64(F1, types.int64, types.int64))
def _pattern(values: Series, newest: int, order: int) -> int:
    """Number the order in which the last `order` values stand; of equal ones the earlier counts as the smaller."""
    number = 0
    for place in range(1, order):
        later = values[newest - order + 1 + place]
        above = 0
        for earlier in range(place):
            above += values[newest - order + 1 + earlier] > later
        number = number * (place + 1) + above
    return number


@kernel(types.void(F1, types.int64, types.int64, SERIES))
def _orders(values: Series, window: int, order: int, result: Series) -> None:
    kinds, patterns = 1, window - order + 1
    for k in range(2, order + 1):
        kinds *= k
    counts, terms, most = np.zeros(kinds, dtype=np.int64), _terms(patterns), math.log(kinds)
    for newest in range(len(values)):
        if newest >= order - 1:
            counts[_pattern(values, newest, order)] += 1
        if newest >= window:
            counts[_pattern(values, newest - patterns, order)] -= 1
        result[newest] = _evenness(counts, terms, most) if newest >= window - 1 else np.nan


def rolling_order_entropy(values: Panel, window: int, order: int) -> Panel:
    """Return the entropy of the orders in which runs of `order` of the last `window` own values stand, over its
    largest value.
    """  # noqa: D205
    return over_series(_orders, values, window, order)
