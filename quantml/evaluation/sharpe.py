"""How sure a Sharpe ratio is, in closed form: for independent returns that need not be normal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from numpy.typing import ArrayLike

from quantml.errors import ParameterError
from quantml.evaluation.distribution import kurtosis, skewness
from quantml.evaluation.performance import sharpe_ratio
from quantml.evaluation.series import as_returns

_NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329
_TINY: Final = 1e-300


@dataclass(frozen=True)
class SharpeEstimate:
    """A Sharpe ratio per period and the moments that its sampling error depends on.

    Parameters
    ----------
    ratio : float
        Mean over standard deviation (ddof=1) of the returns, per period: an annual one over
        ``sqrt(periods_per_year)``.
    observations : float
        Number of periods.
    skewness : float
        0 for a normal distribution.
    kurtosis : float
        Not in excess: 3 for a normal distribution.

    Raises
    ------
    ParameterError
        If there are fewer than two observations, or the kurtosis is below 1, which no distribution has.
    """

    ratio: float
    observations: float
    skewness: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if not self.observations >= 2:
            raise ParameterError("observations", must="be at least 2", got=self.observations)
        if self.kurtosis < 1.0:
            hint = "Give it as 3 for a normal distribution, not in excess."
            raise ParameterError("kurtosis", must="be at least 1", got=self.kurtosis, hint=hint)

    @classmethod
    def of(cls, returns: ArrayLike) -> SharpeEstimate:
        """Estimate from simple returns per period, less what cash earned; NaN where they do not vary."""
        values = as_returns(returns)
        ratio = sharpe_ratio(values, periods_per_year=1)
        return cls(ratio, values.size, skewness(values), kurtosis(values) + 3.0)

    @property
    def spread(self) -> float:
        """Variance of ``sqrt(T) * (estimate - truth)``: 1 - skewness ratio + (kurtosis - 1) / 4 ratio squared.

        Mertens (2002); Bailey and Lopez de Prado (2012), Journal of Risk 15(2), section 2.
        """
        spread = 1.0 - self.skewness * self.ratio + (self.kurtosis - 1.0) / 4.0 * self.ratio**2
        return max(spread, _TINY)


Record = SharpeEstimate | ArrayLike
"""Returns per period, or what is known of them."""


def _estimate(record: Record) -> SharpeEstimate:
    return record if isinstance(record, SharpeEstimate) else SharpeEstimate.of(record)


def sharpe_standard_error(record: Record) -> float:
    """Standard error of the Sharpe ratio per period, ``sqrt(spread / T)``, for independent returns.

    Lo (2002), Financial Analysts Journal 58(4), extended to skewed and fat-tailed returns by Mertens (2002).

    Parameters
    ----------
    record : SharpeEstimate or array_like, shape (T,)
        Simple returns per period, less what cash earned, or their moments.

    Returns
    -------
    float
        NaN where the returns do not vary.

    Examples
    --------
    >>> round(sharpe_standard_error(SharpeEstimate(0.5, observations=12)), 3)
    0.306
    """
    estimate = _estimate(record)
    return math.sqrt(estimate.spread / estimate.observations)


def probabilistic_sharpe_ratio(record: Record, *, threshold: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above a threshold, for independent returns.

    ``Phi((ratio - threshold) * sqrt(T - 1) / sqrt(spread))``; Bailey and Lopez de Prado (2012), "The Sharpe ratio
    efficient frontier", Journal of Risk 15(2), section 3.

    Parameters
    ----------
    record : SharpeEstimate or array_like, shape (T,)
        Simple returns per period, less what cash earned, or their moments.
    threshold : float
        Sharpe ratio per period: an annual one over ``sqrt(periods_per_year)``.

    Returns
    -------
    float
        Between 0 and 1; NaN where the returns do not vary.
    """
    estimate = _estimate(record)
    distance = (estimate.ratio - threshold) * math.sqrt(estimate.observations - 1.0) / math.sqrt(estimate.spread)
    return _NORMAL.cdf(distance)


def minimum_track_record_length(record: Record, *, threshold: float = 0.0, confidence: float = 0.95) -> float:
    """Observations at which the `probabilistic_sharpe_ratio` would reach a confidence, were the moments to stay.

    Bailey and Lopez de Prado (2012), Journal of Risk 15(2), section 5.

    Parameters
    ----------
    record : SharpeEstimate or array_like, shape (T,)
        Simple returns per period, less what cash earned, or their moments.
    threshold : float
        Sharpe ratio per period.
    confidence : float
        Between 0.5 and 1.

    Returns
    -------
    float
        Periods, not rounded; infinite where the ratio is not above the threshold, NaN where the returns do not vary.

    Raises
    ------
    ParameterError
        If `confidence` is not between 0.5 and 1.
    """
    if not 0.5 < confidence < 1.0:
        raise ParameterError("confidence", must="be between 0.5 and 1", got=confidence)
    estimate = _estimate(record)
    if estimate.ratio <= threshold:
        return math.inf
    return 1.0 + estimate.spread * (_NORMAL.inv_cdf(confidence) / (estimate.ratio - threshold)) ** 2


def expected_maximum_sharpe(trials: float, *, variance: float) -> float:
    """Sharpe ratio that the best of several worthless strategies is expected to show.

    ``sqrt(variance) * ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))`` with Euler's constant g; Bailey and Lopez de
    Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5).

    Parameters
    ----------
    trials : float
        Number N of independent strategies that were tried; an effective number need not be whole.
    variance : float
        Variance of the trials' Sharpe ratios.

    Returns
    -------
    float
        In the unit of the Sharpe ratios; 0 for one trial.

    Raises
    ------
    ParameterError
        If `trials` is below 1, or `variance` below 0.
    """
    if not trials >= 1.0:
        raise ParameterError("trials", must="be at least 1", got=trials)
    if not variance >= 0.0:
        raise ParameterError("variance", must="be at least 0", got=variance)
    if trials == 1.0:
        return 0.0
    first, second = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def deflated_sharpe_ratio(record: Record, *, trials: float, variance: float) -> float:
    """`probabilistic_sharpe_ratio` against the best that worthless strategies would show in as many trials.

    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5).

    Parameters
    ----------
    record : SharpeEstimate or array_like, shape (T,)
        Simple returns per period of the chosen strategy, less what cash earned, or their moments.
    trials : float
        Number of independent strategies that were tried, the chosen one included.
    variance : float
        Variance of the trials' Sharpe ratios per period.

    Returns
    -------
    float
        Between 0 and 1; NaN where the returns do not vary.

    Raises
    ------
    ParameterError
        If `trials` is below 1, or `variance` below 0.
    """
    return probabilistic_sharpe_ratio(record, threshold=expected_maximum_sharpe(trials, variance=variance))


def minimum_backtest_length(trials: float, *, target: float) -> float:
    """Years of data below which the best of several worthless strategies is expected to reach a Sharpe ratio.

    Bailey, Borwein, Lopez de Prado and Zhu (2014), "Pseudo-mathematics and financial charlatanism", Notices of the
    AMS 61(5), theorem 3.1.

    Parameters
    ----------
    trials : float
        Number of independent strategies that were tried.
    target : float
        Annual Sharpe ratio, above 0.

    Returns
    -------
    float
        Years; 0 for one trial.

    Raises
    ------
    ParameterError
        If `trials` is below 1, or `target` not above 0.
    """
    if not target > 0.0:
        raise ParameterError("target", must="be above 0", got=target)
    return (expected_maximum_sharpe(trials, variance=1.0) / target) ** 2
