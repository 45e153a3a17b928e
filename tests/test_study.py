"""Study: what it refuses, and how it is overridden."""

import re
from functools import partial
from threading import Lock

import pandas as pd
import pytest

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.errors import DataError, ParameterError, StudyError
from quantml.features import RSI, Momentum
from quantml.features.transforms import Winsorise
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import ForwardReturn
from quantml.weighting import TimeDecay

VALIDATION = WalkForward(train="3y", test="3m")


def declared(**changes):
    parts = {
        "data": Sample("indices"),
        "features": [Momentum(21), RSI(14)],
        "target": ForwardReturn(horizon=5),
        "forecaster": Ridge(alpha=Choice(1.0, 10.0)),
        "signal": Sign(threshold=Choice(0.0, 0.01)),
        "validation": VALIDATION,
        "tuning": Tuning("sharpe_ratio"),
    }
    return Study(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"target": None}, "a forecaster must have a target"),
        ({"signal": None, "forecaster": None}, "a study must have a signal, a forecaster, or both"),
        ({"tuning": None}, "a study with search spaces must say how to tune them; got 'forecaster.alpha, signal.0.threshold'"),
        ({"forecaster": Ridge(), "signal": Sign()}, "a study with tuning must have something to tune"),
        ({"signal": None}, "tuning must have a signal to score on simulated trades"),
        ({"fill": "next_open"}, "fill must be a Fill; got 'next_open'"),
        ({"seed": -1}, "seed must be a whole number of at least 0; got -1"),
        ({"data": 3}, "data must be Bars or a loader; got 3"),
        ({"data": Sample}, "data must be Bars or a loader; got 'Sample'"),
        ({"costs": None}, "costs must be Costs; got None"),
        ({"target": "returns"}, "target must be an object such as ForwardReturn(horizon=5); got 'returns'"),
        ({"target": ForwardReturn}, "target must be an object such as ForwardReturn(horizon=5); got 'ForwardReturn'"),
        ({"validation": "1y"}, "validation must be an object such as WalkForward"),
        ({"validation": None}, "validation must be given"),
        ({"tuning": "sharpe_ratio"}, "tuning must be an object such as Tuning"),
        ({"exogenous": "vix"}, "exogenous must hold Exogenous tables or loaders of them; got 'vix'"),
        ({"signal": Sign}, "signal must hold objects, not classes; got 'Sign'. Write Sign(...)."),
        ({"costs": Costs(commission_bps=Choice(1, 2))}, "costs must hold no search space"),
        ({"baseline": Ridge(alpha=Choice(1.0, 2.0))}, "baseline must hold no search space"),
    ],
)  # fmt: skip
def test_refuses(changes, text):
    with pytest.raises(StudyError) as caught:
        declared(**changes)
    assert text in str(caught.value)


def test_sequences_become_tuples_and_one_step_is_a_sequence():
    study = declared()
    assert study.features == (Momentum(21), RSI(14))
    assert study.signal == (Sign(threshold=Choice(0.0, 0.01)),)


def test_spaces_are_named_by_path_and_resolved():
    study = declared()
    assert list(study.spaces) == ["forecaster.alpha", "signal.0.threshold"]
    resolved = study.resolve({"forecaster.alpha": 10.0, "signal.0.threshold": 0.01})
    assert (resolved.forecaster, resolved.signal) == (Ridge(alpha=10.0), (Sign(threshold=0.01),))
    assert resolved.tuning is None


def test_a_space_inside_a_scikit_learn_estimator_is_found_and_resolved():
    from sklearn.linear_model import Lasso
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    study = declared(forecaster=make_pipeline(StandardScaler(), Lasso(alpha=Choice(0.1, 0.2))), signal=Sign())
    assert list(study.spaces) == ["forecaster.steps.1.1.alpha"]
    resolved = study.resolve({"forecaster.steps.1.1.alpha": 0.2})
    assert resolved.forecaster[-1].alpha == 0.2


def test_override_reads_values_as_their_place_needs():
    study = declared().override(
        ["validation.test=1m", "costs.commission_bps=5", "fill=next_close", "features.0.window=7"]
    )
    assert study.validation.test == "1m"
    assert study.costs.commission_bps == 5
    assert study.features[0] == Momentum(7)
    assert declared(fill=Fill.NEXT_OPEN).override(["fill=next_close"]).fill is Fill.NEXT_CLOSE


