"""What a fold tries: the candidates that are known before any of them is scored, without those that nobody accepts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from quantml.errors import ParameterError, StudyError
from quantml.space import draws
from quantml.validation.problem import Problem, Values, fitted_part
from quantml.validation.proposing import PROPOSALS, Proposals
from quantml.validation.splits import Fold
from quantml.validation.tuning import Tuning


def list_candidates(problem: Problem, fold: Fold) -> list[Values]:
    """List the valid candidates of a fold.

    Raises
    ------
    StudyError
        If there is none.
    """
    common = common_candidates(problem)
    if common:
        return common
    tuning = problem.study.tuning
    assert tuning is not None
    return _drawn(problem, tuning.trials or 0, fold)


def _drawn(problem: Problem, trials: int, fold: Fold) -> list[Values]:
    """Draw until `trials` candidates are valid, or so many were refused that it is not worth while."""
    spaces, kept, refusal, count = problem.study.spaces, list[Values](), "", 0
    for values in islice(
        draws(spaces, np.random.default_rng(problem.seed("candidates", fold.number))), PROPOSALS * trials
    ):
        count, refused = count + 1, refusal_of(problem, values)
        if not refused:
            kept.append(values)
        if len(kept) == trials:
            return kept
        refusal = refused or refusal
    if not kept:
        raise nothing_valid(f"none of {count}", refusal)
    return kept


def common_candidates(problem: Problem) -> list[Values]:
    """List the candidates that every fold tries, the same list each time; nothing where each fold draws its own."""
    tuning, spaces = problem.study.tuning, problem.study.spaces
    if tuning is None:
        return problem.once(("listed",), lambda: [{}])
    if not tuning.is_grid(spaces):
        return []
    return problem.once(("listed",), lambda: valid(problem, tuning.candidates(spaces, problem.seed("candidates", 0))))


def name_all(problem: Problem, listed: Sequence[Values]) -> str:
    """Name candidates, all together and in their order, by what they are."""
    if listed is common_candidates(problem):
        return problem.once(("listed", "name"), lambda: _name(problem, listed))
    return _name(problem, listed)


def _name(problem: Problem, listed: Sequence[Values]) -> str:
    return hashlib.sha256(repr([problem.key(values) for values in listed]).encode()).hexdigest()


def valid(problem: Problem, listed: Sequence[Values]) -> list[Values]:
    """Leave out combinations that a part of the study refuses, such as a fast window above the slow one."""
    refusals = [refusal_of(problem, values) for values in listed]
    kept = [values for values, refusal in zip(listed, refusals, strict=True) if not refusal]
    if not kept:
        raise nothing_valid(f"none of {len(listed)}", refusals[-1])
    return kept


def refusal_of(problem: Problem, values: Values) -> str:
    """Say why a part of the study refuses a combination; nothing where it does not."""
    try:
        problem.resolved(values)
    except ParameterError as error:
        return str(error)
    return ""


def nothing_valid(got: str, refusal: str) -> StudyError:
    """Return the error of a search space without a valid combination, with what refused the last of them."""
    return StudyError("the search space", must="hold a valid combination", got=got, hint=refusal)


Numbered = tuple[int, Values]
"""A candidate and its place among all."""


def shared_fits(problem: Problem, listed: Sequence[Values]) -> list[list[Numbered]]:
    """Put candidates together that differ in their signal alone: they share their fits. Rules share none."""
    groups: dict[Any, list[Numbered]] = {}
    for number, values in enumerate(listed):
        rule = problem.study.forecaster is None
        groups.setdefault(number if rule else problem.key(fitted_part(values)), []).append((number, values))
    return list(groups.values())


def first_values(problem: Problem) -> Values:
    """Return the first candidate of the first fold: the first that no part of the study refuses."""
    tuning = problem.study.tuning
    if tuning is None:
        return {}
    count, refusal = 0, ""
    for values in _tried(problem, tuning):
        count, refusal = count + 1, refusal_of(problem, values)
        if not refusal:
            return values
    raise nothing_valid(f"none of {count}", refusal)


def _tried(problem: Problem, tuning: Tuning) -> Iterator[Values]:
    """Yield what the first fold tries for as long as it is refused."""
    spaces, seed, trials = problem.study.spaces, problem.seed("candidates", 0), tuning.trials or 0
    if tuning.is_grid(spaces):
        yield from tuning.candidates(spaces, seed)
    elif tuning.is_listed(spaces):
        yield from islice(draws(spaces, np.random.default_rng(seed)), PROPOSALS * trials)
    else:
        proposals = Proposals(spaces, trials, seed)
        while (proposal := proposals.ask()) is not None:
            yield proposal.values
            proposal.refuse()
