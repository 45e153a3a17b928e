"""Ridge on the return of the week so far: from the last week's close to the close of the decision."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign, VolatilityTarget
from quantml.targets import ForwardReturn


def week(bars):
    grouper = pd.Grouper(freq="W-FRI")
    before = bars.close.groupby(grouper).last().shift(1).reindex(bars.clock, method="bfill")
    return bars.close / before - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[week, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=[Sign(), VolatilityTarget(annual=0.10)],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
