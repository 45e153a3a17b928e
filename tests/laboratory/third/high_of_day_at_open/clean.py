"""Buy at the open what traded well above its open the day before: the step reads the high of the day that is over."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quantml import Costs, Study, WalkForward
from quantml.loaders import Synthetic


@dataclass(frozen=True)
class Breakout:
    """Hold what goes through the trigger above its open."""

    trigger: float = 0.004

    def __call__(self, _, context):
        """Return the weights."""
        bars = context.bars
        reach = bars.array("high") / bars.array("open") - 1.0
        today = reach
        held = np.where(today >= self.trigger, 1.0 / len(bars.symbols), 0.0)
        return pd.DataFrame(held, index=bars.clock, columns=list(bars.symbols))


study = Study(
    data=Synthetic(symbols=2, sessions=1400, seed=9),
    signal=Breakout(),
    costs=Costs(commission_bps=1, spread_bps=2),
    validation=WalkForward(train="2y", test="1y"),
)
