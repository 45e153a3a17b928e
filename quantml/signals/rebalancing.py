"""Rebalancing: how far decisions follow their target, given what is held and what trading costs.

What is held before a decision is what the decision before left, drifted by the returns since: each step keeps books of
weights from the first row on, through every fold, as if every decision were filled at its close and cost nothing. They
are an estimate: the account fills later and pays. A target of exactly 0.0 is always followed in full, so that what is
sold is sold, and what has left the universe with it. Rows that are no decision stay none, and a row on which nothing is
to be traded becomes one: positions drift.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import SignalError, check, is_finite, is_whole
from quantml.kernels import F1, F2, kernel
from quantml.signals.allocation import check_covariance
from quantml.signals.base import Context, Weights, weights_for
from quantml.signals.covariance import Covariance, Matrix, SampleCovariance, Vector
from quantml.signals.windows import measured
from quantml.simulation.costs import BPS
from quantml.space import Declaration

ROUNDS: Final = 10_000
"""Most passes over the weights of a row."""


@dataclass(frozen=True)
class NoTradeBand(Declaration):
    """Trade a symbol only where its weight has drifted further than `width` from its target.

    Where trading costs are in proportion to what is traded, the best trade stops at the near edge of the band; where
    each trade costs the same, it goes to the target. Where others are traded, a symbol within its band is given the
    weight that it has drifted to.

    Parameters
    ----------
    width : float
        In units of weight, at least 0; half of the band.
    to_edge : bool
        Whether to trade to the near edge of the band instead of the target.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Davis and Norman (1990), Portfolio selection with transaction costs, Mathematics of Operations Research 15(4);
    Leland (2000), Optimal portfolio implementation with transactions costs and capital gains taxes.
    """

    width: float
    to_edge: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a finite number of at least 0"
        check(is_finite(self.width) and self.width >= 0.0, "NoTradeBand.width", rule, self.width)
        check(isinstance(self.to_edge, bool), "NoTradeBand.to_edge", "be True or False", self.to_edge)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Thin the trades out.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        targets, returns = _books(self, inputs, context)
        return context.weights(_banded(targets, returns, float(self.width), self.width * float(self.to_edge)))


@dataclass(frozen=True)
class TurnoverCap(Declaration):
    """Go only part of the way to the target where all of it would trade more than `limit`.

    Turnover is the sum of absolute changes of weights against what is held. Every trade of the row is cut by the same
    share; what is missing is not made up for unless later decisions ask for it. Targets of exactly 0.0 come first: they
    are followed in full, even where they alone trade more.

    Parameters
    ----------
    limit : float
        Largest turnover of one decision, positive; 2.0 turns a fully invested account over.

    Raises
    ------
    ParameterError
        If `limit` is not positive.
    """

    limit: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a finite number above 0"
        check(is_finite(self.limit) and self.limit > 0.0, "TurnoverCap.limit", rule, self.limit)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Cut the trades.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        targets, returns = _books(self, inputs, context)
        return context.weights(_capped(targets, returns, float(self.limit)))


@dataclass(frozen=True)
class CostAwareRebalance(Declaration):
    r"""Trade only what reduces risk against the target by more than it costs.

    With w the target, h what is held, and c what a fill costs of its notional (the study's `Costs.fill_bps`; costs that
    are not in proportion to it are left out), the new weights are

    .. math:: \min_x\ \frac{\gamma H}{2} (x - w)' \Sigma (x - w) + c \sum_i |x_i - h_i|

    solved exactly by cyclical coordinate descent. Where the target itself is the best portfolio without costs for the
    same risk aversion, this is the best one with them. A symbol alone is traded to the edge of a band of
    :math:`c / (\gamma H \sigma^2)` around its target. One that cannot be measured, having fewer than `window` rows
    since its first bar or not moving at all, is traded to its target.

    Parameters
    ----------
    risk_aversion : float
        Positive.
    horizon : int
        H, rows for which the decision is expected to stand.
    window : int
        Rows of the clock that the covariance is measured on, at least 2.
    covariance : function
        Of returns, shape (window, n), that gives their covariance, shape (n, n).

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Garleanu and Pedersen (2013), Dynamic trading with predictable returns and transaction costs, Journal of Finance
    68(6), for one period and proportional costs.
    """

    risk_aversion: float
    horizon: int = 21
    window: int = 120
    covariance: Covariance = field(default_factory=SampleCovariance)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        name, positive = type(self).__name__, is_finite(self.risk_aversion) and self.risk_aversion > 0.0
        check(positive, f"{name}.risk_aversion", "be a finite number above 0", self.risk_aversion)
        check(is_whole(self.horizon, least=1), f"{name}.horizon", "be a whole number of at least 1", self.horizon)
        rule = "be a whole number of rows, at least 2"
        check(is_whole(self.window, least=2), f"{name}.window", rule, self.window)
        check_covariance(self, self.covariance)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Thin the trades out.

        Raises
        ------
        SignalError
            If this is the first step, or it is not known what trading costs.
        """
        targets, returns = _books(self, inputs, context)
        if context.costs is None:
            hint = "Give the study costs=Costs(...)."
            raise SignalError("CostAwareRebalance", must="know what trading costs", got="no costs", hint=hint)
        cost = context.costs.fill_bps * BPS / (self.risk_aversion * self.horizon)
        _, old = measured(context, int(self.window))
        made, held = np.full_like(targets, np.nan), np.zeros(targets.shape[1])
        for row in range(len(targets)):
            held = _drifted(held, returns[row])
            if not np.isnan(targets[row]).all():
                traded = self._traded(targets, held, returns, old, row, cost)
                made[row] = _decided(traded, targets[row], held)
                held = np.nan_to_num(traded)
        return context.weights(made)

    def _traded(
        self, targets: Matrix, held: Vector, returns: Matrix, old: NDArray[np.bool_], row: int, cost: float
    ) -> Vector:
        """Return the weights after the trades of one row."""
        target: Vector = targets[row]
        traded = target.copy()
        columns = np.flatnonzero(old[row] & (np.nan_to_num(target) != 0.0))
        if columns.size == 0:
            return traded
        covariance = self.covariance(returns[row - self.window + 1 : row + 1, columns])
        traded[columns] = _soft(np.ascontiguousarray(covariance), target[columns], held[columns], cost)
        return traded


