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
from quantml.forecasters.base import Forecast
from quantml.loaders.seen import seen_through
from quantml.signals.base import apply_steps
from quantml.simulation.simulator import Simulation
from quantml.validation import scoring
from quantml.validation.audit.differences import Difference, compare, failure, show, unrepeatable
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.pinned import Pinned
from quantml.validation.combination import settle, weighting_of
from quantml.validation.problem import Problem
from quantml.validation.records import Sleeve, weights_of
from quantml.validation.scoring import Stretch
from quantml.validation.splits import WalkForward
from quantml.validation.walkforward import WalkForwardResult


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a finished walk-forward decided, to be decided again in other worlds."""

    result: WalkForwardResult

    # ------------------------------------------------------------------- folds

    def fold_differences(self, problem: Pinned) -> Iterator[Difference | Notice]:
        """Compare where folds lie on a shorter clock."""
        clock, base, validation = problem.bars.clock, self.result.problem, problem.study.validation
        laid = validation.unfinished if isinstance(validation, WalkForward) else validation  # the cut is in a block
        try:
            now = {fold.start: fold for fold in laid.folds(clock)}
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

    # ------------------------------------------------------------- combinations

    def combination_differences(self, problem: Pinned) -> Iterator[Difference | Notice]:
        """Compare how members of a combination are weighted, given forecasts and targets whose past is as it was."""
        for sleeve in self._sleeves:
            if sleeve.forecast is None or sleeve.forecast.members is None:
                continue
            weighting = weighting_of(self.result.problem, sleeve.stretches[0].values)
            now = self._settled(problem, sleeve)
            found = compare("forecast", name_of(weighting), problem.world, sleeve.forecast.mean[: problem.known], now)
            if found is not None:
                yield found

    def _settled(self, problem: Pinned, sleeve: Sleeve) -> NDArray[np.float64]:
        """Combine once more, up to the moment."""
        forecast = problem.forecast(sleeve.forecast)
        assert forecast is not None
        stretches = self._stretches(problem, sleeve, len(problem.bars))
        with seen_through(problem.world.view):
            return settle(forecast, problem, stretches).mean[: problem.known]

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
        last = len(problem.bars) - 1
        begun = [sleeve for sleeve in self._sleeves if sleeve.rows[0] <= last]
        again = (self._again(problem, sleeve, problem.forecast(sleeve.forecast), last) for sleeve in begun)
        return weights_of(list(again))

    def _again(self, problem: Problem, sleeve: Sleeve, forecast: Forecast | None, last: int) -> Sleeve:
        """Decide once more what the configurations of one rank decided, up to position `last`."""
        stretches = self._stretches(problem, sleeve, last + 1)
        return Sleeve(tuple(stretches), forecast, scoring.weigh(problem, stretches, forecast, last))

    def _stretches(self, problem: Problem, sleeve: Sleeve, rows: int) -> list[Stretch]:
        parts = [part for part in sleeve.stretches if part.positions[0] < rows]
        return [
            replace(part, positions=part.positions[part.positions < rows], steps=self._steps(problem, part))
            for part in parts
        ]

    def _steps(self, problem: Problem, part: Stretch) -> tuple[Any, ...]:
        """Return the steps that a stretch was decided by, as the problem declares them where nothing was fitted."""
        fitted = scoring.is_fitted(problem, part.values)
        return part.steps if fitted else tuple(problem.resolved(part.values).steps)

    def _repeats(self) -> bool:
        """Say whether the signal decides the same again: one that does not, looks nowhere."""
        base, last = self.result.problem, len(self.result.problem.bars) - 1
        fresh = replace(base, _built={key: part for key, part in base._built.items() if key[0] != "weights"})
        again = weights_of([self._again(fresh, sleeve, sleeve.forecast, last) for sleeve in self._sleeves])
        assert self.result.weights is not None
        return bool(np.array_equal(again, self.result.weights.values, equal_nan=True))

    def _culprit(self, problem: Pinned, found: Difference) -> str:
        """Name the first step of the signal whose weights are not as they were."""
        base, row = self.result.problem, found.row or 0
        for sleeve in self._sleeves:
            part = next((part for part in sleeve.stretches if row in part.positions), sleeve.stretches[0])
            was = base.context(part.values, sleeve.forecast)
            now = problem.context(part.values, problem.forecast(sleeve.forecast))
            for number in range(1, len(part.steps) + 1):
                before = apply_steps(part.steps[:number], was).values
                with seen_through(problem.world.view):
                    after = apply_steps(self._steps(problem, part)[:number], now).values
                if problem.world.differs(before[: problem.known], after[: problem.known]).any():
                    return name_of(part.steps[number - 1])
        return self._signal

    @property
    def _sleeves(self) -> tuple[Sleeve, ...]:
        return self.result.records[0].sleeves

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
