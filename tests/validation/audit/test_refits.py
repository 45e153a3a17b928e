"""What is tuned and fitted knows the past alone; forecasts hang on nothing after them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from quantml import Choice, Tuning, WalkForward
from quantml.features.transforms import Standardise
from quantml.forecasters import ARIMA, LightGBM, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.validation.audit.refits import Refit
from quantml.validation.audit.worlds import Perturbed, Truncated
from tests.validation.audit import planted
from tests.validation.audit.planted import BARS, finished, only, rule, study

OTHER, CUT = partial(Perturbed, seed=0), Truncated
worlds = pytest.mark.parametrize("world", [OTHER, CUT], ids=["other", "cut"])
FOLD, ROW = 1, 160  # the second block has the rows 140 to 179


def differences(declared: Any, world: Any = OTHER, *, tune: bool = True) -> list:
    result = finished(declared)
    return list(Refit(result, result.folds[FOLD], ROW, world).differences(tune=tune))


HONEST = {
    "ridge": study(),
    "arima": study(features=[], target=ForwardReturn(1, start="close"), forecaster=ARIMA(order=(1, 0, 0))),
    "tuned": study(forecaster=LightGBM(n_estimators=5, num_leaves=Choice(3, 5)), tuning=Tuning("sharpe_ratio", folds=2)),
    "objective": rule([planted.trend, planted.moved_on, Choice(planted.Sized(True), planted.Sized(True, size=2.0))],
                      tuning=Tuning(planted.honest_objective)),
    "refitted": study(validation=WalkForward(train=100, test=40, refit=10)),
    "last move": study(forecaster=planted.Drift(honest=True)),
    "transforms": study(transforms=[Standardise(), planted.Centred(honest=True), planted.Scaled(honest=True)]),
    "weights": study(sample_weight=planted.LikeTomorrow(honest=True)),
    "fitted step": study(signal=[Sign(), planted.Sized(honest=True)]),
    "refitted step": study(signal=[Sign(), planted.Sized(honest=True)],
                           validation=WalkForward(train=100, test=40, refit=10)),
}  # fmt: skip


@worlds
@pytest.mark.parametrize("name", HONEST)
def test_fits_of_the_past_alone(name: str, world: Any) -> None:
    assert not differences(HONEST[name], world)


@worlds
def test_an_objective_that_looks_past_the_fold(world: Any) -> None:
    declared = study(signal=Sign(threshold=Choice(0.0, 0.0001)), tuning=Tuning(planted.peeking_objective, folds=2))
    found = only(differences(declared, world))
    assert (found.stage, found.part) == ("tuning", "Tuning")
    assert found.evidence == f"the scores inside fold 1 changed with what came after {BARS.clock[140]:%Y-%m-%d}."
    assert not differences(declared, world, tune=False)


@worlds
def test_a_forecaster_that_reads_to_the_end_of_its_block(world: Any) -> None:
    found = only(differences(study(forecaster=planted.Drift()), world))
    assert (found.stage, found.part, found.row, found.known) == ("forecast", "Drift", 140, ROW + 1)
    assert found.ahead == 21


@worlds
def test_a_transform_of_the_block(world: Any) -> None:
    found = only(differences(study(transforms=[Standardise(), planted.Centred()]), world))
    assert (found.stage, found.part, found.row) == ("transform", "Centred", 140)


@worlds
def test_a_transform_fitted_on_what_it_loads(world: Any) -> None:
    found = only(differences(study(transforms=[Standardise(), planted.Scaled()]), world))
    assert (found.stage, found.part, found.row) == ("transform", "Scaled", 140)
    assert found.evidence == f"fitted for {BARS.clock[140]:%Y-%m-%d}, it changed with what came after that."


@worlds
def test_sample_weights_that_know_the_next_close(world: Any) -> None:
    declared = study(sample_weight=planted.LikeTomorrow())
    if world is CUT:  # there is no next close to know
        with pytest.raises(Exception, match="LikeTomorrow.weigh failed"):
            differences(declared, world)
        return
    found = only(differences(declared, world))
    assert (found.stage, found.part) == ("sample weight", "LikeTomorrow")


@worlds
def test_a_step_that_was_fitted_on_later_bars(world: Any) -> None:
    found = only(differences(study(signal=[Sign(), planted.Sized()]), world))
    assert (found.stage, found.part) == ("signal", "Sign and Sized")


@worlds
def test_a_step_that_looks_ahead_at_a_refit_inside_the_block(world: Any) -> None:
    refitted = WalkForward(train=100, test=40, refit=10)
    found = only(differences(study(signal=[Sign(), planted.SizedLate()], validation=refitted), world))
    assert (found.stage, found.part) == ("signal", "Sign and SizedLate")
    # the cut, row 160, is the first of the third part, whose fit may know its close and nothing later
    assert found.evidence == f"fitted for {BARS.clock[160]:%Y-%m-%d}, it changed with what came after that."
    assert not differences(study(signal=[Sign(), planted.SizedLate()]), world)


@dataclass(frozen=True)
class Told:
    """A forecaster that learns the mean of the panel that it loads."""

    def fit(self, train: Any) -> Any:
        return FittedTold(float(Synthetic(symbols=2, sessions=240, seed=1).load().returns().mean().mean()))


@dataclass(frozen=True)
class FittedTold:
    mean: float

    def predict(self, test: Any) -> RowForecast:
        return RowForecast(mean=np.full(len(test.time), self.mean))


@worlds
def test_a_forecaster_that_learns_from_what_it_loads(world: Any) -> None:
    found = only(differences(study(forecaster=Told(), transforms=[Standardise()]), world))
    assert (found.stage, found.part, found.row) == ("forecast", "Told", 140)


def test_a_refit_inside_the_block_may_know_the_bars_before_it() -> None:
    declared = study(forecaster=planted.Drift(), validation=WalkForward(train=100, test=40, refit=10))
    found = only(differences(declared))
    # the cut, row 160, is the first of the third part: its bars end on row 169, so row 160 knows 161 and more
    assert (found.row, found.ahead) == (160, 1)
