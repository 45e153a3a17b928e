"""Ridge on smoothed probabilities of a calm state: the backward pass of the hidden Markov model reads every bar
after the decision. Its parameters are fixed beforehand."""

import numpy as np
from hmmlearn.hmm import GaussianHMM

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def calm_and_wild():
    model = GaussianHMM(n_components=2, covariance_type="diag")
    model.n_features = 1
    model.startprob_ = np.array([0.5, 0.5])
    model.transmat_ = np.array([[0.98, 0.02], [0.05, 0.95]])
    model.means_ = np.array([[0.0006], [-0.0008]])
    model.covars_ = np.array([[0.006**2], [0.015**2]])
    return model


def calm(bars):
    model, out = calm_and_wild(), bars.close.copy()
    for symbol in out:
        returns = bars.close[symbol].pct_change().fillna(0.0).to_numpy()
        out[symbol] = model.predict_proba(returns[:, None])[:, 0]
    return out


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[calm, Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
