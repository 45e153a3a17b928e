"""The shape of a series of returns: its tails, and how its gains compare with its losses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from quantml.evaluation.series import as_returns, ratio, varies


def skewness(returns: ArrayLike) -> float:
    """Third central moment over the cube of the standard deviation, both with denominator T.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        0 for a symmetric sample; NaN where the returns do not vary.
    """
    return _standardised_moment(returns, 3)


def kurtosis(returns: ArrayLike) -> float:
    """Fourth central moment over the squared variance, both with denominator T, minus 3 (excess kurtosis).

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        0 for a normal distribution; NaN where the returns do not vary.
    """
    return _standardised_moment(returns, 4) - 3.0


def _standardised_moment(returns: ArrayLike, order: int) -> float:
    values = as_returns(returns)
    if not varies(values):
        return math.nan
    centred = values - values.mean()
    return float(np.mean((centred / math.sqrt(float(np.mean(centred**2)))) ** order))


def tail_ratio(returns: ArrayLike) -> float:
    """Absolute 95th over absolute 5th percentile (linear interpolation): above 1, the right tail is longer.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN for an empty series, or where the 5th percentile is zero.
    """
    values = as_returns(returns)
    if values.size == 0:
        return math.nan
    low, high = np.abs(np.percentile(values, [5.0, 95.0]))
    return ratio(high, low)


def common_sense_ratio(returns: ArrayLike) -> float:
    """`profit_factor` times `tail_ratio`: below 1, either the losses or the left tail outweigh.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN where either factor is.
    """
    return profit_factor(returns) * tail_ratio(returns)


def hit_rate(returns: ArrayLike) -> float:
    """Share of all periods that earned something.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN for an empty series.
    """
    values = as_returns(returns)
    return float(np.mean(values > 0.0)) if values.size else math.nan


def win_rate(returns: ArrayLike) -> float:
    """Share of gains among the periods whose return is not zero, for strategies that are often out of the market.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN where every return is zero.
    """
    values = as_returns(returns)
    return ratio(np.count_nonzero(values > 0.0), np.count_nonzero(values))


def profit_factor(returns: ArrayLike) -> float:
    """Sum of the gains over the sum of the losses; `omega_ratio` at a required return of zero.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN where nothing was lost.
    """
    values = as_returns(returns)
    return ratio(values[values > 0.0].sum(), -values[values < 0.0].sum())


def payoff_ratio(returns: ArrayLike) -> float:
    """Mean gain over mean loss.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN without a gain or without a loss.
    """
    values = as_returns(returns)
    gains, losses = values[values > 0.0], values[values < 0.0]
    return ratio(gains.mean(), -losses.mean()) if gains.size and losses.size else math.nan


def gain_to_pain_ratio(returns: ArrayLike) -> float:
    """Sum of all returns over the sum of the losses (Schwager 2012, "Hedge Fund Market Wizards", appendix A).

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period; Schwager uses months.

    Returns
    -------
    float
        NaN where nothing was lost.
    """
    values = as_returns(returns)
    return ratio(values.sum(), -values[values < 0.0].sum())


def best_period(returns: ArrayLike) -> float:
    """Largest return of one period.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN for an empty series.
    """
    values = as_returns(returns)
    return float(values.max()) if values.size else math.nan


def worst_period(returns: ArrayLike) -> float:
    """Smallest return of one period.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.

    Returns
    -------
    float
        NaN for an empty series.
    """
    values = as_returns(returns)
    return float(values.min()) if values.size else math.nan
