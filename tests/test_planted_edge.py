"""Known-truth worlds through the whole pipeline: a planted edge is found, and noise earns minus its costs."""

import numpy as np

from quantml import Costs, Study, WalkForward
from quantml.features import Returns
from quantml.forecasters import Linear
from quantml.loaders import Synthetic
from quantml.runs import run
from quantml.signals import Sign
from quantml.targets import ForwardReturn

SEEDS = range(20)
VALIDATION = WalkForward(train=500, test=250)


def simulated(*, sharpe, seed, sessions, costs):
    """The stitched out-of-sample account of one world."""
    study = Study(
        data=Synthetic(sharpe=sharpe, sessions=sessions, seed=seed),
        features=[Returns(1)],
        target=ForwardReturn(horizon=1),
        forecaster=Linear(),
        signal=Sign(),
        costs=costs,
        validation=VALIDATION,
    )
    return run(study).simulation


def sharpe_ratio(returns):
    return np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(252)


def within(values, expected, errors=3.0):
    return abs(np.mean(values) - expected) < errors * np.std(values, ddof=1) / np.sqrt(len(values))


def test_a_planted_edge_earns_what_a_very_long_world_says():
    free = Costs()
    short = [sharpe_ratio(simulated(sharpe=2.0, seed=s, sessions=2000, costs=free).returns[1:]) for s in SEEDS]
    long = sharpe_ratio(simulated(sharpe=2.0, seed=1000, sessions=100_000, costs=free).returns[1:])
    assert long > 1.0
    assert within(short, long)


def test_noise_earns_nothing_gross_and_minus_its_costs_net():
    costs = Costs(commission_bps=1, spread_bps=2)
    gross, net, paid = [], [], []
    for seed in SEEDS:
        free, charged = (simulated(sharpe=0.0, seed=seed, sessions=2000, costs=c) for c in (Costs(), costs))
        gross.append(free.returns[1:].mean())
        net.append(charged.returns[1:].mean())
        paid.append((charged.costs.sum(axis=1) / charged.equity.shift()).iloc[1:].mean())
    assert within(gross, 0.0)
    assert within(net, -np.mean(paid))
    assert np.mean(paid) > 0.0001  # 2 bps for each side of a position that changes often: there is something to lose
    # costs of 2 bps on returns of 1 % differ from a plain sum by their product at most
    assert np.allclose(np.array(net) + np.array(paid), gross, rtol=0, atol=4e-6)
