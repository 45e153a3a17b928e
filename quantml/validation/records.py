"""Records: the forecasts and weights of test blocks, put together over the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import StudyError
from quantml.forecasters.base import Forecast
from quantml.signals.base import Weights
from quantml.validation import scoring
from quantml.validation.messages import collected_warnings
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Block, Stretch
from quantml.validation.splits import Fold, Piece


class Tested(Protocol):
    """What a record needs to know of a fold."""

    @property
    def fold(self) -> Fold:
        """The fold."""

    @property
    def chosen(self) -> Values:
        """What tuning chose."""

    @property
    def block(self) -> Block | None:
        """Forecasts of its test rows."""

    @property
    def baseline(self) -> Block | None:
        """The baseline's forecasts of them."""

    @property
    def steps(self) -> tuple[Any, ...]:
        """The signal steps, fitted where they have a `fit`."""


@dataclass(frozen=True, eq=False)
class Record:
    """Out-of-sample forecasts and weights over the clock of the bars, each row from one fold.

    Attributes
    ----------
    pieces : tuple of Piece
        Which fold each stretch of rows is from.
    forecast, baseline : Forecast or None
        By the study's forecaster, and by the baseline.
    realised : ndarray of float64 or None
        What came, shape (T, N).
    weights : Weights or None
    warnings : tuple of str
        What was logged as a warning while the forecasts were turned into weights, once each.
    """

    pieces: tuple[Piece, ...]
    forecast: Forecast | None
    baseline: Forecast | None
    realised: NDArray[np.float64] | None
    weights: Weights | None
    warnings: tuple[str, ...] = ()


def put_together(problem: Problem, results: Sequence[Tested], pieces: tuple[Piece, ...]) -> Record:
    """Put stretches of rows on one clock, and let the signal decide on the stitched forecast.

    Each stretch is decided by its own fold's parameters, with the whole past of forecasts before it: nothing is
    reset at an edge.

    Raises
    ------
    StudyError
        If the folds chose targets of different kinds.
    """
    whole = baseline = realised = weights = None
    warned: dict[str, None] = {}
    if problem.study.forecaster is not None:
        _check_one_kind(problem, results)
        whole = _stitched(problem, results, pieces, "block")
        baseline = _stitched(problem, results, pieces, "baseline")
        realised = np.full((len(problem.bars), len(problem.bars.symbols)), np.nan)
        for place, test in pieces:
            realised[test] = problem.target(results[place].chosen).values[test]
    if problem.study.signal:
        stretches = [Stretch(test, results[place].steps, results[place].chosen) for place, test in pieces]
        with collected_warnings() as warned:
            decided = scoring.weigh(problem, stretches, whole, len(problem.bars) - 1)
        weights = Weights(problem.bars.clock, problem.bars.symbols, decided)
    return Record(pieces, whole, baseline, realised, weights, tuple(warned))


def _check_one_kind(problem: Problem, results: Sequence[Tested]) -> None:
    kinds = {problem.target(result.chosen).kind for result in results}
    if len(kinds) > 1:
        hint = "Make a study of each kind."
        raise StudyError("the targets of all folds", must="be of one kind", got=", ".join(sorted(kinds)), hint=hint)


def _stitched(problem: Problem, results: Sequence[Tested], pieces: Sequence[Piece], name: str) -> Forecast:
    blocks = [_cut(getattr(results[place], name), test) for place, test in pieces]
    whole = scoring.join(blocks, problem, results[0].chosen, len(problem.bars) - 1)
    numbers = np.full(len(problem.bars), -1, dtype=np.int64)
    for place, test in pieces:
        numbers[test] = results[place].fold.number
    return replace(whole, fold=numbers)


def _cut(block: Block, rows: NDArray[np.int64]) -> Block:
    """Keep the forecasts of some of a block's rows."""
    if len(rows) == len(block.positions):
        return block
    places = np.searchsorted(block.positions, rows)
    held = {name: getattr(block, name) for name in scoring.MEASURES}
    kept: dict[str, Any] = {name: None if part is None else part[places] for name, part in held.items()}
    return Block(rows, **kept)
