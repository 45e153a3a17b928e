"""The one loop over folds: tune, fit, forecast, and stitch the blocks into one out-of-sample record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.errors import FoldError, InputError, QuantmlError
from quantml.evaluation import metrics
from quantml.forecasters.base import Fitted, Forecast
from quantml.signals.base import Weights
from quantml.study import Study
from quantml.validation import scoring
from quantml.validation.messages import collected_warnings
from quantml.validation.problem import Problem, Values
from quantml.validation.records import Record, put_together
from quantml.validation.scoring import Block, Stretch
from quantml.validation.search import Candidate, search, valid
from quantml.validation.splits import Fold
from quantml.validation.threads import single_threaded
from quantml.validation.workers import Progress, Workers, as_workers, run_tasks


@dataclass(frozen=True, eq=False)
class FoldResult(ReadOnly):
    """What one fold reports.

    Attributes
    ----------
    fold : Fold
    candidates : tuple of Candidate
        Every configuration that was scored inside the fold.
    choice : int
        Which of them was chosen.
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
    in_sample_return : float
        Mean net return per year of the chosen configuration on its own training window, without compounding.
    seconds : float
        How long the fold took.
    """

    fold: Fold
    candidates: tuple[Candidate, ...]
    choice: int
    rows: int
    purged: int
    in_sample: float
    block: Block | None
    baseline: Block | None
    steps: tuple[Any, ...]
    warnings: tuple[str, ...] = ()
    in_sample_return: float = np.nan
    seconds: float = 0.0

    @property
    def chosen(self) -> Values:
        """The chosen value of each search space, by its dotted path."""
        return self.candidates[self.choice].values


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """Every fold, and what their test blocks make together over the clock of the bars.

    Attributes
    ----------
    problem : Problem
    folds : tuple of FoldResult
    records : tuple of Record
        One in a walk-forward; one for each backtest path in a combinatorial study.
    """

    problem: Problem
    folds: tuple[FoldResult, ...]
    records: tuple[Record, ...]

    @property
    def is_forward(self) -> bool:
        """Whether every fold trained on rows before its test block only."""
        return self.problem.study.validation.is_forward

    @property
    def first(self) -> int:
        """Position of the first out-of-sample decision."""
        start = self.records[0].pieces[0].test[0]
        return int(start) if self.is_forward else scoring.first_row(self.problem.study, int(start))

    @property
    def forecast(self) -> Forecast | None:
        """The stitched forecast; of the first path in a combinatorial study, as all that follows."""
        return self.records[0].forecast

    @property
    def baseline(self) -> Forecast | None:
        """The baseline's forecast."""
        return self.records[0].baseline

    @property
    def realised(self) -> NDArray[np.float64] | None:
        """What came, shape (T, N)."""
        return self.records[0].realised

    @property
    def weights(self) -> Weights | None:
        """What was decided."""
        return self.records[0].weights

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was logged as a warning while forecasts were turned into weights, once each."""
        return tuple(dict.fromkeys(message for record in self.records for message in record.warnings))


def walk_forward(
    study: Study,
    bars: Bars,
    *,
    feature_bars: Bars | None = None,
    executor: Workers | Executor | None = None,
    progress: Progress | None = None,
    newest_only: bool = False,
) -> WalkForwardResult:
    """Run a study over its folds.

    Parameters
    ----------
    study : Study
    bars : Bars
        With the study's outside tables joined.
    feature_bars : Bars, optional
        What features are built from, on the same clock and symbols; `bars` by default.
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    progress : callable, optional
        Called with the number of folds done and the number of folds.
    newest_only : bool
        Run the last fold alone, where its decisions need no other: all the signal's steps decide row by row.

    Raises
    ------
    InputError
        If the study cannot be run on the bars; the text names the fold.
    FoldError
        If a fold failed.
    """
    with single_threaded():
        problem = Problem.of(study, bars, feature_bars)
        folds = study.validation.folds(bars.clock)
        study.validation.paths(folds)  # raises where folds make no record
        alone = newest_only and all(getattr(step, "by_row", False) for step in study.steps)
        problem.features(_first_values(problem))  # bad features are the study's fault, not a fold's
        return stitch(problem, _run_folds(problem, folds[-1:] if alone else folds, as_workers(executor), progress))


def _run_folds(
    problem: Problem, folds: Sequence[Fold], workers: Workers, progress: Progress | None
) -> tuple[FoldResult, ...]:
    try:
        results = run_tasks(workers, run_fold, problem, folds, bundle=problem.study.bundle, progress=progress)
    except BaseException:
        workers.stop(kill=True)
        raise
    workers.stop()
    return tuple(results)


def _first_values(problem: Problem) -> Values:
    """Return the first candidate that no part of the study refuses."""
    tuning = problem.study.tuning
    if tuning is None:
        return {}
    return valid(problem, tuning.candidates(problem.study.spaces, problem.seed("candidates", 0)))[0]


def run_fold(problem: Problem, fold: Fold) -> FoldResult:
    """Tune on the fold's training window, fit, and forecast its test block."""
    began = time.perf_counter()
    try:
        with collected_warnings() as warned:
            candidates = search(problem, fold)
            result = _test(problem, fold, candidates, max(range(len(candidates)), key=lambda i: candidates[i].rank))
        return replace(result, warnings=tuple(warned), seconds=time.perf_counter() - began)
    except InputError as error:
        raise type(error).with_text(f"{_name(problem, fold)}: {error}") from error
    except QuantmlError as error:
        raise FoldError.with_text(f"{_name(problem, fold)}: {error}") from error
    except Exception as error:
        raise FoldError(f"{_name(problem, fold)} failed: {type(error).__name__}: {error}") from error


