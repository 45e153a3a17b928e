"""Ridge on a weekly return whose bars carry their left edge: the Friday's close is stamped a week before it."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def weekly(bars):
    week = bars.close.resample("W-FRI", label="left").last()
    return week.pct_change(4).reindex(bars.clock, method="ffill")


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[weekly, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
