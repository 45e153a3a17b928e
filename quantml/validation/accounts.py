"""Accounts of rules: each candidate is simulated once over the whole history, and scored on every fold's training bars.

A rule with nothing to fit decides alike in every fold, so that one account holds its trades in all of them. That is so
where costs are in proportion to what is traded: what an account earns then hangs on no size that it has grown to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ParameterError, StudyError
from quantml.evaluation import metrics
from quantml.evaluation.stretches import sharpe_over
from quantml.faults import users_code
from quantml.signals.base import apply_steps
from quantml.validation import scoring
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold
from quantml.validation.swept import swept_returns
from quantml.validation.tuning import Objective

Floats = NDArray[np.float64]
Key = tuple[tuple[str, str], ...]


class Stretch(NamedTuple):
    """Bars whose returns are scored, by their positions: `begin` is the first, `end` comes after the last."""

    begin: int
    end: int

    @classmethod
    def of(cls, rows: NDArray[np.int64], fold: Fold) -> Stretch:
        """Take the bars after the first of a fold's rows, up to the close at which the fold begins to decide."""
        return cls(int(rows[0]) + 1, fold.start + 1)


@dataclass(frozen=True, eq=False)
class Scores(ReadOnly):
    """The objective of each candidate on each stretch.

    Attributes
    ----------
    candidates, stretches : mapping
        Where each of them stands in `values`.
    values : ndarray, shape (candidates, stretches)
    """

    candidates: Mapping[Key, int]
    stretches: Mapping[Stretch, int]
    values: Floats

    def of(self, key: Key, stretch: Stretch) -> float:
        """Return the score of a candidate on a stretch."""
        return float(self.values[self.candidates[key], self.stretches[stretch]])


def are_independent(problem: Problem, values: Values) -> bool:
    """Say whether a candidate's account may be kept once for all folds."""
    study = problem.resolved(values)
    plain = study.costs.are_proportional and study.simulator is None
    return plain and study.forecaster is None and study.validation.is_forward and not scoring.is_fitted(problem, values)


def score_accounts(problem: Problem, fold: Fold, listed: Sequence[Values], rows: NDArray[np.int64]) -> list[float]:
    """Score candidates on the bars that follow some training rows of a fold.

    Parameters
    ----------
    problem : Problem
    fold : Fold
    listed : sequence of mappings
    rows : ndarray of int64
        The fold's training window, or its validation part.

    Returns
    -------
    list of float
        Higher is better; NaN where the objective is not defined.
    """
    scores = _shared(problem, fold, listed)
    return [scores.of(problem.key(values), Stretch.of(rows, fold)) for values in listed]


def _shared(problem: Problem, fold: Fold, listed: Sequence[Values]) -> Scores:
    """Score the candidates of a fold; those that all folds have, once for all of them."""
    keys = tuple(map(problem.key, listed))
    common = problem.once(("accounts",), lambda: _of_every_fold(problem))
    if common.candidates.keys() >= set(keys) and Stretch.of(fold.train, fold) in common.stretches:
        return common
    return problem.once(("accounts", fold.number, keys), lambda: _scored(problem, listed, [fold]))


def _of_every_fold(problem: Problem) -> Scores:
    """Score what every fold tries, on every fold; nothing where each fold draws its own candidates."""
    tuning, folds = problem.study.tuning, problem.study.validation.folds(problem.bars.clock)
    listed: Sequence[Values] = [{}]
    if tuning is not None:
        listed = tuning.candidates(problem.study.spaces, np.random.SeedSequence(0)) if tuning.lists_all else []
    return _scored(problem, [values for values in listed if _resolves(problem, values)], folds)


def _resolves(problem: Problem, values: Values) -> bool:
    try:
        problem.resolved(values)
    except ParameterError:
        return False
    return True


def _scored(problem: Problem, listed: Sequence[Values], folds: Sequence[Fold]) -> Scores:
    parts = {Stretch.of(rows, fold) for fold in folds for rows in (fold.train, fold.validation) if rows is not None}
    stretches = sorted(parts)
    objective, scored = scoring.objective_of(problem), np.full((len(listed), len(stretches)), np.nan)
    for first, earned in _earned(problem, listed):
        scored[first : first + len(earned.returns)] = _over(problem, objective, earned, stretches)
    columns = {stretch: n for n, stretch in enumerate(stretches)}
    return Scores({problem.key(values): n for n, values in enumerate(listed)}, columns, scored)


class _Earned(NamedTuple):
    """Net returns of some candidates, shape (candidates, T), and what cash earned, shape (T,)."""

    returns: Floats
    risk_free: Floats


def _earned(problem: Problem, listed: Sequence[Values]) -> Iterator[tuple[int, _Earned]]:
    """Yield the returns of candidates, some at a time, with the place of the first of them."""
    place, nothing = 0, np.zeros(len(problem.bars))
    for block in swept_returns(problem, listed):
        yield place, _Earned(block, nothing)
        place += len(block)
    for at in range(place, len(listed)):
        yield at, _simulated(problem, listed[at])


def _simulated(problem: Problem, values: Values) -> _Earned:
    study = problem.resolved(values)
    weights = apply_steps(study.steps, problem.context(values))
    first = scoring.first_row(study, 0)
    account = scoring.account(study, problem.bars, problem.fill, weights.frame.iloc[first:])
    before = np.zeros(first)
    return _Earned(
        np.concatenate([before, account.returns.to_numpy()])[None, :],
        np.concatenate([before, account.risk_free.to_numpy()]),
    )


def _over(problem: Problem, objective: Objective, earned: _Earned, stretches: Sequence[Stretch]) -> Floats:
    """Return the objective of each row of returns on each stretch."""
    if objective.metric is metrics.sharpe_ratio:
        edges = np.array(stretches, dtype=np.int64)
        return sharpe_over(earned.returns - earned.risk_free, edges, periods_per_year=problem.bars.periods_per_year)
    return np.array([[_score(problem, objective, row, earned.risk_free, one) for one in stretches]
                     for row in earned.returns])  # fmt: skip


def _score(problem: Problem, objective: Objective, returns: Floats, risk_free: Floats, stretch: Stretch) -> float:
    clock = problem.bars.clock[stretch.begin : stretch.end]
    series, cash = (pd.Series(part[stretch.begin : stretch.end], clock) for part in (returns, risk_free))
    with users_code(objective.metric, f"the objective {objective.name}", StudyError):
        return objective.score(series, problem.bars.periods_per_year, cash)