def test_giving_every_space_a_value_ends_the_tuning():
    study = declared().override(["forecaster.alpha=3.0", "signal.0.threshold=0.0"])
    assert study.tuning is None
    assert study.spaces == {}


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("validation.tset=1m", "--set validation.tset must name a declared value; got \"no 'tset' in WalkForward at validation\". Did you mean 'test'?"),
        ("name=../x", "--set name must change what the study declares"),
        ("bundle=None", "--set bundle must change what the study declares"),
        ("validation", "--set must read path=value; got 'validation'"),
        ("features.9.window=1", "no '9' in tuple at features"),
        ("validation.test=soon", "WalkForward.test must be a positive number of rows, or a duration"),
    ],
)  # fmt: skip
def test_override_refuses(setting, text):
    with pytest.raises(ParameterError) as caught:
        declared().override([setting])
    assert text in str(caught.value)


def test_hash_knows_meaning_not_writing():
    assert declared().hash == declared(features=(Momentum(window=21), RSI())).hash
    assert declared().hash != declared(features=(Momentum(22), RSI())).hash
    assert declared(seed=1).hash != declared(seed=2).hash


class Locked:
    def __init__(self, held):
        self.held = held

    def __call__(self, bars):
        return bars.close


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        (Locked(Lock()), "plain values; got 'lock' (features.1.held, in Locked)."),
        (Locked({"b": [1, Lock()], "a": 2}), "plain values; got 'lock' (features.1.held.b.1, in Locked)."),
        (partial(Locked(1), Locked(Lock())), "plain values; got 'lock' (features.1.args.0.held, in Locked)."),
        (Locked(pd.Series([1.0])), "bare frames or arrays; got 'a frame' (features.1.held, in Locked)."),
    ],
)
def test_what_no_study_may_hold_is_named_with_its_place(feature, told):
    with pytest.raises(StudyError, match=re.escape(told)):
        _ = declared(features=[Momentum(21), feature]).hash


def test_what_a_users_loader_does_wrong_is_named():
    class Fails:
        def load(self):
            raise LookupError("no such place")

    class Returns:
        def load(self):
            return pd.DataFrame()

    rule = {"signal": MovingAverageCross(fast=5, slow=20), "validation": WalkForward(train=20, test=10)}
    with pytest.raises(DataError, match=r"Fails.load failed: LookupError: no such place \(line \d+ of test_study.py\)"):
        Study(data=Fails(), **rule).load()
    with pytest.raises(StudyError, match="Returns.load of data must return Bars; got 'DataFrame'"):
        Study(data=Returns(), **rule).load()


def test_a_choice_may_be_between_sequences_of_steps_and_of_features():
    declared = Study(
        data=Sample("indices"), forecaster=Ridge(), target=ForwardReturn(), validation=WalkForward(train=20, test=10),
        features=Choice([Momentum(5)], [Momentum(5), RSI(14)]), signal=Choice(Sign(), [Sign(), Sign(0.1)]),
        tuning=Tuning(),
    )  # fmt: skip
    resolved = declared.resolve({path: space.grid()[1] for path, space in declared.spaces.items()})
    assert resolved.features == (Momentum(5), RSI(14))
    assert resolved.steps == (Sign(), Sign(0.1))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"target": Choice(ForwardReturn(), 3)}, "target must be an object such as ForwardReturn(horizon=5); got 3"),
        ({"forecaster": Choice(Ridge(), None)}, "forecaster must have a method 'fit'; got None"),
        ({"signal": Choice(Sign(), None)}, "signal must hold functions, or objects that can be called; got None"),
        (
            {"features": [Choice(Momentum(5), "RSI")]},
            "features must hold functions, or objects that can be called; got 'RSI'",
        ),
        ({"transforms": [Choice(Winsorise(), "pca")]}, "transforms must have a method 'fit'; got 'pca'"),
        ({"sample_weight": Choice(TimeDecay(), 0.5)}, "sample_weight must have a method 'weigh'; got 0.5"),
        ({"signal": Choice(Sign(), [Sign])}, "signal must hold objects, not classes; got 'Sign'. Write Sign(...)."),
    ],
)
def test_every_alternative_is_checked_when_it_is_declared(changes, text):
    parts = {
        "data": Sample("indices"), "features": [Momentum(5)], "target": ForwardReturn(), "forecaster": Ridge(),
        "signal": Sign(), "validation": WalkForward(train=20, test=10), "tuning": Tuning(),
    }  # fmt: skip
    with pytest.raises(StudyError) as caught:
        Study(**{**parts, **changes})
    assert text in str(caught.value)
