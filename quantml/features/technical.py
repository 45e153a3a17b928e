"""Indicators of technical analysis, as TA-Lib defines them, on each symbol's own adjusted closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.own_bars import Windowed, check_count, on_own_bars, on_panel
from quantml.features.rolling import rolling_mean, rolling_std
from quantml.space import Declaration

__all__ = ["MACD", "RSI", "BollingerPosition", "MACDHistogram", "MACDSignal"]


@dataclass(frozen=True)
class RSI(Windowed):
    """Relative strength index, 0 to 100, with Wilder's averages of gains and losses; equal to TA-Lib's ``RSI``.

    As in TA-Lib it is 0 where there was neither a gain nor a loss.

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

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the index, time x symbol."""
        return on_own_bars(talib.RSI, bars, ("close",), self.window)


@dataclass(frozen=True)
class _MACD(Declaration):
    fast: int = 12
    slow: int = 26
    signal: int = 9

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "fast", 2)
        check_count(self, "slow", 3)
        check_count(self, "signal", 1)
        check(self.fast < self.slow, f"{type(self).__name__}.fast", f"be below slow, {self.slow}", self.fast)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.slow + self.signal - 2

    def _line(self, bars: Bars, number: int) -> pd.DataFrame:
        def line(close: NDArray[np.float64], fast: int, slow: int, signal: int) -> NDArray[np.float64]:
            result: NDArray[np.float64] = talib.MACD(close, fast, slow, signal)[number]
            return result

        return on_own_bars(line, bars, ("close",), self.fast, self.slow, self.signal)


@dataclass(frozen=True)
class MACD(_MACD):
    """Fast minus slow exponential average of the close, in units of the adjusted price; TA-Lib's ``MACD`` line.

    As in TA-Lib the averages start from simple ones, and all three lines start on the same bar.

    Parameters
    ----------
    fast, slow : int
        Own bars of the two averages, ``2 <= fast < slow``.
    signal : int
        Own bars of the signal's average, at least 1; it decides only where the line starts.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the line, time x symbol."""
        return self._line(bars, 0)


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

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the signal line, time x symbol."""
        return self._line(bars, 1)


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

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the histogram, time x symbol."""
        return self._line(bars, 2)


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
        deviation = rolling_std(close, self.window, 0)
        deviation[deviation == 0.0] = np.nan
        position = close - rolling_mean(close, self.window)
        position /= 2.0 * self.width * deviation
        position += 0.5
        return on_panel(position, bars)
