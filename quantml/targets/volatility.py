"""How far prices will move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quantml.bars import Bars
from quantml.listings import OwnBars
from quantml.targets.base import Ahead, Target, make_target
from quantml.timing import UNKNOWN, Fill

__all__ = ["RealisedVolatility"]


@dataclass(frozen=True)
class RealisedVolatility(Ahead):
    r"""Annualised realised volatility of the next `horizon` bars of the symbol.

    .. math:: \sqrt{\frac{A}{h} \sum_{i=1}^{h} r_{k+d+i}^2}

    with r the one-bar log returns of adjusted closes, A the bars of the symbol per year, and the mean taken as zero
    (Andersen, Bollerslev, Diebold and Labys 2003, Econometrica 71, section 2). d is 0 with ``start="close"`` and
    with `Fill.PERIOD`; with ``start="fill"`` it is 1: the first return runs from the close of the bar of the fill,
    at whichever of its prices the fill is. The label ends at the last bar used. Past the end of a delisted symbol, the
    price stays at what its holders are paid; with a total loss among the returns there is no value.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 2.
    start : {"fill", "close"}

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    horizon: int = 21
    start: str = "close"
    least: ClassVar[int] = 2

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the realised volatilities; see `TargetRule.build`."""
        _, delay = self.origin(bars, fill)
        own, close = OwnBars.of(bars), bars.array("close")
        values = np.sqrt(bars.own_periods_per_year * own.mean_square_return(close, delay, self.horizon))
        _, known = own.price_ahead(close, close, delay + self.horizon)
        label_end = np.where(np.isnan(values), UNKNOWN, known)
        return make_target(self, bars, values, label_end, "volatility", f"realised_volatility_{self.horizon}")
