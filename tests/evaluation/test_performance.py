"""Growth, risk and their ratios, on four returns worked by hand, and their invariants."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.evaluation import metrics

FOUR = [0.10, -0.20, 0.05, 0.15]  # mean 0.025, sum of squared deviations 0.0725
RETURNS = arrays(np.float64, st.integers(2, 40), elements=st.floats(-0.5, 0.5).map(lambda x: round(x, 6)))


def test_total_return_compounds():
    assert metrics.total_return(FOUR) == pytest.approx(1.1 * 0.8 * 1.05 * 1.15 - 1, abs=1e-15)


def test_annual_return_over_two_years():
    assert metrics.annual_return(FOUR, periods_per_year=2) == pytest.approx(1.0626**0.5 - 1, abs=1e-15)


def test_annual_mean_return_does_not_compound():
    assert metrics.annual_mean_return(FOUR, periods_per_year=12) == pytest.approx(0.3, abs=1e-15)


def test_annual_volatility_has_one_degree_less():
    assert metrics.annual_volatility(FOUR, periods_per_year=12) == pytest.approx((12 * 0.0725 / 3) ** 0.5, abs=1e-15)


def test_sharpe_ratio():
    assert metrics.sharpe_ratio(FOUR, periods_per_year=1) == pytest.approx(0.025 / (0.0725 / 3) ** 0.5, abs=1e-15)


def test_sharpe_ratio_of_the_excess_over_cash():
    expected = (0.025 - 0.01) / (0.0725 / 3) ** 0.5
    assert metrics.sharpe_ratio(FOUR, periods_per_year=1, risk_free=0.01) == pytest.approx(expected, abs=1e-15)
    assert metrics.sharpe_ratio(FOUR, periods_per_year=1, risk_free=[0.01] * 4) == pytest.approx(expected, abs=1e-15)


def test_downside_deviation_counts_every_period():
    assert metrics.downside_deviation(FOUR, periods_per_year=1) == pytest.approx(0.1, abs=1e-15)  # sqrt(0.04 / 4)


def test_sortino_ratio():
    assert metrics.sortino_ratio(FOUR, periods_per_year=4) == pytest.approx(0.025 / 0.1 * 2, abs=1e-15)


def test_omega_ratio():
    assert metrics.omega_ratio(FOUR) == pytest.approx(1.5, abs=1e-14)  # 0.30 / 0.20
    assert metrics.omega_ratio(FOUR, required_return=0.10) == pytest.approx(0.05 / 0.35, abs=1e-14)


def test_kelly_fraction():
    assert metrics.kelly_fraction(FOUR) == pytest.approx(30 / 29, abs=1e-13)  # 0.025 / (0.0725 / 3)


def test_certainty_equivalent_return():
    value = metrics.certainty_equivalent_return(FOUR, periods_per_year=1, risk_aversion=3)
    assert value == pytest.approx(0.025 - 1.5 * 0.0725 / 3, abs=1e-15)


def test_stability_of_a_straight_line_is_one():
    assert metrics.stability([0.02] * 10) == pytest.approx(1.0, abs=1e-12)


def test_stability_of_a_zigzag():
    up, down = math.e - 1, 1 / math.e - 1  # log path 1, 0, 1, 0: slope -0.2, R squared 0.2
    assert metrics.stability([up, down, up, down]) == pytest.approx(0.2, abs=1e-12)


def test_a_lost_account():
    assert metrics.total_return([0.1, -1.0, 0.0]) == -1.0
    assert metrics.annual_return([0.1, -1.0, 0.0], periods_per_year=252) == -1.0
    assert math.isnan(metrics.stability([0.1, -1.0, 0.0]))


NEEDS_SPREAD = (metrics.kelly_fraction, metrics.stability)
NEEDS_SPREAD_PER_YEAR = (metrics.sharpe_ratio, metrics.sortino_ratio)


@pytest.mark.parametrize("returns", [[0.0] * 5, [0.3]])
def test_ratios_of_what_does_not_vary_have_no_value(returns):
    assert all(math.isnan(metric(returns)) for metric in NEEDS_SPREAD)
    assert all(math.isnan(metric(returns, periods_per_year=252)) for metric in NEEDS_SPREAD_PER_YEAR)


def test_equal_returns_have_no_sharpe_ratio_however_they_round():
    assert math.isnan(metrics.sharpe_ratio([0.1] * 7, periods_per_year=252))
    assert metrics.annual_volatility([0.1] * 7, periods_per_year=252) == 0.0


def test_ratios_without_a_loss_have_no_value():
    assert math.isnan(metrics.omega_ratio([0.1, 0.2]))
    assert math.isnan(metrics.sortino_ratio([0.1, 0.2], periods_per_year=12))


@given(RETURNS, RETURNS)
@settings(max_examples=40)
def test_total_return_compounds_over_parts(first, second):
    whole = metrics.total_return(np.concatenate([first, second]))
    parts = (1 + metrics.total_return(first)) * (1 + metrics.total_return(second)) - 1
    assert whole == pytest.approx(parts, rel=1e-9, abs=1e-12)


@given(RETURNS, st.floats(0.01, 100))
@settings(max_examples=40)
def test_sharpe_and_sortino_ratios_do_not_depend_on_leverage(returns, leverage):
    for metric in NEEDS_SPREAD_PER_YEAR:
        plain = metric(returns, periods_per_year=252)
        assert metric(leverage * returns, periods_per_year=252) == pytest.approx(plain, rel=1e-6, abs=1e-9, nan_ok=True)


@given(RETURNS)
@settings(max_examples=40)
def test_a_sharpe_ratio_turns_with_the_position(returns):
    long = metrics.sharpe_ratio(returns, periods_per_year=252)
    assert metrics.sharpe_ratio(-returns, periods_per_year=252) == pytest.approx(-long, rel=1e-9, nan_ok=True)


@given(RETURNS)
@settings(max_examples=40)
def test_annual_return_is_the_total_of_one_year(returns):
    assert metrics.annual_return(returns, periods_per_year=len(returns)) == pytest.approx(
        metrics.total_return(returns), rel=1e-9, abs=1e-12
    )
