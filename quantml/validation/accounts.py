"""Accounts of rules: each candidate is simulated once over the whole history, and scored on every fold's training bars.

A rule with nothing to fit decides alike in every fold, so that one account holds its trades in all of them. That is so
where costs are in proportion to what is traded: what an account earns then hangs on no size that it has grown to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import StudyError
from quantml.evaluation import metrics
from quantml.evaluation.stretches import sharpe_over
from quantml.faults import users_code
from quantml.signals.base import apply_steps
from quantml.validation import scoring
from quantml.validation.configurations import named
from quantml.validation.listing import common_candidates
from quantml.validation.objectives import Objective
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Scored
from quantml.validation.splits import Fold
from quantml.validation.swept import swept_returns

Floats = NDArray[np.float64]
Key = tuple[tuple[str, str], ...]


class Stretch(NamedTuple):
    """Bars whose returns are scored, by their positions: `begin` is the first, `end` comes after the last."""

    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class Scores(ReadOnly):
    """The objective of each candidate on each stretch.

    Attributes
    ----------
    listed : sequence of mappings
        The candidates; nothing where they cannot be scored so.
    places : mapping
        Where each of them stands.
    stretches : mapping
        Where each stretch stands.
    values : ndarray, shape (candidates, stretches)
    """

    listed: Sequence[Values]
    places: Mapping[Key, int]
    stretches: Mapping[Stretch, int]
    values: Floats

    def of(self, places: Sequence[int], stretches: Sequence[Stretch]) -> list[Scored]:
        """Return the scores of candidates: on the first of some stretches, and on each of the others."""
        held = self.values[np.ix_(places, [self.stretches[stretch] for stretch in stretches])].tolist()
        return [Scored(whole, tuple(parts)) for whole, *parts in held]


def score_accounts(problem: Problem, fold: Fold, listed: Sequence[Values]) -> list[Scored] | None:
    """Score candidates on the bars that follow what a fold scores by, its validation part or else its training window.

    Returns
    -------
    list of Scored or None
        None where candidates have no account that is the same in all folds.
    """
    common = _of_every_fold(problem)
    scores = common if listed is common.listed else _alone(problem, fold, listed)
    return scores.of(range(len(listed)), _scored_stretches(problem, fold)) if scores.listed else None


def score_window(problem: Problem, fold: Fold, values: Values) -> float | None:
    """Score a candidate on the bars that follow its training window; None where it has no such account."""
    common, key = _of_every_fold(problem), problem.key(values)
    scores = common if key in common.places else _alone(problem, fold, [values])
    return scores.of([scores.places[key]], [_window(fold)])[0].whole if scores.listed else None


def part_starts(rows: NDArray[np.int64], count: int) -> list[int]:
    """Return the first row of each of `count` equal parts of some rows."""
    return [int(part[0]) for part in np.array_split(rows, count) if len(part)]


def _window(fold: Fold) -> Stretch:
    return Stretch(int(fold.train[0]) + 1, fold.start + 1)


def _scored_stretches(problem: Problem, fold: Fold) -> list[Stretch]:
    """List the bars that a fold scores by, and those of each part that is scored alone."""
    rows, tuning = fold.train if fold.validation is None else fold.validation, problem.study.tuning
    by_parts = tuning is not None and getattr(tuning.choose, "by_parts", False)
    starts = part_starts(rows, tuning.folds) if tuning is not None and by_parts else []
    parts = [Stretch(first + 1, last + 1) for first, last in pairwise([*starts, fold.start])]
    return [Stretch(int(rows[0]) + 1, fold.start + 1), *parts]


def _of_every_fold(problem: Problem) -> Scores:
    """Score what every fold tries, on every fold; nothing where each fold has candidates of its own."""
    return problem.once(("accounts",), lambda: _all_scored(problem))


def _all_scored(problem: Problem) -> Scores:
    folds = problem.study.validation.folds(problem.bars.clock)
    return _scored(problem, common_candidates(problem), folds)


def _alone(problem: Problem, fold: Fold, listed: Sequence[Values]) -> Scores:
    """Score the candidates of one fold."""
    key = ("accounts", fold.number, tuple(map(problem.key, listed)))
    return problem.once(key, lambda: _scored(problem, listed, [fold]))


def _scored(problem: Problem, listed: Sequence[Values], folds: Sequence[Fold]) -> Scores:
    if not all(_is_independent(problem, values) for values in listed):
        return Scores((), {}, {}, np.empty((0, 0)))
    stretches = sorted({part for fold in folds for part in (_window(fold), *_scored_stretches(problem, fold))})
    objective = scoring.objective_of(problem)
    assert isinstance(objective, Objective)  # a score of forecasts is refused where there are none
    scored = np.full((len(listed), len(stretches)), np.nan)
    for first, earned in _earned(problem, listed):
        scored[first : first + len(earned.returns)] = _over(problem, objective, earned, stretches)
    columns = {stretch: n for n, stretch in enumerate(stretches)}
    return Scores(listed, {problem.key(values): n for n, values in enumerate(listed)}, columns, scored)


def _is_independent(problem: Problem, values: Values) -> bool:
    study = problem.resolved(values)
    plain = study.costs.are_proportional and study.simulator is None
    alike = study.forecaster is None and study.validation.is_forward and not scoring.is_fitted(problem, values)
    return bool(study.signal) and plain and alike


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
    first = scoring.first_row(study, 0)
    with named(values):
        weights = apply_steps(study.steps, problem.context(values))
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
    # what fails here fails for every fold, since all are scored at once: the dates say on whose bars it is
    name = f"the objective {objective.name}, on the bars from {clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d},"
    with users_code(objective.metric, name, StudyError):
        return objective.score(series, problem.bars.periods_per_year, cash)
