"""The ledger against hand calculations, against a plain loop, and its invariants on random worlds."""

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
from quantml.simulation import Costs, Simulation, simulate
from quantml.timing import Fill

COSTS = Costs(commission_bps=10, spread_bps=20, slippage_bps=5, borrow_bps=252, financing_bps=504)
SEEDS = st.integers(0, 2**32 - 1)
FILLS = st.sampled_from(list(Fill))
some = settings(max_examples=60, deadline=None, derandomize=True)


# Three bars, half long decided on the first and half short on the second; 25 bp per fill, 1 bp per bar on shorts.
#   NEXT_OPEN:  bar 1: 5000 / 100 = 50 units, 12.50 paid; 4987.50 + 50 * 125 = 11237.50
#               bar 2: equity at the open 4987.50 + 50 * 80 = 8987.50, target -4493.75 / 80 = -56.171875,
#               notional 106.171875 * 80 = 8493.75, paid 21.234375; 13460.015625 - 5617.1875 = 7842.828125
#   NEXT_CLOSE: bar 1: 5000 / 125 = 40 units, 12.50 paid; bar 2: 4987.50 + 40 * 100 = 8987.50, target -44.9375,
#               notional 8493.75; 13460.015625 - 4493.75 = 8966.265625
#   PERIOD:     bar 0: 50 units at 100; bar 1: 11237.50 at 125, target -44.95, notional 11868.75, paid 29.671875;
#               bar 2: borrow 5618.75 / 1e4 = 0.561875; 16826.578125 - 0.561875 - 44.95 * 100 = 12331.01625
BY_HAND: dict[Fill, Any] = {
    Fill.NEXT_OPEN: ([0, 50, -56.171875], [10000, 4987.5, 13460.015625], [10000, 11237.5, 7842.828125],
                     [[0, 0, 0, 0], [5, 5, 2.5, 0], [8.49375, 8.49375, 4.246875, 0]]),
    Fill.NEXT_CLOSE: ([0, 40, -44.9375], [10000, 4987.5, 13460.015625], [10000, 9987.5, 8966.265625],
                      [[0, 0, 0, 0], [5, 5, 2.5, 0], [8.49375, 8.49375, 4.246875, 0]]),
    Fill.PERIOD: ([50, -44.95, -44.95], [4987.5, 16826.578125, 16826.01625], [9987.5, 11207.828125, 12331.01625],
                  [[5, 5, 2.5, 0], [11.86875, 11.86875, 5.934375, 0], [0, 0, 0, 0.561875]]),
}  # fmt: skip


@pytest.mark.parametrize("fill", list(Fill))
def test_three_bars_by_hand(fill: Fill, bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 125, 100], opens=[100, 100, 80])
    done = simulate(weights_on(bars, {0: 0.5, 1: -0.5}), bars, costs=COSTS, fill=fill, initial_cash=10_000)
    units, cash, equity, charges = BY_HAND[fill]
    assert_allclose(done.positions["A"], units, rtol=1e-14)
    assert_allclose(done.cash, cash, rtol=1e-14)
    assert_allclose(done.equity, equity, rtol=1e-14)
    assert_allclose(done.costs[["commission", "spread", "slippage", "borrow"]], charges, rtol=1e-13)
    assert not done.costs["financing"].any()


def test_financing_by_hand(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100, 100])
    done = simulate(
        weights_on(bars, {0: 2.0}), bars, costs=Costs(financing_bps=504), fill=Fill.PERIOD, initial_cash=1e4
    )
    assert_allclose(done.cash, [-10_000.0, -10_002.0, -10_004.0004], rtol=1e-15)
    assert_allclose(done.costs["financing"], [0.0, 2.0, 2.0004], rtol=1e-14)


def test_a_split_and_a_dividend_by_hand(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100, 50, 50], split=[1, 1, 2, 1], dividend=[0, 0, 1.5, 0])
    for weight, units, received in ((1.0, 200.0, 300.0), (-1.0, -200.0, -300.0)):
        done = simulate(weights_on(bars, {0: weight}), bars, fill=Fill.NEXT_CLOSE, initial_cash=10_000)
        assert done.positions["A"].tolist() == [0.0, units / 2.0, units, units]
        assert done.dividends.tolist() == [0.0, 0.0, received, 0.0]
        assert done.equity.tolist() == [10_000.0, 10_000.0, 10_000.0 + received, 10_000.0 + received]


