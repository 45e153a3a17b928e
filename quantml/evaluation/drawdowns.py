"""How far, how long and how often a series of returns stood below its running peak."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from quantml.errors import ParameterError
from quantml.evaluation.performance import annual_return
from quantml.evaluation.series import Values, growth, labels, ratio

COLUMNS = ("peak", "valley", "recovery", "depth", "length", "to_valley")


def drawdowns(returns: ArrayLike) -> pd.Series:
    """Fraction below the running peak after every period; the starting capital counts as a peak.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    Series, shape (T,)
        Between -1 and 0, with the labels of `returns`.

    Examples
    --------
    >>> drawdowns([0.25, -0.2, 0.0, 0.5]).round(6).tolist()
    [0.0, -0.2, -0.2, 0.0]
    """
    return pd.Series(_underwater(returns), index=labels(returns), name="drawdown")


def max_drawdown(returns: ArrayLike) -> float:
    """Deepest of the `drawdowns`, at or below 0.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN for an empty series.
    """
    under = _underwater(returns)
    return float(under.min()) if under.size else math.nan


def drawdown_table(returns: ArrayLike, *, top: int | None = None) -> pd.DataFrame:
    """List the separate drawdowns, deepest first.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    top : int, optional
        How many to list; all of them by default.

    Returns
    -------
    DataFrame
        ``peak``: the last period at the peak, missing where the peak is the starting capital; ``valley``;
        ``recovery``: the first period back at the peak, missing where the series ends before; ``depth``: at the
        valley, below 0; ``length``: periods from the peak to the recovery, or to the end; ``to_valley``: periods
        from the peak to the valley. Empty where the series never fell.

    Raises
    ------
    ParameterError
        If `top` is below 1.
    """
    if top is not None and top < 1:
        raise ParameterError("top", must="be at least 1", got=top)
    under = _underwater(returns)
    spells = _spells(under)
    valleys = np.array([first + int(under[first:end].argmin()) for first, end in spells], dtype=np.int64)
    peaks, ends = spells[:, 0] - 1, spells[:, 1]
    names = pd.Series(labels(returns))
    table = {
        "peak": names.reindex(peaks).to_numpy(),
        "valley": names.reindex(valleys).to_numpy(),
        "recovery": names.reindex(ends).to_numpy(),
        "depth": under[valleys],
        "length": np.minimum(ends, under.size - 1) - peaks,
        "to_valley": valleys - peaks,
    }
    return pd.DataFrame(table).sort_values("depth", kind="stable", ignore_index=True).head(top or len(spells))


def average_drawdown(returns: ArrayLike) -> float:
    """Mean depth of the separate drawdowns, at or below 0.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        0 where the series never fell; NaN for an empty one.
    """
    under = _underwater(returns)
    if under.size == 0:
        return math.nan
    depths = [float(under[first:end].min()) for first, end in _spells(under)]
    return float(np.mean(depths)) if depths else 0.0


def longest_drawdown(returns: ArrayLike) -> float:
    """Largest number of periods that any drawdown lasted, from its peak to its recovery or to the end.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        Whole periods; 0 where the series never fell; NaN for an empty one.
    """
    table = drawdown_table(returns)
    if table.empty:
        return 0.0 if np.size(returns) else math.nan
    return float(table["length"].max())


def ulcer_index(returns: ArrayLike) -> float:
    """Root mean square of the `drawdowns` (Martin and McCann 1989, "The Investor's Guide to Fidelity Funds").

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        At or above 0; NaN for an empty series.
    """
    under = _underwater(returns)
    return math.sqrt(float(np.mean(under * under))) if under.size else math.nan


def pain_index(returns: ArrayLike) -> float:
    """Mean absolute value of the `drawdowns` (Becker 2006, Zephyr Associates).

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        At or above 0; NaN for an empty series.
    """
    under = _underwater(returns)
    return float(-under.mean()) if under.size else math.nan


def calmar_ratio(returns: ArrayLike, *, periods_per_year: float) -> float:
    """`annual_return` over the absolute `max_drawdown` of the whole series (Young 1991, Futures 20).

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the series never fell.
    """
    return ratio(annual_return(returns, periods_per_year=periods_per_year), -max_drawdown(returns))


def martin_ratio(returns: ArrayLike, *, periods_per_year: float) -> float:
    """`annual_return` over the `ulcer_index`; also called the ulcer performance index.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the series never fell.
    """
    return ratio(annual_return(returns, periods_per_year=periods_per_year), ulcer_index(returns))


def pain_ratio(returns: ArrayLike, *, periods_per_year: float) -> float:
    """`annual_return` over the `pain_index`.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the series never fell.
    """
    return ratio(annual_return(returns, periods_per_year=periods_per_year), pain_index(returns))


def _underwater(returns: ArrayLike) -> Values:
    equity = np.cumprod(growth(returns))
    under: Values = equity / np.maximum.accumulate(np.maximum(equity, 1.0)) - 1.0
    return under


def _spells(under: Values) -> NDArray[np.int64]:
    """Find the runs below zero: first position and one past the last, shape (runs, 2)."""
    below = np.concatenate([[False], under < 0.0, [False]])
    return np.flatnonzero(below[1:] != below[:-1]).reshape(-1, 2)
