"""Momentum within clusters of stocks that move together.

Knows too early: clusters come from the correlations of all years, test years among them, as a constant mapping made
at import. Cutting the bars of a run cannot show it; importing on changed prices can.
"""

from scipy.cluster.hierarchy import fcluster, linkage

from quantml import Study, WalkForward
from quantml.features import Category, CrossSectionZScore, Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

NAMES = ("AAPL", "BAC", "BBY", "CVX", "GE", "JPM", "MSFT", "RRC")


def clusters(first, last, count=3):
    """Name each stock's cluster."""
    returns = Sample("large_caps", symbols=NAMES, start=first, end=last).load().returns().dropna()
    found = fcluster(linkage(returns.corr(), "average"), count, "maxclust")
    return {name: f"cluster {number}" for name, number in zip(NAMES, found, strict=True)}


group = Category(clusters("2014-01-01", "2018-12-31"), "cluster")
study = Study(
    data=Sample("large_caps", symbols=NAMES, start="2014-01-01", end="2018-12-31"),
    features=[CrossSectionZScore(Momentum(21), group), Momentum(21)],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=0.1),
    signal=RankLongShort(0.25),
    validation=WalkForward(train="2y", test="1y"),
)
