"""Keep the three best of ten candidate features on each fold's training rows, then fit a ridge regression."""

from quantml import Study, WalkForward
from quantml.features import RSI, Autocorrelation, DistanceToHigh, Kurtosis, Momentum, RealisedVolatility, Returns
from quantml.features import BollingerPosition as Bands
from quantml.features import MovingAverageRatio as Ratio
from quantml.features.transforms import SelectUnivariate
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

study = Study(
    data=panel,
    features=candidates,
    transforms=[SelectUnivariate(3)],
    target=goal,
    forecaster=Ridge(alpha=10.0),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
