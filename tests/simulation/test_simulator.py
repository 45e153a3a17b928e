from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from quantml.bars import Bars
from quantml.errors import SimulationError
from quantml.signals.base import Weights
from quantml.simulation import Costs, buy_and_hold, simulate
from quantml.timing import Fill

# ------------------------------------------------------------ buy and hold


@pytest.mark.parametrize("fill", list(Fill))
def test_holding_one_symbol_is_its_price_relative(fill: Fill, bars_of: Callable[..., Bars]) -> None:
    generator = np.random.default_rng(1)
    closes = 30.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, 1000)))
    opens = closes * np.exp(generator.normal(0.0, 0.01, 1000))
    bars = bars_of(closes, opens=opens)
    done = buy_and_hold(bars, fill=fill)
    bought = {Fill.NEXT_OPEN: opens[1], Fill.NEXT_CLOSE: closes[1], Fill.PERIOD: closes[0]}[fill]
    expected = np.where(np.arange(1000) < fill.delay, 1.0, closes / bought)
    assert_allclose(done.equity / 1e6, expected, rtol=1e-12)
    assert len(done.fills) == 1


def test_holding_through_splits_and_dividends(bars_of: Callable[..., Bars]) -> None:
    # One share at 100 becomes 2, then 6: 6 * 25 + 2 * 1.50 + 6 * 0.50
    split, dividend = [1, 2, 1, 3, 1], [0, 0, 1.5, 0, 0.5]
    bars = bars_of([100, 50, 60, 20, 25], split=split, dividend=dividend)
    held = buy_and_hold(bars, fill=Fill.PERIOD, initial_cash=100.0)
    assert held.equity.tolist() == pytest.approx([100.0, 100.0, 123.0, 123.0, 156.0], rel=1e-12)
    splits_only = bars_of([100, 50, 60, 20, 25], split=split)
    total = splits_only.close["A"] / splits_only.close["A"].iloc[0]
    assert_allclose(buy_and_hold(splits_only, fill=Fill.PERIOD).equity / 1e6, total, rtol=1e-12)


def test_what_has_no_bar_at_the_start_is_not_bought() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [10, 10, 20, 20], "B": [5.0] * 4, "C": [np.nan, 1, 9, 9]}, index=clock)
    bars = Bars.from_close(closes, periods_per_year=252)
    first = buy_and_hold(bars, fill=Fill.NEXT_CLOSE, initial_cash=100.0)
    assert first.positions.iloc[-1].tolist() == [5.0, 10.0, 0.0]
    assert first.equity.tolist() == [100.0, 100.0, 150.0, 150.0]
    later = buy_and_hold(bars, fill=Fill.PERIOD, initial_cash=90.0, start="2024-01-02")
    assert later.clock[0] == clock[1]
    assert later.positions.iloc[0].tolist() == [3.0, 6.0, 30.0]
    one = buy_and_hold(bars, fill=Fill.PERIOD, initial_cash=90.0, symbols=["B"])
    assert one.positions.iloc[0].tolist() == [0.0, 18.0, 0.0]


def test_bad_benchmarks_are_refused(bars_of: Callable[..., Bars]) -> None:
    bars = bars_of([1.0, 1.0, 1.0])
    with pytest.raises(SimulationError, match=r"^start must be a time of the bars; got '2023-12-31'"):
        buy_and_hold(bars, start="2023-12-31")
    with pytest.raises(SimulationError, match="symbols of the bars"):
        buy_and_hold(bars, symbols=["Z"])
    with pytest.raises(SimulationError, match="must have a bar"):
        buy_and_hold(bars, symbols=[])
    with pytest.raises(SimulationError, match="must have at least one row"):
        buy_and_hold(bars.until("2020-01-01"))


# ----------------------------------------------------------------- reading


@pytest.fixture
def bars() -> Bars:
    clock = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    return Bars.from_close(pd.DataFrame({"AAPL": [10.0] * 3, "IBM": [10.0] * 3}, index=clock), periods_per_year=252)


@pytest.fixture
def weights(bars: Bars) -> pd.DataFrame:
    return pd.DataFrame({"AAPL": [0.5, np.nan, 0.5], "IBM": [0.5, np.nan, 0.0]}, index=bars.clock)


def test_the_default_fill_follows_the_bars(bars_of: Callable[..., Bars], weights_on: Callable[..., Any]) -> None:
    with_opens, without = bars_of([1.0, 1.0], opens=[1.0, 1.0]), bars_of([1.0, 1.0])
    assert simulate(weights_on(without, {0: 1.0}), without).fill is Fill.NEXT_CLOSE
    assert simulate(weights_on(with_opens, {0: 1.0}), with_opens).fill is Fill.NEXT_OPEN
    with pytest.raises(
        SimulationError, match=r"^bars must have opens for Fill.NEXT_OPEN; got 'close'\. Use Fill.NEXT_C"
    ):
        simulate(weights_on(without, {0: 1.0}), without, fill=Fill.NEXT_OPEN)
    with pytest.raises(SimulationError, match="fill must be a Fill"):
        simulate(weights_on(without, {0: 1.0}), without, fill="open")  # type: ignore[arg-type]


def test_weights_objects_and_frames_are_alike(bars: Bars, weights: pd.DataFrame) -> None:
    wrapped = Weights(bars.clock, bars.symbols, weights.to_numpy(copy=True))
    assert_array_equal(simulate(wrapped, bars).equity, simulate(weights, bars).equity)