def test_an_order_waits_for_a_bar(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    pair = two_symbols([10, 10, np.nan, np.nan, 20, 20], [5, 5, 5, 5, 5, 5])
    weights = pd.DataFrame({"A": [1.0], "B": [0.0]}, index=pair.clock[[1]])
    done = simulate(weights, pair, fill=Fill.NEXT_CLOSE, initial_cash=100)
    assert done.positions["A"].tolist() == [0.0, 0.0, 0.0, 5.0, 5.0]
    assert done.fills[["time", "decided"]].to_numpy().tolist() == [[pair.clock[4], pair.clock[1]]]


def test_the_next_decision_replaces_an_order_that_waits() -> None:
    pair = two_symbols([10, np.nan, np.nan, 20, 20], [5, 5, 5, 5, 5])
    weights = pd.DataFrame({"A": [1.0, 0.5], "B": [0.0, 0.0]}, index=pair.clock[[0, 1]])
    done = simulate(weights, pair, fill=Fill.NEXT_CLOSE, initial_cash=100)
    assert done.fills["units"].tolist() == [2.5]
    assert done.fills["decided"].tolist() == [pair.clock[1]]
    cancelled = simulate(weights.assign(A=[1.0, 0.0]), pair, fill=Fill.NEXT_CLOSE)
    assert len(cancelled.fills) == 0


def test_one_equity_sizes_every_order_of_a_bar() -> None:
    pair = two_symbols([10, 10, 20], [10, 10, 5])
    weights = pd.DataFrame({"A": [0.5, 0.2], "B": [0.5, 0.6]}, index=pair.clock[[0, 1]])
    done = simulate(weights, pair, costs=COSTS, fill=Fill.NEXT_CLOSE, initial_cash=1000)
    # Bar 1: 50 units each, and 2.50 paid that is then owed. Bar 2: 2 bp of financing on it, and
    # -2.50 + 50 * 20 + 50 * 5 = 1247.50 less that sizes both orders.
    equity = 1247.5 - 2.5 * 2e-4
    assert_allclose(done.positions.iloc[2], [0.2 * equity / 20, 0.6 * equity / 5], rtol=1e-14)
    swapped = simulate(weights[["B", "A"]], pair, costs=COSTS, fill=Fill.NEXT_CLOSE, initial_cash=1000)
    assert_array_equal(swapped.equity, done.equity)


def test_rounding_is_no_order(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of(100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 200))))
    always = simulate(weights_on(bars, dict.fromkeys(range(200), 1.0)), bars, fill=Fill.NEXT_CLOSE)
    assert len(always.fills) == 1
    collapsed = bars_of([100, 1, 1])
    closed = simulate(weights_on(collapsed, {0: 1e-11, 1: 0.0}), collapsed, fill=Fill.PERIOD)
    assert closed.positions["A"].tolist() == [1e-7, 0.0, 0.0]


def test_a_symbol_without_bars_is_delisted_at_its_last_close() -> None:
    gap = [10, 10, *[np.nan] * 5, 40, 40]
    pair = two_symbols(gap, [5.0] * 9)
    weights = pd.DataFrame({"A": [1.0, 1.0], "B": [0.0, 0.0]}, index=pair.clock[[0, 7]])
    done = simulate(weights, pair, costs=COSTS, fill=Fill.NEXT_CLOSE, initial_cash=100, delist_after=3)
    closing = done.fills.iloc[1]
    assert closing["kind"] == "delisted"
    assert closing["time"] == pair.clock[4]  # three rows after its last bar, row 1
    assert pd.isna(closing["decided"])
    assert closing[["units", "price", "commission", "spread", "slippage"]].tolist() == [-10.0, 10.0, 0.0, 0.0, 0.0]
    assert done.positions["A"].iloc[4:8].tolist() == [0.0] * 4
    assert done.positions["A"].iloc[8] == pytest.approx(done.equity.iloc[7] / 40.0)


def test_delisting_drops_an_order_that_waits() -> None:
    pair = two_symbols([10, np.nan, np.nan, np.nan, 20], [5.0] * 5)
    weights = pd.DataFrame({"A": [1.0], "B": [0.0]}, index=pair.clock[[0]])
    assert len(simulate(weights, pair, fill=Fill.NEXT_CLOSE, delist_after=3).fills) == 0
    assert len(simulate(weights, pair, fill=Fill.NEXT_CLOSE, delist_after=4).fills) == 1


