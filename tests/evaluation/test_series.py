"""What every evaluation function refuses, and how it says so."""

import numpy as np
import pandas as pd
import pytest

from quantml.errors import DataError, ParameterError
from quantml.evaluation import metrics
from quantml.evaluation.series import as_pair, as_returns

DATES = pd.date_range("2020-01-01", periods=3)


def test_a_missing_return_is_named_by_position_and_date():
    series = pd.Series([0.01, np.nan, 0.02], index=DATES)
    with pytest.raises(DataError, match=r"returns must be finite; got nan \(2020-01-02 00:00:00, position 1\)"):
        metrics.sharpe_ratio(series, periods_per_year=252)


def test_an_infinite_return_in_an_array_is_named_by_position():
    with pytest.raises(DataError, match=r"got inf \(position 2\)"):
        as_returns([0.0, 0.1, np.inf])


def test_returns_have_one_dimension():
    with pytest.raises(DataError, match=r"one-dimensional; got 'an array of shape \(2, 2\)'"):
        as_returns(np.zeros((2, 2)))


def test_a_benchmark_covers_the_same_periods():
    with pytest.raises(DataError, match="benchmark must have as many values as returns, 3; got 2"):
        as_pair([0.1, 0.2, 0.3], [0.1, 0.2])


def test_labels_that_differ_are_not_aligned_in_silence():
    one = pd.Series([0.1, 0.2, 0.3], index=DATES)
    with pytest.raises(DataError, match="same index"):
        metrics.beta(one, benchmark=one.set_axis(DATES + pd.Timedelta(days=1)))


def test_a_risk_free_series_covers_the_same_periods():
    with pytest.raises(DataError, match="risk_free must have as many values"):
        metrics.sharpe_ratio([0.1, 0.2, 0.3], periods_per_year=12, risk_free=[0.01, 0.01])


def test_nothing_compounds_below_a_total_loss():
    with pytest.raises(DataError, match=r"at or above -1 to be compounded; got -1.5 \(position 1\)"):
        metrics.total_return([0.1, -1.5])


@pytest.mark.parametrize("periods", [0, -12, np.nan, np.inf])
def test_a_year_has_periods(periods):
    with pytest.raises(ParameterError, match="periods_per_year must be above 0"):
        metrics.annual_return([0.1], periods_per_year=periods)
