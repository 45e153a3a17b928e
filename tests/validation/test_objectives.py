"""Objectives by name: what each measures, which way is better, and what is refused."""

import numpy as np
import pytest

import quantml as qm
from quantml import Choice, Study, Tuning, WalkForward, accuracy, metrics
from quantml.errors import ParameterError, StudyError
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.validation.objectives import FORECAST_SCORES, UNFIT, Judged, find_objective, metrics_of_returns

NAN = np.nan
CAME = np.array([[0.02, -0.01], [0.04, 0.02], [NAN, 0.03]])
SAID = np.array([[0.01, -0.03], [0.02, 0.01], [0.5, NAN]])
UP = np.array([[1.0, 0.0], [1.0, 1.0], [NAN, 1.0]])
CHANCE = np.array([[0.8, 0.4], [0.5, 0.9], [0.9, NAN]])
RETURNS = Judged("return", CAME, SAID, variance=np.full((3, 2), 1e-4), naive=np.zeros((3, 2)),
                 history=np.array([[0.01, 0.02], [0.02, 0.04], [0.04, 0.02]]))  # fmt: skip
CHANCES = Judged("direction", UP, CHANCE, probability=CHANCE)
VOLATILITY = Judged("volatility", np.array([[0.2], [0.1], [0.0]]), np.array([[0.1], [0.1], [0.3]]))


@pytest.mark.parametrize(
    ("name", "judged", "expected"),
    [  # by hand: errors are 0.01, 0.02, 0.02 and 0.01; both ways up or down four times
        ("rmse", RETURNS, -np.sqrt(1e-3 / 4)),
        ("mae", RETURNS, -0.06 / 4),
        ("mase", RETURNS, -((0.01 + 0.02) / 0.015 + (0.02 + 0.01) / 0.02) / 4),  # mean steps of each history
        ("smape", RETURNS, -(2 * 0.01 / 0.03 + 2 * 0.02 / 0.04 + 2 * 0.02 / 0.06 + 2 * 0.01 / 0.03) / 4),
        ("r2_out_of_sample", RETURNS, 1.0 - 1e-3 / (4e-4 + 1e-4 + 16e-4 + 4e-4)),
        ("qlike", RETURNS, -(2 * 0.0 + 2 * (4.0 - np.log(4.0) - 1.0)) / 4),  # squared errors over 1e-4: 1, 4, 4, 1
        ("qlike", VOLATILITY, -(4.0 - np.log(4.0) - 1.0) / 2),  # no volatility came in the third row
        ("directional_accuracy", RETURNS, 1.0),
        ("directional_accuracy", CHANCES, 1.0),  # one half says nothing
        ("information_coefficient", RETURNS, 1.0),
        ("brier", CHANCES, -(0.04 + 0.16 + 0.25 + 0.01) / 4),
        ("log_loss", CHANCES, np.log(0.8 * 0.6 * 0.5 * 0.9) / 4),
        ("precision", RETURNS, 1.0),
        ("recall", CHANCES, 2 / 3),  # one half is no yes
        ("f1", CHANCES, 0.8),
    ],
)
def test_scores_of_forecasts(name, judged, expected):
    assert find_objective(name).score(judged) == pytest.approx(expected, rel=1e-12)


def test_a_score_without_what_it_needs_says_so():
    for name in ("brier", "log_loss"):
        with pytest.raises(StudyError, match=f"objective {name} must be given probabilities; got 'forecasts of a ret"):
            find_objective(name).score(RETURNS)
    bare = Judged("return", CAME, SAID)
    with pytest.raises(StudyError, match="objective qlike must be given volatilities or variances"):
        find_objective("qlike").score(bare)
    for name in ("directional_accuracy", "f1", "precision", "recall"):
        with pytest.raises(StudyError, match=f"objective {name} must be given forecasts of"):
            find_objective(name).score(VOLATILITY)
    with pytest.raises(StudyError, match="information_coefficient must be given at least 2 symbols to rank; got 1"):
        find_objective("information_coefficient").score(VOLATILITY)


