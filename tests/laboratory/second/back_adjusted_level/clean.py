"""The logarithmic price as quoted on the day, a feature of a regression of three stocks."""

import numpy as np

from quantml import Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def log_level(bars):
    """Price level, as quoted."""
    return np.log(bars.raw.close)


study = Study(
    data=Sample("stocks", symbols=("AAPL", "IBM", "MSFT"), start="2003-01-01", end="2008-12-31"),
    features=[log_level, Momentum(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(0.34),
    fill=Fill.NEXT_OPEN,
    validation=WalkForward(train="2y", test="1y"),
)
