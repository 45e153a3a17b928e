"""Whether a close is followed by a rise of 2 % within 21 bars; where none comes the label is known after the 21
bars, and unknown until then."""

from dataclasses import dataclass

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Logistic
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import Target
from quantml.timing import UNKNOWN


@dataclass(frozen=True)
class Touch:
    rise: float = 0.02
    horizon: int = 21
    start: str = "close"

    def build(self, bars, fill):
        high, close = bars.high.to_numpy(), bars.close.to_numpy()
        rows = len(close)
        values, end = np.zeros(close.shape), np.zeros(close.shape, dtype=np.int64)
        for column in range(close.shape[1]):
            for row in range(rows):
                ahead = high[row + 1 : row + 1 + self.horizon, column] >= close[row, column] * (1 + self.rise)
                if ahead.any():
                    values[row, column], end[row, column] = 1.0, row + 1 + int(ahead.argmax())
                elif row + self.horizon < rows:
                    end[row, column] = row + self.horizon
                else:
                    values[row, column], end[row, column] = np.nan, UNKNOWN
        return Target(bars.clock, bars.symbols, values, end, self.horizon, self.start, "direction", "touch")


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=Touch(),
    forecaster=Logistic(C=0.1),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
