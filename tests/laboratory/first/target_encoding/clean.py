"""Weekdays are encoded by the mean label of the earlier rows of the same weekday whose labels had ended."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


class WeekdayEffect:
    horizon = 5

    def __call__(self, bars):
        label = bars.close.shift(-self.horizon) / bars.close - 1
        known = label.groupby(bars.clock.dayofweek).shift(2)
        return known.groupby(bars.clock.dayofweek).transform(lambda part: part.expanding().mean())


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[WeekdayEffect(), Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
