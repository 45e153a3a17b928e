"""A forecaster that applies to each row the month that ends with it."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


class Drift:
    """Forecast each symbol's return by its latest month's, with a pull fitted to training rows."""

    def fit(self, train):
        column = train.names.index("Momentum(21)")
        x = np.nan_to_num(train.x[:, column])
        return FittedDrift(float(x @ train.y / (x @ x)))


class FittedDrift:
    def __init__(self, pull):
        self.pull = pull

    def predict(self, test):
        close = test.bars.close
        month = (close / close.shift(21) - 1).to_numpy()[test.time, test.symbol]
        return RowForecast(mean=self.pull * month)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Drift(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
