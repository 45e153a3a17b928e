"""Whether where folds lie, what is decided and what is filled looks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import InputError
from quantml.faults import name_of
from quantml.loaders.seen import seen_through
from quantml.signals.base import apply_steps
from quantml.simulation.simulator import Simulation
from quantml.validation import scoring
from quantml.validation.audit.differences import Difference, compare, failure, show, unrepeatable
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.pinned import Pinned
from quantml.validation.problem import Problem
from quantml.validation.scoring import Stretch
from quantml.validation.walkforward import FoldResult, WalkForwardResult


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a finished walk-forward decided, to be decided again in other worlds."""

    result: WalkForwardResult

    # ------------------------------------------------------------------- folds

    def fold_differences(self, problem: Pinned) -> Iterator[Difference | Notice]:
        """Compare where folds lie on a shorter clock."""
        clock, base = problem.bars.clock, self.result.problem
        try:
            now = {fold.start: fold for fold in problem.study.validation.folds(clock)}
        except InputError as error:
            yield from failure("folds", name_of(base.study.validation), problem.world, problem.known, error)
            return
        for was in (part.fold for part in self.result.folds if part.fold.start < problem.known):
            same = now.get(was.start)
            if same is None or not np.array_equal(same.train, was.train):
                said = f"fold {was.number} lies elsewhere when the bars end on {show(problem.world.moment)}."
                name = name_of(base.study.validation)
                yield Difference("folds", name, problem.world, problem.known, was.start, evidence=said)
                return

    # ----------------------------------------------------------------- weights

    def weight_differences(self, problem: Pinned) -> Iterator[Difference | Notice]:
        """Compare the weights that the signal decides on forecasts whose past is as it was."""
        weights = self.result.weights
        if weights is None:
            return
        try:
            with seen_through(problem.world.view):
                now = self._weights(problem)
        except InputError as error:
            yield from failure("signal", self._signal, problem.world, problem.known, error)
            return
        found = compare("signal", "", problem.world, weights.values[: problem.known], now[: problem.known])
        if found is not None and not self._repeats():
            yield unrepeatable(self._signal, "decides")
        elif found is not None:
            yield replace(found, part=self._culprit(problem, found))

    def _weights(self, problem: Pinned) -> NDArray[np.float64]:
        forecast, last = problem.forecast(self.result.forecast), len(problem.bars) - 1
        return scoring.weigh(problem, self._stretches(problem, last + 1), forecast, last)

    def _stretches(self, problem: Problem, rows: int) -> list[Stretch]:
        parts = [part for part in self.result.folds if part.fold.start < rows]
        return [
            Stretch(part.fold.test[part.fold.test < rows], self._steps(problem, part), part.chosen) for part in parts
        ]

    def _steps(self, problem: Problem, part: FoldResult) -> tuple[Any, ...]:
        """Return the steps that a fold decided by, as the problem declares them where nothing was fitted."""
        fitted = scoring.is_fitted(problem, part.chosen)
        return part.steps if fitted else tuple(problem.resolved(part.chosen).steps)

    def _repeats(self) -> bool:
        """Say whether the signal decides the same again: one that does not, looks nowhere."""
        base, last = self.result.problem, len(self.result.problem.bars) - 1
        fresh = replace(base, _built={key: part for key, part in base._built.items() if key[0] != "weights"})
        again = scoring.weigh(fresh, self._stretches(base, last + 1), self.result.forecast, last)
        assert self.result.weights is not None
        return bool(np.array_equal(again, self.result.weights.values, equal_nan=True))

    def _culprit(self, problem: Pinned, found: Difference) -> str:
        """Name the first step of the signal whose weights are not as they were."""
        base, row = self.result.problem, found.row or 0
        part = next((part for part in self.result.folds if row in part.fold.test), self.result.folds[0])
        was = base.context(part.chosen, self.result.forecast)
        now = problem.context(part.chosen, problem.forecast(self.result.forecast))
        for number in range(1, len(part.steps) + 1):
            before = apply_steps(part.steps[:number], was).values
            with seen_through(problem.world.view):
                after = apply_steps(self._steps(problem, part)[:number], now).values
            if problem.world.differs(before[: problem.known], after[: problem.known]).any():
                return name_of(part.steps[number - 1])
        return self._signal

    @property
    def _signal(self) -> str:
        return " and ".join(name_of(step) for step in self.result.problem.study.steps)

    # ------------------------------------------------------------------- fills

    def fill_differences(self, problem: Pinned) -> Iterator[Difference]:
        """Compare the account up to the moment."""
        if self._account is None or self.result.weights is None:
            return
        world, first = problem.world, self.result.first
        decided = self.result.weights.frame.iloc[first : problem.known]
        now = simulated(problem, decided)
        rows = problem.known - first
        for name in ("equity", "cash"):
            was = getattr(self._account, name).to_numpy()[:rows, None]
            found = compare("fill", problem.fill.name, world, was, getattr(now, name).to_numpy()[:rows, None])
            if found is not None and found.row is not None:
                yield replace(found, row=found.row + first, known=problem.known, column=None)
                return

    @cached_property
    def _account(self) -> Simulation | None:
        weights, problem = self.result.weights, self.result.problem
        if weights is None:
            return None
        return simulated(problem, weights.frame.iloc[self.result.first :])


def simulated(problem: Problem, decided: pd.DataFrame) -> Simulation:
    """Simulate decisions on the bars of a problem, from the first of them to the last bar."""
    return scoring.account(problem.study, problem.bars, problem.fill, decided)
