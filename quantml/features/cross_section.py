"""Features that compare symbols on one day: ranks, z-scores, and what is left of a feature without its mean.

On each row the cross-section is the symbols that are members of the universe, have a bar and have a value; every other
symbol's value is NaN. With `group`, a symbol is compared with those alone for which that feature has the same value:
``Category(sectors)``, or ``Outside("classification", "sector")`` where it changes with time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.base import Feature, check_inner, evaluate, stated_warmup
from quantml.features.own_bars import on_panel
from quantml.kernels import F2, kernel
from quantml.space import Declaration

__all__ = ["CrossSectionRank", "CrossSectionZScore", "Demeaned"]


@dataclass(frozen=True)
class _Compared(Declaration):
    feature: Feature
    group: Feature | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is no feature."""
        check_inner(self, "feature")
        if self.group is not None:
            check_inner(self, "group")

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return max(stated_warmup(part) for part in (self.feature, self.group) if part is not None)

    def _within(self, bars: Bars, compare: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> pd.DataFrame:
        """Apply `compare` to the cross-section of each group in turn, NaN outside of it."""
        values = np.where(bars.candidates, evaluate(self.feature, bars), np.nan)
        if self.group is None:
            return on_panel(compare(values), bars)
        label, result = evaluate(self.group, bars), np.full(values.shape, np.nan)
        for group in np.unique(label[~np.isnan(label)]):
            compared = compare(np.where(label == group, values, np.nan))
            np.copyto(result, compared, where=label == group)
        return on_panel(result, bars)


@dataclass(frozen=True)
class CrossSectionRank(_Compared):
    """Where a symbol's value stands among all symbols' on the day: (rank - 1/2) / number of symbols, between 0 and 1.

    The lowest value has rank 1; equal values share the mean of their ranks. The mean over the symbols is 1/2 on every
    day, and a symbol without company has 1/2.

    Parameters
    ----------
    feature : feature
        What is ranked.
    group : feature, optional
        Ranks are taken within each of its values.

    Raises
    ------
    ParameterError
        If a parameter is no feature.

    Examples
    --------
    >>> from quantml.features import Returns
    >>> days = pd.bdate_range("2024-01-01", periods=2)
    >>> close = pd.DataFrame({"A": [1.0, 1.1], "B": [1.0, 1.3], "C": [1.0, 1.1], "D": [1.0, None]}, index=days)
    >>> CrossSectionRank(Returns())(Bars.from_close(close)).iloc[1].round(3).tolist()
    [0.333, 0.833, 0.333, nan]
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the ranks, time x symbol."""
        return self._within(bars, _ranks)


@dataclass(frozen=True)
class CrossSectionZScore(_Compared):
    """How many standard deviations (ddof=1) of the day's cross-section a symbol's value lies above its mean.

    NaN where there are fewer than two values, or all are equal.

    Parameters
    ----------
    feature : feature
    group : feature, optional
        Mean and standard deviation are those within each of its values.

    Raises
    ------
    ParameterError
        If a parameter is no feature.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the z-scores, time x symbol."""
        return self._within(bars, _z_scores)


@dataclass(frozen=True)
class Demeaned(_Compared):
    """A feature less its mean over the day's cross-section; with `group`, less its mean in the symbol's group.

    Parameters
    ----------
    feature : feature
    group : feature, optional
        Means are taken within each of its values.

    Raises
    ------
    ParameterError
        If a parameter is no feature.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the differences, time x symbol."""
        return self._within(bars, lambda values: values - _means(values))


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row's values, shape (T, 1); NaN for a row without."""
    known = ~np.isnan(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _z_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    count = known.sum(axis=1, keepdims=True)
    apart = values - _means(values)
    squares = np.where(known, apart * apart, 0.0).sum(axis=1, keepdims=True)
    high = np.where(known, values, -np.inf).max(axis=1, keepdims=True)
    low = np.where(known, values, np.inf).min(axis=1, keepdims=True)
    differ = (count > 1) & (high > low)  # equal values may have a standard deviation of rounding errors
    deviation = np.sqrt(np.divide(squares, count - 1, out=np.full(squares.shape, np.nan), where=differ))
    return np.asarray(apart / deviation)


@kernel(types.float64[:, ::1](F2))
def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, symbols = values.shape
    ranks = np.full((rows, symbols), np.nan)
    for row in range(rows):
        order = np.argsort(values[row])  # NaN last
        count = symbols - np.isnan(values[row]).sum()
        first = 0
        while first < count:
            last = first
            while last + 1 < count and values[row, order[last + 1]] == values[row, order[first]]:
                last += 1
            for place in range(first, last + 1):
                ranks[row, order[place]] = ((first + last) / 2.0 + 0.5) / count
            first = last + 1
    return ranks
