"""The same record through quantml and empyrical: equal where the definitions agree, and how they differ elsewhere."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

from quantml.evaluation import metrics

GENERATOR = np.random.default_rng(20)
DAYS = pd.bdate_range("2010-01-01", periods=1200)
BENCHMARK = pd.Series(0.0003 + 0.012 * GENERATOR.standard_t(5, 1200), index=DAYS)
RETURNS = pd.Series(0.0002 + 0.5 * BENCHMARK + 0.008 * GENERATOR.standard_normal(1200), index=DAYS)
YEAR = {"periods_per_year": 252}
BESIDE = {"benchmark": BENCHMARK, "periods_per_year": 252}

AGREE = {
    "total_return": (metrics.total_return(RETURNS), empyrical.cum_returns_final(RETURNS)),
    "annual_return": (metrics.annual_return(RETURNS, **YEAR), empyrical.annual_return(RETURNS)),
    "annual_volatility": (metrics.annual_volatility(RETURNS, **YEAR), empyrical.annual_volatility(RETURNS)),
    "sharpe_ratio": (metrics.sharpe_ratio(RETURNS, risk_free=1e-4, **YEAR), empyrical.sharpe_ratio(RETURNS, 1e-4)),
    "sortino_ratio": (metrics.sortino_ratio(RETURNS, **YEAR), empyrical.sortino_ratio(RETURNS)),
    "downside_deviation": (metrics.downside_deviation(RETURNS, **YEAR), empyrical.downside_risk(RETURNS)),
    "calmar_ratio": (metrics.calmar_ratio(RETURNS, **YEAR), empyrical.calmar_ratio(RETURNS)),
    "omega_ratio": (metrics.omega_ratio(RETURNS), empyrical.omega_ratio(RETURNS)),
    "max_drawdown": (metrics.max_drawdown(RETURNS), empyrical.max_drawdown(RETURNS)),
    "stability": (metrics.stability(RETURNS), empyrical.stability_of_timeseries(RETURNS)),
    "tail_ratio": (metrics.tail_ratio(RETURNS), empyrical.tail_ratio(RETURNS)),
    "beta": (metrics.beta(RETURNS, benchmark=BENCHMARK), empyrical.beta(RETURNS, BENCHMARK)),
    "up_capture": (metrics.up_capture(RETURNS, **BESIDE), empyrical.up_capture(RETURNS, BENCHMARK)),
    "down_capture": (metrics.down_capture(RETURNS, **BESIDE), empyrical.down_capture(RETURNS, BENCHMARK)),
    "capture_ratio": (metrics.capture_ratio(RETURNS, **BESIDE), empyrical.up_down_capture(RETURNS, BENCHMARK)),
}


@pytest.mark.parametrize("name", AGREE)
def test_definitions_agree(name):
    ours, theirs = AGREE[name]
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_rolling_sharpe_ratio_agrees_and_keeps_every_date():
    ours = metrics.rolling_sharpe_ratio(RETURNS, window=126, **YEAR)
    theirs = empyrical.roll_sharpe_ratio(RETURNS, window=126)
    assert len(ours) == len(RETURNS)
    np.testing.assert_allclose(ours.dropna(), theirs, rtol=1e-9)


def test_calendar_tables_agree():
    years = metrics.yearly_returns(RETURNS)
    np.testing.assert_allclose(years, empyrical.aggregate_returns(RETURNS, "yearly"), rtol=1e-9)
    months = metrics.monthly_returns(RETURNS).stack().dropna()
    np.testing.assert_allclose(months, empyrical.aggregate_returns(RETURNS, "monthly"), rtol=1e-9)


def test_alpha_differs_because_empyrical_compounds_it():
    daily = metrics.alpha(RETURNS, benchmark=BENCHMARK, periods_per_year=1)
    assert (1 + daily) ** 252 - 1 == pytest.approx(empyrical.alpha(RETURNS, BENCHMARK), rel=1e-9)
    assert metrics.alpha(RETURNS, **BESIDE) == pytest.approx(252 * daily, rel=1e-12)


def test_information_ratio_differs_because_empyrical_does_not_annualise_it():
    daily = empyrical.excess_sharpe(RETURNS, BENCHMARK)
    assert metrics.information_ratio(RETURNS, **BESIDE) == pytest.approx(daily * 252**0.5, rel=1e-9)


def test_a_record_without_a_loss_differs_because_quantml_has_no_infinite_ratio():
    gains = pd.Series([0.01, 0.02, 0.03])
    assert math.isinf(empyrical.sortino_ratio(gains))
    assert math.isnan(metrics.sortino_ratio(gains, **YEAR))


def test_a_missing_return_differs_because_quantml_refuses_it():
    holed = RETURNS.copy()
    holed.iloc[5] = np.nan
    assert math.isfinite(empyrical.sharpe_ratio(holed))
    with pytest.raises(ValueError, match="position 5"):
        metrics.sharpe_ratio(holed, **YEAR)
