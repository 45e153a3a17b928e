"""Which decisions the ledger follows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from quantml.errors import ParameterError, SimulationError
from quantml.simulation import Costs, Orders, Rebalancing, simulate
from quantml.timing import Fill


def test_a_schedule_keeps_the_first_decision_of_each_block(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10.0] * 45)  # from Monday, 2024-01-01
    weights = weights_on(bars, {row: 0.1 + row / 100 for row in range(3, 45)})
    for every, rows in (("1m", [3, 23, 44]), (20, [3, 20, 40]), ("2w", None)):
        done = simulate(weights, bars, fill=Fill.PERIOD, rebalancing=Rebalancing(every=every))
        decided = bars.clock.get_indexer(done.fills["decided"]).tolist()
        assert decided == rows if rows else all(bars.clock[row].weekday() == 0 for row in decided[1:])


def test_a_band_is_measured_at_the_close_of_the_decision(bars_of: Any, weights_on: Any) -> None:
    # 50 units at 10; at 12 they are 600 of 1100, 0.5455 of equity; at 13, 650 of 1150, 0.5652.
    bars = bars_of([10, 10, 12, 13, 13, 13])
    weights = weights_on(bars, {0: 0.5, 2: 0.5, 3: 0.5, 4: 0.0})
    done = simulate(weights, bars, fill=Fill.NEXT_CLOSE, initial_cash=1000.0, rebalancing=Rebalancing(band=0.05))
    assert bars.clock.get_indexer(done.fills["decided"]).tolist() == [0, 3, 4]
    assert done.positions["A"].tolist() == pytest.approx([0, 50, 50, 50, 0.5 * 1150 / 13, 0])


def test_a_band_leaves_small_positions_unopened_and_knows_what_was_paid(bars_of: Any, weights_on: Any) -> None:
    bars = bars_of([10, 10, 10])
    small = simulate(weights_on(bars, {0: 0.05}), bars, fill=Fill.PERIOD, rebalancing=Rebalancing(band=0.05))
    assert len(small.fills) == 0
    # 10 % of 0.5 is paid: 500 of 950 is 0.5263 of equity, 0.0263 off
    weights = weights_on(bars, {0: 0.5, 1: 0.5})
    for band, count in ((0.026, 2), (0.027, 1)):
        done = simulate(
            weights, bars, costs=Costs(commission_bps=1000), fill=Fill.PERIOD, rebalancing=Rebalancing(band=band)
        )
        assert len(done.fills) == count


def test_orders_in_units_are_not_thinned_out(bars_of: Any) -> None:
    bars = bars_of([10, 10])
    orders = Orders(pd.DataFrame({"A": [1.0]}, index=bars.clock[:1]))
    with pytest.raises(SimulationError, match="Rebalancing must be of weights; got 'orders in units'"):
        simulate(orders, bars, rebalancing=Rebalancing(band=0.1))


@pytest.mark.parametrize(("name", "value"), [("every", "monthly"), ("every", 0), ("band", -0.1), ("band", None)])
def test_bad_parameters_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^Rebalancing.{name} must be "):
        Rebalancing(**{name: value})
