"""Momentum whose window is found inside each fold, on simulated trades of its training years."""

from quantml import Choice, Study, Tuning, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Linear
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("BBY", "CVX", "HD", "MSFT", "PFE"), start="2014-01-01", end="2018-12-31")

study = Study(
    data=panel,
    features=[Momentum(Choice(5, 21, 63))],
    target=ForwardReturn(5),
    forecaster=Linear(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
    tuning=Tuning("sharpe_ratio", folds=2),
)
