"""Tuning: what it refuses at declaration, and the candidates it lists."""

import numpy as np
import pytest

from quantml import Choice, Integer, Real, Study, Tuning, WalkForward
from quantml.errors import ParameterError
from quantml.features import Momentum
from quantml.forecasters import LightGBM, Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn

SEED = np.random.SeedSequence(1)


def declared(**changes):
    parts = {
        "data": Sample("indices"),
        "features": [Momentum(21)],
        "target": ForwardReturn(horizon=5),
        "forecaster": Ridge(),
        "signal": Sign(),
        "validation": WalkForward(train="3y", test="3m"),
        "tuning": Tuning("sharpe_ratio"),
    }
    return Study(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sampler": "gird"}, "Tuning.sampler must be 'grid', 'random' or 'tpe'; got 'gird'. Did you mean 'grid'?"),
        ({"folds": 0}, "Tuning.folds must be a whole number of at least 1; got 0"),
        ({"folds": True}, "Tuning.folds must be a whole number of at least 1; got True"),
        ({"sampler": "random"}, "Tuning.trials must be given exactly with sampler='random' or 'tpe'; got None"),
        ({"trials": 3}, "Tuning.trials must be given exactly with sampler='random' or 'tpe'; got 3"),
        ({"sampler": "random", "trials": 0}, "Tuning.trials must be a whole number of at least 1; got 0"),
        ({"sampler": "random", "trials": 2.5}, "Tuning.trials must be a whole number of at least 1; got 2.5"),
        ({"sampler": "random", "trials": "9"}, "Tuning.trials must be a whole number of at least 1; got '9'"),
        ({"objective": "sharpe_ratoi"}, "Did you mean 'sharpe_ratio'?"),
    ],
)
def test_refuses(changes, text):
    with pytest.raises(ParameterError) as caught:
        Tuning(**changes)
    assert text in str(caught.value)


def test_a_grid_over_a_real_is_refused_when_the_study_is_declared():
    with pytest.raises(ParameterError) as caught:
        declared(forecaster=Ridge(alpha=Real(0.1, 10.0)))
    assert "forecaster.alpha must be a Choice or an Integer in a grid search; got RealSpace" in str(caught.value)
    assert "sampler='random'" in str(caught.value)


def test_a_grid_too_large_to_try_is_refused_when_the_study_is_declared():
    features = [Momentum(Integer(1, 1000)), Momentum(Integer(1, 1000))]
    with pytest.raises(ParameterError) as caught:
        declared(features=features)
    assert "a grid search must have at most 100,000 combinations; got 1000000" in str(caught.value)
    assert "sampler='random'" in str(caught.value)
    assert len(declared(features=features, tuning=Tuning(sampler="random", trials=3)).spaces) == 2


def test_a_study_takes_a_space_inside_an_alternative():
    study = declared(forecaster=Choice(Ridge(alpha=Choice(1.0, 10.0)), LightGBM()))
    listed = study.tuning.candidates(study.spaces, SEED)
    assert [point["forecaster"] for point in listed] == [Ridge(1.0), Ridge(10.0), LightGBM()]


def test_random_candidates_differ_and_come_back_with_their_seed():
    spaces = {"a": Integer(1, 10), "b": Choice("x", "y")}
    tuning = Tuning(sampler="random", trials=15)
    listed = tuning.candidates(spaces, SEED)
    assert len({tuple(point.values()) for point in listed}) == 15
    assert listed == tuning.candidates(spaces, np.random.SeedSequence(1))
    assert listed != tuning.candidates(spaces, np.random.SeedSequence(2))


def test_more_trials_than_combinations_try_each_once():
    listed = Tuning(sampler="random", trials=99).candidates({"a": Integer(1, 2), "b": Choice("x", "y")}, SEED)
    assert [tuple(point.values()) for point in listed] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
