"""The one loop over folds: tune, fit, forecast, and stitch the blocks into one out-of-sample record."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.errors import FoldError, InputError, QuantmlError
from quantml.forecasters.base import Forecast
from quantml.signals.base import Weights
from quantml.study import Study
from quantml.validation import scoring
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Block
from quantml.validation.search import Candidate, search, valid
from quantml.validation.splits import Fold
from quantml.validation.workers import Progress, Workers, as_workers, run_tasks


@dataclass(frozen=True, eq=False)
class FoldResult(ReadOnly):
    """What one fold reports.

    Attributes
    ----------
    fold : Fold
    chosen : mapping of str to object
        The value of each search space, by its dotted path.
    candidates : tuple of Candidate
        Every configuration that was scored inside the fold.
    rows, purged : int
        Training rows used, and those that the purge took away.
    in_sample : float
        Score of the chosen configuration on its own training window.
    block, baseline : Block or None
        Forecasts of the test block by the study's forecaster, and by the baseline.
    steps : tuple
        The signal steps, fitted where they have a `fit`.
    warnings : tuple of str
        What was logged as a warning, once each.
    """

    fold: Fold
    chosen: Values
    candidates: tuple[Candidate, ...]
    rows: int
    purged: int
    in_sample: float
    block: Block | None
    baseline: Block | None
    steps: tuple[Any, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """Every fold, and the blocks stitched into one record over the clock of the bars."""

    problem: Problem
    folds: tuple[FoldResult, ...]
    forecast: Forecast | None
    baseline: Forecast | None
    realised: NDArray[np.float64] | None
    weights: Weights | None

    @property
    def first(self) -> int:
        """Position of the first out-of-sample decision."""
        return self.folds[0].fold.start


def walk_forward(
    study: Study,
    bars: Bars,
    *,
    executor: Workers | Executor | None = None,
    progress: Progress | None = None,
    last_only: bool = False,
) -> WalkForwardResult:
    """Run a study over its folds.

    Parameters
    ----------
    study : Study
    bars : Bars
        With the study's outside tables joined.
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    progress : callable, optional
        Called with the number of folds done and the number of folds.
    last_only : bool
        Run only the fold that decides on the last bar.

    Raises
    ------
    InputError
        If the study cannot be run on the bars; the text names the fold.
    FoldError
        If a fold failed.
    """
    problem = Problem.of(study, bars)
    folds = study.validation.folds(bars.clock)
    folds = folds[-1:] if last_only else folds
    problem.features(_first_values(problem))  # bad features are the study's fault, not a fold's
    workers = as_workers(executor)
    try:
        results = run_tasks(workers, run_fold, problem, folds, bundle=study.bundle, progress=progress)
    except BaseException:
        workers.stop(kill=True)
        raise
    workers.stop()
    return stitch(problem, tuple(results))


def _first_values(problem: Problem) -> Values:
    """Return the first candidate that no part of the study refuses."""
    tuning = problem.study.tuning
    if tuning is None:
        return {}
    return valid(problem, tuning.candidates(problem.study.spaces, problem.seed("candidates", 0)))[0]


def run_fold(problem: Problem, fold: Fold) -> FoldResult:
    """Tune on the fold's training window, fit, and forecast its test block."""
    try:
        with _collected_warnings() as warned:
            candidates = search(problem, fold)
            result = _test(problem, fold, max(candidates, key=lambda c: c.rank).values, candidates)
        return replace(result, warnings=tuple(dict.fromkeys(warned)))
    except InputError as error:
        raise type(error).with_text(f"{_name(problem, fold)}: {error}") from error
    except QuantmlError as error:
        raise FoldError.with_text(f"{_name(problem, fold)}: {error}") from error
    except Exception as error:
        raise FoldError(f"{_name(problem, fold)} failed: {type(error).__name__}: {error}") from error


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Collect what is logged as a warning, so that it travels back from a worker with the fold's result."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("quantml")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


def _name(problem: Problem, fold: Fold) -> str:
    return f"fold {fold.number} (test from {problem.bars.clock[fold.start]:%Y-%m-%d})"