def _name(problem: Problem, fold: Fold) -> str:
    return f"fold {fold.number} (test from {problem.bars.clock[fold.start]:%Y-%m-%d})"


def _test(problem: Problem, fold: Fold, candidates: tuple[Candidate, ...], choice: int) -> FoldResult:
    """Fit the chosen configuration, forecast the test block, and score it in sample."""
    study, chosen = problem.study, candidates[choice].values
    block = baseline = trained = None
    rows = purged = 0
    if study.forecaster is not None:
        block, trained, rows = _forecast_block(problem, fold, chosen)
        baseline = _baseline_block(problem, fold, chosen)
        purged = problem.purged(fold, chosen)
    steps = scoring.fit_steps(problem, fold, chosen)
    in_sample = earned = np.nan
    if study.signal:
        stretch = Stretch(fold.train, steps, chosen)
        inside = scoring.earn(problem, [stretch], None if trained is None else [trained], fold)
        in_sample, earned = scoring.judge(problem, inside), yearly(problem, inside.returns)
    return FoldResult(fold, candidates, choice, rows, purged, in_sample, block, baseline, steps,
                      in_sample_return=earned)  # fmt: skip


def yearly(problem: Problem, returns: pd.Series) -> float:
    """Return the mean of net returns per year, without compounding: blocks are short; NaN where there is none."""
    return metrics.annual_mean_return(returns, periods_per_year=problem.bars.periods_per_year)


def _forecast_block(problem: Problem, fold: Fold, chosen: Values) -> tuple[Block, Block, int]:
    """Forecast the test block, refitting where the study says so; also the training rows and their number."""
    forecaster = problem.resolved(chosen).forecaster
    parts, trained, rows = [], None, 0
    for part in problem.study.validation.refits(problem.bars.clock, fold):
        fitted = scoring.fit(problem, part, chosen)
        parts += _tested(problem, part, forecaster, fitted, chosen)
        if trained is None:
            until = max(part.start, int(part.train[-1]))
            trained = scoring.forecast(problem, forecaster, fitted, part.train, chosen, until=until)
            rows = fitted.rows_used if hasattr(fitted, "rows_used") else len(problem.train(part, chosen).y)
    assert trained is not None
    return _concatenated(parts), trained, rows


def _baseline_block(problem: Problem, fold: Fold, chosen: Values) -> Block:
    """Forecast the test block by the baseline, refitted where the study's forecaster is."""
    baseline = scoring.baseline_of(problem)
    parts = []
    for part in problem.study.validation.refits(problem.bars.clock, fold):
        fitted = scoring.fit_baseline(problem, part, chosen)
        parts += _tested(problem, part, baseline, fitted, chosen)
    return _concatenated(parts)


def _tested(problem: Problem, part: Fold, forecaster: Any, fitted: Fitted, chosen: Values) -> list[Block]:
    """Forecast the test rows, each run of them with the bars until its own end."""
    return [scoring.forecast(problem, forecaster, fitted, run, chosen, until=int(run[-1])) for run in part.runs]


def _concatenated(parts: list[Block]) -> Block:
    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    return Block(joined("positions"), joined("mean"), joined("probability"), joined("variance"))


def stitch(problem: Problem, results: tuple[FoldResult, ...]) -> WalkForwardResult:
    """Put the folds' blocks together: to one record or, where folds test blocks more than once, to one for each path.

    Raises
    ------
    StudyError
        If the folds chose targets of different kinds.
    """
    paths = problem.study.validation.paths([result.fold for result in results])
    return WalkForwardResult(problem, results, tuple(put_together(problem, results, pieces) for pieces in paths))
