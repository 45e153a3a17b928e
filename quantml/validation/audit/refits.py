"""Whether what is tuned and fitted knows more than its training rows, and whether forecasts look ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quantml.faults import name_of
from quantml.forecasters.base import Fitted, Test
from quantml.forecasters.transformed import FittedTransformed
from quantml.loaders.seen import seen_through
from quantml.study import Study
from quantml.validation import scoring
from quantml.validation.audit.differences import Difference, compare, show, unrepeatable
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.pinned import Pinned
from quantml.validation.audit.worlds import Truncated, World
from quantml.validation.blocks import MEASURES, Block
from quantml.validation.problem import Problem
from quantml.validation.scoring import Stretch
from quantml.validation.search import search
from quantml.validation.splits import Fold
from quantml.validation.walkforward import FoldResult, WalkForwardResult
from quantml.weighting import weigh_rows


@dataclass(frozen=True, eq=False)
class Refit:
    """One fold of a finished walk-forward, to be tuned, fitted and forecast again in other worlds.

    What is fitted may know what was known at the first decision after it, so it is fitted in a world that goes
    otherwise from there on; then it must forecast the block as before. What it forecasts up to a moment inside the
    block must hang on nothing after the moment.

    Attributes
    ----------
    result : WalkForwardResult
    was : FoldResult
        What the fold did.
    cut : int
        A position inside its test block.
    world : callable
        Makes a world from a moment.
    study : Study, optional
        The study as it would be declared in the world.
    rank : int
        Place of `was` among the configurations that the fold averages.
    """

    result: WalkForwardResult
    was: FoldResult
    cut: int
    world: Callable[[Any], World]
    study: Study | None = None
    rank: int = 0

    def differences(self, *, tune: bool) -> Iterator[Difference | Notice]:
        """Compare what the fold tuned, fitted and forecast."""
        if tune and self._base.study.tuning is not None:
            yield from self._tuned()
        if self.was.block is not None:
            yield from self._forecast()
        if self.result.weights is not None and scoring.is_fitted(self._base, self.was.chosen):
            yield from self._steps()

    @property
    def _base(self) -> Problem:
        return self.result.problem

    @property
    def _part(self) -> Fold:
        """The part of the test block that is cut, up to the next refit."""
        parts = self._base.study.validation.refits(self._base.bars.clock, self.was.fold)
        return next(one for one in parts if one.start <= self.cut < one.stop)

    def _at(self, position: int) -> Pinned:
        return Pinned.put(self._base, self.world(self._base.bars.clock[position]), self.study)

    def _tuned(self) -> Iterator[Difference | Notice]:
        fold, problem = self.was.fold, self._at(self.was.fold.start)
        with seen_through(problem.world.view):
            now = search(problem, fold)
        scores = [part.scores[None, :] for part in (self.was.candidates, now)]
        if scores[0].shape != scores[1].shape or problem.world.differs(*scores).any():
            again = search(replace(self._base, _built={}), fold).scores[None, :]
            if not np.array_equal(again, scores[0], equal_nan=True):
                yield unrepeatable(name_of(self._base.study.tuning), "scores candidates")
                return
            said = f"the scores inside fold {fold.number} changed with what came after {show(problem.world.moment)}."
            yield Difference("tuning", name_of(self._base.study.tuning), problem.world, problem.known, evidence=said)

    def _forecast(self) -> Iterator[Difference | Notice]:
        part = self._part
        problem = self._at(part.start)
        with seen_through(problem.world.view):
            fitted = scoring.fit(problem, part, self.was.chosen)
        found = self._compared(self._predicted(self._base, part, fitted), problem, len(self._base.bars))
        if found is not None:
            yield self._diagnosed(problem, part, fitted, found) if self._repeats(part) else \
                unrepeatable(found.part, "is fitted")  # fmt: skip
            return
        problem, shown = self._at(self.cut), part
        if isinstance(problem.world, Truncated):
            shown = Fold(part.number, part.train, part.test[part.test < problem.known])
        with seen_through(problem.world.view):
            block = self._predicted(problem, shown, fitted)
        found = self._compared(block, problem, problem.known)
        if found is not None:
            yield self._located(problem, (part, shown), fitted, found)

    def _repeats(self, part: Fold) -> bool:
        """Say whether the same fit on the same rows forecasts the same: one that does not, looks nowhere."""
        again = self._predicted(self._base, part, scoring.fit(self._base, part, self.was.chosen))
        world = Truncated(self._base.bars.clock[-1])
        return self._compared(again, Pinned.put(self._base, world), len(self._base.bars)) is None

    def _predicted(self, problem: Problem, part: Fold, fitted: Fitted) -> Block:
        forecaster = problem.resolved(self.was.chosen).forecaster
        return scoring.forecast(problem, forecaster, fitted, part.test, self.was.chosen, until=part.stop - 1)

    def _compared(self, block: Block, problem: Pinned, known: int) -> Difference | None:
        """Compare forecasts at positions before `known` with those of the fold."""
        assert self.was.block is not None
        rows = block.positions < known
        places = np.searchsorted(self.was.block.positions, block.positions[rows])
        for name in MEASURES:
            before, after = getattr(self.was.block, name), getattr(block, name)
            if before is not None and after is not None:
                name = name_of(self._base.study.forecaster)
                found = compare("forecast", name, problem.world, before[places], after[rows])
                if found is not None and found.row is not None:
                    return replace(found, row=int(block.positions[found.row]), known=problem.known)
        return None

    def _diagnosed(self, problem: Pinned, part: Fold, fitted: Fitted, found: Difference) -> Difference:
        """Name what knew more than its training rows: sample weights, a transform, or the forecaster itself."""
        base, study, chosen = self._base, self._base.resolved(self.was.chosen), self.was.chosen
        said = f"fitted for {show(problem.world.moment)}, it changed with what came after that."
        found = replace(found, evidence=said)
        if study.sample_weight is not None:
            was = weigh_rows(study.sample_weight, base.train(part, chosen))
            with seen_through(problem.world.view):
                rule = problem.resolved(chosen).sample_weight or study.sample_weight
                now = weigh_rows(rule, problem.train(part, chosen))
            if was.shape != now.shape or problem.world.differs(was, now).any():
                return replace(found, stage="sample weight", part=name_of(study.sample_weight))
        if isinstance(fitted, FittedTransformed):
            tests = [base.test(part.test, chosen, until=part.stop - 1)] * 2
            again = scoring.fit(base, part, chosen)
            number = _first_transform((again, fitted), tests, problem.world, len(base.bars))
            if number is not None:
                return replace(found, stage="transform", part=name_of(study.transforms[number]))
        return found

    def _located(self, problem: Pinned, parts: tuple[Fold, Fold], fitted: Fitted, found: Difference) -> Difference:
        """Say whether it is a transform or the forecaster that hangs on what came after the rows of a part.

        The part is given as it was, and as it is in the world of `problem`.
        """
        if not isinstance(fitted, FittedTransformed):
            return found
        base, chosen = self._base, self.was.chosen
        pairs = zip((base, problem), parts, strict=True)
        tests = [one.test(part.test, chosen, until=part.stop - 1) for one, part in pairs]
        number = _first_transform((fitted, fitted), tests, problem.world, problem.known)
        if number is None:
            return found
        return replace(found, stage="transform", part=name_of(base.resolved(chosen).transforms[number]))

    def _steps(self) -> Iterator[Difference | Notice]:
        """Compare the weights of steps that were fitted in a world that goes otherwise from their first decision on."""
        part, problem = self._part, self._at(self._part.start)
        own = self.result.records[0].sleeves[self.rank]
        with seen_through(problem.world.view):
            steps = scoring.fit_steps(problem, part, self.was.chosen)
        stretch = Stretch(part.test, steps, self.was.chosen)
        now = scoring.weigh(self._base, [stretch], own.forecast, len(self._base.bars) - 1)
        assert own.weights is not None
        if problem.world.differs(own.weights[part.test], now[part.test]).any():
            name = " and ".join(name_of(step) for step in self._base.study.steps)
            again = Stretch(part.test, scoring.fit_steps(self._base, part, self.was.chosen), self.was.chosen)
            repeated = scoring.weigh(self._base, [again], own.forecast, len(self._base.bars) - 1)
            if not np.array_equal(own.weights[part.test], repeated[part.test], equal_nan=True):
                yield unrepeatable(name, "is fitted")
                return
            said = f"fitted for {show(problem.world.moment)}, it changed with what came after that."
            yield Difference("signal", name, problem.world, problem.known, evidence=said)


def _first_transform(fitted: tuple[Any, Any], tests: list[Test], world: World, known: int) -> int | None:
    """Return the place of the first transform that gives the same rows, in two worlds, other features."""
    was, now = tests
    for number, (before, after) in enumerate(zip(*(one.transforms for one in fitted), strict=True)):
        was, now = before.transform(was), after.transform(now)
        past = [one.x[one.time < known] for one in (was, now)]
        if past[0].shape != past[1].shape or world.differs(past[0], past[1]).any():
            return number
    return None
