"""Accounts of rules: each candidate is simulated once over the whole history, and scored on every fold's training bars.

A rule with nothing to fit decides alike in every fold, so that one account holds its trades in all of them. That is so
where costs are in proportion to what is traded: what an account earns then hangs on no size that it has grown to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import StudyError
from quantml.evaluation import metrics
from quantml.evaluation.series import without_rounding
from quantml.evaluation.stretches import means_over, sharpe_over
from quantml.faults import users_code
from quantml.signals.base import apply_steps
from quantml.validation import scoring
from quantml.validation.configurations import named
from quantml.validation.listing import common_candidates
from quantml.validation.objectives import Objective
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold
from quantml.validation.swept import crosses_of, swept_returns

Floats = NDArray[np.float64]
Key = tuple[tuple[str, str], ...]
Known = tuple[Floats, NDArray[np.bool_]]
"""Scores, shape (candidates, stretches), and which candidates have them."""


class Interval(NamedTuple):
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
    values, means : ndarray, shape (candidates, stretches)
        The objective, and the mean return per bar.
    ruined : ndarray of int64, shape (candidates,)
        The bar on which each lost everything, or a number past the last one: its account says nothing of later bars.
    """

    listed: Sequence[Values]
    places: Mapping[Key, int]
    stretches: Mapping[Interval, int]
    values: Floats
    means: Floats
    ruined: NDArray[np.int64]

    def of(self, stretches: Sequence[Interval]) -> Known:
        """Return the score of each candidate on each of some stretches.

        Nothing is known of those that were ruined before the end of the first.
        """
        columns = [self.stretches[stretch] for stretch in stretches]
        return self.values[:, columns], self.ruined >= stretches[0].end


def score_accounts(problem: Problem, fold: Fold, listed: Sequence[Values]) -> Known:
    """Score candidates on the bars that follow what a fold scores by, its validation part or else its training window.

    Returns
    -------
    ndarray, shape (candidates, 1 + parts)
        The score on all these bars, and on each part that is scored alone.
    ndarray of bool, shape (candidates,)
        Which candidates have it: those with an account that is the same in all folds.
    """
    if not _applies(problem):
        return _unknown(listed)
    common = _of_every_fold(problem)
    scores = common if listed is common.listed else _alone(problem, fold, listed)
    return scores.of(_scored_stretches(problem, fold)) if scores.listed else _unknown(listed)


def _unknown(listed: Sequence[Values]) -> Known:
    return np.full((len(listed), 1), np.nan), np.zeros(len(listed), dtype=np.bool_)


def score_window(problem: Problem, fold: Fold, values: Values) -> tuple[float, float] | None:
    """Score a candidate on the bars that follow its training window; None where it has no such account.

    Also its mean return per year there.
    """
    if not _applies(problem):
        return None
    common, key, window = _of_every_fold(problem), problem.key(values), _window(problem, fold)
    held = key in common.places and window in common.stretches
    scores = common if held else problem.once(("window", *key, window), lambda: _scored(problem, [values], {window}))
    if not scores.listed or scores.ruined[scores.places[key]] < window.end:
        return None
    at = scores.places[key], scores.stretches[window]
    return float(scores.values[at]), float(scores.means[at]) * problem.bars.periods_per_year


def part_starts(rows: NDArray[np.int64], count: int) -> list[int]:
    """Return the first row of each of `count` equal parts of some rows."""
    return [int(part[0]) for part in np.array_split(rows, count) if len(part)]


def short_of_scores(problem: Problem, fold: Fold, listed: Sequence[Values]) -> int | None:
    """Return by how many rows what candidates are scored on is too short for its embargo, for one of them to have one.

    None where none of them has a score without the embargo either, or accounts are not kept over all folds.
    """
    if not _applies(problem) or not fold.embargo:
        return None
    rows, until = fold.train if fold.validation is None else fold.validation, fold.start - fold.embargo + 1
    begin, back = int(rows[0]) + 1, fold.validation is not None  # a validation part grows into what is before it
    most = min(fold.embargo, begin - 2 - int(fold.train[0])) if back else fold.embargo
    longer = {n: Interval(begin - n, until) if back else Interval(begin, until + n) for n in range(1, most + 1)}
    longer = {n: one for n, one in longer.items() if one.begin < one.end}
    scores = _scored(problem, listed, set(longer.values()))
    if not scores.listed:
        return None
    known = np.flatnonzero(~np.isnan(scores.values).all(axis=0))
    return next((n for n, one in longer.items() if scores.stretches[one] in known), None)


def _window(problem: Problem, fold: Fold) -> Interval:
    return Interval(int(fold.train[0]) + 1, scoring.known_until(problem, fold, int(fold.train[0])) + 1)


def _scored_stretches(problem: Problem, fold: Fold) -> list[Interval]:
    """List the bars that a fold scores by, and those of each part that is scored alone."""
    rows, tuning = fold.train if fold.validation is None else fold.validation, problem.study.tuning
    by_parts = tuning is not None and getattr(tuning.choose, "by_parts", False)
    starts = part_starts(rows, tuning.folds) if tuning is not None and by_parts else []
    last = max(fold.start - fold.embargo, int(rows[0]))  # nothing is scored where the embargo leaves nothing
    edges = [min(start, last) for start in (*starts, last)]
    return [Interval(int(rows[0]) + 1, last + 1), *(Interval(a + 1, b + 1) for a, b in pairwise(edges))]


