"""Records: the forecasts and weights of test blocks, put together over the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import StudyError
from quantml.forecasters.base import Forecast
from quantml.signals.base import Weights
from quantml.validation import scoring
from quantml.validation.blocks import Block, cut_block, join
from quantml.validation.combination import settle
from quantml.validation.ensembles import average, mean_weights
from quantml.validation.messages import collected_warnings
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Stretch
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
    def later(self) -> tuple[tuple[Block, ...], ...]:
        """Forecasts by each of its models of what follows, a block for each refit after it."""

    @property
    def baseline(self) -> Block | None:
        """The baseline's forecasts of them."""

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """What decides its test rows."""

    @property
    def configurations(self) -> tuple[Tested, ...]:
        """What is averaged: itself, then what the next best configurations did in the same fold."""


@dataclass(frozen=True, eq=False)
class Sleeve:
    """What the best, the second best, ... configuration of each fold makes by itself over the clock.

    Attributes
    ----------
    stretches : tuple of Stretch
        The decisions of each fold that has such a configuration, and in it of each refit where steps are fitted.
    forecast : Forecast or None
    weights : ndarray of float64 or None, shape (T, N)
    """

    stretches: tuple[Stretch, ...]
    forecast: Forecast | None
    weights: NDArray[np.float64] | None

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows that it decides."""
        return np.concatenate([stretch.positions for stretch in self.stretches])


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
    sleeves : tuple of Sleeve
        What forecast and weights are the average of: one, unless tuning averages configurations.
    """

    pieces: tuple[Piece, ...]
    forecast: Forecast | None
    baseline: Forecast | None
    realised: NDArray[np.float64] | None
    weights: Weights | None
    warnings: tuple[str, ...] = ()
    sleeves: tuple[Sleeve, ...] = ()


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
    if problem.study.forecaster is not None:
        _check_one_kind(problem, results)
        baseline = _numbered(_joined(problem, results, pieces, "baseline"), results, pieces)
        realised = np.full((len(problem.bars), len(problem.bars.symbols)), np.nan)
        for place, test in pieces:
            realised[test] = problem.target(results[place].chosen).values[test]
    with collected_warnings() as warned:
        sleeves = tuple(_sleeve(problem, *ranked) for ranked in _ranked(results, pieces))
    if problem.study.forecaster is not None:
        whole = _numbered(_averaged([sleeve.forecast for sleeve in sleeves], pieces), results, pieces)
    if problem.study.signal:
        weights = Weights(problem.bars.clock, problem.bars.symbols, weights_of(sleeves))
    return Record(pieces, whole, baseline, realised, weights, tuple(warned), sleeves)


def weights_of(sleeves: Sequence[Sleeve]) -> NDArray[np.float64]:
    """Average what sleeves that decide weights decide."""
    held = [(sleeve.weights, sleeve.rows) for sleeve in sleeves if sleeve.weights is not None]
    return mean_weights([weights for weights, _ in held], [rows for _, rows in held])


Ranked = tuple[list[Tested], tuple[Piece, ...]]
"""Configurations of one rank, and which of them each stretch of rows is from."""


def _ranked(results: Sequence[Tested], pieces: Sequence[Piece]) -> list[Ranked]:
    """Put the best configurations of all folds together, then the second best ones of the folds that have one, ..."""
    ranks = max(len(results[place].configurations) for place, _ in pieces)
    found: list[Ranked] = []
    for rank in range(ranks):
        held = [place for place, result in enumerate(results) if len(result.configurations) > rank]
        own = tuple(Piece(held.index(place), test) for place, test in pieces if place in held)
        found.append(([results[place].configurations[rank] for place in held], own))
    return found


def _sleeve(problem: Problem, results: Sequence[Tested], pieces: tuple[Piece, ...]) -> Sleeve:
    """Forecast and decide by one configuration of each fold."""
    cut = (one.within(test) for place, test in pieces for one in results[place].stretches)
    stretches = tuple(one for one in cut if len(one.positions))
    forecast = decided = None
    if problem.study.forecaster is not None:
        own = _joined(problem, results, pieces, "block")
        models = [own, *_earlier(problem, results, len(problem.bars) - 1)]
        forecast = settle(average(models, _rows(pieces)), problem, stretches)
        forecast = _numbered(forecast, results, pieces)
    if problem.study.signal:
        decided = scoring.weigh(problem, stretches, forecast, len(problem.bars) - 1)
    return Sleeve(stretches, forecast, decided)


def _earlier(problem: Problem, results: Sequence[Tested], until: int) -> list[Forecast]:
    """Join what models forecast that were fitted one refit before, two refits before, ..."""
    models = [blocks for result in results for blocks in result.later]
    ages = range(max((len(blocks) for blocks in models), default=0))
    aged = [[blocks[age] for blocks in models if len(blocks) > age] for age in ages]
    return [join(blocks, problem, results[0].chosen, until) for blocks in aged]


def _averaged(forecasts: Sequence[Forecast | None], pieces: Sequence[Piece]) -> Forecast:
    """Average the forecasts of sleeves; of several, members are not shown, since each has its own."""
    held = [part for part in forecasts if part is not None]
    if len(held) == 1:
        return held[0]
    return replace(average(held, _rows(pieces)), members=None, member_variances=None, member_weights=None)


def _check_one_kind(problem: Problem, results: Sequence[Tested]) -> None:
    kinds = {problem.target(result.chosen).kind for result in results}
    if len(kinds) > 1:
        hint = "Make a study of each kind."
        raise StudyError("the targets of all folds", must="be of one kind", got=", ".join(sorted(kinds)), hint=hint)


def _joined(problem: Problem, results: Sequence[Tested], pieces: Sequence[Piece], name: str) -> Forecast:
    blocks = [cut_block(getattr(results[place], name), test) for place, test in pieces]
    return join(blocks, problem, results[0].chosen, len(problem.bars) - 1)


def _numbered(whole: Forecast, results: Sequence[Tested], pieces: Sequence[Piece]) -> Forecast:
    """Say of each row which fold it is from."""
    numbers = np.full(len(whole.clock), -1, dtype=np.int64)
    for place, test in pieces:
        numbers[test] = results[place].fold.number
    return replace(whole, fold=numbers)


def _rows(pieces: Sequence[Piece]) -> NDArray[np.int64]:
    return np.concatenate([test for _, test in pieces])
