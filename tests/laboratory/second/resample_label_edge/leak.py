"""Weekly features made by resampling, for a gradient-boosted model.

Knows too early: weeks carry the label of their left edge, so that Monday reads what the week does until Friday.
"""

from quantml import Study, WalkForward
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def weekly(statistic, label):
    """Make a feature of weekly bars."""

    def feature(bars):
        weeks = bars.returns().resample("W-FRI", label=label, closed="right").agg(statistic)
        return weeks.reindex(bars.clock, method="ffill")

    feature.__name__ = f"weekly_{statistic}"
    return feature


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "AMD", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[weekly("sum", "left"), weekly("std", "left")],
    target=ForwardReturn(3),
    forecaster=LightGBM(n_estimators=30, num_leaves=7, min_child_samples=40),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
