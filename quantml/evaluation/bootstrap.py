"""Confidence intervals for dependent data: the studentised circular block bootstrap.

The method is Ledoit and Wolf (2008), "Robust performance hypothesis testing with the Sharpe ratio", Journal of
Empirical Finance 15(5), section 3.2. A statistic is a smooth function of means of a few columns. Blocks of
neighbouring periods are drawn from the circle that the series is bent into (Politis and Romano 1992), so that
dependence inside a block survives; each resample's deviation is divided by its own standard error, and the quantile
of the absolute value of that ratio takes the place of the normal's 1.96.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numba import types
from numba.core.types.npytypes import NumPyRandomGeneratorType
from numpy.typing import ArrayLike, NDArray

from quantml.errors import ParameterError
from quantml.evaluation.series import Values, as_returns, varies
from quantml.kernels import F2, kernel

Seed = int | np.random.SeedSequence

FEWEST = 20
"""Periods below which no interval is given."""

ROUNDING = 1e-10
"""A variance below this part of the mean square is what rounding leaves of zero."""

_GENERATOR = NumPyRandomGeneratorType("NumPyRandomGeneratorType")
_SUMS = types.Tuple((types.float64[:, ::1], types.float64[:, :, ::1]))


class Statistic(Protocol):
    """A smooth function of the means of K columns, which are centred at zero in the sample."""

    @property
    def columns(self) -> Values:
        """Shape (T, K), each with mean zero."""

    def value(self, means: Values) -> Values:
        """The statistic at each row of `means`, shape (R, K) to (R,)."""

    def gradient(self, means: Values) -> Values:
        """Its derivatives by the means, shape (R, K) to (R, K)."""


@dataclass(frozen=True)
class Spread:
    """How far a statistic may lie from its estimate."""

    estimate: float
    half_width: float
    block: int


class BlockLength(NamedTuple):
    """Block lengths, in periods, that are optimal for the two block bootstraps."""

    circular: float
    stationary: float


def optimal_block_length(values: ArrayLike) -> BlockLength:
    """Choose block lengths from the data's own autocorrelations.

    Politis and White (2004), Econometric Reviews 23(1), as corrected by Patton, Politis and White (2009), 28(4).

    Parameters
    ----------
    values : array_like, shape (T,)
        The series whose mean is resampled.

    Returns
    -------
    BlockLength
        In periods, not rounded; 1 for a series that does not vary or has fewer than `FEWEST` values.
    """
    from arch.bootstrap import optimal_block_length as politis_white

    series = as_returns(values, "values")
    if series.size < FEWEST or not varies(series):
        return BlockLength(1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # a series that is zero but for a few values
        row = politis_white((series - series.mean()) / series.std()).iloc[0]
    circular, stationary = float(row["circular"]), float(row["stationary"])
    return BlockLength(circular, stationary) if math.isfinite(circular + stationary) else BlockLength(1.0, 1.0)


def studentised(statistic: Statistic, *, confidence: float, resamples: int, block: int | None, seed: Seed) -> Spread:
    """Compute the half width of the symmetric studentised interval around a statistic's estimate.

    Returns
    -------
    Spread
        The half width is NaN below `FEWEST` periods, and infinite where too many resamples do not vary.

    Raises
    ------
    ParameterError
        If `confidence` is not between 0 and 1, `resamples` is below 100, or `block` is not between 1 and T / 2.
    """
    if not 0.0 < confidence < 1.0:
        raise ParameterError("confidence", must="be between 0 and 1", got=confidence)
    if resamples < 100:
        raise ParameterError("resamples", must="be at least 100", got=resamples)
    columns = statistic.columns
    origin = np.zeros((1, columns.shape[1]))
    estimate = float(statistic.value(origin)[0])
    influence = columns @ statistic.gradient(origin)[0]
    length = _block(influence, block)
    if len(columns) < FEWEST:
        return Spread(estimate, math.nan, length)
    ratios = _studentised_deviations(statistic, estimate, length, resamples, np.random.default_rng(seed))
    deviation = math.sqrt(long_run_variance(influence) / len(columns))
    return Spread(estimate, float(np.quantile(ratios, confidence, method="higher")) * deviation, length)


def _block(influence: Values, block: int | None) -> int:
    size = influence.size
    if block is None:
        return max(1, min(math.ceil(optimal_block_length(influence).circular), size // 4))
    if not 1 <= block <= size // 2:
        raise ParameterError("block", must=f"be between 1 and half of the {size} periods", got=block)
    return int(block)


def _studentised_deviations(
    statistic: Statistic, estimate: float, length: int, resamples: int, generator: np.random.Generator
) -> Values:
    """Absolute deviations of the resamples over their standard errors; infinite for a resample that does not vary."""
    blocks = len(statistic.columns) // length
    sums, products = resample_blocks(block_sums(statistic.columns, length), blocks, resamples, generator)
    means = sums / (blocks * length)
    squares = products / (blocks * length**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = statistic.gradient(means)
        level = np.einsum("ri,rij,rj->r", slope, squares, slope)
        variance = level - np.einsum("ri,ri->r", slope, means) ** 2
        ratios = np.abs(statistic.value(means) - estimate) / np.sqrt(variance / blocks)
    moving = np.isfinite(ratios) & (variance > ROUNDING * level)
    return np.where(moving, ratios, np.inf)


def block_sums(columns: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sum every block of `length` neighbouring rows, the last rows followed by the first.

    Parameters
    ----------
    columns : ndarray, shape (T, K)
    length : int
        At most T.

    Returns
    -------
    ndarray, shape (T, K)
        Row t sums rows t, t + 1, ..., t + length - 1.

    Examples
    --------
    >>> block_sums(np.array([[1.0], [2.0], [4.0]]), 2).ravel()
    array([3., 6., 5.])
    """
    running = np.cumsum(np.vstack([np.zeros((1, columns.shape[1])), columns, columns[: length - 1]]), axis=0)
    return np.asarray(running[length:] - running[:-length])


