"""Calendar tables and rolling windows, worked by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.errors import DataError, ParameterError
from quantml.evaluation import metrics

DATES = pd.DatetimeIndex(["2019-12-30", "2019-12-31", "2020-01-02", "2020-03-02", "2020-03-03"])
SERIES = pd.Series([0.1, 0.1, -0.5, 0.2, -0.2], index=DATES)


def test_months_compound_and_missing_months_are_nan():
    table = metrics.monthly_returns(SERIES)
    assert table.index.tolist() == [2019, 2020]
    assert table.columns.tolist() == list(range(1, 13))
    assert table.loc[2019, 12] == pytest.approx(0.21, abs=1e-15)
    assert table.loc[2020, [1, 3]].tolist() == pytest.approx([-0.5, -0.04], abs=1e-15)
    assert table.isna().sum().sum() == 21


def test_years_compound():
    assert metrics.yearly_returns(SERIES).to_dict() == pytest.approx({2019: 0.21, 2020: 0.5 * 0.96 - 1}, abs=1e-15)


@pytest.mark.parametrize("table", [metrics.monthly_returns, metrics.yearly_returns])
def test_calendar_tables_need_dates(table):
    with pytest.raises(DataError, match="must be a Series labelled with dates; got 'list'"):
        table([0.1, 0.2])


def test_rolling_sharpe_ratio():
    rolling = metrics.rolling_sharpe_ratio([0.01, 0.03, 0.03, 0.03, 0.01], window=2, periods_per_year=4)
    level = 2 * math.sqrt(2) * 2  # mean 0.02 over deviation 0.01 * sqrt(2), times sqrt(4)
    assert rolling.to_list() == pytest.approx([math.nan, level / 2, math.nan, math.nan, level / 2], nan_ok=True)


def test_a_window_longer_than_the_record_has_no_value():
    assert metrics.rolling_sharpe_ratio([0.1, 0.2], window=3, periods_per_year=12).isna().all()


def test_a_window_has_two_periods():
    with pytest.raises(ParameterError, match="window must be at least 2 periods; got 1"):
        metrics.rolling_sharpe_ratio([0.1, 0.2], window=1, periods_per_year=12)


@given(arrays(np.float64, 9, elements=st.integers(-30, 30).map(lambda x: x / 100)), st.integers(2, 9))
@settings(max_examples=30)
def test_each_window_has_its_own_sharpe_ratio(returns, window):
    rolling = metrics.rolling_sharpe_ratio(returns, window=window, periods_per_year=252)
    alone = [metrics.sharpe_ratio(returns[end - window : end], periods_per_year=252) for end in range(window, 10)]
    assert rolling.to_list()[window - 1 :] == pytest.approx(alone, rel=1e-9, abs=1e-9, nan_ok=True)


@given(arrays(np.float64, 60, elements=st.integers(-30, 30).map(lambda x: x / 100)))
@settings(max_examples=20)
def test_months_compound_to_years_and_years_to_the_total(returns):
    series = pd.Series(returns, index=pd.date_range("2019-11-15", periods=60, freq="7D"))
    years = metrics.yearly_returns(series)
    months = (1 + metrics.monthly_returns(series)).prod(axis=1) - 1
    assert months.to_list() == pytest.approx(years.to_list(), abs=1e-12)
    assert (1 + years).prod() - 1 == pytest.approx(metrics.total_return(series), abs=1e-12)
