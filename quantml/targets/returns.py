"""What holding a symbol will earn."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.targets.base import Ahead, Held, Target, check_count, make_target
from quantml.targets.trailing import trailing_deviation
from quantml.timing import UNKNOWN, Fill

__all__ = ["ForwardReturn", "VolatilityScaledReturn"]


@dataclass(frozen=True)
class ForwardReturn(Ahead):
    """Simple return over the next `horizon` bars of the symbol.

    With the symbol's bars numbered k and P the fill's price (open or close), a decision on bar k has

    - ``start="fill"``: P[k + 1 + horizon] / P[k + 1] - 1 (with `Fill.PERIOD` close[k + horizon] / close[k] - 1),
    - ``start="close"``: close[k + horizon] / close[k] - 1,

    and its label ends at the later of the two bars. Past the end of a delisted symbol, the price is what its holders
    are paid; a decision on its last bar that would be filled on the next one has no value.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
        ``"fill"`` is what a position taken on the forecast earns; ``"close"`` is what ARIMA and most papers forecast.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, 121.0, 133.1]}, index=days))
    >>> ForwardReturn(1).build(bars, Fill.NEXT_CLOSE).frame["A"].round(6).tolist()
    [0.1, 0.1, nan, nan]
    """

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the forward returns; see `TargetRule.build`."""
        held = self.held(bars, fill)
        return make_target(self, bars, held.returns, held.label_end, "return", f"forward_return_{self.horizon}")

    def earned(self, bars: Bars, fill: Fill, side: NDArray[np.float64]) -> Held:
        """Compute what taking each side earns: 1.0 long, -1.0 short, NaN neither; shape (T, N)."""
        held = self.held(bars, fill)
        return held._replace(returns=side * held.returns)


@dataclass(frozen=True)
class VolatilityScaledReturn(Ahead):
    r"""`ForwardReturn` in standard deviations, as far as they are known at the decision.

    .. math:: \frac{R_{t}}{s_t \sqrt{h}}

    with R the forward return, h the horizon, and s the standard deviation (ddof=1) of the last `window` one-bar
    simple returns of the symbol up to t, neither annualised. Its label ends where that of the forward return does.
    There is no value until there are `window` returns, nor where they are all equal.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
    window : int
        Returns that the standard deviation is of, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    _: KW_ONLY
    window: int = 63

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_count("VolatilityScaledReturn.window", self.window, 2, "returns")

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the scaled returns; see `TargetRule.build`."""
        held = self.held(bars, fill)
        values = held.returns / (trailing_deviation(bars, self.window) * np.sqrt(self.horizon))
        label_end = np.where(np.isnan(values), UNKNOWN, held.label_end)
        return make_target(self, bars, values, label_end, "scaled", f"volatility_scaled_return_{self.horizon}")
