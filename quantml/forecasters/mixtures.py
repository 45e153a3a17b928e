"""Several forecasts of the same thing, averaged to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["mix"]


def mix(
    means: NDArray[np.float64], variances: NDArray[np.float64] | None, shares: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    r"""Average forecasts over their last axis.

    With shares w that sum to 1, means m and variances v, the mean and the variance are those of a mixture,

    .. math:: \bar m = \sum_i w_i m_i, \qquad \bar v = \sum_i w_i v_i + \sum_i w_i (m_i - \bar m)^2

    the mean of the variances and the variance of the means. Forecasts that are NaN are left out, and the shares of the
    others scaled up to a sum of 1; where they sum to nothing, the others count alike. Where all are NaN, so is the
    average. One forecast alone is left as it is, bit by bit.

    Parameters
    ----------
    means : ndarray of float64, shape (..., M)
    variances : ndarray of float64, shape (..., M), or None
    shares : array, of a shape that broadcasts to that of `means`

    Returns
    -------
    ndarray of float64, shape (...)
    ndarray of float64, shape (...), or None

    Examples
    --------
    >>> mean, variance = mix(np.array([1.0, 3.0]), np.array([0.5, 0.5]), [0.75, 0.25])
    >>> float(mean), float(variance)
    (1.5, 1.25)
    """
    kept = _kept(means, np.asarray(shares, dtype=np.float64))
    none = np.isnan(means).all(axis=-1)
    mean = np.where(none, np.nan, _sum(kept, means))
    if variances is None:
        return mean, None
    spread = np.where(kept == 0.0, 0.0, (means - mean[..., None]) ** 2)
    return mean, np.where(none, np.nan, _sum(kept, variances + spread))


def _kept(means: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares of the forecasts that there are, with a sum of 1."""
    there = ~np.isnan(means)
    kept = np.where(there, shares, 0.0)
    total = kept.sum(axis=-1, keepdims=True)
    kept = np.where(total == 0.0, there, kept)
    total = kept.sum(axis=-1, keepdims=True)
    shared = np.divide(kept, total, out=np.zeros(kept.shape), where=total != 0.0)
    return np.asarray(shared, dtype=np.float64)


def _sum(shares: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(shares == 0.0, 0.0, shares * values).sum(axis=-1), dtype=np.float64)
