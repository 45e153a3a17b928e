"""Whether features and targets look ahead."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import InputError, TargetError
from quantml.faults import users_code
from quantml.features.base import Feature, evaluate, feature_name
from quantml.features.blocks import lay_out
from quantml.loaders.seen import seen_through
from quantml.targets import Target, TargetRule
from quantml.validation.audit.differences import Difference, compare, failure, unrepeatable
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.worlds import Perturbed, World
from quantml.validation.problem import Problem, Values


@dataclass(frozen=True, eq=False)
class Inputs:
    """Every feature and target that a study may use, over all its candidates.

    Attributes
    ----------
    problem : Problem
    features : mapping of str to feature
    values : ndarray of float64, shape (T, N, F)
        The features on the study's own bars.
    targets : tuple of (rule, Target)
        Empty for a study without one.
    own : mapping of str to feature
        The features that `values` are of, where `features` were made anew.
    """

    problem: Problem
    features: dict[str, Feature]
    values: NDArray[np.float64]
    targets: tuple[tuple[TargetRule, Target], ...]
    own: dict[str, Feature] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, candidates: Sequence[Values]) -> Inputs:
        """Build every feature and target of the candidates once."""
        features = {feature_name(part): part for values in candidates for part in problem.resolved(values).features}
        if len(candidates) == 1:
            built = problem.features(candidates[0]).values
        else:
            built = lay_out(list(features.values()), problem.feature_bars, evaluate)[0]
        rules = {problem.key(values, "target"): values for values in candidates}
        asked = [] if problem.study.target is None else list(rules.values())
        targets = tuple((problem.resolved(values).target, problem.target(values)) for values in asked)
        return cls(problem, features, built, targets)  # type: ignore[arg-type]

    def feature_differences(self, world: World, bars: Bars) -> Iterator[Difference | Notice]:
        """Compare the features' past with that on the bars of a world."""
        known = world.known(self.problem.bars.clock)
        for number, (name, now) in enumerate(self._on(world, bars).items()):
            if isinstance(now, InputError):
                yield from failure("feature", name, world, known, now)
                continue
            found = compare("feature", name, world, self.values[:known, :, number], now[:known])
            if found is not None and not self._repeats(number):
                yield self._random(number, name, world, bars)
            elif found is not None:
                yield replace(found, reads=", ".join(self._reads(number, found)))

    def _on(self, world: World, bars: Bars) -> dict[str, NDArray[np.float64] | InputError]:
        """Compute each feature on the bars of a world; the error of those that fail."""
        with seen_through(world.view):
            try:
                values = lay_out(list(self.features.values()), bars, evaluate)[0]
            except InputError:
                return {name: tried(part, bars) for name, part in self.features.items()}
        return {name: values[:, :, number] for number, name in enumerate(self.features)}

    def _feature(self, number: int) -> Feature:
        return list((self.own or self.features).values())[number]

    def _repeats(self, number: int) -> bool:
        """Say whether a feature gives the same on the same bars: one that does not, looks nowhere."""
        again = evaluate(self._feature(number), self.problem.feature_bars)
        return bool(np.array_equal(again, self.values[:, :, number], equal_nan=True))

    def _random(self, number: int, name: str, world: World, bars: Bars) -> Difference | Notice:
        """Compare a feature that is drawn at random with the draws held still, as far as they can be."""
        feature, known = self._feature(number), world.known(self.problem.bars.clock)
        was, again = (_drawn(feature, self.problem.feature_bars)[:known] for _ in range(2))
        if not np.array_equal(was, again, equal_nan=True):
            return unrepeatable(name, "is computed")
        with seen_through(world.view):
            now = _drawn(feature, bars)[:known]
        return compare("feature", name, world, was, now) or unrepeatable(name, "is computed")

    def _reads(self, number: int, found: Difference) -> Iterator[str]:
        """Name what of the future moves a leaking feature, changing one thing at a time."""
        world, bars = found.world, self.problem.feature_bars
        if not isinstance(world, Perturbed):
            return
        was = self.values[: found.known, :, number]
        for name, alone in world.one_by_one(bars):
            now = tried(self._feature(number), alone)
            if isinstance(now, InputError) or world.differs(was, now[: found.known]).any():
                yield name

    def target_differences(self, world: World, bars: Bars) -> Iterator[Difference | Notice]:
        """Compare the targets that were known at the moment with those on the bars of a world."""
        known = world.known(self.problem.bars.clock)
        for rule, was in self.targets:
            name = type(rule).__name__
            try:
                with seen_through(world.view), users_code(rule, f"{name}.build", TargetError):
                    now = rule.build(bars, self.problem.fill)
            except InputError as error:
                yield from failure("target", name, world, known, error)
                continue
            found = _early_label(name, world, known, was, now)
            if found is not None:
                yield found


def _drawn(feature: Feature, bars: Bars) -> NDArray[np.float64]:
    """Compute a feature with the generators that Python and NumPy share seeded, and put them back."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002 - the one that users' code draws from
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    try:
        return evaluate(feature, bars)
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


def tried(feature: Feature, bars: Bars) -> NDArray[np.float64] | InputError:
    """Compute a feature, or return why it cannot be."""
    try:
        return evaluate(feature, bars)
    except InputError as error:
        return error


def _early_label(name: str, world: World, known: int, was: Target, now: Target) -> Difference | None:
    """Return where a label counts as known before the bars that it rests on."""
    settled = was.label_end[:known] < known
    before = np.where(settled, was.values[:known], np.nan)
    after = np.where(settled, now.values[:known], np.nan)
    if isinstance(world, Perturbed):
        moved = settled & (was.label_end[:known] != now.label_end[:known])
        return compare("target", name, world, before, np.where(moved, np.inf, after))
    # a world that ends at the moment knows no label that was not settled by then
    return compare("target", name, world, before, np.where(settled, after, now.values[:known]))
