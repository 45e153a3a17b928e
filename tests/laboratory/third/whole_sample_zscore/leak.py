"""Boosted trees on the range of the day.

Standardised within its weekday by the mean and deviation of all such weekdays of the sample, later years included.
"""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def unusual_range(bars):
    """The day's log range without its weekday pattern."""
    size = np.log(bars.high / bars.low)
    by_weekday = size.groupby(bars.clock.dayofweek)
    return (size - by_weekday.transform("mean")) / by_weekday.transform("std")


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[unusual_range, Momentum(10)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
