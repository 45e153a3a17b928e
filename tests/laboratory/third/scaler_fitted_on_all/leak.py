"""Features go through a quantile transformer that was fitted on the whole sample when the file was read.

Its quantiles of later years hide in the partial of a FunctionTransformer.
"""

from functools import partial

import numpy as np
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

DATA = Sample("indices", symbols=["^GSPC"], start="2012-01-01")
FEATURES = [Momentum(21), Momentum(63), RealisedVolatility(21)]


def fitted(loader):
    """Fit the transformer to every row that has all features."""
    bars = loader.load()
    rows = np.column_stack([feature(bars).to_numpy()[:, 0] for feature in FEATURES])
    scaler = QuantileTransformer(n_quantiles=50, output_distribution="normal").fit(rows[~np.isnan(rows).any(axis=1)])
    return tuple(map(tuple, scaler.quantiles_.T.tolist())), tuple(scaler.references_.tolist())


def scale(rows, levels, shares):
    """Map each column onto its quantiles."""
    return np.column_stack([np.interp(rows[:, k], levels[k], shares) for k in range(rows.shape[1])])


LEVELS, SHARES = fitted(DATA)

study = Study(
    data=DATA,
    features=FEATURES,
    transforms=[FunctionTransformer(partial(scale, levels=LEVELS, shares=SHARES))],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