def test_a_score_that_is_not_defined_is_nan():
    nothing = Judged("return", CAME * NAN, SAID)
    assert all(np.isnan(find_objective(name).score(nothing)) for name in ("rmse", "mae", "smape", "f1"))
    flat = Judged("volatility", VOLATILITY.realised, np.array([[0.1], [-0.1], [0.3]]))
    assert np.isnan(find_objective("qlike").score(flat))  # what is no volatility is not left out where it suits


def test_rows_are_cut_from_all_but_the_history():
    part = RETURNS.rows(slice(1, 2))
    assert (part.realised.tolist(), part.naive.shape, part.history.shape) == ([[0.04, 0.02]], (1, 2), (3, 2))


def test_every_measure_of_accuracy_is_an_objective_or_said_to_be_none():
    named = {name for name in accuracy.__all__ if name[0].islower()}
    assert named == set(FORECAST_SCORES) | set(UNFIT)
    assert set(FORECAST_SCORES).isdisjoint(metrics.__all__)
    assert set(metrics_of_returns()) <= set(metrics.__all__)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pinball_loss", "got 'pinball_loss'. It needs quantiles, which folds do not forecast. Scores of forecasts: rmse, "),
        ("diebold_mariano", "It gives no single number. Scores of forecasts: rmse, mae, "),
        ("qlikee", "must name a metric of returns or a score of forecasts; got 'qlikee'. Did you mean 'qlike'?"),
        ("xyz", "Known: annual_mean_return, "),
    ],
)  # fmt: skip
def test_other_names_are_refused(name, text):
    with pytest.raises(ParameterError) as caught:
        Tuning(name)
    assert text in str(caught.value)


def test_own_functions_are_what_they_are_called():
    assert Tuning(accuracy.rmse) == Tuning("rmse")
    assert Tuning(metrics.annual_volatility).objective == "annual_volatility"
    assert Tuning(metrics.annual_volatility).goal.sign == -1.0
    own = Tuning(lambda returns: 1.0)
    assert callable(own.objective)
    assert own.goal.sign == 1.0


def declared(**changes):
    parts = {
        "data": Sample("indices"), "features": [qm.features.Momentum(21)], "target": ForwardReturn(horizon=5),
        "forecaster": Ridge(alpha=Choice(1.0, 2.0)), "validation": WalkForward(train="3y", test="3m"),
    }  # fmt: skip
    return Study(**{**parts, **changes})


def test_a_study_that_only_forecasts_is_tuned_by_a_score_of_forecasts():
    assert list(declared(tuning=Tuning("rmse")).spaces) == ["forecaster.alpha"]
    assert list(declared(tuning=Tuning("rmse"), signal=Sign()).spaces) == ["forecaster.alpha"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tuning": Tuning()}, "tuning must have a signal to score on simulated trades. Add signal=Sign(), or tune by a "),
        (
            {"tuning": Tuning("rmse"), "signal": Sign(threshold=Choice(0.0, 0.1))},
            "tuning by rmse must have no search space in the signal; got 'signal.0.threshold'. Its parameters change no",
        ),
        (
            {"tuning": Tuning("mae"), "target": ForwardReturn(horizon=Choice(1, 5))},
            "tuning by mae must have no search space in the target; got 'target.horizon'.",
        ),
        (
            {"tuning": Tuning("brier"), "forecaster": None, "target": None, "signal": Sign(threshold=Choice(0.0, 1.0))},
            "tuning by brier must have a forecaster whose forecasts it scores; got 'a rule'.",
        ),
        (
            {"tuning": Tuning(sampler="tpe", trials=1, pruning=True), "forecaster": None, "target": None,
             "signal": Sign(threshold=Choice(0.0, 1.0))},
            "Tuning.pruning must have a forecaster whose fits it can save; got 'a rule'.",
        ),
        (
            {"tuning": Tuning("rmse", choose=qm.Plateau()), "forecaster": Choice(Ridge(1.0), Ridge(2.0))},
            "Plateau must have an ordered space to look for neighbours in",
        ),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_tuned_so_is_refused(changes, text):
    with pytest.raises((StudyError, ParameterError)) as caught:
        declared(**changes)
    assert text in str(caught.value)


def test_targets_may_be_compared_by_what_has_no_unit():
    assert declared(tuning=Tuning("smape"), target=ForwardReturn(horizon=Choice(1, 5))).tuning.objective == "smape"
