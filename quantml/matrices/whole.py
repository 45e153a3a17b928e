"""`run_cells`: a study over a grid of train lengths, test lengths and starts, and what tells the cells apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.evaluation import metrics
from quantml.evaluation.anova import Variance, two_way
from quantml.matrices.cells import Cell, Length, Plan, plan
from quantml.matrices.workers import Lasting
from quantml.runs import Document, Run, run
from quantml.sensitivities.cells import outcome_of
from quantml.study import Study
from quantml.validation.workers import Progress, Workers, as_workers

SAME: Final = 1e-9
"""Sharpe ratios that differ by no more than this differ by rounding."""


@dataclass(frozen=True)
class Outcome:
    """What one cell came to.

    Attributes
    ----------
    run : str
        ``STUDY/RUN``.
    folds : int
    sharpe_ratio, annual_return : float
        On the out-of-sample span that all cells have in common; the return is compounded.
    own_sharpe_ratio, own_annual_return : float
        On its whole out-of-sample record.
    turnover : float
        Notional of fills over equity, per year, over the whole record.
    leaked : bool
        Whether the look-ahead audit found something.
    """

    run: str
    folds: int
    sharpe_ratio: float
    annual_return: float
    own_sharpe_ratio: float
    own_annual_return: float
    turnover: float
    leaked: bool


@dataclass(frozen=True, eq=False)
class Matrix:
    """The same study over a grid of train lengths, test lengths and starts.

    Attributes
    ----------
    study : str
        Its name.
    plan : Plan
        The grid, and the span that all cells have in common.
    outcomes : mapping of Cell to Outcome
    """

    study: str
    plan: Plan
    outcomes: dict[Cell, Outcome]

    @property
    def cells(self) -> pd.DataFrame:
        """One row per cell: ``train``, ``test``, ``offset``, what `Outcome` says, and ``declared``."""
        rows = [{**asdict(cell), **asdict(one), "declared": cell == self.plan.declared}
                for cell, one in self.outcomes.items()]  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def own(self) -> Outcome:
        """What the study as declared came to."""
        return self.outcomes[self.plan.declared]

    @property
    def variance(self) -> Variance:
        """Where the variance of the Sharpe ratio comes from: rows are train lengths, columns test lengths."""
        ratios = [[self.ratios(train, test) for test in self.plan.tests] for train in self.plan.trains]
        return two_way(ratios)

    @property
    def luck(self) -> float:
        """Share of that variance between cells of equal lengths that start elsewhere: luck of the calendar.

        NaN where a cell never traded, or all came to the same.
        """
        return float("nan") if self._is_flat else self.variance.within.share

    @property
    def _is_flat(self) -> bool:
        """Whether all cells came to the same, up to rounding: nothing hangs on the windows of a rule without tuning."""
        known = np.array([one.sharpe_ratio for one in self.outcomes.values()])
        return bool(known.max() - known.min() <= SAME)  # NaN where a cell never traded

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest Sharpe ratio of the declared lengths over the starts."""
        ratios = self.ratios(self.plan.declared.train, self.plan.declared.test)
        return float(np.min(ratios)), float(np.max(ratios))  # NaN where one of them never traded

    @property
    def rank(self) -> int | None:
        """Place of the declared cell among all by Sharpe ratio, 1 being the highest; None where it never traded."""
        if math.isnan(self.own.sharpe_ratio):
            return None
        return 1 + sum(one.sharpe_ratio > self.own.sharpe_ratio for one in self.outcomes.values())

    @property
    def leaked(self) -> bool:
        """Whether the look-ahead audit found something in a cell."""
        return any(one.leaked for one in self.outcomes.values())

    @property
    def sentence(self) -> str:
        """How much is luck of the calendar, and where the declared study lies."""
        found, low, high = self.variance, *self.span
        if self._is_flat:
            return "All cells came to the same: nothing of the study hangs on its windows."
        if math.isnan(self.luck):
            return "The cells cannot be compared: one of them never traded."
        lengths = f"train={self.plan.declared.train} and test={self.plan.declared.test}"
        if len(self.plan.trains) == len(self.plan.tests) == 1:  # all of the variance lies between the starts
            return (
                f"With {lengths}, the Sharpe ratio lies between {low:.2f} and {high:.2f} by the start alone, which is"
                f" luck of the calendar; the declared start has {self.own.sharpe_ratio:.2f}, rank {self.rank} of"
                f" {len(self.outcomes)}."
            )
        return (
            f"Of the variance of the Sharpe ratio over {len(self.outcomes)} cells, {_percent(self.luck)} is luck of the"
            f" calendar: equal lengths that start elsewhere. {_percent(found.rows.share)} goes with the train length,"
            f" {_percent(found.columns.share)} with the test length, {_percent(found.together.share)} with the two"
            f" together. As declared, {lengths}, it lies between {low:.2f} and {high:.2f} by the start alone; the"
            f" declared start has {self.own.sharpe_ratio:.2f}, rank {self.rank} of {len(self.outcomes)}."
        )

    def ratios(self, train: Length, test: Length) -> list[float]:
        """Return the Sharpe ratios of two lengths, one for each start."""
        return [self.outcomes[Cell(train, test, offset)].sharpe_ratio for offset in self.plan.offsets]

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; what is not a number is NaN, written as null."""
        low, high = self.span
        return {
            "study": self.study,
            "sentence": self.sentence,
            "first": self.plan.first,
            "last": self.plan.last,
            "declared": asdict(self.plan.declared),
            "rank": self.rank,
            "lowest": low,
            "highest": high,
            "luck": self.luck,
            "variance": {"train": asdict(self.variance.rows), "test": asdict(self.variance.columns),
                         "together": asdict(self.variance.together), "offset": asdict(self.variance.within)},
            "cells": self.cells.to_dict("records"),
        }  # fmt: skip


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def run_cells(
    study: Study,
    *,
    train: Sequence[Length] | None = None,
    test: Sequence[Length] | None = None,
    offsets: Sequence[Length],
    out: str | Path | None = None,
    executor: Workers | Executor | None = None,
    progress: Progress | None = None,
    settings: Sequence[str] = (),
    documents: Sequence[Document] = (),
) -> Matrix:
    """Run a study over a grid; every cell is a run of its own, and a trial where it is kept.

    Parameters
    ----------
    study : Study
    train, test : sequence of int or str, optional
        Lengths to try, in rows or durations; the declared one is always among them.
    offsets : sequence of int or str
        Starts to try, two at least; the declared one is always among them.
    out : path, optional
        Folder of runs; without it nothing is written and nothing counted.
    executor : Workers or Executor, optional
        Where the folds of each cell run, one cell after the other; in this process by default.
    progress : callable, optional
        Called with the number of folds done, over all cells, and their number.
    settings : sequence of str
        Changes to declared values that all cells have in common.
    documents : sequence of callables
        Further files of each run's folder.

    Raises
    ------
    InputError
        If the grid cannot be run; nothing is run then.
    """
    laid = plan(study.override(settings) if settings else study, train, test, offsets)
    outcomes, whole, done = {}, sum(laid.folds.values()), 0
    workers = Lasting(as_workers(executor))
    try:
        for cell, count in laid.folds.items():
            told = None if progress is None else _shifted(progress, done, whole)
            changes = [*settings, *cell.settings]
            finished = run(study, executor=workers, out=out, progress=told, settings=changes, documents=documents)
            outcomes[cell] = _outcome(finished, laid)
            done += count
    finally:
        workers.end()
    return Matrix(study.name, laid, outcomes)


def _shifted(progress: Progress, before: int, whole: int) -> Callable[[int, int], None]:
    return lambda done, total: progress(before + done, whole)


def _outcome(finished: Run, laid: Plan) -> Outcome:
    """Sum a cell up; the first common decision earns from the bar after it on."""
    assert finished.simulation is not None
    periods = float(finished.manifest["data"]["periods_per_year"])
    simulation = finished.simulation
    common = np.asarray((simulation.returns.index > laid.first) & (simulation.returns.index <= laid.last))
    returns, free = simulation.returns[common], simulation.risk_free[common]
    return Outcome(
        run=f"{finished.name}/{finished.id}",
        folds=len(finished.folds),
        sharpe_ratio=metrics.sharpe_ratio(returns, periods_per_year=periods, risk_free=free),
        annual_return=metrics.annual_return(returns, periods_per_year=periods),
        own_sharpe_ratio=finished.metrics["sharpe_ratio"],
        own_annual_return=finished.metrics["annual_return"],
        turnover=outcome_of(simulation, periods).turnover,
        leaked=bool(finished.leaks),
    )
