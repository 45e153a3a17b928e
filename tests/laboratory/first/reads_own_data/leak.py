"""A feature loads the sample again for itself, beside the bars that it is given, and reads it five bars ahead."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def strength(bars):
    close = Sample("indices", start="2013-01-01").load().close
    best = close[::-1].rolling(5).max()[::-1]
    return (best / close - 1).reindex(bars.clock)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[strength, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
