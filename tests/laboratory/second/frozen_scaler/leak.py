"""A scikit-learn pipeline: scale, then ridge.

Knows too early: the scaler was fitted to the features of all years before the study and is frozen in the
pipeline; quantml refuses to run it.
"""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility, build_features
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31")
features = [Momentum(21), RealisedVolatility(21), RSI(14)]


def fitted_scaler():
    """Fit the scaler to the whole panel."""
    values = build_features(features, panel.load()).values
    return StandardScaler().fit(values[63:].reshape(-1, len(features)).astype(np.float64))


study = Study(
    data=panel,
    features=features,
    target=ForwardReturn(5),
    forecaster=make_pipeline(FrozenEstimator(fitted_scaler()), Ridge(alpha=300.0)),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
