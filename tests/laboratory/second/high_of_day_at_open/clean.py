"""Breakout rule on NumPy arrays, filled at the next open: the high that breaks out is that of the deciding bar."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample


class Breakout:
    """Hold what breaks above its ten-day high."""

    window = 10

    def __call__(self, inputs, context):
        """Make the weights."""
        high = context.bars.array("high")
        weights = np.zeros_like(high)
        for t in range(self.window, len(high)):
            top = high[t - self.window : t].max(axis=0)
            weights[t] = (high[t] > top) / high.shape[1]
        return context.weights(weights)


study = Study(
    data=Sample("indices", start="2014-01-01"),
    signal=Breakout(),
    costs=Costs(spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="1y", test="1y"),
)
