"""A scikit-learn pipeline: scale, then ridge, both fitted to each fold's training rows."""

from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quantml import Study, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "JPM", "KO", "PFE", "XOM"), start="2014-01-01", end="2018-12-31")
features = [Momentum(21), RealisedVolatility(21), RSI(14)]

study = Study(
    data=panel,
    features=features,
    target=ForwardReturn(5),
    forecaster=make_pipeline(StandardScaler(), Ridge(alpha=300.0)),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
