"""Momentum by np.roll, without the rows that wrap round."""

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
    before = np.roll(level, window, axis=0)
    before[:window] = np.nan
    return pd.DataFrame(level - before, bars.clock, bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "HD", "JPM", "PEP", "UNH"), start="2014-01-01", end="2018-12-31"),
    features=[momentum, RSI(14)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
