"""Boosted trees on the price level of stocks as it was quoted."""

import numpy as np

from quantml import Costs, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def log_level(bars):
    """How many dollars a share costs, on a log scale."""
    return np.log(bars.raw.close)


study = Study(
    data=Sample("stocks", start="2005-01-01", symbols=["AAPL", "IBM", "MSFT"]),
    features=[log_level, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    validation=WalkForward(train="2y", test="1y"),
)