def _books(step: object, inputs: Any, context: Context) -> tuple[Matrix, Matrix]:
    """Return targets and the returns that weights drift by, 0.0 where there is none; both of shape (T, N)."""
    targets = weights_for(step, inputs).values
    decides = ~np.isnan(targets).all(axis=1, keepdims=True)
    leaves = decides & ~context.bars.members  # what is no member is sold after any step
    return np.ascontiguousarray(np.where(leaves, 0.0, targets)), measured(context, 1)[0]


@kernel(types.float64[::1](F1, F1))
def _drifted(held: Vector, returns: Vector) -> Vector:
    """Let weights drift for a row; an account that has lost all holds nothing."""
    growth = 1.0
    for i in range(len(held)):
        growth += held[i] * returns[i]
    drifted = np.zeros(len(held))
    if growth > 0.0:
        for i in range(len(held)):
            drifted[i] = held[i] * (1.0 + returns[i]) / growth
    return drifted


@kernel(types.float64[::1](F1, F1, F1))
def _decided(traded: Vector, target: Vector, held: Vector) -> Vector:
    """Return the row of weights: NaN throughout where nothing is traded, and where the target is NaN."""
    made, moves = traded.copy(), False
    for i in range(len(traded)):
        if np.isnan(target[i]):
            made[i] = np.nan
        elif traded[i] != held[i]:
            moves = True
    if not moves:
        made[:] = np.nan
    return made


@kernel(types.float64[:, ::1](F2, F2, types.float64, types.float64))
def _banded(targets: Matrix, returns: Matrix, width: float, short_of: float) -> Matrix:
    """Trade what is further than `width` from its target, up to `short_of` from it."""
    rows, columns = targets.shape
    made, held = np.full((rows, columns), np.nan), np.zeros(columns)
    for row in range(rows):
        held = _drifted(held, returns[row])
        if np.isnan(targets[row]).all():
            continue
        traded = held.copy()
        for i in range(columns):
            target = targets[row, i]
            if target == 0.0 or np.isnan(target):
                traded[i] = 0.0
            elif abs(held[i] - target) > width:
                traded[i] = target + (short_of if held[i] > target else -short_of)
        made[row] = _decided(traded, targets[row], held)
        held = traded
    return made


@kernel(types.float64[:, ::1](F2, F2, types.float64))
def _capped(targets: Matrix, returns: Matrix, limit: float) -> Matrix:
    """Trade at most `limit`, but exits in full."""
    rows, columns = targets.shape
    made, held = np.full((rows, columns), np.nan), np.zeros(columns)
    for row in range(rows):
        held = _drifted(held, returns[row])
        if np.isnan(targets[row]).all():
            continue
        exits, moves, traded = 0.0, 0.0, np.zeros(columns)
        for i in range(columns):
            target = targets[row, i]
            if target == 0.0 or np.isnan(target):
                exits += abs(held[i])
            else:
                moves += abs(target - held[i])
        left = max(limit - exits, 0.0)
        for i in range(columns):
            target = targets[row, i]
            if target == 0.0 or np.isnan(target):
                continue
            traded[i] = target if moves <= left else held[i] + (target - held[i]) * (left / moves)
        made[row] = _decided(traded, targets[row], held)
        held = traded
    return made


@kernel(types.float64[::1](F2, F1, F1, types.float64))
def _soft(covariance: Matrix, target: Vector, held: Vector, cost: float) -> Vector:
    """Minimise ``(x - w)'C(x - w) / 2 + cost * sum|x - h|``; what does not move goes to its target."""
    count = len(target)
    found = target.copy()
    for _ in range(ROUNDS):
        moved = 0.0
        for i in range(count):
            if covariance[i, i] <= 0.0:
                continue
            pull = 0.0
            for j in range(count):
                if j != i:
                    pull += covariance[i, j] * (found[j] - target[j])
            free = target[i] - pull / covariance[i, i] - held[i]
            edge = cost / covariance[i, i]
            best = held[i]
            if abs(free) > edge:
                best += free - edge if free > 0.0 else free + edge
            moved = max(moved, abs(best - found[i]))
            found[i] = best
        if moved < 1e-15:
            break
    return found
