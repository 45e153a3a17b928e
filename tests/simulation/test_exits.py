"""Stops: what closes a position within the bar, and at which price."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.simulation import (
    Costs,
    Execution,
    Orders,
    Simulation,
    StopLoss,
    TakeProfit,
    TimeStop,
    TrailingStop,
    simulate,
)  # fmt: skip
from quantml.timing import Fill

LOSS, PROFIT = StopLoss(0.05), TakeProfit(0.10)


def bars(*rows: tuple[float, float, float, float], **more: list[float]) -> Bars:
    """Make bars of A from open, high, low and close."""
    clock = pd.bdate_range("2024-01-01", periods=len(rows))
    data = dict(zip(("open", "high", "low", "close"), np.array(rows, dtype=np.float64).T, strict=True)) | more
    frames = {name: pd.DataFrame({"A": values}, clock) for name, values in data.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


FLAT = (100, 100, 100, 100)


def run(panel: Bars, exits: Any, by_row: dict[int, float] | None = None, **more: Any) -> Simulation:
    by_row = {0: 0.5} if by_row is None else by_row
    weights = pd.DataFrame({"A": list(by_row.values())}, index=panel.clock[list(by_row)])
    return simulate(weights, panel, exits=exits, **{"initial_cash": 1000.0, **more})


def exit_of(done: Simulation) -> list[Any] | None:
    """Return row, price and kind of the second fill."""
    if len(done.fills) == 1:
        return None
    fill = done.fills.iloc[1]
    assert pd.isna(fill["decided"]) or fill["kind"] == "expired"
    return [done.clock.get_loc(fill["time"]), fill["price"], fill["kind"]]


# Bought at the open of row 1, at 100, or sold short; row 2 is the bar.
CASES: dict[str, Any] = {
    "a loss within the bar": (1, (101, 102, 94, 99), [2, 95.0, "loss"]),
    "a loss that is touched": (1, (101, 102, 95, 99), [2, 95.0, "loss"]),
    "a loss that is not": (1, (101, 102, 95.01, 99), None),
    "a gap through the loss": (1, (90, 99, 89, 98), [2, 90.0, "loss"]),
    "a profit within the bar": (1, (101, 111, 96, 99), [2, 110.0, "profit"]),
    "a gap beyond the profit": (1, (115, 116, 100, 101), [2, 115.0, "profit"]),
    "both, in an unknown order": (1, (101, 112, 94, 99), [2, 95.0, "loss"]),
    "a gap beyond the profit comes before the loss": (1, (115, 116, 90, 91), [2, 115.0, "profit"]),
    "a short's loss": (-1, (99, 106, 98, 101), [2, 105.0, "loss"]),
    "a short's gap": (-1, (107, 108, 98, 101), [2, 107.0, "loss"]),
    "a short's profit": (-1, (99, 102, 89, 95), [2, 90.0, "profit"]),
    "both, of a short": (-1, (99, 106, 89, 95), [2, 105.0, "loss"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bar_by_hand(case: str) -> None:
    side, bar, expected = CASES[case]
    found = exit_of(run(bars(FLAT, FLAT, bar, FLAT), [LOSS, PROFIT], {0: 0.5 * side}))
    assert found == (None if expected is None else [2, pytest.approx(expected[1], rel=1e-15), expected[2]])
    if bar[0] == 101:  # the same on the bar of the entry, where the entry is at the open of 100
        first = (100, *bar[1:])
        found = exit_of(run(bars(FLAT, first, FLAT), [LOSS, PROFIT], {0: 0.5 * side}))
        assert found == (None if expected is None else [1, pytest.approx(expected[1], rel=1e-15), expected[2]])


def test_both_paths_and_what_is_ambiguous() -> None:
    # 5 units at 100; 95 is a loss of 25, 110 a profit of 50, of 1000: no bar earns the same on both paths
    done = run(bars(FLAT, FLAT, (101, 112, 94, 99), FLAT), [LOSS, PROFIT])
    assert done.equity.tolist() == [1000.0, 1000.0, 975.0, 975.0]
    assert done.optimistic_equity.tolist() == [1000.0, 1000.0, 1050.0, 1050.0]
    assert done.ambiguous == pytest.approx(1.0)
    known = run(bars(FLAT, FLAT, (101, 112, 96, 99), FLAT), [LOSS, PROFIT])
    assert (known.ambiguous, known.equity.iloc[-1]) == (0.0, 1050.0)
    assert run(bars(FLAT, FLAT, (101, 112, 94, 99), FLAT), LOSS).optimistic is None


# A limit at 98 fills within row 1, or a stop at 102; stop 5 % below, target 10 % above.
ENTERED: dict[str, Any] = {
    "the loss is below the limit, so after it": ({"limit": 0.02}, (100, 100, 93, 97), [1, 98 * 0.95, "loss"], 0.0),
    "the high may be before the limit": ({"limit": 0.02}, (100, 109, 97, 99), None, 1.0),
    "the close is beyond the target": ({"limit": 0.02}, (100, 109, 97, 108.5), [1, 98 * 1.1, "profit"], 0.0),
    "the target is above the stop order, so after it": ({"stop": 0.02}, (100, 113, 99, 101), [1, 102 * 1.1, "profit"], 0.0),
    "the low may be before the stop order": ({"stop": 0.02}, (100, 103, 96, 101), [1, 102 * 0.95, "loss"], 1.0),
    "the close is beyond the loss": ({"stop": 0.02}, (100, 103, 96, 96.5), [1, 102 * 0.95, "loss"], 0.0),
}  # fmt: skip


@pytest.mark.parametrize("case", ENTERED)
def test_a_position_that_comes_about_within_the_bar(case: str) -> None:
    offset, bar, expected, ambiguous = ENTERED[case]
    done = run(bars(FLAT, bar, (99, 99, 99, 99)), [LOSS, PROFIT], execution=Execution(**offset))
    assert exit_of(done) == (None if expected is None else [1, pytest.approx(expected[1]), expected[2]])
    assert (done.ambiguous > 0.0) == (ambiguous > 0.0)


# Bought at 100, the stop 10 % below the best price, so at 90 when row 2 begins; and what is left of it at its close on
# the pessimistic and on the optimistic path.
TRAILS: dict[str, Any] = {
    "the low is below the old stop": ((100, 120, 89, 118), 90.0, 108.0),
    "the low is between the stops": ((101, 120, 100, 118), 108.0, 118.0),
    "the close is between the stops": ((101, 120, 100, 107), 108.0, 108.0),
    "the low is above both": ((101, 110, 100, 105), 105.0, 105.0),
    "no new high": ((99, 100, 89, 95), 90.0, 90.0),
    "a gap": ((88, 120, 87, 118), 88.0, 88.0),
}


@pytest.mark.parametrize("case", TRAILS)
def test_a_trailing_stop_follows_the_bar(case: str) -> None:
    bar, pessimistic, optimistic = TRAILS[case]
    done = run(bars(FLAT, FLAT, bar), TrailingStop(0.1))
    for path, worth in ((done.equity, pessimistic), (done.optimistic_equity, optimistic)):
        assert path.iloc[-1] == pytest.approx(1000.0 + 5.0 * (worth - 100.0))


def test_a_target_comes_before_the_stop_that_follows_a_stop_order() -> None:
    # bought at 102 on the way to 115, past the target of 107.1; the low of 96 is above 91.8
    panel = bars(FLAT, (100, 115, 96, 110))
    done = run(panel, [TrailingStop(0.1), TakeProfit(0.05)], execution=Execution(stop=0.02))
    assert exit_of(done) == [1, pytest.approx(107.1), "profit"]
    assert done.ambiguous == 0.0


def test_a_trailing_stop_remembers_the_bars_before() -> None:
    # The high of 110 on row 2 sets the stop to 99 for row 3.
    rising = bars(FLAT, FLAT, (101, 110, 100, 108), (107, 108, 98, 100), FLAT)
    assert exit_of(run(rising, TrailingStop(0.1))) == [3, pytest.approx(99.0), "trailed"]
    nearer = bars(FLAT, FLAT, (101, 105, 97, 103), FLAT)
    assert exit_of(run(nearer, [TrailingStop(0.1), StopLoss(0.02)])) == [2, 98.0, "loss"]
    falling = bars(FLAT, FLAT, (99, 100, 95, 97), (97, 105, 96, 104), FLAT)
    assert exit_of(run(falling, TrailingStop(0.1), {0: -0.5})) == [3, pytest.approx(104.5), "trailed"]


def test_a_target_comes_before_the_stop_that_follows_to_it() -> None:
    # on the way to the high of 125 the price passes 115, on either order; 90 is not touched
    found = exit_of(run(bars(FLAT, FLAT, (101, 125, 100, 105), FLAT), [TrailingStop(0.1), TakeProfit(0.15)]))
    assert found == [2, pytest.approx(115.0), "profit"]


# Entered within row 1 at a limit of 98 or a stop of 102; the stop follows 10 % below, so begins at 88.2 or 91.8.
TRAILED_ENTRIES: dict[str, Any] = {
    "the high may be before the limit": ({"limit": 0.02}, (100, 115, 96, 100), 100.0, 103.5),
    "the low is below the stop of the limit": ({"limit": 0.02}, (100, 115, 88, 100), 88.2, 88.2),
    "the low may be before the stop order": ({"stop": 0.02}, (100, 115, 96, 110), 103.5, 110.0),
    "the close is below the stop": ({"stop": 0.02}, (100, 115, 96, 100), 103.5, 103.5),
    "the low is below the first stop of the stop order": ({"stop": 0.02}, (100, 105, 90, 104), 94.5, 104.0),
}


@pytest.mark.parametrize("case", TRAILED_ENTRIES)
def test_a_trailing_stop_of_a_position_that_comes_about_within_the_bar(case: str) -> None:
    offset, bar, pessimistic, optimistic = TRAILED_ENTRIES[case]
    done = run(bars(FLAT, bar), TrailingStop(0.1), execution=Execution(**offset))
    bought = 98.0 if "limit" in offset else 102.0
    for path, worth in ((done.equity, pessimistic), (done.optimistic_equity, optimistic)):
        assert path.iloc[-1] == pytest.approx(1000.0 + 500.0 / bought * (worth - bought))


def test_the_bar_of_a_late_entry_is_not_looked_at() -> None:
    panel = bars(FLAT, (100, 130, 70, 100), (100, 101, 99, 100), (100, 101, 92, 100))
    for fill, row in ((Fill.NEXT_CLOSE, None), (Fill.NEXT_OPEN, 1)):
        found = exit_of(run(panel, [StopLoss(0.2), TrailingStop(0.1)], fill=fill))
        assert (found and found[0]) == row


@pytest.mark.parametrize("fill", [Fill.NEXT_OPEN, Fill.NEXT_CLOSE, Fill.PERIOD])
def test_a_time_stop_fills_so_many_bars_after_the_entry(fill: Fill) -> None:
    panel = bars(*[FLAT] * 8)
    for count in (1, 3):
        done = run(panel, TimeStop(count), dict.fromkeys(range(7), 0.5), fill=fill)
        entry = fill.delay
        assert exit_of(done) == [entry + count, 100.0, "expired"]
        assert done.fills["decided"].iloc[1] == panel.clock[entry + count - 1]
        assert len(done.fills) == 2


def test_what_a_stop_has_closed_stays_closed_until_a_decision_asks_otherwise() -> None:
    panel = bars(FLAT, FLAT, (100, 100, 94, 100), *[FLAT] * 5)
    always = dict.fromkeys(range(7), 0.5)
    assert len(run(panel, LOSS, always).fills) == 2
    again = run(panel, LOSS, {**always, 4: 0.0})
    assert again.clock.get_indexer(again.fills["time"]).tolist() == [1, 2, 6]
    turned = run(panel, LOSS, {**always, 4: -0.5})
    assert turned.fills["units"].round(6).tolist()[2:] == pytest.approx([-4.875, 9.75])
    at_once = run(panel, LOSS, always, reenter=True)
    assert at_once.clock.get_indexer(at_once.fills["time"]).tolist() == [1, 2, 3]


def test_a_decision_that_waits_when_a_stop_fills_has_asked_already() -> None:
    # the close of row 2 asks for nothing; the open of row 3 is beyond the stop, which sells what would have been sold there
    low = (90, 90, 90, 90)
    panel = bars(FLAT, FLAT, FLAT, low, low, low)
    again = run(panel, LOSS, {0: 0.5, 2: 0.0, 3: 0.5})
    assert again.clock.get_indexer(again.fills["time"]).tolist() == [1, 3, 4]
    turned = run(panel, LOSS, {0: 0.5, 2: -0.5, 3: 0.5})
    assert turned.clock.get_indexer(turned.fills["time"]).tolist() == [1, 3, 3, 4]


def test_an_order_of_the_same_side_that_waits_is_dropped() -> None:
    panel = bars(FLAT, FLAT, (100, 100, 94, 100), FLAT)
    done = run(panel, LOSS, {0: 0.5, 1: 0.6}, fill=Fill.NEXT_CLOSE)
    assert done.positions["A"].tolist() == [0.0, 5.0, 0.0, 0.0]
    turned = run(panel, LOSS, {0: 0.5, 1: -0.5}, fill=Fill.NEXT_CLOSE)
    assert turned.positions["A"].tolist() == [0.0, 5.0, -4.875, -4.875]


def test_a_part_of_the_result_is_ambiguous() -> None:
    # 5 units earn 50 on bar 2 on both paths; on bar 3 the stop at 95 loses 75, the target at 120 earns 50, of 1050
    done = run(bars(FLAT, FLAT, (100, 110, 100, 110), (110, 125, 94, 110), FLAT), [LOSS, TakeProfit(0.2)])
    loss, profit = -75 / 1050, 50 / 1050
    assert done.equity.tolist() == pytest.approx([1000.0, 1000.0, 1050.0, 975.0, 975.0])
    assert done.ambiguous == pytest.approx((profit - loss) / (0.05 + 0.05 + profit - loss))


def test_what_volume_leaves_of_a_target_is_sold_before_any_decision_that_waits() -> None:
    # 500 bought; row 2 touches 102 and fills 200, the open of row 3 is beyond it and fills 50, row 4 fills the rest
    still = (103, 103, 103, 103)
    panel = bars(FLAT, FLAT, (100, 104, 100, 103), still, still, still, volume=[1e6, 1e6, 400, 100, 1e6, 1e6])
    done = run(
        panel, TakeProfit(0.02), {0: 0.5, 2: -0.5, 3: 0.5}, execution=Execution(participation=0.5), initial_cash=1e5
    )
    assert done.fills[["units", "price"]].to_numpy().tolist() == [[500, 100], [-200, 102], [-50, 103], [-250, 103]]
    assert done.fills["kind"].tolist() == ["ordered", "profit", "profit", "profit"]


def test_a_stop_cancels_the_rest_of_an_order_that_was_cut() -> None:
    # 1000 bought; of 500 to sell only 150 are filled on row 2; row 3 opens beyond the stop and sells 850, no more
    low = (80, 80, 80, 80)
    panel = bars(FLAT, FLAT, FLAT, low, low, volume=[1e6, 1e6, 1500, 1e6, 1e6])
    execution = Execution(participation=0.1, carry=True)
    done = run(panel, StopLoss(0.1), {0: 1.0, 1: 0.5}, initial_cash=1e5, execution=execution)
    assert done.fills["units"].tolist() == [1000.0, -150.0, -850.0]
    thin = bars(FLAT, FLAT, low, low, volume=[1e6, 3000, 1e6, 1e6])  # 300 of 1000 bought, 700 wait
    done = run(thin, StopLoss(0.1), {0: 1.0}, initial_cash=1e5, execution=execution)
    assert done.fills["units"].tolist() == [300.0, -300.0]


def in_units(panel: Bars, by_row: dict[int, float], **prices: dict[int, float]) -> Orders:
    frames = {
        name: pd.DataFrame({"A": [of.get(row, np.nan) for row in by_row]}, index=panel.clock[list(by_row)])
        for name, of in prices.items()
    }
    return Orders(pd.DataFrame({"A": list(by_row.values())}, index=panel.clock[list(by_row)]), **frames)


def test_a_stop_cancels_orders_in_units() -> None:
    low = (80, 80, 80, 80)
    panel = bars(FLAT, FLAT, FLAT, low, low)
    done = simulate(in_units(panel, {0: 100.0, 2: -40.0}), panel, exits=StopLoss(0.1))
    assert done.positions["A"].tolist() == [0.0, 100.0, 100.0, 0.0, 0.0]
    panel = bars(FLAT, FLAT, FLAT, low, (115, 115, 115, 115), FLAT)
    bracket = in_units(panel, {0: 100.0, 1: -100.0}, limit={1: 110.0})
    done = simulate(bracket, panel, exits=StopLoss(0.1), execution=Execution(resting=True))
    assert done.positions["A"].tolist() == [0.0, 100.0, 100.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("later", "reenter", "units"),
    [({2: 5.0}, False, []), ({2: 5.0}, True, [5.0]), ({2: 0.0, 3: 5.0}, False, [5.0]), ({2: -5.0, 3: 7.0}, False, [-5.0, 7.0])],
)  # fmt: skip
def test_an_order_opens_the_side_that_a_stop_has_closed_as_a_decision_does(
    later: dict[int, float], reenter: bool, units: list[float]
) -> None:
    low = (80, 80, 80, 80)
    panel = bars(FLAT, FLAT, low, low, low, low)
    done = simulate(in_units(panel, {0: 100.0, **later}), panel, exits=StopLoss(0.1), reenter=reenter)
    assert done.fills["units"].tolist() == [100.0, -100.0, *units]


def test_orders_in_units_do_not_hold_up_a_stop() -> None:
    panel = bars(*[FLAT] * 7)
    daily = in_units(panel, dict.fromkeys(range(6), 1.0))
    done = simulate(daily, panel, exits=TimeStop(3), reenter=True)
    assert done.fills["units"].tolist() == [1.0, 1.0, 1.0, -3.0, 1.0, 1.0]
    low = (80, 80, 80, 80)
    thin = bars(FLAT, FLAT, low, low, low, low, volume=[1e4, 1e4, 300, 300, 300, 1e4])
    orders = in_units(thin, {0: 100.0, 2: 1.0, 3: 0.0})  # 30 a bar are sold
    done = simulate(orders, thin, exits=StopLoss(0.1), execution=Execution(participation=0.1))
    assert done.positions["A"].tolist() == [0.0, 100.0, 70.0, 40.0, 10.0, 0.0]


def test_a_stop_takes_the_place_of_a_limit_order_that_rests() -> None:
    # bought at 99 on row 1, sold by time at the open of row 4; the sell limit of 101 is never reached
    panel = bars(FLAT, (99, 100, 99, 100), *[FLAT] * 4)
    limits = Execution(limit=0.01, resting=True)
    done = run(panel, TimeStop(3), {0: 0.5, 2: -0.5}, execution=limits)
    assert done.fills["units"].tolist() == pytest.approx([500 / 99, -500 / 99])
    assert exit_of(done) == [4, 100.0, "expired"]
    # the same where volume holds up a stop: 2 of 5 at 90, and the rest later, but no short
    low = (90, 90, 90, 90)
    panel = bars(FLAT, (99, 100, 99, 100), FLAT, low, low, low, volume=[1e4, 1e4, 1e4, 20, 20, 20])
    held = 500 / 99
    done = run(panel, LOSS, {0: 0.5, 2: -0.5}, execution=Execution(limit=0.01, resting=True, participation=0.1))
    assert done.positions["A"].tolist() == pytest.approx([0.0, held, held, held - 2, held - 4, 0.0])


def test_an_order_that_reduces_leaves_the_rest_to_its_stops() -> None:
    # 100 bought at 100 on row 1; 50 sold by a limit of 103 on row 2, whose high of 106 is beyond the target of 105
    panel = bars(FLAT, FLAT, (100, 106, 100, 100), FLAT)
    done = simulate(in_units(panel, {0: 100.0, 1: -50.0}, limit={1: 103.0}), panel, exits=TakeProfit(0.05))
    assert done.fills["price"].tolist() == [100.0, 103.0, 105.0]
    # the high of 120 counts for a trailing stop after one unit was sold: 109.2
    panel = bars(FLAT, FLAT, (100, 120, 100, 109), (109, 109, 109, 109), FLAT)
    done = simulate(in_units(panel, {0: 100.0, 1: -1.0}, limit={1: 103.0}), panel, exits=TrailingStop(0.09))
    assert done.fills["price"].tolist() == [100.0, 103.0, pytest.approx(109.2)]


# 100 held at 100, with a stop at 95 and a target at 110; what an order to sell at a price is filled at, or the exit before
# it, on the pessimistic and on the optimistic path.
AGAINST: dict[str, Any] = {
    "a limit above, the stop below": ({"limit": 103.0}, (100, 104, 94, 99), 95.0, 103.0),
    "a limit beyond the target": ({"limit": 112.0}, (100, 113, 99, 100), 110.0, 110.0),
    "a limit before the target": ({"limit": 103.0}, (100, 111, 99, 100), 103.0, 103.0),
    "a stop order before the stop": ({"stop": 97.0}, (100, 101, 94, 96), 97.0, 97.0),
    "a stop order beyond the stop": ({"stop": 93.0}, (100, 101, 92, 94), 95.0, 95.0),
    "a stop order below, the target above": ({"stop": 97.0}, (100, 111, 96, 98), 97.0, 110.0),
}  # fmt: skip


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("case", AGAINST)
def test_what_comes_first_of_a_stop_and_an_order_against_the_position(case: str, side: float) -> None:
    offset, bar, pessimistic, optimistic = AGAINST[case]
    first, high, low, close = (100 + side * (price - 100) for price in bar)
    panel = bars(FLAT, FLAT, (first, max(high, low), min(high, low), close), FLAT, FLAT)
    prices = {name: {1: 100 + side * (price - 100)} for name, price in offset.items()}
    orders = in_units(panel, {0: 100.0 * side, 1: -100.0 * side}, **prices)
    done = simulate(orders, panel, exits=[LOSS, PROFIT])
    for path, price in ((done.equity, pessimistic), (done.optimistic_equity, optimistic)):
        assert path.iloc[-1] == pytest.approx(1e6 + 100 * (price - 100))
    assert done.positions["A"].iloc[-1] == 0.0


# The same of an order that buys 100 more.
WITH: dict[str, Any] = {
    "a limit beyond the stop": ({"limit": 93.0}, (100, 101, 92, 99), -500.0, -500.0),
    "a limit before the stop": ({"limit": 96.0}, (100, 101, 94, 99), 200.0, 200.0),
    "a stop order beyond the target": ({"stop": 112.0}, (100, 113, 99, 100), 1000.0, 1000.0),
    "a stop order before the target, which moves to 112.2": ({"stop": 104.0}, (100, 111, 99, 103), 200.0, 200.0),
}  # fmt: skip


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("case", WITH)
def test_what_comes_first_of_a_stop_and_an_order_that_enlarges(case: str, side: float) -> None:
    offset, bar, pessimistic, optimistic = WITH[case]
    first, high, low, close = (100 + side * (price - 100) for price in bar)
    panel = bars(FLAT, FLAT, (first, max(high, low), min(high, low), close))
    prices = {name: {1: 100 + side * (price - 100)} for name, price in offset.items()}
    done = simulate(in_units(panel, {0: 100.0 * side, 1: 100.0 * side}, **prices), panel, exits=[LOSS, PROFIT])
    assert [path.iloc[-1] - 1e6 for path in (done.equity, done.optimistic_equity)] == pytest.approx(
        [pessimistic, optimistic]
    )


# What it earns on either path where an order and an exit lie on either side of the open: position, order, bar.
ACROSS: dict[str, Any] = {
    # low first: 200 at 99.5 on average, sold at 100.495; high first: 100 sold at 101
    "a limit for more, and a target": (100, 100, {"limit": 99.0}, (100, 102, 98.5, 101.5), TakeProfit(0.01), 100.0, 199.0),
    # high first: 200 at 100.5 on average, sold at 98.49; low first: 100 sold at 98
    "a stop order for more, and a loss": (100, 100, {"stop": 101.0}, (100, 102, 97.5, 98), StopLoss(0.02), -402.0, -200.0),
    # high first: the stop follows to 100.94; low first: sold at 99
    "a stop order against, and a stop that follows": (100, -100, {"stop": 99.0}, (100, 103, 98.5, 100), TrailingStop(0.02), -100.0, 94.0),
    # high first: bought back at 103; low first: at 101.99, and 100 more held to 100.943
    "a limit that turns, and a loss": (-100, 200, {"limit": 101.99}, (102.104, 103.857, 100.744, 100.943), StopLoss(0.03), -303.7, -300.0),
}  # fmt: skip


@pytest.mark.parametrize("case", ACROSS)
def test_of_an_order_and_an_exit_on_either_side_the_account_takes_what_is_worth_less(case: str) -> None:
    held, order, price, bar, exits, pessimistic, optimistic = ACROSS[case]
    panel = bars(FLAT, FLAT, bar)
    prices = {name: {1: value} for name, value in price.items()}
    done = simulate(in_units(panel, {0: held, 1: order}, **prices), panel, exits=exits)
    assert [path.iloc[-1] - 1e6 for path in (done.equity, done.optimistic_equity)] == pytest.approx(
        [pessimistic, optimistic]
    )


def test_a_decision_for_the_same_side_whose_stop_came_first_is_blocked() -> None:
    # bought at 97; the limit of 94.09 for more is beyond the stop of 95.06
    panel = bars(FLAT, (100, 100, 97, 97), (97, 98, 92, 97), (97, 97, 92, 97), FLAT)
    done = run(panel, StopLoss(0.02), {0: 0.5, 1: 0.9}, execution=Execution(limit=0.03, resting=True))
    assert done.fills["price"].tolist() == [97.0, pytest.approx(95.06)]
    turned = run(panel, StopLoss(0.02), {0: 0.5, 1: 0.9, 2: 0.9}, execution=Execution(limit=0.03))
    assert turned.fills["price"].tolist() == [97.0, pytest.approx(95.06)]


def test_a_weight_whose_stop_came_first_has_asked_for_nothing() -> None:
    # bought at 97, sold at the stop of 92.15 on row 2, before the limit of 103; the decision of row 3 may buy again
    panel = bars(FLAT, (100, 100, 97, 100), (100, 104, 92, 100), FLAT, (100, 101, 97, 100))
    done = run(panel, LOSS, {0: 0.5, 1: 0.0, 3: 0.5}, execution=Execution(limit=0.03))
    assert done.fills["price"].tolist() == [97.0, pytest.approx(92.15), 97.0]


@pytest.mark.parametrize(("high", "pessimistic"), [(106.0, 500.0), (104.0, 200.0)])
def test_an_order_that_enlarges_within_the_bar(high: float, pessimistic: float) -> None:
    # 100 at 100, 100 more at 94 by a limit: 97 on average, target 101.85 in place of 105. High first, a high of 106 sells
    # 100 at 105, and one of 104 nothing; low first, both sell 200 at 101.85.
    panel = bars(FLAT, FLAT, (100, high, 93, 98))
    orders = in_units(panel, {0: 100.0, 1: 100.0}, limit={1: 94.0})
    done = simulate(orders, panel, exits=TakeProfit(0.05))
    assert [path.iloc[-1] - 1e6 for path in (done.equity, done.optimistic_equity)] == pytest.approx(
        [pessimistic, 970.0]
    )


def test_levels_are_told_from_the_average_entry_in_the_shares_of_the_bar() -> None:
    # 5 at 100, then 5 more at 110 (0.52381 of 1050 is 5 units): 105 on average, 52.5 after the split, stop 49.875
    panel = bars(FLAT, FLAT, (110, 110, 110, 110), (55, 55, 49, 52), split=[1, 1, 1, 2])
    done = run(panel, LOSS, {0: 0.5, 1: 1100 / 1050})
    assert exit_of(run(panel, LOSS, {0: 0.5})) is None
    assert done.fills.iloc[2][["price", "kind"]].tolist() == [pytest.approx(49.875), "loss"]


def test_a_stop_that_volume_cuts_is_carried() -> None:
    panel = bars(FLAT, FLAT, (100, 100, 94, 100), (99, 99, 99, 99), FLAT, volume=[1.0, 50.0, 20.0, 20.0, 20.0])
    done = run(panel, LOSS, dict.fromkeys(range(4), 0.5), execution=Execution(participation=0.1))
    assert done.fills["units"].tolist() == [5.0, -2.0, -2.0, -1.0]
    assert done.fills["price"].tolist() == [100.0, 95.0, 99.0, 100.0]
    assert done.fills["kind"].tolist() == ["ordered", "loss", "loss", "loss"]


def test_stops_pay_costs_and_trips_say_why_they_ended() -> None:
    done = run(bars(FLAT, FLAT, (100, 104, 94, 100), FLAT), LOSS, costs=Costs(commission_bps=100, impact=0.0))
    (trade,) = done.trades.to_dict("records")
    assert trade["commission"] == pytest.approx(5.0 + 4.75)
    assert (trade["exit_reason"], trade["exit_price"]) == ("loss", 95.0)
    # what the bar of the exit did besides is not known
    assert (trade["mae"], trade["mfe"]) == (pytest.approx(-0.05), 0.0)


def test_excursions_see_the_bars_that_were_held_through() -> None:
    panel = bars(FLAT, (100, 130, 70, 100), (100, 108, 96, 104), (104, 109, 104, 104), FLAT)
    # sold at the open of row 3, or at its close
    for fill, expected in ((Fill.NEXT_OPEN, [-0.30, 0.30]), (Fill.NEXT_CLOSE, [-0.04, 0.09])):
        done = run(panel, (), {0: 0.5, 2: 0.0}, fill=fill)
        assert done.trades[["mae", "mfe"]].to_numpy().tolist() == [pytest.approx(expected)]
        short = run(panel, (), {0: -0.5, 2: 0.0}, fill=fill).trades
        assert short[["mae", "mfe"]].to_numpy().tolist() == [pytest.approx([-expected[1], -expected[0]])]


def test_stops_need_the_prices_of_the_bar(bars_of: Any, weights_on: Any) -> None:
    closes = bars_of([1, 1])
    with pytest.raises(SimulationError, match="bars must have opens, highs and lows to fill within a bar; got 'close'"):
        simulate(weights_on(closes, {0: 1.0}), closes, exits=LOSS)


@pytest.mark.parametrize(("exits", "text"), [([LOSS, LOSS], "one of a kind; got 'StopLoss'"), (["x"], "StopLoss, Tr")])
def test_bad_exits_are_refused(exits: Any, text: str) -> None:
    with pytest.raises(SimulationError, match=f"exits must .*{text}"):
        run(bars(FLAT, FLAT), exits)


@pytest.mark.parametrize(("kind", "value"), [(StopLoss, 0.0), (StopLoss, 1.0), (TrailingStop, -1), (TakeProfit, 0.0),
                                             (TakeProfit, np.inf), (TimeStop, 0), (TimeStop, 1.5)])  # fmt: skip
def test_bad_parameters_are_refused(kind: type, value: Any) -> None:
    with pytest.raises(ParameterError, match=f"^{kind.__name__}.(distance|bars) must be "):
        kind(value)
