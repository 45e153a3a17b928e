"""Forecasts beside what came of them, as far as a fold may know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.forecasters.base import Forecast
from quantml.validation.objectives import ForecastScore, Judged
from quantml.validation.problem import Problem, Values
from quantml.validation.splits.purge import is_known

if TYPE_CHECKING:
    from quantml.validation.blocks import Block


class Recorded(Protocol):
    """What was forecast in all: by the study's forecaster, and by the baseline."""

    @property
    def forecast(self) -> Forecast | None:
        """By the forecaster."""

    @property
    def baseline(self) -> Forecast | None:
        """By the baseline."""


class Said(NamedTuple):
    """What was forecast at some decisions: arrays of shape (decisions, N)."""

    positions: NDArray[np.int64]
    mean: NDArray[np.float64]
    probability: NDArray[np.float64] | None
    variance: NDArray[np.float64] | None

    @classmethod
    def at(cls, forecast: Forecast, positions: NDArray[np.int64]) -> Said:
        """Take some rows of a forecast."""
        probability, variance = (
            None if part is None else part[positions] for part in (forecast.probability, forecast.variance)
        )
        return cls(positions, forecast.mean[positions], probability, variance)


def judge(
    problem: Problem, score: ForecastScore, values: Values, blocks: Sequence[Block | Said],
    naive: Sequence[Block | Said] | None, known: NDArray[np.bool_],
) -> Judged:  # fmt: skip
    """Put forecasts beside what came of them.

    Parameters
    ----------
    problem : Problem
    score : ForecastScore
        What asks: it may need the target's history too.
    values : mapping
        The candidate that forecast.
    blocks : sequence of Block or Said
        Its forecasts, one block after the other.
    naive : sequence of Block, or of Said, or None
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


def score_recorded(
    problem: Problem, score: ForecastScore, pieces: Sequence[tuple[Recorded, NDArray[np.int64]]], values: Values
) -> float:
    """Score what records forecast, higher being better, on all whose label is known by now; NaN where there is nothing.

    Parameters
    ----------
    problem : Problem
    score : ForecastScore
    pieces : sequence of (record, ndarray of int64)
        Records with the rows of each that are scored.
    values : mapping
        The candidate that forecast.
    """
    if not pieces:
        return np.nan
    known = ~np.isnan(problem.target(values).values)
    in_time = sorted(pieces, key=lambda piece: int(piece[1][0]))
    said = [Said.at(record.forecast, rows) for record, rows in in_time if record.forecast is not None]
    naive = [Said.at(record.baseline, rows) for record, rows in in_time if record.baseline is not None]
    return score.score(judge(problem, score, values, said, naive or None, known))


def _rows_of(blocks: Sequence[Block | Said], name: str) -> NDArray[np.float64] | None:
    parts = [getattr(block, name) for block in blocks]
    return None if any(part is None for part in parts) else np.concatenate(parts)
