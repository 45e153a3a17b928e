"""Features of how a symbol's own recent logarithmic returns are distributed, and of how they follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.moments import rolling_autocovariance, rolling_kurtosis, rolling_skewness
from quantml.features.ordered import rolling_entropy, rolling_order_entropy, rolling_quantile
from quantml.features.own_bars import Windowed, bar_returns, bar_variance, check_count, log_returns, on_panel
from quantml.features.rolling import lag, rolling_mean, rolling_std
from quantml.features.tiles import PANEL
from quantml.kernels import F2, kernel

__all__ = ["Autocorrelation", "Entropy", "Hurst", "Kurtosis", "PermutationEntropy", "Quantile", "Skewness"]

ORDERS = range(2, 7)


@dataclass(frozen=True)
class Skewness(Windowed):
    """Skewness of the last `window` logarithmic returns, adjusted for the sample: G1 of Joanes and Gill.

    G1 = n sqrt(n - 1) / (n - 2) x sum d^3 / (sum d^2)^1.5 with d the deviations from the mean (Joanes and Gill 1998,
    The Statistician 47, p. 183), as pandas has it. NaN where all returns are equal.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 3.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 3

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the skewness, time x symbol."""
        return on_panel(rolling_skewness(bar_returns(bars), self.window), bars)


@dataclass(frozen=True)
class Kurtosis(Windowed):
    """Excess kurtosis of the last `window` logarithmic returns, adjusted for the sample: G2 of Joanes and Gill.

    G2 = (n - 1) / ((n - 2) (n - 3)) x (n (n + 1) sum d^4 / (sum d^2)^2 - 3 (n - 1)) with d the deviations from the
    mean (Joanes and Gill 1998, The Statistician 47, p. 183), as pandas has it: 0 for a normal distribution. NaN where
    all returns are equal.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 4.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 4

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the excess kurtosis, time x symbol."""
        return on_panel(rolling_kurtosis(bar_returns(bars), self.window), bars)


@dataclass(frozen=True)
class Quantile(Windowed):
    """Quantile `q` of the last `window` logarithmic returns, linear between the two nearest.

    With the returns in order from 0, it stands at (n - 1) q: type 7 of Hyndman and Fan (1996, The American
    Statistician 50, p. 361), the default of NumPy and pandas.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 1.
    q : float
        From 0 to 1; 0.5 is the median.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    q: float = 0.5

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check(0.0 <= self.q <= 1.0, "Quantile.q", "be from 0 to 1", self.q)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the quantile, time x symbol."""
        return on_panel(rolling_quantile(bar_returns(bars), self.window, float(self.q)), bars)


@dataclass(frozen=True)
class Autocorrelation(Windowed):
    """Pearson's correlation of the last `window` logarithmic returns with those `lag` own bars earlier.

    Each side has its own mean and variance, as in pandas' ``Series.autocorr``. NaN where one side's are all equal.

    Parameters
    ----------
    window : int
        Pairs of returns, at least 3.
    lag : int
        Own bars between the two of a pair, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    lag: int = 1
    least: ClassVar[int] = 3

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count(self, "lag", 1)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window + self.lag

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the correlation, time x symbol."""
        variance = bar_variance(bars, self.window)
        correlation = rolling_autocovariance(bar_returns(bars), self.window, self.lag)
        _correlate(correlation, variance, lag(variance, self.lag), self.window)
        return on_panel(correlation, bars)


@kernel(types.void(PANEL, F2, F2, types.int64))
def _correlate(
    covariance: NDArray[np.float64], one: NDArray[np.float64], other: NDArray[np.float64], count: int
) -> None:
    """Turn covariances (ddof=0) into correlations in place, given both variances (ddof=1); NaN where one is 0."""
    unbias = count / (count - 1.0)
    for row in range(covariance.shape[0]):
        here, a, b = covariance[row], one[row], other[row]
        for place in range(len(here)):
            square = a[place] * b[place]
            correlation = unbias * here[place] / np.sqrt(square if square > 0.0 else np.nan)
            here[place] = min(max(correlation, -1.0), 1.0) if square > 0.0 else np.nan


@dataclass(frozen=True)
class Hurst(Windowed):
    """Hurst's exponent of the last `window` logarithmic returns, from the growth of variance with the holding period.

    The variance of a return over m bars grows as m^(2H): H is 0.5 without memory, above where moves go on, below where
    they turn back. H is half the slope of log(V_m) on log(m), by least squares, over m = 1, 2, 4, ... up to a quarter
    of the window. This is the aggregated-variance method of Taqqu, Teverovsky and Willinger (1995, Fractals 3, p. 785,
    section 3.1) with overlapping sums, whose variances V_m = m s_m^2 are without bias under a random walk with drift::

        s_m^2 = sum (p_k - p_(k-m) - m d)^2 / (m (n - m + 1) (1 - m / n)),   d = (p_n - p_0) / n

    (Lo and MacKinlay 1988, Review of Financial Studies 1, p. 41, eq. 12). It may lie outside 0 to 1 by chance: with 64
    returns its standard error is about 0.1. NaN where one of the variances is 0.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 16.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 16

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the exponent, time x symbol."""
        periods = 2.0 ** np.arange(int(np.log2(self.window // 4)) + 1)
        logs = np.log(periods) - np.log(periods).mean()
        drift = log_returns(bars, self.window) / self.window
        exponent = np.zeros_like(drift)
        for period, share in zip(periods, 0.5 * logs / np.sum(logs**2), strict=True):
            exponent += share * np.log(_growth(bars, int(period), self.window, drift))
        return on_panel(exponent, bars)


def _growth(bars: Bars, period: int, window: int, drift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of returns over `period` bars without bias, NaN where it is 0."""
    moves, count = log_returns(bars, period), window - period + 1
    variance = rolling_std(moves, count, 0) ** 2 + (rolling_mean(moves, count) - period * drift) ** 2
    variance /= 1.0 - period / window
    variance[variance == 0.0] = np.nan
    return variance


