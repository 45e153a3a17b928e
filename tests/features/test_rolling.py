from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quantml.features.rolling import lag, rolling_mean, rolling_std

NAN = np.nan


def gappy(seed: int, rows: int, symbols: int) -> NDArray[np.float64]:
    """Values at a level of 1e4 with some missing and, in the first column, a flat stretch."""
    generator = np.random.default_rng(seed)
    values = 1e4 + generator.normal(size=(rows, symbols))
    values[rows // 2 :, 0] = 1e4
    values[generator.random(values.shape) < 0.2] = NAN
    return values


def fresh(values: NDArray[np.float64], window: int, statistic: object) -> NDArray[np.float64]:
    """Compute every window from scratch."""
    result = np.full(values.shape, NAN)
    for symbol in range(values.shape[1]):
        rows = np.flatnonzero(~np.isnan(values[:, symbol]))
        for k in range(window - 1, len(rows)):
            result[rows[k], symbol] = statistic(values[rows[k - window + 1 : k + 1], symbol])  # type: ignore[operator]
    return result


cases = given(
    seed=st.integers(0, 10**6), rows=st.integers(1, 60), symbols=st.integers(1, 11), window=st.integers(1, 25)
)


@cases
@settings(max_examples=40, deadline=None)
def test_lag_equals_indexing_own_values(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    np.testing.assert_array_equal(lag(values, window - 1), fresh(values, window, lambda v: v[0]))


@cases
@settings(max_examples=40, deadline=None)
def test_mean_equals_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    np.testing.assert_allclose(rolling_mean(values, window), fresh(values, window, np.mean), rtol=1e-13)


@cases
@settings(max_examples=40, deadline=None)
def test_std_equals_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    expected = fresh(values, window + 1, lambda v: np.std(v, ddof=1))
    np.testing.assert_allclose(rolling_std(values, window + 1, 1), expected, rtol=1e-9, atol=1e-11)


def test_std_by_hand() -> None:
    values = np.array([[1.0], [NAN], [3.0], [8.0]])
    expected = [NAN, NAN, np.sqrt(2.0), np.sqrt(12.5)]
    np.testing.assert_allclose(rolling_std(values, 2, 1)[:, 0], expected, rtol=1e-15)


def test_a_large_level_costs_no_digits_and_leaves_none_behind() -> None:
    values = np.concatenate([np.full(50, 1e12), np.tile([1.0, 3.0], 50)])[:, None]
    np.testing.assert_array_equal(rolling_mean(values, 10)[59:], 2.0)
    np.testing.assert_allclose(rolling_std(values, 10, 0)[59:], 1.0, rtol=1e-15)


def test_std_of_equal_values_is_exactly_zero() -> None:
    values = np.concatenate([np.linspace(0.3, 0.1, 20), np.full(40, 0.1)])[:, None]
    deviation = rolling_std(values, 7, 1)[:, 0]
    assert np.all(deviation[25:] == 0.0)
    assert np.all(deviation[6:25] > 0.0)


@pytest.mark.parametrize("window", [4, 1000])
def test_a_window_longer_than_the_panel_has_no_value(window: int) -> None:
    values = np.arange(6.0).reshape(3, 2)
    for result in (lag(values, window), rolling_mean(values, window), rolling_std(values, window, 1)):
        assert np.isnan(result).all()
