"""Steps of the signal that are fitted, in blocks inside which everything is fitted again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from quantml import Choice, Study, Tuning, WalkForward, overfitting, run
from quantml.errors import ParameterError
from quantml.features import Momentum, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Synthetic
from quantml.operations.forecast import forecast_next
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward

WORLD = Synthetic(symbols=2, sessions=600, seed=1)
BARS = WORLD.load()


@dataclass(frozen=True)
class Remembers:
    """Holds as many thousandths of equity in the first symbol as its oldest training row, in the second as its newest."""

    scale: float = 1.0
    rows: tuple[int, int] = (-1, -1)
    by_row: ClassVar[bool] = True

    def fit(self, train: Any) -> Remembers:
        return Remembers(self.scale, (int(train.time.min()), int(train.time.max())))

    def __call__(self, inputs: Any, context: Any) -> Any:
        return context.weights(np.tile(np.array(self.rows) * self.scale / 1000.0, (len(context.bars), 1)))


def rule(**changes: Any) -> Study:
    parts = {"data": WORLD, "signal": Remembers(), "validation": WalkForward(train=200, test=150, refit=50)}
    return Study(**{**parts, **changes})


def trained_on(values: Any) -> list[tuple[int, int, int]]:
    """List where what is decided changes, and the oldest and the newest training row of what decides from there on."""
    rows = np.rint(values * 1000.0)
    moves = [row for row in range(200, len(rows)) if not np.array_equal(rows[row], rows[row - 1])]
    return [(row, int(rows[row, 0]), int(rows[row, 1])) for row in moves]


# without a target a label ends two bars on: of the 200 rows before a decision, the newest one is not known by then
EVERY_50 = [(start, start - 200, start - 2) for start in (200, 250, 300, 350, 400, 450, 500, 550)]


def test_each_part_of_a_block_is_decided_by_steps_fitted_for_it() -> None:
    result = walk_forward(rule(), BARS)
    assert trained_on(result.weights.values) == EVERY_50
    assert [len(fold.stretches) for fold in result.folds] == [3, 3, 2]  # the data end in the third block
    assert not np.isnan(result.weights.values[200:]).any()


def test_without_refit_a_block_is_decided_by_one_fit() -> None:
    result = walk_forward(rule(validation=WalkForward(train=200, test=150)), BARS)
    assert trained_on(result.weights.values) == [(200, 0, 198), (350, 150, 348), (500, 300, 498)]


def test_windows_that_expand_grow_at_each_refit() -> None:
    result = walk_forward(rule(validation=WalkForward(train=200, test=150, refit=75, mode="expanding")), BARS)
    assert trained_on(result.weights.values) == [(start, 0, start - 2) for start in (200, 275, 350, 425, 500, 575)]


def test_a_target_and_an_embargo_are_purged_at_each_refit() -> None:
    # labels of five bars end six bars on, which must be 10 bars before the first decision: row start - 16 is the newest
    declared = rule(target=ForwardReturn(horizon=5), features=[Returns(1)], forecaster=Ridge(),
                    validation=WalkForward(train=200, test=150, refit=50, embargo=10))  # fmt: skip
    assert trained_on(walk_forward(declared, BARS).weights.values) == [
        (start, start - 200, start - 16) for start, *_ in EVERY_50
    ]


def test_in_sample_it_is_the_first_fit_of_the_block_that_is_scored() -> None:
    often, once = (
        walk_forward(rule(signal=[Remembers()], validation=WalkForward(train=200, test=150, refit=refit)), BARS)
        for refit in (50, None)
    )
    assert [fold.in_sample for fold in often.folds] == [fold.in_sample for fold in once.folds]
    assert often.weights.values[200:250].tobytes() == once.weights.values[200:250].tobytes()


TUNED = {"signal": Remembers(scale=Choice(0.5, 1.0)), "tuning": Tuning("total_return", folds=2)}


def test_two_workers_and_averaged_configurations_fit_alike() -> None:
    declared = rule(signal=TUNED["signal"], tuning=Tuning("total_return", folds=2, average=2))
    with ThreadPoolExecutor(2) as pool:
        alone, pooled = (walk_forward(declared, BARS, executor=executor) for executor in (None, pool))
    assert pooled.weights.values.tobytes() == alone.weights.values.tobytes()
    # the mean of the two scales is 0.75
    assert trained_on(alone.weights.values / 0.75) == EVERY_50


def test_the_next_decision_is_by_the_newest_fit() -> None:
    decided = forecast_next(rule(data=BARS.until(BARS.clock[470])))
    assert decided.table["weight"].tolist() == [0.250, 0.448]
    assert decided.trained_until == BARS.clock[450]


def test_a_candidates_record_is_decided_by_the_same_fits() -> None:
    found = overfitting(rule(**TUNED), blocks=4)
    for place, values in enumerate(found.candidates):
        alone = run(rule(**TUNED).resolve(values)).simulation
        np.testing.assert_allclose(found.returns[:, place], alone.returns - alone.risk_free, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("refit", [51, 100])
def test_a_refit_that_no_block_reaches_is_refused(refit: int) -> None:
    with pytest.raises(ParameterError, match=rf"WalkForward.refit must be at most test, 50; got {refit}. Leave refit"):
        WalkForward(train=200, test=50, refit=refit)
    assert WalkForward(train=200, test=50, refit=50).refit == 50


def test_a_forecaster_and_a_step_are_fitted_at_the_same_bars() -> None:
    declared = rule(
        target=ForwardReturn(horizon=1), features=[Momentum(5)], forecaster=Ridge(), signal=[Sign(), Remembers()]
    )
    result = walk_forward(declared, BARS)
    parts = [part.start for fold in result.folds for part in declared.validation.refits(BARS.clock, fold.fold)]
    assert [int(one.positions[0]) for fold in result.folds for one in fold.stretches] == parts


@dataclass(frozen=True)
class Follows:
    """A step that holds the sign of the feature."""

    by_row: ClassVar[bool] = True

    def __call__(self, inputs: Any, context: Any) -> Any:
        return context.weights(np.sign(np.nan_to_num(context.features.values[:, :, 0])))


FOLLOWS = Follows()


@dataclass(frozen=True)
class Picks:
    """A step whose fit returns the same object each time."""

    def fit(self, train: Any) -> Follows:
        return FOLLOWS

    def __call__(self, inputs: Any, context: Any) -> Any:
        raise AssertionError("it was not fitted")


def test_what_several_folds_hold_is_decided_by_each_with_its_own_features() -> None:
    result = walk_forward(rule(signal=Picks(), features=[Momentum(Choice(2, 40))], tuning=Tuning()), BARS)
    assert len({str(fold.chosen) for fold in result.folds}) == 2
    for fold in result.folds:
        own = np.sign(np.nan_to_num(result.problem.features(fold.chosen).values[:, :, 0]))
        np.testing.assert_array_equal(result.weights.values[fold.fold.test], own[fold.fold.test])
