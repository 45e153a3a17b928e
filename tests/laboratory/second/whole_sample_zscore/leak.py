"""Ridge on the z-score of each stock's own volatility.

Knows too early: scipy's zscore takes mean and deviation over all years, up to four years after the row.
"""

import numpy as np
import pandas as pd
from scipy import stats

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def volatility_score(bars):
    """How unusual the last month's volatility is for the stock."""
    vol = np.log(bars.returns().rolling(21).std())
    return pd.DataFrame(stats.zscore(vol, axis=0, nan_policy="omit"), vol.index, vol.columns)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[volatility_score, Momentum(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=1.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
