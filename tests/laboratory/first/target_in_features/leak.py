"""The average of the last ten labels is a feature: the newest of them ends six bars after the decision."""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

LABEL = ForwardReturn(horizon=5)


@dataclass(frozen=True)
class Outcome:
    rule: ForwardReturn

    def __call__(self, bars):
        made = self.rule.build(bars, Fill.NEXT_CLOSE).frame
        return made.rolling(10).mean()


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), Outcome(LABEL)],
    target=LABEL,
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
