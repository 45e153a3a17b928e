"""By how much a training window is too short: what purge, embargo and warm-up would leave of it, were it longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.errors import InputError, ParameterError, SplitError
from quantml.faults import name_of
from quantml.forecasters.estimator import as_forecaster
from quantml.forecasters.last_models import single
from quantml.forecasters.tabular import complete
from quantml.validation.objectives import ForecastScore, find_objective
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold, inner_folds

KNOWN: Final = 2
"""Rows with a known outcome that a score of forecasts needs at least."""
EARNED: Final = 2
"""Bars that a score of returns needs at least: one has no Sharpe ratio; what a close fills earns on the second."""


@contextmanager
def advised(problem: Problem, fold: Fold, values: Values, parts: Sequence[Any]) -> Iterator[None]:
    """Say by how much to lengthen the training window where what is fitted fails for want of rows.

    Parameters
    ----------
    problem : Problem
    fold : Fold
        A fold of the study, or one inside it.
    values : mapping
        The candidate.
    parts : sequence
        What is fitted: transforms, then the forecaster or a step.

    Raises
    ------
    InputError
        Of the kind that was raised. What fails of windows with rows enough, or of any that the data hold, passes
        through.
    """
    try:
        yield
    except InputError as error:
        enough = _demand(parts)
        if not problem.study.validation.is_forward or enough(_rows(problem, fold, values)):
            raise
        short = _short_by(problem, fold, values, lambda part: enough(_rows(problem, part, values)))
        if short is None:
            raise
        raise _refusal(type(error), problem, fold, values, (parts, short)) from error


def check_scored(problem: Problem, fold: Fold, values: Values) -> None:
    """Raise `SplitError` where the embargo leaves too few bars of a fold to score what is fitted on inner folds.

    Raises
    ------
    SplitError
        The text says by how much to lengthen the training window.
    """
    if _is_scored(problem, fold, values):
        return
    if fold.validation is None:
        raise embargo_refused(problem, fold, _short_by(problem, fold, values, _fits_inside(problem, values)))
    raise embargo_refused(problem, fold, _lacking(problem, fold, values), "train and validation", values)


def _lacking(problem: Problem, fold: Fold, values: Values) -> int:
    """Count the rows by which a validation part is too short, were it to begin earlier."""
    assert problem.study.tuning is not None
    if not isinstance(find_objective(problem.study.tuning.objective), ForecastScore):
        return EARNED - _scored_bars(problem, fold)
    first = inner_folds(fold, problem.study.tuning.folds)[0].start
    ends = problem.target(values).label_end[: fold.start]
    known = np.flatnonzero((ends <= fold.start - fold.embargo).any(axis=1))
    return KNOWN - (int(known[-1]) if len(known) else -1) + first - 1


def _fits_inside(problem: Problem, values: Values) -> Callable[[Fold], bool]:
    """Return what says whether a forecaster can be fitted on the shortest of a fold's inner folds."""
    study, tuning = problem.resolved(values), problem.study.tuning
    if study.forecaster is None or tuning is None:
        return lambda fold: True
    enough = _demand([*study.transforms, single(study.forecaster)])
    return lambda fold: enough(_rows(problem, inner_folds(fold, tuning.folds)[0], values))


def embargo_refused(
    problem: Problem, fold: Fold, short: int | None, name: str = "", values: Values | None = None
) -> SplitError:
    """Return the error of an embargo that leaves nothing to score.

    Parameters
    ----------
    problem : Problem
    fold : Fold
    short : int or None
        Rows by which the window is too short, where the data hold a longer one.
    name : str
        What is too short, where it is not the training window.
    values : mapping, optional
        A candidate whose horizon may be what takes the rows away.
    """
    horizon = 0 if values is None else problem.target(values).horizon
    takes, other = ("purge", "horizon") if horizon > fold.embargo else ("embargo", "embargo")
    hint = f"Shorten the {other}."
    if short is not None:
        hint = f"{_lengthen(problem, fold, short, name)}, or shorten the {other}."
    got = f"{max(horizon, fold.embargo)} rows of a window of {len(fold.train)}"
    return SplitError(
        f"the {takes} must leave bars to score candidates on", got=got, where=f"fold {fold.number}", hint=hint
    )


def longer(fold: Fold, rows: int) -> Fold:
    """Return a fold as it would be laid were its training window longer by some rows: it begins where it did."""
    start, first = fold.start + rows, int(fold.train[0])
    train = np.arange(first, start, dtype=np.int64)
    validation = None if fold.validation is None else train[len(train) - len(fold.validation) :]
    return replace(fold, train=train, test=fold.test + rows, validation=validation)


