"""A transform that adapts to drift by scaling each block with its own statistics.

Knows too early: rows to forecast are scaled with mean and deviation of the whole block, up to a year later.
"""

from dataclasses import dataclass, replace

from sklearn.preprocessing import StandardScaler

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Adapt:
    """Scale to mean 0 and deviation 1."""

    def fit(self, train):
        """Fit the scaler."""
        return Adapted()


@dataclass(frozen=True)
class Adapted:
    """What `Adapt` returns."""

    def transform(self, rows):
        """Scale the rows."""
        return replace(rows, x=StandardScaler().fit_transform(rows.x))


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BBY", "JPM", "KO", "MRK"), start="2014-01-01", end="2018-12-31"),
    features=[RealisedVolatility(21), Momentum(21)],
    transforms=[Adapt()],
    target=ForwardReturn(5),
    forecaster=LightGBM(n_estimators=30, num_leaves=7, min_child_samples=40),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