def _test(problem: Problem, fold: Fold, chosen: Values, candidates: tuple[Candidate, ...]) -> FoldResult:
    """Fit the chosen configuration, forecast the test block, and score it in sample."""
    study = problem.study
    block = baseline = None
    rows = purged = 0
    in_sample = np.nan
    if study.forecaster is not None:
        block, trained, rows = _forecast_block(problem, fold, chosen)
        baseline = _baseline_block(problem, fold, chosen)
        purged = problem.purged(fold, chosen)
    if study.signal:
        blocks = None if study.forecaster is None else [trained]
        in_sample = scoring.score(problem, chosen, blocks, int(fold.train[0]), fold.start)
    steps = scoring.fit_steps(problem, fold, chosen) if study.signal else ()
    return FoldResult(fold, chosen, candidates, rows, purged, in_sample, block, baseline, steps)


def _forecast_block(problem: Problem, fold: Fold, chosen: Values) -> tuple[Block, Block, int]:
    """Forecast the test block, refitting where the study says so; also the training rows and their number."""
    forecaster = problem.resolved(chosen).forecaster
    parts, trained, rows = [], None, 0
    for part in problem.study.validation.refits(problem.bars.clock, fold):
        fitted = scoring.fit(problem, forecaster, part, chosen)
        parts.append(scoring.forecast(problem, fitted, part.test, chosen, part.stop - 1))
        if trained is None:
            trained = scoring.forecast(problem, fitted, part.train, chosen, part.start)
            rows = getattr(fitted, "rows_used", len(problem.train(part, chosen).y))
    assert trained is not None
    return _concatenated(parts), trained, rows


def _baseline_block(problem: Problem, fold: Fold, chosen: Values) -> Block:
    from quantml.forecasters.baseline import Naive

    fitted = scoring.fit(problem, problem.study.baseline or Naive(), fold, chosen)
    return scoring.forecast(problem, fitted, fold.test, chosen, fold.stop - 1)


def _concatenated(parts: list[Block]) -> Block:
    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    return Block(joined("positions"), joined("mean"), joined("probability"), joined("variance"))


def stitch(problem: Problem, results: tuple[FoldResult, ...]) -> WalkForwardResult:
    """Put the folds' blocks on one clock and let the signal decide on the stitched forecast.

    Each fold's rows are decided by its own parameters, with the whole past of forecasts before them: nothing is
    reset at a fold's edge.
    """
    whole = baseline = realised = weights = None
    if problem.study.forecaster is not None:
        whole = _stitched(problem, results, "block")
        baseline = _stitched(problem, results, "baseline")
        realised = np.full((len(problem.bars), len(problem.bars.symbols)), np.nan)
        for result in results:
            realised[result.fold.test] = problem.target(result.chosen).values[result.fold.test]
    if problem.study.signal:
        weights = _stitched_weights(problem, results, whole)
    return WalkForwardResult(problem, results, whole, baseline, realised, weights)


def _stitched(problem: Problem, results: tuple[FoldResult, ...], name: str) -> Forecast:
    blocks = [getattr(result, name) for result in results]
    whole = scoring.join(blocks, problem, results[0].chosen, len(problem.bars) - 1)
    numbers = np.full(len(problem.bars), -1, dtype=np.int64)
    for result in results:
        numbers[result.fold.test] = result.fold.number
    return scoring.renumbered(whole, numbers)


def _stitched_weights(problem: Problem, results: tuple[FoldResult, ...], whole: Forecast | None) -> Weights:
    values = np.full((len(problem.bars), len(problem.bars.symbols)), np.nan)
    decided: dict[Any, NDArray[np.float64]] = {}
    for result in results:
        fitted = any(hasattr(step, "fit") for step in problem.resolved(result.chosen).steps)
        key = result.fold.number if fitted else _signal_key(problem, result.chosen, whole)
        if key not in decided:
            decided[key] = scoring.with_steps(problem, result.steps, whole, result.chosen)
        values[result.fold.test] = decided[key][result.fold.test]
    return Weights(problem.bars.clock, problem.bars.symbols, values)


def _signal_key(problem: Problem, chosen: Mapping[str, Any], whole: Forecast | None) -> tuple[str, ...]:
    """Name the weights that two folds share: with a forecaster, what hangs on the signal and features alone."""
    below = ("signal", "features")
    return tuple(f"{path}={value!r}" for path, value in sorted(chosen.items()) if path.startswith(below))
