"""Trade each calendar month by the sign of its mean return in all years of the sample, those to come included."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import Rebalance


def season(bars):
    returns = bars.close.pct_change()
    months = returns.groupby(bars.clock.month)
    return months.transform("mean")


def seasonal(_, context):
    return np.sign(season(context.bars)).fillna(0.0) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=[seasonal, Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