def test_bars_before_the_first_decision_are_known() -> None:
    pair = two_symbols([10, 12, np.nan, np.nan, 20], [5.0] * 5)
    weights = pd.DataFrame({"A": [1.0], "B": [0.0]}, index=pair.clock[[2]])
    assert simulate(weights, pair, fill=Fill.NEXT_CLOSE).marks["A"].tolist() == [12.0, 12.0, 20.0]
    assert len(simulate(weights, pair, fill=Fill.NEXT_CLOSE, delist_after=2).fills) == 0


def test_ruin_closes_everything_and_stops(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100, 160, 90, 90])
    weights = weights_on(bars, {0: -2.0, 3: 1.0})
    done = simulate(weights, bars, costs=Costs(borrow_bps=252), fill=Fill.NEXT_CLOSE, initial_cash=1000)
    assert done.ruined_at == bars.clock[2]
    # 20 units short: 1000 + 2000 - 20 * 160 - 0.20 borrow
    assert_allclose(done.equity, [1000.0, 1000.0, -200.2, -200.2, -200.2], rtol=1e-14)
    assert_allclose(done.returns, [0.0, 0.0, -1.0, 0.0, 0.0], rtol=1e-14)
    assert done.fills["kind"].tolist() == ["ordered", "ruined"]
    assert done.exposure.tolist() == [0.0, 2.0, 0.0, 0.0, 0.0]


def test_an_order_is_not_sized_by_equity_that_is_gone(
    bars_of: Callable[..., Bars], weights_on: Callable[..., Any]
) -> None:
    bars = bars_of([100, 100, 100, 100], opens=[100, 100, 160, 100])
    ordered = simulate(weights_on(bars, {0: -2.0, 1: -2.0}), bars, initial_cash=1000)
    assert ordered.ruined_at == bars.clock[2]
    assert ordered.fills["price"].tolist() == [100.0, 160.0]
    assert ordered.equity.iloc[-1] == -200.0
    assert simulate(weights_on(bars, {0: -2.0}), bars, initial_cash=1000).ruined_at is None


def two_symbols(first: list[float], second: list[float]) -> Bars:
    clock = pd.bdate_range("2024-01-01", periods=len(first))
    return Bars.from_close(pd.DataFrame({"A": first, "B": second}, index=clock), periods_per_year=252)


# ------------------------------------------------------------- a plain loop


def plain_loop(weights: pd.DataFrame, bars: Bars, costs: Costs, fill: Fill, delist_after: int) -> pd.DataFrame:
    """The same contract, told in dictionaries."""
    price = {name: bars.to_frame()[name] for name in ("open", "close")}
    cash, held, absent = 1e6, dict.fromkeys(bars.symbols, 0.0), dict.fromkeys(bars.symbols, 0)
    last: dict[str, float] = {}
    orders: dict[str, float] = {}
    started, lines = False, []
    decided = weights.dropna(how="all").reindex(columns=list(bars.symbols), fill_value=0.0)

    def worth(at: dict[str, float]) -> float:
        return cash + sum(units * at[symbol] for symbol, units in held.items() if units)

    for time in bars.clock:
        close = price["close"].loc[time].dropna().to_dict()
        at = {**last, **(price["open"].loc[time].dropna().to_dict() if fill is Fill.NEXT_OPEN else close)}
        short = sum(-units * last[symbol] for symbol, units in held.items() if units < 0)
        cash -= (short * costs.borrow_bps + max(-cash, 0.0) * costs.financing_bps) / 1e4 / bars.periods_per_year
        for symbol in bars.symbols:
            absent[symbol] = 0 if symbol in close else absent[symbol] + 1
            held[symbol] *= bars.splits.loc[time, symbol]
            cash += held[symbol] * bars.dividends.loc[time, symbol]
            lost = delisting_return(bars, symbol, time)
            if absent[symbol] and symbol in last and (absent[symbol] >= delist_after or lost is not None):
                cash += held[symbol] * last[symbol] * (1 + (lost or 0.0))
                held[symbol] = 0.0
                orders.pop(symbol, None)
        left = {symbol: 0.0 for symbol in bars.symbols if not is_member(bars, symbol, time)}
        if fill is Fill.PERIOD:
            orders = decided.loc[time].to_dict() if time in decided.index else {**orders, **left}
        equity = worth(at)
        for symbol in [s for s in orders if s in close]:
            units = orders.pop(symbol) * equity / at[symbol] - held[symbol]
            paid = costs.commission_bps + costs.spread_bps / 2 + costs.slippage_bps
            cash -= units * at[symbol] + abs(units) * at[symbol] * paid / 1e4
            held[symbol] += units
        last.update(close)
        if fill is not Fill.PERIOD:
            orders = decided.loc[time].to_dict() if time in decided.index else {**orders, **left}
        started |= time in decided.index
        if started:
            lines.append({"time": time, "equity": worth(last), "cash": cash, **held})
    return pd.DataFrame(lines).set_index("time")


