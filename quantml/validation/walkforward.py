"""The one loop over folds: tune, fit, forecast, and stitch the blocks into one out-of-sample record."""

from __future__ import annotations

import time
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
from quantml.validation.accounts import score_window
from quantml.validation.blocks import HELD, Block
from quantml.validation.checkpoints.keeping import Checkpoints, Done, Keeping, Task
from quantml.validation.checkpoints.memory import Kind
from quantml.validation.configurations import named
from quantml.validation.ensembles import best, check_ensembles, folds_needed, followers, forecast_later, learns
from quantml.validation.listing import first_values
from quantml.validation.messages import collected_warnings
from quantml.validation.objectives import ForecastScore
from quantml.validation.problem import Problem, Values
from quantml.validation.records import Record, put_together
from quantml.validation.scoring import Stretch
from quantml.validation.search import Candidates, choose, search
from quantml.validation.splits import Fold
from quantml.validation.threads import single_threaded
from quantml.validation.workers import Progress, Workers, as_workers, run_tasks


@dataclass(frozen=True, eq=False)
class FoldResult(ReadOnly):
    """What one fold reports.

    Attributes
    ----------
    fold : Fold
    candidates : Candidates
        Every configuration that was scored inside the fold.
    choice : int
        Which of them was chosen.
    rows, purged : int
        Training rows used, and those that the purge took away.
    in_sample : float
        Score of the chosen configuration on its own training window.
    block, baseline : Block or None
        Forecasts of the test block by the study's forecaster, and by the baseline.
    stretches : tuple of Stretch
        What decides its test rows, in time: one stretch of them for each refit where steps are fitted.
    warnings : tuple of str
        What was logged as a warning, once each.
    later : tuple of tuple of Block
        Forecasts by each model of the fold of what follows, a block for each refit after it, where the study averages
        its last models.
    others : tuple of FoldResult
        What the next best configurations did, where tuning averages several.
    in_sample_return : float
        Mean net return per year of the chosen configuration on its own training window, without compounding.
    seconds : float
        How long the fold took.
    """

    fold: Fold
    candidates: Candidates
    choice: int
    rows: int
    purged: int
    in_sample: float
    block: Block | None
    baseline: Block | None
    stretches: tuple[Stretch, ...]
    warnings: tuple[str, ...] = ()
    later: tuple[tuple[Block, ...], ...] = ()
    others: tuple[FoldResult, ...] = ()
    in_sample_return: float = np.nan
    seconds: float = 0.0

    @property
    def chosen(self) -> Values:
        """The chosen value of each search space, by its dotted path."""
        return self.candidates.listed[self.choice]

    @property
    def configurations(self) -> tuple[FoldResult, ...]:
        """What is averaged: what the chosen configuration did, then the others."""
        return (self, *self.others)


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
    def last(self) -> int:
        """Position of the last out-of-sample decision."""
        return int(self.records[0].pieces[-1].test[-1])

    @property
    def bars(self) -> Bars:
        """The bars until the one that the last out-of-sample decision earns on."""
        return scoring.earning_bars(self.problem.bars, self.last)

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
    checkpoints: Checkpoints | None = None,
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
        Run the last fold alone, with those before whose models it averages, where its decisions need no other: all the
        signal's steps decide row by row, and forecasts are not combined by the errors of earlier folds.
    checkpoints : Checkpoints, optional
        Where what folds make is kept, and recalled from; by default nothing is.

    Raises
    ------
    InputError
        If the study cannot be run on the bars; the text names the fold.
    FoldError
        If a fold failed.
    """
    with single_threaded():
        check_ensembles(study)
        problem = Problem.of(study, bars, feature_bars)
        folds = study.validation.folds(bars.clock)
        study.validation.paths(folds)  # raises where folds make no record
        alone = newest_only and all(getattr(step, "by_row", False) for step in study.steps) and not learns(study)
        needed = folds[-folds_needed(problem, folds) :] if alone else folds
        problem.features(first_values(problem))  # bad features are the study's fault, not a fold's
        tasks = Keeping(problem, needed, checkpoints)
        return stitch(problem, _run_folds(problem, tasks, as_workers(executor), progress), newest_only=alone)


def _run_folds(problem: Problem, tasks: Keeping, workers: Workers, progress: Progress | None) -> tuple[FoldResult, ...]:
    try:
        results: list[FoldResult] = run_tasks(
            workers, run_fold, problem, tasks,
            bundle=problem.study.bundle, progress=progress, take=tasks.take, called="fold",
        )  # fmt: skip
    except BaseException:
        workers.stop(kill=True)
        raise
    workers.stop()
    return tuple(results)


def run_fold(problem: Problem, task: Task) -> Done[FoldResult]:
    """Tune on the fold's training window, fit, and forecast its test block."""
    fold, began = task.fold, time.perf_counter()
    try:
        with collected_warnings() as warned, task.recalling(problem) as problem:
            candidates = search(problem, fold)
            places = best(problem.study, candidates, choose(problem, candidates))
            result, *others = (_test(problem, fold, candidates, place) for place in places)
            baseline = _baseline_block(problem, fold, result.chosen)
        told, spent = tuple(warned), time.perf_counter() - began
        found = replace(result, baseline=baseline, others=tuple(others), warnings=told, seconds=spent)
        return task.done(found)
    except InputError as error:
        raise type(error).with_text(f"{name_fold(problem, fold)}: {error}") from error
    except QuantmlError as error:
        raise FoldError.with_text(f"{name_fold(problem, fold)}: {error}") from error
    except Exception as error:
        raise FoldError(f"{name_fold(problem, fold)} failed: {type(error).__name__}: {error}") from error


