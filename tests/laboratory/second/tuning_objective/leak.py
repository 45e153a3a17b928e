"""Momentum tuned by an objective that favours the market's usual state.

Knows too early: the objective weighs the returns of the validation blocks by a regime drawn from a panel of all years:
those on which the panel's volatility was below its median over the sample, later years included. The
objective loads the panel itself, so that cutting the bars of a run alone does not show it; changing the sample does.
"""

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
    vol = panel.load().returns().mean(axis=1).rolling(63).std()
    calm = (vol <= vol.median()).reindex(returns.index, fill_value=False)
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
