"""The Sharpe ratio of many series on many stretches, held against the metric on each stretch alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.evaluation.metrics import sharpe_ratio
from quantml.evaluation.stretches import means_over, sharpe_over


def test_two_returns_by_hand():
    # mean 0.02, deviation 0.01 * sqrt(2), four periods a year: 0.02 / 0.0141421 * 2
    found = sharpe_over(np.array([[9.0, 0.01, 0.03, -9.0]]), np.array([[1, 3]]), periods_per_year=4)
    assert found.tolist() == [[pytest.approx(2.8284271247461903, rel=1e-9)]]  # a return of 9.0 before it costs digits


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.floats(1e-6, 1.0))
def test_each_stretch_is_what_the_metric_gives(seed, length, scale):
    generator = np.random.default_rng(seed)
    returns = generator.normal(0.0, scale, (3, length)).round(int(generator.integers(1, 12)))
    edges = np.sort(generator.integers(0, length + 1, (5, 2)), axis=1)
    found = sharpe_over(returns, edges, periods_per_year=252)
    alone = [[sharpe_ratio(row[a:b], periods_per_year=252) for a, b in edges] for row in returns]
    np.testing.assert_allclose(found, alone, rtol=1e-7, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_means_are_those_of_each_stretch(seed, length):
    generator = np.random.default_rng(seed)
    values = generator.normal(0.0, 1.0, (3, length))
    edges = np.sort(generator.integers(0, length + 1, (5, 2)), axis=1)
    alone = [[row[a:b].mean() if b > a else np.nan for a, b in edges] for row in values]
    np.testing.assert_allclose(means_over(values, edges), alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("returns", [[0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [0.5, 0.1, 0.1]])
def test_returns_that_are_all_equal_have_none(returns):
    assert np.isnan(sharpe_over(np.array([returns]), np.array([[1, 3]]), periods_per_year=252)).all()


def test_a_stretch_of_one_return_has_none():
    assert np.isnan(sharpe_over(np.array([[0.1, 0.2]]), np.array([[0, 1], [1, 1]]), periods_per_year=252)).all()


def test_a_stretch_outside_is_refused():
    with pytest.raises(ParameterError, match="lie within 2 periods"):
        sharpe_over(np.array([[0.1, 0.2]]), np.array([[0, 3]]), periods_per_year=252)
