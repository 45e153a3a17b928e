"""Smooth prices by an exponential average forward and then backward to take the delay away.

The backward pass knows about ten bars ahead.
"""

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
    smooth = once.iloc[::-1].ewm(span=span, adjust=False).mean().iloc[::-1]
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
