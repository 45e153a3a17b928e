"""What every candidate of a study earns out of sample, and how often choosing among them chooses luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.errors import StudyError
from quantml.evaluation.overfitting import overfitting_logits
from quantml.evaluation.series import excess_over
from quantml.forecasters.base import Forecast
from quantml.study import Study
from quantml.validation import scoring
from quantml.validation.blocks import join
from quantml.validation.combination import settle
from quantml.validation.listing import Numbered, list_candidates, shared_fits
from quantml.validation.problem import Problem, Values
from quantml.validation.scoring import Stretch
from quantml.validation.search import search
from quantml.validation.splits import Fold
from quantml.validation.threads import single_threaded
from quantml.validation.workers import Workers, as_workers, run_tasks


@dataclass(frozen=True, eq=False)
class Overfitting(ReadOnly):
    """How often the best candidate in sample is no better than the middle one out of sample.

    Attributes
    ----------
    candidates : tuple of mapping
        Values of the search spaces by dotted path.
    times : DatetimeIndex, length T
        From the first out-of-sample decision to the last bar.
    returns : ndarray, shape (T, N)
        Net simple returns beyond cash of each candidate.
    logits : ndarray
        `quantml.inference.overfitting_logits` of them.
    """

    candidates: tuple[Mapping[str, Any], ...]
    times: pd.DatetimeIndex
    returns: NDArray[np.float64]
    logits: NDArray[np.float64]

    @property
    def probability(self) -> float:
        """Probability of backtest overfitting."""
        return float(np.mean(self.logits <= 0.0))

    def __repr__(self) -> str:
        return f"Overfitting({self.probability:.3f}, {len(self.candidates)} candidates, {len(self.times)} periods)"


def overfitting(study: Study, *, executor: Workers | Executor | None = None, blocks: int = 16) -> Overfitting:
    """Find the probability of backtest overfitting of a study's search.

    Each candidate is fitted on the training window of every fold, as if there were no other, and trades every test
    block in one account, net of costs: all candidates over the same span, of which no fold's choice has seen its own
    block. A rule costs a simulation per candidate, a forecaster a fit per fold and candidate; candidates that differ in
    their signal alone share it. Nothing is recorded as a trial.

    Parameters
    ----------
    study : Study
        With tuning. Of a search that draws, the candidates are those of its first fold.
    executor : Workers or Executor, optional
        Where the candidates are computed; in this process by default.
    blocks : int
        Even number of blocks that the span is cut into.

    Returns
    -------
    Overfitting

    Raises
    ------
    InputError
        If the study has nothing to choose from, or cannot be run.
    """
    if study.tuning is None:
        hint = "Put a Choice where a value stands, and add tuning=Tuning('sharpe_ratio')."
        raise StudyError("a study", must="have candidates to choose from", got="no search space", hint=hint)
    if not study.validation.is_forward:
        raise StudyError("a study whose candidates are compared", must="walk forward", got=study.validation,
                         hint="Write validation=WalkForward(train=..., test=...).")  # fmt: skip
    market = study.load()
    with single_threaded():
        problem = Problem.of(study, market.bars, market.feature_bars)
        listed = _listed(problem)
        workers = as_workers(executor)
        try:
            found = run_tasks(workers, candidate_returns, problem, shared_fits(problem, listed), bundle=study.bundle)
        except BaseException:
            workers.stop(kill=True)
            raise
        workers.stop()
    returns = dict(pair for part in found for pair in part)
    values = np.column_stack([returns[number].to_numpy() for number in range(len(listed))])
    return Overfitting(tuple(listed), returns[0].index, values, overfitting_logits(values, blocks=blocks))


def _listed(problem: Problem) -> list[Values]:
    """List the candidates: those of the first fold where they are drawn, or proposed by what others scored."""
    tuning, first = problem.study.tuning, problem.study.validation.folds(problem.bars.clock)[0]
    assert tuning is not None
    if tuning.is_listed(problem.study.spaces):
        return list_candidates(problem, first)
    return [candidate.values for candidate in search(problem, first)]


def candidate_returns(problem: Problem, group: Sequence[Numbered]) -> list[tuple[int, pd.Series]]:
    """Return what candidates earn beyond cash when every fold takes them: net simple returns by time.

    Parameters
    ----------
    problem : Problem
    group : sequence of (int, mapping)
        Candidates that share their fits.
    """
    folds = problem.study.validation.folds(problem.bars.clock)
    forecast = None if problem.study.forecaster is None else _forecast(problem, folds, group[0][1])
    return [(number, _returns(problem, folds, values, forecast)) for number, values in group]


def _returns(problem: Problem, folds: Sequence[Fold], values: Values, forecast: Forecast | None) -> pd.Series:
    stretches = [one for fold in folds for one in scoring.decided_by(problem, fold, values)]
    weights = scoring.weigh(problem, stretches, forecast, len(problem.bars) - 1)
    bars = scoring.earning_bars(problem.bars, folds[-1].stop - 1)
    decided = frame(weights[: len(bars)], bars.clock, bars.symbols).iloc[folds[0].start :]
    account = scoring.account(problem.resolved(values), bars, problem.fill, decided)
    return pd.Series(excess_over(account.returns, account.risk_free), account.returns.index)


def _forecast(problem: Problem, folds: Sequence[Fold], values: Values) -> Forecast:
    """Forecast every test block by the candidate fitted for it."""
    forecaster = problem.resolved(values).forecaster
    blocks, rows = [], []
    numbers = np.full(len(problem.bars), -1, dtype=np.int64)
    for fold in folds:
        numbers[fold.test] = fold.number
        rows.append(Stretch(fold.test, (), values))
        for part in problem.study.validation.refits(problem.bars.clock, fold):
            fitted = scoring.fit(problem, part, values)
            blocks.append(scoring.forecast(problem, forecaster, fitted, part.test, values, until=part.stop - 1))
    whole = join(blocks, problem, values, len(problem.bars) - 1)
    return replace(settle(whole, problem, rows), fold=numbers)
