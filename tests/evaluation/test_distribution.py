"""Shape and trade-like ratios, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.evaluation import metrics

FOUR = [0.10, -0.20, 0.05, 0.15]
SPIKE = [0.0, 0.0, 0.0, 1.0]  # mean 1/4, central moments 3/16, 3/32, 21/256


def test_skewness_and_excess_kurtosis_have_denominator_t():
    assert metrics.skewness(SPIKE) == pytest.approx((3 / 32) / (3 / 16) ** 1.5, abs=1e-14)
    assert metrics.kurtosis(SPIKE) == pytest.approx((21 / 256) / (3 / 16) ** 2 - 3, abs=1e-14)


def test_tail_ratio_interpolates_percentiles():
    returns = np.arange(-20, 81) / 100  # 5th percentile -0.15, 95th 0.75
    assert metrics.tail_ratio(returns) == pytest.approx(5.0, abs=1e-12)


def test_common_sense_ratio_is_the_product():
    returns = np.arange(-20, 81) / 100  # gains sum to 32.4, losses to 2.1
    assert metrics.common_sense_ratio(returns) == pytest.approx(5.0 * 32.4 / 2.1, rel=1e-12)


def test_ratios_of_gains_to_losses():
    assert metrics.profit_factor(FOUR) == pytest.approx(1.5, abs=1e-14)
    assert metrics.payoff_ratio(FOUR) == pytest.approx(0.5, abs=1e-14)
    assert metrics.gain_to_pain_ratio(FOUR) == pytest.approx(0.5, abs=1e-14)


def test_hit_rate_counts_all_periods_and_win_rate_those_that_moved():
    returns = [0.1, 0.0, 0.0, -0.1, 0.2]
    assert metrics.hit_rate(returns) == 0.4
    assert metrics.win_rate(returns) == 2 / 3


def test_extremes():
    assert metrics.best_period(FOUR) == 0.15
    assert metrics.worst_period(FOUR) == -0.20


@pytest.mark.parametrize("metric", [metrics.profit_factor, metrics.payoff_ratio, metrics.gain_to_pain_ratio])
def test_without_a_loss_there_is_no_ratio(metric):
    assert math.isnan(metric([0.1, 0.0]))


def test_what_never_moves_has_no_shape():
    for metric in (metrics.skewness, metrics.kurtosis, metrics.tail_ratio, metrics.win_rate):
        assert math.isnan(metric([0.0, 0.0, 0.0]))


@given(arrays(np.float64, st.integers(2, 30), elements=st.integers(-100, 100).map(lambda x: x / 100)))
@settings(max_examples=40)
def test_shape_does_not_depend_on_scale_and_turns_with_the_sign(returns):
    skew, tails = metrics.skewness(returns), metrics.kurtosis(returns)
    assert metrics.skewness(-3 * returns) == pytest.approx(-skew, abs=1e-9, nan_ok=True)
    assert metrics.kurtosis(-3 * returns) == pytest.approx(tails, abs=1e-9, nan_ok=True)
    assert math.isnan(tails) or tails + 3 >= 1 + skew**2 - 1e-9
