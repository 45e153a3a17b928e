"""Features of how cheaply a symbol trades: traded value, price impact, turnover and spreads read off prices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.moments import rolling_autocovariance
from quantml.features.outside import Outside
from quantml.features.own_bars import Windowed, bar_returns, check_count, log_ratio, on_panel, quotient, simple_returns
from quantml.features.rolling import lag, rolling_mean
from quantml.features.tiles import PANEL
from quantml.kernels import F2, kernel
from quantml.space import Declaration

__all__ = ["Amihud", "CorwinSchultzSpread", "DollarVolume", "RelativeVolume", "RollSpread", "Turnover"]

_K: Final = 3.0 - 2.0 * math.sqrt(2.0)


@dataclass(frozen=True)
class DollarVolume(Windowed):
    """Mean traded value of the last `window` bars: close x volume as quoted, in the symbol's currency.

    Prices and volumes are not adjusted here: what was paid on the day depends on no split or dividend.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

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
        """Compute the mean value, time x symbol; `DataError` without volume."""
        return on_panel(rolling_mean(_traded_value(bars), self.window), bars)


@dataclass(frozen=True)
class Amihud(Windowed):
    """Amihud's illiquidity: mean of |simple return| over traded value, per million of the symbol's currency.

    ILLIQ = 10^6 / D x sum |R_d| / (close_d x volume_d) over the D bars of the last `window` on which anything was
    traded (Amihud 2002, Journal of Financial Markets 5, p. 31, eq. 1). NaN where nothing was traded in the window.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the illiquidity, time x symbol; `DataError` without volume."""
        moves, value = simple_returns(bars, 1), _traded_value(bars)
        _weigh(moves, value)
        illiquidity = rolling_mean(moves, self.window)
        _spread_over(illiquidity, rolling_mean(value, self.window))
        return on_panel(illiquidity, bars)


@kernel(types.void(PANEL, PANEL))
def _weigh(moves: NDArray[np.float64], value: NDArray[np.float64]) -> None:
    """Turn returns into 10^6 times their size over traded value, and that into whether there was any: 1.0 or 0.0."""
    for row in range(moves.shape[0]):
        move, worth = moves[row], value[row]
        for place in range(len(move)):
            traded, known = worth[place] > 0.0, move[place] == move[place]
            move[place] = 1e6 * abs(move[place]) / (worth[place] if traded else np.inf)
            worth[place] = (1.0 if traded else 0.0) if known else np.nan


@kernel(types.void(PANEL, F2))
def _spread_over(sums: NDArray[np.float64], shares: NDArray[np.float64]) -> None:
    """Divide means over all bars of a window by the share of the bars that count, NaN where none does."""
    for row in range(sums.shape[0]):
        total, share = sums[row], shares[row]
        for place in range(len(total)):
            total[place] = total[place] / share[place] if share[place] > 0.0 else np.nan


@dataclass(frozen=True)
class RelativeVolume(Windowed):
    """Volume over its mean on the `window` bars before, minus 1: 0 is usual, 1 twice the usual.

    Volumes are adjusted for splits. NaN where none of those bars had any volume.

    Parameters
    ----------
    window : int
        Own bars, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the relative volume, time x symbol; `DataError` without volume."""
        volume = bars.array("volume")
        relative = quotient(volume.copy(), lag(rolling_mean(volume, self.window), 1))
        relative -= 1.0
        return on_panel(relative, bars)


@dataclass(frozen=True)
class Turnover(Declaration):
    """Mean of the last `window` bars' volume over the shares outstanding, as an outside table had them at each bar.

    Volume and shares are taken as quoted, so the table has to count shares after a split from the day of the split on.
    Bars without a positive number of shares are left out. `RelativeVolume` needs no table.

    Parameters
    ----------
    window : int
        Own bars, at least 1.
    table : str
        Name of a table that the bars carry.
    column : str
        Its column of shares outstanding.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    window: int
    table: str = "shares"
    column: str = "shares"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "window", 1)

    @property
    def warmup(self) -> int:
        """Own bars with a number of shares before the first value."""
        return self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the turnover; `DataError` without volume, `FeatureError` without the table."""
        volume = bars.raw_array("volume")
        shares = Outside(self.table, self.column)(bars).to_numpy(copy=True)
        shares[shares < 0.0] = 0.0
        return on_panel(rolling_mean(quotient(volume.copy(), shares), self.window), bars)


@dataclass(frozen=True)
class RollSpread(Windowed):
    """Roll's effective spread, a fraction of the price: 2 sqrt(-cov(r_t, r_(t-1))) over `window` pairs of returns.

    Buying at the ask and selling at the bid makes returns alternate, the more the wider the spread (Roll 1984, Journal
    of Finance 39, p. 1127); r are logarithmic returns, the covariance has ddof=1. Where it is not negative the model
    has no solution, and the spread is 0, as in Goyenko, Holden and Trzcinka (2009, Journal of Financial Economics 92,
    p. 153).

    Parameters
    ----------
    window : int
        Pairs of returns over neighbouring own bars, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    least: ClassVar[int] = 2

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return self.window + 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the spread, time x symbol."""
        spread = rolling_autocovariance(bar_returns(bars), self.window, 1)
        spread *= -4.0 * self.window / (self.window - 1)
        return on_panel(np.sqrt(np.maximum(spread, 0.0, out=spread), out=spread), bars)


@dataclass(frozen=True)
class CorwinSchultzSpread(Windowed):
    """Mean of the last `window` two-bar spreads of Corwin and Schultz, fractions of the price.

    Highs are mostly paid by buyers and lows by sellers, so that the range of a bar holds the spread once and twice the
    variance over two bars holds it once, too (Corwin and Schultz 2012, Journal of Finance 67, p. 719). From two
    neighbouring bars, with H and L the high and low, beta = ln(H_1/L_1)^2 + ln(H_2/L_2)^2, gamma = ln(max H / min L)^2,
    k = 3 - 2 sqrt(2)::

        alpha = (sqrt(2 beta) - sqrt(beta)) / k - sqrt(gamma / k)
        spread = 2 (exp(alpha) - 1) / (1 + exp(alpha))

    Where the second bar lies wholly above or below the first close, its high and low are moved by the gap first, and a
    negative two-bar spread counts as 0, both as the paper has it.

    Parameters
    ----------
    window : int
        Two-bar spreads averaged, at least 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the mean spread, time x symbol; `DataError` without highs and lows."""
        return on_panel(rolling_mean(_two_bar_spreads(bars), self.window), bars)


def _two_bar_spreads(bars: Bars) -> NDArray[np.float64]:
    high, low, before = bars.array("high"), bars.array("low"), lag(bars.array("close"), 1)
    gap = np.maximum(low - before, 0.0) + np.minimum(high - before, 0.0)
    moved_high, moved_low = high - gap, low - gap
    beta = log_ratio(moved_high, moved_low) ** 2 + lag(log_ratio(high, low) ** 2, 1)
    both = log_ratio(np.maximum(moved_high, lag(high, 1)), np.minimum(moved_low, lag(low, 1)))
    alpha = (math.sqrt(2.0) - 1.0) / _K * np.sqrt(beta) - both / math.sqrt(_K)
    spread = 2.0 * np.tanh(0.5 * alpha)  # = 2 (exp(alpha) - 1) / (1 + exp(alpha))
    return np.maximum(spread, 0.0, out=spread)


def _traded_value(bars: Bars) -> NDArray[np.float64]:
    value: NDArray[np.float64] = bars.raw_array("close") * bars.raw_array("volume")
    return value
