"""Take the market factor out of momentum weights.

Its loadings are the first eigenvector of the covariance of a trailing year, taken anew every 21 bars.
"""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.loaders import Sample
from quantml.signals import RankLongShort


def loadings(returns):
    """First eigenvector of the returns' covariance."""
    return np.linalg.eigh(np.cov(returns.T))[1][:, -1]


def neutral(weights, context):
    """Leave what is orthogonal to the market factor."""
    returns = context.bars.close.pct_change().fillna(0.0).to_numpy()
    held = weights.frame
    market = np.zeros(returns.shape)
    for row in range(252, len(held), 21):
        market[row : row + 21] = loadings(returns[row - 251 : row + 1])
    return held - (held.to_numpy() * market).sum(axis=1, keepdims=True) * market


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "JNJ", "KO", "XOM", "JPM"), start="2014-01-01"),
    signal=[RankLongShort(fraction=0.3, by=Momentum(126)), neutral],
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
