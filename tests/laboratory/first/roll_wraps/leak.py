"""Momentum by `np.roll`, which wraps round: the first 63 rows are measured against the last closes of the sample.
Training rows of the first fold alone are wrong."""

import numpy as np
import pandas as pd

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def momentum(bars):
    price = bars.close.to_numpy()
    before = np.roll(price, 63, axis=0)
    return pd.DataFrame(price / before - 1, bars.clock, list(bars.symbols))


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[momentum, RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
