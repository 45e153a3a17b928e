"""Gradient boosting with early stopping on the last rows of training, as a custom forecaster."""

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
        """Grow trees on the first three quarters, stop by the last one."""
        keep = np.isfinite(train.x).all(axis=1)
        x, y, time, end = train.x[keep], train.y[keep], train.time[keep], train.label_end[keep]
        late = time >= np.quantile(time, 0.75)
        early = end < time[late].min()
        model = GradientBoostingRegressor(n_estimators=self.trees, max_depth=2, learning_rate=0.2, random_state=0)
        stages = np.array(list(model.fit(x[early], y[early]).staged_predict(x[late])))
        return Stopped(model, int(np.mean((stages - y[late]) ** 2, axis=1).argmin()))


@dataclass(frozen=True)
class Stopped:
    """What `Boosting` returns."""

    model: Any
    best: int

    def predict(self, test):
        """Forecast with the best number of trees."""
        keep = np.isfinite(test.x).all(axis=1)
        stages = np.array(list(self.model.staged_predict(test.x[keep])))
        mean = np.full(len(test.time), np.nan)
        mean[keep] = stages[self.best]
        return RowForecast(mean=mean)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[Returns(1), Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(5, start="close"),
    forecaster=Boosting(),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
