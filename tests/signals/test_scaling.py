"""Scaling by hand."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.signals import BenchmarkRelative, Context, Exposure, apply_steps
from tests.signals.test_sizing import fixed

NAN = float("nan")


def test_exposure_by_hand(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    bars = panel(A=[1.0] * 5, B=[1.0] * 5)
    rows = fixed([2.0, -1.0], [-0.3, 0.1], [0.5, -0.5], [NAN, NAN], [0.0, 0.0])
    gross = apply_steps([rows, Exposure(gross=1.0)], Context(bars)).values
    np.testing.assert_allclose(gross, [[2 / 3, -1 / 3], [-0.75, 0.25], [0.5, -0.5], [NAN, NAN], [0, 0]], rtol=1e-12)
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING, "quantml"):
        net = apply_steps([rows, Exposure(net=1.0)], Context(bars)).values
    np.testing.assert_allclose(net, [[2, -1], [-1.5, 0.5], [0, 0], [NAN, NAN], [0, 0]], rtol=1e-12)
    assert caplog.messages == ["Exposure decides flat on 1 of 4 rows: 1 with longs and shorts that cancel."]


def test_bets_against_an_equal_benchmark_by_hand(panel: Any) -> None:
    bars = panel(A=[1.0] * 4, B=[1.0] * 4)
    rows = fixed([0.2, 0.0], [1.4, 0.0], [NAN, NAN], [0.0, 0.0])
    made = apply_steps([rows, BenchmarkRelative()], Context(bars)).values
    np.testing.assert_allclose(made, [[0.6, 0.4], [1, 0], [NAN, NAN], [0.5, 0.5]], rtol=1e-12)
    free = apply_steps([rows, BenchmarkRelative(long_only=False)], Context(bars)).values
    np.testing.assert_allclose(free, [[0.6, 0.4], [1.2, -0.2], [NAN, NAN], [0.5, 0.5]], rtol=1e-12)


def test_bets_against_a_weighted_benchmark_by_hand(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    # the benchmark is 0.25, 0.75 and nothing of C; C's short is left out where nothing may be short
    bars = panel(A=[1, 1], B=[3, NAN], C=[1, 1])
    step = BenchmarkRelative(lambda bars: bars.close * [1.0, 1.0, 0.0] + [-0.0, 0.0, -1.0])
    rows = fixed([0.1, 0.0, -0.2], [0.1, 0.0, 0.0])
    made = apply_steps([rows, step], Context(bars)).values
    np.testing.assert_allclose(made, [[0.325, 0.675, 0], [1, 0, 0]], rtol=1e-12)
    nothing = BenchmarkRelative(lambda bars: bars.close * -1.0)
    with caplog.at_level(logging.WARNING, "quantml"):
        assert not apply_steps([rows, nothing], Context(bars)).values.any()
    assert caplog.messages == ["BenchmarkRelative decides flat on 2 of 2 rows: 2 with no symbol in the benchmark."]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bets=st.lists(st.floats(-3, 3), min_size=3, max_size=3), long_only=st.booleans())
@example(bets=[0.0, 0.0, 2.3e-309], long_only=True)
def test_benchmark_and_bets_add_up_to_one(panel: Any, bets: list[float], long_only: bool) -> None:
    bars = panel(A=[1], B=[2], C=[5])
    step = BenchmarkRelative(lambda bars: bars.close, long_only=long_only)
    made = apply_steps([fixed(bets), step], Context(bars)).values
    assert made.sum() == pytest.approx(1.0, abs=1e-12)
    assert made.min() >= 0.0 or not long_only


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Exposure(), "Exposure must have either gross or net; got (None, None)."),
        (lambda: Exposure(1.0, 1.0), "Exposure must have either gross or net; got (1.0, 1.0)."),
        (lambda: Exposure(net=-1.0), "Exposure.net must be a finite number above 0; got -1.0."),
        (lambda: BenchmarkRelative("SPY"),  # type: ignore[arg-type]
         "BenchmarkRelative.benchmark must be a feature, f(bars) -> frame; got 'SPY'."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
