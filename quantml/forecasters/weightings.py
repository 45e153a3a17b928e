"""How much each member of a combination counts, by what its forecasts erred before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ParameterError, check, check_whole, is_finite
from quantml.space import Declaration

__all__ = ["EqualWeights", "Errors", "InverseErrors", "LeastSquares", "Weighting"]


@dataclass(frozen=True, eq=False)
class Errors(ReadOnly):
    """What members' out-of-sample forecasts erred, and when that came to be known.

    Attributes
    ----------
    values : ndarray of float64, shape (T, N, M)
        What came less the forecast, of each decision, symbol and member; NaN throughout the members where one of them
        has no forecast or nothing came, so that all are measured on the same rows.
    known : ndarray of int64, shape (T, N)
        Clock position of the bar at whose close the errors of a row are known; past the last row where never.
    """

    values: NDArray[np.float64]
    known: NDArray[np.int64]

    def totals(
        self, measured: NDArray[np.float64], *, discount: float = 1.0, window: int | None = None, pooled: bool = True
    ) -> NDArray[np.float64]:
        """Sum what was measured of the errors that are known at each row.

        Parameters
        ----------
        measured : ndarray of float64, shape (T, N, K)
            NaN where nothing was.
        discount : float
            What an error counts for each row of the clock that has passed since it was known.
        window : int, optional
            Only errors that came to be known in so many rows, this one included; all of the past by default.
        pooled : bool
            Whether to sum over symbols.

        Returns
        -------
        ndarray of float64, shape (T, 1, K) or (T, N, K)
        """
        arrived = self._arrived(measured, pooled)
        if window is None:
            for row in range(1, len(arrived)):
                arrived[row] += discount * arrived[row - 1]
            return arrived
        sums = np.zeros_like(arrived)
        for age in range(min(window, len(arrived))):
            sums[age:] += discount**age * arrived[: len(arrived) - age]
        return sums

    def _arrived(self, measured: NDArray[np.float64], pooled: bool) -> NDArray[np.float64]:
        """Sum what comes to be known at each row, in the order of decisions, then symbols."""
        rows, symbols, count = measured.shape
        groups = 1 if pooled else symbols
        row, symbol = np.nonzero((self.known < rows) & ~np.isnan(measured).any(axis=2))
        cell = self.known[row, symbol] * groups + (0 if pooled else symbol)
        sums = [np.bincount(cell, measured[row, symbol, k], minlength=rows * groups) for k in range(count)]
        return np.stack(sums, axis=-1).astype(np.float64).reshape(rows, groups, count)


class Weighting(Protocol):
    """How members are weighted over time: a declaration, asked once for the whole record."""

    def weigh(self, errors: Errors) -> NDArray[np.float64]:
        """Return the members' weights at each decision, which must hang on errors known at its row alone.

        Returns
        -------
        ndarray of float64, shape (T, N, M), or one that broadcasts to it
            With a sum of 1 over the members.
        """
        ...


@dataclass(frozen=True)
class EqualWeights(Declaration):
    """Count all members alike, always: hard to beat (Clemen 1989, International Journal of Forecasting 5)."""

    learns: ClassVar[bool] = False
    """Whether weights hang on errors."""

    def weigh(self, errors: Errors) -> NDArray[np.float64]:
        """Return the same number for each member."""
        members = errors.values.shape[-1]
        return np.full((1, 1, members), 1.0 / members)


@dataclass(frozen=True)
class InverseErrors(Declaration):
    r"""Weight each member by the inverse of its mean squared error so far.

    .. math:: w_{i,t} = \frac{1 / S_{i,t}}{\sum_j 1 / S_{j,t}}, \qquad
        S_{i,t} = \sum_{s: \tau_s \le t} \delta^{t - \tau_s} e_{i,s}^2

    with e the errors of out-of-sample forecasts and tau the row at whose close each is known: at its label's end. These
    are the weights of least variance of unbiased members whose errors are uncorrelated. A probability's error is what
    came, 0 or 1, less the probability (its square is the Brier score). Members count alike until an error is known; one
    without any error takes all.

    Parameters
    ----------
    discount : float
        What an error counts for each row of the clock since it was known, above 0, at most 1.
    window : int, optional
        Only errors that came to be known in the last `window` rows; all of the past by default.
    pooled : bool
        One weight for all symbols, from the errors of all; otherwise each symbol by its own errors.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Bates and Granger (1969), The Combination of Forecasts, Operational Research Quarterly 20, section 4: with `window`
    their first way, with `discount` their third.
    """

    learns: ClassVar[bool] = True

    discount: float = 1.0
    window: int | None = None
    pooled: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        _check_past("InverseErrors", self.discount, self.window, self.pooled)

    def weigh(self, errors: Errors) -> NDArray[np.float64]:
        """Return the inverse of each member's sum of squares, beside those of all."""
        past: dict[str, Any] = {"discount": self.discount, "window": self.window, "pooled": self.pooled}
        sums = errors.totals(errors.values**2, **past)
        least = sums.min(axis=-1, keepdims=True)
        inverse = np.divide(least, sums, out=np.ones_like(sums), where=sums > 0.0)  # the least error counts 1
        return np.asarray(inverse / inverse.sum(axis=-1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True)
class LeastSquares(Declaration):
    r"""Weight members so that their combination would have erred least so far, the weights summing to 1.

    .. math:: \min_w \sum_{s: \tau_s \le t} \delta^{t - \tau_s} (w' e_s)^2 \quad\text{with}\quad w' 1 = 1,
        \qquad w_t = \frac{A_t^{-1} 1}{1' A_t^{-1} 1}

    with A the discounted sums of products of the members' errors. It uses that errors are correlated, and weights may
    be negative or above 1; that takes many errors to estimate, and `InverseErrors` is often the better forecast.
    Members count alike until `least` errors are known for each, or where A cannot be inverted.

    Parameters
    ----------
    discount, window, pooled
        As in `InverseErrors`.
    least : int
        How many errors to wait for, at least 2.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Granger and Ramanathan (1984), Improved methods of combining forecasts, Journal of Forecasting 3: method B.
    """

    learns: ClassVar[bool] = True

    discount: float = 1.0
    window: int | None = None
    pooled: bool = True
    least: int = 30

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        _check_past("LeastSquares", self.discount, self.window, self.pooled)
        check_whole("LeastSquares.least", self.least, least=2)

    def weigh(self, errors: Errors) -> NDArray[np.float64]:
        """Return the weights of the least sum of squares."""
        rows, symbols, members = errors.values.shape
        products = (errors.values[..., :, None] * errors.values[..., None, :]).reshape(rows, symbols, -1)
        counted = np.where(np.isnan(products[..., :1]), np.nan, 1.0)
        sums = errors.totals(products, discount=self.discount, window=self.window, pooled=self.pooled)
        counts = errors.totals(counted, window=self.window, pooled=self.pooled)[..., 0]
        squares = sums.reshape(*sums.shape[:2], members, members)
        weights = np.full((*sums.shape[:2], members), 1.0 / members)
        for cell in zip(*np.nonzero(counts >= max(self.least, members)), strict=True):
            weights[cell] = _least(squares[cell])
        return weights


def _least(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights with a sum of 1 of the least square; equal ones where many would do."""
    scale = np.sqrt(np.diag(squares))
    equal = np.full(len(squares), 1.0 / len(squares))
    if not (scale > 0.0).all() or np.linalg.cond(squares / np.outer(scale, scale)) > 1e8:
        return equal
    solved = np.linalg.solve(squares / np.outer(scale, scale), 1.0 / scale) / scale
    return np.asarray(solved / solved.sum(), dtype=np.float64)


def _check_past(label: str, discount: object, window: object, pooled: object) -> None:
    holds = is_finite(discount) and 0.0 < discount <= 1.0
    check(holds, f"{label}.discount", "be a number above 0 and at most 1", discount)
    if window is not None:
        check_whole(f"{label}.window", window, least=1)
    if not isinstance(pooled, bool):
        raise ParameterError(f"{label}.pooled", must="be True or False", got=pooled)
