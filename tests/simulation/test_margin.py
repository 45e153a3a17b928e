"""Leverage and margin calls, against hand calculations."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.simulation import Costs, Execution, Margin, Orders, Rebalancing, simulate
from quantml.timing import Fill


def pair(first: list[float], second: list[float]) -> Bars:
    clock = pd.bdate_range("2024-01-01", periods=len(first))
    return Bars.from_close(pd.DataFrame({"A": first, "B": second}, index=clock), periods_per_year=252)


def test_orders_are_cut_to_the_leverage_that_is_left_after_costs(bars_of: Any, weights_on: Any) -> None:
    # Units u at 10 with 1 % of costs: 10 u = 2 (1000 - 0.1 u), so u = 2000 / 10.2
    bars = bars_of([10, 10, 10])
    done = simulate(weights_on(bars, {0: 2.0}), bars, costs=Costs(commission_bps=100), fill=Fill.NEXT_CLOSE,
                    initial_cash=1000.0, margin=Margin(leverage=2.0))  # fmt: skip
    assert done.fills["units"].tolist() == pytest.approx([2000 / 10.2], rel=1e-12)
    assert done.exposure.iloc[1] == pytest.approx(2.0, rel=1e-12)


def test_a_leverage_of_one_borrows_nothing(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 11, 10])
    done = simulate(weights_on(bars, {0: 1.0, 1: 1.0}), bars, costs=Costs(commission_bps=50, commission_minimum=3.0),
                    fill=Fill.NEXT_CLOSE, margin=Margin(leverage=1.0))  # fmt: skip
    assert (done.cash >= -1e-6).all()
    assert done.cash.iloc[1] == pytest.approx(0.0, abs=1e-6)


def test_what_reduces_is_not_cut() -> None:
    # From 100 of A to 120 of B and 40 of A with leverage 1: A is sold in full, and what enlarges, B, gets half.
    bars = pair([10, 10, 10], [10, 10, 10])
    orders = Orders(pd.DataFrame({"A": [100.0, -60.0], "B": [0.0, 120.0]}, index=bars.clock[:2]))
    done = simulate(orders, bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0, margin=Margin(leverage=1.0))
    assert done.positions.iloc[2].tolist() == pytest.approx([40.0, 60.0])


def test_lots_stay_lots_under_a_limit(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([30, 30])
    done = simulate(Orders(weights_on(bars, {0: 100.0})), bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0,
                    margin=Margin(leverage=2.0), execution=Execution(lot=10))  # fmt: skip
    assert done.fills["units"].tolist() == [60.0]


def test_a_margin_call_by_hand(bars_of: Any, weights_on: Any) -> None:
    # 300 units at 10 with 1000 of equity; at 8 it is 400 of 2400, less than a quarter. The call of row 2 is answered at
    # the close of row 3, at 7.5: 250 of 2250 there. With x units sold at 1 %: 4 (250 - 0.075 x) = 7.5 (300 - x),
    # so x = 1250 / 7.2. At 7.5 again on row 4 nothing happens.
    bars = bars_of([10, 10, 8, 7.5, 7.5, 7.5])
    costs = Costs(commission_bps=100)
    free = simulate(weights_on(bars, {0: 3.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0, costs=Costs(),
                    margin=Margin(maintenance=0.25))  # fmt: skip
    assert free.positions["A"].tolist() == pytest.approx([0.0, 300.0, 300.0, 1000 / 7.5, 1000 / 7.5, 1000 / 7.5])
    done = simulate(weights_on(bars, {0: 3.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=1030.0, costs=costs,
                    margin=Margin(maintenance=0.25))  # fmt: skip
    held = 3.0 * 1030 / 10
    equity = 1030 - 0.01 * 10 * held + held * (7.5 - 10)
    sold = (7.5 * held - 4 * equity) / (7.5 - 0.3)
    call = done.fills.iloc[1]
    assert call[["kind", "price"]].tolist() == ["called", 7.5]
    assert call["units"] == pytest.approx(-sold, rel=1e-10)
    assert (call["decided"], call["time"]) == (bars.clock[2], bars.clock[3])
    assert done.exposure.iloc[3] == pytest.approx(4.0, rel=1e-10)


def test_a_call_takes_the_same_share_of_longs_and_shorts_and_more_of_what_can_be_sold() -> None:
    prices = ([10, 10, 10, 10.0], [10, 10, 14, 14.0])
    for absent in (False, True):
        bars = pair(prices[0], [*prices[1][:3], np.nan if absent else 14.0])
        weights = pd.DataFrame({"A": [1.5], "B": [-1.5]}, index=bars.clock[:1])
        done = simulate(weights, bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0, margin=Margin(maintenance=0.2))
        # 1000 - 150 * 4 = 400 of equity carries 2000 of 1500 + 2100
        kept = [150 * 2000 / 3600, -150 * 2000 / 3600] if not absent else [0.0, -150.0]
        assert done.positions.iloc[3].tolist() == pytest.approx(kept)


def test_a_call_rounds_lots_upwards(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 8, 7.5, 7.5])
    done = simulate(weights_on(bars, {0: 3.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0,
                    margin=Margin(maintenance=0.25), execution=Execution(lot=50))  # fmt: skip
    assert done.positions["A"].tolist() == [0.0, 300.0, 300.0, 100.0, 100.0]  # 133.3 may be kept


def test_a_call_is_repeated_where_volume_holds_it_up(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 7, 7, 7, 7, 7], volume=[300.0, 3000.0, 500.0, 500.0, 500.0, 9000.0, 500.0])
    done = simulate(weights_on(bars, {0: 3.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0,
                    margin=Margin(maintenance=0.25), execution=Execution(participation=0.1))  # fmt: skip
    # 100 of equity carries 400 / 7 units; 50 a bar until there is room
    assert done.positions["A"].tolist()[2:] == pytest.approx([300.0, 250.0, 200.0, 400 / 7, 400 / 7])


def test_no_order_leads_into_a_call(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 10, 10])
    orders = Orders(weights_on(bars, {0: 9e5}))
    done = simulate(orders, bars, fill=Fill.NEXT_CLOSE, margin=Margin(maintenance=0.25))
    assert done.exposure.tolist() == pytest.approx([0.0, 4.0, 4.0, 4.0])
    assert done.fills["kind"].tolist() == ["ordered"]


@pytest.mark.parametrize(("side", "first", "met"), [(-2.0, 100.0, 110.0), (2.0, 100.0, 90.0)])
def test_orders_are_limited_at_the_prices_of_their_fills(
    side: float, first: float, met: float, bars_of: Any, weights_on: Any
) -> None:
    # A limit a tenth away; at its price 1000 of equity carries 1000 of gross value
    bars = bars_of([100, met, met], opens=[100, first, met], high=[100, 112, met], low=[100, 88, met])
    orders = Orders(weights_on(bars, {0: side * 1000 / met}))
    done = simulate(orders, bars, initial_cash=1000.0, margin=Margin(leverage=1.0), execution=Execution(limit=0.1))
    assert done.fills[["units", "price"]].iloc[0].tolist() == pytest.approx([side / 2 * 1000 / met, met])


def test_what_leverage_cuts_is_told_and_leaves_no_dust(bars_of: Any, weights_on: Any) -> None:
    # 3000 ordered of 2000; at 11 equity is 1200 and 2400 allowed, so 200 of 1540 are bought, and nothing then of 220
    bars = bars_of([10, 10, 11, 11])
    orders = Orders(weights_on(bars, {0: 300.0, 1: 140.0, 2: 20.0}))
    done = simulate(orders, bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0, margin=Margin(leverage=2.0))
    assert done.fills["units"].tolist() == pytest.approx([200.0, 200 / 11])
    assert done.cut_by_leverage.tolist() == pytest.approx([0.0, 1.0, 1.34, 220 / 1200])


def test_weights_beyond_the_leverage_are_refused() -> None:
    bars = pair([10, 10, 10], [10, 10, 10])
    weights = pd.DataFrame({"A": [0.7, 0.7], "B": [-0.3, -0.5]}, index=bars.clock[:2])
    said = (
        "the absolute weights of a decision must add up to at most 1, which Margin allows; got 1.2 (2024-01-02). "
        "Scale them down, for one with quantml.signals.Cap(gross=...), or raise the limit."
    )
    with pytest.raises(SimulationError, match=f"^{re.escape(said)}$"):
        simulate(weights, bars, margin=Margin(leverage=1.0))
    thinned = simulate(weights, bars, margin=Margin(leverage=1.0), rebalancing=Rebalancing(every=2))
    assert len(thinned.fills) == 2


@pytest.mark.parametrize(
    ("name", "value"), [("leverage", 0.0), ("leverage", np.inf), ("maintenance", 1.0), ("maintenance", -1)]
)
def test_bad_limits_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^Margin.{name} must be "):
        Margin(**{name: value})
