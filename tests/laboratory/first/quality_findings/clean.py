"""A feature counts moves of more than one and a half deviations of the last 63 bars."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def odd(bars):
    """Count the odd moves of the last month."""
    returns = bars.close.pct_change()
    marks = (returns.abs() > 1.5 * returns.rolling(63).std()).astype(float)
    return marks.rolling(21, min_periods=1).sum()


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[odd, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
