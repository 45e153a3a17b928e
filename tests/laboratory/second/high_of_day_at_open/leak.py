"""Breakout rule on NumPy arrays, filled at the next open.

Knows too early: the high that breaks out is that of the bar at whose open the order is filled.
"""

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
        for t in range(self.window, len(high) - 1):
            top = high[t - self.window : t + 1].max(axis=0)
            weights[t] = (high[t + 1] > top) / high.shape[1]
        return context.weights(weights)


study = Study(
    data=Sample("indices", start="2014-01-01"),
    signal=Breakout(),
    costs=Costs(spread_bps=2),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="1y", test="1y"),
)
