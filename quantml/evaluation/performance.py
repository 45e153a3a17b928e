"""How much a series of returns earned, how much it moved, and the one over the other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from quantml.evaluation.series import Values, as_offset, as_periods, as_returns, excess_over, growth, ratio, varies


def total_return(returns: ArrayLike) -> float:
    """Compounded return of the whole series, ``prod(1 + r) - 1``.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period, decimal.

    Returns
    -------
    float
        NaN for an empty series.

    Examples
    --------
    >>> round(total_return([0.10, -0.05]), 6)
    0.045
    """
    factors = growth(returns)
    return float(np.prod(factors)) - 1.0 if factors.size else math.nan


def annual_return(returns: ArrayLike, *, periods_per_year: float) -> float:
    """Compounded return per year (CAGR), ``prod(1 + r) ** (periods_per_year / T) - 1``.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        252 for daily bars of a stock exchange, 12 for months.

    Returns
    -------
    float
        NaN for an empty series; -1 where everything was lost; infinite beyond the largest float.
    """
    factors, periods = growth(returns), as_periods(periods_per_year)
    if factors.size == 0:
        return math.nan
    if factors.min() <= 0.0:
        return -1.0
    with np.errstate(over="ignore"):  # a few periods of many hundred percent, compounded over a year
        return float(np.expm1(np.log(factors).mean() * periods))


def annual_mean_return(returns: ArrayLike, *, periods_per_year: float) -> float:
    """Mean return per period times the periods of a year, without compounding.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN for an empty series.
    """
    values, periods = as_returns(returns), as_periods(periods_per_year)
    return float(values.mean()) * periods if values.size else math.nan


def annual_volatility(returns: ArrayLike, *, periods_per_year: float) -> float:
    """Standard deviation (ddof=1) times the square root of the periods of a year.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        0 where all returns are equal; NaN for fewer than two.
    """
    values, periods = as_returns(returns), as_periods(periods_per_year)
    return _deviation(values) * math.sqrt(periods)


def downside_deviation(returns: ArrayLike, *, periods_per_year: float, required_return: ArrayLike = 0.0) -> float:
    """Root mean square of the shortfalls below a required return, over all T periods, annualised.

    Sortino and Price (1994), Journal of Investing 3(3): the denominator counts every period, not only those with
    a shortfall. With ``periods_per_year=1`` it is the deviation per period.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    required_return : float or array_like, shape (T,)
        Per period.

    Returns
    -------
    float
        0 where no return falls short; NaN for an empty series.
    """
    values, periods = as_returns(returns), as_periods(periods_per_year)
    short = np.minimum(values - as_offset(required_return, returns, "required_return"), 0.0)
    return math.sqrt(float(np.mean(short * short)) * periods) if values.size else math.nan


def sharpe_ratio(returns: ArrayLike, *, periods_per_year: float, risk_free: ArrayLike = 0.0) -> float:
    """Mean over standard deviation (ddof=1) of the excess simple returns, times ``sqrt(periods_per_year)``.

    Sharpe (1994), Journal of Portfolio Management 21(1), ex post.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.

    Returns
    -------
    float
        NaN for fewer than two returns, or where the excess returns are all equal. (Other libraries report an
        infinite ratio there.)

    Examples
    --------
    >>> round(sharpe_ratio([0.01, 0.03], periods_per_year=1), 6)
    1.414214
    """
    excess = excess_over(returns, risk_free)
    scale = math.sqrt(as_periods(periods_per_year))
    return ratio(excess.mean(), _deviation(excess)) * scale if varies(excess) else math.nan


def sortino_ratio(returns: ArrayLike, *, periods_per_year: float, required_return: ArrayLike = 0.0) -> float:
    """Annualised mean return above a required one, over the annualised `downside_deviation`.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    required_return : float or array_like, shape (T,)
        Per period.

    Returns
    -------
    float
        NaN where no return falls short, and for an empty series.
    """
    downside = downside_deviation(returns, periods_per_year=periods_per_year, required_return=required_return)
    if math.isnan(downside):
        return math.nan
    excess = as_returns(returns) - as_offset(required_return, returns, "required_return")
    return ratio(excess.mean() * periods_per_year, downside)


def omega_ratio(returns: ArrayLike, *, required_return: ArrayLike = 0.0) -> float:
    """Sum of the gains above a required return over the sum of the shortfalls below it.

    Keating and Shadwick (2002), "A universal performance measure", Journal of Performance Measurement 6(3).

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    required_return : float or array_like, shape (T,)
        Per period.

    Returns
    -------
    float
        NaN where nothing falls short.
    """
    excess = as_returns(returns) - as_offset(required_return, returns, "required_return")
    return ratio(excess[excess > 0.0].sum(), -excess[excess < 0.0].sum())


def certainty_equivalent_return(returns: ArrayLike, *, periods_per_year: float, risk_aversion: float = 3.0) -> float:
    """Riskless return per year that a mean-variance investor would take instead.

    ``periods_per_year * (mean - risk_aversion / 2 * variance)``; DeMiguel, Garlappi and Uppal (2009), Review of
    Financial Studies 22(5), equation 14.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    risk_aversion : float
        Coefficient of relative risk aversion; 3 as in Campbell and Thompson (2008).

    Returns
    -------
    float
        NaN for fewer than two returns.
    """
    values, periods = as_returns(returns), as_periods(periods_per_year)
    if values.size < 2:
        return math.nan
    return periods * (float(values.mean()) - risk_aversion / 2.0 * _deviation(values) ** 2)


def kelly_fraction(returns: ArrayLike, *, risk_free: ArrayLike = 0.0) -> float:
    """Leverage that maximises expected log growth for small returns, mean over variance (ddof=1).

    Thorp (2006), "The Kelly criterion in blackjack, sports betting, and the stock market", section 7.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.

    Returns
    -------
    float
        NaN for fewer than two returns, or where they are all equal.
    """
    excess = excess_over(returns, risk_free)
    return ratio(excess.mean(), _deviation(excess) ** 2) if varies(excess) else math.nan


def stability(returns: ArrayLike) -> float:
    """R squared of a straight line through the cumulated log returns.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        Between 0 and 1; NaN for fewer than two returns, where all returns are zero, or after a total loss.
    """
    factors = growth(returns)
    if factors.size < 2 or factors.min() <= 0.0:
        return math.nan
    path = np.cumsum(np.log(factors))
    if not varies(path):
        return math.nan
    time = np.arange(path.size, dtype=np.float64)
    return float(np.corrcoef(time, path)[0, 1]) ** 2


def _deviation(values: Values) -> float:
    if values.size < 2:
        return math.nan
    return float(values.std(ddof=1)) if varies(values) else 0.0
