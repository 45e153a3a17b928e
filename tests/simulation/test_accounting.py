"""What must hold of any account: random worlds with missing bars, splits, dividends, shorts, caps and stops.

`test_kernel` asks the same of plain accounts; here every option of the ledger is drawn too, but for those that a property
is not true of: each says why. With ``QUANTML_WORLDS=full``, as in `.ci/full`, each draws thousands of worlds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from quantml.bars import Bars
from quantml.simulation import Costs, Execution, Margin, Rebalancing, Simulation, simulate
from quantml.timing import Fill
from tests.simulation.test_ledger_properties import (
    FILLS,
    SEEDS,
    check_balance,
    decided,
    one_of,
    options,
    orders,
    run,
    within,
)

EXAMPLES = 2_000 if os.environ.get("QUANTML_WORLDS") == "full" else 200
many = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
FREE = Costs(window=2)
NEUTRAL = Rebalancing()


def without(chosen: dict[str, Any], **changes: dict[str, Any]) -> dict[str, Any]:
    """Change fields of the declarations among the options."""
    return chosen | {name: replace(chosen[name], **fields) for name, fields in changes.items()}


def beyond(done: Simulation, factor: float) -> np.ndarray:
    """Say on which bars gross market value is larger than `factor` times equity."""
    return np.asarray(done.exposure > factor)


@many
@given(
    seed=SEEDS,
    chosen=options(),
    gross=one_of(1.0, 5.0, 30.0),
    universe=st.booleans(),
    by_units=one_of(False, False, True),
)
def test_the_books_balance_on_every_bar(
    seed: int, chosen: dict[str, Any], gross: float, universe: bool, by_units: bool, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, gross=gross, universe=universe, wide=True)
    if by_units:
        done = simulate(orders(world, seed), world.bars, **chosen | {"rebalancing": NEUTRAL})
    else:
        done = run(world, chosen)
    check_balance(done, world.bars)


# What is told in currency, shares or volume does not double; the property below tells it of what is left.
UNBOUND = {
    "costs": {"commission_minimum": 0.0, "commission_maximum": None, "commission_tiers": (), "impact": 0.0,
              "impact_permanent": 0.0},
    "execution": {"lot": 0.0, "minimum_units": 0.0, "minimum_notional": 0.0, "participation": None},
    "margin": {"leverage": None, "maintenance": 0.0},
}  # fmt: skip


@many
@given(seed=SEEDS, chosen=options(), gross=one_of(1.0, 5.0))
def test_twice_the_capital_is_twice_everything(
    seed: int, chosen: dict[str, Any], gross: float, world_of: Callable[..., Any]
) -> None:
    world, free = world_of(seed, gross=gross, wide=True), without(chosen, **UNBOUND)
    one, two = (run(world, free, initial_cash=cash).ledger for cash in (1e5, 2e5))
    for name in ("cash", "equity", "positions", "charges", "dividends", "interest"):
        assert_array_equal(two[name], 2.0 * one[name])
    assert_array_equal(two["fills"], one["fills"])
    assert_array_equal(two["amounts"], one["amounts"] * [2.0, 1.0])


# Lots and smallest orders may leave something unbought that then falls; limits on leverage and bands look at equity after
# costs, and so at less that might fall; a permanent impact changes the prices.
MONOTONE = {
    "costs": {"impact_permanent": 0.0},
    "execution": {"lot": 0.0, "minimum_units": 0.0, "minimum_notional": 0.0},
    "margin": {"leverage": None, "maintenance": 0.0},
    "rebalancing": {"band": 0.0},
}


@many
@given(seed=SEEDS, chosen=options())
def test_costs_never_raise_equity(seed: int, chosen: dict[str, Any], world_of: Callable[..., Any]) -> None:
    world, kept = world_of(seed, wide=True), without(chosen, **MONOTONE)
    dear, free = run(world, kept).equity, run(world, kept | {"costs": FREE}).equity
    assert (dear <= free * (1.0 + 1e-12)).all()


# ------------------------------------------------------------------ splits


def split_at(bars: Bars, row: int, ratio: float) -> Bars:
    """Split every symbol that has a bar there."""
    split = np.where((np.arange(len(bars)) == row)[:, None] & bars.traded, ratio, 1.0)
    shares = np.cumprod(split, axis=0)
    quoted = {name: values * (shares if name == "volume" else 1.0 / shares) for name, values in bars.quoted.items()}
    return replace(bars, split=bars.split * split, quoted=quoted)


COUNTED = {
    "costs": {"commission_per_share": 0.0},
    "execution": {"lot": 0.0, "minimum_units": 0.0},
}


@many
@given(seed=SEEDS, chosen=options(), ratio=one_of(0.5, 2.0, 4.0), gross=one_of(1.0, 5.0))
def test_a_split_changes_nothing(
    seed: int, chosen: dict[str, Any], ratio: float, gross: float, world_of: Callable[..., Any]
) -> None:
    """But for what is told per share."""
    world, kept = world_of(seed, gross=gross, wide=True, actions=False), without(chosen, **COUNTED)
    parted = replace(world, bars=split_at(world.bars, seed % len(world.bars), ratio))
    whole, other = run(world, kept), run(parted, kept)
    atol = 1e-9 * max(1e6, float(np.abs(whole.ledger["positions"] * np.nan_to_num(whole.ledger["marks"])).max()))
    assert_allclose(other.equity, whole.equity, rtol=1e-9, atol=atol)
    assert_allclose(other.costs, whole.costs, rtol=1e-9, atol=atol)
    assert other.fills["kind"].tolist() == whole.fills["kind"].tolist()


@many
@given(seed=SEEDS, fill=FILLS, ratio=one_of(0.5, 2.0, 3.0), lot=one_of(1, 10))
def test_with_whole_shares_a_split_changes_less_than_a_lot(
    seed: int, fill: Fill, ratio: float, lot: int, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, actions=False)
    first = world.weights.dropna(how="all")[:1]
    parted = split_at(world.bars, seed % len(world.bars), ratio)
    execution = Execution(lot=lot)
    whole, other = (
        simulate(first, bars, fill=fill, execution=execution, delist_after=100).positions
        for bars in (world.bars, parted)
    )
    shares = np.cumprod(parted.split, axis=0)[-len(whole) :]
    assert (np.abs(other - whole * shares) < lot * np.maximum(shares, 1.0) + 1e-9).all(axis=None)


# --------------------------------------------------------------- dividends


@many
@given(seed=SEEDS, fill=one_of(Fill.NEXT_OPEN, Fill.NEXT_CLOSE), yielded=one_of(0.01, 0.2), gross=one_of(1.0, 3.0))
def test_a_dividend_is_neutral_to_total_return(
    seed: int, fill: Fill, yielded: float, gross: float, world_of: Callable[..., Any]
) -> None:
    """A holder whose weights are renewed at the price without it earns the same; costs would be of other amounts."""
    world = world_of(seed, actions=False, gross=gross, wide=True)
    bars = world.bars
    generator = np.random.default_rng(seed)
    pays = bars.traded & (generator.random(bars.split.shape) < 0.2) & (np.cumsum(bars.traded, axis=0) > 1)
    without_it = np.cumprod(np.where(pays, 1.0 - yielded, 1.0), axis=0)
    before = without_it / np.where(pays, 1.0 - yielded, 1.0)
    dividend = np.where(pays, yielded * before * np.nan_to_num(bars.raw_array(fill.field)), 0.0)
    quoted = {name: values * (1.0 if name == "volume" else without_it) for name, values in bars.quoted.items()}
    paying = replace(bars, quoted=quoted, dividend=dividend)
    wanted = generator.uniform(-1.0, 1.0, bars.split.shape) * gross / len(bars.symbols)
    weights = pd.DataFrame(wanted, bars.clock, bars.symbols)
    total, apart = (simulate(weights, panel, fill=fill, delist_after=100) for panel in (bars, paying))
    alive = total.equity.to_numpy() > 0.0
    assert_allclose(apart.equity[alive], total.equity[alive], rtol=1e-9)


# -------------------------------------------------------- missing bars and caps


@many
@given(seed=SEEDS, chosen=options(), gross=one_of(1.0, 5.0), universe=st.booleans())
def test_nothing_trades_where_there_is_no_bar(
    seed: int, chosen: dict[str, Any], gross: float, universe: bool, world_of: Callable[..., Any]
) -> None:
    """And at a price of its bar where there is one; what is delisted or ruined is not traded."""
    world = world_of(seed, gross=gross, universe=universe, wide=True)
    fills = run(world, without(chosen, costs={"impact_permanent": 0.0})).fills
    fills = fills[~fills["kind"].isin(["delisted", "ruined"])]
    rows, columns = (
        world.bars.clock.get_indexer(fills["time"]),
        pd.Index(world.bars.symbols).get_indexer(fills["symbol"]),
    )
    assert world.bars.traded[rows, columns].all()
    low, high = (world.bars.raw_array(name)[rows, columns] for name in ("low", "high"))
    assert (fills["price"] >= low * (1.0 - 1e-12)).all()
    assert (fills["price"] <= high * (1.0 + 1e-12)).all()


@many
@given(seed=SEEDS, chosen=options(), cap=one_of(0.05, 0.3))
def test_no_position_is_enlarged_above_its_cap(
    seed: int, chosen: dict[str, Any], cap: float, world_of: Callable[..., Any]
) -> None:
    """At the price of its fill, of equity before the bar's costs; what is carried is in units, which may rise."""
    world = world_of(seed, gross=5.0, wide=True)
    world = replace(world, weights=world.weights.clip(-cap, cap))
    more = {"fill": Fill.NEXT_CLOSE, "exits": (), "margin": Margin(leverage=1.0)}
    plain = without(
        chosen | more,
        execution={"carry": False, "limit": None, "stop": None, "resting": False},
        costs={"impact_permanent": 0.0},
    )
    done = run(world, plain)
    worth = (done.positions * done.marks).abs().fillna(0.0)
    before = done.positions.shift(fill_value=0.0).abs() * world.bars.split[-len(done) :]
    enlarged = done.positions.abs() > before * (1.0 + 1e-12)
    most = done.equity + done.costs.drop(columns=["borrow", "financing"]).sum(axis=1)
    assert (worth[enlarged].max(axis=1).fillna(0.0) <= cap * most * (1.0 + 1e-9)).all()
    assert (done.exposure[enlarged.any(axis=1)] <= 1.0 + 1e-9).all()


