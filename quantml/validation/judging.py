"""Forecasts beside what came of them, as far as a fold may know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quantml.validation.objectives import ForecastScore, Judged
from quantml.validation.problem import Problem, Values
from quantml.validation.splits.purge import is_known

if TYPE_CHECKING:
    from quantml.validation.scoring import Block


def judge(
    problem: Problem, score: ForecastScore, values: Values, blocks: Sequence[Block],
    naive: Sequence[Block] | None, known: NDArray[np.bool_],
) -> Judged:  # fmt: skip
    """Put forecasts beside what came of them.

    Parameters
    ----------
    problem : Problem
    score : ForecastScore
        What asks: it may need the target's history too.
    values : mapping
        The candidate that forecast.
    blocks : sequence of Block
        Its forecasts, one block after the other.
    naive : sequence of Block or None
        The baseline's.
    known : ndarray of bool, shape (T, N)
        Which outcomes may be looked at; those known at the first forecast are the history.
    """
    target, rows = problem.target(values), np.concatenate([block.positions for block in blocks])
    came = np.where(known, target.values, np.nan)[rows]
    said: dict[str, Any] = {name: _rows_of(blocks, name) for name in ("mean", "probability", "variance")}
    if naive is not None:
        said["naive"] = _rows_of(naive, "mean")
    if score.needs_history:
        before = known[: rows[0]] & is_known(target.label_end[: rows[0]], int(rows[0]))
        said["history"] = np.where(before, target.values[: rows[0]], np.nan)
    return Judged(target.kind, came, **said)


def score_tested(problem: Problem, score: ForecastScore, block: Block, naive: Block | None, values: Values) -> float:
    """Score a fold's forecasts of its test rows, higher being better, on all whose label is known by now."""
    known = ~np.isnan(problem.target(values).values)
    return score.score(judge(problem, score, values, [block], None if naive is None else [naive], known))


def _rows_of(blocks: Sequence[Block], name: str) -> NDArray[np.float64] | None:
    parts = [getattr(block, name) for block in blocks]
    return None if any(part is None for part in parts) else np.concatenate(parts)
