"""Over which rows a statistic is taken: all training rows, each symbol's, or one date's.

A measure takes values, shape (rows, columns), and returns statistics, shape (k, columns); both may hold NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ParameterError
from quantml.features.transforms.base import Matrix, dates
from quantml.space import Declaration

__all__ = ["PerDate", "PerSymbol", "Pooled", "Scope"]

Measure = Callable[[Matrix], Matrix]
Apply = Callable[[Matrix, Matrix], Matrix]
"""From values, shape (rows, columns), and their statistics to other values of that shape."""


class Statistics(Protocol):
    """The statistics of a scope, ready for rows to come."""

    def apply(self, function: Apply, x: Matrix, time: NDArray[np.int64], symbol: NDArray[np.int64]) -> Matrix:
        """Call the function on the rows of each group with the group's statistics."""
        ...


class Scope(Protocol):
    """A declaration of over which rows statistics are taken."""

    def fit(self, measure: Measure, x: Matrix, symbol: NDArray[np.int64]) -> Statistics:
        """Take the statistics of training rows."""
        ...


@dataclass(frozen=True)
class Pooled(Declaration):
    """One statistic over all training rows."""

    def fit(self, measure: Measure, x: Matrix, symbol: NDArray[np.int64]) -> PooledStatistics:
        """Take the statistics of all rows."""
        return PooledStatistics(measure(x))


@dataclass(frozen=True)
class PerSymbol(Declaration):
    """A statistic for each symbol, over its training rows.

    A symbol without a training value of a column has no statistic of it, which is NaN.
    """

    def fit(self, measure: Measure, x: Matrix, symbol: NDArray[np.int64]) -> SymbolStatistics:
        """Take the statistics of the rows of each symbol."""
        values = {int(number): measure(x[symbol == number]) for number in np.unique(symbol)}
        return SymbolStatistics(values, np.full_like(measure(x), np.nan))


@dataclass(frozen=True)
class PerDate(Declaration):
    """A statistic for each date, over the symbols of that date: nothing is learned from training rows."""

    def fit(self, measure: Measure, x: Matrix, symbol: NDArray[np.int64]) -> DateStatistics:
        """Remember what to measure."""
        return DateStatistics(measure)


@dataclass(frozen=True, eq=False)
class PooledStatistics(ReadOnly):
    """Statistics of all training rows, shape (k, columns)."""

    values: Matrix

    def apply(self, function: Apply, x: Matrix, time: NDArray[np.int64], symbol: NDArray[np.int64]) -> Matrix:
        """Call the function on all rows."""
        return function(x, self.values)


@dataclass(frozen=True, eq=False)
class SymbolStatistics(ReadOnly):
    """Statistics of each symbol's training rows, by column number of the symbol, and those of any other: NaN."""

    values: Mapping[int, Matrix]
    unknown: Matrix

    def apply(self, function: Apply, x: Matrix, time: NDArray[np.int64], symbol: NDArray[np.int64]) -> Matrix:
        """Call the function on the rows of each symbol."""
        result = np.empty_like(x)
        for number in np.unique(symbol):
            rows = symbol == number
            result[rows] = function(x[rows], self.values.get(int(number), self.unknown))
        return result


@dataclass(frozen=True, eq=False)
class DateStatistics:
    """The measure to take of each date's rows."""

    measure: Measure

    def apply(self, function: Apply, x: Matrix, time: NDArray[np.int64], symbol: NDArray[np.int64]) -> Matrix:
        """Call the function on the rows of each date with statistics of these very rows."""
        result = np.empty_like(x)
        for rows in dates(time):
            result[rows] = function(x[rows], self.measure(x[rows]))
        return result


def check_scope(owner: str, scope: object) -> None:
    """Raise `ParameterError` unless `scope` is one."""
    if isinstance(scope, type) or not callable(getattr(scope, "fit", None)):
        hint = "Write per=Pooled(), PerSymbol() or PerDate()."
        raise ParameterError(f"{owner}.per", must="be a scope", got=scope, hint=hint)
