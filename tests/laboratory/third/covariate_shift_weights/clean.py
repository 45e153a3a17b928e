"""Weigh training rows by how alike their volatility is to that of the last quarter before the model is used."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def volatility(bars):
    """Log of the mean absolute return of a quarter, over both indices; the first rows have that of row five."""
    return np.log(bars.returns().abs().mean(axis=1).rolling(63, min_periods=5).mean()).bfill()


class ShiftWeights:
    """A Gaussian kernel on the volatility of the row and of where the model is going to be used."""

    width = 0.3

    def weigh(self, train):
        """Weigh each training row."""
        level = volatility(train.bars).to_numpy()
        return np.exp(-(((level[train.time] - level[-1]) / self.width) ** 2)) + 1e-6


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Momentum(21), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=1.0),
    sample_weight=ShiftWeights(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
