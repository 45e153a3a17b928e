"""Errors of point, quantile and interval forecasts, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.errors import DataError, ParameterError
from quantml.evaluation import accuracy

NAN = math.nan
PANEL = arrays(np.float64, (6, 3), elements=st.one_of(st.integers(-9, 9).map(float), st.just(NAN)))


def test_rmse_and_mae_leave_out_cells_with_nan():
    realised = [[1.0, NAN], [2.0, 5.0], [4.0, 1.0]]
    forecast = [[2.0, 1.0], [NAN, 2.0], [4.0, 1.0]]  # errors -1, 3, 0, 0
    assert accuracy.rmse(realised, forecast) == pytest.approx((10 / 4) ** 0.5, abs=1e-15)
    assert accuracy.mae(realised, forecast) == 1.0


def test_mase_scales_each_symbol_by_its_own_history():
    history = [[1.0, 10.0], [3.0, NAN], [2.0, 14.0]]  # naive errors: mean(2, 1) = 1.5, and 4
    realised, forecast = [[3.0, 10.0]], [[6.0, 12.0]]
    assert accuracy.mase(realised, forecast, history=history) == pytest.approx((3 / 1.5 + 2 / 4) / 2, abs=1e-15)


def test_mase_with_a_season():
    assert accuracy.mase([5.0], [8.0], history=[1.0, 9.0, 2.0, 11.0], season=2) == 2.0  # scale mean(1, 2)


def test_mase_of_a_constant_history_has_no_value():
    assert math.isnan(accuracy.mase([5.0], [8.0], history=[1.0, 1.0, 1.0]))


def test_mase_checks_its_history():
    with pytest.raises(ParameterError, match="season must be at least 1"):
        accuracy.mase([5.0], [8.0], history=[1.0, 2.0], season=0)
    with pytest.raises(DataError, match="history must have as many symbols as realised, 1; got 2"):
        accuracy.mase([5.0], [8.0], history=[[1.0, 2.0]])


def test_smape_is_a_decimal_and_zero_where_both_are_zero():
    assert accuracy.smape([1.0, 0.0, -1.0], [3.0, 0.0, 1.0]) == pytest.approx((1.0 + 0.0 + 2.0) / 3, abs=1e-15)


def test_r2_out_of_sample():
    realised, forecast, naive = [1.0, 2.0, 3.0], [1.0, 2.0, 5.0], [2.0, 2.0, NAN]
    assert accuracy.r2_out_of_sample(realised, forecast, naive=naive) == 1.0  # the third date is left out
    assert accuracy.r2_out_of_sample([0.0, 0.0], [2.0, 0.0], naive=[1.0, 1.0]) == -1.0  # 1 - 4 / 2


def test_r2_against_a_perfect_forecast_has_no_value():
    assert math.isnan(accuracy.r2_out_of_sample([1.0], [2.0], naive=[1.0]))


def test_qlike():
    assert accuracy.qlike([2.0, 1.0, NAN], [1.0, 1.0, 1.0]) == pytest.approx((2 - math.log(2) - 1) / 2, abs=1e-15)


@pytest.mark.parametrize(("realised", "forecast", "name"), [([0.0], [1.0], "realised"), ([1.0], [-1.0], "forecast")])
def test_qlike_needs_variances(realised, forecast, name):
    with pytest.raises(DataError, match=f"{name} must be variances above 0"):
        accuracy.qlike(realised, forecast)


def test_pinball_loss_weighs_a_shortfall_by_the_quantile():
    assert accuracy.pinball_loss([2.0, 0.0], [1.0, 1.0], quantile=0.9) == pytest.approx((0.9 + 0.1) / 2, abs=1e-15)
    with pytest.raises(ParameterError, match="quantile must be between 0 and 1; got 1"):
        accuracy.pinball_loss([1.0], [1.0], quantile=1)


def test_coverage_includes_the_ends():
    assert accuracy.coverage([1.0, 2.0, 3.0, NAN], [1.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]) == 2 / 3
    with pytest.raises(DataError, match="low must be at or below high"):
        accuracy.coverage([1.0], [2.0], [1.0])


@pytest.mark.parametrize("measure", [accuracy.rmse, accuracy.mae, accuracy.smape, accuracy.qlike])
def test_without_a_complete_pair_there_is_no_value(measure):
    assert math.isnan(measure([NAN, 1.0], [1.0, NAN]))


def test_shapes_and_infinities_are_refused():
    with pytest.raises(DataError, match=r"forecast must have the shape of realised, \(2, 1\); got \(3, 1\)"):
        accuracy.rmse([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(DataError, match=r"forecast must be finite or NaN; got inf \(row 1, column 0\)"):
        accuracy.mae([1.0, 2.0], [1.0, math.inf])
    with pytest.raises(DataError, match="one series, or time x symbol"):
        accuracy.mae(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)))


@given(PANEL, PANEL)
@settings(max_examples=40)
def test_rmse_is_at_least_mae_and_leaving_out_is_all_that_nan_does(realised, forecast):
    rmse, mae = accuracy.rmse(realised, forecast), accuracy.mae(realised, forecast)
    known = ~np.isnan(realised) & ~np.isnan(forecast)
    assert mae == pytest.approx(accuracy.mae(realised[known], forecast[known]), nan_ok=True)
    assert math.isnan(rmse) or rmse >= mae - 1e-12


@given(PANEL)
@settings(max_examples=30)
def test_the_median_minimises_the_pinball_loss_at_one_half(realised):
    known = realised[~np.isnan(realised)]
    if known.size == 0:
        return
    losses = [accuracy.pinball_loss(known, np.full(known.shape, at), quantile=0.5) for at in np.arange(-9.0, 10.0)]
    best = accuracy.pinball_loss(known, np.full(known.shape, np.median(known)), quantile=0.5)
    assert best <= min(losses) + 1e-12
