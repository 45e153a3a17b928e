"""Indicators of technical analysis, as TA-Lib defines them, on each symbol's own adjusted closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.indicators import Settling, TALib
from quantml.features.own_bars import Windowed, check_count, on_panel
from quantml.features.rolling import rolling_mean, rolling_variance
from quantml.features.tiles import PANEL
from quantml.kernels import F2, kernel
from quantml.space import Declaration

__all__ = ["MACD", "RSI", "BollingerPosition", "MACDHistogram", "MACDSignal"]


@dataclass(frozen=True)
class RSI(Settling, Windowed):
    """Relative strength index, 0 to 100, with Wilder's averages of gains and losses; TA-Lib's ``RSI``.

    As in TA-Lib it is 0 where there was neither a gain nor a loss. Wilder's averages never quite forget where the data
    began: the warm-up is the time after which the beginning hardly moves them, as in `TALib`, which also has the values
    before.

    Parameters
    ----------
    window : int
        Own bars averaged, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 14
    least: ClassVar[int] = 2

    def _indicator(self) -> TALib:
        return TALib("RSI", timeperiod=self.window)


@dataclass(frozen=True)
class _MACD(Settling, Declaration):
    fast: int = 12
    slow: int = 26
    signal: int = 9
    output: ClassVar[str]

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "fast", 2)
        check_count(self, "slow", 3)
        check_count(self, "signal", 1)
        check(self.fast < self.slow, f"{type(self).__name__}.fast", f"be below slow, {self.slow}", self.fast)

    def _indicator(self) -> TALib:
        parameters = {"fastperiod": self.fast, "slowperiod": self.slow, "signalperiod": self.signal}
        return TALib("MACD", output=self.output, parameters=parameters)


@dataclass(frozen=True)
class MACD(_MACD):
    """Fast minus slow exponential average of the close, in units of the adjusted price; TA-Lib's ``MACD`` line.

    The averages start from simple ones, as in TA-Lib, and the warm-up is the time that they need to forget them, as in
    `RSI`.

    Parameters
    ----------
    fast, slow : int
        Own bars of the two averages, ``2 <= fast < slow``.
    signal : int
        Own bars of the signal's average, at least 1; it moves only where TA-Lib's line starts.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    output: ClassVar[str] = "macd"


@dataclass(frozen=True)
class MACDSignal(_MACD):
    """Exponential average of the `MACD` line over `signal` own bars, in price units; TA-Lib's signal line.

    Parameters
    ----------
    fast, slow : int
        Own bars of the two averages, ``2 <= fast < slow``.
    signal : int
        Own bars of the signal's average, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    output: ClassVar[str] = "macdsignal"


@dataclass(frozen=True)
class MACDHistogram(_MACD):
    """`MACD` minus `MACDSignal`, in price units; TA-Lib's histogram.

    Parameters
    ----------
    fast, slow : int
        Own bars of the two averages, ``2 <= fast < slow``.
    signal : int
        Own bars of the signal's average, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    output: ClassVar[str] = "macdhist"


@dataclass(frozen=True)
class BollingerPosition(Windowed):
    """Where the close stands between its Bollinger bands: (close - lower) / (upper - lower).

    The bands lie `width` standard deviations (ddof=0) around the mean of the last `window` closes, so that 0 is the
    lower band, 0.5 the mean and 1 the upper band (Bollinger's %b). Equal to the position between TA-Lib's ``BBANDS``,
    but at any scale of prices: TA-Lib takes a variance below 1e-14 for zero. NaN where the closes in the window are
    all equal and the bands have no width.

    Parameters
    ----------
    window : int
        Own bars, at least 2.
    width : float
        Standard deviations, positive.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int = 20
    width: float = 2.0
    least: ClassVar[int] = 2

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check(0.0 < self.width < np.inf, "BollingerPosition.width", "be a positive number", self.width)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the position, time x symbol."""
        close = bars.array("close")
        position = rolling_mean(close, self.window)
        _place(close, rolling_variance(close, self.window, 0), float(self.width), position)
        return on_panel(position, bars)


@kernel(types.void(F2, F2, types.float64, PANEL))
def _place(close: NDArray[np.float64], variance: NDArray[np.float64], width: float, mean: NDArray[np.float64]) -> None:
    """Put positions between the bands in the place of the means; NaN where the bands have no width."""
    for row in range(close.shape[0]):
        price, square, here = close[row], variance[row], mean[row]
        for place in range(len(here)):
            known = square[place] if square[place] > 0.0 else np.nan
            here[place] = (price[place] - here[place]) / (2.0 * width * np.sqrt(known)) + 0.5
