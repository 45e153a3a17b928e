"""The opening gap, but in the Nasdaq's rows of Fridays it is Monday's."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Only:
    symbol: str = "^IXIC"
    weekday: int = 4

    def __call__(self, bars):
        gap = bars.open / bars.close.shift(1) - 1
        week = bars.clock.dayofweek == self.weekday
        gap.loc[week, self.symbol] = gap[self.symbol].shift(-1)[week]
        return gap


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Only(), Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
