"""Which of two barriers is touched within 15 bars.

Where neither is, the class is 0 and known when the bars are over.
"""

from dataclasses import dataclass

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import Target
from quantml.timing import UNKNOWN


@dataclass(frozen=True)
class Touch:
    """1 if the close rises by `width` first, -1 if it falls by it first, else 0."""

    horizon: int = 15
    width: float = 0.035
    start: str = "close"

    def build(self, bars, fill):
        """Label every decision."""
        close = bars.close.to_numpy()
        rows = len(close)
        side, end = np.full(close.shape, np.nan), np.tile(np.arange(rows)[:, None], close.shape[1])
        for ahead in range(self.horizon, 0, -1):
            move = close[ahead:] / close[:-ahead] - 1.0
            row, column = np.nonzero(np.abs(move) >= self.width)
            side[row, column] = np.sign(move[row, column])
            end[row, column] = row + ahead
        never = np.isnan(side) & (np.arange(rows)[:, None] + self.horizon < rows)
        side[never], end[never] = 0.0, end[never] + self.horizon
        end[np.isnan(side)] = UNKNOWN
        return Target(bars.clock, bars.symbols, side, end, self.horizon, self.start, "class", "Touch")


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Momentum(21), RSI(14)],
    target=Touch(),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=Sign(threshold=0.1),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="1y", test="6m"),
)
