from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from quantml.features.moments import rolling_autocovariance, rolling_kurtosis, rolling_skewness, rolling_trend
from quantml.features.ordered import rolling_entropy, rolling_order_entropy, rolling_quantile
from quantml.features.rolling import (
    decayed_mean,
    lag,
    ratio,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    weighted_sum,
)
from quantml.features.tiles import TILE

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
def test_a_ratio_is_of_two_own_values(seed: int, rows: int, symbols: int, window: int) -> None:
    values, skip = gappy(seed, rows, symbols), window // 2
    expected = fresh(values, window, lambda v: v[-1 - skip] / v[0])
    np.testing.assert_array_equal(ratio(values, window - 1, skip), expected)


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


@cases
@settings(max_examples=40, deadline=None)
def test_extremes_equal_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    np.testing.assert_array_equal(rolling_max(values, window), fresh(values, window, np.max))
    np.testing.assert_array_equal(rolling_min(values, window), fresh(values, window, np.min))


@cases
@settings(max_examples=40, deadline=None)
def test_weighted_means_equal_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values, weights = gappy(seed, rows, symbols), 0.8 ** np.arange(window)
    expected = fresh(values, window, lambda v: weights @ v[::-1])
    np.testing.assert_allclose(weighted_sum(values, weights), expected, rtol=1e-13)
    np.testing.assert_allclose(decayed_mean(values, window, 0.8), expected / weights.sum(), rtol=1e-13)


@cases
@settings(max_examples=40, deadline=None)
def test_shapes_equal_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    values[:, 0] += np.linspace(0.0, 1.0, rows)  # no window of equal values, which have no shape
    for kernel, statistic in ((rolling_skewness, stats.skew), (rolling_kurtosis, stats.kurtosis)):
        expected = fresh(values, window + 3, lambda v, s=statistic: s(v, bias=False))
        np.testing.assert_allclose(kernel(values, window + 3), expected, rtol=1e-7, atol=1e-7)


@cases
@settings(max_examples=40, deadline=None)
def test_autocovariance_equals_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values, ahead = gappy(seed, rows, symbols), 1 + seed % 3
    expected = fresh(values, window + ahead, lambda v: np.cov(v[ahead:], v[:-ahead], ddof=0)[0, 1])
    np.testing.assert_allclose(rolling_autocovariance(values, window, ahead), expected, rtol=1e-9, atol=1e-11)


@cases
@settings(max_examples=40, deadline=None)
def test_trend_equals_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)
    values[:, 0] += np.linspace(0.0, 1.0, rows) ** 2

    def statistic(v: NDArray[np.float64]) -> float:
        fit = stats.linregress(np.arange(len(v)), v - 1e4)
        return float(fit.slope / fit.stderr)

    expected = fresh(values, window + 3, statistic)
    np.testing.assert_allclose(rolling_trend(values, window + 3), expected, rtol=1e-6, atol=1e-7)


@cases
@settings(max_examples=40, deadline=None)
def test_quantile_equals_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values, q = np.round(gappy(seed, rows, symbols), 1), (seed % 11) / 10.0  # rounded, so that some are equal
    expected = fresh(values, window, lambda v: np.quantile(v, q))
    np.testing.assert_allclose(rolling_quantile(values, window, q), expected, rtol=1e-14)


@cases
@settings(max_examples=40, deadline=None)
def test_entropies_equal_every_window_from_scratch(seed: int, rows: int, symbols: int, window: int) -> None:
    values = gappy(seed, rows, symbols)

    def of_bins(v: NDArray[np.float64]) -> float:
        spread = max(v.max() - v.min(), 1e-300)
        return entropy(np.minimum(((v - v.min()) / spread * 4).astype(int), 3)) / np.log(4.0)

    def of_orders(v: NDArray[np.float64]) -> float:
        runs = np.lib.stride_tricks.sliding_window_view(v, 3)
        return entropy([tuple(np.argsort(run, kind="stable")) for run in runs]) / np.log(6.0)

    np.testing.assert_allclose(rolling_entropy(values, window, 4), fresh(values, window, of_bins), atol=1e-12)
    expected = fresh(values, window + 2, of_orders)
    np.testing.assert_allclose(rolling_order_entropy(values, window + 2, 3), expected, atol=1e-12)


def entropy(seen: object) -> float:
    counts = np.unique(np.asarray(seen), axis=0, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-np.sum(shares * np.log(shares)))


KERNELS: list[Callable[[NDArray[np.float64]], NDArray[np.float64]]] = [
    lambda v: lag(v, 3),
    lambda v: rolling_mean(v, 6),
    lambda v: rolling_std(v, 6, 1),
    lambda v: rolling_max(v, 6),
    lambda v: decayed_mean(v, 6, 0.9),
    lambda v: weighted_sum(v, np.array([1.0, -0.4, -0.12])),
    lambda v: rolling_skewness(v, 6),
    lambda v: rolling_kurtosis(v, 6),
    lambda v: rolling_autocovariance(v, 6, 2),
    lambda v: rolling_trend(v, 6),
    lambda v: rolling_quantile(v, 6, 0.3),
    lambda v: rolling_entropy(v, 6, 3),
    lambda v: rolling_order_entropy(v, 6, 3),
]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_symbol_has_the_same_bits_alone_as_among_others(
    kernel: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    # more columns than a tile has, that begin, end and pause here and there, and one without any value
    generator = np.random.default_rng(11)
    values = generator.normal(size=(50, TILE + 9))
    values[:20, 3], values[30:, 7], values[25:31, TILE + 2], values[:, 12] = NAN, NAN, NAN, NAN
    values[:4, 20:90] = NAN
    panel = kernel(values)
    for symbol in (0, 3, 7, 20, 89, TILE - 1, TILE, TILE + 2, TILE + 8):
        rows = ~np.isnan(values[:, symbol])
        alone = kernel(np.ascontiguousarray(values[rows, symbol : symbol + 1]))[:, 0]
        assert np.count_nonzero(~np.isnan(alone)) >= np.count_nonzero(rows) - 8
        assert panel[rows, symbol].tobytes() == alone.tobytes()
        assert np.isnan(panel[~rows, symbol]).all()
    assert np.isnan(panel[:, 12]).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_left_the_window_leaves_nothing_behind(
    kernel: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    tail = np.random.default_rng(13).normal(size=(40, 1))
    for before in (1e9, -1e9):
        values = np.concatenate([np.full((23, 1), before), tail])
        np.testing.assert_allclose(kernel(values)[31:], kernel(tail)[8:], rtol=1e-9)


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
    for result in (
        lag(values, window),
        rolling_mean(values, window),
        rolling_std(values, window, 1),
        rolling_max(values, window),
        rolling_quantile(values, window, 0.5),
        rolling_trend(values, window),
        rolling_autocovariance(values, window, 1),
        rolling_entropy(values, window, 4),
    ):
        assert np.isnan(result).all()
