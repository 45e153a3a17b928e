"""A study's problem in another world, with what each stage is given pinned to what it was."""

from __future__ import annotations

from dataclasses import dataclass, field

from quantml.features.base import Features
from quantml.forecasters.base import Forecast
from quantml.study import Study
from quantml.targets import Target
from quantml.validation.audit.worlds import World
from quantml.validation.problem import Problem, Values


@dataclass(frozen=True, eq=False)
class Pinned(Problem):
    """A problem whose features and targets have the past of another problem's.

    A stage that is run on it differs in its own past only where the stage itself looks ahead, not where one before it
    did.

    Attributes
    ----------
    base : Problem
        The study on its own bars.
    world : World
    """

    base: Problem = field(kw_only=True)
    world: World = field(kw_only=True)

    @classmethod
    def put(cls, base: Problem, world: World, study: Study | None = None) -> Pinned:
        """Put a problem into a world, with the study as it would be declared there if that is given."""
        bars = world.bars(base.bars)
        same = base.feature_bars is base.bars
        return cls(study or base.study, bars, bars if same else world.bars(base.feature_bars), base=base, world=world)

    @property
    def known(self) -> int:
        """Number of rows whose past is pinned."""
        return self.world.known(self.base.bars.clock)

    def features(self, values: Values) -> Features:
        """Return the features of a candidate, pinned."""
        return self.once(
            ("features", self.key(values, "features")), lambda: self.world.features(self.base.features(values))
        )

    def target(self, values: Values) -> Target:
        """Return the target of a candidate, pinned where it was known."""
        return self.once(("target", self.key(values, "target")), lambda: self.world.target(self.base.target(values)))

    def forecast(self, forecast: Forecast | None) -> Forecast | None:
        """Return a forecast, pinned."""
        return None if forecast is None else self.world.forecast(forecast)
