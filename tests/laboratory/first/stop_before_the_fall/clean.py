"""A stop loss that takes the position off at the close after the low that triggers it."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def stop(weights, context):
    """Stand aside where the low falls 1 % below the close before."""
    bars = context.bars
    hit = bars.low < 0.99 * bars.close.shift(1)
    return weights.frame.where(~hit, 0.0)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), stop],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
