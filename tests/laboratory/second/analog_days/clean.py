"""A custom forecaster that looks for the training days most like today and averages what followed them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Analogs:
    """Mean of what followed the `count` nearest rows."""

    count: int = 40

    def fit(self, train):
        """Remember the training rows and their outcomes."""
        keep = np.isfinite(train.x).all(axis=1)
        scale = np.nanstd(train.x, axis=0)
        nearest = NearestNeighbors(n_neighbors=self.count).fit(train.x[keep] / scale)
        return FittedAnalogs(nearest, train.y[keep], scale)


@dataclass(frozen=True)
class FittedAnalogs:
    """What `Analogs` returns."""

    nearest: Any
    outcome: Any
    scale: Any

    def predict(self, test):
        """Find the nearest rows."""
        mean = np.full(len(test.time), np.nan)
        keep = np.isfinite(test.x).all(axis=1)
        _, near = self.nearest.kneighbors(test.x[keep] / self.scale)
        mean[keep] = self.outcome[near].mean(axis=1)
        return RowForecast(mean=mean)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "CVX", "GE", "JPM", "PFE"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(5), RealisedVolatility(21)],
    target=ForwardReturn(5, start="close"),
    forecaster=Analogs(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
