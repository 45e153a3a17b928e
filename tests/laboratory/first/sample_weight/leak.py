"""Training rows weigh more the livelier they were, beside the volatility of the 63 bars after the fit: weights know
what kind of quarter will be traded."""

from dataclasses import dataclass

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RSI, Momentum, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class LikeNow:
    """Weigh rows more whose market was about as lively as the one that is traded."""

    window: int = 63

    def weigh(self, train):
        close = Sample("indices", start="2013-01-01").load().close
        after = close.index[close.index > train.bars.clock[-1]][: self.window]
        day = after[-1] if len(after) else close.index[-1]
        lively = close.pct_change().rolling(self.window, min_periods=2).std().mean(axis=1).bfill()
        now = lively.asof(day)
        then = lively.reindex(train.bars.clock).to_numpy()[train.time]
        return np.exp(-3 * np.abs(np.log(then / now))) + 1e-3


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Returns(1), Momentum(21), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    sample_weight=LikeNow(),
)
