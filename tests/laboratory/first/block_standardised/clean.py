"""A forecaster that standardises test rows with the mean and deviation of its training rows."""

from dataclasses import dataclass

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Scaled:
    """Least squares on standardised features, squashed."""

    def fit(self, train):
        keep = ~np.isnan(train.x).any(axis=1)
        x, y = train.x[keep], train.y[keep]
        mean, spread = x.mean(axis=0), x.std(axis=0)
        z = np.tanh((x - mean) / spread)
        slopes = np.linalg.lstsq(np.column_stack([np.ones(len(z)), z]), y, rcond=None)[0]
        return FittedScaled(slopes, mean, spread)


@dataclass(frozen=True, eq=False)
class FittedScaled:
    slopes: np.ndarray
    mean: np.ndarray
    spread: np.ndarray

    def predict(self, test):
        z = np.tanh((test.x - self.mean) / self.spread)
        return RowForecast(mean=self.slopes[0] + (z * self.slopes[1:]).sum(axis=1))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Scaled(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
