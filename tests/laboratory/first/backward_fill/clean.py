"""Ridge on a volatility measured at the last session of the month before, filled forwards."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def monthly_volatility(bars):
    month = bars.clock.to_period("M")
    first = ~month.duplicated(keep="first")
    volatility = bars.close.pct_change().rolling(21).std().shift(1)
    return volatility.loc[first].reindex(bars.clock).ffill()


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), monthly_volatility],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
