"""Features of how far prices move: realised volatility and average true range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import talib

from quantml.bars import Bars
from quantml.features.own_bars import Windowed, log_returns, on_own_bars, on_panel
from quantml.features.rolling import rolling_std

__all__ = ["ATR", "NATR", "RealisedVolatility"]


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
        volatility = rolling_std(log_returns(bars, 1), self.window, 1)
        volatility *= np.sqrt(bars.own_periods_per_year)
        return on_panel(volatility, bars)


@dataclass(frozen=True)
class ATR(Windowed):
    """Average true range in units of the adjusted price, equal to TA-Lib's ``ATR``.

    The true range of a bar is max(high, previous close) - min(low, previous close). The first value is the mean of
    `window` true ranges, each later one ``((window - 1) * previous value + true range) / window`` (Wilder 1978, New
    Concepts in Technical Trading Systems). It grows with the price; `NATR` does not.

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

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the average true range, time x symbol; `DataError` without highs and lows."""
        return on_own_bars(talib.ATR, bars, ("high", "low", "close"), self.window)


@dataclass(frozen=True)
class NATR(Windowed):
    """Average true range in per cent of the close: 100 x `ATR` / close, equal to TA-Lib's ``NATR``.

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

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the normalised average true range, time x symbol; `DataError` without highs and lows."""
        return on_own_bars(talib.NATR, bars, ("high", "low", "close"), self.window)
