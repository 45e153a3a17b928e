"""Allocation: how exposure is split among symbols, from the risk of holding them together.

Without a forecaster an allocation may be the first step: it invests 1.0 in the members of the universe that have a bar.
After other steps it splits the gross exposure of each row anew among the symbols that they hold: sides stay as they
are, and what is held short is measured as such. Symbols too young to be measured get nothing of it. Rows that are no
decision stay none and cost no time: put `Rebalance` before an allocation, not behind it, as in
``[EqualWeight(), Rebalance("1m"), RiskParity(120)]``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numba import types
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist

from quantml.errors import ParameterError, SignalError, check, is_finite
from quantml.forecasters.base import Forecast
from quantml.kernels import F2, I1, kernel
from quantml.signals.base import Context, Weights, weights_for
from quantml.signals.covariance import (
    Covariance,
    Matrix,
    SampleCovariance,
    Unsolvable,
    Vector,
    check_regular,
    deviations,
)
from quantml.signals.quadratic import solve_quadratic
from quantml.signals.windows import Window, Windowed
from quantml.space import Declaration


@dataclass(frozen=True)
class EqualWeight(Declaration):
    """Split gross exposure into equal weights: 1/n each of the universe, or of what the steps before it hold."""

    by_row: ClassVar[bool] = True

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights.

        Raises
        ------
        SignalError
            If this is the first step of a study with a forecaster.
        """
        given = exposures(self, inputs, context)
        held = np.maximum(np.sum(np.nan_to_num(given) != 0.0, axis=1, keepdims=True), 1)
        return context.weights(np.sign(given) * np.nansum(np.abs(given), axis=1, keepdims=True) / held)


@dataclass(frozen=True)
class Allocation(Windowed):
    """Base of the allocations that measure what the candidates would have returned."""

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights.

        Raises
        ------
        SignalError
            If this is the first step of a study with a forecaster.
        """
        given = exposures(self, inputs, context)
        wanted = np.nan_to_num(given) != 0.0
        asked = np.ones(len(given), dtype=np.bool_) if inputs is None else wanted.any(axis=1)
        return context.weights(np.where(np.isnan(given), np.nan, self.solve_rows(wanted, asked, given, context)))

    def solve(self, window: Window, inputs: Any) -> Vector:
        """Split the gross exposure of the row among its candidates."""
        given = inputs[window.row]
        side = np.sign(given[window.columns])
        return np.asarray(side * self.shares(window.returns * side) * np.nansum(np.abs(given)), dtype=np.float64)

    @abstractmethod
    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure, shape (n,), from returns of shape (window, n).

        Raises
        ------
        Unsolvable
            If there are none; the text says why.
        """


def exposures(step: object, inputs: Any, context: Context) -> Matrix:
    """Return the weights that an allocation splits anew; without any, equal ones of the universe."""
    if isinstance(inputs, Forecast):
        hint = "Put a rule before it, such as Sign() or TopK(), or use MeanVariance() or BlackLitterman()."
        raise SignalError(type(step).__name__, must="receive weights, or no forecast at all", got="Forecast", hint=hint)
    if inputs is not None:
        return weights_for(step, inputs).values
    universe = context.universe
    return np.asarray(universe / np.maximum(universe.sum(axis=1, keepdims=True), 1), dtype=np.float64)


@dataclass(frozen=True)
class InverseVolatility(Allocation):
    """Split exposure in inverse proportion to each symbol's standard deviation over the last `window` rows.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.

    Raises
    ------
    ParameterError
        If `window` is out of range.
    """

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        deviation = returns.std(axis=0, ddof=1)
        if not (deviation > 0.0).all():
            raise Unsolvable("a symbol that does not move")
        return np.asarray((1.0 / deviation) / np.sum(1.0 / deviation), dtype=np.float64)


