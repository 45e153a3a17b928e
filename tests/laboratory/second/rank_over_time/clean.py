"""Rank-normalised momentum for a nearest-neighbour regression, ranked among the stocks of the day."""

from sklearn.neighbors import KNeighborsRegressor

from quantml import Study, WalkForward
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def ranked(window):
    """Make a rank-normalised return."""

    def feature(bars):
        return bars.close.pct_change(window).rank(axis=1, pct=True)

    feature.__name__ = f"ranked_{window}"
    return feature


study = Study(
    data=Sample("large_caps", symbols=("AMD", "CVX", "HD", "KO", "LLY", "WMT"), start="2014-01-01", end="2018-12-31"),
    features=[ranked(5), ranked(63)],
    target=ForwardReturn(5),
    forecaster=KNeighborsRegressor(50),
    signal=RankLongShort(0.34),
    validation=WalkForward(train="2y", test="1y"),
)
