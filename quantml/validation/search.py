"""The search inside a fold: candidates fitted on inner purged folds, scored net of costs or by their forecasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from quantml.errors import InputError, StudyError
from quantml.validation import scoring
from quantml.validation.accounts import part_starts, score_accounts, short_of_scores
from quantml.validation.blocks import Block
from quantml.validation.candidates import Candidate as Candidate
from quantml.validation.candidates import Candidates as Candidates
from quantml.validation.checkpoints.memory import Kind
from quantml.validation.configurations import named
from quantml.validation.lengthening import check_scored, embargo_refused
from quantml.validation.listing import list_candidates, name_all, nothing_valid, refusal_of, shared_fits
from quantml.validation.objectives import ForecastScore
from quantml.validation.problem import Problem, Values, fitted_part
from quantml.validation.proposing import Proposal, Proposals
from quantml.validation.scoring import Scored, Stretch, is_fitted
from quantml.validation.splits import Fold, inner_folds


def search(problem: Problem, fold: Fold) -> Candidates:
    """Score the candidates of a fold; one candidate without a score where nothing is tuned.

    Raises
    ------
    StudyError
        If no combination is valid, or the objective is undefined for every candidate.
    """
    tuning = problem.study.tuning
    if tuning is None:
        return Candidates.of([Candidate({}, math.nan)])
    if tuning.is_listed(problem.study.spaces):
        listed = list_candidates(problem, fold)
        scored = _score_rules(problem, fold, listed, tuning.folds) if problem.study.forecaster is None else \
            _score_forecasts(problem, fold, listed, tuning.folds)  # fmt: skip
    else:
        scored = _score_proposals(problem, fold, tuning.trials or 0, tuning.folds)
    if np.isnan(scored.scores).all():
        _check_embargo(problem, fold, scored)
        traded = "No candidate traded on the validation blocks: widen the search space or lower the thresholds."
        if fold.embargo and problem.study.validation.is_forward:
            traded += f" An embargo of {fold.embargo} rows hides the end of them: shorten it, or lengthen train."
        forecast = "No candidate has a forecast whose outcome is known on the validation blocks."
        goal = scoring.objective_of(problem)
        raise StudyError(
            f"the objective {goal.name}",
            must="be defined for some candidate",
            got=f"NaN for all {len(scored)}",
            hint=forecast if isinstance(goal, ForecastScore) else traded,
        )
    return scored


def _check_embargo(problem: Problem, fold: Fold, scored: Candidates) -> None:
    """Raise `SplitError` where it is the embargo that leaves no candidate a score."""
    if not problem.study.validation.is_forward:
        return
    check_scored(problem, fold, scored[0].values)
    short = short_of_scores(problem, fold, [candidate.values for candidate in scored])
    if short is not None:
        raise embargo_refused(problem, fold, short, "" if fold.validation is None else "validation")


def choose(problem: Problem, candidates: Sequence[Candidate]) -> int:
    """Return the place of the candidate that the study's tuning takes."""
    tuning = problem.study.tuning
    return 0 if tuning is None else tuning.choice(candidates, problem.study.spaces)


# ------------------------------------------------------------------------------------------------ listed candidates


def _score_rules(problem: Problem, fold: Fold, listed: Sequence[Values], folds: int) -> Candidates:
    """Score rules on the validation part, or else the whole window; fitted ones only where they were not fitted."""
    inner = Inner(problem, fold, folds)
    named_all = {"candidates": name_all(problem, listed)}
    kept, known = problem.recall(Kind.SCORE, [fold], named_all, lambda: score_accounts(problem, fold, listed))
    whole, parts = kept[:, 0].copy(), [tuple(part) for part in kept[:, 1:].tolist()]
    for place in np.flatnonzero(~known).tolist():
        _, whole[place], parts[place], _ = _score(problem, fold, listed[place], inner, folds)
    return Candidates(listed, whole, parts, np.zeros(len(listed), dtype=np.bool_))


def _score_forecasts(problem: Problem, fold: Fold, listed: Sequence[Values], folds: int) -> Candidates:
    """Fit each forecasting configuration once, for all the signal parameters that hang on it."""
    inner, scored = Inner(problem, fold, folds), dict[int, Candidate]()
    for group in shared_fits(problem, listed):
        for number, values in group:
            scored[number] = _score(problem, fold, values, inner, folds)
        inner.forget()
    return Candidates.of(scored[number] for number in range(len(listed)))


