"""Momentum by an array shifted by hand, NaN at its start."""

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
    before = np.full(price.shape, np.nan)
    before[63:] = price[:-63]
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
