"""Boosted trees on momentum and the VIX, which is known a day later."""

from quantml import Study, WalkForward
from quantml.features import Difference, Momentum, Outside
from quantml.forecasters import LightGBM
from quantml.loaders import Published, Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

study = Study(
    data=Sample("large_caps", symbols=("AAPL", "BAC", "JPM", "KO", "XOM"), start="2014-01-03", end="2018-12-31"),
    exogenous=[Published("vix")],
    features=[Momentum(21), Outside("vix", "vix"), Difference(Outside("vix", "vix"), 1)],
    target=ForwardReturn(1, start="close"),
    forecaster=LightGBM(n_estimators=30, num_leaves=7, min_child_samples=40),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
)
