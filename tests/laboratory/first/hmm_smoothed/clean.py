"""Ridge on filtered probabilities of a calm state: the forward pass of a hidden Markov model alone, with parameters
fixed beforehand."""

import numpy as np

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

MOVE = ((0.98, 0.02), (0.05, 0.95))
MEAN, SPREAD = (0.0006, -0.0008), (0.006, 0.015)


def calm(bars):
    out = bars.close.copy()
    for symbol in out:
        returns = bars.close[symbol].pct_change().fillna(0.0).to_numpy()
        likely = np.exp(-0.5 * ((returns[:, None] - MEAN) / SPREAD) ** 2) / SPREAD
        state, path = np.array([0.5, 0.5]), []
        for row in likely:
            state = state @ np.array(MOVE) * row
            state = state / state.sum()
            path.append(state[0])
        out[symbol] = path
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
