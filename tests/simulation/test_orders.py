"""How orders become fills: lots, smallest orders, participation, limits and stops, orders in units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.simulation import Costs, Execution, Orders, simulate
from quantml.timing import Fill
from quantml.universe import Membership


def traded(bars: Bars, weights: pd.DataFrame, execution: Execution, **more: Any) -> list[list[Any]]:
    """Return row, units and price of each fill of 1000 of cash."""
    more = {"initial_cash": 1000.0, **more}
    fills = simulate(weights, bars, execution=execution, **more).fills
    return [[bars.clock.get_loc(f.time), f.units, f.price] for f in fills.itertuples()]


def in_units(bars: Bars, by_row: dict[int, float], **prices: dict[int, float]) -> Orders:
    frames = {
        name: pd.DataFrame({"A": [values.get(row, np.nan) for row in by_row]}, index=bars.clock[list(by_row)])
        for name, values in prices.items()
    }
    return Orders(pd.DataFrame({"A": list(by_row.values())}, index=bars.clock[list(by_row)]), **frames)


# ------------------------------------------------------- lots, smallest orders


@pytest.mark.parametrize(("lot", "units"), [(0.0, 1000 / 30), (1.0, 33.0), (10.0, 30.0), (0.5, 33.0), (40.0, None)])
def test_orders_are_whole_lots_rounded_towards_nothing(
    lot: float, units: float | None, bars_of: Any, weights_on: Any
) -> None:
    bars = bars_of([30, 30, 30])
    for side in (1.0, -1.0):
        found = traded(bars, weights_on(bars, {0: side}), Execution(lot=lot), fill=Fill.NEXT_CLOSE)
        assert found == ([] if units is None else [[1, side * units, 30.0]])


def test_a_lot_that_is_nearly_whole_is_whole(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([0.1, 0.1])
    assert 0.3 / 0.1 < 3.0
    assert traded(bars, weights_on(bars, {0: 0.3}), Execution(lot=1), initial_cash=1.0, fill=Fill.NEXT_CLOSE) == [
        [1, 3.0, 0.1]
    ]


def test_what_is_closed_is_closed_whole(bars_of: Any, weights_on: Any) -> None:
    # 33 shares become 49.5; 0.2 of 1000 is 10 shares at 20, so 39.5 to sell, 39 whole; then the rest, 10.5.
    bars = bars_of([30, 30, 20, 20, 20], split=[1, 1, 1.5, 1, 1])
    found = traded(
        bars, weights_on(bars, {0: 1.0, 1: 0.2, 3: 0.0}), Execution(lot=1, minimum_units=20), fill=Fill.NEXT_CLOSE
    )
    assert found == [[1, 33.0, 30.0], [2, -39.0, 20.0], [4, -10.5, 20.0]]


def test_what_is_closed_is_closed_whole_where_volume_counts(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([30, 30, 20, 20], split=[1, 1, 1.5, 1], volume=[1e9] * 4)
    execution = Execution(lot=1, participation=1.0)
    found = traded(bars, weights_on(bars, {0: 1.0, 2: 0.0}), execution, fill=Fill.NEXT_CLOSE)
    assert found == [[1, 33.0, 30.0], [3, -49.5, 20.0]]


def test_small_orders_are_not_made(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 10, 10])
    weights = weights_on(bars, {0: 0.5, 1: 0.6, 2: 0.0})
    assert len(traded(bars, weights, Execution(minimum_notional=100.0), fill=Fill.NEXT_CLOSE)) == 3
    kept = [[1, 50.0, 10.0], [3, -50.0, 10.0]]
    assert traded(bars, weights, Execution(minimum_notional=100.1), fill=Fill.NEXT_CLOSE) == kept
    assert traded(bars, weights, Execution(minimum_units=10.1), fill=Fill.NEXT_CLOSE) == kept


# --------------------------------------------------------------- participation


def test_the_rest_is_cancelled_or_carried_in_units(bars_of: Any, weights_on: Any) -> None:
    # 100 units wanted; a tenth of 300, 400 and 9000
    bars = bars_of([10, 10, 20, 40, 40], volume=[1.0, 300.0, 400.0, 9000.0, 9000.0])
    weights = weights_on(bars, {0: 1.0})
    assert traded(bars, weights, Execution(participation=0.1), fill=Fill.NEXT_CLOSE) == [[1, 30.0, 10.0]]
    carried = Execution(participation=0.1, carry=True)
    assert traded(bars, weights, carried, fill=Fill.NEXT_CLOSE) == [[1, 30.0, 10.0], [2, 40.0, 20.0], [3, 30.0, 40.0]]


def test_what_is_carried_splits_and_is_replaced_by_the_next_decision(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 5, 5, 5], volume=[1.0, 300.0, 400.0, 400.0, 400.0], split=[1, 1, 2, 1, 1])
    execution = Execution(participation=0.1, carry=True, lot=1, minimum_units=90)
    found = traded(bars, weights_on(bars, {0: 1.0}), execution, fill=Fill.NEXT_CLOSE)
    assert found == [
        [1, 30.0, 10.0],
        [2, 40.0, 5.0],
        [3, 40.0, 5.0],
        [4, 40.0, 5.0],
    ]  # 70 units are 140 after the split
    found = traded(bars, weights_on(bars, {0: 1.0, 2: 0.0}), execution, fill=Fill.NEXT_CLOSE)
    assert found == [[1, 30.0, 10.0], [2, 40.0, 5.0], [3, -40.0, 5.0], [4, -40.0, 5.0]]


def test_lots_of_what_volume_allows(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 10, 10], volume=[1.0, 299.0, 9.0, 500.0])
    execution = Execution(participation=0.1, carry=True, lot=10)
    assert traded(bars, weights_on(bars, {0: 1.0}), execution, fill=Fill.NEXT_CLOSE) == [
        [1, 20.0, 10.0],
        [3, 50.0, 10.0],
    ]


# -------------------------------------------------------------- limits, stops

# decided at 100; open, high, low, close of the next bar
WITHIN: dict[str, Any] = {
    "a buy limit within the bar": (0.5, {"limit": 0.02}, (99, 101, 97, 100), [1, 500 * 99 / 99 / 98, 98.0]),
    "a buy limit that is touched": (0.5, {"limit": 0.02}, (99, 101, 98, 100), [1, 500 / 98, 98.0]),
    "a buy limit that is not reached": (0.5, {"limit": 0.02}, (99, 101, 98.01, 100), None),
    "a buy limit at an open that is better": (0.5, {"limit": 0.02}, (95, 99, 94, 98), [1, 500 / 95, 95.0]),
    "a sell limit": (-0.5, {"limit": 0.02}, (101, 103, 100, 100), [1, -500 / 102, 102.0]),
    "a sell limit at an open that is better": (-0.5, {"limit": 0.02}, (105, 106, 100, 100), [1, -500 / 105, 105.0]),
    "a buy stop": (0.5, {"stop": 0.02}, (101, 103, 100, 100), [1, 500 / 102, 102.0]),
    "a buy stop beyond which the bar opens": (0.5, {"stop": 0.02}, (105, 106, 100, 100), [1, 500 / 105, 105.0]),
    "a buy stop that is not reached": (0.5, {"stop": 0.02}, (101, 101.9, 100, 100), None),
    "a sell stop": (-0.5, {"stop": 0.02}, (99, 101, 97, 100), [1, -500 / 98, 98.0]),
    "a sell stop beyond which the bar opens": (-0.5, {"stop": 0.02}, (95, 99, 94, 98), [1, -500 / 95, 95.0]),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHIN)
def test_an_order_within_the_bar(case: str, bars_of: Any, weights_on: Any) -> None:
    weight, offset, (first, high, low, last), expected = WITHIN[case]
    prices = {"high": [100.0, high, 100.0], "low": [100.0, low, 100.0]}
    bars = bars_of([100, last, 100], opens=[100, first, 100], **prices)
    found = traded(bars, weights_on(bars, {0: weight}), Execution(**offset))
    assert found == ([] if expected is None else [pytest.approx(expected, rel=1e-13)])


def test_orders_live_for_a_bar_or_rest(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([100, 100, 47, 47], opens=[100, 100, 49.5, 47], split=[1, 1, 2, 1])
    weights = weights_on(bars, {0: 0.49})
    assert traded(bars, weights, Execution(limit=0.02)) == []
    rests = Execution(limit=0.02, resting=True)  # at 98, 49 after the split
    assert traded(bars, weights, rests) == [pytest.approx([2, 10.0, 49.0])]
    replaced = traded(bars, weights_on(bars, {0: 0.49, 1: 0.0}), rests)
    assert replaced == []


def test_the_rest_of_a_limit_order_stays_one(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([100, 98, 100, 98], opens=[100, 100, 100, 100], volume=[10.0, 30.0, 30.0, 300.0])
    execution = Execution(limit=0.02, participation=0.1, carry=True)
    assert traded(bars, weights_on(bars, {0: 0.98}), execution) == [[1, 3.0, 98.0], [3, 7.0, 98.0]]


@pytest.mark.parametrize("by_row", [{0: 0.5, 2: 0.0}, {0: 0.5, 2: np.nan}, {0: 0.5, 1: 0.0}])
def test_what_leaves_the_universe_is_sold_at_the_market(by_row: dict[int, float]) -> None:
    # A is no member from row 2 on; it is sold at the next open, whatever its row says, though limits are far away, and
    # where one rests since it was a member
    clock = pd.bdate_range("2024-01-01", periods=5)
    closes = pd.DataFrame({"A": [100.0, 99, 90, 80, 70], "B": [100.0] * 5}, clock)
    frames = dict.fromkeys(("open", "high", "low", "close"), closes)
    bars = Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)
    spells = pd.DataFrame({"symbol": ["A", "B"], "start": [clock[0]] * 2, "end": [clock[2], pd.NaT]})
    weights = pd.DataFrame({"A": list(by_row.values()), "B": [0.0, 0.1]}, clock[list(by_row)])
    execution = Execution(limit=0.01, resting=True)
    done = simulate(weights, bars.with_membership(Membership(spells)), execution=execution, initial_cash=1000.0)
    assert (done.positions["A"] != 0.0).tolist() == [False, True, True, False, False]


def test_orders_that_rest_have_a_price(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([1, 1])
    with pytest.raises(SimulationError, match=r"^Execution.resting must go with limit or stop orders"):
        simulate(weights_on(bars, {0: 1.0}), bars, execution=Execution(resting=True))


def test_limits_need_the_prices_of_the_bar(bars_of: Any, weights_on: Any) -> None:
    closes = bars_of([1, 1])
    with pytest.raises(
        SimulationError, match=r"limit and stop orders must have fill=Fill.NEXT_OPEN; got 'Fill.NEXT_CLOSE'"
    ):
        simulate(weights_on(closes, {0: 1.0}), closes, execution=Execution(limit=0.1))


# ------------------------------------------------------------- orders in units


def test_units_are_traded_as_they_are_ordered(bars_of: Any) -> None:
    bars = bars_of([10, 11, 12, 13], opens=[10, 10.5, 11.5, 12.5])
    done = simulate(
        in_units(bars, {0: 5.0, 1: -8.0, 2: 0.0}), bars, costs=Costs(commission_bps=100), initial_cash=100.0
    )
    assert done.fills["units"].tolist() == [5.0, -8.0]
    assert done.fills["price"].tolist() == [10.5, 11.5]
    # 100 - 52.5 - 0.525 + 92 - 0.92, and short 3 at 13
    assert done.equity.iloc[-1] == pytest.approx(138.055 - 39.0)


def test_an_order_in_units_waits_splits_and_can_be_cancelled() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [10, np.nan, np.nan, 5], "B": [1.0] * 4}, clock)
    split = pd.DataFrame({"A": [1.0, 1.0, 1.0, 2.0], "B": [1.0] * 4}, clock)
    bars = Bars.from_frame(pd.concat({"close": closes, "split": split}, axis=1), periods_per_year=252)
    assert traded(bars, in_units(bars, {0: 3.0, 1: np.nan}), Execution()) == [[3, 6.0, 5.0]]  # type: ignore[arg-type]
    assert traded(bars, in_units(bars, {0: 3.0, 1: 0.0}), Execution()) == []  # type: ignore[arg-type]
    assert traded(bars, in_units(bars, {0: 3.0, 1: -1.0}), Execution()) == [[3, -2.0, 5.0]]  # type: ignore[arg-type]


def test_orders_with_prices(bars_of: Any) -> None:
    bars = bars_of([100, 100, 100, 100], opens=[100] * 4, high=[100, 104, 104, 104.0], low=[100, 96, 96, 96.0])
    limits = in_units(bars, {0: 5.0, 1: -2.0, 2: 1.0}, limit={0: 97.0, 1: 105.0})
    assert traded(bars, limits, Execution()) == [[1, 5.0, 97.0], [3, 1.0, 100.0]]  # type: ignore[arg-type]
    stops = in_units(bars, {0: 5.0, 1: -2.0, 2: 1.0}, stop={0: 103.0, 1: 96.5, 2: 104.5})
    assert traded(bars, stops, Execution()) == [[1, 5.0, 103.0], [2, -2.0, 96.5]]  # type: ignore[arg-type]
    with pytest.raises(SimulationError, match="must be left out where the orders have prices"):
        simulate(limits, bars, execution=Execution(limit=0.1))


BAD_ORDERS: dict[str, tuple[Callable[[Bars], Any], str]] = {
    "both": (lambda b: in_units(b, {0: 1.0}, limit={0: 1.0}, stop={0: 1.0}), "have limits or stops, not both"),
    "price": (lambda b: in_units(b, {0: 1.0}, limit={0: 0.0}), r"price of an order must be above 0; got 0\.0 \(A, 2024-01-01"),
    "shape": (lambda b: Orders(pd.DataFrame({"A": [1.0]}, b.clock[:1]), limit=pd.DataFrame()), "rows and columns of the units"),
    "infinite": (lambda b: in_units(b, {0: np.inf}), r"an order must be finite; got inf \(A"),
    "nothing": (lambda b: in_units(b, {0: np.nan}), "orders must hold at least one decision"),
    "array": (lambda b: Orders(np.ones(3)), "Orders.units must be a DataFrame"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ORDERS)
def test_bad_orders_are_refused(case: str, bars_of: Any) -> None:
    make, text = BAD_ORDERS[case]
    bars = bars_of([1, 1], opens=[1, 1])
    with pytest.raises(SimulationError, match=text):
        simulate(make(bars), bars)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lot", -1.0), ("minimum_units", np.nan), ("minimum_notional", "1"), ("participation", 0.0), ("participation", 1.1),
     ("limit", 1.0), ("stop", -0.1), ("carry", 1), ("resting", None)],
)  # fmt: skip
def test_bad_parameters_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^Execution.{name} must be "):
        Execution(**{name: value})


def test_a_limit_or_a_stop() -> None:
    with pytest.raises(ParameterError, match="Execution must have a limit or a stop, not both"):
        Execution(limit=0.1, stop=0.1)
