"""Ridge on a monthly return up to the close of the decision."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def monthly(bars):
    close = bars.close
    return close / close.shift(21) - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[monthly, RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
