"""One forecast against another: Diebold and Mariano's test, and the report's summary."""

import math

import numpy as np
import pytest

from quantml.errors import ParameterError
from quantml.evaluation import accuracy

NAN = math.nan


def test_diebold_mariano_by_hand_at_horizon_two():
    # loss differences 1, 2, 3, 4: mean 2.5, autocovariances 1.25 and 0.3125, variance (1.25 + 0.625) / 4
    answer = accuracy.diebold_mariano(np.zeros(4), np.sqrt([1.0, 2.0, 3.0, 4.0]), rival=np.zeros(4), horizon=2)
    correction = (4 + 1 - 4 + 2 / 4) / 4
    assert answer.statistic == pytest.approx(2.5 / 0.46875**0.5 * correction**0.5, abs=1e-12)
    assert answer.difference == 2.5
    assert answer.periods == 4


def test_diebold_mariano_as_the_package_of_that_name():
    # literals of the tests of the Python package dieboldmariano: statistic -2.4905, p-value 0.05513
    answer = accuracy.diebold_mariano(np.zeros(6), [0, 1, 2, 3, 4, 5], rival=[0, 2, 3, 3, 5, 6])
    assert answer.statistic == pytest.approx(-2.4905, abs=5e-5)
    assert answer.p_value == pytest.approx(0.05513, abs=5e-5)


def test_diebold_mariano_averages_the_symbols_of_a_date():
    realised = np.zeros((3, 2))
    forecast, rival = [[2.0, NAN], [1.0, 3.0], [NAN, NAN]], np.ones((3, 2))  # differences 3, mean(0, 8) = 4, none
    answer = accuracy.diebold_mariano(realised, forecast, rival=rival)
    assert answer.periods == 2
    assert answer.difference == 3.5
    assert answer.statistic == pytest.approx(3.5 / (0.25 / 2) ** 0.5 * (1 / 2) ** 0.5, abs=1e-12)


def test_another_loss_may_be_given():
    answer = accuracy.diebold_mariano(np.zeros(3), [1, 2, 4], rival=[3, 3, 3], loss=accuracy.absolute_error)
    assert answer.difference == pytest.approx(-2 / 3, abs=1e-15)


