"""What a fill costs, against hand calculations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.simulation import Costs, Simulation, TimeStop, simulate
from quantml.timing import Fill

CLOSES = [100.0, 102.0, 99.0, 100.0, 104.0, 100.0]


def bought(bars: Bars, costs: Costs, *, row: int = 3, weight: float = 0.5, cash: float = 1e4) -> Simulation:
    """Decide once, at a close of 100; fill at the next close of 104."""
    decided = pd.DataFrame({"A": [weight]}, index=bars.clock[[row]])
    return simulate(decided, bars, costs=costs, fill=Fill.NEXT_CLOSE, initial_cash=cash)


# 0.5 * 10_000 / 104 units, 5_000 of notional
UNITS = 5_000 / 104
COMMISSIONS: dict[str, Any] = {
    "per share": (Costs(commission_per_share=0.02), 0.02 * UNITS),
    "beside basis points": (Costs(commission_bps=10, commission_per_share=0.02), 5 + 0.02 * UNITS),
    "a minimum that binds": (Costs(commission_bps=10, commission_minimum=7.5), 7.5),
    "a minimum that does not": (Costs(commission_bps=10, commission_minimum=4.0), 5.0),
    "a maximum that binds": (Costs(commission_bps=10, commission_maximum=3.0), 3.0),
    "a maximum of nothing": (Costs(commission_bps=10, commission_maximum=0.0), 0.0),
    "the maximum wins": (Costs(commission_minimum=9.0, commission_maximum=3.0), 3.0),
    "below all tiers": (Costs(commission_tiers=((6e3, 50.0), (1e4, 20.0))), 0.0),
    "the second tier, on all of it": (Costs(commission_tiers=[[0.0, 50.0], [4e3, 20.0], [6e3, 1.0]]), 10.0),
    "tiers beside basis points": (Costs(commission_bps=2, commission_tiers=((0.0, 50.0),)), 26.0),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMISSIONS)
def test_commission_by_hand(case: str, bars_of: Callable[..., Bars]) -> None:
    costs, expected = COMMISSIONS[case]
    done = bought(bars_of(CLOSES), costs)
    (fill,) = done.fills.to_dict("records")
    assert fill["commission"] == pytest.approx(expected, rel=1e-13)
    assert done.costs["commission"].sum() == pytest.approx(expected, rel=1e-13)
    assert done.cash.iloc[1] == pytest.approx(1e4 - 5e3 - expected, rel=1e-14)


def test_slippage_follows_the_volatility_known_at_the_decision(bars_of: Callable[..., Bars]) -> None:
    # The last two returns at row 3 are -3/102 and 1/99; the fill's bar, which jumps to 104, is not among them.
    sigma = np.std([99 / 102 - 1, 100 / 99 - 1], ddof=1)
    costs = Costs(slippage_bps=2, slippage_volatility=0.1, window=2)
    (fill,) = bought(bars_of(CLOSES), costs).fills.to_dict("records")
    assert fill["slippage"] == pytest.approx(5_000 * (2e-4 + 0.1 * sigma), rel=1e-13)
    assert fill["commission"] == fill["impact"] == 0.0


def test_impact_is_the_square_root_of_participation_known_at_the_decision(bars_of: Callable[..., Bars]) -> None:
    bars = bars_of(CLOSES, volume=[1.0, 1e9, 300.0, 500.0, 1e9, 1e9])
    sigma = np.std([99 / 102 - 1, 100 / 99 - 1], ddof=1)
    (fill,) = bought(bars, Costs(impact=0.8, window=2)).fills.to_dict("records")
    assert fill["impact"] == pytest.approx(5_000 * 0.8 * sigma * np.sqrt(UNITS / 400.0), rel=1e-13)


def test_usual_volume_is_told_in_the_shares_of_the_fill(bars_of: Callable[..., Bars]) -> None:
    # Two for one on the bar of the fill: 400 old shares a bar are 800 new ones, and returns do not know the split.
    split = bars_of([100, 102, 99, 100, 52, 50], volume=[1.0, 1.0, 300.0, 500.0, 9.0, 9.0], split=[1, 1, 1, 1, 2, 1])
    whole = bars_of(CLOSES, volume=[1.0, 1.0, 300.0, 500.0, 9.0, 9.0])
    costs = Costs(impact=0.8, impact_permanent=0.3, slippage_volatility=0.2, window=2)
    one, two = (bought(bars, costs) for bars in (whole, split))
    assert two.fills["units"].tolist() == pytest.approx([2 * UNITS])
    assert two.costs.to_numpy() == pytest.approx(one.costs.to_numpy(), rel=1e-12)
    assert two.equity.tolist() == pytest.approx(one.equity.tolist(), rel=1e-12)


def test_a_split_on_the_first_bar_has_been_before_all_volume(bars_of: Callable[..., Bars]) -> None:
    volume = [300.0, 400.0, 300.0, 500.0, 9.0, 9.0]
    plain, split = bars_of(CLOSES, volume=volume), bars_of(CLOSES, volume=volume, split=[2, 1, 1, 1, 1, 1])
    one, two = (bought(bars, Costs(impact=0.8, window=2)).fills["impact"].tolist() for bars in (plain, split))
    assert one == two != [0.0]


def test_a_permanent_impact_moves_the_price_for_good_and_is_paid_by_half(bars_of: Callable[..., Bars]) -> None:
    bars = bars_of(CLOSES, volume=[400.0] * 6)
    sigma = np.std([99 / 102 - 1, 100 / 99 - 1], ddof=1)
    done = bought(bars, Costs(impact_permanent=0.5, window=2))
    moved = 0.5 * sigma * UNITS / 400.0
    assert done.fills["impact"].tolist() == pytest.approx([5_000 * moved / 2])
    assert done.marks["A"].tolist() == pytest.approx([100, 104 * np.exp(moved), 100 * np.exp(moved)])
    assert done.equity.iloc[1] == pytest.approx(5_000 * np.exp(moved) + 5_000 - 5_000 * moved / 2)


def test_a_permanent_impact_cannot_be_earned(bars_of: Callable[..., Bars]) -> None:
    # Buying and selling again at one price: linear, so that the halves paid are what the price gave, to second order.
    bars = bars_of([100, 101, 100, 101, 100, 100], volume=[1e4] * 6)
    decided = pd.DataFrame({"A": [0.5, 0.0]}, index=bars.clock[[2, 4]])
    costs = Costs(impact_permanent=1.0, window=2)
    done = simulate(decided, bars, costs=costs, fill=Fill.PERIOD, initial_cash=1e4)
    moved = np.std([0.01, 100 / 101 - 1], ddof=1) * 50 / 1e4
    assert done.costs["impact"].sum() == pytest.approx(5_000 * moved, rel=1e-3)
    assert abs(done.equity.iloc[-1] - 1e4) < 5_000 * moved**2
    assert done.marks["A"].iloc[-1] == pytest.approx(100.0, rel=1e-12)


def test_too_little_history_is_refused(bars_of: Callable[..., Bars]) -> None:
    text = (
        r"a symbol that is traded must have 4 bars at a decision to tell its volatility; got '3 bars' \(A, 2024-01-03\)"
    )
    with pytest.raises(SimulationError, match=text):
        bought(bars_of(CLOSES), Costs(slippage_volatility=0.1, window=3), row=2)
    assert len(bought(bars_of(CLOSES), Costs(slippage_volatility=0.1, window=2), row=2).fills) == 1
    assert len(bought(bars_of(CLOSES), Costs(slippage_volatility=0.1), row=2, weight=0.0).fills) == 0


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (None, "bars must have volume for impact and participation"),
        (
            [1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
            r"average volume of a symbol that is traded must be above 0 over its latest 2 bars; got 0\.0 \(A, 2024-01-04\)",
        ),
    ],
)
def test_impact_needs_volume(volume: Any, text: str, bars_of: Callable[..., Bars]) -> None:
    bars = bars_of(CLOSES) if volume is None else bars_of(CLOSES, volume=volume)
    with pytest.raises(SimulationError, match=text):
        bought(bars, Costs(impact=1.0, window=2))


def test_what_is_closed_without_volume_pays_by_the_latest_volume(bars_of: Callable[..., Bars]) -> None:
    # bought on row 3, closed on row 6; of rows 2 to 5 only row 2 has volume: 200 a bar over rows 2 and 3, then none
    closes, volume = [100, 101, 100, 100, 101, 100, 100], [400.0, 400.0, 400.0, 0.0, 0.0, 0.0, 0.0]
    bars = bars_of(closes, opens=closes, high=closes, low=closes, volume=volume)
    costs = Costs(impact=1.0, window=2)
    sigma = np.std([101 / 100 - 1, 100 / 101 - 1], ddof=1)
    for decided, exits, known in (({2: 0.5, 5: 0.0}, (), 5), ({2: 0.5}, TimeStop(3), 6)):
        weights = pd.DataFrame({"A": list(decided.values())}, index=bars.clock[list(decided)])
        done = simulate(weights, bars, costs=costs, exits=exits, initial_cash=1e4)
        assert done.fills["impact"].iloc[1] == pytest.approx(5000 * sigma * np.sqrt(50 / 200), rel=1e-12), known


def test_proportional_costs_are_paid_alike_by_either_way(bars_of: Callable[..., Bars]) -> None:
    bars = bars_of(CLOSES)
    decided = pd.DataFrame({"A": [0.5, -0.5, 0.0]}, index=bars.clock[:3])
    plain = {"commission_bps": 10, "spread_bps": 4, "slippage_bps": 3, "borrow_bps": 50}
    one, two = (
        simulate(decided, bars, costs=Costs(**plain, **more), fill=Fill.NEXT_CLOSE)
        for more in ({}, {"commission_minimum": 1e-9})
    )
    assert "paid" in two.ledger
    assert "paid" not in one.ledger
    np.testing.assert_allclose(two.costs, one.costs, rtol=1e-13)
    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-14)
    pd.testing.assert_frame_equal(two.fills, one.fills, rtol=1e-12)
    pd.testing.assert_frame_equal(two.trades, one.trades, rtol=1e-10)


def test_rates_are_refused_where_they_would_leave_something_out() -> None:
    with pytest.raises(ParameterError, match="costs must be in proportion to notional here"):
        Costs(commission_minimum=1.0).rates(252.0)
    assert Costs(commission_tiers=((10.0, 0.0),), window=5).are_proportional


@pytest.mark.parametrize("tiers", [3.0, (1.0,), ((1.0, 2.0, 3.0),), ((2.0, 1.0), (1.0, 1.0)), ((0.0, -1.0),), "ab"])
def test_bad_tiers_are_refused(tiers: Any) -> None:
    with pytest.raises(ParameterError, match=r"^Costs.commission_tiers must be pairs of a notional and basis points"):
        Costs(commission_tiers=tiers)


@pytest.mark.parametrize(("name", "value"), [("window", 1), ("window", 2.0), ("commission_maximum", -1.0)])
def test_bad_parameters_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^Costs.{name} must be "):
        Costs(**{name: value})
