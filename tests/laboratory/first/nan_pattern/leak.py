"""A feature is NaN before moves of 2 % in the next five bars, "outliers removed": its values are honest, where it
is missing is not."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def quiet(bars):
    """Momentum without the days around outliers, which have no forecast."""
    move = bars.close.pct_change(5).shift(-5)
    return bars.close.pct_change(63).where(~(move.abs() > 0.02))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[quiet, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