@pytest.mark.parametrize(("forecast", "rival"), [([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), ([NAN] * 3, [1.0, 2.0, 3.0])])
def test_equal_or_missing_forecasts_have_no_statistic(forecast, rival):
    answer = accuracy.diebold_mariano([0.0, 0.0, 0.0], forecast, rival=rival)
    assert math.isnan(answer.statistic)
    assert math.isnan(answer.p_value)


def test_negative_autocovariances_have_no_statistic():
    # loss differences 1, -1, 1, -1 at horizon 2: 1 - 2 * 3 / 4 is below zero
    realised, forecast, rival = np.zeros(4), [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]
    assert math.isnan(accuracy.diebold_mariano(realised, forecast, rival=rival, horizon=2).statistic)


def test_a_horizon_is_at_least_one():
    with pytest.raises(ParameterError, match="horizon must be at least 1; got 0"):
        accuracy.diebold_mariano([1.0], [1.0], rival=[1.0], horizon=0)


def test_the_corrected_test_rejects_as_often_as_it_says():
    generator = np.random.default_rng(11)
    worlds, rejected = 2000, 0
    for _ in range(worlds):
        realised, forecast, rival = generator.normal(size=(3, 40))
        rejected += accuracy.diebold_mariano(realised, forecast, rival=rival).p_value < 0.05
    # equal accuracy: 5 %, three standard errors 1.46 %
    assert rejected / worlds == pytest.approx(0.05, abs=0.0147)


def test_summary_of_returns_counts_what_is_left_out():
    realised = [[0.02, NAN], [-0.01, 0.03], [0.01, 0.01]]
    forecast = [[0.01, 0.01], [0.01, 0.02], [NAN, 0.02]]
    naive = [[0.00, 0.00], [0.00, 0.01], [0.01, 0.01]]
    summary = accuracy.forecast_accuracy(realised, forecast, naive)
    # four pairs, errors 0.01, -0.02, 0.01, -0.01 against 0.02, -0.01, 0.02, 0
    assert summary["pairs"] == 4
    assert summary["left_out"] == 2
    assert summary["rmse"] == pytest.approx((7e-4 / 4) ** 0.5, abs=1e-15)
    assert summary["naive_rmse"] == pytest.approx((9e-4 / 4) ** 0.5, abs=1e-15)
    assert summary["mae"] == pytest.approx(0.0125, abs=1e-15)
    assert summary["skill"] == pytest.approx(1 - 7 / 9, abs=1e-12)
    assert summary["directional_accuracy"] == 0.75
    assert summary["naive_directional_accuracy"] == 1.0
    assert summary["information_coefficient"] == 1.0
    assert summary["diebold_mariano"] < 0


def test_summary_of_directions_reads_probabilities():
    summary = accuracy.forecast_accuracy([1.0, 0.0, 1.0, 1.0], [0.8, 0.6, 0.4, 0.9], [0.5] * 4, kind="direction")
    assert summary["brier"] == pytest.approx(0.77 / 4, abs=1e-15)
    assert summary["naive_brier"] == 0.25
    assert summary["skill"] == pytest.approx(1 - 0.77, abs=1e-15)
    assert summary["directional_accuracy"] == 0.5
    assert summary["precision"] == 2 / 3
    assert math.isnan(summary["naive_directional_accuracy"])
    assert "information_coefficient" not in summary


def test_summary_of_a_success_has_no_direction():
    arrays = [1.0, 0.0, 1.0, 1.0], [0.8, 0.6, 0.4, 0.9], [0.5] * 4
    summary = accuracy.forecast_accuracy(*arrays, kind="success")
    directions = accuracy.forecast_accuracy(*arrays, kind="direction")
    gone = {"directional_accuracy", "naive_directional_accuracy"}
    assert summary == {name: value for name, value in directions.items() if name not in gone}
    assert summary["recall"] == 2 / 3


def test_summary_of_volatilities_judges_variances_above_zero():
    summary = accuracy.forecast_accuracy([0.2, 0.0, 0.1], [0.1, 0.1, 0.1], [0.2, 0.2, 0.2], kind="volatility")
    assert summary["pairs"] == 2
    assert summary["left_out"] == 1
    assert summary["qlike"] == pytest.approx((4 - math.log(4) - 1) / 2, abs=1e-12)
    assert summary["naive_qlike"] == pytest.approx((0.25 + math.log(4) - 1) / 2, abs=1e-12)


@pytest.mark.parametrize("kind", ["excess", "scaled", "rank", "class"])
def test_summary_of_what_is_around_zero_is_that_of_returns(kind):
    arrays = [1.0, -1.0, 0.0, -1.0], [0.5, 0.5, 0.5, -0.5], [0.0] * 4
    summary = accuracy.forecast_accuracy(*arrays, kind=kind)
    # errors 0.5, -1.5, -0.5, -0.5 against 1, -1, 0, -1; of three directions, two are right
    assert summary["skill"] == 0.0
    assert summary["rmse"] == 0.75**0.5
    assert summary["directional_accuracy"] == 2 / 3


@pytest.mark.parametrize("kind", ["drawdown", "column"])
def test_summary_of_what_has_no_sign_has_no_direction(kind):
    summary = accuracy.forecast_accuracy([-0.1, -0.3], [-0.2, -0.3], [-0.3, -0.1], kind=kind)
    assert summary["skill"] == pytest.approx(1 - 0.01 / 0.08, abs=1e-12)
    assert "directional_accuracy" not in summary


def test_a_misspelt_kind_is_named():
    with pytest.raises(ParameterError, match="Did you mean 'return'"):
        accuracy.forecast_accuracy([1.0], [1.0], [1.0], kind="returns")


@pytest.mark.parametrize("kind", ["return", "direction", "volatility"])
def test_a_summary_of_nothing_is_nan(kind):
    summary = accuracy.forecast_accuracy([[NAN, NAN]], [[0.1, 0.1]], [[0.1, 0.1]], kind=kind)
    assert (summary.pop("pairs"), summary.pop("left_out")) == (0, 2)
    assert all(math.isnan(value) for value in summary.values())
