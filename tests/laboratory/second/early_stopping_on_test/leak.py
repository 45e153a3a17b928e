"""Gradient boosting with early stopping, as a custom forecaster.

Knows too early: the number of trees is the one that fits the block to forecast best, by its own closes up to its end.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility, Returns
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Boosting:
    """Stop at the tree with the least squared error."""

    trees: int = 25

    def fit(self, train):
        """Grow all trees."""
        keep = np.isfinite(train.x).all(axis=1)
        model = GradientBoostingRegressor(n_estimators=self.trees, max_depth=2, learning_rate=0.2, random_state=0)
        return Stopped(model.fit(train.x[keep], train.y[keep]), train.question.horizon)


@dataclass(frozen=True)
class Stopped:
    """What `Boosting` returns."""

    model: Any
    horizon: int

    def predict(self, test):
        """Forecast with the best number of trees."""
        keep = np.isfinite(test.x).all(axis=1)
        close = test.bars.close
        ahead = (close.shift(-self.horizon) / close - 1).to_numpy()[test.time[keep], test.symbol[keep]]
        stages = np.array(list(self.model.staged_predict(test.x[keep])))
        best = np.nanmean((stages - ahead) ** 2, axis=1).argmin()
        mean = np.full(len(test.time), np.nan)
        mean[keep] = stages[best]
        return RowForecast(mean=mean)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[Returns(1), Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(5, start="close"),
    forecaster=Boosting(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
