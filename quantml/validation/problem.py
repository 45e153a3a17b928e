"""What all folds of a study share, and the rows that a fold lets a forecaster see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.canonical import digest
from quantml.cash import cash_returns
from quantml.currency import check_one_currency
from quantml.errors import DataError, TargetError
from quantml.features.base import Features, build_features
from quantml.forecasters.base import Question, Test, Train
from quantml.signals.base import Context, Weights, apply_steps
from quantml.study import Study
from quantml.targets import Target, latest_known
from quantml.timing import Fill
from quantml.validation.splits import Fold, is_known

Built = TypeVar("Built")
Values = Mapping[str, Any]
"""A candidate: the value of each search space by its dotted path."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A study with its bars: features, targets and rule weights are built once for each configuration of them."""

    study: Study
    bars: Bars
    _built: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, study: Study, bars: Bars) -> Problem:
        """Check that study and bars go together, and build the features and targets of every grid candidate."""
        problem = cls(study, bars)
        if problem.fill is Fill.NEXT_OPEN and not bars.has("open"):
            hint = "Use fill=Fill.NEXT_CLOSE, or Fill.PERIOD for published tables."
            raise DataError("Fill.NEXT_OPEN", must="have opens to fill at", got=", ".join(bars.quoted), hint=hint)
        if study.benchmark is not None and study.benchmark not in bars.symbols:
            raise DataError("benchmark", must="be a symbol of the bars", got=study.benchmark)
        if study.signal:
            check_one_currency(bars)
            cash_returns(study.cash, bars)  # raises where a rate is not known
        return problem

    @cached_property
    def fill(self) -> Fill:
        """When decisions are executed."""
        return self.study.fill or (Fill.NEXT_OPEN if self.bars.has("open") else Fill.NEXT_CLOSE)

    def resolved(self, values: Values) -> Study:
        """The study with a candidate's values."""
        return self._once(("study", _key(values, "")), lambda: self.study.resolve(values))

    def features(self, values: Values) -> Features:
        """The features of a candidate over the whole panel."""
        study = self.resolved(values)
        return self._once(("features", _key(values, "features")), lambda: build_features(study.features, self.bars))

    def target(self, values: Values) -> Target:
        """The target of a candidate over the whole panel."""
        rule = self.resolved(values).target
        if rule is None:
            raise TargetError("a study without a target", must="not be asked for one")
        return self._once(("target", _key(values, "target")), lambda: rule.build(self.bars, self.fill))

    def latest(self, values: Values) -> NDArray[np.float64]:
        """The newest target value known at each decision, shape (T, N)."""
        target = self.target(values)
        return self._once(("latest", _key(values, "target")), lambda: latest_known(target))

    def rule_weights(self, values: Values) -> Weights:
        """The weights over the whole panel of a candidate that has no forecaster."""
        study = self.resolved(values)
        context = Context(self.bars, self.features(values), None, study.costs, self.fill, study.cash)
        return self._once(("weights", _key(values, "")), lambda: apply_steps(study.steps, context))

    def seed(self, *purpose: object) -> np.random.SeedSequence:
        """Derive a seed from the study's and from what the draw is for, never from the order of arrival."""
        words = np.frombuffer(bytes.fromhex(digest(purpose, self.study.bundle)), dtype=np.uint32)
        return np.random.SeedSequence([int(self.study.seed), *words.tolist()])

    def _once(self, key: tuple[Any, ...], make: Callable[[], Built]) -> Built:
        if key not in self._built:
            self._built[key] = make()
        return cast(Built, self._built[key])

    def __getstate__(self) -> dict[str, Any]:
        return {"study": self.study, "bars": self.bars, "_built": self._built}

    # -------------------------------------------------------------------- rows

    def question(self, values: Values) -> Question:
        """What the forecaster is asked."""
        target = self.target(values)
        return Question(target.kind, target.horizon, target.start, self.fill, self.bars.periods_per_year)

    def train(self, fold: Fold, values: Values) -> Train:
        """Stack the rows whose labels are known at the first decision of the fold's test block."""
        features, target = self.features(values), self.target(values)
        row, symbol = np.nonzero(self._allowed(fold, target))
        time = fold.train[row]
        return Train(
            x=features.values[time, symbol],
            y=target.values[time, symbol],
            label_end=target.label_end[time, symbol],
            time=time,
            symbol=symbol.astype(np.int64),
            weight=None,
            names=features.names,
            bars=self.bars.until(self.bars.clock[fold.start]),
            question=self.question(values),
            seed=self.seed("fit", fold.number, fold.start, values),
            start=int(fold.train[0]),
        )

    def _allowed(self, fold: Fold, target: Target) -> NDArray[np.bool_]:
        known = is_known(target.label_end[fold.train], fold.start, self.study.validation.embargo)
        known &= self.bars.members[fold.train]
        return np.asarray(known & ~np.isnan(target.values[fold.train]), dtype=np.bool_)

    def purged(self, fold: Fold, values: Values) -> int:
        """Count the rows of the training window that the purge takes away."""
        target = self.target(values)
        rows = self.bars.candidates[fold.train]
        return int(np.sum(rows & ~is_known(target.label_end[fold.train], fold.start, self.study.validation.embargo)))

    def test(self, positions: NDArray[np.int64], values: Values, *, until: int) -> Test:
        """Stack the rows of `positions`, each a decision; the bars end at position `until`."""
        features = self.features(values)
        row, symbol = np.nonzero(self.bars.candidates[positions])
        time = positions[row]
        return Test(
            x=features.values[time, symbol],
            time=time,
            symbol=symbol.astype(np.int64),
            names=features.names,
            bars=self.bars.until(self.bars.clock[until]),
            question=self.question(values),
            latest=self.latest(values)[time, symbol],
            first=int(positions[0]),
        )


def _key(values: Values, below: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((path, repr(value)) for path, value in values.items() if path.startswith(below)))
