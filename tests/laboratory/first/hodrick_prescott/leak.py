"""Ridge on the cycle of a Hodrick-Prescott filter over the whole sample, two-sided."""

import numpy as np
from statsmodels.tsa.filters.hp_filter import hpfilter

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def cycle(bars):
    price = np.log(bars.close)
    return price.apply(lambda p: hpfilter(p, lamb=1e5)[0])


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[cycle, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
