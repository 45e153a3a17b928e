"""Weights are divided by the largest gross exposure of the whole run, which is known at its end: the leverage of
early years hangs on late ones."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Proportional
from quantml.targets import ForwardReturn


def geared(weights, context):
    """Use all of the gross exposure that is allowed."""
    gross = weights.frame.abs().sum(axis=1)
    return weights.frame.div(gross.max()).fillna(0.0)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Proportional(scale=20.0), geared],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
