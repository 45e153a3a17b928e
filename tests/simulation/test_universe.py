"""The ledger in a universe: who may be held, and how what leaves is sold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import SimulationError
from quantml.simulation import Costs, buy_and_hold, simulate
from quantml.timing import Fill
from quantml.universe import Membership

CLOCK = pd.bdate_range("2024-01-01", periods=6)
NAN = np.nan


def bars(a: list[float], **spells: list[tuple[int, int | None]]) -> Bars:
    """Make bars of A and of B, which stays at 10, with spells of row numbers."""
    rows = [(s, CLOCK[i], pd.NaT if j is None else CLOCK[j]) for s, parts in spells.items() for i, j in parts]
    table = Membership(pd.DataFrame(rows, columns=["symbol", "start", "end"]))
    closes = pd.DataFrame({"A": a, "B": [10.0] * 6}, CLOCK)
    return Bars.from_close(closes, periods_per_year=252).with_membership(table)


def once(a: float, b: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame({"A": [a], "B": [b]}, CLOCK[:1])


@pytest.mark.parametrize(("fill", "row"), [(Fill.NEXT_CLOSE, 4), (Fill.PERIOD, 3)])
def test_what_leaves_is_sold_also_on_a_row_without_a_decision(fill: Fill, row: int) -> None:
    world = bars([10, 10, 10, 12, 15, 20], A=[(0, 3)], B=[(0, None)])
    done = simulate(once(0.5, 0.25), world, costs=Costs(commission_bps=100), fill=fill, initial_cash=1000.0)
    sale = done.fills.iloc[-1]
    price = {3: 12.0, 4: 15.0}[row]
    assert sale[["symbol", "units", "price", "kind"]].tolist() == ["A", -50.0, price, "ordered"]
    assert (sale["time"], sale["decided"]) == (CLOCK[row], CLOCK[3])
    assert sale["commission"] == pytest.approx(50 * price * 0.01)
    assert done.positions["B"].tolist()[1:] == [25.0] * 5  # nothing else is touched
    assert len(done.fills) == 3


def test_what_leaves_without_a_bar_is_sold_at_its_next_one() -> None:
    world = bars([10, 10, NAN, NAN, NAN, 7], A=[(0, 2)], B=[(0, None)])
    sale = simulate(once(1.0), world, initial_cash=100.0).fills.iloc[-1]
    assert (sale["time"], sale["decided"], sale["units"], sale["price"]) == (CLOCK[5], CLOCK[2], -10.0, 7.0)


def test_an_order_is_dropped_when_its_symbol_leaves_before_it_is_filled() -> None:
    world = bars([10, NAN, NAN, 7, 7, 7], A=[(0, 2)], B=[(0, None)])
    assert len(simulate(once(1.0), world).fills) == 0


def test_a_second_spell_is_another_chance() -> None:
    world = bars([10] * 6, A=[(0, 1), (3, 5)], B=[(0, None)])
    always = pd.DataFrame({"A": [1.0, NAN, 0.0, 1.0, 1.0, NAN], "B": [0.0, 0.0, 0.0, 0.0, 0.0, NAN]}, CLOCK)
    done = simulate(always, world, fill=Fill.PERIOD, initial_cash=100.0)
    assert done.positions["A"].tolist() == [10.0, 0.0, 0.0, 10.0, 10.0, 0.0]


def test_nothing_is_wanted_of_what_is_no_member() -> None:
    world = bars([10] * 6, A=[(1, None)], B=[(0, None)])
    with pytest.raises(SimulationError) as caught:
        simulate(once(0.5), world)
    assert str(caught.value) == "the weight of a symbol that is no member must be 0.0; got 0.5 (A, 2024-01-01)."
    assert len(simulate(once(NAN, 1.0), world).fills) == 1
    assert len(simulate(once(0.0, 1.0), world).fills) == 1


def test_buy_and_hold_buys_members_and_keeps_them() -> None:
    world = bars([10] * 6, A=[(0, 2)], B=[(1, None)])
    assert buy_and_hold(world).positions.iloc[-1].tolist() == [100_000.0, 0.0]
    assert buy_and_hold(world, start=CLOCK[1]).positions.iloc[-1].tolist() == [50_000.0, 50_000.0]
    assert buy_and_hold(world, symbols=["B"]).positions.iloc[-1].tolist() == [0.0, 100_000.0]


def test_buy_and_hold_needs_a_member() -> None:
    world = bars([10] * 6, A=[(2, None)], B=[(2, None)])
    with pytest.raises(SimulationError, match=r"must be members with a bar; got \['A', 'B'\] \(2024-01-01\)"):
        buy_and_hold(world)


def test_buy_and_hold_is_paid_out_at_a_delisting() -> None:
    closes = pd.DataFrame({"A": [10, 10, 10, NAN, NAN, NAN], "B": [10.0] * 6}, CLOCK)
    gone = pd.DataFrame({"symbol": ["A"], "date": [CLOCK[4]], "delisting_return": [-0.9]})
    table = Membership(pd.DataFrame({"symbol": ["A", "B"], "start": CLOCK[0], "end": pd.NaT}), delistings=gone)
    world = Bars.from_close(closes, periods_per_year=252).with_membership(table)
    done = buy_and_hold(world, fill=Fill.PERIOD, initial_cash=100.0)
    assert done.equity.tolist() == [100.0, 100.0, 100.0, 100.0, 55.0, 55.0]
    assert done.turnover.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]  # nobody ordered it
