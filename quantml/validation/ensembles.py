"""Averages over time and over configurations: which models forecast a block, and what becomes of their forecasts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import StudyError
from quantml.faults import name_of
from quantml.forecasters.base import BINARY, Fitted, Forecast, Forecaster
from quantml.forecasters.combined import Combined
from quantml.forecasters.last_models import LastModels, single
from quantml.forecasters.mixtures import mix
from quantml.space import alternatives, children
from quantml.study import Study
from quantml.validation import scoring
from quantml.validation.blocks import Block
from quantml.validation.candidates import Candidate, ranks_of
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold

# ------------------------------------------------------------------- what is declared


def check_ensembles(study: Study) -> None:
    """Raise `StudyError` where a study declares an average that cannot be made."""
    for place, part in _misplaced(study):
        hint = "Give it as the study's forecaster: LastModels(...), Combined([...]) or LastModels(Combined([...]))."
        raise StudyError(name_of(part), must="be the forecaster of a study, not part of another declaration or one of"
                         " several alternatives", got=place, hint=hint)  # fmt: skip
    ordered = [name for name, asked in (("LastModels", models_of(study) > 1), ("Combined", learns(study))) if asked]
    if ordered and not study.validation.is_forward:
        rule = "have a WalkForward: earlier models and errors are those of folds that know nothing of later ones"
        hint = "Use validation=WalkForward(...), or Combined([...]) with EqualWeights()."
        raise StudyError(f"a study with {ordered[0]}", must=rule, got=name_of(study.validation), hint=hint)
    averaged = [*ordered, *(["Tuning.average"] if models_averaged(study) > 1 else [])]
    tuned = [path for path in study.spaces if path.split(".")[0] == "target"]
    if averaged and tuned and study.forecaster is not None:
        rule = "forecast one target: forecasts of several cannot be averaged or compared"
        hint = "Make a study of each target."
        raise StudyError(f"a study with {averaged[0]}", must=rule, got=", ".join(tuned), hint=hint)


def models_of(study: Study) -> int:
    """Return how many of the last fitted models forecast each row."""
    return study.forecaster.count if isinstance(study.forecaster, LastModels) else 1


def models_averaged(study: Study) -> int:
    """Return how many of the best configurations of a fold are averaged."""
    return 1 if study.tuning is None else study.tuning.average


def learns(study: Study) -> bool:
    """Say whether forecasts are combined by past errors, so that each block hangs on all before it."""
    model = single(study.forecaster)
    parts = alternatives(model.weighting) if isinstance(model, Combined) else ()
    return any(getattr(part, "learns", True) for part in parts)


def _misplaced(study: Study) -> Iterator[tuple[str, Any]]:
    """Yield averages over time that no walk-forward would see, with their place."""
    model = single(study.forecaster)
    inside = model.members if isinstance(model, Combined) else model
    for name, part in (("forecaster", inside), ("baseline", study.baseline), ("transforms", study.transforms)):
        yield from ((name, found) for found in _averages(part))


def _averages(declared: Any) -> Iterator[Any]:
    if isinstance(declared, (LastModels, Combined)):
        yield declared
        return
    others = alternatives(declared)
    for part in (part for _, part in children(declared)) if others == (declared,) else others:
        yield from _averages(part)


# ---------------------------------------------------------------------- configurations


def best(study: Study, candidates: Sequence[Candidate], choice: int) -> list[int]:
    """List the configurations of a fold that are averaged, the chosen one first, then by rank; the first of equals.

    Those without a score never are; where fewer have one than are asked for, it is all of them.
    """
    if models_averaged(study) == 1:
        return [choice]
    ranks = ranks_of(candidates)
    ranked = np.argsort(-ranks, kind="stable")
    others = ranked[np.isfinite(ranks[ranked]) & (ranked != choice)]
    return [choice, *others.tolist()][: models_averaged(study)]


def mean_weights(decided: Sequence[NDArray[np.float64]], rows: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Average the weights of configurations, each over the rows on which it is one of those averaged.

    One that decides nothing on a row counts with what it decided last, or with nothing held before; where none
    decides, nothing is decided.

    Parameters
    ----------
    decided : sequence of ndarray, shape (T, N)
    rows : sequence of ndarray of int64
        The rows of each configuration.
    """
    if len(decided) == 1:
        return decided[0]
    total, count = np.zeros_like(decided[0]), np.zeros((len(decided[0]), 1))
    decides = np.zeros(len(total), dtype=np.bool_)
    for weights, own in zip(decided, rows, strict=True):
        says = ~np.isnan(weights).all(axis=1)
        last = np.maximum.accumulate(np.where(says, np.arange(len(weights)), -1))
        held = np.where(last[:, None] < 0, 0.0, weights[last])
        total[own] += held[own]
        count[own] += 1.0
        decides |= says
    return np.where(decides[:, None], np.divide(total, count, out=total, where=count > 0.0), np.nan)


