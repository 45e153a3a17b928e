"""Volatility in long form, grouped by symbol."""

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import LightGBM
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


def slow_volatility(bars):
    """Exponentially weighted volatility with a half-life of two years."""
    long = bars.close.unstack()
    squared = long.groupby(level=0).pct_change().fillna(0.0) ** 2
    mean = squared.groupby(level=0, group_keys=False).apply(lambda own: own.ewm(halflife=504).mean())
    return mean.pow(0.5).unstack(level=0)[list(bars.symbols)]


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
