"""Ridge on a volatility measured at each month's last session and filled backwards: known up to a month early."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def monthly_volatility(bars):
    month = bars.clock.to_period("M")
    last = ~month.duplicated(keep="last")
    volatility = bars.close.pct_change().rolling(21).std()
    return volatility.loc[last].reindex(bars.clock).bfill().ffill()


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
