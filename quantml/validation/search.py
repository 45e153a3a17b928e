"""The search inside a fold: every candidate fitted on inner purged folds and scored net of costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from quantml.errors import InputError, ParameterError, StudyError
from quantml.validation import scoring
from quantml.validation.checkpoints.memory import Kind
from quantml.validation.configurations import named
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Block, Stretch, is_fitted
from quantml.validation.splits import Fold, inner_folds


@dataclass(frozen=True)
class Candidate:
    """A configuration and its score inside the fold; higher is better, NaN where the objective is not defined."""

    values: Values
    score: float

    @property
    def rank(self) -> float:
        """The score to choose by; the first of equals wins, and an undefined score loses to any other."""
        return -math.inf if math.isnan(self.score) else self.score


def search(problem: Problem, fold: Fold) -> tuple[Candidate, ...]:
    """Score every valid candidate of a fold; one candidate without a score where nothing is tuned.

    Raises
    ------
    StudyError
        If the objective is undefined for every candidate.
    """
    tuning = problem.study.tuning
    if tuning is None:
        return (Candidate({}, math.nan),)
    listed = valid(problem, tuning.candidates(problem.study.spaces, problem.seed("candidates", fold.number)))
    scored = _score_rules(problem, fold, listed, tuning.folds) if problem.study.forecaster is None else \
        _score_forecasts(problem, fold, listed, tuning.folds)  # fmt: skip
    if all(math.isnan(candidate.score) for candidate in scored):
        raise StudyError(
            f"the objective {scoring.objective_of(problem).name}",
            must="be defined for some candidate",
            got=f"NaN for all {len(scored)}",
            hint="No candidate traded on the validation blocks: widen the search space or lower the thresholds.",
        )
    return tuple(scored)


def valid(problem: Problem, listed: Sequence[Values]) -> list[Values]:
    """Leave out combinations that a part of the study refuses, such as a fast window above the slow one."""
    valid, refusal = [], ""
    for values in listed:
        try:
            problem.resolved(values)
        except ParameterError as error:
            refusal = str(error)
        else:
            valid.append(values)
    if not valid:
        raise StudyError(
            "the search space", must="hold a valid combination", got=f"none of {len(listed)}", hint=refusal
        )
    return valid


def _score_rules(problem: Problem, fold: Fold, listed: Sequence[Values], folds: int) -> list[Candidate]:
    """Score rules on the validation part, or else the whole window; fitted ones only where they were not fitted."""

    def made(values: Values) -> float:
        steps = tuple(problem.resolved(values).steps)
        whole = [Stretch(fold.train if fold.validation is None else fold.validation, steps, values)]
        stretches = _stretches(problem, inner_folds(fold, folds), values) if is_fitted(problem, values) else whole
        return scoring.score(problem, stretches, None, fold)

    return [_candidate(problem, fold, values, partial(made, values)) for values in listed]


def _score_forecasts(problem: Problem, fold: Fold, listed: Sequence[Values], folds: int) -> list[Candidate]:
    """Fit each forecasting configuration once, for all the signal parameters that hang on it."""
    inner, problem = inner_folds(fold, folds), problem.remembering()

    def made(values: Values) -> float:
        blocks = [_validate(problem, part, values) for part in inner]
        return scoring.score(problem, _stretches(problem, inner, values), blocks, fold)

    return [_candidate(problem, fold, values, partial(made, values)) for values in listed]


def _candidate(problem: Problem, fold: Fold, values: Values, made: Callable[[], float]) -> Candidate:
    with named(values):
        return Candidate(values, problem.recall(Kind.SCORE, [fold], values, made))


def _stretches(problem: Problem, inner: Sequence[Fold], values: Values) -> list[Stretch]:
    return [Stretch(part.test, scoring.fit_steps(problem, part, values), values) for part in inner]


def _validate(problem: Problem, part: Fold, values: Values) -> Block:
    """Fit a candidate and forecast an inner fold, once for all candidates that differ in their signal alone."""

    def made() -> Block:
        fitted = scoring.fit(problem, part, values)
        return scoring.forecast(
            problem, problem.resolved(values).forecaster, fitted, part.test, values, until=part.stop - 1
        )

    try:
        return problem.recall(Kind.VALIDATED, [part], values, made)
    except InputError as error:
        raise type(error).with_text(f"inner fold {part.number}: {error}") from error
