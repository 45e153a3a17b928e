"""Features and targets that look ahead, and their twins that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Exogenous
from quantml.features import Momentum, Outside, Returns
from quantml.targets import Direction
from quantml.validation.audit.inputs import Inputs
from quantml.validation.audit.worlds import Perturbed, Truncated, World
from quantml.validation.problem import Problem
from tests.validation.audit import planted
from tests.validation.audit.planted import BARS, inputs, only, only_notice

ROW = 150
MOMENT = BARS.clock[ROW]
CUT, OTHER = Truncated(MOMENT), Perturbed(MOMENT, seed=0)
worlds = pytest.mark.parametrize("world", [CUT, OTHER, Perturbed(MOMENT, 1, gaps=True)], ids=["cut", "other", "gaps"])


def features(found: Inputs, world: World) -> list:
    return list(found.feature_differences(world, world.bars(found.problem.feature_bars)))


def targets(found: Inputs, world: World) -> list:
    return list(found.target_differences(world, world.bars(found.problem.bars)))


def test_a_feature_of_three_rows_ahead_in_one_symbol() -> None:
    found = only(features(inputs(Returns(1), planted.three_ahead), OTHER))
    # row 148 is the first whose third row ahead, 151, is the first that came otherwise
    assert (found.stage, found.part, found.row, found.column, found.ahead) == ("feature", "three_ahead", ROW - 2, 1, 3)
    assert (found.reads, found.whole, found.begins) == ("close", False, 0)
    cut = only(features(inputs(planted.three_ahead), CUT))
    assert (cut.row, cut.column, cut.reads) == (ROW - 2, 1, "")  # what moves it is asked at equal shape alone


@worlds
def test_features_of_the_past_alone(world: World) -> None:
    assert not features(inputs(Momentum(5), planted.three_behind, planted.standing_so_far), world)


@worlds
def test_a_feature_of_the_whole_sample(world: World) -> None:
    found = only(features(inputs(planted.standing), world))
    assert (found.row, found.whole) == (0, True)


def test_a_feature_that_draws_numbers_looks_nowhere() -> None:
    notice = only_notice(features(inputs(planted.drawn), OTHER))
    assert (notice.kind, notice.part) == ("not reproducible", "drawn")
    assert (
        notice.text
        == "drawn is computed otherwise each time on the same bars, so whether it looks ahead could not be seen."
    )


@worlds
def test_a_feature_that_loads_a_panel_itself(world: World) -> None:
    found = only(features(inputs(planted.loaded_apart), world))
    assert found.row == ROW


def test_a_feature_that_needs_what_is_not_there() -> None:
    def fixed(bars: Bars) -> pd.DataFrame:
        return bars.close + bars.close.iloc[ROW + 1].sum()

    cut = only(features(inputs(fixed, Returns(1)), CUT))
    assert cut.part == "fixed"
    assert "it fails when the bars end on" in cut.evidence
    assert only(features(inputs(fixed, Returns(1)), OTHER)).whole


def test_what_moves_a_feature_is_named() -> None:
    def spread(bars: Bars) -> pd.DataFrame:
        return (bars.high / bars.low * bars.volume).shift(-1)

    assert only(features(inputs(spread), OTHER)).reads == "high, low, volume"


def test_an_outside_table_read_ahead() -> None:
    table = pd.DataFrame({"level": np.sin(np.arange(240.0))}, index=BARS.clock)
    bars = BARS.with_tables(Exogenous(table, name="moods", lag="0d"))

    def tomorrow(given: Bars) -> pd.DataFrame:
        return Outside("moods", "level")(given).shift(-1)

    assert only(features(inputs(tomorrow, bars=bars), OTHER)).reads == "the table 'moods'"
    assert not features(inputs(Outside("moods", "level"), bars=bars), OTHER)


@worlds
def test_targets_of_quantml_end_when_they_say(world: World) -> None:
    assert not targets(inputs(target=Direction(horizon=5)), world)
    assert not targets(inputs(target=planted.Tail(honest=True)), world)
    assert not targets(inputs(target=planted.Early(by=0)), world)


@worlds
def test_a_label_that_ends_too_early(world: World) -> None:
    found = only(targets(inputs(target=planted.Early(by=2)), world))
    # filled at the open of 147 and sold at that of 150, where it does not end; as it says, 149 knows what 151 brings
    assert (found.stage, found.part, found.row) == ("target", "Early", ROW - 3)


def test_a_label_that_ends_when_later_bars_say() -> None:
    found = [
        only(part) for seed in range(4) if (part := targets(inputs(target=planted.Hurried()), Perturbed(MOMENT, seed)))
    ]
    assert found  # not every other future moves an end
    assert found[0].part == "Hurried"
    assert found[0].row is not None
    assert ROW - 4 <= found[0].row < ROW  # its value is what it was


def test_a_tail_that_says_no() -> None:
    found = only(targets(inputs(target=planted.Tail()), CUT))
    # row 146 is filled at the open of 147 and sold at that of 150; row 147 has no end on bars until row 150
    assert (found.stage, found.part, found.row) == ("target", "Tail", ROW - 3)


def test_every_candidate_is_looked_at() -> None:
    from quantml import Choice, Tuning

    declared = planted.study(features=[Momentum(Choice(5, 8))], tuning=Tuning("sharpe_ratio"))
    path = next(iter(declared.spaces))
    both = Inputs.of(Problem.of(declared, BARS), [{path: 5}, {path: 8}])
    assert list(both.features) == ["Momentum(5)", "Momentum(8)"]
    assert both.values.shape == (240, 2, 2)
    assert len(both.targets) == 1  # one rule, whatever the features
