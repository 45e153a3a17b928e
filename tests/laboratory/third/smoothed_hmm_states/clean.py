"""Forecast by the hidden-Markov regime of the day; its chances are those of the forward recursion alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hmmlearn.hmm import GaussianHMM

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Returns
from quantml.forecasters import RowForecast
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def log_returns(bars, start=0):
    """One column of log returns of the first symbol; the first bar has none and counts as 0."""
    close = np.log(bars.close.to_numpy()[start:, 0])
    return np.diff(close, prepend=close[0])[:, None]


@dataclass(frozen=True)
class Regimes:
    """Forecast the mean return of the regime."""

    states: int = 2

    def fit(self, train):
        """Learn from the training rows."""
        model = GaussianHMM(self.states, n_iter=15, random_state=0).fit(log_returns(train.bars, train.start))
        return FittedRegimes(model)


@dataclass(frozen=True)
class FittedRegimes:
    """A fitted regime model."""

    model: Any

    def predict(self, test):
        """Forecast the rows of a block."""
        returns = log_returns(test.bars)
        deviation = np.sqrt(self.model.covars_[:, 0, 0])
        density = np.exp(-0.5 * ((returns - self.model.means_[:, 0]) / deviation) ** 2) / deviation + 1e-300
        chance, chances = self.model.startprob_, []
        for row in density:
            chance = (chance @ self.model.transmat_) * row
            chance = chance / chance.sum()
            chances.append(chance)
        return RowForecast(mean=(np.array(chances) @ self.model.means_[:, 0])[test.time])


study = Study(
    data=Sample("indices", symbols=["^IXIC"], start="2012-01-01"),
    features=[Returns(1)],
    target=ForwardReturn(horizon=1),
    forecaster=Regimes(),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
