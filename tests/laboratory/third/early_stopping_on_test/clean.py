"""Boosted trees stopped at the round that meets the last quarter of the training rows best."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum, Returns
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Stopped:
    """Boosted trees, stopped where rows that were not trained on are met best."""

    rounds: int = 40

    def fit(self, train):
        """Learn from the training rows."""
        use = ~np.isnan(train.x).any(axis=1)
        model = GradientBoostingRegressor(n_estimators=self.rounds, max_depth=3, learning_rate=0.2, random_state=0)
        border = int(np.quantile(train.time, 0.75))
        early, late = use & (train.label_end < border), use & (train.time >= border)
        model.fit(train.x[early], train.y[early])
        errors = [np.mean((stage - train.y[late]) ** 2) for stage in model.staged_predict(train.x[late])]
        return FittedStopped(model, int(np.argmin(errors)))


@dataclass(frozen=True)
class FittedStopped:
    """All stages of the trees."""

    model: Any
    best: int

    def predict(self, test):
        """Forecast the rows of a block."""
        stages = list(self.model.staged_predict(np.nan_to_num(test.x)))
        return RowForecast(mean=stages[self.best])


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Returns(1), Momentum(10), RSI(14)],
    target=ForwardReturn(horizon=1),
    forecaster=Stopped(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
