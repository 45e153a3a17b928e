"""Features of how far prices move: volatility from closes and from ranges, its own volatility, average true range."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.indicators import Settling, TALib
from quantml.features.own_bars import (
    Windowed,
    bar_returns,
    bar_variance,
    check_count,
    log_body,
    log_range,
    log_ratio,
    on_panel,
    quotient,
)
from quantml.features.rolling import decayed_mean, lag, rolling_mean, rolling_std, rolling_variance
from quantml.features.tiles import PANEL
from quantml.kernels import F1, F2, kernel
from quantml.space import Declaration

__all__ = [
    "ATR",
    "NATR",
    "EwmaVolatility",
    "GarmanKlass",
    "Parkinson",
    "RealisedVolatility",
    "RogersSatchell",
    "VolatilityOfVolatility",
    "YangZhang",
]

_LOG_SHARE: Final = 2.0 * math.log(2.0) - 1.0
HALF_LIVES: Final = 10
"""How many half-lives an exponential average looks back; what lies before would have a thousandth of the weight."""


@dataclass(frozen=True)
class RealisedVolatility(Windowed):
    """Standard deviation (ddof=1) of the last `window` logarithmic returns, annualised.

    It is multiplied by the square root of the symbol's bars per year (`Bars.own_periods_per_year`); 0.2 is 20 % a
    year.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 2

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the annualised volatility, time x symbol."""
        return on_panel(_realised(bars, self.window), bars)


@dataclass(frozen=True)
class EwmaVolatility(Declaration):
    """Square root of the exponentially weighted mean of squared logarithmic returns, annualised.

    A return has half the weight of one `half_life` bars later; no mean is subtracted. The variance is sum_i d^i
    r_(t-i)^2 / sum_i d^i with d = 0.5^(1 / half_life) over the last ten half-lives, so that the value does not depend
    on how much history was loaded. The default is close to the decay of 0.94 of RiskMetrics (1996, Technical Document,
    4th edition, section 5.2), whose half-life is 11.2 days.

    Parameters
    ----------
    half_life : float
        Own bars, positive.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    half_life: float = 11.2
    by_symbol: ClassVar[bool] = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(0.0 < self.half_life < math.inf, "EwmaVolatility.half_life", "be a positive number", self.half_life)

    @property
    def warmup(self) -> int:
        """Own bars before the first value: ten half-lives, rounded up."""
        return math.ceil(HALF_LIVES * self.half_life)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the annualised volatility, time x symbol."""
        squares = np.square(bar_returns(bars))
        return on_panel(_annualised(decayed_mean(squares, self.warmup, 0.5 ** (1.0 / self.half_life)), bars), bars)


@dataclass(frozen=True)
class _RangeVolatility(Windowed, ABC):
    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the annualised volatility, time x symbol; `DataError` where the bars lack a field."""
        return on_panel(_annualised(rolling_mean(self._variances(bars), self.window), bars), bars)

    @abstractmethod
    def _variances(self, bars: Bars) -> NDArray[np.float64]:
        """Estimate the variance of each bar from its own prices."""


@dataclass(frozen=True)
class Parkinson(_RangeVolatility):
    """Volatility from the range of the last `window` bars, annualised.

    The variance is the mean of ln(high / low)^2 / (4 ln 2) (Parkinson 1980, Journal of Business 53, p. 61). It takes
    the logarithm of the price for a Brownian motion without drift that never jumps: what happens between a close and
    the next open is not in it.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def _variances(self, bars: Bars) -> NDArray[np.float64]:
        ranges = log_range(bars)
        variances = np.multiply(ranges, 1.0 / (4.0 * math.log(2.0)))
        variances *= ranges
        return variances


@dataclass(frozen=True)
class GarmanKlass(_RangeVolatility):
    """Volatility from open, high, low and close of the last `window` bars, annualised.

    The variance is the mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2, the practical estimator of
    Garman and Klass (1980, Journal of Business 53, p. 67). Drift and jumps between bars are assumed away, as in
    `Parkinson`.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def _variances(self, bars: Bars) -> NDArray[np.float64]:
        return _garman_klass(log_range(bars), log_body(bars))


