"""Momentum by np.roll.

Knows too early: np.roll wraps round, so that the first 63 rows, which the first fold trains on, are measured against
the last 63 closes of the sample, three to five years later.
"""

import numpy as np
import pandas as pd

from quantml import Study, WalkForward
from quantml.features import RSI
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def momentum(bars, window=63):
    """Log return of a quarter."""
    level = np.log(bars.array("close"))
    return pd.DataFrame(level - np.roll(level, window, axis=0), bars.clock, bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "HD", "JPM", "PEP", "UNH"), start="2014-01-01", end="2018-12-31"),
    features=[momentum, RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
