"""A transform adds the probability of the volatile state of a hidden Markov model fitted to training returns.

Knows too early: predict_proba smooths, so that a row's probability also rests on the returns up to the block's end.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from hmmlearn.hmm import GaussianHMM

from quantml import Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Regimes:
    """Two states of the equally weighted panel's return."""

    iterations: int = 20

    def fit(self, train):
        """Fit to the returns of the training window."""
        returns = market(train.bars)[train.start + 1 :]
        model = GaussianHMM(2, n_iter=self.iterations, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(returns[:, None])
        return FittedRegimes(model)


@dataclass(frozen=True)
class FittedRegimes:
    """What `Regimes` returns."""

    model: GaussianHMM

    def transform(self, rows):
        """Append the probability of the state with the larger variance."""
        volatile = int(np.argmax(self.model.covars_.ravel()))
        probability = self.model.predict_proba(market(rows.bars)[1:, None])[:, volatile]
        column = np.concatenate([[np.nan], probability])[rows.time]
        x = np.column_stack([rows.x, column, column * rows.x[:, 0]])
        return replace(rows, x=x, names=(*rows.names, "volatile", "volatile momentum"))


def market(bars):
    """Equally weighted log return of the panel."""
    return np.log(bars.close).diff().mean(axis=1).to_numpy() * 100


study = Study(
    data=Sample("large_caps", symbols=("AAPL", "JPM", "KO", "XOM"), start="2014-01-01", end="2018-12-31"),
    features=[Momentum(21)],
    transforms=[Regimes()],
    target=ForwardReturn(5),
    forecaster=Ridge(alpha=1.0),
    signal=RankLongShort(0.5),
    validation=WalkForward(train="2y", test="1y"),
)
