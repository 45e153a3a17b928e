"""A transform of one's own that clips rows at the deviation of the training rows."""

from dataclasses import replace

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


class Cleaned:
    """A user's own transform: squash features at their usual size."""

    def fit(self, train):
        return FittedCleaned(np.nanstd(train.x, axis=0))


class FittedCleaned:
    def __init__(self, size):
        self.size = size

    def transform(self, rows):
        size = self.size
        return replace(rows, x=np.clip(rows.x, -size, size))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(5), Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    transforms=[Cleaned()],
)
