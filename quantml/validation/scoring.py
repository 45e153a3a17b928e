"""Fitting, forecasting and scoring one configuration on one stretch of the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.forecasters.base import Fitted, Forecast, Forecaster, RowForecast
from quantml.forecasters.estimator import as_forecaster
from quantml.signals.base import Context, apply_steps
from quantml.simulation.simulator import simulate
from quantml.validation.problem import Problem, Values
from quantml.validation.splits import Fold
from quantml.validation.tuning import Objective

MEASURES = ("mean", "probability", "variance")


@dataclass(frozen=True, eq=False)
class Block(ReadOnly):
    """Forecasts at consecutive decisions: each array has shape (rows of `positions`, N), NaN where there is none."""

    positions: NDArray[np.int64]
    mean: NDArray[np.float64]
    probability: NDArray[np.float64] | None
    variance: NDArray[np.float64] | None

    @classmethod
    def of(cls, problem: Problem, positions: NDArray[np.int64], time: NDArray[np.int64],
           symbol: NDArray[np.int64], rows: RowForecast) -> Block:  # fmt: skip
        """Lay row-wise forecasts out over time x symbol."""
        laid: dict[str, Any] = {}
        for name in MEASURES:
            values = getattr(rows, name)
            laid[name] = None
            if values is not None:
                laid[name] = np.full((len(positions), len(problem.bars.symbols)), np.nan)
                laid[name][np.searchsorted(positions, time), symbol] = values
        return cls(positions, **laid)


def join(blocks: Sequence[Block], problem: Problem, values: Values, until: int) -> Forecast:
    """Put blocks on the clock up to position `until` (included); NaN outside them, fold numbers in their order."""
    shape = (until + 1, len(problem.bars.symbols))
    fold = np.full(shape[0], -1, dtype=np.int64)
    laid: dict[str, Any] = dict.fromkeys(MEASURES)
    for number, block in enumerate(blocks):
        fold[block.positions] = number
        for name in MEASURES:
            part = getattr(block, name)
            if part is not None:
                laid[name] = np.full(shape, np.nan) if laid[name] is None else laid[name]
                laid[name][block.positions] = part
    clock = problem.bars.clock[: until + 1]
    kind = problem.target(values).kind
    return Forecast(clock=clock, symbols=problem.bars.symbols, kind=kind, fold=fold, quantiles=None, **laid)


def fit(problem: Problem, forecaster: Forecaster | Any, fold: Fold, values: Values) -> Fitted:
    """Fit a forecaster on the fold's purged training rows."""
    return as_forecaster(forecaster).fit(problem.train(fold, values))


def forecast(problem: Problem, fitted: Fitted, positions: NDArray[np.int64], values: Values, until: int) -> Block:
    """Forecast at `positions` with what is known until each of them."""
    test = problem.test(positions, values, until=until)
    return Block.of(problem, positions, test.time, test.symbol, fitted.predict(test))


def score(problem: Problem, values: Values, blocks: Sequence[Block] | None, first: int, last: int) -> float:
    """Score a candidate by its simulated trades, net of costs, on decisions from `first` until before `last`.

    Trades are marked up to the close of `last`: what is known when the fold that starts there is fitted.
    """
    study, bars = problem.resolved(values), problem.bars
    cut = bars.between(bars.clock[0], bars.clock[last])
    if blocks is None:
        weights = problem.rule_weights(values).frame
    else:
        features, joined = problem.features(values).head(last + 1), join(blocks, problem, values, last)
        context = Context(cut, features, joined, study.costs, problem.fill, study.cash)
        weights = apply_steps(study.steps, context).frame
    window = bars.between(bars.clock[first], bars.clock[last])
    decided = opened_flat(weights.iloc[first:last])
    simulated = simulate(decided, window, costs=study.costs, fill=problem.fill, cash=study.cash)
    return objective_of(problem).score(simulated.returns, bars.periods_per_year, simulated.risk_free)


def opened_flat(weights: pd.DataFrame) -> pd.DataFrame:
    """Let an account whose first row decides nothing begin with a decision to hold nothing."""
    if not weights.iloc[0].isna().all():
        return weights
    return pd.concat([weights.iloc[:1].fillna(0.0), weights.iloc[1:]])


def objective_of(problem: Problem) -> Objective:
    """The objective of the study's tuning; the Sharpe ratio where nothing is tuned."""
    tuning = problem.study.tuning
    return Objective.of(tuning.objective if tuning else "sharpe_ratio")


def fit_steps(problem: Problem, fold: Fold, values: Values) -> tuple[Any, ...]:
    """Fit those signal steps that have a `fit`, on the fold's training rows."""
    steps = problem.resolved(values).steps
    if not any(hasattr(step, "fit") for step in steps):
        return tuple(steps)
    train = problem.train(fold, values)
    return tuple(step.fit(train) if hasattr(step, "fit") else step for step in steps)


def with_steps(problem: Problem, steps: Sequence[Any], whole: Forecast | None, values: Values) -> NDArray[np.float64]:
    """Weights over the whole panel from given (fitted) steps."""
    study = problem.resolved(values)
    context = Context(problem.bars, problem.features(values), whole, study.costs, problem.fill, study.cash)
    return apply_steps(steps, context).values


def renumbered(whole: Forecast, numbers: NDArray[np.int64]) -> Forecast:
    """Give a forecast the fold numbers of its rows."""
    return replace(whole, fold=numbers)
