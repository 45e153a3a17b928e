"""The quadratic programme by hand, and by the conditions that only its solution meets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.signals import quadratic
from quantml.signals.quadratic import solve_quadratic

NAN, INF = float("nan"), float("inf")


def solve(covariance: Any, mean: Any, lower: float, upper: float, budget: float = NAN) -> Any:
    n = len(mean)
    square = np.array(covariance, dtype=float)
    return solve_quadratic(square, np.array(mean, dtype=float), np.full(n, lower), np.full(n, upper), budget)


def test_by_hand() -> None:
    # 1, 1 and 4 for variances: 4/9, 4/9 and 1/9 without bounds; no more than 0.4 leaves the third 0.2
    variances, zeros = np.diag([1.0, 1.0, 4.0]), [0.0, 0.0, 0.0]
    np.testing.assert_allclose(solve(variances, zeros, -INF, INF, 1.0), [4 / 9, 4 / 9, 1 / 9], rtol=1e-14)
    np.testing.assert_allclose(solve(variances, zeros, -INF, 0.4, 1.0), [0.4, 0.4, 0.2], rtol=1e-14)
    np.testing.assert_allclose(solve(variances, zeros, 0.3, INF, 1.0), [0.35, 0.35, 0.3], rtol=1e-14)
    # means over variances are 0.5, -0.25 and 0.5
    np.testing.assert_allclose(solve(variances, [0.5, -0.25, 2.0], -INF, INF), [0.5, -0.25, 0.5], rtol=1e-14)
    assert solve(variances, [0.5, -0.25, 2.0], 0.0, 0.4).tolist() == [0.4, 0.0, 0.4]
    # all on their bounds at once, and all free to leave them
    assert solve(variances, [9.0, 9.0, 9.0], 0.0, 0.5).tolist() == [0.5, 0.5, 0.5]
    np.testing.assert_allclose(solve(variances, zeros, 0.0, 1 / 3, 1.0), [1 / 3, 1 / 3, 1 / 3], rtol=1e-14)


def test_a_weight_that_a_bound_of_another_lets_go_of() -> None:
    # 2.4 and -0.6 over 1.8 without bounds; with the second on 0, its slope of 1.6 is above the first's 1: it stays
    square = [[1.0, 1.6], [1.6, 4.0]]
    np.testing.assert_allclose(solve(square, [0, 0], -INF, INF, 1.0), [4 / 3, -1 / 3], rtol=1e-14)
    assert solve(square, [0, 0], 0.0, INF, 1.0).tolist() == [1.0, 0.0]


def test_bounds_that_contradict_the_budget() -> None:
    assert np.isnan(solve(np.eye(3), [0, 0, 0], 0.0, 0.3, 1.0)).all()
    assert np.isnan(solve(np.eye(3), [0, 0, 0], 0.4, 1.0, 1.0)).all()


def test_the_active_set_finds_the_same_without_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = getattr(solve_quadratic, "py_func", solve_quadratic)
    for seed in range(40):
        problem = drawn(seed, 7)
        expected = solve_quadratic(*problem)
        with monkeypatch.context() as patch:
            patch.setattr(quadratic, "_start", lambda *_: False)
            np.testing.assert_allclose(plain(*problem), expected, rtol=1e-9, atol=1e-11)


def test_of_weights_that_are_all_on_bounds_two_are_freed() -> None:
    side = np.array([-1, 1, -1])
    assert (
        quadratic._release(np.array([0.3, 0.2, 0.4]), 1e-10, 0.0, 1.0, side) is False
    )  # giving costs, taking gains less
    assert quadratic._release(np.array([0.3, 0.5, 0.4]), 1e-10, 0.0, 1.0, side)
    assert side.tolist() == [0, 0, -1]


def drawn(seed: int, n: int) -> tuple[Any, ...]:
    """Draw a problem with some infinite bounds, feasible or not, with a budget or without."""
    g = np.random.default_rng(seed)
    root = g.normal(size=(n + 3, n)) * 10 ** g.uniform(-2, 0)
    square = root.T @ root + 1e-3 * np.trace(root.T @ root) / n * np.eye(n)
    mean = g.normal(size=n) * 10 ** g.uniform(-3, 1) * np.trace(square) / n
    lower, upper = (np.where(g.random(n) < 0.3, INF, g.random(n)) for _ in range(2))
    return square, mean, -lower, upper, NAN if g.random() < 0.3 else float(g.uniform(-0.5, 1.0))


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12))
def test_no_small_move_within_the_bounds_is_better(seed: int, n: int) -> None:
    square, mean, lower, upper, budget = drawn(seed, n)
    found = solve_quadratic(square, mean, lower, upper, budget)
    if np.isnan(found).any():
        assert lower.sum() > budget or upper.sum() < budget
        return
    slope = square @ found - mean
    scale = np.max(np.abs(square @ found) + np.abs(mean))
    up, down = found < upper - 1e-9, found > lower + 1e-9
    assert np.all(found >= lower - 1e-12)
    assert np.all(found <= upper + 1e-12)
    if np.isnan(budget):
        assert np.all(slope[up] >= -1e-9 * scale)
        assert np.all(slope[down] <= 1e-9 * scale)
    else:  # taking from one to give to another gains nothing
        assert found.sum() == pytest.approx(budget, abs=1e-12)
        assert not up.any() or not down.any() or slope[down].max() <= slope[up].min() + 1e-9 * scale