def _short_by(problem: Problem, fold: Fold, values: Values, holds: Callable[[Fold], bool]) -> int | None:
    """Return the least number of rows more with which a fold has what it needs; None if the data hold no such window.

    Inner folds are cut in whole blocks, so that one more row may move where they begin back by a row for each of them:
    the least number lies a little before the one that is found by halving.
    """
    whole, tuning = fold if fold.outer is None else fold.outer, problem.study.tuning
    blocks = tuning.folds if tuning is not None else 1

    def suits(rows: int) -> bool:
        window = longer(whole, rows)
        part = window if fold.outer is None else inner_folds(window, blocks)[fold.number]
        return holds(part) and _is_scored(problem, window, values)

    low, high = 0, len(problem.bars) - 1 - whole.start
    if high < 1 or not suits(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suits(middle) else (middle, high)
    return next(rows for rows in range(max(high - 2 * blocks, 1), high + 1) if suits(rows))


def _is_scored(problem: Problem, fold: Fold, values: Values) -> bool:
    """Say whether the embargo, and labels that are not known yet, leave enough to score on where inner folds are."""
    tuning = problem.study.tuning
    if tuning is None or not (problem.study.forecaster is not None or problem.fits_steps(values)):
        return True
    if not isinstance(find_objective(tuning.objective), ForecastScore):
        return _scored_bars(problem, fold) >= EARNED
    first = inner_folds(fold, tuning.folds)[0].start
    known = problem.target(values).label_end[first : fold.start] <= fold.start - fold.embargo
    return int(known.any(axis=1).sum()) >= KNOWN


def _scored_bars(problem: Problem, fold: Fold) -> int:
    """Count the bars that candidates are scored on."""
    assert problem.study.tuning is not None
    return fold.start - fold.embargo - inner_folds(fold, problem.study.tuning.folds)[0].start


def _rows(problem: Problem, fold: Fold, values: Values) -> NDArray[np.float64]:
    """Return the features of the rows that may train."""
    time, symbol = problem.allowed(fold, values)
    return np.asarray(problem.features(values).values[time, symbol])


def _demand(parts: Sequence[Any]) -> Callable[[NDArray[np.float64]], bool]:
    """Say how many rows what is fitted needs: one that does not tell needs some."""
    try:
        told = getattr(as_forecaster(parts[-1]), "has_enough", len)
    except ParameterError:  # a step of the signal
        told = len
    return lambda x: bool(told(x)) and (len(parts) == 1 or bool(complete(x).any()))


def _refusal(
    kind: type[InputError], problem: Problem, fold: Fold, values: Values, found: tuple[Sequence[Any], int]
) -> InputError:
    parts, short = found
    x, model = _rows(problem, fold, values), parts[-1]
    rows = int(complete(x).sum())
    rows = len(x) if rows and getattr(model, "accepts_missing", False) else rows
    least = model.least_rows(x.shape[1]) if hasattr(model, "least_rows") else 0
    taken = ["purge", *(["embargo"] if fold.embargo else []), *(["warm-up"] if complete(x).sum() < len(x) else [])]
    lost = taken[0] if len(taken) == 1 else f"{', '.join(taken[:-1])} and {taken[-1]}"
    clock, whole = problem.bars.clock, int(problem.bars.candidates[fold.train].sum())
    other = _other(problem, values, fold, "warm-up" in taken)
    return kind(
        f"{' and '.join(map(name_of, parts))} must have {f'{least} ' if least > 2 else ''}rows to train on",
        got=f"{rows} rows of {whole} left after {lost}",
        where=f"training window {clock[fold.train[0]]:%Y-%m-%d} to {clock[fold.start]:%Y-%m-%d}",
        hint=f"{_lengthen(problem, fold, short)}{f', or shorten {other}' if other else ''}.",
    )


def _other(problem: Problem, values: Values, fold: Fold, warms: bool) -> str:
    """Name what takes the most rows away; nothing where it takes one at most."""
    warmup = max(problem.features(values).warmup, default=0)
    sizes = {
        "the embargo": fold.embargo,
        "the horizon": problem.target(values).horizon,
        "the features' warm-up": max(warmup, 2) if warms else 0,
    }
    most = max(sizes, key=lambda name: sizes[name])
    return most if sizes[most] > 1 else ""


def _lengthen(problem: Problem, fold: Fold, short: int, name: str = "") -> str:
    whole, validation = fold if fold.outer is None else fold.outer, problem.study.validation
    least = getattr(validation, "min_train", None) if whole.number == 0 else None
    name = name or "train"
    if least is not None:  # it is at most as long as train
        longest = getattr(validation, "train", None)
        both = isinstance(least, int) and isinstance(longest, int) and least + short > longest
        name = name.replace("train", "min_train and train" if both and name == "train" else "min_train")
    return f"Lengthen {name} by {short} {'row' if short == 1 else 'rows'}"