def test_absent_symbols_weigh_nothing_and_absent_rows_decide_nothing(bars: Bars, weights: pd.DataFrame) -> None:
    one = simulate(weights[["IBM"]].iloc[[0, 2]], bars, fill=Fill.PERIOD)
    whole = simulate(weights.assign(AAPL=[0.0, np.nan, 0.0]), bars, fill=Fill.PERIOD)
    assert_array_equal(one.positions, whole.positions)
    assert one.positions["IBM"].tolist() == [50_000.0, 50_000.0, 0.0]


def test_the_clock_starts_with_the_first_decision(bars: Bars, weights: pd.DataFrame) -> None:
    assert simulate(weights.iloc[1:], bars).clock.tolist() == [bars.clock[2]]


def test_bars_and_costs_are_what_they_are(bars: Bars, weights: pd.DataFrame) -> None:
    with pytest.raises(SimulationError, match=r"^costs must be Costs; got None"):
        simulate(weights, bars, costs=None)  # type: ignore[arg-type]
    with pytest.raises(SimulationError, match=r"^bars must be Bars; got 'bars'"):
        simulate(weights, "bars")  # type: ignore[arg-type]


def test_the_callers_weights_stay_theirs(bars: Bars, weights: pd.DataFrame) -> None:
    before = weights.copy()
    simulate(weights, bars)
    pd.testing.assert_frame_equal(weights, before)
    weights.iloc[0, 0] = 0.1


BAD_WEIGHTS: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "array": (lambda w: w.to_numpy(), r"weights must be a DataFrame, or have one as \.frame; got 'ndarray'"),
    "unknown": (lambda w: w.rename(columns={"IBM": "IBN"}), r"got \['IBN'\]\. Did you mean 'IBM'\?"),
    "symbol twice": (lambda w: w[["IBM", "IBM"]], r"symbols of weights must be unique; got \['IBM'\]"),
    "other clock": (lambda w: w.set_axis(w.index + pd.Timedelta(days=1)), r"be times of the bars; got '2024-01-05'"),
    "no clock": (lambda w: w.reset_index(drop=True), "must be a DatetimeIndex; got 'RangeIndex'"),
    "unsorted": (lambda w: w.iloc[::-1], "times of weights must be unique and increase"),
    "time twice": (lambda w: w.iloc[[0, 0]], "times of weights must be unique and increase"),
    "time zone": (lambda w: w.tz_localize("UTC"), "must have the bars' time zone, None; got 'UTC'"),
    "infinite": (lambda w: w.replace(0.0, np.inf), r"a weight must be finite; got inf \(IBM, 2024-01-04\)"),
    "words": (lambda w: w.astype("object").replace(0.5, "half"), "weights must be numbers"),
    "nothing": (lambda w: w * np.nan, "weights must hold at least one decision; got '3 rows without any'"),
    "no rows": (lambda w: w.iloc[:0], "weights must hold at least one decision"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_refused(case: str, bars: Bars, weights: pd.DataFrame) -> None:
    spoil, text = BAD_WEIGHTS[case]
    with pytest.raises(SimulationError, match=text):
        simulate(spoil(weights), bars)


@pytest.mark.parametrize("fill", [Fill.NEXT_CLOSE, Fill.PERIOD])
def test_a_held_symbol_needs_a_weight(fill: Fill, bars: Bars, weights: pd.DataFrame) -> None:
    weights.iloc[2, 0] = np.nan
    text = r"^the weight of a symbol that is held must be given; got nan \(AAPL, 2024-01-04\)\. Give it a number"
    with pytest.raises(SimulationError, match=text):
        simulate(weights, bars, fill=fill)


def test_an_order_that_waits_needs_a_weight() -> None:
    clock = pd.bdate_range("2024-01-01", periods=3)
    ragged = Bars.from_close(pd.DataFrame({"A": [1.0] * 3, "B": [1.0, np.nan, 1.0]}, index=clock), periods_per_year=252)
    weights = pd.DataFrame({"A": [0.0, 0.0], "B": [0.5, np.nan]}, index=clock[:2])
    with pytest.raises(SimulationError, match=r"\(B, 2024-01-02\)"):
        simulate(weights, ragged)
    assert len(simulate(weights.assign(B=[0.0, np.nan]), ragged).fills) == 0


@pytest.mark.parametrize("cash", [0.0, -1.0, np.nan, np.inf, "1e6", True])
def test_capital_is_positive(cash: Any, bars: Bars, weights: pd.DataFrame) -> None:
    with pytest.raises(SimulationError, match=r"^initial_cash must be a positive finite number; got "):
        simulate(weights, bars, initial_cash=cash)


@pytest.mark.parametrize("after", [0, -1, 1.5, True])
def test_delisting_takes_a_row_at_least(after: Any, bars: Bars, weights: pd.DataFrame) -> None:
    with pytest.raises(SimulationError, match=r"^delist_after must be a whole number of at least 1; got "):
        simulate(weights, bars, delist_after=after)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_twice_is_the_same_bits(seed: int, world_of: Callable[..., Any]) -> None:
    world = world_of(seed)
    one, two = (simulate(world.weights, world.bars, costs=Costs(commission_bps=1)).ledger for _ in range(2))
    for name, values in one.items():
        assert_array_equal(values, two[name])
