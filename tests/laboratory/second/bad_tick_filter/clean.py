"""A one-day return feature, blanked where it looks like a bad tick: a large move that takes back the one before."""

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def clean_return(bars):
    """Return without bad ticks."""
    returns = bars.returns()
    large = returns.abs() > 1.5 * returns.rolling(63).std()
    undone = returns.shift(1) / returns < -0.5
    return returns.mask(large & undone)


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "GE", "RRC"), start="2014-01-01", end="2018-12-31"),
    features=[clean_return, Momentum(5)],
    target=ForwardReturn(1, start="close"),
    forecaster=LightGBM(n_estimators=30, num_leaves=7, min_child_samples=20),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
