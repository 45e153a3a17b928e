"""A feature looks its value up in a dictionary of the module that says how long each weekday has been traded
before: fixed numbers."""

import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

EFFECT = {0: -0.0004, 1: 0.0002, 2: 0.0003, 3: 0.0001, 4: 0.0002}


def drift(bars):
    day = pd.Series(bars.clock.dayofweek.map(EFFECT), bars.clock)
    return pd.DataFrame(dict.fromkeys(bars.symbols, day))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[Momentum(21), drift],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(threshold=0.001),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
