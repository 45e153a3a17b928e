"""Keep the three best of ten candidate features, then fit a ridge regression walk-forward.

Knows too early: the choice is made once at import, by correlation with forward returns of all years, test years among
them. A run on bars cut at t that keeps the same import cannot show it; importing on changed prices can.
"""

from quantml import Fill, Study, WalkForward
from quantml.features import RSI, Autocorrelation, DistanceToHigh, Kurtosis, Momentum, RealisedVolatility, Returns
from quantml.features import BollingerPosition as Bands
from quantml.features import MovingAverageRatio as Ratio
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "GE", "JNJ", "JPM", "XOM"), start="2014-01-01", end="2018-12-31")
goal = ForwardReturn(5)
candidates = [
    Returns(1), Returns(5), Momentum(21), Momentum(63), RSI(14), RealisedVolatility(21), Ratio(5, 40), Bands(20),
    DistanceToHigh(126), Kurtosis(63), Autocorrelation(42),
]  # fmt: skip


def relevance(feature, bars, labels):
    """Absolute pooled correlation of a feature with the target."""
    return abs(feature(bars).stack().corr(labels.stack()))


def pick(count):
    """Choose the best of the candidates."""
    bars = panel.load()
    labels = goal.build(bars, Fill.NEXT_CLOSE).frame
    return sorted(candidates, key=lambda feature: -relevance(feature, bars, labels))[:count]


study = Study(
    data=panel,
    features=pick(3),
    target=goal,
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
