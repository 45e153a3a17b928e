"""How far prices will fall on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.kernels import F2, I2, kernel
from quantml.listings import OwnBars
from quantml.targets.base import Ahead, Target, make_target
from quantml.timing import UNKNOWN, Fill

__all__ = ["ForwardDrawdown"]


@dataclass(frozen=True)
class ForwardDrawdown(Ahead):
    """Deepest fall below the running peak over the next `horizon` bars of the symbol, as a return: at most 0.

    The path runs from the price at which the target starts through the closes of the `horizon` bars that follow; with
    a fill at the open, the bar of the fill is the first of them. Its label ends at the last. Past the end of a
    delisted symbol, the path ends with what its holders are paid; a decision on its last bar that would be filled on
    the next one has no value.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 120.0, 90.0, 108.0]}, index=days))
    >>> ForwardDrawdown(2, "close").build(bars, Fill.NEXT_CLOSE).frame["A"].tolist()
    [-0.25, -0.25, nan, nan]
    """

    horizon: int = 21

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the drawdowns; see `TargetRule.build`."""
        own, close = OwnBars.of(bars), bars.array("close")
        price, first = self.entry(own, bars, fill)
        final, known = own.price_ahead(close, close, first + self.horizon - 1)
        values = _deepest(close, own.last, price, final, first, int(self.horizon))
        label_end = np.where(np.isnan(values), UNKNOWN, known)
        return make_target(self, bars, values, label_end, "drawdown", f"forward_drawdown_{self.horizon}")


@kernel(types.float64[:, ::1](F2, I2, F2, F2, types.int64, types.int64))
def _deepest(
    close: NDArray[np.float64],
    last: NDArray[np.int64],
    price: NDArray[np.float64],
    final: NDArray[np.float64],
    first: int,
    horizon: int,
) -> NDArray[np.float64]:
    """Follow each path from `price` over `horizon` closes, those of its listing, to its `final` price."""
    rows, columns = close.shape
    deepest = np.full((rows, columns), np.nan)
    own, stand = np.empty(rows), np.empty(rows, dtype=np.int64)
    for column in range(columns):
        count = 0
        for row in range(rows):
            if not math.isnan(close[row, column]):
                own[count], stand[count] = close[row, column], row
                count += 1
        for k in range(count):
            row = stand[k]
            if math.isnan(price[row, column]) or math.isnan(final[row, column]):
                continue
            peak, worst = price[row, column], 0.0
            for bar in range(k + first, min(k + first + horizon, count)):
                if bar > last[row, column]:
                    break
                peak = max(peak, own[bar])
                worst = min(worst, own[bar] / peak - 1.0)
            deepest[row, column] = min(worst, final[row, column] / peak - 1.0)
    return deepest
