from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from quantml.bars import Bars
from quantml.simulation import Costs, Simulation, simulate
from quantml.simulation.costs import KINDS
from quantml.timing import Fill


@pytest.fixture
def done() -> Simulation:
    """Half long A and half short B at 10, then A doubles; then twice long A alone."""
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [10.0, 20.0, 20.0, 20.0], "B": [10.0] * 4}, index=clock)
    weights = pd.DataFrame({"A": [0.5, 2.0], "B": [-0.5, 0.0]}, index=clock[[0, 2]])
    bars = Bars.from_close(closes, periods_per_year=252)
    return simulate(weights, bars, costs=Costs(commission_bps=100), fill=Fill.PERIOD, initial_cash=1000.0)


def test_returns_start_from_the_initial_cash(done: Simulation) -> None:
    # 10 paid for 1000 of notional; then 50 units of A earn 500
    assert done.equity.iloc[:2].tolist() == pytest.approx([990.0, 1490.0])
    assert done.returns.iloc[:2].tolist() == pytest.approx([-0.01, 500.0 / 990.0])
    assert (1.0 + done.returns).prod() * 1000.0 == pytest.approx(done.equity.iloc[-1])


def test_exposure_and_turnover(done: Simulation) -> None:
    assert done.exposure.iloc[:2].tolist() == pytest.approx([1000.0 / 990.0, 1500.0 / 1490.0])
    assert done.net_exposure.iloc[:2].tolist() == pytest.approx([0.0, 500.0 / 1490.0])
    # To 2 * 1490 in A from 1000, and to nothing in B from -500
    assert done.turnover.tolist() == pytest.approx([1.0, 0.0, (1980.0 + 500.0) / 1490.0, 0.0])


def test_frames(done: Simulation) -> None:
    assert list(done.costs.columns) == list(KINDS)
    assert done.costs["commission"].tolist() == pytest.approx([10.0, 0.0, 24.8, 0.0])
    fills = done.fills
    assert list(fills.columns) == [
        "time", "decided", "symbol", "units", "price", "notional", "commission", "spread", "slippage", "impact",
        "kind",
    ]  # fmt: skip
    assert fills["symbol"].tolist() == ["A", "B", "A", "B"]
    assert fills["time"].tolist() == fills["decided"].tolist() == done.clock[[0, 0, 2, 2]].tolist()
    assert fills["units"].tolist() == pytest.approx([50.0, -50.0, 99.0, 50.0])
    assert fills["notional"].tolist() == pytest.approx([500.0, 500.0, 1980.0, 500.0])
    assert fills["commission"].tolist() == pytest.approx([5.0, 5.0, 19.8, 5.0])
    assert repr(done) == "Simulation(4 bars, 2024-01-01 to 2024-01-04, 4 fills, 1000 to 1465.2)"


def test_what_is_handed_out_is_the_callers_own(done: Simulation) -> None:
    for name in ("equity", "cash", "dividends", "positions", "marks", "costs"):
        handed, before = getattr(done, name), getattr(done, name)
        handed.iloc[:] = -1.0
        assert_array_equal(getattr(done, name), before)
    for name in ("fills", "trades"):
        handed, before = getattr(done, name), getattr(done, name)
        handed["units"] = -1.0
        pd.testing.assert_frame_equal(getattr(done, name), before)


def test_arrays_are_read_only_before_and_after_a_pickle(done: Simulation) -> None:
    assert len(done.trades) == 2  # fills the cache, which must survive as well
    back = pickle.loads(pickle.dumps(done))
    for one in (done, back):
        for values in (one.rates, *one.ledger.values()):
            assert not values.flags.writeable
    assert_array_equal(back.equity, done.equity)
    pd.testing.assert_frame_equal(back.trades, done.trades)


def test_raw_prices_are_traded(bars_of: Callable[..., Bars], weights_on: Callable[..., pd.DataFrame]) -> None:
    bars = bars_of([100.0, 49.0, 49.0], split=[1, 2, 1], dividend=[0, 1, 0])
    done = simulate(weights_on(bars, {1: 1.0}), bars, fill=Fill.NEXT_CLOSE, initial_cash=49.0)
    assert done.fills["price"].tolist() == [49.0]
    assert done.marks["A"].tolist() == [49.0, 49.0]
    assert not np.isclose(bars.close["A"].iloc[-1], 49.0)  # 49 * 2 / (1 - 0.02) = 100
