"""A feature reads a frame of closes in the module, five bars ahead. quantml refuses the study: user code may hold
no table."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

CLOSE = Sample("indices", start="2013-01-01").load().close


def ahead(bars):
    return (CLOSE.shift(-5) / CLOSE - 1).reindex(bars.clock)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), ahead],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
