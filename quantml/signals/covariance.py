"""Covariances of returns: how the risk of an allocation is estimated.

An estimator is a function of returns, shape (window, n), that gives their covariance, shape (n, n), per row of the
clock. A function of your own does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import check, is_finite
from quantml.space import Declaration

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

LEAST_PIVOT: Final = 1e-10
"""Share of a symbol's variance that the others must leave unexplained for a covariance to be regular."""


class Covariance(Protocol):
    """An estimator of covariances."""

    def __call__(self, returns: Matrix, /) -> Matrix:
        """Return the covariance, shape (n, n), of returns, shape (window, n)."""


@dataclass(frozen=True)
class SampleCovariance(Declaration):
    """The sample covariance, ddof=1. It is singular where there are as many symbols as rows."""

    def __call__(self, returns: Matrix, /) -> Matrix:
        """Return the covariance, shape (n, n), of returns, shape (window, n)."""
        centred = returns - returns.mean(axis=0)
        return np.asarray(centred.T @ centred / (len(returns) - 1), dtype=np.float64)


@dataclass(frozen=True)
class EwmaCovariance(Declaration):
    """The exponentially weighted mean of the products of returns; no mean is subtracted.

    The covariance is ``sum_i d^i r_(t-i) r_(t-i)' / sum_i d^i`` over the window, with ``d = 0.5^(1 / half_life)``: a
    row counts half as much as one `half_life` rows later.

    Parameters
    ----------
    half_life : float
        Rows, positive.

    Raises
    ------
    ParameterError
        If `half_life` is not positive.

    References
    ----------
    RiskMetrics (1996), Technical Document, 4th edition, section 5.2; its decay of 0.94 is a half-life of 11.2 days.
    """

    half_life: float = 11.2

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = is_finite(self.half_life) and self.half_life > 0.0
        check(held, "EwmaCovariance.half_life", "be a finite number above 0", self.half_life)

    def __call__(self, returns: Matrix, /) -> Matrix:
        """Return the covariance, shape (n, n), of returns, shape (window, n)."""
        decay = 0.5 ** (np.arange(len(returns))[::-1] / self.half_life)
        return np.asarray((returns * (decay / decay.sum())[:, None]).T @ returns, dtype=np.float64)


@dataclass(frozen=True)
class LedoitWolf(Declaration):
    """The sample covariance, shrunk towards equal variances without correlation as far as its noise suggests.

    It is regular even where there are more symbols than rows. The covariance is divided by the number of rows, as in
    the paper and in scikit-learn.

    References
    ----------
    Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88(2), section 3.3.
    """

    def __call__(self, returns: Matrix, /) -> Matrix:
        """Return the covariance, shape (n, n), of returns, shape (window, n)."""
        rows, columns = returns.shape
        centred = returns - returns.mean(axis=0)
        sample = centred.T @ centred / rows
        level = np.trace(sample) / columns
        distance = np.sum(sample**2) / columns - level**2
        squares = centred**2
        noise = (np.sum(squares.T @ squares) / rows - np.sum(sample**2)) / (columns * rows)
        shrinkage = min(noise / distance, 1.0) if distance > 0.0 else 0.0
        shrunk = (1.0 - shrinkage) * sample
        shrunk[np.diag_indices(columns)] += shrinkage * level
        return np.asarray(shrunk, dtype=np.float64)


class Unsolvable(Exception):
    """Weights that cannot be produced on a row; the text is the reason, read after "with"."""


def deviations(covariance: Matrix) -> Vector:
    """Return the standard deviations; raise `Unsolvable` where one is not positive."""
    variances = np.diag(covariance)
    if not (variances > 0.0).all():
        raise Unsolvable("a symbol that does not move")
    return np.sqrt(variances)


def check_regular(covariance: Matrix) -> None:
    """Raise `Unsolvable` where some symbol's returns are a combination of the others'."""
    scale = deviations(covariance)
    try:
        pivots = np.diag(np.linalg.cholesky(covariance / np.outer(scale, scale))) ** 2
    except np.linalg.LinAlgError:
        raise Unsolvable("a singular covariance") from None
    if not (pivots > LEAST_PIVOT).all():
        raise Unsolvable("a singular covariance")