@kernel(PANEL(F2, F2))
def _garman_klass(ranges: NDArray[np.float64], bodies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variances of `GarmanKlass`."""
    variances = np.empty(ranges.shape)
    for row in range(ranges.shape[0]):
        whole, body, variance = ranges[row], bodies[row], variances[row]
        for place in range(len(body)):
            variance[place] = 0.5 * whole[place] * whole[place] - _LOG_SHARE * body[place] * body[place]
    return variances


@dataclass(frozen=True)
class RogersSatchell(_RangeVolatility):
    """Volatility from open, high, low and close of the last `window` bars, whatever the drift; annualised.

    The variance is the mean of ln(high / open) ln(high / close) + ln(low / open) ln(low / close) (Rogers and Satchell
    1991, Annals of Applied Probability 1, p. 504). Jumps between bars are not in it.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def _variances(self, bars: Bars) -> NDArray[np.float64]:
        return _rogers_satchell(*_tails(bars), log_body(bars))


@dataclass(frozen=True)
class YangZhang(Windowed):
    """Volatility from open, high, low and close of the last `window` bars, whatever drift and jumps; annualised.

    The variance is V_o + k V_c + (1 - k) V_rs (Yang and Zhang 2000, Journal of Business 73, p. 477), where V_o is the
    variance (ddof=1) of ln(open / previous close), V_c that of ln(close / open), V_rs the variance of `RogersSatchell`
    and k = 0.34 / (1.34 + (n + 1) / (n - 1)) with n the window.

    Parameters
    ----------
    window : int
        Own bars, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 2

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the annualised volatility, time x symbol; `DataError` where the bars lack a field."""
        bodies, opens, close = log_body(bars), bars.array("open"), bars.array("close")
        ranges = rolling_mean(_rogers_satchell(*_tails(bars), bodies), self.window)
        inside = rolling_variance(bodies, self.window, 1)
        variance = rolling_variance(log_ratio(opens, lag(close, 1)), self.window, 1)
        share = 0.34 / (1.34 + (self.window + 1) / (self.window - 1))
        _add_up(variance, inside, ranges, share, bars.own_periods_per_year)
        return on_panel(variance, bars)


@kernel(types.void(PANEL, F2, F2, types.float64, F1))
def _add_up(
    gaps: NDArray[np.float64],
    inside: NDArray[np.float64],
    ranges: NDArray[np.float64],
    share: float,
    periods_per_year: NDArray[np.float64],
) -> None:
    """Put the volatilities of `YangZhang` in the place of the variances of the gaps between bars."""
    for row in range(gaps.shape[0]):
        total, within, ranged = gaps[row], inside[row], ranges[row]
        for place in range(len(total)):
            variance = total[place] + share * within[place] + (1.0 - share) * ranged[place]
            total[place] = np.sqrt(periods_per_year[place] * variance)


@dataclass(frozen=True)
class VolatilityOfVolatility(Windowed):
    """Standard deviation of the last `window` values of `RealisedVolatility`, over their mean.

    Baltussen, van Bekkum and van der Grient (2018, Journal of Financial and Quantitative Analysis 53, p. 1615) take
    implied volatility; here it is realised, over `inner` returns. Both standard deviations have ddof=1. Neighbouring
    values share all but one of their returns, so that it is the smaller the longer `inner` is beside `window`. NaN
    where the price stood still throughout.

    Parameters
    ----------
    window : int
        Values of volatility, on neighbouring own bars, at least 2.
    inner : int
        Returns in each of them, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    inner: int = 21
    least: ClassVar[int] = 2

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count(self, "inner", 2)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.inner + self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the relative deviation, time x symbol."""
        volatility = _realised(bars, self.inner)
        return on_panel(quotient(rolling_std(volatility, self.window, 1), rolling_mean(volatility, self.window)), bars)


def _realised(bars: Bars, window: int) -> NDArray[np.float64]:
    return _annualised(bar_variance(bars, window), bars)


def _tails(bars: Bars) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithms of each bar's high and low over its open."""
    opens = bars.array("open")
    return log_ratio(bars.array("high"), opens), log_ratio(bars.array("low"), opens)


@kernel(PANEL(F2, F2, F2))
def _rogers_satchell(
    up: NDArray[np.float64], down: NDArray[np.float64], bodies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the variances of `RogersSatchell` from the logarithms of high, low and close over the open."""
    variances = np.empty(up.shape)
    for row in range(up.shape[0]):
        high, low, body, variance = up[row], down[row], bodies[row], variances[row]
        for place in range(len(body)):
            above, below = high[place] * (high[place] - body[place]), low[place] * (low[place] - body[place])
            variance[place] = above + below
    return variances


def _annualised(variance: NDArray[np.float64], bars: Bars) -> NDArray[np.float64]:
    """Return volatilities a year from variances over one bar."""
    return _annualise(variance, bars.own_periods_per_year)


@kernel(PANEL(F2, F1))
def _annualise(variances: NDArray[np.float64], periods_per_year: NDArray[np.float64]) -> NDArray[np.float64]:
    volatilities = np.empty(variances.shape)
    for row in range(variances.shape[0]):
        variance, volatility = variances[row], volatilities[row]
        for place in range(len(variance)):
            volatility[place] = np.sqrt(periods_per_year[place] * variance[place])
    return volatilities


@dataclass(frozen=True)
class ATR(Settling, Windowed):
    """Average true range in units of the adjusted price; TA-Lib's ``ATR``.

    The true range of a bar is max(high, previous close) - min(low, previous close). The first value is the mean of
    `window` true ranges, each later one ``((window - 1) * previous value + true range) / window`` (Wilder 1978, New
    Concepts in Technical Trading Systems). It grows with the price; `NATR` does not.
    The warm-up is the time that the recursion needs to forget its first value, as in `RSI`.

    Parameters
    ----------
    window : int
        True ranges averaged, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 14

    def _indicator(self) -> TALib:
        return TALib("ATR", timeperiod=self.window)


@dataclass(frozen=True)
class NATR(Settling, Windowed):
    """Average true range in per cent of the close: 100 x `ATR` / close; TA-Lib's ``NATR``.

    Parameters
    ----------
    window : int
        True ranges averaged, at least 2 (with 1, TA-Lib's ``NATR`` is the true range itself, not normalised).

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 14
    least: ClassVar[int] = 2

    def _indicator(self) -> TALib:
        return TALib("NATR", timeperiod=self.window)