@kernel(_SUMS(F2, types.int64, types.int64, _GENERATOR))
def resample_blocks(
    sums: NDArray[np.float64], blocks: int, resamples: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw blocks with replacement and keep only each resample's running sums.

    Parameters
    ----------
    sums : ndarray, shape (T, K)
        Sum of the block that starts at each row; see `block_sums`.
    blocks, resamples : int
        Blocks in a resample, and number of resamples.
    generator : numpy Generator

    Returns
    -------
    total : ndarray, shape (resamples, K)
        Sum of the drawn block sums.
    products : ndarray, shape (resamples, K, K)
        Sum of their outer products.
    """
    starts, width = sums.shape
    total = np.zeros((resamples, width))
    products = np.zeros((resamples, width, width))
    for resample in range(resamples):
        for _ in range(blocks):
            start = int(generator.random() * starts)
            for i in range(width):
                total[resample, i] += sums[start, i]
                for j in range(width):
                    products[resample, i, j] += sums[start, i] * sums[start, j]
    return total, products


def long_run_variance(values: Values) -> float:
    """Variance of a dependent series' mean times its length, by a prewhitened quadratic spectral kernel.

    Andrews and Monahan (1992), Econometrica 60(4), with the automatic bandwidth of Andrews (1991), Econometrica 59(3),
    equations 6.2 and 6.4, both by an autoregression of order one.

    Parameters
    ----------
    values : ndarray, shape (T,)
        At least three values that vary.

    Returns
    -------
    float
        At or above 0.
    """
    centred = values - values.mean()
    whitening = float(np.clip(_autoregression(centred), -0.97, 0.97))
    residuals = centred[1:] - whitening * centred[:-1]
    size = residuals.size
    persistence = float(np.clip(_autoregression(residuals), -0.97, 0.97))
    bandwidth = 1.3221 * (4.0 * persistence**2 / (1.0 - persistence) ** 4 * size) ** 0.2
    covariances = _autocovariances(residuals)
    weights = _quadratic_spectral(np.arange(1, size) / max(bandwidth, 1e-8))
    return max(float(covariances[0] + 2.0 * weights @ covariances[1:]), 0.0) / (1.0 - whitening) ** 2


def _autoregression(values: Values) -> float:
    before = values[:-1]
    power = float(before @ before)
    return float(values[1:] @ before) / power if power > 0.0 else 0.0


def _autocovariances(values: Values) -> Values:
    size = values.size
    spectrum = np.fft.rfft(values, 2 * size)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, 2 * size)[:size] / size)


def _quadratic_spectral(lags: Values) -> Values:
    angle = 6.0 * np.pi * lags / 5.0
    return 25.0 / (12.0 * np.pi**2 * lags**2) * (np.sin(angle) / angle - np.cos(angle))
