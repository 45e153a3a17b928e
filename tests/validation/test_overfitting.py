"""Every candidate's own record out of sample: that of the study which holds that candidate alone."""

import numpy as np
import pytest

import quantml as qm
from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.errors import StudyError
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample, Synthetic
from quantml.signals import MovingAverageCross, Sign, VolatilityTarget
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward
from quantml.validation.workers import Loky


def study(**changes):
    parts = {
        "data": Sample("indices", start="2013-01-01"),
        "signal": MovingAverageCross(fast=Choice(5, 60), slow=Choice(50, 100)),
        "costs": Costs(commission_bps=1),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="1y", refit="6m"),
        "tuning": Tuning(),
        "cash": 0.01,
    }
    return Study(**{**parts, **changes})


FORECASTS = {
    "features": [Momentum(Choice(5, 20))],
    "target": ForwardReturn(horizon=1),
    "forecaster": Ridge(),
    "signal": [Sign(threshold=Choice(0.0, 0.0002)), VolatilityTarget(annual=0.1)],
}


@pytest.mark.parametrize(("parts", "count"), [({}, 3), (FORECASTS, 4)], ids=["rule", "forecast"])
def test_a_candidates_returns_are_those_of_a_run_of_its_own(parts, count):
    found = qm.overfitting(study(**parts), blocks=8)
    assert found.returns.shape == (len(found.times), count)  # a fast window of 60 above a slow one of 50 is none
    for place, values in enumerate(found.candidates):
        alone = qm.run(study(**parts).resolve(values)).simulation
        np.testing.assert_allclose(found.returns[:, place], alone.returns - alone.risk_free, rtol=1e-13, atol=1e-14)
    assert found.probability == qm.inference.probability_of_backtest_overfitting(found.returns, blocks=8)


def test_workers_give_the_same():
    alone, pooled = (qm.overfitting(study(**FORECASTS), executor=executor) for executor in (None, Loky(2)))
    assert alone.returns.tobytes() == pooled.returns.tobytes()
    assert alone.candidates == pooled.candidates


def test_a_rule_that_is_right_is_the_best_wherever_it_is_looked_at():
    world = Synthetic(symbols=1, sessions=3000, seed=1, sharpe=4.0)
    planted = study(data=world, signal=Sign(threshold=Choice(0.0, 9.0)), features=[Momentum(1)],
                    target=ForwardReturn(horizon=1), forecaster=Ridge(), fill=Fill.NEXT_OPEN, cash=None)  # fmt: skip
    found = qm.overfitting(planted)
    assert (found.probability, len(found.logits)) == (0.0, 12870)
    assert np.ptp(found.returns[:, 1]) == 0.0  # a threshold that nothing reaches


def test_a_study_without_candidates_is_refused():
    with pytest.raises(StudyError, match="a study must have candidates to choose from; got 'no search space'"):
        qm.overfitting(study(signal=MovingAverageCross(fast=5, slow=50), tuning=None))


def test_of_proposals_the_candidates_are_those_of_the_first_fold():
    proposed = study(signal=MovingAverageCross(fast=qm.Integer(2, 60), slow=100),
                     tuning=Tuning(sampler="tpe", trials=6))  # fmt: skip
    found, market = qm.overfitting(proposed, blocks=4), proposed.load()
    first = walk_forward(proposed, market.bars).folds[0]
    assert list(found.candidates) == [one.values for one in first.candidates]
    assert found.returns.shape[1] == 6
