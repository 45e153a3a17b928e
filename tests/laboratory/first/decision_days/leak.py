"""Weights are honest; on which days there is a decision at all hangs on the move of the bar after next, the one
that is earned."""

from dataclasses import dataclass

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def thresholds(bars):
    return bars.close.pct_change().shift(-2).abs()


@dataclass(frozen=True)
class Gate:
    """Trade on days on which at least one symbol moves."""

    move: float = 0.01

    def __call__(self, weights, context):
        lively = (thresholds(context.bars) > self.move).any(axis=1)
        frame = weights.frame
        frame.loc[~lively] = np.nan
        return frame


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), Gate()],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
