"""Linear forecasters."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ForecastError, check, is_finite
from quantml.forecasters.base import Question, Train
from quantml.forecasters.tabular import Tabular, require_probability, window

__all__ = ["Linear", "LinearFunction", "Logistic", "LogisticFunction", "Ridge"]

LOGGER = logging.getLogger("quantml")


@dataclass(frozen=True, eq=False)
class LinearFunction(ReadOnly):
    """``intercept + ((x - centre) / scale) @ coefficients``.

    Attributes
    ----------
    intercept : float
    coefficients, centre, scale : ndarray of float64, shape (features,)
        The coefficients are per standard deviation of their feature in training.
    """

    intercept: float
    coefficients: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate the function on rows, shape (rows, features)."""
        return np.asarray(self.intercept + ((x - self.centre) / self.scale) @ self.coefficients, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LogisticFunction:
    """``1 / (1 + exp(-z))`` of a linear function z: a probability."""

    line: LinearFunction

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate the function on rows, shape (rows, features)."""
        from scipy.special import expit

        return np.asarray(expit(self.line.predict(x)), dtype=np.float64)


@dataclass(frozen=True)
class Linear(Tabular):
    """Ordinary least squares with an intercept; sample weights weight the squares.

    Where features are collinear, the solution is the one of least norm in standardised features.

    Raises
    ------
    ForecastError
        In `fit`, also where there are no more rows than features.
    """

    def least_rows(self, features: int) -> int:
        """Return how many rows it needs: one more than features, and two."""
        return max(features + 1, 2)

    def learn(self, rows: Train) -> LinearFunction:
        """Solve the least squares."""
        count, features = rows.x.shape
        if count <= features:
            raise ForecastError("Linear", must=f"have more training rows than its {features} features", got=count,
                                where=window(rows), hint="Lengthen train, or use Ridge.")  # fmt: skip
        return _least_squares(rows, penalty=0.0)


@dataclass(frozen=True)
class Ridge(Tabular):
    r"""Ridge regression on features standardised over the training rows, with an unpenalised intercept.

    .. math:: \min_b \sum_i w_i (y_i - \bar y - z_i' b)^2 + \alpha \lVert b \rVert^2

    with z the standardised features and w the sample weights, 1 where there are none: what scikit-learn's
    ``StandardScaler`` and ``Ridge(alpha)`` compute one after the other.

    Parameters
    ----------
    alpha : float
        Penalty, above 0; comparable with the number of rows, since each z has a sum of squares of that size.

    Raises
    ------
    ParameterError
        If `alpha` is out of range.
    """

    alpha: float = 1.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(_is_positive(self.alpha), "Ridge.alpha", "be a finite number above 0", self.alpha)

    def learn(self, rows: Train) -> LinearFunction:
        """Solve the penalised least squares."""
        return _least_squares(rows, penalty=self.alpha)


@dataclass(frozen=True)
class Logistic(Tabular):
    r"""Logistic regression for a direction or the success of a rule, on features standardised over the training rows.

    .. math:: \min_{a, b} \tfrac12 \lVert b \rVert^2 + C \sum_i w_i \log(1 + e^{-s_i (a + z_i' b)})

    with z the standardised features, s 1 where the target is 1 and -1 where it is 0, and w the sample weights, 1 where
    there are none. Solved by Newton's method (scikit-learn's ``newton-cholesky``) until the gradient is below 1e-8.

    Parameters
    ----------
    C : float
        Inverse of the penalty, above 0.

    Raises
    ------
    ParameterError
        If `C` is out of range.
    """

    C: float = 1.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(_is_positive(self.C), "Logistic.C", "be a finite number above 0", self.C)

    def check_question(self, question: Question) -> None:
        """Raise `ForecastError` unless the probability of a direction or of success is asked for."""
        require_probability(self.label, question)

    def learn(self, rows: Train) -> LogisticFunction:
        """Minimise the penalised logistic loss; an optimiser that gives up is logged as a warning."""
        from sklearn.linear_model import LogisticRegression

        weight = _weights(rows)
        centre, scale = _standard(rows.x, weight)
        model = LogisticRegression(C=self.C, solver="newton-cholesky", tol=1e-8, max_iter=100)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit((rows.x - centre) / scale, rows.y.astype(np.int64), sample_weight=weight)
        for warning in caught:
            LOGGER.warning("Logistic (%s): %s", window(rows), warning.message)
        return LogisticFunction(LinearFunction(float(model.intercept_[0]), model.coef_[0], centre, scale))


def _least_squares(rows: Train, *, penalty: float) -> LinearFunction:
    """Solve by singular values; those that are zero but for rounding, of collinear features, are left out."""
    weight = _weights(rows)
    centre, scale = _standard(rows.x, weight)
    mean = float(np.average(rows.y, weights=weight))
    root = np.sqrt(weight)
    left, size, right = np.linalg.svd(root[:, None] * ((rows.x - centre) / scale), full_matrices=False)
    used = size > max(rows.x.shape) * np.finfo(np.float64).eps * size[0]
    shrunk = np.divide(size, size**2 + penalty, out=np.zeros_like(size), where=used)
    return LinearFunction(mean, right.T @ (shrunk * (left.T @ (root * (rows.y - mean)))), centre, scale)


def _is_positive(value: object) -> bool:
    return is_finite(value) and value > 0.0


def _weights(rows: Train) -> NDArray[np.float64]:
    return np.ones(len(rows.y)) if rows.weight is None else rows.weight


def _standard(x: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the standard deviation (ddof=0) of each feature; 1 for one that is constant."""
    centre = np.average(x, axis=0, weights=weight)
    scale = np.sqrt(np.average((x - centre) ** 2, axis=0, weights=weight))
    constant = scale <= len(x) * np.finfo(np.float64).eps * np.abs(centre)
    return centre, np.where(constant, 1.0, scale)
