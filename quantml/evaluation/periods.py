"""A series of returns over time: by month, by year, and in a rolling window."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from quantml.errors import DataError, ParameterError
from quantml.evaluation.series import as_periods, excess_over, growth, labels


def monthly_returns(returns: pd.Series) -> pd.DataFrame:
    """Compounded return of every calendar month, one row per year.

    Parameters
    ----------
    returns : Series, shape (T,)
        Simple returns per period, labelled with dates.

    Returns
    -------
    DataFrame, years x 12
        Columns 1 to 12; NaN for months without a period.

    Raises
    ------
    DataError
        If `returns` has no dates.
    """
    dates = _dates(returns)
    factors = pd.Series(growth(returns)).groupby([dates.year.rename("year"), dates.month.rename("month")]).prod()
    return (factors - 1.0).unstack("month").reindex(columns=pd.RangeIndex(1, 13, name="month"))


def yearly_returns(returns: pd.Series) -> pd.Series:
    """Compounded return of every calendar year.

    Parameters
    ----------
    returns : Series, shape (T,)
        Simple returns per period, labelled with dates.

    Returns
    -------
    Series
        Labelled with the years; the first and the last may be partial.

    Raises
    ------
    DataError
        If `returns` has no dates.
    """
    dates = _dates(returns)
    factors = pd.Series(growth(returns)).groupby(dates.year.rename("year")).prod()
    return (factors - 1.0).rename("return")


def _dates(returns: pd.Series) -> pd.DatetimeIndex:
    index = getattr(returns, "index", None)
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError("returns", must="be a Series labelled with dates", got=type(returns).__name__)
    return index


def rolling_sharpe_ratio(
    returns: ArrayLike, *, window: int, periods_per_year: float, risk_free: ArrayLike = 0.0
) -> pd.Series:
    """`sharpe_ratio` of the last `window` periods, at every period.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    window : int
        Periods, at least 2.
    periods_per_year : float
        Periods in a year.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.

    Returns
    -------
    Series, shape (T,)
        With the labels of `returns`; NaN for the first ``window - 1`` periods, and where the window does not vary.

    Raises
    ------
    ParameterError
        If `window` is below 2.
    """
    if window < 2:
        raise ParameterError("window", must="be at least 2 periods", got=window)
    excess = excess_over(returns, risk_free)
    result = np.full(excess.size, math.nan)
    if excess.size >= window:
        views = sliding_window_view(excess, window)
        moving = views.max(axis=1) > views.min(axis=1)
        ratios = np.divide(views.mean(axis=1), views.std(axis=1, ddof=1), where=moving, out=np.full(len(views), np.nan))
        result[window - 1 :] = ratios * math.sqrt(as_periods(periods_per_year))
    return pd.Series(result, index=labels(returns), name="sharpe_ratio")