def name_fold(problem: Problem, fold: Fold) -> str:
    """Name a fold for errors: its number, and where its test block begins."""
    return f"fold {fold.number} (test from {problem.bars.clock[fold.start]:%Y-%m-%d})"


def _test(problem: Problem, fold: Fold, candidates: Candidates, choice: int) -> FoldResult:
    """Fit the chosen configuration, forecast the test block, and score it in sample."""
    study, chosen = problem.study, candidates[choice].values
    parts = study.validation.refits(problem.bars.clock, fold)
    block = trained = None
    later: tuple[tuple[Block, ...], ...] = ()
    rows = purged = 0
    with named(chosen):
        if study.forecaster is not None:
            forecast_on = [*parts, *(after for part in parts for after in followers(problem, part))]
            kind = Kind.TESTED_INSIDE if scores_inside(study) else Kind.TESTED
            block, later, trained, rows = problem.recall(
                kind, forecast_on, chosen, lambda: _forecast_block(problem, fold, chosen)
            )
            purged = problem.purged(fold, chosen)
        stretches = scoring.decided_by(problem, fold, chosen)
        score, earned = problem.recall(
            Kind.IN_SAMPLE, [fold, *parts], chosen, lambda: _inside(problem, fold, chosen, stretches[0].steps, trained)
        )
    return FoldResult(
        fold, candidates, choice, rows, purged, score, block, None, stretches, later=later, in_sample_return=earned
    )


def _inside(
    problem: Problem, fold: Fold, chosen: Values, steps: tuple[Any, ...], trained: Block | None
) -> tuple[float, float]:
    """Score the chosen configuration on its own training window; also what it earned there, per year."""
    kept, study = score_window(problem, fold, chosen), problem.study
    if kept is not None or not scores_inside(study):
        return kept or (np.nan, np.nan)
    stretches, blocks = [Stretch(fold.train, steps, chosen)], None if trained is None else [trained]
    if not study.signal:
        return scoring.score(problem, stretches, blocks, fold), np.nan
    earned = scoring.earn(problem, stretches, blocks, fold)
    by_forecasts = isinstance(scoring.objective_of(problem), ForecastScore)
    score = scoring.score(problem, stretches, blocks, fold) if by_forecasts else \
        scoring.score_returns(problem, earned, ()).whole  # fmt: skip
    return score, yearly(problem, earned.returns)


def yearly(problem: Problem, returns: pd.Series) -> float:
    """Return the mean of net returns per year, without compounding: blocks are short; NaN where there is none."""
    return metrics.annual_mean_return(returns, periods_per_year=problem.bars.periods_per_year)


def scores_inside(study: Study) -> bool:
    """Say whether what is chosen is scored on its training window too: by trades, or by its forecasts."""
    return bool(study.signal) or study.tuning is not None


def _forecast_block(
    problem: Problem, fold: Fold, chosen: Values
) -> tuple[Block, tuple[tuple[Block, ...], ...], Block | None, int]:
    """Forecast the test block, refitting where the study says so, and what follows each refit.

    Also the training rows, where they are scored, and their number.
    """
    forecaster, study = problem.resolved(chosen).forecaster, problem.study
    parts, later, trained, rows = [], [], None, 0
    for number, part in enumerate(study.validation.refits(problem.bars.clock, fold)):
        fitted = scoring.fit(problem, part, chosen)
        parts += _tested(problem, part, forecaster, fitted, chosen)
        later.append(forecast_later(problem, part, forecaster, fitted, chosen))
        if number == 0:
            rows = fitted.rows_used if hasattr(fitted, "rows_used") else len(problem.train(part, chosen).y)
            if scores_inside(study):
                until = max(part.start, int(part.train[-1]))
                trained = scoring.forecast(problem, forecaster, fitted, part.train, chosen, until=until)
    return _concatenated(parts), tuple(later), trained, rows


def _baseline_block(problem: Problem, fold: Fold, chosen: Values) -> Block | None:
    """Forecast the test block by the baseline, refitted where the study's forecaster is; None where it has none."""
    if problem.study.forecaster is None:
        return None
    baseline, parts = scoring.baseline_of(problem), problem.study.validation.refits(problem.bars.clock, fold)

    def made() -> Block:
        fits = ((part, scoring.fit_baseline(problem, part, chosen)) for part in parts)
        return _concatenated([one for part, fitted in fits for one in _tested(problem, part, baseline, fitted, chosen)])

    return problem.recall(Kind.BASELINE, parts, chosen, made)


def _tested(problem: Problem, part: Fold, forecaster: Any, fitted: Fitted, chosen: Values) -> list[Block]:
    """Forecast the test rows, each run of them with the bars until its own end."""
    return [scoring.forecast(problem, forecaster, fitted, run, chosen, until=int(run[-1])) for run in part.runs]


def _concatenated(parts: list[Block]) -> Block:
    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    return Block(joined("positions"), **{name: joined(name) for name in HELD})


def stitch(problem: Problem, results: tuple[FoldResult, ...], *, newest_only: bool = False) -> WalkForwardResult:
    """Put the folds' blocks together: to one record or, where folds test blocks more than once, to one for each path.

    Parameters
    ----------
    problem : Problem
    results : tuple of FoldResult
    newest_only : bool
        Leave out all but the last block, of which alone there is all that it needs.

    Raises
    ------
    StudyError
        If the folds chose targets of different kinds.
    """
    paths = problem.study.validation.paths([result.fold for result in results])
    paths = tuple(pieces[-1:] for pieces in paths) if newest_only else paths
    return WalkForwardResult(problem, results, tuple(put_together(problem, results, pieces) for pieces in paths))
