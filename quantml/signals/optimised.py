"""Optimisation by skfolio, for portfolios that have no closed form; needs the extra ``portfolio``."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

import numpy as np

from quantml.errors import MissingExtra, check, is_finite
from quantml.signals.allocation import Allocation
from quantml.signals.covariance import Matrix, Unsolvable, Vector

SOLVER_ERRORS: Final = {
    "cvxpy.error": ("SolverError",),
    "skfolio.exceptions": ("NonPositiveVarianceError", "OptimizationError"),
}
"""What optimisers raise that find no solution, by module; none of it derives from Python's own errors."""


@dataclass(frozen=True)
class Optimised(Allocation):
    """Split exposure as an optimiser of skfolio does, or any estimator with ``fit(returns)`` and ``weights_``.

    A copy of the optimiser is fitted to the candidates' returns on every row that is a decision, which takes
    milliseconds: put `Rebalance` before it. A row that it finds no solution for is flat, and counted in a warning.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    optimiser : estimator
        Such as ``skfolio.optimization.MaximumDiversification()``; its weights are taken for shares of the exposure.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    optimiser: Any = field(kw_only=True)

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        held = callable(getattr(self.optimiser, "fit", None)) and not isinstance(self.optimiser, type)
        check(held, "Optimised.optimiser", "have a method fit(returns)", self.optimiser)

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        return _optimised(self.optimiser, returns)


@dataclass(frozen=True)
class MinimumShortfall(Allocation):
    """Split exposure so that the mean of the worst returns of the last `window` rows is least; long only.

    Needs the extra ``portfolio``: a linear programme of skfolio's ``MeanRisk`` is solved on every row that is a
    decision, which takes tens of milliseconds. Put `Rebalance` before it.

    Parameters
    ----------
    window : int
        Rows of the clock, at least 2.
    level : float
        The worst ``1 - level`` of returns are averaged; above 0 and below 1.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    MissingExtra
        When it decides, if skfolio is not installed.

    References
    ----------
    Rockafellar and Uryasev (2000), Optimization of conditional value-at-risk, Journal of Risk 2(3).
    """

    level: float = 0.95

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        inside = is_finite(self.level) and 0.0 < self.level < 1.0
        check(inside, "MinimumShortfall.level", "be above 0 and below 1", self.level)

    def shares(self, returns: Matrix) -> Vector:
        """Return each column's share of the exposure."""
        try:
            skfolio, optimization = import_module("skfolio"), import_module("skfolio.optimization")
        except ImportError as error:
            raise MissingExtra.of("portfolio", "skfolio") from error
        return _optimised(optimization.MeanRisk(risk_measure=skfolio.RiskMeasure.CVAR, cvar_beta=self.level), returns)


def _optimised(optimiser: Any, returns: Matrix) -> Vector:
    """Fit a copy of the optimiser and return its weights."""
    fitted = copy.deepcopy(optimiser)
    try:
        fitted.fit(returns)
    except _failures() as error:
        raise Unsolvable(f"an optimiser that failed ({type(error).__name__})") from error
    weights = np.asarray(fitted.weights_, dtype=np.float64)
    if weights.shape != (returns.shape[1],) or not np.isfinite(weights).all():
        raise Unsolvable("an optimiser that gave no weights")
    return weights


def _failures() -> tuple[type[Exception], ...]:
    """Return the errors that say there is no solution, those of packages as far as they are installed."""
    found: list[type[Exception]] = [ArithmeticError, RuntimeError, ValueError]
    for module, names in SOLVER_ERRORS.items():
        with suppress(ImportError):
            found += [getattr(import_module(module), name) for name in names if hasattr(import_module(module), name)]
    return tuple(found)
