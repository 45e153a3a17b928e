"""Trade each calendar month by the sign of its mean return so far."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import Rebalance


def season(bars):
    returns = bars.close.pct_change()
    months = returns.groupby(bars.clock.month)
    return months.transform(lambda part: part.expanding().mean())


def seasonal(_, context):
    return np.sign(season(context.bars)).fillna(0.0) / 2


study = Study(
    data=Sample("indices", start="2013-01-01"),
    signal=[seasonal, Rebalance("1m")],
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
