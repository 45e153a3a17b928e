"""Fitting, forecasting and scoring one configuration on one stretch of the clock."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import frame
from quantml.bars import Bars
from quantml.errors import ForecastError, SignalError, StudyError, TargetError
from quantml.faults import is_built_in, name_of, users_code
from quantml.forecasters.base import Fitted, Forecast, Forecaster, RowForecast, Train, read_by
from quantml.forecasters.baseline import Naive
from quantml.forecasters.estimator import as_forecaster
from quantml.forecasters.last_models import single
from quantml.forecasters.transformed import transformed
from quantml.signals.base import apply_steps
from quantml.simulation.simulator import Simulation, Simulator
from quantml.study import Study
from quantml.timing import Fill
from quantml.validation.blocks import MEASURES, Block, cut_block, join
from quantml.validation.combination import settle
from quantml.validation.judging import Said, judge
from quantml.validation.lengthening import advised, check_scored, embargo_refused
from quantml.validation.objectives import ForecastScore, Objective, find_objective
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold
from quantml.weighting import weigh_rows


def fit(problem: Problem, fold: Fold, values: Values) -> Fitted:
    """Fit the study's transforms, then its forecaster, on the fold's purged training rows with their weights."""
    study, train = problem.resolved(values), problem.train(fold, values)
    model = single(study.forecaster)
    parts = [*study.transforms, model]
    with advised(problem, fold, values, parts):
        if study.sample_weight is not None:
            with users_code(study.sample_weight, f"{name_of(study.sample_weight)}.weigh", TargetError):
                named = read_by(name_of(study.sample_weight), train)
                train = replace(train, weight=weigh_rows(study.sample_weight, named))
        return _fit(transformed(study.transforms, model), train, parts)


def fit_baseline(problem: Problem, fold: Fold, values: Values) -> Fitted:
    """Fit the baseline on the same rows; it knows no transforms and no weights, and draws alike for all forecasters."""
    baseline = baseline_of(problem)
    if type(baseline) is Naive:  # it learns nothing, so that no rows need be stacked
        return baseline.answer(problem.question(values))
    about = {path: value for path, value in values.items() if path.split(".")[0] in ("features", "target")}
    train = problem.train(fold, values)
    seeded = replace(train, seed=problem.seed("baseline", train.start, fold.start, about))
    with advised(problem, fold, values, [baseline]):
        return _fit(baseline, seeded, [baseline])


def baseline_of(problem: Problem) -> Forecaster | Any:
    """What the forecaster's accuracy is compared with."""
    return Naive() if problem.study.baseline is None else problem.study.baseline


def _fit(model: Forecaster | Any, train: Train, parts: Sequence[Any]) -> Fitted:
    owner = next((part for part in parts if not is_built_in(part)), parts[-1])
    with users_code(owner, f"{' and '.join(map(name_of, parts))}.fit", ForecastError):
        return as_forecaster(copy.deepcopy(model)).fit(
            read_by(name_of(owner), train)
        )  # what `fit` writes on it is its fold's own


def forecast(
    problem: Problem, forecaster: Forecaster | Any, fitted: Fitted, positions: NDArray[np.int64],
    values: Values, *, until: int,
) -> Block:  # fmt: skip
    """Forecast at `positions` with what is known until each of them; the bars end at position `until`."""
    test = problem.test(positions, values, until=until)
    model = single(forecaster)
    with users_code(model, f"{name_of(model)}.predict", ForecastError):
        rows = fitted.predict(test)
    _check_rows(f"{name_of(model)}.predict", rows, len(test.time))
    return Block.of(problem, positions, test.time, test.symbol, rows)


def _check_rows(subject: str, rows: Any, count: int) -> None:
    if not isinstance(rows, RowForecast):
        hint = "Return RowForecast(mean=numbers), of quantml.forecasters."
        raise ForecastError(subject, must="return a RowForecast", got=type(rows).__name__, hint=hint)
    for name in MEASURES:
        part = getattr(rows, name)
        if part is not None and np.shape(part) != (count,):
            raise ForecastError(f"{name} of {subject}", must=f"have one number per row of test, shape {(count,)}",
                                got=np.shape(part))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stretch:
    """Decisions that one set of fitted steps makes.

    Attributes
    ----------
    positions : ndarray of int64
        Increasing positions on the clock.
    steps : tuple of steps
    values : mapping
        The candidate whose steps they are.
    """

    positions: NDArray[np.int64]
    steps: tuple[Any, ...]
    values: Values

    def within(self, rows: NDArray[np.int64]) -> Stretch:
        """Keep the decisions at some rows."""
        return replace(self, positions=np.intersect1d(self.positions, rows))


