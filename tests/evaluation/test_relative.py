"""Measures against a benchmark, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.evaluation import metrics

BENCHMARK = np.array([0.01, -0.01, 0.03])
DOUBLE = 2 * BENCHMARK + 0.001  # beta 2, alpha 0.001 a period
RETURNS = arrays(np.float64, 12, elements=st.integers(-30, 30).map(lambda x: x / 100))


def test_alpha_and_beta_of_a_levered_benchmark():
    assert metrics.beta(DOUBLE, benchmark=BENCHMARK) == pytest.approx(2.0, abs=1e-12)
    assert metrics.alpha(DOUBLE, benchmark=BENCHMARK, periods_per_year=12) == pytest.approx(0.012, abs=1e-12)


def test_alpha_takes_cash_off_both_sides():
    expected = 12 * (0.001 + 0.005)  # 2 b + 0.001 - c = alpha + 2 (b - c)
    value = metrics.alpha(DOUBLE, benchmark=BENCHMARK, periods_per_year=12, risk_free=0.005)
    assert value == pytest.approx(expected, abs=1e-12)


def test_tracking_error_and_information_ratio():
    # the difference, benchmark + 0.001, has mean 0.011 and standard deviation 0.02
    assert metrics.tracking_error(DOUBLE, benchmark=BENCHMARK, periods_per_year=4) == pytest.approx(0.04, abs=1e-14)
    assert metrics.information_ratio(DOUBLE, benchmark=BENCHMARK, periods_per_year=4) == pytest.approx(1.1, abs=1e-12)


def test_excess_return_is_the_difference_of_annual_returns():
    value = metrics.excess_return([0.1, 0.1], benchmark=[0.0, 0.21], periods_per_year=2)
    assert value == pytest.approx(0.0, abs=1e-15)  # 1.1 * 1.1 = 1.21


def test_captures_compound_the_months_of_their_kind():
    returns, benchmark = [0.10, -0.02, 0.05], [0.20, -0.04, 0.00]
    assert metrics.up_capture(returns, benchmark=benchmark, periods_per_year=1) == pytest.approx(0.5, abs=1e-14)
    assert metrics.down_capture(returns, benchmark=benchmark, periods_per_year=1) == pytest.approx(0.5, abs=1e-14)
    assert metrics.capture_ratio(returns, benchmark=benchmark, periods_per_year=1) == pytest.approx(1.0, abs=1e-13)


def test_a_flat_benchmark_explains_nothing():
    flat = [0.0, 0.0, 0.0]
    assert math.isnan(metrics.beta(DOUBLE, benchmark=flat))
    assert math.isnan(metrics.alpha(DOUBLE, benchmark=flat, periods_per_year=12))
    assert math.isnan(metrics.up_capture(DOUBLE, benchmark=flat, periods_per_year=12))
    assert math.isnan(metrics.down_capture(DOUBLE, benchmark=flat, periods_per_year=12))


def test_the_benchmark_itself_has_no_information_ratio():
    assert metrics.tracking_error(BENCHMARK, benchmark=BENCHMARK, periods_per_year=12) == 0.0
    assert math.isnan(metrics.information_ratio(BENCHMARK, benchmark=BENCHMARK, periods_per_year=12))


@given(RETURNS, RETURNS)
@settings(max_examples=40)
def test_beta_and_alpha_leave_residuals_that_the_benchmark_does_not_explain(returns, benchmark):
    slope = metrics.beta(returns, benchmark=benchmark)
    if math.isnan(slope):
        return
    residuals = returns - slope * benchmark - metrics.alpha(returns, benchmark=benchmark, periods_per_year=1)
    assert residuals.sum() == pytest.approx(0.0, abs=1e-9)
    assert residuals @ benchmark == pytest.approx(0.0, abs=1e-9)
