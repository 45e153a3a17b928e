"""Volatility in long form without grouping.

Each symbol's first row continues the last of the one before it, whose final price stays in the average for years.
"""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def slow_volatility(bars):
    """Exponentially weighted volatility with a half-life of two years."""
    long = bars.close.unstack()
    squared = long.pct_change().fillna(0.0) ** 2
    return squared.ewm(halflife=504).mean().pow(0.5).unstack(level=0)[list(bars.symbols)]


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "CVX", "JNJ", "KO", "XOM"), start="2014-01-01"),
    features=[slow_volatility, Momentum(21)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators=30, num_leaves=7),
    signal=RankLongShort(fraction=0.34),
    costs=Costs(commission_bps=1, spread_bps=4),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