def weigh(problem: Problem, stretches: Sequence[Stretch], forecast: Forecast | None, last: int) -> NDArray[np.float64]:
    """Decide every stretch by its own steps, with the whole past of forecasts before it; NaN outside them.

    Returns
    -------
    ndarray, shape (last + 1, N)
        Weights decided with what is known at the close of position `last`.
    """
    values = np.full((last + 1, len(problem.bars.symbols)), np.nan)
    decided: dict[tuple[Any, ...], NDArray[np.float64]] = {}
    for stretch in stretches:
        key = _shared_key(problem, stretch)
        if key not in decided:
            decided[key] = _decided(problem, stretch, forecast, last)
        values[stretch.positions] = decided[key][stretch.positions]
    return values


def _shared_key(problem: Problem, stretch: Stretch) -> tuple[Any, ...]:
    """Name the weights that stretches share: by what the candidate says of them, and by steps that are fitted."""
    parts = ("signal", "features", "target")  # the target's primary rule is what some steps follow
    said = tuple(item for part in parts for item in problem.key(stretch.values, part))
    return (*said, *map(id, stretch.steps)) if is_fitted(problem, stretch.values) else said


def _decided(problem: Problem, stretch: Stretch, forecast: Forecast | None, last: int) -> NDArray[np.float64]:
    if forecast is None and not is_fitted(problem, stretch.values):
        return problem.rule_weights(stretch.values).values
    return apply_steps(stretch.steps, problem.context(stretch.values, forecast, last)).values


class Scored(NamedTuple):
    """A candidate's score on all its validation blocks together, and on each alone."""

    whole: float
    parts: tuple[float, ...]


def score(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None, fold: Fold) -> float:
    """Score a candidate inside a fold, higher being better; the arguments are those of `score_parts`."""
    return score_parts(problem, stretches, blocks, fold, starts=()).whole


def score_parts(
    problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None, fold: Fold,
    *, starts: Sequence[int], naive: Sequence[Block] | None = None,
) -> Scored:  # fmt: skip
    """Score a candidate inside a fold: by its simulated trades, net of costs, or by its forecasts.

    Parameters
    ----------
    problem : Problem
    stretches : sequence of Stretch
        The candidate's decisions at training rows, one stretch after the other.
    blocks : sequence of Block or None
        The forecasts that they are made on; None for a rule.
    fold : Fold
        In a walk-forward, trades are marked up to the close of its first decision: what is known when it is fitted.
        In a combinatorial study, what was earned on bars that the purge leaves is scored. Forecasts are scored where
        the purge lets a row train: their label is known.
    starts : sequence of int
        Positions of the first decision of each part that is scored alone too.
    naive : sequence of Block, optional
        The baseline's forecasts, for a score that compares with them.
    """
    objective = objective_of(problem)
    if isinstance(objective, ForecastScore):
        assert blocks is not None
        values = stretches[0].values
        said = _settled(problem, stretches, blocks)
        judged = judge(problem, objective, values, said, naive, problem.learnable(fold, values))
        cuts = _edges(np.concatenate([block.positions for block in blocks]), starts, "left")
        return Scored(objective.score(judged), tuple(objective.score(judged.rows(slice(*cut))) for cut in cuts))
    return score_returns(problem, earn(problem, stretches, blocks, fold), starts)


def _settled(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block]) -> Sequence[Block | Said]:
    """Weight the members of a combination as its weighting says; other forecasts are what they are."""
    if blocks[0].members is None:
        return blocks
    whole = join(blocks, problem, stretches[0].values, int(blocks[-1].positions[-1]))
    settled = settle(whole, problem, stretches)
    return [Said.at(settled, block.positions) for block in blocks]


def earn(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None, fold: Fold) -> Earned:
    """Simulate a candidate's decisions inside a fold; the arguments are those of `score_parts`."""
    if not problem.study.validation.is_forward:
        return _around(problem, stretches, blocks, fold)
    first = int(stretches[0].positions[0])
    if fold.start - fold.embargo <= first:
        check_scored(problem, fold, stretches[0].values)
    last = known_until(problem, fold, first)
    kept = [replace(one, positions=one.positions[one.positions < last]) for one in stretches]
    cut = None if blocks is None else [cut_block(one, one.positions[one.positions < last]) for one in blocks]
    return _until(problem, [one for one in kept if len(one.positions)], cut, last)


