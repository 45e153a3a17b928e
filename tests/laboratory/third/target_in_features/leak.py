"""The target of five days ago as a feature.

It is measured from the next close, so its last day is still one bar ahead of the decision.
"""

from dataclasses import dataclass

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

TARGET = ForwardReturn(horizon=5)


@dataclass(frozen=True)
class PastTarget:
    """What the target was a while ago."""

    lag: int

    def __call__(self, bars):
        """Compute it on bars."""
        return TARGET.build(bars, Fill.NEXT_CLOSE).frame.shift(self.lag)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "BBY", "GE", "HD", "RRC", "WMT"), start="2014-01-01"),
    features=[PastTarget(TARGET.horizon), Momentum(21)],
    target=TARGET,
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=RankLongShort(fraction=0.34),
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
