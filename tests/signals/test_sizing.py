"""Volatility targeting against hand calculations and pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.signals import Context, Sign, VolatilityTarget, Weights, apply_steps
from quantml.signals.base import Step

NAN = float("nan")


def fixed(*rows: list[float]) -> Step:
    """Make a step that decides on these rows."""

    def decide(inputs: Any, context: Context) -> Weights:
        return context.weights(np.array(rows, dtype=float))

    return decide


def test_one_symbol_by_hand(panel: Any) -> None:
    bars = panel(periods_per_year=4, A=[100, 110, 99, 118.8])
    # returns 0.1, -0.1, 0.2: over two rows their standard deviations are 0.2 and 0.3 over the root of two, and twice
    # that a year; the weight -0.5 on the last row halves it
    annual = 0.1 * np.sqrt(2)
    made = apply_steps([fixed([1], [1], [1], [-0.5]), VolatilityTarget(annual, window=2)], Context(bars))
    np.testing.assert_allclose(made.values[:, 0], [0, 0, 0.5, -1 / 3], rtol=1e-12)


def test_the_weights_of_the_row_are_measured_together(panel: Any) -> None:
    bars = panel(periods_per_year=1, A=[100, 110, 99], B=[100, 90, 99])
    # A returned 0.1 and -0.1, B -0.1 and 0.1: held alike they cancel, held apart they double
    long = apply_steps([fixed([1, 1], [1, 1], [0.5, 0.25]), VolatilityTarget(0.05, window=2)], Context(bars))
    np.testing.assert_allclose(long.values[2], np.array([0.5, 0.25]) * 0.05 / (0.25 * 0.2 / np.sqrt(2)), rtol=1e-12)
    apart = apply_steps([fixed([0, 0], [0, 0], [0.5, -0.5]), VolatilityTarget(0.05, window=2)], Context(bars))
    np.testing.assert_allclose(apart.values[2], np.array([0.5, -0.5]) * 0.05 / (0.2 / np.sqrt(2)), rtol=1e-12)


def test_gross_exposure_is_bounded(panel: Any) -> None:
    bars = panel(A=[100, 100, 100], B=[100, 100, 101])
    step = VolatilityTarget(0.5, window=2, max_gross=1.5)
    made = apply_steps([fixed([0, 0], [0, 0], [0.5, -0.25]), step], Context(bars))
    np.testing.assert_allclose(made.values[2], [1.0, -0.5], rtol=1e-15)
    still = apply_steps([fixed([0, 0], [0, 0], [0.5, 0]), step], Context(bars))
    np.testing.assert_array_equal(still.values[2], [1.5, 0])  # A has not moved at all


def test_a_row_on_which_a_symbol_pauses_earned_nothing(panel: Any) -> None:
    bars = panel(periods_per_year=1, A=[100, 110, NAN, 99], B=[1, 1, 1, 1])
    made = apply_steps([fixed(*[[1.0, 0.0]] * 4), VolatilityTarget(0.05, window=2)], Context(bars))
    # rows 1 and 2: 0.1 and 0; rows 2 and 3: 0 and -0.1
    np.testing.assert_allclose(made.values[:, 0], [0, 0, np.sqrt(0.5), np.sqrt(0.5)], rtol=1e-12)


def test_a_symbol_that_is_too_young_to_measure_is_flat(panel: Any) -> None:
    bars = panel(periods_per_year=1, A=[100, 110, 99, 108.9, 98.01], B=[NAN, NAN, 50, 50, 50])
    made = apply_steps([fixed(*[[0.5, 0.5]] * 5), VolatilityTarget(0.05, window=2)], Context(bars))
    weight = 0.05 * np.sqrt(2) / 0.2
    np.testing.assert_allclose(made.values, [[0, 0], [0, 0], [weight, 0], [weight, 0], [weight, weight]], rtol=1e-12)


def test_no_decision_stays_no_decision(panel: Any) -> None:
    bars = panel(A=[100, 110, 99, 100], B=[100, 110, 99, 100])
    made = apply_steps([fixed([1, 0], [NAN, NAN], [NAN, NAN], [NAN, 0.1]), VolatilityTarget(0.1, 2)], Context(bars))
    np.testing.assert_array_equal(np.isnan(made.values), [[False] * 2, [True] * 2, [True] * 2, [True, False]])
    assert made.values[3, 1] > 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**5), window=st.integers(2, 12), annual=st.floats(0.01, 1.0))
def test_the_measured_volatility_is_the_target_or_gross_is_at_its_bound(seed: int, window: int, annual: float) -> None:
    generator = np.random.default_rng(seed)
    clock = pd.bdate_range("2024-01-01", periods=30)
    closes = pd.DataFrame(100 * np.exp(np.cumsum(generator.normal(0, 0.02, (30, 3)), axis=0)), clock, list("ABC"))
    bars = Bars.from_close(closes, periods_per_year=252)
    rows = generator.normal(size=(30, 3))
    made = apply_steps([fixed(*rows), VolatilityTarget(annual, window, max_gross=1.5)], Context(bars)).values
    returns = closes.pct_change()
    assert not made[:window].any()
    for row in range(window, 30):
        volatility = (returns.iloc[row - window + 1 : row + 1] @ made[row]).std(ddof=1) * np.sqrt(252)
        gross = np.abs(made[row]).sum()
        assert gross == pytest.approx(1.5, rel=1e-9) or volatility == pytest.approx(annual, rel=1e-9)
        assert gross <= 1.5 * (1 + 1e-12)
        assert volatility <= annual * (1 + 1e-9)
        np.testing.assert_allclose(made[row] / gross, rows[row] / np.abs(rows[row]).sum(), rtol=1e-9)


def test_it_follows_a_rule(panel: Any, forecast: Any) -> None:
    bars = panel(periods_per_year=1, A=[100, 110, 99])
    context = Context(bars, forecast=forecast(bars, [[1], [1], [-1]]))
    made = apply_steps([Sign(), VolatilityTarget(0.1 / np.sqrt(2), window=2)], context)
    np.testing.assert_allclose(made.values[:, 0], [0, 0, -0.5], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: VolatilityTarget(0.0), "VolatilityTarget.annual must be a finite number above 0; got 0.0."),
        (lambda: VolatilityTarget(NAN), "VolatilityTarget.annual must be a finite number above 0; got nan."),
        (lambda: VolatilityTarget(0.1, window=1),
         "VolatilityTarget.window must be a whole number of rows, at least 2; got 1."),
        (lambda: VolatilityTarget(0.1, max_gross=-1), "VolatilityTarget.max_gross must be a finite number above 0; "
                                                      "got -1."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
