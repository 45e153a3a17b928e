"""The Sharpe ratio of many series on many stretches of time, without going over any stretch twice."""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.errors import ParameterError
from quantml.evaluation.series import as_periods
from quantml.kernels import F2, I1, kernel

Floats = NDArray[np.float64]


def sharpe_over(excess: Floats, stretches: NDArray[np.int64], *, periods_per_year: float) -> Floats:
    """Return the Sharpe ratio of each row of returns on each stretch of it, as `sharpe_ratio` does one by one.

    Each row is gone over once, however many stretches there are and however they overlap: sums, of returns and of
    their squares, run along it, and a stretch is the difference of two.

    Parameters
    ----------
    excess : ndarray, shape (series, T)
        Simple returns per period, less what cash earned.
    stretches : ndarray of int64, shape (stretches, 2)
        The first period of each, and the one after its last.
    periods_per_year : float

    Returns
    -------
    ndarray, shape (series, stretches)
        NaN for fewer than two returns, or where they are all equal.

    Raises
    ------
    ParameterError
        If a stretch is not within the series.

    Examples
    --------
    >>> sharpe_over(np.array([[0.5, 0.01, 0.03]]), np.array([[1, 3]]), periods_per_year=1).round(6)
    array([[1.414214]])
    """
    ratios = _ratios(read_only(np.ascontiguousarray(excess)), *_edges(stretches, excess.shape[1]))
    return np.asarray(ratios * math.sqrt(as_periods(periods_per_year)))


def means_over(values: Floats, stretches: NDArray[np.int64]) -> Floats:
    """Return the mean of each row on each stretch of it; NaN on an empty one. Arguments are as in `sharpe_over`.

    Examples
    --------
    >>> means_over(np.array([[0.5, 0.01, 0.03]]), np.array([[1, 3]])).round(6)
    array([[0.02]])
    """
    return np.asarray(_means(read_only(np.ascontiguousarray(values)), *_edges(stretches, values.shape[1])))


def _edges(stretches: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    edges = np.asarray(stretches, dtype=np.int64).reshape(-1, 2)
    begins, ends = edges[:, 0], edges[:, 1]
    if edges.size and (begins.min() < 0 or ends.max() > length):
        raise ParameterError("stretches", must=f"lie within {length} periods", got=[int(begins.min()), int(ends.max())])
    return read_only(begins.copy()), read_only(ends.copy())


@kernel(types.float64[:, ::1](F2, I1, I1))
def _means(values: Floats, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """Average by sums that run along each row."""
    rows, length = values.shape
    result = np.full((rows, begins.size), np.nan)
    total = np.zeros(length + 1)
    for row in range(rows):
        for t in range(length):
            total[t + 1] = total[t] + values[row, t]
        for n in range(begins.size):
            if ends[n] > begins[n]:
                result[row, n] = (total[ends[n]] - total[begins[n]]) / (ends[n] - begins[n])
    return result


@kernel(types.float64[:, ::1](F2, I1, I1))
def _ratios(excess: Floats, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """Divide by sums that run along each row; that returns are all equal is counted, not computed."""
    rows, length = excess.shape
    result = np.full((rows, begins.size), np.nan)
    total, squares = np.zeros(length + 1), np.zeros(length + 1)
    changes = np.zeros(length + 1, dtype=np.int64)
    for row in range(rows):
        values = excess[row]
        for t in range(length):
            total[t + 1] = total[t] + values[t]
            squares[t + 1] = squares[t] + values[t] * values[t]
            changes[t + 1] = changes[t] + (t > 0 and values[t] != values[t - 1])
        for n in range(begins.size):
            begin, end = begins[n], ends[n]
            count = end - begin
            if count < 2 or changes[end] == changes[begin + 1]:
                continue
            mean = (total[end] - total[begin]) / count
            spread = (squares[end] - squares[begin] - count * mean * mean) / (count - 1)
            if spread > 0.0:
                result[row, n] = mean / np.sqrt(spread)
    return result
