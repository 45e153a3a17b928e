"""Where the close stands in the range of its week; the range is that of the week so far."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Logistic
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import Direction


def weekly_stochastic(bars):
    """0 at the low of the week, 1 at its high."""
    week = bars.clock.to_period("W-FRI")
    top = bars.high.groupby(week).cummax()
    bottom = bars.low.groupby(week).cummin()
    return (bars.close - bottom) / (top - bottom)


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[weekly_stochastic, Momentum(5)],
    target=Direction(horizon=1),
    forecaster=Logistic(),
    signal=Sign(threshold=0.02),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
