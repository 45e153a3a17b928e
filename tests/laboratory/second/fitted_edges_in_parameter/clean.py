"""Volatility bins as categories of a tree model, their edges fitted to each fold's training rows by scikit-learn."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.tree import DecisionTreeRegressor

from quantml import Study, WalkForward
from quantml.features import Momentum, RealisedVolatility
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("AAPL", "BBY", "GE", "JPM", "PG"), start="2014-01-01", end="2018-12-31")

study = Study(
    data=panel,
    features=[RealisedVolatility(21), Momentum(21)],
    target=ForwardReturn(5),
    forecaster=make_pipeline(
        KBinsDiscretizer(5, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf"),
        DecisionTreeRegressor(max_depth=4, min_samples_leaf=30, random_state=0),
    ),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
