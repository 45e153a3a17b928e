"""Directions, probabilities and ranks, worked by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.errors import DataError
from quantml.evaluation import accuracy

NAN = math.nan
EVENTS = [1.0, 0.0, 1.0, 1.0, NAN]
CHANCES = [0.8, 0.6, 0.4, 0.9, 0.5]


def test_directional_accuracy_leaves_out_what_has_no_direction():
    realised = [0.1, -0.1, 0.0, 0.2, 0.3, NAN]
    forecast = [0.2, 0.1, 0.1, 0.0, 0.1, 0.1]
    assert accuracy.directional_accuracy(realised, forecast) == 2 / 3


def test_a_zero_forecast_has_no_direction_at_all():
    assert math.isnan(accuracy.directional_accuracy([0.1, -0.1], [0.0, 0.0]))


def test_information_coefficient_averages_the_rank_correlations_of_the_dates():
    realised = [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, NAN], [1.0, NAN, NAN], [1.0, 1.0, 1.0]]
    forecast = [[0.1, 0.5, 0.9], [2.0, 1.0, 3.0], [5.0, 4.0, 9.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
    # exact order; one swap of three: 1 - 6 * 2 / (3 * 8); reversed pair; one symbol; all equal
    expected = [1.0, 0.5, -1.0, NAN, NAN]
    np.testing.assert_allclose(accuracy.information_coefficients(realised, forecast), expected, atol=1e-15)
    assert accuracy.information_coefficient(realised, forecast) == pytest.approx(0.5 / 3, abs=1e-15)


def test_an_information_coefficient_needs_a_cross_section():
    with pytest.raises(DataError, match="at least 2 symbols to be ranked on a date; got 1"):
        accuracy.information_coefficient([1.0, 2.0], [1.0, 2.0])


def test_brier_and_log_loss():
    assert accuracy.brier(EVENTS, CHANCES) == pytest.approx((0.04 + 0.36 + 0.36 + 0.01) / 4, abs=1e-15)
    expected = -math.log(0.8 * 0.4 * 0.4 * 0.9) / 4
    assert accuracy.log_loss(EVENTS, CHANCES) == pytest.approx(expected, abs=1e-15)


def test_false_certainty_costs_an_infinite_log_loss():
    assert accuracy.log_loss([0.0, 1.0], [1.0, 1.0]) == math.inf


def test_a_return_above_zero_is_the_event():
    assert accuracy.brier([0.02, -0.01], [1.0, 0.0]) == 0.0


@pytest.mark.parametrize("measure", [accuracy.brier, accuracy.log_loss])
def test_probabilities_lie_between_zero_and_one(measure):
    with pytest.raises(DataError, match=r"probability must be between 0 and 1; got 1.5"):
        measure([1.0, 0.0], [0.5, 1.5])


def test_precision_recall_and_f1():
    # yes at 0.8, 0.6, 0.9: two hits, one false alarm, one miss
    assert accuracy.precision(EVENTS, CHANCES, threshold=0.5) == 2 / 3
    assert accuracy.recall(EVENTS, CHANCES, threshold=0.5) == 2 / 3
    assert accuracy.f1(EVENTS, CHANCES, threshold=0.5) == 2 / 3


def test_what_never_happens_and_is_never_said_has_no_value():
    assert math.isnan(accuracy.precision([1.0], [0.0]))
    assert math.isnan(accuracy.recall([0.0], [1.0]))
    assert math.isnan(accuracy.f1([0.0], [0.0]))


@given(arrays(np.float64, (4, 5), elements=st.integers(0, 6).map(float)), st.integers(0, 9))
@settings(max_examples=30)
def test_each_coefficient_is_pandas_spearman(realised, seed):
    forecast = np.random.default_rng(seed).normal(size=(4, 5)).round(1)
    ours = accuracy.information_coefficients(realised, forecast)
    for row, value in enumerate(ours):
        ranks = [pd.Series(part[row]).rank() for part in (realised, forecast)]
        expected = math.nan if ranks[0].nunique() == 1 or ranks[1].nunique() == 1 else ranks[0].corr(ranks[1])
        assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)
