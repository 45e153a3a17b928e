"""Market regimes: the probability of each hidden state, given what has been seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Final

import numpy as np
from numba import types

from quantml.errors import MissingExtra
from quantml.features.own_bars import check_count
from quantml.features.transforms.base import Matrix
from quantml.features.transforms.filters import LOGGER, Filter, written
from quantml.kernels import F1, F2, kernel

__all__ = ["HiddenMarkovRegimes"]

ITERATIONS: Final = 500
"""Most steps of expectation and maximisation."""

TOLERANCE: Final = 1e-4
"""Gain of log likelihood below which the estimation has converged."""

STAYS: Final = 0.95
"""Probability of staying in a state where the estimation starts."""


@dataclass(frozen=True)
class HiddenMarkovRegimes(Filter):
    r"""The probability of each state of a hidden Markov model of a symbol's returns, filtered.

    Each symbol's simple returns are normal with a mean and a variance that hang on a hidden state, which moves by a
    fixed matrix of transition probabilities. Parameters are estimated from the training returns, with hmmlearn's
    expectation maximisation. The probabilities are those of the forward recursion

    .. math:: p_t(k) \propto f_k(r_t) \sum_j p_{t-1}(j) A_{jk}

    with parameters fixed and the returns up to t alone; they are filtered, never smoothed: the usual
    ``predict_proba`` of such models also uses the returns that follow. States are ordered by variance, the calmest
    first; the columns are called ``"HiddenMarkovRegimes(2) state 1"`` and so on, and add up to 1.

    The estimation starts from states that differ in variance: the returns are parted by their distance from the
    mean into equally large groups. Nothing in it is drawn at random. One that does not converge in 500 steps is
    logged as a warning. A symbol with fewer than 25 training returns for each state, or constant ones, is logged
    and NaN.

    Needs the extra ``regimes``.

    Parameters
    ----------
    states : int
        At least 2.

    Raises
    ------
    ParameterError
        If `states` is out of range.
    MissingExtra
        In `fit`, if hmmlearn is not installed.

    References
    ----------
    Hamilton (1994), Time Series Analysis, equations 22.4.5 and 22.4.6; Rabiner (1989), Proceedings of the IEEE 77(2).
    """

    states: int = 2
    least: ClassVar[int] = 25

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(self, "states", 2)

    @property
    def fewest(self) -> int:
        """Fewest training returns of a symbol to estimate from."""
        return self.least * self.states

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, the calmest state first."""
        return tuple(f"HiddenMarkovRegimes({self.states}) state {number + 1}" for number in range(self.states))

    def estimate(self, returns: Matrix, where: str) -> Matrix:
        """Return, in rows: means, variances, probabilities at the first return, and the transition matrix."""
        centre, scale = returns.mean(), returns.std()
        model = _start(_hmmlearn(), (returns - centre) / scale, self.states)
        model.fit(((returns - centre) / scale)[:, None])
        if model.monitor_.iter >= ITERATIONS:
            LOGGER.warning("%s did not converge in %d steps (%s)", written(self), ITERATIONS, where)
        mean, variance = model.means_[:, 0], model.covars_.reshape(self.states)
        order = np.argsort(variance, kind="stable")
        return np.vstack([centre + scale * mean[order], scale**2 * variance[order], model.startprob_[order],
                          model.transmat_[np.ix_(order, order)]])  # fmt: skip

    def run(self, returns: Matrix, parameters: Matrix, periods_per_year: float) -> Matrix:
        """Return the filtered probabilities, shape (n, states), after each return."""
        return _filtered(returns, parameters)


def _hmmlearn() -> Any:
    try:
        return import_module("hmmlearn.hmm")
    except ImportError as error:
        raise MissingExtra.of("regimes", "hmmlearn") from error


def _start(hmmlearn: Any, z: Matrix, states: int) -> Any:
    """Return a model whose states hold equally many of the standardised returns, parted by their size."""
    model = hmmlearn.GaussianHMM(states, covariance_type="diag", n_iter=ITERATIONS, tol=TOLERANCE, init_params="")
    parts = np.array_split(np.sort(np.abs(z)), states)
    model.startprob_ = np.full(states, 1.0 / states)
    model.transmat_ = np.full((states, states), (1.0 - STAYS) / (states - 1))
    np.fill_diagonal(model.transmat_, STAYS)
    model.means_ = np.zeros((states, 1))
    model.covars_ = np.array([[np.mean(part**2) + 1e-3] for part in parts])
    return model


@kernel(types.float64[:, ::1](F1, F2))
def _filtered(returns: Matrix, parameters: Matrix) -> Matrix:
    states = parameters.shape[1]
    mean, variance, transition = parameters[0], parameters[1], parameters[3:]
    before = parameters[2].copy()
    result = np.empty((len(returns), states))
    size = np.empty(states)
    for row in range(len(returns)):
        for k in range(states):
            prior = np.log(before[k]) if before[k] > 0.0 else -np.inf
            size[k] = prior - 0.5 * (np.log(variance[k]) + (returns[row] - mean[k]) ** 2 / variance[k])
        largest = size.max()  # taken off, so that one probability at least does not vanish
        total = 0.0
        for k in range(states):
            result[row, k] = np.exp(size[k] - largest)
            total += result[row, k]
        for k in range(states):
            result[row, k] /= total
        for k in range(states):
            before[k] = 0.0
            for j in range(states):
                before[k] += result[row, j] * transition[j, k]
    return result