@dataclass(frozen=True)
class Entropy(Windowed):
    """Shannon's entropy of the last `window` logarithmic returns in `bins` equal bins over their own range, 0 to 1.

    -sum p log p over the shares p of the bins (Shannon 1948, Bell System Technical Journal 27, p. 379), divided by
    log(`bins`): 1 where the bins are equally full, 0 where all returns are equal. A few bins for many returns tell
    more than many for few.

    Parameters
    ----------
    window : int
        Returns over one own bar each, at least 2.
    bins : int
        At least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    bins: int = 10
    least: ClassVar[int] = 2

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count(self, "bins", 2)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the entropy, time x symbol."""
        return on_panel(rolling_entropy(bar_returns(bars), self.window, self.bins), bars)


@dataclass(frozen=True)
class PermutationEntropy(Windowed):
    """Entropy of the orders in which runs of `order` neighbouring returns stand, in the last `window` returns, 0 to 1.

    -sum p log p over the shares p of the ``order!`` possible orders, divided by log(``order!``): 1 where each comes as
    often, lower the more regular the ups and downs are (Bandt and Pompe 2002, Physical Review Letters 88, 174102, eq.
    1 and 2). Of equal returns the earlier counts as the smaller.

    Parameters
    ----------
    window : int
        Logarithmic returns over one own bar each, at least `order`.
    order : int
        Returns in a run, from 2 to 6.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    order: int = 3

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count(self, "order", ORDERS[0])
        check(self.order <= ORDERS[-1], "PermutationEntropy.order", f"be at most {ORDERS[-1]}", self.order)
        check(self.window >= self.order, "PermutationEntropy.window", f"be at least order, {self.order}", self.window)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the entropy, time x symbol."""
        return on_panel(rolling_order_entropy(bar_returns(bars), self.window, self.order), bars)
