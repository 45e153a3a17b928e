"""Reading the series that evaluation functions are given: checked once, never repaired."""

from __future__ import annotations

import math
from typing import Any, Final, SupportsFloat

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from quantml.errors import DataError, ParameterError

ROUNDED: Final = 1e-14
"""Excess return per period that may be rounding."""
Values = NDArray[np.float64]


def as_returns(returns: ArrayLike, name: str = "returns") -> Values:
    """Read one series of numbers.

    Parameters
    ----------
    returns : array_like
        One-dimensional; a Series keeps its labels for the error's text.
    name : str
        What the error's text calls it.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    DataError
        If the series is not one-dimensional, or a value is NaN or infinite; the text names its position.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(name, must="be one-dimensional", got=f"an array of shape {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        hint = "Drop or fill such periods before, where you can say why."
        raise DataError(name, must="be finite", got=float(values[bad[0]]), where=place(returns, bad[0]), hint=hint)
    return values


def as_pair(returns: ArrayLike, other: ArrayLike, name: str = "benchmark") -> tuple[Values, Values]:
    """Read two series of the same periods.

    Raises
    ------
    DataError
        If either cannot be read, their lengths differ, or both carry labels and the labels differ.
    """
    first, second = as_returns(returns), as_returns(other, name)
    if len(first) != len(second):
        raise DataError(name, must=f"have as many values as returns, {len(first)}", got=len(second))
    same_labels(returns, other, name)
    return first, second


def as_offset(offset: ArrayLike, returns: ArrayLike, name: str) -> Values:
    """Read a number per period, or one number for every period, that is taken off `returns`."""
    if np.ndim(offset) == 0:
        return as_returns(np.reshape(offset, 1), name)
    return as_pair(returns, offset, name)[1]


def same_labels(one: Any, other: Any, name: str) -> None:
    """Raise a `DataError` where two pandas objects carry different labels; arrays carry none."""
    for axis in ("index", "columns"):
        mine, theirs = getattr(one, axis, None), getattr(other, axis, None)
        if isinstance(mine, pd.Index) and isinstance(theirs, pd.Index) and not mine.equals(theirs):
            raise DataError(name, must=f"have the same {axis} as what it is compared with", hint="Align them first.")


def place(returns: Any, position: int | np.integer[Any]) -> str:
    """Say where a value stands: its label where there is one, and its position."""
    index = getattr(returns, "index", None)
    if not isinstance(index, pd.Index) or isinstance(index, pd.RangeIndex):
        return f"position {position}"
    return f"{index[position]}, position {position}"


def labels(returns: ArrayLike) -> pd.Index:
    """Return the labels of a Series, or the positions 0, 1, ... of an array."""
    return returns.index if isinstance(returns, pd.Series) else pd.RangeIndex(np.size(returns))


def as_periods(periods_per_year: float) -> float:
    """Check the number of periods in a year."""
    if not (periods_per_year > 0 and np.isfinite(periods_per_year)):
        raise ParameterError("periods_per_year", must="be above 0", got=periods_per_year)
    return float(periods_per_year)


def growth(returns: ArrayLike, name: str = "returns") -> Values:
    """Read a series of returns as growth factors ``1 + r``, for functions that compound.

    Raises
    ------
    DataError
        If a return is below -1: an account cannot lose more than everything and go on.
    """
    values = as_returns(returns, name)
    bad = np.flatnonzero(values < -1.0)
    if bad.size:
        got, where = float(values[bad[0]]), place(returns, bad[0])
        raise DataError(name, must="be at or above -1 to be compounded", got=got, where=where)
    return 1.0 + values


def excess_over(returns: ArrayLike, risk_free: ArrayLike, name: str = "risk_free") -> Values:
    """Take what cash earned off returns, which are ratios of account values and so rounded by about 2e-16.

    An account that only earns what cash does has no excess at all: a difference of at most `ROUNDED` is rounding.
    """
    cash = as_offset(risk_free, returns, name)
    return without_rounding(as_returns(returns) - cash, cash)


def without_rounding(excess: Values, cash: Values) -> Values:
    """Set what may be rounding to 0.0 among returns, of any shape, from which what cash earned was taken off."""
    return np.where((np.abs(excess) <= ROUNDED) & (cash != 0.0), 0.0, excess)


def varies(values: Values) -> bool:
    """Say whether at least two values differ; the exact form of "the standard deviation is above zero"."""
    return values.size > 1 and bool(values.min() < values.max())


def ratio(numerator: SupportsFloat, denominator: SupportsFloat) -> float:
    """Divide, giving NaN where the denominator is zero."""
    return float(numerator) / float(denominator) if float(denominator) != 0.0 else math.nan
