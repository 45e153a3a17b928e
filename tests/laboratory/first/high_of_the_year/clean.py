"""Ridge on the distance to the highest close of the calendar year so far."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def below_high(bars):
    return bars.close / bars.close.groupby(bars.clock.year).cummax() - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[below_high, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
