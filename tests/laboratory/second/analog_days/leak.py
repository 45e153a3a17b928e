"""A custom forecaster that looks for the days most like today and averages what followed them.

Knows too early: it looks among all days of the block's bars, later than the row itself included.
"""

from dataclasses import dataclass

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
        """Remember the scale of the features."""
        return FittedAnalogs(self.count, tuple(np.nanstd(train.x, axis=0).tolist()))


@dataclass(frozen=True)
class FittedAnalogs:
    """What `Analogs` returns."""

    count: int
    scale: tuple[float, ...]

    def predict(self, test):
        """Find the nearest rows that have an outcome."""
        close = test.bars.close
        outcome = (close.shift(-test.question.horizon) / close - 1).to_numpy()[test.time, test.symbol]
        mean = np.full(len(test.time), np.nan)
        keep = np.isfinite(test.x).all(axis=1)
        known = np.isfinite(outcome) & keep
        rows = test.x / np.array(self.scale)
        _, near = NearestNeighbors(n_neighbors=self.count).fit(rows[known]).kneighbors(rows[keep])
        mean[keep] = outcome[known][near].mean(axis=1)
        return RowForecast(mean=mean)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "CVX", "GE", "JPM", "PFE"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(5), RealisedVolatility(21)],
    target=ForwardReturn(5, start="close"),
    forecaster=Analogs(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
