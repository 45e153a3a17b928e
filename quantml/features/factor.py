"""Rolling regressions of each symbol's returns on a benchmark or on factors: beta, residual return and volatility."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError, check, did_you_mean
from quantml.features.base import Feature, evaluate, stated_warmup
from quantml.features.own_bars import check_count, on_panel, simple_returns
from quantml.features.rolling import lag
from quantml.kernels import F2, F3, kernel
from quantml.space import Declaration

__all__ = ["ResidualVolatility", "RollingBeta", "RollingResidual"]

COLLINEAR: Final = 1e-12
"""Share of a factor's variance that others leave unexplained, at or below which it cannot be told from them."""


@dataclass(frozen=True)
class _Regression(Declaration):
    window: int
    benchmark: str | Feature
    given: tuple[str | Feature, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.given, list):
            object.__setattr__(self, "given", tuple(self.given))
        super().__post_init__()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        name = type(self).__name__
        check(isinstance(self.given, tuple), f"{name}.given", "be a tuple of symbols and features", self.given)
        for part, value in (("benchmark", self.benchmark), *(("given", value) for value in self.given)):
            if isinstance(value, type) or not (isinstance(value, str) or callable(value)):
                raise ParameterError(f"{name}.{part}", must="be a symbol or a feature", got=value)
        check_count(self, "window", len(self.given) + 3)

    @property
    def _factors(self) -> tuple[str | Feature, ...]:
        return (self.benchmark, *self.given)

    @property
    def warmup(self) -> int:
        """Own bars before the first value, where every factor has values from its own warm-up on."""
        known = [stated_warmup(factor) for factor in self._factors if not isinstance(factor, str)]
        return max([1, *known]) + self.window - 1  # the first return stands on the second bar

    def _regress(self, bars: Bars) -> NDArray[np.float64]:
        """Return the slope on the benchmark, the newest residual and the residuals' deviation, shape (3, T, N)."""
        factors = np.stack([self._values(factor, bars) for factor in self._factors])
        return np.asarray(_regress(simple_returns(bars, 1), factors, self.window), dtype=np.float64)

    def _values(self, factor: Any, bars: Bars) -> NDArray[np.float64]:
        if not isinstance(factor, str):
            return evaluate(factor, bars)
        if factor not in bars.symbols:
            hint = did_you_mean(factor, bars.symbols) if len(bars.symbols) <= 20 else ""
            subject = f"a benchmark of {type(self).__name__}"
            raise FeatureError(subject, must="be a symbol of the bars", got=factor, hint=hint)
        return _returns_alike(bars, bars.symbols.index(factor))


@dataclass(frozen=True)
class RollingBeta(_Regression):
    """Slope of a symbol's returns on a benchmark's, by least squares with a constant over the last `window` own bars.

    Over a symbol's pause its return is taken from its bar before, and so is that of a benchmark which is a symbol. A
    bar on which the return or a factor is missing does not count. NaN where the factors in the window are collinear,
    or do not move.

    Parameters
    ----------
    window : int
        Returns, at least two more than the coefficients besides the constant.
    benchmark : str or feature
        A symbol of the bars, or the factor's returns themselves, such as ``Outside("factors", "market")``.
    given : sequence of str or features
        Other factors in the regression: the slope is then the one on `benchmark` with these held fixed.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars without the benchmark.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.02, -0.01, 0.05], "SPY": [0.01, -0.005, 0.025]},
    ...                        index=pd.bdate_range("2024-01-02", periods=3))
    >>> RollingBeta(3, "SPY")(Bars.from_returns(returns, base="2024-01-01"))["A"].round(6).tolist()
    [nan, nan, nan, 2.0]
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the slopes, time x symbol."""
        return on_panel(self._regress(bars)[0], bars)


