"""The part of a walk-forward that an opened lockbox keeps: what was decided in the sealed stretch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantml.errors import SplitError
from quantml.forecasters.base import Forecast
from quantml.signals.base import Weights
from quantml.validation.records import Record
from quantml.validation.splits import Piece
from quantml.validation.walkforward import FoldResult, WalkForwardResult


def since(result: WalkForwardResult, position: int) -> WalkForwardResult:
    """Leave out what was decided and forecast before a position of the clock, and the folds that end before it.

    Folds, fits and forecasts stay those of the whole walk-forward. The first row decides what was in force there, so
    that an account which opens with it holds what the strategy held.

    Parameters
    ----------
    result : WalkForwardResult
    position : int
        Of the first sealed bar.

    Raises
    ------
    SplitError
        If no fold tests there.
    """
    folds = tuple(_test_since(part, position) for part in result.folds if part.fold.stop > position)
    if not folds or result.first > position:
        clock = result.problem.bars.clock
        got = f"tests from {clock[result.first]:%Y-%m-%d} to {clock[result.last]:%Y-%m-%d}"
        hint = "Shorten WalkForward.train, or seal less." if folds else "Keep the last block, or seal more."
        raise SplitError("the sealed stretch", must="begin in a test block", got=got, hint=hint)
    dropped = len(result.folds) - len(folds)
    return replace(
        result, folds=folds, records=tuple(_record_since(part, position, dropped) for part in result.records)
    )


def _record_since(record: Record, position: int, dropped: int) -> Record:
    pieces = [
        Piece(place - dropped, test[test >= position]) for place, test in record.pieces if (test >= position).any()
    ]
    return replace(
        record,
        pieces=tuple(pieces),
        forecast=_forecast_since(record.forecast, position),
        baseline=_forecast_since(record.baseline, position),
        weights=None if record.weights is None else _weights_since(record.weights, position),
    )


def _test_since(part: FoldResult, position: int) -> FoldResult:
    return replace(part, fold=replace(part.fold, test=part.fold.test[part.fold.test >= position]))


def _forecast_since(forecast: Forecast | None, position: int) -> Forecast | None:
    if forecast is None:
        return None
    fold = forecast.fold.copy()
    fold[:position] = -1
    return replace(forecast, fold=fold)


def _weights_since(weights: Weights, position: int) -> Weights:
    values = weights.values.copy()
    decided = np.flatnonzero(~np.isnan(values[: position + 1]).all(axis=1))
    if len(decided):
        values[position] = values[decided[-1]]
    values[:position] = np.nan
    return Weights(weights.clock, weights.symbols, values)