def is_member(bars: Bars, symbol: str, time: pd.Timestamp) -> bool:
    if bars.membership is None:
        return True
    spells = bars.membership.frame.query("symbol == @symbol")[["start", "end"]]
    return any(start <= time and not end <= time for start, end in spells.itertuples(index=False))


def delisting_return(bars: Bars, symbol: str, time: pd.Timestamp) -> float | None:
    """Return what is lost of the last price, once it is recorded."""
    known = None if bars.membership is None else bars.membership.delistings
    rows = [] if known is None else known[(known["symbol"] == symbol) & (known["date"] <= time)]["delisting_return"]
    return float(np.nan_to_num(rows.iloc[0])) if len(rows) else None


@some
@given(seed=SEEDS, fill=FILLS, delist_after=st.integers(1, 5), universe=st.booleans())
def test_a_plain_loop_agrees(
    seed: int, fill: Fill, delist_after: int, universe: bool, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, universe=universe)
    done = simulate(world.weights, world.bars, costs=COSTS, fill=fill, delist_after=delist_after)
    expected = plain_loop(world.weights, world.bars, COSTS, fill, delist_after)
    assert done.clock.equals(pd.DatetimeIndex(expected.index))
    assert_allclose(done.equity, expected["equity"], rtol=1e-11)
    assert_allclose(done.cash, expected["cash"], rtol=1e-9, atol=1e-4)
    assert_allclose(done.positions, expected[list(world.bars.symbols)], rtol=1e-9, atol=1e-6)


# ---------------------------------------------------------------- invariants


@some
@given(seed=SEEDS, fill=FILLS, gross=st.sampled_from([1.0, 30.0]), universe=st.booleans())
def test_the_books_balance_on_every_bar(
    seed: int, fill: Fill, gross: float, universe: bool, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, gross=gross, universe=universe)
    done = simulate(world.weights, world.bars, costs=COSTS, fill=fill, delist_after=3)
    positions, marks = done.positions.to_numpy(), np.nan_to_num(done.marks.to_numpy())
    scale = 1e-10 * max(1e6, float(np.abs(positions * marks).max()))
    assert_allclose(done.cash + (positions * marks).sum(axis=1), done.equity, atol=scale)

    fills = done.fills
    row, column = done.clock.get_indexer(fills["time"]), [done.symbols.index(s) for s in fills["symbol"]]
    bought, spent = np.zeros(positions.shape), np.zeros(positions.shape)
    np.add.at(bought, (row, column), fills["units"])
    np.add.at(spent, (row, column), fills["units"] * fills["price"])
    split, dividend = (part[-len(done) :] for part in (world.bars.split, world.bars.dividend))
    carried = np.vstack([np.zeros(len(done.symbols)), positions[:-1]]) * split
    assert_allclose(positions, carried + bought, atol=scale / 10.0)
    assert_allclose(done.dividends, (carried * dividend).sum(axis=1), atol=scale)
    before = np.vstack([np.zeros(len(done.symbols)), (positions * marks)[:-1]])
    earned = (positions * marks - before - spent).sum(axis=1)
    change = np.diff(done.equity, prepend=done.initial_cash)
    assert_allclose(change, earned + done.dividends - done.costs.sum(axis=1), atol=scale)


@some
@given(seed=SEEDS, fill=FILLS)
def test_nothing_trades_without_a_bar(seed: int, fill: Fill, world_of: Callable[..., Any]) -> None:
    world = world_of(seed)
    fills = simulate(world.weights, world.bars, fill=fill, delist_after=3).fills
    ordered = fills[fills["kind"] == "ordered"]
    prices = world.bars.to_frame()[fill.field]
    traded = [prices.at[time, symbol] for time, symbol in zip(ordered["time"], ordered["symbol"], strict=True)]
    assert ordered["price"].tolist() == traded
    later = (ordered["time"] >= ordered["decided"]) if fill is Fill.PERIOD else (ordered["time"] > ordered["decided"])
    assert later.all()