# ------------------------------------------------------------------------------ models


def followers(problem: Problem, part: Fold) -> tuple[Fold, ...]:
    """List the parts of test blocks, up to the next refit each, that the model of `part` helps to forecast later."""
    count = models_of(problem.study)
    if count == 1:
        return ()
    parts = problem.once(("refits",), lambda: _parts(problem))
    place = next(place for place, one in enumerate(parts) if one.start == part.start)
    return tuple(parts[place + 1 : place + count])


def _parts(problem: Problem) -> tuple[Fold, ...]:
    validation, clock = problem.study.validation, problem.bars.clock
    return tuple(part for fold in validation.folds(clock) for part in validation.refits(clock, fold))


def forecast_later(
    problem: Problem, part: Fold, forecaster: Forecaster | Any, fitted: Fitted, values: Values
) -> tuple[Block, ...]:
    """Forecast what follows a part by the model fitted for it: one block for each refit after it."""
    return tuple(
        scoring.forecast(problem, forecaster, fitted, later.test, values, until=later.stop - 1)
        for later in followers(problem, part)
    )


def folds_needed(problem: Problem, folds: Sequence[Fold]) -> int:
    """Count the folds at the end whose models forecast the last block."""
    parts, first = _parts(problem), folds[-1].start
    place = next(place for place, part in enumerate(parts) if part.start == first)
    earliest = parts[max(place - models_of(problem.study) + 1, 0)].start
    return sum(fold.stop > earliest for fold in folds)


def average(forecasts: Sequence[Forecast], rows: NDArray[np.int64]) -> Forecast:
    """Average forecasts on one clock, each counting alike, at some rows; the first says what else there is.

    Parameters
    ----------
    forecasts : sequence of Forecast
    rows : ndarray of int64
        Nothing is forecast elsewhere.
    """
    if len(forecasts) == 1:
        return forecasts[0]
    mean, variance = _mixed(forecasts, "mean", "variance", rows)
    members, spread = _mixed(forecasts, "members", "member_variances", rows)
    probability = mean if forecasts[0].kind in BINARY else None
    changed: Mapping[str, Any] = {"mean": mean, "probability": probability, "variance": variance}
    return replace(forecasts[0], **changed, members=members, member_variances=spread)


def _mixed(forecasts: Sequence[Forecast], name: str, spread: str, rows: NDArray[np.int64]) -> tuple[Any, Any]:
    means = [getattr(one, name) for one in forecasts]
    if means[0] is None:
        return None, None
    variances = [getattr(one, spread) for one in forecasts]
    some = None
    if any(part is not None for part in variances):
        some = np.stack([_at(part, rows, like) for part, like in zip(variances, means, strict=True)], axis=-1)
    stacked = np.stack([_at(part, rows, part) for part in means], axis=-1)
    return mix(stacked, some, np.full(len(means), 1.0 / len(means)))


def _at(values: NDArray[np.float64] | None, rows: NDArray[np.int64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.full_like(like, np.nan)
    if values is not None:
        kept[rows] = values[rows]
    return kept


# ------------------------------------------------------------------------------ tables


class Averaged(Protocol):
    """What is told of a fold whose best configurations are averaged."""

    @property
    def configurations(self) -> tuple[Any, ...]:
        """The chosen one and the others, each with its place `choice` among the candidates."""


def averaged_columns(part: Averaged, study: Study) -> dict[str, str]:
    """Say which candidates a fold averages, best first, where tuning averages several."""
    if models_averaged(study) == 1:
        return {}
    return {"averaged": json.dumps([one.choice for one in part.configurations])}


def member_columns(forecast: Forecast, row: NDArray[np.int64], symbol: NDArray[np.int64]) -> dict[str, Any]:
    """Return what each member of a combination forecasts at some rows and symbols, and what it counts there."""
    if forecast.members is None or forecast.member_weights is None:
        return {}
    members = range(forecast.members.shape[-1])
    means = {f"member_{i}": forecast.members[row, symbol, i] for i in members}
    return {**means, **{f"member_{i}_weight": forecast.member_weights[row, symbol, i] for i in members}}
