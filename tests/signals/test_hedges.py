"""Hedges by hand, against least squares and the textbook's filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quantml.errors import ParameterError
from quantml.signals import KalmanHedge, OlsHedge
from quantml.signals.covariance import Unsolvable
from quantml.signals.hedges import FittedKalman, Line

NAN = float("nan")
Vector = NDArray[np.float64]


def drawn(seed: int, rows: int = 120) -> tuple[Vector, Vector]:
    generator = np.random.default_rng(seed)
    x = 4.0 + np.cumsum(0.01 * generator.standard_normal(rows))
    y = 0.5 + 0.8 * x + 0.01 * generator.standard_normal(rows)
    x[7], y[30] = NAN, NAN
    return y, x


def test_least_squares_by_hand() -> None:
    # a line of 1 + 2 x with residuals 1 -1 -1 1, whose variance is 4 over two
    y, x = np.array([2.0, 2.0, NAN, 4.0, 8.0]), np.array([0.0, 1.0, 9.0, 2.0, 3.0])
    level, ratio = OlsHedge().fit(y, x).spread(y, x)
    np.testing.assert_allclose(level, np.array([1, -1, NAN, -1, 1]) / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(ratio, [2, 2, NAN, 2, 2], rtol=1e-12)


def test_a_filter_that_hardly_drifts_is_least_squares_so_far() -> None:
    y, x = drawn(1)
    ratio = KalmanHedge(1e-14).fit(y, x).spread(y, x).ratio
    for row in (40, 80, 119):
        both = ~np.isnan(y[: row + 1] + x[: row + 1])
        assert ratio[row] == pytest.approx(np.polyfit(x[: row + 1][both], y[: row + 1][both], 1)[0], rel=1e-4)


def test_the_textbooks_filter() -> None:
    # Harvey (1989), equations 3.2.3, with matrices
    y, x = drawn(2)
    line, drift = Line(4.0, 3.7, 0.8, 1e-4, 1e-3), 1e-3
    found = FittedKalman(line, drift, 2.0).spread(y, x)
    state, spread = np.zeros(2), np.diag([1e6 * 1e-4, 1e6 * 1e-4 / 1e-3])
    for row in range(len(y)):
        if np.isnan(y[row] + x[row]):
            assert np.isnan(found.level[row])
            assert np.isnan(found.ratio[row])
            continue
        seen = np.array([1.0, x[row] - 4.0])
        spread = spread + drift * np.diag([1e-4, 1e-4 / 1e-3])
        variance, error = seen @ spread @ seen + 1e-4, y[row] - 3.7 - seen @ state
        state = state + spread @ seen / variance * error
        spread = spread - np.outer(spread @ seen, spread @ seen) / variance
        assert found.level[row] == pytest.approx(error / np.sqrt(variance) / 2.0, rel=1e-6, abs=1e-8)
        assert found.ratio[row] == pytest.approx(state[1], rel=1e-6, abs=1e-8)


def test_a_filters_errors_are_scaled_to_one_in_training() -> None:
    y, x = drawn(3)
    level = KalmanHedge().fit(y, x).spread(y, x).level
    assert level[~np.isnan(level)][20:].std(ddof=1) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("hedge", [OlsHedge(), KalmanHedge()])
def test_what_has_no_line_or_no_spread(hedge: Any) -> None:
    steady, rising = np.full(30, 2.0), np.linspace(0.0, 1.0, 30)
    with pytest.raises(Unsolvable, match="a symbol that does not move"):
        hedge.fit(rising, steady)
    with pytest.raises(Unsolvable, match="two symbols that are one"):
        hedge.fit(2 * rising, rising)


def test_parameters_out_of_range() -> None:
    with pytest.raises(ParameterError) as caught:
        KalmanHedge(0.0)
    assert str(caught.value) == "KalmanHedge.drift must be above 0 and below 1; got 0.0."
