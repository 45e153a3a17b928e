"""How much was traded and held for a series of returns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from quantml.errors import DataError
from quantml.evaluation.series import Values, as_pair, as_periods, as_returns, place, ratio


def turnover(traded: ArrayLike, *, equity: ArrayLike, periods_per_year: float) -> float:
    """Value traded per year as a multiple of equity, purchases and sales both counted.

    ``periods_per_year * mean(traded / equity)``; half of it is the one-way turnover.

    Parameters
    ----------
    traded : array_like, shape (T,)
        Sum of the absolute values of all fills of each period, in currency.
    equity : array_like, shape (T,)
        Value of the account at each period, in currency.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN for empty series.

    Raises
    ------
    DataError
        If equity is not above zero throughout, or a traded value is negative.

    Examples
    --------
    >>> turnover([100.0, 0.0], equity=[100.0, 100.0], periods_per_year=12)
    6.0
    """
    share, periods = _share(traded, equity, "traded"), as_periods(periods_per_year)
    return float(share.mean()) * periods if share.size else math.nan


def relative_turnover(
    traded: ArrayLike, *, equity: ArrayLike, baseline_traded: ArrayLike, baseline_equity: ArrayLike
) -> float:
    """Average turnover as a multiple of a baseline strategy's.

    As in Neely, Rapach, Tu and Zhou (2014), Management Science 60(7), where the baseline trades on the historical
    mean.

    Parameters
    ----------
    traded, equity : array_like, shape (T,)
        As in `turnover`.
    baseline_traded, baseline_equity : array_like, shape (T,)
        The same of the baseline, over the same periods.

    Returns
    -------
    float
        NaN where the baseline never trades.
    """
    as_pair(traded, baseline_traded, "baseline_traded")
    own = turnover(traded, equity=equity, periods_per_year=1)
    return ratio(own, turnover(baseline_traded, equity=baseline_equity, periods_per_year=1))


def exposure(gross: ArrayLike, *, equity: ArrayLike) -> float:
    """Mean gross position value as a multiple of equity.

    Parameters
    ----------
    gross : array_like, shape (T,)
        Sum of the absolute position values of each period, in currency.
    equity : array_like, shape (T,)
        Value of the account at each period, in currency.

    Returns
    -------
    float
        NaN for empty series.
    """
    share = _share(gross, equity, "gross")
    return float(share.mean()) if share.size else math.nan


def time_in_market(gross: ArrayLike) -> float:
    """Share of the periods with any position.

    Parameters
    ----------
    gross : array_like, shape (T,)
        Sum of the absolute position values of each period.

    Returns
    -------
    float
        NaN for an empty series.
    """
    values = as_returns(gross, "gross")
    return float(np.mean(values != 0.0)) if values.size else math.nan


def _share(amount: ArrayLike, equity: ArrayLike, name: str) -> Values:
    value, capital = as_pair(amount, equity, "equity")
    for series, bad, label, rule in (
        (amount, value < 0.0, name, "be at or above 0"),
        (equity, capital <= 0.0, "equity", "be above 0"),
    ):
        if bad.any():
            at = int(bad.argmax())
            raise DataError(label, must=rule, got=float(np.asarray(series)[at]), where=place(series, at))
    return value / capital
