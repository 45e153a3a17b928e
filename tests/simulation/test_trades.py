from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from quantml.bars import Bars
from quantml.simulation import Costs, Execution, Orders, StopLoss, simulate
from quantml.timing import Fill

COSTS = Costs(commission_bps=10, spread_bps=20, slippage_bps=5, borrow_bps=252, financing_bps=504)


def test_a_round_trip_by_hand(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    # 50 units at 100; at 125 equity is 11250 and 0.25 of it is 22.5 units, so 27.5 are sold; at 80 the rest is.
    bars = bars_of([100, 100, 125, 80, 90])
    weights = weights_on(bars, {0: 0.5, 1: 0.25, 2: 0.0})
    costs = Costs(commission_bps=10)
    (trade,) = simulate(weights, bars, costs=costs, fill=Fill.NEXT_CLOSE, initial_cash=1e4).trades.to_dict("records")
    sold = 50 - 0.25 * (10_000 - 5 - 5000 + 50 * 125) / 125
    gross = sold * 125 + (50 - sold) * 80 - 5000
    paid = 1e-3 * (5000 + sold * 125 + (50 - sold) * 80)
    assert trade == {
        "symbol": "A",
        "side": "long",
        "entry_time": bars.clock[1],
        "exit_time": bars.clock[3],
        "units": 50.0,
        "entry_price": 100.0,
        "exit_price": pytest.approx((sold * 125 + (50 - sold) * 80) / 50),
        "gross_pnl": pytest.approx(gross),
        "dividends": 0.0,
        "costs": pytest.approx(paid),
        "commission": pytest.approx(paid),
        **dict.fromkeys(("spread", "slippage", "impact", "borrow"), 0.0),
        "net_pnl": pytest.approx(gross - paid),
        "return": pytest.approx((gross - paid) / 5000),
        "mae": pytest.approx(-0.2),
        "mfe": pytest.approx(0.25),
        "bars_held": 2,
        "exit_reason": "ordered",
        "open": False,
    }


def test_excursions_of_an_entry_within_the_bar(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    # bought by a limit of 96 on a bar from 95 to 110: of that only its close of 97 was surely held
    bars = bars_of([100, 97, 97], opens=[100, 100, 97], high=[100, 110, 97], low=[100, 95, 97])
    (trade,) = simulate(weights_on(bars, {0: 0.5}), bars, execution=Execution(limit=0.04)).trades.to_dict("records")
    assert (trade["entry_price"], trade["mae"], trade["mfe"]) == (96.0, 0.0, pytest.approx(1 / 96))
    bought = simulate(weights_on(bars, {0: 0.5}), bars, execution=Execution(limit=0.0)).trades
    assert bought["mfe"].tolist() == pytest.approx([0.1])  # at the open, which is as good


def test_a_turn_around_ends_one_trip_and_begins_another(
    bars_of: Callable[..., Bars], weights_on: Callable[..., Any]
) -> None:
    # 100 units at 100, at 125 to -100 units of 12500: the fill of 200 units is shared equally between both trips.
    bars = bars_of([100, 100, 125, 100])
    costs = Costs(commission_bps=8)
    done = simulate(weights_on(bars, {0: 1.0, 1: -1.0}), bars, costs=costs, fill=Fill.NEXT_CLOSE, initial_cash=1e4)
    trades = done.trades
    short = (10_000 - 8 - 10_000 + 12_500) / 125  # equity is 12492 after the commission of the first fill
    assert trades["side"].tolist() == ["long", "short"]
    assert trades["open"].tolist() == [False, True]
    assert trades["entry_time"].tolist() == [bars.clock[1], bars.clock[2]]
    assert trades["exit_time"].tolist() == [bars.clock[2], bars.clock[3]]
    assert_allclose(trades["units"], [100.0, short])
    assert_allclose(trades["gross_pnl"], [2500.0, short * 25.0])
    assert_allclose(trades["costs"], [8.0 + 10.0, short * 125 * 8e-4])
    assert_allclose(trades["exit_price"], [125.0, 100.0])


def test_what_is_turned_around_and_stopped_on_one_bar_is_flat(bars_of: Callable[..., Bars]) -> None:
    # 2.1 less 7 is -4.9; 7 times the share that is left of it is another number, and would never be flat
    bars = bars_of([10, 10, 11, 11, 11], opens=[10, 10, 10, 11, 11])
    units = pd.DataFrame({"A": [2.1, -7.0, 1.0]}, index=bars.clock[:3])
    done = simulate(Orders(units), bars, exits=StopLoss(0.05))
    trades = done.trades
    assert trades["side"].tolist() == ["long", "short", "long"]
    assert trades["entry_time"].tolist() == bars.clock[1:4].tolist()
    assert trades["exit_reason"].tolist() == ["ordered", "loss", "open"]
    assert trades["net_pnl"].sum() == pytest.approx(done.equity.iloc[-1] - 1e6, abs=1e-9)


def test_units_and_prices_are_in_shares_of_the_exit(
    bars_of: Callable[..., Bars], weights_on: Callable[..., Any]
) -> None:
    bars = bars_of([100, 100, 60, 60], split=[1, 1, 2, 1], dividend=[0, 0, 1.5, 0])
    for side in (1.0, -1.0):
        done = simulate(weights_on(bars, {0: side, 2: 0.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=10_000)
        (trade,) = done.trades.to_dict("records")
        assert (trade["units"], trade["entry_price"], trade["exit_price"]) == (200.0, 50.0, 60.0)
        assert (trade["gross_pnl"], trade["dividends"], trade["net_pnl"]) == (side * 2000, side * 300, side * 2300)


def test_units_are_the_most_that_were_held(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100, 100, 100, 110])
    weights = weights_on(bars, {0: 0.2, 1: 1.0, 2: 0.2, 3: 0.5})
    (trade,) = simulate(weights, bars, fill=Fill.PERIOD, initial_cash=1e4).trades.to_dict("records")
    assert trade["units"] == 100.0
    assert trade["return"] == pytest.approx(500.0 / (2000.0 + 8000.0 + 3000.0))


def test_borrow_belongs_to_the_short(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100, 100, 100])
    done = simulate(weights_on(bars, {0: -1.0}), bars, costs=Costs(borrow_bps=252), fill=Fill.PERIOD, initial_cash=1e4)
    assert done.trades["costs"].tolist() == pytest.approx([3.0])
    assert done.trades["net_pnl"].tolist() == pytest.approx([-3.0])


def test_without_fills_there_are_no_trades(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    bars = bars_of([100, 100])
    done = simulate(weights_on(bars, {0: 0.0}), bars)
    assert len(done.trades) == len(done.fills) == 0
    assert done.trades.columns[0] == "symbol"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1), fill=st.sampled_from(list(Fill)), gross=st.sampled_from([1.0, 30.0]),
    universe=st.booleans(),
)  # fmt: skip
def test_trades_add_up_to_the_change_of_equity(
    seed: int, fill: Fill, gross: float, universe: bool, world_of: Callable[..., Any]
) -> None:
    world = world_of(seed, gross=gross, universe=universe)
    done = simulate(world.weights, world.bars, costs=COSTS, fill=fill, delist_after=3)
    trades = done.trades
    change = done.equity.iloc[-1] - done.initial_cash
    scale = 1e-10 * max(1e6, float(np.nan_to_num(np.abs(done.positions * done.marks)).max()))
    assert_allclose(trades["net_pnl"].sum() - done.costs["financing"].sum(), change, atol=scale)
    assert_allclose(trades["dividends"].sum(), done.dividends.sum(), atol=scale)
    kinds = done.costs.drop(columns="financing")
    assert_allclose(trades["costs"].sum(), kinds.to_numpy().sum(), atol=scale)
    held = (done.positions.iloc[-1] != 0.0).sum()
    assert trades["open"].sum() == held
    assert (trades["exit_time"] >= trades["entry_time"]).all()
    apart = trades.groupby("symbol")[["entry_time", "exit_time"]].agg(list)
    for entries, exits in apart.itertuples(index=False):
        assert all(pd.Series(entries[1:]) >= pd.Series(exits[:-1]))