def _of_every_fold(problem: Problem) -> Scores:
    """Score what every fold tries, on every fold; nothing where each fold has candidates of its own."""
    return problem.once(("accounts",), lambda: _all_scored(problem))


def _all_scored(problem: Problem) -> Scores:
    folds = problem.study.validation.folds(problem.bars.clock)
    parts = {part for fold in folds for part in _scored_stretches(problem, fold)}
    return _scored(problem, common_candidates(problem), parts)


def _alone(problem: Problem, fold: Fold, listed: Sequence[Values]) -> Scores:
    """Score the candidates of one fold."""
    key = ("accounts", fold.number, tuple(map(problem.key, listed)))
    return problem.once(key, lambda: _scored(problem, listed, set(_scored_stretches(problem, fold))))


def _scored(problem: Problem, listed: Sequence[Values], parts: Set[Interval]) -> Scores:
    if any(scoring.is_fitted(problem, values) for values in listed):
        return Scores((), {}, {}, np.empty((0, 0)), np.empty((0, 0)), np.empty(0, dtype=np.int64))
    stretches = sorted(parts)
    objective = scoring.objective_of(problem)
    assert isinstance(objective, Objective)  # a score of forecasts is refused where there are none
    edges = np.array(stretches, dtype=np.int64)
    scored, means = np.full((2, len(listed), len(stretches)), np.nan)
    ruined = np.full(len(listed), len(problem.bars))
    for rows, earned in _earned(problem, listed):
        scored[rows], means[rows] = _over(problem, objective, earned, stretches), means_over(earned.returns, edges)
        ruined[rows] = earned.ruined
    columns = {stretch: n for n, stretch in enumerate(stretches)}
    places = {problem.key(values): n for n, values in enumerate(listed)}
    return Scores(listed, places, columns, scored, means, ruined)


def _applies(problem: Problem) -> bool:
    """Say whether accounts may be kept over all folds: of rules, whose costs do not hang on an account's size."""
    study = problem.study
    plain = study.costs.are_proportional and study.simulator is None
    return bool(study.signal) and plain and study.forecaster is None and study.validation.is_forward


class _Earned(NamedTuple):
    """Net returns of some candidates, shape (candidates, T), what cash earned, shape (T,), and when all was lost."""

    returns: Floats
    risk_free: Floats
    ruined: NDArray[np.int64]


def _earned(problem: Problem, listed: Sequence[Values]) -> Iterator[tuple[NDArray[np.int64], _Earned]]:
    """Yield the returns of candidates, some at a time, with their places."""
    crosses, begin, nothing = crosses_of(problem, listed), 0, np.zeros(len(problem.bars))
    together = np.array(list(crosses), dtype=np.int64)
    for block in swept_returns(problem, list(crosses.values())):
        lost, end = block <= -1.0, begin + len(block)
        ruined = np.where(lost.any(axis=1), lost.argmax(axis=1), len(problem.bars))
        yield together[begin:end], _Earned(block, nothing, ruined)
        begin = end
    for place in np.setdiff1d(np.arange(len(listed)), together).tolist():
        yield np.array([place]), _simulated(problem, listed[place])


def _simulated(problem: Problem, values: Values) -> _Earned:
    study = problem.resolved(values)
    first = scoring.first_row(study, 0)
    with named(values):
        weights = apply_steps(study.steps, problem.context(values))
        account = scoring.account(study, problem.bars, problem.fill, weights.frame.iloc[first:])
    before, clock = np.zeros(first), problem.bars.clock
    return _Earned(
        np.concatenate([before, account.returns.to_numpy()])[None, :],
        np.concatenate([before, account.risk_free.to_numpy()]),
        np.array([len(clock) if account.ruined_at is None else clock.get_loc(account.ruined_at)]),
    )


def _over(problem: Problem, objective: Objective, earned: _Earned, stretches: Sequence[Interval]) -> Floats:
    """Return the objective of each row of returns on each stretch."""
    if objective.metric is metrics.sharpe_ratio:
        edges = np.array(stretches, dtype=np.int64)
        excess = earned.returns
        if earned.risk_free.any():
            excess = without_rounding(excess - earned.risk_free, earned.risk_free)
        return sharpe_over(excess, edges, periods_per_year=problem.bars.periods_per_year)
    return np.array([[_score(problem, objective, row, earned.risk_free, one) for one in stretches]
                     for row in earned.returns])  # fmt: skip


def _score(problem: Problem, objective: Objective, returns: Floats, risk_free: Floats, stretch: Interval) -> float:
    if stretch.begin >= stretch.end:  # a part that lies within the embargo
        return np.nan
    clock = problem.bars.clock[stretch.begin : stretch.end]
    series, cash = (pd.Series(part[stretch.begin : stretch.end], clock) for part in (returns, risk_free))
    # what fails here fails for every fold, since all are scored at once: the dates say on whose bars it is
    name = f"the objective {objective.name}, on the bars from {clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d},"
    with users_code(objective.metric, name, StudyError):
        return objective.score(series, problem.bars.periods_per_year, cash)