@dataclass(frozen=True, eq=False)
class Inner:
    """The inner folds of a fold, and what was forecast on them: each configuration is fitted once.

    Attributes
    ----------
    problem : Problem
    fold : Fold
    count : int
        How many inner folds there are.
    """

    problem: Problem
    fold: Fold
    count: int
    _blocks: dict[tuple[Any, ...], list[Block]] = field(default_factory=dict, repr=False)
    _naive: dict[tuple[Any, ...], list[Block]] = field(default_factory=dict, repr=False)

    @cached_property
    def parts(self) -> Sequence[Fold]:
        """The inner folds; of a rule with nothing to fit they are not asked for."""
        return inner_folds(self.fold, self.count)

    def blocks(self, values: Values, count: int) -> list[Block] | None:
        """Forecasts of the first `count` validation blocks; None for a rule."""
        if self.problem.study.forecaster is None:
            return None
        held = self._blocks.setdefault(self.problem.key(fitted_part(values)), [])
        held += [_validate(self.problem, part, values) for part in self.parts[len(held) : count]]
        return held[:count]

    def naive(self, values: Values, count: int) -> list[Block] | None:
        """The baseline's forecasts of them, where the objective compares with it."""
        goal = scoring.objective_of(self.problem)
        if not (isinstance(goal, ForecastScore) and goal.needs_naive):
            return None
        about = {path: value for path, value in values.items() if path.split(".")[0] in ("features", "target")}
        held = self._naive.setdefault(self.problem.key(about), [])
        held += [_validate_naive(self.problem, part, values) for part in self.parts[len(held) : count]]
        return held[:count]

    def forget(self) -> None:
        """Give up what was forecast, the baseline's forecasts apart."""
        self._blocks.clear()

    def stretches(self, values: Values, count: int) -> list[Stretch]:
        """Decisions of the first `count` validation blocks, or of the whole stretch that a rule is scored on."""
        if self._is_whole(values):
            return [Stretch(self._scored, tuple(self.problem.resolved(values).steps), values)]
        parts = self.parts[:count]
        return [Stretch(part.test, scoring.fit_steps(self.problem, part, values), values) for part in parts]

    def starts(self, values: Values, count: int) -> list[int]:
        """First decisions of the parts that are scored alone."""
        if self._is_whole(values):
            return part_starts(self._scored, self.count)
        return [part.start for part in self.parts[:count]]

    def rows(self, values: Values, count: int) -> list[Fold]:
        """What a score on the first `count` validation blocks hangs on."""
        return [self.fold] if self._is_whole(values) else [self.fold, *self.parts[:count]]

    def _is_whole(self, values: Values) -> bool:
        return self.problem.study.forecaster is None and not is_fitted(self.problem, values)

    @property
    def _scored(self) -> Any:
        return self.fold.train if self.fold.validation is None else self.fold.validation


def _score(problem: Problem, fold: Fold, values: Values, inner: Inner, count: int) -> Candidate:
    """Score a candidate on its first `count` validation blocks: nothing else in the search does.

    The answer hangs on the problem, the fold, `values`, `inner.count` and `count` alone.
    """

    def made() -> Scored:
        stretches, blocks = inner.stretches(values, count), inner.blocks(values, count)
        by_parts = problem.study.tuning is not None and getattr(problem.study.tuning.choose, "by_parts", False)
        starts, naive = inner.starts(values, count) if by_parts else [], inner.naive(values, count)
        return scoring.score_parts(problem, stretches, blocks, fold, starts=starts, naive=naive)

    with named(values):
        whole, parts = problem.recall(Kind.SCORE, inner.rows(values, count), values, made)
    return Candidate(values, whole, parts)


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


def _validate_naive(problem: Problem, part: Fold, values: Values) -> Block:
    """Fit the baseline and forecast the validation block of an inner fold."""

    def made() -> Block:
        fitted = scoring.fit_baseline(problem, part, values)
        return scoring.forecast(problem, scoring.baseline_of(problem), fitted, part.test, values, until=part.stop - 1)

    try:
        return problem.recall(Kind.BASELINE, [part], values, made)
    except InputError as error:
        raise type(error).with_text(f"inner fold {part.number}: {error}") from error


# ---------------------------------------------------------------------------------------------- proposed candidates


def _score_proposals(problem: Problem, fold: Fold, trials: int, folds: int) -> Candidates:
    """Ask for candidates one after another, each answered before the next, until `trials` of them are scored."""
    proposals = Proposals(problem.study.spaces, trials, problem.seed("candidates", fold.number))
    inner, refusal, scored = Inner(problem, fold, folds), "", list[Candidate]()
    while len(scored) < trials and (proposal := proposals.ask()) is not None:
        refused = refusal_of(problem, proposal.values)
        if refused:
            refusal = refused
            proposal.refuse()
        else:
            scored.append(_answered(problem, fold, inner, proposal))
    if not scored:
        raise nothing_valid("none of those that were proposed", refusal)
    return Candidates.of(scored)


def _answered(problem: Problem, fold: Fold, inner: Inner, proposal: Proposal) -> Candidate:
    """Score a proposal, or give it up after some of the inner folds, and say so to whoever proposes."""
    if problem.study.forecaster is None:
        candidate = _score_rules(problem, fold, [proposal.values], inner.count)[0]
    else:
        tuning = problem.study.tuning
        for count in range(1, inner.count if tuning and tuning.pruning else 1):
            candidate = _score(problem, fold, proposal.values, inner, count)
            if proposal.is_behind(count, candidate.score):
                proposal.refuse()
                return candidate._replace(score=math.nan, scores=(), pruned=True)
        candidate = _score(problem, fold, proposal.values, inner, inner.count)
    proposal.tell(candidate.score)
    return candidate