@some
@given(seed=SEEDS, fill=FILLS)
def test_costs_never_raise_equity(seed: int, fill: Fill, world_of: Callable[..., Any]) -> None:
    world = world_of(seed)
    free = simulate(world.weights, world.bars, fill=fill).equity
    dear = simulate(world.weights, world.bars, costs=COSTS, fill=fill).equity
    assert (dear <= free * (1.0 + 1e-12)).all()


@some
@given(seed=SEEDS, fill=FILLS)
def test_twice_the_capital_is_twice_everything(seed: int, fill: Fill, world_of: Callable[..., Any]) -> None:
    world = world_of(seed)
    one, two = (
        simulate(world.weights, world.bars, costs=COSTS, fill=fill, initial_cash=cash).ledger for cash in (1e5, 2e5)
    )
    for name in ("cash", "equity", "positions", "charges", "dividends"):
        assert_array_equal(two[name], 2.0 * one[name])
    assert_array_equal(two["fills"], one["fills"])
    assert_array_equal(two["amounts"], one["amounts"] * [2.0, 1.0])


@some
@given(seed=SEEDS, fill=FILLS, ratio=st.sampled_from([0.1, 0.5, 1.5, 2.0, 7.0]))
def test_a_split_changes_nothing(seed: int, fill: Fill, ratio: float, world_of: Callable[..., Any]) -> None:
    world = world_of(seed, actions=False)
    bars, row = world.bars, seed % len(world.bars)
    split = np.where((np.arange(len(bars)) == row)[:, None] & bars.traded, ratio, 1.0)
    per_share = 1.0 / np.cumprod(split, axis=0)
    cut = replace(bars, split=split, quoted={name: values * per_share for name, values in bars.quoted.items()})
    whole, parted = (simulate(world.weights, panel, costs=COSTS, fill=fill) for panel in (bars, cut))
    assert_allclose(parted.equity, whole.equity, rtol=1e-11)
    assert_allclose(parted.costs, whole.costs, rtol=1e-9, atol=1e-4)


def past_of(done: Simulation, rows: int) -> list[np.ndarray]:
    """Everything that the ledger says about its first `rows` bars."""
    per_bar = ("cash", "equity", "positions", "marks", "charges", "dividends")
    kept = done.ledger["fills"][:, 0] < rows
    return [done.ledger[name][:rows] for name in per_bar] + [done.ledger[name][kept] for name in ("fills", "amounts")]


@some
@given(seed=SEEDS, fill=FILLS)
def test_the_future_never_matters(seed: int, fill: Fill, world_of: Callable[..., Any]) -> None:
    world = world_of(seed)
    bars, weights = world.bars, world.weights
    start = int(bars.clock.get_indexer([weights.dropna(how="all").index[0]])[0])
    row = start + seed % (len(bars) - start)
    generator = np.random.default_rng(seed + 1)
    factor = np.where((np.arange(len(bars)) > row)[:, None], generator.uniform(0.5, 2.0, bars.split.shape), 1.0)
    split = np.where(bars.traded & (factor > 1.5), 2.0, bars.split)
    split[: row + 1] = bars.split[: row + 1]
    gone = (factor < 0.8) & (np.cumsum(bars.traded, axis=0) > 1)
    quoted = {name: np.where(gone, np.nan, values * factor) for name, values in bars.quoted.items()}
    other = replace(bars, quoted=quoted, split=split, dividend=bars.dividend * factor)
    later = weights.copy()
    later[later.index > bars.clock[row]] *= -0.5
    actual, changed = (
        simulate(w, b, costs=COSTS, fill=fill, delist_after=3) for w, b in ((weights, bars), (later, other))
    )
    known = weights[weights.index <= bars.clock[row]]
    cut = simulate(known, bars.until(bars.clock[row]), costs=COSTS, fill=fill, delist_after=3)
    for ours, theirs, shorter in zip(*(past_of(done, row + 1 - start) for done in (actual, changed, cut)), strict=True):
        assert_array_equal(ours, theirs)
        assert_array_equal(ours, shorter)
