"""Hysteresis by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.signals import Context, Hysteresis, Sign, apply_steps
from quantml.signals.hysteresis import held_sides

NAN = float("nan")


def test_by_hand(panel: Any, forecast: Any) -> None:
    levels = [0.5, 2.5, 1.0, 0.5, 2.5, -0.1, -2.5, -0.7, -0.5, 3.0, -3.0, NAN, -1.0]
    expected = [0, 1, 1, 0, 1, 0, -1, -1, 0, 1, -1, 0, 0]
    bars = panel(A=[1.0] * len(levels))
    context = Context(bars, forecast=forecast(bars, [[level] for level in levels]))
    made = apply_steps([Hysteresis(2.0, 0.5)], context).values[:, 0]
    assert made.tolist() == expected
    long_only = apply_steps([Hysteresis(2.0, 0.5, short=False)], context).values[:, 0]
    assert long_only.tolist() == [max(side, 0) for side in expected]


def test_a_position_may_be_held_against_a_weak_forecast(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1.0] * 5)
    context = Context(bars, forecast=forecast(bars, [[2.0], [-0.4], [-0.5], [-2.0], [0.4]]))
    assert apply_steps([Hysteresis(1.0, -0.5)], context).values[:, 0].tolist() == [1, 1, 0, -1, -1]


def test_exposure_is_divided_and_a_pause_ends_a_position(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1, 1, 1, 1], B=[1, NAN, 1, 1])
    context = Context(bars, forecast=forecast(bars, [[2, -2], [1, 1], [1, -1], [1, -2]]))
    made = apply_steps([Hysteresis(1.5)], context).values
    assert made.tolist() == [[0.5, -0.5], [1, 0], [0.5, 0], [0.5, -0.5]]


def test_a_stopped_side_waits_until_the_level_is_back() -> None:
    levels = np.array([[2.5], [4.0], [3.0], [2.5], [0.4], [2.5], [-4.0], [-2.5], [0.0], [-2.5]])
    assert held_sides(levels, 2.0, 0.5, 4.0)[:, 0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, -1]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**5), level=st.sampled_from([0.0, 0.002, 0.01]))
def test_without_a_gap_it_is_the_sign(world: Any, seed: int, level: float) -> None:
    context = world(seed)
    np.testing.assert_array_equal(
        apply_steps([Hysteresis(level, level)], context).values, apply_steps([Sign(level)], context).values
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Hysteresis(-1.0), "Hysteresis.enter must be a finite number of at least 0; got -1.0."),
        (lambda: Hysteresis(1.0, 1.5), "Hysteresis.leave must be a number from -1.0 to enter, 1.0; got 1.5."),
    ],
)
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
