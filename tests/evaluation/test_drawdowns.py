"""Drawdowns, worked by hand on four returns, and their invariants."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantml.errors import ParameterError
from quantml.evaluation import metrics

FOUR = [0.10, -0.20, 0.05, 0.15]  # equity 1.1, 0.88, 0.924, 1.0626: below the peak by 0, 0.2, 0.16, 0.034
RETURNS = arrays(np.float64, st.integers(1, 40), elements=st.integers(-100, 200).map(lambda x: x / 100))


def test_drawdowns_keep_the_labels():
    days = pd.date_range("2020-01-01", periods=4)
    expected = pd.Series([0.0, -0.2, -0.16, -0.034], index=days, name="drawdown")
    pd.testing.assert_series_equal(metrics.drawdowns(pd.Series(FOUR, index=days)), expected, atol=1e-14)


def test_the_starting_capital_is_a_peak():
    assert metrics.max_drawdown([-0.1, 0.05]) == pytest.approx(-0.1, abs=1e-15)


def test_ulcer_and_pain():
    assert metrics.ulcer_index(FOUR) == pytest.approx(((0.04 + 0.0256 + 0.034**2) / 4) ** 0.5, abs=1e-14)
    assert metrics.pain_index(FOUR) == pytest.approx(0.394 / 4, abs=1e-14)


def test_ratios_over_drawdowns():
    year = 0.0626  # four periods a year
    assert metrics.calmar_ratio(FOUR, periods_per_year=4) == pytest.approx(year / 0.2, abs=1e-12)
    assert metrics.pain_ratio(FOUR, periods_per_year=4) == pytest.approx(year / 0.0985, abs=1e-12)
    expected = year / ((0.0656 + 0.034**2) / 4) ** 0.5
    assert metrics.martin_ratio(FOUR, periods_per_year=4) == pytest.approx(expected, abs=1e-12)


def test_drawdown_table_lists_the_deepest_first():
    days = pd.date_range("2020-01-01", periods=6)
    returns = pd.Series([0.25, -0.2, 0.5, -0.5, 0.5, 0.0], index=days)  # equity 1.25 1 1.5 0.75 1.125 1.125
    table = metrics.drawdown_table(returns)
    assert table["depth"].tolist() == pytest.approx([-0.5, -0.2], abs=1e-15)
    assert table["peak"].tolist() == [days[2], days[0]]
    assert table["valley"].tolist() == [days[3], days[1]]
    assert table["recovery"].tolist() == [pd.NaT, days[2]]
    assert table["length"].tolist() == [3, 2]
    assert table["to_valley"].tolist() == [1, 1]


def test_a_drawdown_from_the_starting_capital_has_no_peak_date():
    days = pd.date_range("2020-01-01", periods=2)
    table = metrics.drawdown_table(pd.Series([-0.5, 1.0], index=days))
    assert table["peak"].isna().all()
    assert table["recovery"].tolist() == [days[1]]
    assert table["length"].tolist() == [2]


def test_drawdown_table_can_be_cut():
    returns = [-0.1, 0.5, -0.2, 0.5, -0.05]
    assert metrics.drawdown_table(returns, top=2)["depth"].tolist() == pytest.approx([-0.2, -0.1])
    with pytest.raises(ParameterError, match="top must be at least 1"):
        metrics.drawdown_table(returns, top=0)


def test_average_and_longest_drawdown():
    returns = [-0.1, 0.5, -0.2, 0.0, 0.5, -0.05]
    assert metrics.average_drawdown(returns) == pytest.approx(-0.35 / 3, abs=1e-14)
    assert metrics.longest_drawdown(returns) == 3.0


def test_what_never_falls():
    returns = [0.1, 0.0, 0.2]
    assert metrics.max_drawdown(returns) == 0.0
    assert metrics.average_drawdown(returns) == 0.0
    assert metrics.longest_drawdown(returns) == 0.0
    assert metrics.drawdown_table(returns).empty
    for metric in (metrics.calmar_ratio, metrics.martin_ratio, metrics.pain_ratio):
        assert math.isnan(metric(returns, periods_per_year=12))


@given(RETURNS)
@settings(max_examples=50)
def test_drawdowns_lie_between_everything_and_nothing(returns):
    under = metrics.drawdowns(returns)
    assert under.between(-1.0, 0.0).all()
    assert metrics.max_drawdown(returns) == under.min()
    assert metrics.max_drawdown(returns) <= metrics.average_drawdown(returns) <= 0.0
    assert 0.0 <= metrics.pain_index(returns) <= metrics.ulcer_index(returns) + 1e-15


@given(RETURNS)
@settings(max_examples=50)
def test_the_table_covers_every_period_below_the_peak_once(returns):
    table = metrics.drawdown_table(returns)
    recovered = table["recovery"].notna()
    assert (table["length"] - recovered).sum() == (metrics.drawdowns(returns) < 0).sum()
    assert (table["to_valley"] >= 1).all()
    assert (table["to_valley"] <= table["length"]).all()
