"""Smooth prices by an exponential average twice, forward both times."""

import numpy as np

from quantml import Costs, Study, WalkForward
from quantml.features import RealisedVolatility
from quantml.forecasters import Linear
from quantml.loaders import Factors
from quantml.signals import Proportional
from quantml.targets import ForwardReturn


def distance(bars, span=10):
    """The log close less its smooth."""
    price = np.log(bars.close)
    once = price.ewm(span=span, adjust=False).mean()
    smooth = once.ewm(span=span, adjust=False).mean()
    return price - smooth


study = Study(
    data=Factors(symbols=4, sessions=1500, seed=2),
    features=[distance, RealisedVolatility(21)],
    target=ForwardReturn(horizon=5),
    forecaster=Linear(),
    signal=Proportional(scale=20.0),
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="2y", test="1y"),
)
