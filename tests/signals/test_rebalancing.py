"""Rebalancing by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from quantml.errors import ParameterError, SignalError
from quantml.signals import Context, CostAwareRebalance, NoTradeBand, TurnoverCap, apply_steps
from quantml.signals.rebalancing import _soft
from quantml.simulation.costs import Costs
from quantml.universe import Membership
from tests.signals.test_sizing import fixed

NAN = float("nan")


def test_a_band_by_hand(panel: Any) -> None:
    bars = panel(A=[1.0] * 6)
    rows = fixed([0.5], [0.52], [NAN], [0.56], [0.01], [0.0])
    edge = apply_steps([rows, NoTradeBand(0.05)], Context(bars)).values[:, 0]
    np.testing.assert_allclose(edge, [0.45, 0.47, NAN, 0.51, 0.06, 0.0], rtol=1e-12)
    target = apply_steps([rows, NoTradeBand(0.05, to_edge=False)], Context(bars)).values[:, 0]
    np.testing.assert_allclose(target, [0.5, NAN, NAN, 0.56, 0.01, 0.0], rtol=1e-12)


def test_weights_drift_before_they_are_compared(panel: Any) -> None:
    # 0.5 and 0.25 after A has doubled are 1 and 0.25 of 1.5; only A is outside of its band
    bars = panel(A=[1, 2, 2], B=[1, 1, 1])
    rows = fixed([0.5, 0.25], [0.5, 0.25], [0.5, 0.25])
    made = apply_steps([rows, NoTradeBand(0.1, to_edge=False)], Context(bars)).values
    np.testing.assert_allclose(made, [[0.5, 0.25], [0.5, 1 / 6], [NAN, NAN]], rtol=1e-12)


def test_a_cap_on_turnover_by_hand(panel: Any) -> None:
    bars = panel(A=[1.0] * 6, B=[1.0] * 6)
    rows = fixed([0.6, -0.4], [0.6, -0.4], [0.6, -0.4], [NAN, NAN], [0.0, -0.5], [0.2, NAN])
    made = apply_steps([rows, TurnoverCap(0.5)], Context(bars)).values
    expected = [[0.3, -0.2], [0.6, -0.4], [NAN, NAN], [NAN, NAN], [0.0, -0.4], [0.1 / 0.2 * 0.2, NAN]]
    np.testing.assert_allclose(made[:5], expected[:5], rtol=1e-12)
    np.testing.assert_allclose(made[5], [0.1, NAN], rtol=1e-12)  # 0.4 goes for what becomes NaN, 0.1 is left


def test_what_leaves_the_universe_is_sold(panel: Any) -> None:
    bars = panel(A=[1.0] * 3, B=[1.0] * 3)
    spells = [("A", bars.clock[0], pd.NaT), ("B", bars.clock[0], bars.clock[1])]
    bars = bars.with_membership(Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"])))
    targets = [[0.5, 0.5], [0.5, 0.5], [0.51, 0.5]]

    def none_left_out(inputs: Any, context: Context) -> Any:
        return context.weights(np.array(targets))

    # a function of one's own may target what is no member: the books see that it is sold
    banded = NoTradeBand(0.1, to_edge=False)(none_left_out(None, Context(bars)), Context(bars)).values
    np.testing.assert_array_equal(banded, [[0.5, 0.5], [0.5, 0.0], [NAN, NAN]])
    capped = TurnoverCap(1.0)(none_left_out(None, Context(bars)), Context(bars)).values
    np.testing.assert_array_equal(capped, [[0.5, 0.5], [0.5, 0.0], [0.51, 0.0]])


def test_costs_make_a_band_by_hand(panel: Any) -> None:
    # half a spread of 20 basis points over a variance of 0.04 is 0.025
    bars = panel(A=[1.0] * 6)
    step = CostAwareRebalance(1.0, horizon=1, window=2, covariance=lambda returns: np.array([[0.04]]))
    rows = fixed([0.1], [0.2], [0.5], [0.49], [NAN], [0.0])
    made = apply_steps([rows, step], Context(bars, costs=Costs(spread_bps=20))).values[:, 0]
    # the first two rows cannot be measured and follow their targets
    np.testing.assert_allclose(made, [0.1, 0.2, 0.475, NAN, NAN, 0.0], rtol=1e-12)
    patient = CostAwareRebalance(2.0, horizon=5, window=2, covariance=lambda returns: np.array([[0.04]]))
    made = apply_steps([rows, patient], Context(bars, costs=Costs(spread_bps=20))).values[:, 0]
    np.testing.assert_allclose(made[2:4], [0.4975, 0.4925], rtol=1e-12)


def test_without_costs_the_target_is_followed(panel: Any) -> None:
    bars = panel(A=[1, 2, 1, 2, 3], B=[1, 1.1, 1.3, 1.2, 1.1])
    step = CostAwareRebalance(1.0, window=3)
    rows = [[0.5, 0.1], [0.5, 0.2], [0.4, 0.2], [0.3, 0.3], [0.2, -0.3]]
    made = apply_steps([fixed(*rows), step], Context(bars, costs=Costs())).values
    np.testing.assert_allclose(made, rows, rtol=1e-12)
    with pytest.raises(SignalError) as caught:
        apply_steps([fixed(*rows), step], Context(bars))
    assert str(caught.value) == (
        "CostAwareRebalance must know what trading costs; got 'no costs'. Give the study costs=Costs(...)."
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**5), n=st.integers(1, 4))
def test_the_best_trade_is_scipys(seed: int, n: int) -> None:
    g = np.random.default_rng(seed)
    root = g.normal(size=(n + 2, n))
    square, target, held, cost = root.T @ root, g.normal(size=n), g.normal(size=n), float(g.uniform(0, 2))

    def loss(x: Any) -> float:
        return float((x - target) @ square @ (x - target) / 2 + cost * np.abs(x - held).sum())

    def parted(xy: Any) -> float:  # bought less sold, which is smooth
        return loss_smooth(held + xy[:n] - xy[n:]) + cost * float(xy.sum())

    def loss_smooth(x: Any) -> float:
        return float((x - target) @ square @ (x - target) / 2)

    best = minimize(parted, np.zeros(2 * n), bounds=[(0, None)] * 2 * n, options={"ftol": 1e-14, "gtol": 1e-10})
    found = _soft(square, target, held, cost)
    assert loss(found) <= loss(held + best.x[:n] - best.x[n:]) + 1e-9


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.floats(-2, 2), min_size=3, max_size=3), min_size=2, max_size=6),
       limit=st.floats(0.01, 3.0))  # fmt: skip
def test_turnover_stays_below_its_cap(panel: Any, rows: list[list[float]], limit: float) -> None:
    rows = [[weight or 0.5 for weight in row] for row in rows]  # exits are not capped
    bars = panel(**{name: [1.0] * len(rows) for name in "ABC"})
    made = apply_steps([fixed(*rows), TurnoverCap(limit)], Context(bars)).values
    held = np.zeros(3)
    for row, target in zip(made, rows):
        after = held if np.isnan(row).all() else row
        assert np.abs(after - held).sum() <= limit * (1 + 1e-9)
        moved, whole = np.abs(after - held).sum(), np.abs(np.array(target) - held).sum()
        assert moved >= min(limit, whole) * (1 - 1e-9)
        held = after


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: NoTradeBand(-0.1), "NoTradeBand.width must be a finite number of at least 0; got -0.1."),
        (lambda: TurnoverCap(0.0), "TurnoverCap.limit must be a finite number above 0; got 0.0."),
        (lambda: CostAwareRebalance(0.0), "CostAwareRebalance.risk_aversion must be a finite number above 0; got 0.0."),
        (lambda: CostAwareRebalance(1.0, horizon=0),
         "CostAwareRebalance.horizon must be a whole number of at least 1; got 0."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