# ------------------------------------------------------------------- future


@many
@given(seed=SEEDS, chosen=options(), gross=one_of(1.0, 5.0))
def test_another_future_changes_no_bit_of_the_past(
    seed: int, chosen: dict[str, Any], gross: float, world_of: Callable[..., Any]
) -> None:
    """Later prices, volumes, splits, dividends, gaps and decisions."""
    world = world_of(seed, gross=gross, wide=True)
    bars, actual = world.bars, run(world, chosen)
    row = len(bars) - len(actual) + seed % len(actual)
    later = (np.arange(len(bars)) > row)[:, None]
    generator = np.random.default_rng(seed + 1)
    factor = np.where(later, generator.uniform(0.5, 2.0, bars.split.shape), 1.0)
    gone = (factor < 0.8) & (np.cumsum(bars.traded, axis=0) > 1)
    quoted = {name: np.where(gone, np.nan, values * factor) for name, values in bars.quoted.items()}
    split = np.where(later & bars.traded & ~gone & (factor > 1.5), 2.0, bars.split)
    other = replace(bars, quoted=quoted, split=np.where(gone, 1.0, split), dividend=bars.dividend * factor * ~gone)
    turned = decided(replace(world, bars=other))
    turned[turned.index > bars.clock[row]] *= -0.5
    changed = simulate(within(turned, chosen["margin"]), other, **chosen)
    rows = row + 1 - (len(bars) - len(actual))
    for name in ("cash", "equity", "positions", "marks", "charges", "dividends", "interest"):
        assert_array_equal(actual.ledger[name][:rows], changed.ledger[name][:rows])
    for name in ("fills", "amounts"):
        past = [done.ledger[name][done.ledger["fills"][:, 0] < rows] for done in (actual, changed)]
        assert_array_equal(*past)
