"""Where folds lie, what a signal decides, and what is filled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from quantml import Costs, Fill, WalkForward, run
from quantml.errors import SplitError
from quantml.signals import MovingAverageCross, Sign, VolatilityTarget
from quantml.validation.audit.decisions import Decisions
from quantml.validation.audit.pinned import Pinned
from quantml.validation.audit.whole import audit
from quantml.validation.audit.worlds import Perturbed, Truncated, World
from quantml.validation.splits import Fold
from tests.validation.audit import planted
from tests.validation.audit.planted import BARS, finished, only, only_notice, rule, study

ROW = 150
MOMENT = BARS.clock[ROW]
CUT, OTHER = Truncated(MOMENT), Perturbed(MOMENT, seed=0)
worlds = pytest.mark.parametrize("world", [CUT, OTHER, Perturbed(MOMENT, 1, gaps=True)], ids=["cut", "other", "gaps"])


def weights(declared: Any, world: World) -> list:
    result = finished(declared)
    return list(Decisions(result).weight_differences(Pinned.put(result.problem, world)))


def folds(declared: Any) -> list:
    result = finished(declared)
    return list(Decisions(result).fold_differences(Pinned.put(result.problem, CUT)))


def test_folds_laid_from_the_end_move() -> None:
    found = only(folds(rule(planted.trend, validation=planted.FromTheEnd(train=100, test=40))))
    assert (found.stage, found.part) == ("folds", "FromTheEnd")
    # of 240 rows, 20 are spare, and fold 0 begins on row 120; of 151, 11, and it begins on row 111
    assert found.row == 120
    assert "fold 0 lies elsewhere when the bars end on" in found.evidence


@pytest.mark.parametrize("changes", [{}, {"offset": 7}, {"embargo": 3}, {"train": "3m", "test": "2m"}])
def test_a_block_that_the_cut_leaves_unfull_is_where_it_was(changes: dict[str, Any]) -> None:
    dropping = WalkForward(**{"train": 60, "test": 40, "last_block": "drop", **changes})
    assert folds(rule(planted.trend, validation=dropping)) == []
    assert audit(rule(planted.trend, validation=dropping)).passed


def test_what_a_leak_earns_is_what_the_run_earns_where_a_block_is_dropped() -> None:
    def tomorrow(bars: Any) -> Any:
        return bars.close.pct_change(fill_method=None).shift(-1).fillna(0.0)

    def today(bars: Any) -> Any:
        return bars.close.pct_change(fill_method=None).fillna(0.0)

    dropping = WalkForward(train=100, test=50, last_block="drop")
    leaky, fine = (study(features=features, validation=dropping) for features in ([tomorrow, today], [today]))
    earned = audit(leaky).earned
    assert earned is not None
    assert earned.sharpe_ratio == run(leaky).metrics["sharpe_ratio"]
    assert earned.without == run(fine).metrics["sharpe_ratio"]


def test_folds_that_need_what_is_not_there() -> None:
    @dataclass(frozen=True)
    class Whole(WalkForward):
        def folds(self, clock: Any) -> tuple[Fold, ...]:
            if len(clock) < 200:
                raise SplitError("the clock is too short")
            return super().folds(clock)

    found = only(folds(rule(planted.trend, validation=Whole(train=100, test=40))))
    assert found.evidence.startswith("it fails when the bars end on 2000-07-31: the clock is too short")


def test_a_training_window_that_moves_is_found_where_blocks_stay() -> None:
    @dataclass(frozen=True)
    class Longer(WalkForward):
        def folds(self, clock: Any) -> tuple[Fold, ...]:
            return tuple(replace(f, train=f.train[len(clock) // 100 :]) for f in super().folds(clock))

    assert only(folds(rule(planted.trend, validation=Longer(train=100, test=40)))).row == 100


@pytest.mark.parametrize(
    "validation", [WalkForward(train=100, test=40), WalkForward(train="4m", test="1m", mode="expanding")]
)
def test_folds_of_quantml_stay(validation: WalkForward) -> None:
    assert not folds(rule(planted.trend, validation=validation))


@worlds
def test_weights_that_are_moved_back(world: World) -> None:
    found = only(weights(rule([planted.trend, planted.moved_back]), world))
    assert (found.stage, found.part, found.row, found.ahead) == ("signal", "moved_back", ROW, 1)


@worlds
@pytest.mark.parametrize(
    "declared",
    [
        rule([planted.trend, planted.moved_on]),
        rule(MovingAverageCross(fast=3, slow=9)),
        study(signal=[Sign(), VolatilityTarget(annual=0.1, window=21)]),
        study(signal=[Sign(), planted.Sized(honest=True)]),
    ],
    ids=["moved_on", "cross", "forecast", "fitted"],
)
def test_weights_of_the_past_alone(declared: Any, world: World) -> None:
    assert not weights(declared, world)


def test_a_step_on_forecasts_is_given_the_forecasts_that_there_were() -> None:
    found = only(weights(study(signal=[Sign(), planted.moved_back]), OTHER))
    assert (found.part, found.row) == ("moved_back", ROW)


def test_weights_that_are_drawn_look_nowhere() -> None:
    notice = only_notice(weights(rule(planted.at_random), OTHER))
    assert (notice.kind, notice.part) == ("not reproducible", "at_random")


def test_a_signal_that_cannot_decide_on_fewer_bars() -> None:
    def fixed(inputs: Any, context: Any) -> Any:
        if len(context.bars) < 200:
            raise ValueError("too few bars")
        return planted.trend(inputs, context)

    found = only(weights(rule(fixed), CUT))
    assert (found.stage, found.part) == ("signal", "fixed")
    assert "too few bars" in found.evidence


def test_a_study_without_a_signal_decides_nothing() -> None:
    assert not weights(study(signal=None), OTHER)


# ----------------------------------------------------------------------------- fills


def fills(result: Any, world: World, problem: Any = None) -> list:
    return list(Decisions(result).fill_differences(problem or Pinned.put(result.problem, world)))


@worlds
@pytest.mark.parametrize("fill", [Fill.NEXT_OPEN, Fill.NEXT_CLOSE])
def test_accounts_know_nothing_of_later_bars(world: World, fill: Fill) -> None:
    assert not fills(finished(rule(planted.trend, fill=fill, costs=Costs(spread_bps=5))), world)


def test_an_account_that_knew_a_later_bar_is_found() -> None:
    result = finished(rule(planted.trend))
    problem = Pinned.put(result.problem, OTHER)
    early = BARS.clock[ROW - 1]  # bars that go otherwise one row before the moment stand for prices known a row early
    moved = replace(problem, bars=Perturbed(early, seed=0).bars(BARS))
    found = only(fills(result, OTHER, moved))
    assert (found.stage, found.part, found.row, found.column) == ("fill", "NEXT_OPEN", ROW, None)


def test_weights_are_compared_where_they_were_decided() -> None:
    result = finished(rule(planted.trend))
    assert result.weights is not None
    assert np.isnan(result.weights.values[:100]).all()
    decided = Decisions(result)._stretches(result.problem, result.records[0].sleeves[0], 151)
    assert decided[-1].positions.tolist() == list(range(140, 151))
