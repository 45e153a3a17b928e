"""Features of the adjusted close: returns, momentum, distances to extremes, moving averages, trends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.moments import rolling_trend
from quantml.features.own_bars import Windowed, check_count, log_returns, on_panel, simple_returns
from quantml.features.rolling import rolling_max, rolling_mean, rolling_min
from quantml.space import Declaration

__all__ = [
    "DistanceToHigh",
    "DistanceToLow",
    "LogReturns",
    "Momentum",
    "MovingAverageRatio",
    "Returns",
    "TrendTStatistic",
]


@dataclass(frozen=True)
class Returns(Windowed):
    """Simple return over the last `window` own bars: close[k] / close[k - window] - 1, decimal.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the returns, time x symbol."""
        return on_panel(simple_returns(bars, self.window), bars)


@dataclass(frozen=True)
class LogReturns(Windowed):
    """Logarithmic return over the last `window` own bars: log(close[k] / close[k - window]).

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the logarithmic returns, time x symbol."""
        return on_panel(log_returns(bars, self.window), bars)


@dataclass(frozen=True)
class Momentum(Windowed):
    """Simple return from `window` own bars ago to `skip` own bars ago: close[k - skip] / close[k - window] - 1.

    On monthly bars ``Momentum(12, skip=1)``, and on daily ones roughly ``Momentum(252, skip=21)``, is the eleven-month
    return lagged one month of Carhart (1997, Journal of Finance 52, p. 61).

    Parameters
    ----------
    window : int
        Own bars, at least 1.
    skip : int
        Own bars, at least 0 and below `window`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, 121.0, 96.8]}, index=days))
    >>> Momentum(2)(bars)["A"].round(6).tolist()
    [nan, nan, 0.21, -0.12]
    >>> Momentum(2, skip=1)(bars)["A"].round(6).tolist()
    [nan, nan, 0.1, 0.1]
    """

    skip: int = 0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count(self, "skip", 0)
        check(self.skip < self.window, "Momentum.skip", f"be below the window, {self.window}", self.skip)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the momentum, time x symbol."""
        return on_panel(simple_returns(bars, self.window, self.skip), bars)


@dataclass(frozen=True)
class MovingAverageRatio(Declaration):
    """Simple moving average of the last `fast` closes over that of the last `slow`, minus 1.

    Parameters
    ----------
    fast, slow : int
        Own bars, ``1 <= fast < slow``. With ``fast=1`` it is the close's distance from its average.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    fast: int
    slow: int
    by_symbol: ClassVar[bool] = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "fast", 1)
        check_count(self, "slow", 2)
        check(self.fast < self.slow, "MovingAverageRatio.fast", f"be below slow, {self.slow}", self.fast)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.slow - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the ratio less one, time x symbol."""
        ratio = rolling_mean(bars.array("close"), self.fast)
        ratio /= rolling_mean(bars.array("close"), self.slow)
        ratio -= 1.0
        return on_panel(ratio, bars)


@dataclass(frozen=True)
class DistanceToHigh(Windowed):
    """The close over the highest of the last `window` closes, minus 1: 0 at a new high, -0.2 a fifth below it.

    ``DistanceToHigh(252) + 1`` on daily bars is the nearness to the 52-week high of George and Hwang (2004, Journal of
    Finance 59, p. 2145).

    Parameters
    ----------
    window : int
        Own bars, this one among them, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the distance, time x symbol."""
        distance = rolling_max(bars.array("close"), self.window)
        np.divide(bars.array("close"), distance, out=distance)
        distance -= 1.0
        return on_panel(distance, bars)


@dataclass(frozen=True)
class DistanceToLow(Windowed):
    """The close over the lowest of the last `window` closes, minus 1: 0 at a new low, 0.2 a fifth above it.

    Parameters
    ----------
    window : int
        Own bars, this one among them, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the distance, time x symbol."""
        distance = rolling_min(bars.array("close"), self.window)
        np.divide(bars.array("close"), distance, out=distance)
        distance -= 1.0
        return on_panel(distance, bars)


@dataclass(frozen=True)
class TrendTStatistic(Windowed):
    """Student's t of the slope of the logarithm of the last `window` closes on time, by least squares.

    With x = 1 ... n, y the logarithms and b the slope, t = b / sqrt(SSR / (n - 2) / sum((x - mean x)^2)), where SSR is
    the sum of the squared residuals. The trend-scanning labels of Lopez de Prado (2020, Machine Learning for Asset
    Managers, section 5.4) use the same number looking forward; this looks back. Prices wander, so that it is no test
    at any usual level. NaN where the logarithms lie on a straight line, as in a price that stands still.

    Parameters
    ----------
    window : int
        Own bars, at least 3.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 3

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the statistic, time x symbol."""
        return on_panel(rolling_trend(np.log(bars.array("close")), self.window), bars)
