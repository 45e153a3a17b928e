"""Volatility bins as categories of a tree model.

Knows too early: the edges, a plain tuple in a built-in feature, are quantiles of all years, test years among them.
They are fixed at import: cutting the bars of a run cannot show it; importing on changed prices can.
"""

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from quantml import Study, WalkForward
from quantml.features import Bins, Momentum, RealisedVolatility
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "BBY", "GE", "JPM", "PG"), start="2014-01-01", end="2018-12-31")


def edges(feature, parts):
    """Edges of equally full bins."""
    inner = np.linspace(0, 1, parts + 1)[1:-1]
    return tuple(float(edge) for edge in np.nanquantile(feature(panel.load()), inner))


def binned(feature, parts=5):
    """Put a feature into bins."""
    return Bins(feature, edges(feature, parts))


study = Study(
    data=panel,
    features=[binned(RealisedVolatility(21)), binned(Momentum(21))],
    target=ForwardReturn(5),
    forecaster=DecisionTreeRegressor(max_depth=4, min_samples_leaf=30, random_state=0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
