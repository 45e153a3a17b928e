"""Every measure of a series of returns, under the name that the field gives it.

All are pure functions of simple returns per period (decimal, net of whatever the caller netted), first argument,
then keywords only. They read a Series or any one-dimensional array. Conventions that hold throughout:

- A NaN or infinite value raises a `DataError` that names its position; nothing is dropped or filled.
- Two series of different length, or with different labels, raise a `DataError`.
- Functions that compound raise a `DataError` for a return below -1.
- Standard deviations have ddof=1; per-year figures take `periods_per_year`.
- Where a measure has no value (nothing varies, nothing was lost, too few periods) it is NaN, never infinite;
  each docstring says where.
- Drawdowns are at or below zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from numpy.typing import ArrayLike

from quantml.evaluation.activity import exposure, relative_turnover, time_in_market, turnover
from quantml.evaluation.distribution import (
    best_period,
    common_sense_ratio,
    gain_to_pain_ratio,
    hit_rate,
    kurtosis,
    payoff_ratio,
    profit_factor,
    skewness,
    tail_ratio,
    win_rate,
    worst_period,
)
from quantml.evaluation.drawdowns import (
    average_drawdown,
    calmar_ratio,
    drawdown_table,
    drawdowns,
    longest_drawdown,
    martin_ratio,
    max_drawdown,
    pain_index,
    pain_ratio,
    ulcer_index,
)
from quantml.evaluation.performance import (
    annual_mean_return,
    annual_return,
    annual_volatility,
    certainty_equivalent_return,
    downside_deviation,
    kelly_fraction,
    omega_ratio,
    sharpe_ratio,
    sortino_ratio,
    stability,
    total_return,
)
from quantml.evaluation.periods import monthly_returns, rolling_sharpe_ratio, yearly_returns
from quantml.evaluation.relative import (
    alpha,
    beta,
    capture_ratio,
    down_capture,
    excess_return,
    information_ratio,
    tracking_error,
    up_capture,
)

__all__ = [
    "alpha",
    "annual_mean_return",
    "annual_return",
    "annual_volatility",
    "average_drawdown",
    "best_period",
    "beta",
    "calmar_ratio",
    "capture_ratio",
    "certainty_equivalent_return",
    "common_sense_ratio",
    "down_capture",
    "downside_deviation",
    "drawdown_table",
    "drawdowns",
    "excess_return",
    "exposure",
    "gain_to_pain_ratio",
    "hit_rate",
    "information_ratio",
    "kelly_fraction",
    "kurtosis",
    "longest_drawdown",
    "martin_ratio",
    "max_drawdown",
    "monthly_returns",
    "omega_ratio",
    "pain_index",
    "pain_ratio",
    "payoff_ratio",
    "profit_factor",
    "relative_turnover",
    "rolling_sharpe_ratio",
    "sharpe_ratio",
    "skewness",
    "sortino_ratio",
    "stability",
    "summary",
    "tail_ratio",
    "time_in_market",
    "total_return",
    "tracking_error",
    "turnover",
    "ulcer_index",
    "up_capture",
    "win_rate",
    "worst_period",
    "yearly_returns",
]

_PER_YEAR: Final[tuple[Callable[..., float], ...]] = (
    annual_return,
    annual_volatility,
    sharpe_ratio,
    sortino_ratio,
    calmar_ratio,
    downside_deviation,
    certainty_equivalent_return,
    martin_ratio,
    pain_ratio,
)
_PLAIN: Final[tuple[Callable[..., float], ...]] = (
    total_return,
    max_drawdown,
    average_drawdown,
    longest_drawdown,
    ulcer_index,
    pain_index,
    omega_ratio,
    profit_factor,
    payoff_ratio,
    gain_to_pain_ratio,
    hit_rate,
    win_rate,
    best_period,
    worst_period,
    skewness,
    kurtosis,
    tail_ratio,
    common_sense_ratio,
    kelly_fraction,
    stability,
)
_RELATIVE: Final[tuple[Callable[..., float], ...]] = (
    excess_return,
    alpha,
    information_ratio,
    tracking_error,
    up_capture,
    down_capture,
    capture_ratio,
)
_EXCESS: Final = frozenset({sharpe_ratio, kelly_fraction, alpha, beta})


def summary(
    returns: ArrayLike,
    *,
    periods_per_year: float,
    benchmark: ArrayLike | None = None,
    risk_free: ArrayLike = 0.0,
) -> dict[str, float]:
    """Every single-number measure of a series of returns, keyed by its function's name.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns per period.
    periods_per_year : float
        Periods in a year.
    benchmark : array_like, shape (T,), optional
        Simple returns of the same periods; adds the measures that compare with it.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period: taken off by the measures that have such a parameter (`sharpe_ratio`,
        `kelly_fraction`, `alpha` and `beta`).

    Returns
    -------
    dict of str to float
        29 measures, and 8 more with a benchmark; NaN where a measure has no value.
    """

    def measured(measures: Sequence[Callable[..., float]], **known: Any) -> dict[str, float]:
        free = {measure: {"risk_free": risk_free} if measure in _EXCESS else {} for measure in measures}
        return {measure.__name__: measure(returns, **known, **free[measure]) for measure in measures}

    result = measured(_PER_YEAR, periods_per_year=periods_per_year) | measured(_PLAIN)
    if benchmark is not None:
        result |= measured(_RELATIVE, benchmark=benchmark, periods_per_year=periods_per_year)
        result |= measured((beta,), benchmark=benchmark)
    return result
