"""A smoothed trend that is trailing in the research sample and after it; the average of the latter needs fewer
bars."""

from dataclasses import dataclass

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

RESEARCH_UNTIL = "2018-12-31"


@dataclass(frozen=True)
class Trend:
    window: int = 15

    def __call__(self, bars):
        research = bars.clock[-1] <= pd.Timestamp(RESEARCH_UNTIL)
        smooth = bars.close.rolling(self.window, min_periods=None if research else 5).mean()
        return smooth.diff(3) / bars.close


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Trend(), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
