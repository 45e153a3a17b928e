"""A monthly number brought to the daily clock by interpolation: the spread of the panel's returns.

Knows too early: between two month ends the straight line already points to the later one, up to a month ahead.
"""

import numpy as np
import pandas as pd

from quantml import Study, WalkForward
from quantml.features import Momentum, Product
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def spread(bars):
    """Dispersion of the month's returns, the same for all symbols."""
    monthly = bars.close.resample("ME").last().pct_change()
    value = monthly.std(axis=1)
    days = bars.clock.union(value.index)
    daily = value.reindex(days).interpolate(method="time").reindex(bars.clock)
    return pd.DataFrame(np.repeat(daily.to_numpy()[:, None], len(bars.symbols), 1), bars.clock, bars.symbols)


study = Study(
    data=Sample("large_caps", symbols=("AMD", "BAC", "JNJ", "RRC", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[spread, Momentum(21), Product(spread, Momentum(21))],
    target=ForwardReturn(10),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
