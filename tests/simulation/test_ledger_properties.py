"""Invariants of the ledger under any combination of its options, on random worlds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from quantml.bars import Bars
from quantml.simulation import (
    Costs,
    Execution,
    Margin,
    Orders,
    Rebalancing,
    Simulation,
    StopLoss,
    TakeProfit,
    TimeStop,
    TrailingStop,
    simulate,
)
from quantml.timing import Fill

SEEDS = st.integers(0, 2**32 - 1)
FILLS = st.sampled_from(list(Fill))
some = settings(max_examples=60, deadline=None, derandomize=True)


def one_of(*values: Any) -> Any:
    return st.sampled_from(values)


COSTS = st.builds(
    Costs,
    commission_bps=one_of(0, 10),
    spread_bps=one_of(0, 5),
    slippage_bps=one_of(0, 5),
    borrow_bps=one_of(0, 250),
    financing_bps=one_of(0, 500),
    commission_per_share=one_of(0, 0.01),
    commission_minimum=one_of(0, 1.0),
    commission_maximum=one_of(None, 50.0),
    commission_tiers=one_of((), ((0.0, 20.0), (5e3, 5.0))),
    slippage_volatility=one_of(0, 0.1),
    impact=one_of(0, 0.5),
    impact_permanent=one_of(0, 0.02),
    window=st.just(2),
)
MARKET_ORDERS = {
    "lot": one_of(0, 1, 10),
    "minimum_units": one_of(0, 5),
    "minimum_notional": one_of(0, 500.0),
    "participation": one_of(None, 0.05, 0.5),
    "carry": st.booleans(),
}
AT_MARKET = st.builds(Execution, **MARKET_ORDERS)
WITHIN = st.builds(
    lambda offset, **more: Execution(**more, **offset),
    offset=one_of({"limit": 0.005}, {"stop": 0.005}),
    resting=st.booleans(),
    **MARKET_ORDERS,
)
MARGIN = st.builds(Margin, leverage=one_of(None, 1.0, 1.5), maintenance=one_of(0.0, 0.5, 0.9))
EXITS = st.lists(one_of(StopLoss(0.02), TakeProfit(0.03), TrailingStop(0.03), TimeStop(3)), unique_by=type, max_size=4)
REBALANCING = st.builds(Rebalancing, every=one_of(None, 2, "1w"), band=one_of(0.0, 0.05))


@st.composite
def options(draw: Any) -> dict[str, Any]:
    """Any combination of options for `simulate`."""
    fill = draw(FILLS)
    execution = draw(st.one_of(AT_MARKET, WITHIN) if fill is Fill.NEXT_OPEN else AT_MARKET)
    return {
        "fill": fill,
        "costs": draw(COSTS),
        "execution": execution,
        "margin": draw(MARGIN),
        "exits": draw(EXITS),
        "rebalancing": draw(REBALANCING),
        "reenter": draw(st.booleans()),
        "cash": draw(one_of(None, 0.05)),
        "delist_after": 3,
    }


def decided(world: Any) -> pd.DataFrame:
    """The decisions of a world, but for symbols too young to be measured over two bars."""
    count = pd.DataFrame(np.cumsum(world.bars.traded, axis=0), world.bars.clock, world.bars.symbols)
    weights = world.weights
    young = (count.reindex(weights.index) < 3) & weights.notna()
    return weights.mask(young, 0.0)


def within(weights: pd.DataFrame, margin: Margin) -> pd.DataFrame:
    """Scale decisions down to what a limit allows them to ask for."""
    return weights.div((weights.abs().sum(axis=1) / margin.limits.leverage).clip(lower=1.0), axis=0)


def run(world: Any, chosen: dict[str, Any], **more: Any) -> Simulation:
    every = chosen | more
    return simulate(within(decided(world), every.get("margin", Margin())), world.bars, **every)


def orders(world: Any, seed: int) -> Orders:
    """Orders in units of about a tenth of equity each."""
    weights = decided(world)
    units = (weights * 1e4).round(1).where(np.random.default_rng(seed).random(weights.shape) < 0.7)
    units.iloc[0] = units.iloc[0].fillna(0.0)
    return Orders(units)


# ------------------------------------------------------------------ balance


def check_balance(done: Simulation, bars: Bars) -> None:
    """Rebuild positions, cash and equity of every bar from the entries of the ledger."""
    positions, marks = done.positions.to_numpy(), np.nan_to_num(done.marks.to_numpy())
    scale = 1e-9 * max(done.initial_cash, float(np.abs(positions * marks).max()))
    assert_allclose(done.cash + (positions * marks).sum(axis=1), done.equity, atol=scale)
    fills = done.fills
    row, column = done.clock.get_indexer(fills["time"]), [done.symbols.index(s) for s in fills["symbol"]]
    bought, spent = np.zeros(positions.shape), np.zeros(len(done))
    np.add.at(bought, (row, column), fills["units"])
    np.add.at(spent, row, fills["units"] * fills["price"])
    split, dividend = (part[-len(done) :] for part in (bars.split, bars.dividend))
    carried = np.vstack([np.zeros(len(done.symbols)), positions[:-1]]) * split
    assert_allclose(positions, carried + bought, atol=scale)
    assert_allclose(done.dividends, (carried * dividend).sum(axis=1), atol=scale)
    kinds = ["commission", "spread", "slippage", "impact"]
    per_bar = fills.groupby("time")[kinds].sum().reindex(done.clock, fill_value=0.0)
    assert_allclose(done.costs[kinds], per_bar, atol=scale)
    entries = -spent - done.costs.sum(axis=1) + done.dividends + done.interest
    assert_allclose(np.diff(done.cash, prepend=done.initial_cash), entries, atol=scale)
    before = np.vstack([np.zeros(len(done.symbols)), (positions * marks)[:-1]]).sum(axis=1)
    earned = (positions * marks).sum(axis=1) - before - spent
    change = np.diff(done.equity, prepend=done.initial_cash)
    others = done.dividends + done.interest - done.costs.sum(axis=1)
    assert_allclose(change, earned + others, atol=scale)
    trades = done.trades
    net = trades["net_pnl"].sum() + done.interest.sum() - done.costs["financing"].sum()
    assert_allclose(net, done.equity.iloc[-1] - done.initial_cash, atol=10 * scale)
    assert_allclose(trades[[*kinds, "borrow"]].sum(), done.costs[[*kinds, "borrow"]].sum(), atol=10 * scale)
    assert_allclose(trades["costs"], trades[[*kinds, "borrow"]].sum(axis=1), atol=scale)
    assert (trades["mae"] <= 0.0).all()
    assert (trades["mfe"] >= 0.0).all()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=SEEDS, chosen=options(), gross=one_of(1.0, 5.0, 30.0), universe=st.booleans(), by_units=st.booleans())
def test_the_books_balance_on_every_bar(
    seed: int, chosen: dict[str, Any], gross: float, universe: bool, by_units: bool, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, gross=gross, universe=universe, wide=True)
    if by_units:
        chosen = chosen | {"rebalancing": None}
        done = simulate(orders(world, seed), world.bars, **chosen)
    else:
        done = run(world, chosen)
    check_balance(done, world.bars)


@some
@given(seed=SEEDS, chosen=options())
def test_nothing_is_filled_on_the_bar_that_decided_it(
    seed: int, chosen: dict[str, Any], world_of: Callable[..., Any]
) -> None:
    fills = run(world_of(seed, wide=True, gross=3.0), chosen).fills
    known = fills[fills["decided"].notna()]
    late = chosen["fill"] is not Fill.PERIOD
    own = known["kind"].isin(["called", "expired"])
    assert (known["time"] > known["decided"])[own | late].all()
    assert (known["time"] >= known["decided"]).all()


@some
@given(seed=SEEDS, chosen=options())
def test_the_future_never_matters(seed: int, chosen: dict[str, Any], world_of: Callable[..., Any]) -> None:
    world = world_of(seed, wide=True, gross=3.0)
    whole = run(world, chosen)
    row = seed % len(whole)
    cut = replace(world, bars=world.bars.until(whole.clock[row]), weights=world.weights[: whole.clock[row]])
    part = run(cut, chosen)
    for name in ("cash", "equity", "positions", "marks", "charges", "interest"):
        assert_array_equal(whole.ledger[name][: row + 1], part.ledger[name])
    kept = whole.ledger["fills"][:, 0] <= row
    for name in ("fills", "amounts"):
        assert_array_equal(whole.ledger[name][kept], part.ledger[name])


# ------------------------------------------------------------------ scaling


@some
@given(seed=SEEDS, chosen=options())
def test_twice_of_everything_is_twice_the_result(
    seed: int, chosen: dict[str, Any], world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, gross=3.0)
    costs, execution = chosen["costs"], chosen["execution"]
    most = costs.commission_maximum
    larger = replace(
        costs,
        commission_minimum=2 * costs.commission_minimum,
        commission_maximum=None if most is None else 2 * most,
        commission_tiers=tuple((2 * start, rate) for start, rate in costs.commission_tiers),
    )
    lots = {name: 2 * getattr(execution, name) for name in ("lot", "minimum_units", "minimum_notional")}
    one = run(world, chosen, initial_cash=1e5)
    quoted = {name: values * (2.0 if name == "volume" else 1.0) for name, values in world.bars.quoted.items()}
    wider = replace(world, bars=replace(world.bars, quoted=quoted))
    two = run(wider, chosen | {"costs": larger, "execution": replace(execution, **lots)}, initial_cash=2e5)
    for name in ("cash", "equity", "positions", "charges", "dividends", "interest"):
        assert_array_equal(two.ledger[name], 2.0 * one.ledger[name])
    assert_array_equal(two.ledger["fills"], one.ledger["fills"])
    assert_array_equal(two.ledger["amounts"], one.ledger["amounts"] * [2.0, 1.0])


@some
@given(seed=SEEDS, gross=one_of(1.0, 2.0))
def test_without_costs_the_account_is_the_product_of_weighted_returns(
    seed: int, gross: float, world_of: Callable[..., Any]
) -> None:
    generator = np.random.default_rng(seed)
    clock = pd.bdate_range("2024-01-01", periods=30)
    closes = pd.DataFrame(np.exp(np.cumsum(generator.normal(0, 0.02, (30, 3)), axis=0)), clock, list("ABC"))
    weights = pd.DataFrame(generator.uniform(-1, 1, (30, 3)) * gross / 3, clock, list("ABC"))
    bars = Bars.from_close(closes, periods_per_year=252)
    earned = (weights.shift() * closes.pct_change()).sum(axis=1)
    neutral = {"execution": Execution(carry=True), "margin": Margin(leverage=3.0), "rebalancing": Rebalancing(every=1)}
    for more in ({}, neutral):
        done = simulate(weights, bars, fill=Fill.PERIOD, **more)
        assert_allclose(done.equity / 1e6, (1.0 + earned).cumprod(), rtol=1e-12)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=SEEDS,
    fill=FILLS,
    gross=one_of(1.0, 30.0),
    universe=st.booleans(),
    rates=one_of(0.0, 10.0),
    lot=one_of(0.0, 1.0, 700.0),
    band=one_of(0.0, 0.1, 0.7),
)
def test_options_that_bind_nothing_change_no_bit(
    seed: int,
    fill: Fill,
    gross: float,
    universe: bool,
    rates: float,
    lot: float,
    band: float,
    world_of: Callable[..., Any],
) -> None:
    """The short way of plain bars and the way through every option are the same."""
    world = world_of(seed, gross=gross, universe=universe, wide=True)
    costs = Costs(commission_bps=rates, borrow_bps=rates, financing_bps=rates)
    execution = Execution(lot=lot, minimum_notional=lot)
    same: dict[str, Any] = {"costs": costs, "fill": fill, "delist_after": 3, "cash": 0.02}
    same |= {"rebalancing": Rebalancing(band=band), "execution": execution}
    neutral: list[dict[str, Any]] = [
        {"margin": Margin(leverage=1e12)},
        {"execution": replace(execution, participation=1.0, carry=True)},
        {"exits": TakeProfit(1e9), "reenter": True},
    ]
    quoted = {name: values * (1e12 if name == "volume" else 1.0) for name, values in world.bars.quoted.items()}
    bars = replace(world.bars, quoted=quoted)
    plain = simulate(world.weights, bars, **same)
    for option in neutral:
        other = simulate(world.weights, bars, **same | option)
        for name, values in plain.ledger.items():
            assert_array_equal(values, other.ledger[name])


# ------------------------------------------------------------------ options


@some
@given(seed=SEEDS, chosen=options())
def test_participation_never_fills_more_than_its_share(
    seed: int, chosen: dict[str, Any], world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, gross=3.0)
    execution = replace(chosen["execution"], participation=0.05)
    fills = run(world, chosen | {"execution": execution}).fills
    traded = fills[~fills["kind"].isin(["delisted", "ruined"])]
    volume = world.bars.to_frame()["volume"]
    taken = traded.assign(size=traded["units"].abs()).groupby(["time", "symbol"])["size"].sum()
    assert all(size <= 0.05 * volume.at[place] * (1 + 1e-9) for place, size in taken.items())


@some
@given(seed=SEEDS, chosen=options(), lot=one_of(1, 10))
def test_orders_are_whole_lots_unless_they_close(
    seed: int, chosen: dict[str, Any], lot: float, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, actions=False, gross=3.0)
    done = run(world, chosen | {"execution": replace(chosen["execution"], lot=lot)})
    assert_allclose(done.positions / lot, (done.positions / lot).round(), atol=1e-9)
    assert_allclose(done.fills["units"] / lot, (done.fills["units"] / lot).round(), atol=1e-9)


@some
@given(seed=SEEDS, chosen=options(), fill=one_of(Fill.NEXT_CLOSE, Fill.PERIOD), lot=one_of(0, 1))
def test_a_margin_call_leaves_the_account_within_its_limit(
    seed: int, chosen: dict[str, Any], fill: Fill, lot: float, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, gross=3.0, volatility=0.1)
    costs = replace(chosen["costs"], impact_permanent=0.0)  # which moves marks as it answers
    more = {"margin": Margin(maintenance=0.5), "execution": Execution(lot=lot), "fill": fill, "costs": costs}
    done = run(world, chosen | more)
    traded = world.bars.traded[-len(done) :].all(axis=1)
    called = done.clock.get_indexer(done.fills.loc[done.fills["kind"] == "called", "time"])
    rows = [row for row in called if traded[row] and done.equity.iloc[row] > 0.0]
    assert (done.exposure.iloc[rows] <= 2.0 * (1 + 1e-6)).all()
    # and an account that was beyond it is called, on the next bar that all symbols have
    beyond = np.flatnonzero((done.exposure.to_numpy()[:-1] > 2.0 * (1 + 1e-6)) & traded[1:]) + 1
    alive = [row for row in beyond if done.equity.iloc[row] > 0.0]
    assert (done.exposure.iloc[alive] <= 2.0 * (1 + 1e-6)).all()


@some
@given(seed=SEEDS, chosen=options(), leverage=one_of(0.5, 1.0))
def test_no_order_leads_beyond_the_leverage(
    seed: int, chosen: dict[str, Any], leverage: float, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, gross=3.0)
    costs = replace(chosen["costs"], impact_permanent=0.0)
    more = {"margin": Margin(leverage=leverage), "fill": Fill.NEXT_CLOSE, "costs": costs, "execution": Execution()}
    done = run(world, chosen | more)
    grown = done.positions.abs().to_numpy() > np.vstack([np.zeros(len(done.symbols)), done.positions.abs()[:-1]]) * (
        world.bars.split[-len(done) :] * (1 + 1e-12)
    )
    assert (done.exposure[grown.any(axis=1)] <= leverage * (1 + 1e-9)).all()


@some
@given(seed=SEEDS, side=one_of(1.0, -1.0), distance=one_of(0.01, 0.03), target=one_of(None, 0.02))
def test_a_stop_never_fills_better_than_its_price(
    seed: int, side: float, distance: float, target: float | None, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True, actions=False)
    first = world.weights.dropna(how="all").index[:1]
    weights = pd.DataFrame(side / 4, first, world.bars.symbols)
    exits = [StopLoss(distance)] if target is None else [StopLoss(distance), TakeProfit(target)]
    done = simulate(weights, world.bars, exits=exits, delist_after=100)
    raw = world.bars.to_frame()
    for symbol, fills in done.fills.groupby("symbol"):
        if len(fills) == 1:
            continue
        entry, exit_ = fills.iloc[0], fills.iloc[1]
        opened = raw["open"].at[exit_["time"], symbol]
        assert raw["low"].at[exit_["time"], symbol] <= exit_["price"] <= raw["high"].at[exit_["time"], symbol]
        level = (
            entry["price"] * (1 - side * distance) if exit_["kind"] == "loss" else entry["price"] * (1 + side * target)
        )
        worse = side if exit_["kind"] == "loss" else -side
        beyond = worse * (opened - level) <= 0.0 and exit_["time"] > entry["time"]
        assert exit_["price"] == pytest.approx(opened if beyond else level, rel=1e-14)
        through = raw.loc[entry["time"] : exit_["time"]].iloc[:-1]
        extreme = through["low"][symbol].min() if side > 0 else through["high"][symbol].max()
        assert not side * (extreme - entry["price"] * (1 - side * distance)) <= -1e-9
    assert (done.optimistic_equity >= done.equity - 1e-6).all()


@some
@given(seed=SEEDS, bars=st.integers(1, 5), fill=FILLS)
def test_nothing_is_held_for_longer_than_a_time_stop(
    seed: int, bars: int, fill: Fill, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, wide=True)
    always = world.weights.notna().astype(float).where(world.weights.notna()) / 4
    done = simulate(always, world.bars, exits=TimeStop(bars), fill=fill, reenter=bool(seed % 2))
    for trade in done.trades.itertuples():
        own = world.bars.traded[-len(done) :, done.symbols.index(trade.symbol)]
        span = own[done.clock.get_loc(trade.entry_time) + 1 : done.clock.get_loc(trade.exit_time) + 1]
        assert span.sum() <= bars
