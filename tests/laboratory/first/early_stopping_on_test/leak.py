"""A boosted forecaster that stops at the number of trees with the least error on the rows it is asked to forecast,
whose outcomes it reads off the block's later bars: up to a year early."""

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
        model = LGBMRegressor(n_estimators=TREES, num_leaves=self.leaves, verbose=-1, n_jobs=1, deterministic=True)
        return FittedBoosted(model.fit(train.x[keep], train.y[keep]), train.question.horizon)


@dataclass(frozen=True, eq=False)
class FittedBoosted:
    model: LGBMRegressor
    horizon: int

    def predict(self, test):
        close = test.bars.close
        outcome = (close.shift(-self.horizon) / close - 1).to_numpy()[test.time, test.symbol]
        seen = ~np.isnan(outcome)
        paths = [self.model.booster_.predict(test.x, num_iteration=k) for k in range(5, TREES, 5)]
        errors = [(np.sign(path) != np.sign(outcome))[seen].mean() if seen.any() else 0.0 for path in paths]
        return RowForecast(mean=paths[int(np.argmin(errors))])


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
