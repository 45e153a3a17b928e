"""On days of loud volume the reaction that is read is that of the three bars up to it; on all other days the last
five."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class AfterSurge:
    surge: float = 1.3

    def __call__(self, bars):
        loud = bars.volume > self.surge * bars.volume.rolling(21).mean()
        returns = bars.close.pct_change(5)
        return returns.where(~loud, bars.close.pct_change(3))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[AfterSurge(), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
