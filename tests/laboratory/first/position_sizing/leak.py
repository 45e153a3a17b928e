"""The forecast is honest; positions are sized by the volatility of the ten bars to come."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def by_risk(weights, context):
    """Scale weights down by the volatility of the holding period."""
    risk = context.bars.close.pct_change().rolling(10).std().shift(-10) * np.sqrt(252)
    return (weights.frame * (0.10 / risk).clip(upper=1.0)).fillna(0.0)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), by_risk],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
