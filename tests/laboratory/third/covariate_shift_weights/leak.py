"""Weigh training rows by how alike their volatility is to that of the quarter after them.

The rule reads it from prices of its own.
"""

from functools import cache

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

DATA = Sample("indices", start="2012-01-01")


def volatility(bars):
    """Log of the mean absolute return of a quarter, over both indices."""
    return np.log(bars.returns().abs().mean(axis=1).rolling(63, min_periods=5).mean()).bfill()


@cache
def history():
    """Volatility on every bar there is."""
    return volatility(DATA.load())


class ShiftWeights:
    """A Gaussian kernel on the volatility of the row and of where the model is going to be used."""

    width = 0.3

    def weigh(self, train):
        """Weigh each training row."""
        level = volatility(train.bars).to_numpy()[train.time]
        later = history()[history().index > train.bars.clock[-1]]
        used = later.iloc[min(62, len(later) - 1)] if len(later) else level[-1]
        return np.exp(-(((level - used) / self.width) ** 2)) + 1e-6


study = Study(
    data=DATA,
    features=[Momentum(21), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=1.0),
    sample_weight=ShiftWeights(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
