"""Momentum tuned by an objective that favours calm days: those of the smaller moves among the returns it is given."""

import numpy as np

from quantml import Choice, Study, Tuning, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Linear
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn

panel = Sample("large_caps", symbols=("BBY", "CVX", "HD", "MSFT", "PFE"), start="2014-01-01", end="2018-12-31")


def calm_sharpe(returns):
    """Sharpe ratio on calm days."""
    vol = returns.rolling(63, min_periods=2).std()
    calm = vol <= vol.median()
    chosen = returns[calm.to_numpy()] if calm.sum() > 20 else returns
    return float(np.mean(chosen) / (np.std(chosen) + 1e-9))


study = Study(
    data=panel,
    features=[Momentum(Choice(5, 10, 21, 63))],
    target=ForwardReturn(5),
    forecaster=Linear(),
    signal=RankLongShort(0.4),
    validation=WalkForward(train="2y", test="1y"),
    tuning=Tuning(calm_sharpe, folds=2),
)
