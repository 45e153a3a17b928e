"""Transforms of a column's scale and tails. NaN stays NaN; sample weights play no part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import check
from quantml.features.transforms import statistics
from quantml.features.transforms.base import Matrix
from quantml.features.transforms.columnwise import Columnwise
from quantml.kernels import F2, I2, kernel

__all__ = ["RankScale", "RobustScale", "Standardise", "Winsorise"]


def is_share(value: Any) -> bool:
    """Say whether a value is a number from 0 to 1."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and 0.0 <= float(value) <= 1.0


@dataclass(frozen=True)
class Winsorise(Columnwise):
    """Put values outside two quantiles at them.

    Quantiles are interpolated linearly, as NumPy's are by default. Values of a column without any in training (of
    the symbol, with ``per=PerSymbol()``) become NaN.

    Parameters
    ----------
    lower, upper : float
        Shares of the training values, ``0 <= lower < upper <= 1``.
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``: whose quantiles they are.
    columns : sequence of str, optional
        Names of the features to transform; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    lower: float = 0.01
    upper: float = 0.99

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check(is_share(self.lower), "Winsorise.lower", "be a share from 0 to 1", self.lower)
        check(is_share(self.upper), "Winsorise.upper", "be a share from 0 to 1", self.upper)
        check(self.lower < self.upper, "Winsorise", "have lower < upper", (self.lower, self.upper))

    def measure(self, x: Matrix) -> Matrix:
        """Return both quantiles."""
        return np.stack([statistics.quantile(x, self.lower), statistics.quantile(x, self.upper)])

    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Clip the values."""
        return np.asarray(np.minimum(np.maximum(x, statistics[0]), statistics[1]), dtype=np.float64)


@dataclass(frozen=True)
class Standardise(Columnwise):
    """Subtract the mean and divide by the standard deviation (ddof=0), as scikit-learn's ``StandardScaler`` does.

    A constant column becomes its distance from the mean, undivided: 0 wherever it keeps its value.

    Parameters
    ----------
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``: whose mean and deviation they are.
    columns : sequence of str, optional
        Names of the features to transform; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def measure(self, x: Matrix) -> Matrix:
        """Return the mean and the deviation to divide by."""
        return np.stack([statistics.mean(x), _divisor(statistics.deviation(x))])

    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Scale the values."""
        return np.asarray((x - statistics[0]) / statistics[1], dtype=np.float64)


@dataclass(frozen=True)
class RobustScale(Columnwise):
    """Subtract the median and divide by the distance between the quartiles, as scikit-learn's ``RobustScaler`` does.

    Where the quartiles are equal, the distance from the median is left undivided.

    Parameters
    ----------
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``: whose median and quartiles they are.
    columns : sequence of str, optional
        Names of the features to transform; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def measure(self, x: Matrix) -> Matrix:
        """Return the median and the distance to divide by."""
        spread = statistics.quantile(x, 0.75) - statistics.quantile(x, 0.25)
        return np.stack([statistics.median(x), _divisor(spread)])

    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Scale the values."""
        return np.asarray((x - statistics[0]) / statistics[1], dtype=np.float64)


@dataclass(frozen=True)
class RankScale(Columnwise):
    """Replace a value by its rank, from -1 to 1: the share of values below it less the share above it.

    The values compared with are those of the training rows or, with ``per=PerDate()``, of the date's other symbols:
    with five of them on a date, the ranks are -0.8, -0.4, 0, 0.4 and 0.8. Equal values have one rank.

    Parameters
    ----------
    per : Scope
        ``Pooled()``, ``PerSymbol()`` or ``PerDate()``: whose values are compared with.
    columns : sequence of str, optional
        Names of the features to transform; all by default.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def measure(self, x: Matrix) -> Matrix:
        """Return the values in order, NaN last."""
        return np.asarray(np.sort(x, axis=0), dtype=np.float64)

    def apply(self, x: Matrix, statistics: Matrix) -> Matrix:
        """Rank the values."""
        columns = np.ascontiguousarray(x.T)
        order = np.argsort(columns, axis=1)
        return np.ascontiguousarray(_ranked(columns, order, np.ascontiguousarray(statistics.T)).T)


@kernel(types.float64[:, ::1](F2, I2, F2))
def _ranked(columns: Matrix, order: NDArray[np.int64], ordered: Matrix) -> Matrix:
    """Rank each row's values, walked from the least on, among the row of `ordered`; NaN stands last in both orders."""
    result = np.full(columns.shape, np.nan)
    for column in range(len(columns)):
        count = ordered.shape[1]
        while count > 0 and np.isnan(ordered[column, count - 1]):
            count -= 1
        below, upto = 0, 0
        for row in order[column]:
            value = columns[column, row]
            if np.isnan(value) or count == 0:
                break
            while below < count and ordered[column, below] < value:
                below += 1
            while upto < count and ordered[column, upto] <= value:
                upto += 1
            result[column, row] = (below - (count - upto)) / count
    return result


def _divisor(spread: Matrix) -> Matrix:
    return np.where(spread == 0.0, 1.0, spread)
