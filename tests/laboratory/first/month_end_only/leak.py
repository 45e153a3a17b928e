"""Ridge on a monthly return that looks ahead in the last three sessions of a month alone, where it takes the
month's close for granted: one to two bars early."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def monthly(bars):
    close = bars.close
    month = pd.Series(bars.clock.to_period("M"), bars.clock)
    left = month.groupby(month).cumcount(ascending=False)
    final = close.groupby(month).transform("last")
    return close.where(left > 2, final, axis=0) / close.shift(21) - 1


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[monthly, RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
