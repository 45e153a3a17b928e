"""Worlds: everything up to a moment as it was, what came later missing or otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.features import Returns, build_features
from quantml.forecasters.base import Forecast
from quantml.targets import ForwardReturn
from quantml.timing import UNKNOWN, Fill
from quantml.universe import Membership
from quantml.validation.audit.worlds import Morning, Perturbed, Truncated, shuffled

DAYS = pd.bdate_range("2024-01-01", periods=5)
rows = given(row=st.integers(0, 118), seed=st.integers(0, 10**6), gaps=st.booleans())
few = settings(max_examples=25, deadline=None)


@rows
@few
def test_what_was_known_is_bit_for_bit_as_it_was(panel: Bars, row: int, seed: int, gaps: bool) -> None:
    moment = panel.clock[row]
    was = panel.until(moment)  # its fingerprint is of every field, table and membership
    assert Perturbed(moment, seed, gaps).bars(panel).until(moment).fingerprint == was.fingerprint
    assert Truncated(moment).bars(panel).fingerprint == was.fingerprint


@rows
@few
def test_the_same_world_again_is_the_same_and_another_seed_another(
    panel: Bars, row: int, seed: int, gaps: bool
) -> None:
    one, again, other = (Perturbed(panel.clock[row], n, gaps).bars(panel) for n in (seed, seed, seed + 1))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert one.clock.equals(panel.clock)


@given(row=st.integers(0, 119))
@few
def test_a_truncated_world_has_nothing_later(panel: Bars, row: int) -> None:
    world = Truncated(panel.clock[row])
    bars = world.bars(panel)
    assert len(bars) == row + 1 == world.known(panel.clock)
    assert (bars.tables["macro"].available <= world.moment).all()
    assert bars.membership is not None
    spells = bars.membership.frame
    assert (spells["start"] <= world.moment).all()
    assert not (spells["end"] > world.moment).any()


@rows
@few
def test_outside_values_of_later_have_changed_places(panel: Bars, row: int, seed: int, gaps: bool) -> None:
    table = panel.tables["macro"]
    now = Perturbed(panel.clock[row], seed, gaps).table(table)
    later = np.asarray(table.available > panel.clock[row])
    assert (now.values[~later] == table.values[~later]).all()
    assert (now.values[later] != table.values[later]).all()
    if later.sum() > 1:
        assert sorted(now.values[later, 0]) == sorted(table.values[later, 0])


def test_spells_that_start_later_are_forgotten_and_other_ends_come(panel: Bars) -> None:
    moment, ends = panel.clock[60], []
    for seed in range(30):
        membership = Perturbed(moment, seed).bars(panel).membership
        assert membership is not None
        spells = membership.frame.set_index("symbol")["end"]
        assert sorted(spells.index) == ["early", "pause", "whole"]  # "late" joins on row 70
        assert spells["early"] == panel.clock[50]
        ends += [spells["whole"], spells["pause"]]
    known = [end for end in ends if pd.notna(end)]
    assert 10 <= len(known) <= 30  # a third of 60 is expected
    assert min(known) > moment
    assert len(set(known)) > 5


def test_a_future_that_is_over_leaves_bars_as_they_are(panel: Bars) -> None:
    assert Perturbed(panel.clock[-1], seed=1).bars(panel) is panel


def test_one_thing_at_a_time(panel: Bars) -> None:
    world = Perturbed(panel.clock[60], seed=1, gaps=True)
    alone = dict(world.one_by_one(panel))
    assert list(alone) == ["open", "high", "low", "close", "volume", "splits and dividends", "the table 'macro'",
                           "membership", "which bars there are"]  # fmt: skip
    for name in panel.quoted:
        changed = [
            part
            for part, bars in alone.items()
            if not np.array_equal(bars.quoted[name], panel.quoted[name], equal_nan=True)
        ]
        assert changed == [name, "which bars there are"]
    split = [part for part, bars in alone.items() if not np.array_equal(bars.split, panel.split)]
    assert split == ["splits and dividends"]
    assert [
        part for part, bars in alone.items() if bars.tables["macro"].fingerprint != panel.tables["macro"].fingerprint
    ] == ["the table 'macro'"]
    assert [part for part, bars in alone.items() if bars.membership is not panel.membership] == ["membership"]


def test_which_bars_there_are_moves_no_price(panel: Bars) -> None:
    holes = dict(Perturbed(panel.clock[60], seed=1, gaps=True).one_by_one(panel))["which bars there are"]
    there = holes.traded
    assert there.sum() < panel.traded.sum()
    assert (holes.quoted["close"][there] == panel.quoted["close"][there]).all()


def test_the_morning_knows_the_open_alone(panel: Bars) -> None:
    row = 60
    now = Morning(panel.clock[row], seed=0).bars(panel)
    assert now.until(panel.clock[row - 1]).fingerprint == panel.until(panel.clock[row - 1]).fingerprint
    there = panel.traded[row]
    same = {name: (now.quoted[name][row][there] == panel.quoted[name][row][there]).all() for name in panel.quoted}
    changed = {name: (now.quoted[name][row][there] != panel.quoted[name][row][there]).all() for name in panel.quoted}
    assert [name for name in panel.quoted if same[name]] == ["open"]
    assert [name for name in panel.quoted if changed[name]] == ["high", "low", "close", "volume"]
    assert (now.quoted["high"][row][there] >= now.quoted["close"][row][there]).all()
    assert (now.quoted["low"][row][there] <= now.quoted["close"][row][there]).all()


def test_the_morning_of_closes_alone() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0, 5.0]}, DAYS), periods_per_year=252)
    # without a day's range nothing is said of it
    assert Morning(DAYS[2], seed=0).bars(bars).quoted["close"][2, 0] == 3.0


def test_a_target_is_as_it_was_where_known(panel: Bars) -> None:
    target = ForwardReturn(horizon=3, start="close").build(panel, Fill.NEXT_OPEN)
    row = 40
    cut, other = (world.target(target) for world in (Truncated(panel.clock[row]), Perturbed(panel.clock[row], seed=1)))
    known = target.label_end <= row
    assert cut.values.shape == (row + 1, 4)
    assert np.array_equal(cut.values[known[: row + 1]], target.values[known])
    assert np.isnan(cut.values[~known[: row + 1]]).all()
    assert (cut.label_end[~known[: row + 1]] == UNKNOWN).all()
    assert np.array_equal(other.values[known], target.values[known])
    assert np.array_equal(np.isnan(other.values), np.isnan(target.values))
    moved = ~known & ~np.isnan(target.values)
    assert (other.values[moved] != target.values[moved]).all()
    assert sorted(other.values[moved[:, 0], 0]) == sorted(target.values[moved[:, 0], 0])


def test_features_and_forecasts_keep_their_past(panel: Bars) -> None:
    features = build_features([Returns(1)], panel)
    forecast = Forecast(panel.clock, panel.symbols, mean=features.values[:, :, 0], kind="return",
                        fold=np.arange(120))  # fmt: skip
    for world in (Truncated(panel.clock[40]), Perturbed(panel.clock[40], seed=1)):
        assert np.array_equal(world.features(features).values[:41], features.values[:41], equal_nan=True)
        assert np.array_equal(world.forecast(forecast).mean[:41], forecast.mean[:41], equal_nan=True)
        assert world.forecast(forecast).fold[:41].tolist() == list(range(41))
        assert len(world.features(features).clock) == len(world.features(features).values)
    assert len(Truncated(panel.clock[40]).forecast(forecast).mean) == 41
    later = Perturbed(panel.clock[40], seed=1).features(features).values[41:, 0, 0]
    assert (later != features.values[41:, 0, 0]).all()


def test_after_a_perturbation_every_bit_counts() -> None:
    world = Perturbed(DAYS[0], seed=0)
    was, now = np.array([[1.0, np.nan, np.nan, 2.0]]), np.array([[1.0 + 2**-52, np.nan, 1.0, 2.0]])
    assert world.differs(was, now).tolist() == [[True, False, True, False]]


@pytest.mark.parametrize(
    ("column", "other", "expected"),
    [
        ([1.5, 100.0], [1.5 + 9e-9, 100.0], [False, False]),  # 9e-11 of the column's largest value is rounding
        ([1.5, 100.0], [1.5 + 2e-8, 100.0], [True, False]),
        ([1e12, 0.5], [1e12 + 1.0, 0.5], [True, False]),  # whole numbers are exact, however near
        ([0.0, 1.0], [0.0, 0.0], [False, True]),
        ([np.nan, 1.5], [np.nan, np.nan], [False, True]),
        ([np.nan, 1.5], [0.0, 1.5], [True, False]),
    ],
)  # fmt: skip
def test_after_a_truncation_rounding_is_forgiven(column: list[float], other: list[float], expected: list[bool]) -> None:
    world = Truncated(DAYS[0])
    assert world.differs(np.array([column]).T, np.array([other]).T)[:, 0].tolist() == expected


@given(st.integers(2, 20), st.integers(0, 10**6))
@few
def test_none_stays_in_its_place(size: int, seed: int) -> None:
    values = np.arange(size, dtype=float)
    moved = shuffled(values, np.random.default_rng(seed))
    assert (moved != values).all()
    assert sorted(moved) == values.tolist()


def test_one_row_alone_changes_its_values() -> None:
    draws = np.random.default_rng(0)
    moved = shuffled(np.array([[2.0, 0.0, -1.0, -3.0]]), draws)
    np.testing.assert_allclose(moved, [[2.2, 0.01, -1.1, -3.3]], rtol=1e-15)  # a rate stays a rate
    assert shuffled(np.array([3], dtype=np.int64), draws).tolist() == [3]  # a number of a fold has no other
    assert shuffled(np.empty(0), draws).size == 0


def test_a_loader_shows_bars_and_tables_of_the_world(panel: Bars) -> None:
    world = Truncated(panel.clock[40])
    assert len(world.view(panel)) == 41
    shown, was = world.view(panel.tables["macro"]), panel.tables["macro"]
    assert shown.fingerprint == was.until(panel.clock[40]).fingerprint != was.fingerprint


def test_bars_without_a_universe_get_none(panel: Bars) -> None:
    free = replace(panel, membership=None)
    assert Perturbed(panel.clock[60], seed=1).bars(free).membership is None
    assert isinstance(Perturbed(panel.clock[60], seed=1).bars(panel).membership, Membership)
