"""Turnover and exposure, worked by hand."""

import math

import pytest

from quantml.errors import DataError
from quantml.evaluation import metrics


def test_turnover_counts_both_sides_per_year():
    # 50 % and 10 % of equity in two months
    assert metrics.turnover([50.0, 20.0], equity=[100.0, 200.0], periods_per_year=12) == pytest.approx(12 * 0.3)


def test_relative_turnover():
    value = metrics.relative_turnover(
        [50.0, 20.0], equity=[100.0, 200.0], baseline_traded=[10.0, 10.0], baseline_equity=[100.0, 100.0]
    )
    assert value == pytest.approx(3.0)


def test_a_baseline_that_never_trades_has_no_relative_turnover():
    value = metrics.relative_turnover(
        [1.0, 1.0], equity=[1.0, 1.0], baseline_traded=[0.0, 0.0], baseline_equity=[1.0, 1.0]
    )
    assert math.isnan(value)


def test_exposure_and_time_in_market():
    assert metrics.exposure([150.0, 0.0], equity=[100.0, 100.0]) == 0.75
    assert metrics.time_in_market([150.0, 0.0]) == 0.5


def test_equity_is_above_zero():
    with pytest.raises(DataError, match=r"equity must be above 0; got 0.0 \(position 1\)"):
        metrics.turnover([1.0, 1.0], equity=[1.0, 0.0], periods_per_year=12)


def test_traded_values_are_absolute():
    with pytest.raises(DataError, match=r"traded must be at or above 0; got -1.0 \(position 0\)"):
        metrics.turnover([-1.0], equity=[1.0], periods_per_year=12)
