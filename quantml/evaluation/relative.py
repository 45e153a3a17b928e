"""A series of returns beside its benchmark's, over the same periods."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from quantml.evaluation.performance import annual_return
from quantml.evaluation.series import Values, as_offset, as_pair, as_periods, ratio, varies


def excess_return(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """`annual_return` minus the benchmark's (the "active premium").

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN for empty series.
    """
    as_pair(returns, benchmark)
    own = annual_return(returns, periods_per_year=periods_per_year)
    return own - annual_return(benchmark, periods_per_year=periods_per_year)


def beta(returns: ArrayLike, *, benchmark: ArrayLike, risk_free: ArrayLike = 0.0) -> float:
    """Slope of the regression of the excess returns on the benchmark's excess returns.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.

    Returns
    -------
    float
        NaN where the benchmark's excess returns do not vary.
    """
    return _regress(returns, benchmark, risk_free)[1]


def alpha(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float, risk_free: ArrayLike = 0.0) -> float:
    """Jensen's alpha: the intercept of the regression behind `beta`, times the periods of a year.

    Jensen (1968), Journal of Finance 23(2), equation 8. With ``periods_per_year=1`` it is the intercept per
    period ``a``; libraries that compound it report ``(1 + a) ** periods - 1``.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.

    Returns
    -------
    float
        NaN where the benchmark's excess returns do not vary.
    """
    return _regress(returns, benchmark, risk_free)[0] * as_periods(periods_per_year)


def _regress(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike) -> tuple[float, float]:
    own, other = as_pair(returns, benchmark)
    cash = as_offset(risk_free, returns, "risk_free")
    own, other = own - cash, other - cash
    if not varies(other):
        return math.nan, math.nan
    centred = other - other.mean()
    slope = float(centred @ own) / float(centred @ centred)
    return float(own.mean()) - slope * float(other.mean()), slope


def tracking_error(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """Annualised standard deviation (ddof=1) of the differences to the benchmark.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        0 where the difference is constant; NaN for fewer than two periods.
    """
    active = _active(returns, benchmark)
    if active.size < 2:
        return math.nan
    return float(active.std(ddof=1)) * math.sqrt(as_periods(periods_per_year)) if varies(active) else 0.0


def information_ratio(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """Mean over standard deviation (ddof=1) of the differences to the benchmark, annualised.

    Sharpe (1994), Journal of Portfolio Management 21(1); Goodwin (1998), Financial Analysts Journal 54(4),
    arithmetic form. (The geometric form is `excess_return` over `tracking_error`.)

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the difference is constant.
    """
    active, scale = _active(returns, benchmark), math.sqrt(as_periods(periods_per_year))
    return ratio(active.mean(), active.std(ddof=1)) * scale if varies(active) else math.nan


def _active(returns: ArrayLike, benchmark: ArrayLike) -> Values:
    own, other = as_pair(returns, benchmark)
    return own - other


def up_capture(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """`annual_return` over the periods in which the benchmark rose, over the benchmark's own there.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the benchmark never rose.
    """
    return _capture(returns, benchmark, periods_per_year, np.asarray(benchmark, dtype=np.float64) > 0.0)


def down_capture(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """`annual_return` over the periods in which the benchmark fell, over the benchmark's own there.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        Above 1, the losses were larger than the benchmark's; NaN where the benchmark never fell.
    """
    return _capture(returns, benchmark, periods_per_year, np.asarray(benchmark, dtype=np.float64) < 0.0)


def capture_ratio(returns: ArrayLike, *, benchmark: ArrayLike, periods_per_year: float) -> float:
    """`up_capture` over `down_capture`.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods.
    periods_per_year : float
        Periods in a year.

    Returns
    -------
    float
        NaN where the benchmark never rose or never fell.
    """
    up = up_capture(returns, benchmark=benchmark, periods_per_year=periods_per_year)
    return ratio(up, down_capture(returns, benchmark=benchmark, periods_per_year=periods_per_year))


def _capture(
    returns: ArrayLike,
    benchmark: ArrayLike,
    periods_per_year: float,
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> float:
    own, other = as_pair(returns, benchmark)
    mine = annual_return(own[chosen], periods_per_year=periods_per_year)
    return ratio(mine, annual_return(other[chosen], periods_per_year=periods_per_year))