def known_until(problem: Problem, fold: Fold, first: int) -> int:
    """Return the position at whose close a fold's account is looked at last: the embargo keeps it from the test block.

    Parameters
    ----------
    problem : Problem
    fold : Fold
    first : int
        Position of the first decision that is scored.

    Raises
    ------
    SplitError
        If the embargo leaves nothing to score.
    """
    last = fold.start - fold.embargo
    if last <= first:
        raise embargo_refused(problem, fold, first - last + 1)
    return last


def score_returns(problem: Problem, earned: Earned, starts: Sequence[int]) -> Scored:
    """Score what was earned, and each part of it that begins at the bar after one of the decisions `starts`."""
    objective = objective_of(problem)
    assert isinstance(objective, Objective)
    periods, positions = problem.bars.periods_per_year, problem.bars.clock.get_indexer(earned.returns.index)
    with users_code(objective.metric, f"the objective {objective.name}", StudyError):
        whole = objective.score(earned.returns, periods, earned.risk_free)
        edges = _edges(positions, starts, "right")
        cut = ((earned.returns.iloc[first:last], earned.risk_free.iloc[first:last]) for first, last in edges)
        parts = (objective.score(part, periods, cash) if len(part) else np.nan for part, cash in cut)
        return Scored(whole, tuple(parts))


def _edges(
    positions: NDArray[np.int64], starts: Sequence[int], side: Literal["left", "right"]
) -> list[tuple[int, int]]:
    """Cut rows at the decisions `starts`: what they forecast lies at them, what they earn after them."""
    firsts = np.searchsorted(positions, starts, side=side).tolist()
    return list(zip(firsts, [*firsts[1:], len(positions)], strict=True)) if firsts else []


class Earned(NamedTuple):
    """Net returns, and what cash earned, on the bars that are scored."""

    returns: pd.Series
    risk_free: pd.Series


def _until(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None, start: int) -> Earned:
    """Simulate decisions until the close of the bar after the last of them, or of `start` where that is before."""
    values, bars, last = stretches[0].values, problem.bars, min(int(stretches[-1].positions[-1]) + 1, start)
    first = min(first_row(problem.resolved(values), int(stretches[0].positions[0])), last - 1)
    joined = None if blocks is None else settle(join(blocks, problem, values, last), problem, stretches)
    weights = frame(weigh(problem, stretches, joined, last), bars.clock[: last + 1], bars.symbols)
    known = bars.between(bars.clock[0], bars.clock[last])
    simulated = account(problem.resolved(values), known, problem.fill, weights.iloc[first:last])
    after = slice(1, None)  # nothing is earned on the bar of the first decision
    return Earned(simulated.returns.iloc[after], simulated.risk_free.iloc[after])


def _around(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None, fold: Fold) -> Earned:
    """Simulate decisions around test blocks, and keep the bars after those that the purge leaves.

    A rule with nothing to fit is simulated once, over the whole history.
    """
    values = stretches[0].values
    if blocks is None and not is_fitted(problem, values):
        whole = problem.once(("earned", problem.key(values)), lambda: _rule_earned(problem, values))
    else:
        whole = _apart_earned(problem, stretches, blocks)
    decided = problem.scored(fold, np.concatenate([stretch.positions for stretch in stretches]), values)
    bars = problem.bars.clock[decided[decided < len(problem.bars) - 1] + 1]
    bars = bars[bars >= whole.returns.index[0]]
    return Earned(whole.returns.loc[bars], whole.risk_free.loc[bars])


def _rule_earned(problem: Problem, values: Values) -> Earned:
    """Simulate a rule over the whole history."""
    return _kept_up(problem, values, problem.rule_weights(values).values, 0)