@dataclass(frozen=True)
class MinimumVariance(Allocation):
    """Split exposure so that the variance of the whole is least.

    Without bounds the shares are ``C^-1 1 / (1' C^-1 1)``, some of which may be negative and so turn a side round; with
    them they are the exact solution of the quadratic programme.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).
    lower, upper : float, optional
        Bounds of each share; ``lower=0.0`` keeps every side as it is.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    covariance: Covariance = field(default_factory=SampleCovariance)
    lower: float | None = None
    upper: float | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_covariance(self, self.covariance)
        check_bounds(self, self.lower, self.upper)

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        covariance = self.covariance(returns)
        return best_weights(covariance, np.zeros(len(covariance)), (self.lower, self.upper), 1.0)


@dataclass(frozen=True)
class RiskParity(Allocation):
    """Split exposure so that every symbol contributes as much to the standard deviation of the whole.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Maillard, Roncalli and Teiletche (2010), The properties of equally weighted risk contribution portfolios, Journal of
    Portfolio Management 36(4); solved by cyclical coordinate descent as in Griveau-Billion, Richard and Roncalli
    (2013), A fast algorithm for computing high-dimensional risk parity portfolios, section 2.2.
    """

    covariance: Covariance = field(default_factory=SampleCovariance)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_covariance(self, self.covariance)

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        covariance = self.covariance(returns)
        scale = deviations(covariance)
        units = _equal_contributions(np.ascontiguousarray(covariance / np.outer(scale, scale)))
        if np.isnan(units).any():
            raise Unsolvable("risk contributions that cannot be made equal")
        return np.asarray((units / scale) / np.sum(units / scale), dtype=np.float64)


@kernel(types.float64[::1](F2))
def _equal_contributions(correlation: Matrix) -> Vector:
    """Return x > 0 with ``x_i (C x)_i = 1`` for every i; NaN where 10,000 rounds do not settle."""
    count = len(correlation)
    units = np.ones(count)
    for _ in range(10_000):
        moved = 0.0
        for i in range(count):
            others = -correlation[i, i] * units[i]
            for j in range(count):
                others += correlation[i, j] * units[j]
            found = (np.sqrt(others**2 + 4.0 * correlation[i, i]) - others) / (2.0 * correlation[i, i])
            moved = max(moved, abs(found - units[i]) / found)
            units[i] = found
        if moved < 1e-13:
            return units
    return np.full(count, np.nan)


@dataclass(frozen=True)
class HierarchicalRiskParity(Allocation):
    """Split exposure along a tree of symbols that move alike, in halves, in inverse proportion to their variance.

    Symbols are clustered by single linkage of the distances ``sqrt((1 - correlation) / 2)``, or rather of the Euclidean
    distances between the columns of their matrix, and put in the order of the tree; the row of symbols is then halved
    again and again. No covariance is inverted, so that it may be singular.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Lopez de Prado (2016), Building diversified portfolios that outperform out of sample, Journal of Portfolio
    Management 42(4); the same (2018), Advances in Financial Machine Learning, snippets 16.1 to 16.4.
    """

    covariance: Covariance = field(default_factory=SampleCovariance)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        check_covariance(self, self.covariance)

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        covariance = self.covariance(returns)
        scale = deviations(covariance)
        if len(scale) == 1:
            return np.ones(1)
        distance = np.sqrt(np.clip((1.0 - covariance / np.outer(scale, scale)) / 2.0, 0.0, 1.0))
        order = leaves_list(linkage(pdist(distance), "single")).astype(np.int64)
        return np.asarray(_halved(np.ascontiguousarray(covariance), order), dtype=np.float64)


@kernel(types.float64(F2, I1))
def _cluster_variance(covariance: Matrix, cluster: NDArray[np.int64]) -> float:
    """Return the variance of a cluster whose weights are inverse to their own variances."""
    variance, total = 0.0, 0.0
    for i in cluster:
        total += 1.0 / covariance[i, i]
        for j in cluster:
            variance += covariance[i, j] / (covariance[i, i] * covariance[j, j])
    return variance / total**2


@kernel(types.float64[::1](F2, I1))
def _halved(covariance: Matrix, order: NDArray[np.int64]) -> Vector:
    """Share risk between the two halves of a row of symbols, and then within each of them."""
    count = len(order)
    shares, pending = np.ones(count), [(0, count)]
    while len(pending) > 0:
        begin, end = pending.pop()
        middle = begin + (end - begin) // 2
        if middle == begin:
            continue
        first = _cluster_variance(covariance, order[begin:middle])
        second = _cluster_variance(covariance, order[middle:end])
        shares[order[begin:middle]] *= second / (first + second)
        shares[order[middle:end]] *= first / (first + second)
        pending.append((begin, middle))
        pending.append((middle, end))
    return shares


def best_weights(
    covariance: Matrix, mean: Vector, bounds: tuple[float | None, float | None], budget: float | None
) -> Vector:
    """Minimise ``w'Cw / 2 - m'w`` within bounds, with the sum of `budget` where there is one; or raise `Unsolvable`."""
    check_regular(covariance)
    lower, upper = (infinite if bound is None else float(bound) for infinite, bound in zip((-np.inf, np.inf), bounds))
    count, total = len(mean), np.nan if budget is None else float(budget)
    found = solve_quadratic(
        np.ascontiguousarray(covariance), np.ascontiguousarray(mean), np.full(count, lower), np.full(count, upper),
        total,
    )  # fmt: skip
    if np.isnan(found).any():
        raise Unsolvable("bounds that its candidates cannot keep")
    return found


def check_covariance(step: object, covariance: object) -> None:
    """Raise `ParameterError` unless a covariance is a function of returns."""
    rule = "be a function of returns, such as SampleCovariance()"
    check(callable(covariance) and not isinstance(covariance, type), f"{type(step).__name__}.covariance", rule,
          covariance)  # fmt: skip


def check_bounds(step: object, lower: float | None, upper: float | None) -> None:
    """Raise `ParameterError` unless bounds are finite, where they are given, and the lower is below the upper."""
    name = type(step).__name__
    for side, value in (("lower", lower), ("upper", upper)):
        check(value is None or is_finite(value), f"{name}.{side}", "be a finite number, or None", value)
    if lower is not None and upper is not None and not lower < upper:
        raise ParameterError(f"{name}.lower", must=f"be below upper, {upper}", got=lower)
