"""Volatility of a model that is estimated from training returns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import types

from quantml.features.transforms.base import Matrix
from quantml.features.transforms.filters import LOGGER, Filter, written
from quantml.kernels import F1, kernel

__all__ = ["GarchVolatility"]


@dataclass(frozen=True)
class GarchVolatility(Filter):
    r"""The volatility of a symbol's next return by a GARCH(1, 1) model, annualised; 0.2 is 20 % a year.

    .. math:: h_{t+1} = \omega + \alpha (r_t - \mu)^2 + \beta h_t

    Parameters are estimated from the training returns by normal maximum likelihood, with the package arch. The
    recursion then runs from the first training return through the block with parameters fixed; what stands at t
    uses the returns up to t alone. It starts from the variance of the training returns. arch also keeps h within
    wide bounds, which are not applied here.

    Returns are simple, from own bar to own bar, and annualised by the square root of the symbol's bars per year. A
    symbol with fewer than 100 training returns, or constant ones, is logged as a warning and NaN; so is, but with its
    values, one whose estimation does not converge.

    References
    ----------
    Bollerslev (1986), Journal of Econometrics 31, 307-327.
    """

    least: ClassVar[int] = 100

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the column."""
        return ("GarchVolatility()",)

    def estimate(self, returns: Matrix, where: str) -> Matrix:
        """Return mu, omega, alpha, beta, and the variance that the recursion starts from."""
        from arch import arch_model

        scale = returns.std()  # the optimiser is badly conditioned on variances near 1e-4
        model = arch_model(returns / scale, mean="Constant", vol="GARCH", p=1, q=1, rescale=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = model.fit(disp="off", show_warning=False, backcast=1.0)
        for text in [str(warning.message) for warning in caught]:
            LOGGER.warning("%s (%s): %s", written(self), where, text)
        if result.convergence_flag != 0:
            LOGGER.warning("%s did not converge (%s)", written(self), where)
        mu, omega, alpha, beta = result.params.to_numpy(dtype=np.float64)
        return np.array([mu * scale, omega * scale**2, alpha, beta, scale**2])

    def run(self, returns: Matrix, parameters: Matrix, periods_per_year: float) -> Matrix:
        """Return the annualised volatility, shape (n, 1), of the return after each."""
        return np.asarray(np.sqrt(_variances(returns, parameters) * periods_per_year)[:, None], dtype=np.float64)


@kernel(types.float64[::1](F1, F1))
def _variances(returns: Matrix, parameters: Matrix) -> Matrix:
    mu, omega, alpha, beta, first = parameters
    variance = omega + (alpha + beta) * first
    result = np.empty(len(returns))
    for row in range(len(returns)):
        variance = omega + alpha * (returns[row] - mu) ** 2 + beta * variance
        result[row] = variance
    return result
