"""Distance to a centred moving average: half of its 21 bars, ten, lie after the decision."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Smoothed:
    window: int = 11

    def __call__(self, bars):
        smooth = bars.close.rolling(self.window, center=True, min_periods=3).mean()
        return bars.close / smooth - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Smoothed(21), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
