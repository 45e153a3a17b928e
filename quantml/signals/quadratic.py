"""The quadratic programme behind mean and variance, solved exactly by an active set."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, I1, kernel

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SLACK: Final = 1e-12
"""How far beyond a bound a weight may be before it is put on it."""

GUESSES: Final = 30
"""Rounds in which weights may leave their bounds before any solution is known."""

FLAT: Final = 1e-10
"""Slope below which leaving a bound gains nothing, relative to the largest of its two parts."""


@kernel(types.Tuple((types.float64[::1], types.float64))(F2, F1, F1, I1, types.float64))
def _best_in_face(
    covariance: Matrix, mean: Vector, weights: Vector, side: NDArray[np.int64], budget: float
) -> tuple[Vector, float]:
    """Minimise over the free weights alone, those with a `side` of 0; the others stay where they are.

    Returns
    -------
    tuple of ndarray and float
        The weights, and the price of the budget: what one unit more of it costs.
    """
    free = np.flatnonzero(side == 0)
    found, price = weights.copy(), 0.0
    count = len(free)
    if count == 0:
        return found, price
    square, sides, rest = np.empty((count, count)), np.ones((count, 2)), budget
    for i in range(count):
        pull = mean[free[i]]
        for j in range(len(weights)):
            if side[j] != 0:
                pull -= covariance[free[i], j] * weights[j]
        for j in range(count):
            square[i, j] = covariance[free[i], free[j]]
        sides[i, 0] = pull
    for j in range(len(weights)):
        if side[j] != 0:
            rest -= weights[j]
    solved = np.linalg.solve(square, sides)
    if not np.isnan(budget):
        price = (rest - np.sum(solved[:, 0])) / np.sum(solved[:, 1])
    for i in range(count):
        found[free[i]] = solved[i, 0] + price * solved[i, 1]
    return found, price


@kernel(types.float64[::1](F1, F1, types.float64))
def _within(lower: Vector, upper: Vector, budget: float) -> Vector:
    """Return some weights within their bounds that add up to the budget, as evenly as the bounds let them."""
    count = len(lower)
    even = 0.0 if np.isnan(budget) else budget / count
    weights: Vector = np.minimum(np.maximum(np.full(count, even), lower), upper)
    if np.isnan(budget):
        return weights
    missing = budget - np.sum(weights)
    for i in range(count):
        moved = min(max(weights[i] + missing, lower[i]), upper[i])
        missing -= moved - weights[i]
        weights[i] = moved
    return weights


@kernel(types.boolean(F2, F1, F1, F1, types.float64, types.float64[::1], types.int64[::1]))
def _start(
    covariance: Matrix, mean: Vector, lower: Vector, upper: Vector, budget: float,
    weights: Vector, side: NDArray[np.int64],
) -> bool:  # fmt: skip
    """Guess which weights are on a bound, all at once, until the guess is right; False where that leads nowhere.

    A weight beyond a bound is put on it. For the first rounds one that would gain by leaving its bound is freed too,
    which mostly ends at the solution; after them none is, so that the guess ends within the bounds at least.
    """
    rounds, changed = 0, True
    while changed:
        found, price = _best_in_face(covariance, mean, weights, side, budget)
        pull = covariance @ found
        slope, gain, changed = pull - mean, FLAT * np.max(np.abs(pull) + np.abs(mean)), False
        for i in range(len(weights)):
            if side[i] == 0 and found[i] < lower[i] - SLACK:
                weights[i], side[i], changed = lower[i], -1, True
            elif side[i] == 0 and found[i] > upper[i] + SLACK:
                weights[i], side[i], changed = upper[i], 1, True
            elif rounds < GUESSES and side[i] * (slope[i] - price) > gain:
                side[i], changed = 0, True
        if changed and np.sum(side == 0) == 0 and not np.isnan(budget):
            return False
        rounds += 1
    weights[:] = found
    return True


@kernel(types.int64(F1, F1, F1, F1, types.int64[::1], types.float64[::1]))
def _advance(
    found: Vector, lower: Vector, upper: Vector, before: Vector, side: NDArray[np.int64], weights: Vector
) -> int:
    """Move to what was found, or as far towards it as the first bound; return what hit it, or -1."""
    hit, share = -1, 1.0
    for i in range(len(found)):
        step = found[i] - before[i]
        if side[i] != 0 or lower[i] - SLACK <= found[i] <= upper[i] + SLACK:
            continue
        reached = ((lower[i] if step < 0.0 else upper[i]) - before[i]) / step
        if reached < share:
            hit, share = i, max(reached, 0.0)
    for i in range(len(found)):
        weights[i] = before[i] + share * (found[i] - before[i]) if hit >= 0 else found[i]
    if hit >= 0:
        side[hit] = -1 if found[hit] < before[hit] else 1
        weights[hit] = lower[hit] if side[hit] < 0 else upper[hit]
    return hit


@kernel(types.boolean(F1, types.float64, types.float64, types.float64, types.int64[::1]))
def _release(slope: Vector, least: float, price: float, budget: float, side: NDArray[np.int64]) -> bool:
    """Free the weight that gains most by leaving its bound, two where all are on one; False where none gains."""
    worst, gain, low, high = -1, least, -1, -1
    for i in range(len(slope)):
        if side[i] < 0 and (low < 0 or slope[i] < slope[low]):
            low = i
        if side[i] > 0 and (high < 0 or slope[i] > slope[high]):
            high = i
        leaving = side[i] * (slope[i] - price)
        if leaving > gain:
            worst, gain = i, leaving
    if np.sum(side == 0) == 0 and not np.isnan(budget):
        if low < 0 or high < 0 or slope[high] - slope[low] <= least:
            return False
        side[low], side[high] = 0, 0
        return True
    if worst < 0:
        return False
    side[worst] = 0
    return True


@kernel(types.float64[::1](F2, F1, F1, F1, types.float64))
def solve_quadratic(covariance: Matrix, mean: Vector, lower: Vector, upper: Vector, budget: float) -> Vector:
    r"""Minimise :math:`w'Qw/2 - m'w` with each weight within its bounds and, where there is a budget, their sum on it.

    A primal active set (Nocedal and Wright 2006, Numerical Optimization, algorithm 16.3), started where a primal-dual
    one (Hintermueller, Ito and Kunisch 2003, SIAM Journal on Optimization 13(3)) ends, mostly at the solution: exact,
    and where no bound binds the closed form.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        Positive definite.
    mean, lower, upper : ndarray, shape (n,)
        Bounds may be infinite.
    budget : float
        Sum of the weights; NaN for none.

    Returns
    -------
    ndarray, shape (n,)
        NaN where bounds and budget contradict each other.
    """
    count = len(mean)
    failed = np.full(count, np.nan)
    if not np.isnan(budget) and (np.sum(lower) > budget + SLACK or np.sum(upper) < budget - SLACK):
        return failed
    weights, side = np.zeros(count), np.zeros(count, dtype=np.int64)
    if not _start(covariance, mean, lower, upper, budget, weights, side):
        weights, side = _within(lower, upper, budget), np.zeros(count, dtype=np.int64)
    for _ in range(100 + 20 * count):
        found, price = _best_in_face(covariance, mean, weights, side, budget)
        if _advance(found, lower, upper, weights.copy(), side, weights) >= 0:
            continue
        pull = covariance @ weights
        least = FLAT * np.max(np.abs(pull) + np.abs(mean))
        if not _release(pull - mean, least, price, budget, side):
            return weights
    return failed
