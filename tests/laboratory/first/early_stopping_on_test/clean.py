"""A boosted forecaster that stops at the number of trees with the least error on the last fifth of its training
rows."""

from dataclasses import dataclass

import numpy as np
from lightgbm import LGBMRegressor

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility, Returns
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

TREES = 60


@dataclass(frozen=True)
class Boosted:
    leaves: int = 5

    def fit(self, train):
        keep = ~np.isnan(train.x).any(axis=1)
        x, y, time, end = train.x[keep], train.y[keep], train.time[keep], train.label_end[keep]
        cut = time[int(len(y) * 0.8)]
        early, late = end <= cut, time >= cut
        model = LGBMRegressor(n_estimators=TREES, num_leaves=self.leaves, verbose=-1, n_jobs=1, deterministic=True)
        model.fit(x[early], y[early])
        counts = range(5, TREES, 5)
        errors = [
            (np.sign(model.booster_.predict(x[late], num_iteration=k)) != np.sign(y[late])).mean() for k in counts
        ]
        return FittedBoosted(model, counts[int(np.argmin(errors))])


@dataclass(frozen=True, eq=False)
class FittedBoosted:
    model: LGBMRegressor
    trees: int

    def predict(self, test):
        return RowForecast(mean=self.model.booster_.predict(test.x, num_iteration=self.trees))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Returns(1), Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(horizon=5, start="close"),
    forecaster=Boosted(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