def _kept_up(problem: Problem, values: Values, decided: NDArray[np.float64], first: int) -> Earned:
    """Simulate decisions from row `first` on; where all is lost, a new account takes over on the next bar.

    What is lost on bars that are tested would otherwise decide what bars after them earn. The new account begins with
    what was decided last.
    """
    study, bars, parts = problem.resolved(values), problem.bars, list[Earned]()
    weights, begin = decided.copy(), min(first_row(study, first), len(bars) - 1)
    while begin < len(bars):
        simulated = account(study, bars, problem.fill, frame(weights, bars.clock, bars.symbols).iloc[begin:])
        end = len(bars) if simulated.ruined_at is None else int(bars.clock.get_loc(simulated.ruined_at)) + 1
        parts.append(Earned(simulated.returns.iloc[: end - begin], simulated.risk_free.iloc[: end - begin]))
        known = np.flatnonzero(~np.isnan(decided[: end + 1]).all(axis=1))
        if end < len(bars) and len(known):
            weights[end] = decided[known[-1]]
        begin = end
    return Earned(*(pd.concat(series) for series in zip(*parts, strict=True)))


def _apart_earned(problem: Problem, stretches: Sequence[Stretch], blocks: Sequence[Block] | None) -> Earned:
    """Simulate stretches that lie apart; nothing is held from one to the next."""
    values, last = stretches[0].values, len(problem.bars) - 1
    joined = None if blocks is None else settle(join(blocks, problem, values, last), problem, stretches)
    decided = weigh(problem, stretches, joined, last)
    positions = np.concatenate([stretch.positions for stretch in stretches])
    after = np.setdiff1d(positions + 1, positions)
    decided[after[after <= last]] = 0.0
    return _kept_up(problem, values, decided, int(positions[0]))


def first_row(study: Study, row: int) -> int:
    """Return the first row at or after `row` that a study can trade: some costs are measured on the bars before."""
    return max(row, int(study.costs.window)) if study.costs.are_measured else row


def account(study: Study, bars: Bars, fill: Fill, decided: pd.DataFrame) -> Simulation:
    """Simulate a study's decisions from their first row to the last bar.

    Parameters
    ----------
    study : Study
    bars : Bars
        Those before the first decision are the history that some costs are measured on.
    fill : Fill
    decided : DataFrame
        Weights, time x symbol.
    """
    simulator = study.simulator or Simulator()
    return simulator.simulate(opened_flat(decided), bars, costs=study.costs, fill=fill, cash=study.cash)


def earning_bars(bars: Bars, last: int) -> Bars:
    """Return the bars until the one that the decision at position `last` earns on, the next where there is one."""
    return bars if last + 2 >= len(bars) else bars.until(bars.clock[last + 1])


def opened_flat(weights: pd.DataFrame) -> pd.DataFrame:
    """Let an account whose first row decides nothing begin with a decision to hold nothing."""
    if not weights.iloc[0].isna().all():
        return weights
    return pd.concat([weights.iloc[:1].fillna(0.0), weights.iloc[1:]])


def objective_of(problem: Problem) -> Objective | ForecastScore:
    """The objective of the study's tuning; the Sharpe ratio where nothing is tuned."""
    tuning = problem.study.tuning
    return find_objective(tuning.objective if tuning else "sharpe_ratio")


def is_fitted(problem: Problem, values: Values) -> bool:
    """Say whether a candidate has signal steps to fit."""
    return problem.fits_steps(values)


def fit_steps(problem: Problem, fold: Fold, values: Values) -> tuple[Any, ...]:
    """Return the signal's steps, those that have a `fit` fitted on the fold's purged training rows."""
    steps = tuple(problem.resolved(values).steps)
    if not is_fitted(problem, values):
        return steps
    train = problem.train(fold, values)
    with advised(problem, fold, values, [step for step in steps if hasattr(step, "fit")][-1:]):
        return tuple(_fit_step(step, train) if hasattr(step, "fit") else step for step in steps)


def decided_by(problem: Problem, fold: Fold, values: Values) -> tuple[Stretch, ...]:
    """Say what decides the test rows of a fold: steps that are fitted are, like a forecaster, at each of its refits."""
    steps = tuple(problem.resolved(values).steps)
    if not is_fitted(problem, values):
        return (Stretch(fold.test, steps, values),)
    parts = problem.study.validation.refits(problem.bars.clock, fold)
    return tuple(Stretch(part.test, fit_steps(problem, part, values), values) for part in parts)


def _fit_step(step: Any, train: Train) -> Any:
    with users_code(step, f"{name_of(step)}.fit", SignalError):
        return copy.deepcopy(step).fit(read_by(name_of(step), train))  # what `fit` writes on a step is its fold's own
