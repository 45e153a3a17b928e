"""The S&P 500 is forecast from the Nasdaq's return up to the same close."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def lead(bars):
    out = bars.close.pct_change(5)
    out["^GSPC"] = bars.close["^IXIC"].pct_change(5)
    return out


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[lead, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