@dataclass(frozen=True)
class RollingResidual(_Regression):
    """The part of a symbol's newest return that its factors do not explain: the last residual of `RollingBeta`'s fit.

    The constant is taken off too, and the newest return takes part in the fit.

    Parameters
    ----------
    window : int
        Returns, at least two more than the coefficients besides the constant.
    benchmark : str or feature
        A symbol of the bars, or a factor's returns themselves.
    given : sequence of str or features
        Other factors in the regression.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars without the benchmark.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the residuals, time x symbol."""
        return on_panel(self._regress(bars)[1], bars)


@dataclass(frozen=True)
class ResidualVolatility(_Regression):
    """Idiosyncratic volatility: the deviation of the residuals of `RollingBeta`'s fit, annualised.

    Their squares are summed and divided by `window` less the number of coefficients, constant included, and the root
    is multiplied by that of the symbol's bars per year.

    Parameters
    ----------
    window : int
        Returns, at least two more than the coefficients besides the constant.
    benchmark : str or feature
        A symbol of the bars, or a factor's returns themselves.
    given : sequence of str or features
        Other factors in the regression.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars without the benchmark.
    """

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the annualised volatilities, time x symbol."""
        return on_panel(self._regress(bars)[2] * np.sqrt(bars.own_periods_per_year), bars)


def _returns_alike(bars: Bars, benchmark: int) -> NDArray[np.float64]:
    """Return the benchmark's return between the same two rows as each symbol's own, shape (T, N)."""
    rows = np.where(bars.traded, np.arange(len(bars), dtype=np.float64)[:, None], np.nan)
    before = lag(rows, 1)
    known = ~np.isnan(before)
    close = bars.array("close")[:, benchmark]
    base = close[np.where(known, before, 0.0).astype(np.int64)]
    return np.where(known, close[:, None] / base - 1.0, np.nan)


@kernel(types.boolean(types.float64[:, ::1], types.float64[::1]))
def _solve(matrix: NDArray[np.float64], vector: NDArray[np.float64]) -> bool:
    """Solve a positive definite system in place by Cholesky; return whether it is definite."""
    size = len(vector)
    for j in range(size):
        whole = matrix[j, j]
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        if not matrix[j, j] > COLLINEAR * whole:
            return False
        matrix[j, j] = np.sqrt(matrix[j, j])
        for i in range(j + 1, size):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for i in range(size):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]
    return True


@kernel(types.void(types.float64[:, ::1], types.float64[::1]))
def _fit(own: NDArray[np.float64], told: NDArray[np.float64]) -> None:
    """Regress the last column on the others; tell the first slope, the last residual and the residuals' deviation."""
    window, size = own.shape[0], own.shape[1] - 1
    means = np.zeros(size + 1)
    for row in range(window):
        means += own[row]
    means /= window
    matrix, slopes = np.zeros((size, size)), np.zeros(size)
    for row in range(window):
        for i in range(size):
            apart = own[row, i] - means[i]
            slopes[i] += apart * (own[row, size] - means[size])
            for j in range(i + 1):
                matrix[i, j] += apart * (own[row, j] - means[j])
    if not _solve(matrix, slopes):
        return
    squares, residual = 0.0, 0.0
    for row in range(window):
        residual = own[row, size] - means[size]
        for i in range(size):
            residual -= slopes[i] * (own[row, i] - means[i])
        squares += residual * residual
    told[0], told[1], told[2] = slopes[0], residual, np.sqrt(squares / (window - size - 1))


@kernel(types.float64[:, :, ::1](F2, F3, types.int64))
def _regress(returns: NDArray[np.float64], factors: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    size, rows, symbols = factors.shape
    told, fitted = np.full((3, rows, symbols), np.nan), np.empty(3)
    own = np.empty((rows, size + 1))
    for symbol in range(symbols):
        seen = 0
        for row in range(rows):
            for i in range(size):
                own[seen, i] = factors[i, row, symbol]
            own[seen, size] = returns[row, symbol]
            if np.isnan(own[seen]).any():
                continue
            seen += 1
            if seen >= window:
                fitted[:] = np.nan
                _fit(own[seen - window : seen], fitted)
                told[:, row, symbol] = fitted
    return told
