"""What all folds of a study share, and the rows that a fold lets a forecaster see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.canonical import canonical, digest
from quantml.cash import cash_returns
from quantml.currency import check_one_currency
from quantml.errors import DataError, SplitError, StudyError, TargetError
from quantml.faults import name_of, users_code
from quantml.features.base import Feature, Features, build_features
from quantml.forecasters.base import Forecast, Question, Test, Train, Withheld
from quantml.signals.base import Context, Weights, apply_steps
from quantml.study import Study
from quantml.targets import ForwardReturn, MetaLabel, Target, TargetRule, latest_known
from quantml.timing import UNKNOWN, Fill
from quantml.validation.checkpoints.memory import Ground, Kind, Memory, key_of
from quantml.validation.messages import collected_warnings, tell_again
from quantml.validation.splits import Fold, may_train

Built = TypeVar("Built")
Values = Mapping[str, Any]
"""A candidate: the value of each search space by its dotted path."""


NEWEST: Final = ("newest features",)
SIGNAL: Final = "signal"
"""The part of a study that nothing fitted hangs on: its parameters move weights, not forecasts."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A study with its bars: features, targets and rule weights are built once for each configuration of them.

    Attributes
    ----------
    study : Study
    bars : Bars
        What is traded on.
    feature_bars : Bars
        What features are built from; the same bars, unless the study's quality policies fill gaps for features.
    memory : Memory, optional
        What the work of one fold recalls instead of making it again.
    """

    study: Study
    bars: Bars
    feature_bars: Bars
    memory: Memory | None = field(default=None, repr=False)
    _built: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)
    _warned: dict[tuple[Any, ...], tuple[str, ...]] = field(default_factory=dict, repr=False)
    _texts: dict[int, tuple[Any, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, study: Study, bars: Bars, feature_bars: Bars | None = None) -> Problem:
        """Check that study and bars go together.

        Raises
        ------
        InputError
            If the bars lack what the study trades on, or alternatives of its target are not of one kind.
        """
        problem = cls(study, bars, bars if feature_bars is None else feature_bars)
        if study.signal:
            problem._check_trading()
        if study.benchmark is not None and study.benchmark not in bars.symbols:
            raise DataError("benchmark", must="be a symbol of the bars", got=study.benchmark)
        problem._check_kinds()
        return problem

    def _check_trading(self) -> None:
        bars = self.bars
        if not bars.has("close"):
            hint = "Leave signal out to forecast only, or load bars with prices."
            got = ", ".join(bars.quoted) or "none"
            raise DataError("a study with a signal", must="have closes to trade at", got=got, hint=hint)
        if self.fill is Fill.NEXT_OPEN and not bars.has("open"):
            hint = "Use fill=Fill.NEXT_CLOSE, or Fill.PERIOD for published tables."
            raise DataError("Fill.NEXT_OPEN", must="have opens to fill at", got=", ".join(bars.quoted), hint=hint)
        check_one_currency(bars)
        cash_returns(self.study.cash, bars)  # raises where a rate is not known

    def _check_kinds(self) -> None:
        """Raise unless the alternatives of the target are of one kind: forecasts of all folds make one record."""
        space = self.study.spaces.get("target")
        kinds = [] if space is None else [self._built_target(rule).kind for rule in space.grid()]
        if len(set(kinds)) > 1:
            hint = "Make a study of each kind."
            raise StudyError("the alternatives of a target", must="be of one kind", got=", ".join(kinds), hint=hint)

    @cached_property
    def fill(self) -> Fill:
        """When decisions are executed."""
        return self.study.fill or (Fill.NEXT_OPEN if self.bars.has("open") else Fill.NEXT_CLOSE)

    def resolved(self, values: Values) -> Study:
        """The study with a candidate's values."""
        return self.once(("study", self.key(values)), lambda: self.study.resolve(values))

    def features(self, values: Values) -> Features:
        """The features of a candidate over the whole panel."""
        declared = self.resolved(values).features
        return self.once(("features", self.key(values, "features")), lambda: self._built_features(declared))

    def _built_features(self, declared: Sequence[Feature]) -> Features:
        """Build features; those that the candidate before has too are taken from it."""
        built = build_features(declared, self.feature_bars, reuse=self._built.get(NEWEST))
        self._built[NEWEST] = built
        return built

    def target(self, values: Values) -> Target:
        """The target of a candidate over the whole panel.

        A study without one has rows to train on all the same, for steps that are fitted: their labels are the return
        over the bar after the fill.
        """
        rule = self.resolved(values).target or ForwardReturn(horizon=1)
        return self.once(("target", self.key(values, "target")), lambda: self._built_target(rule))

    def _built_target(self, rule: TargetRule) -> Target:
        with users_code(rule, f"{name_of(rule)}.build", TargetError):
            return rule.build(self.bars, self.fill)

    def latest(self, values: Values) -> NDArray[np.float64]:
        """The newest target value known at each decision, shape (T, N)."""
        target = self.target(values)
        return self.once(("latest", self.key(values, "target")), lambda: latest_known(target))

    def rule_weights(self, values: Values) -> Weights:
        """The weights over the whole panel of a candidate that has no forecaster and nothing to fit."""
        steps = self.resolved(values).steps
        return self.once(("weights", self.key(values)), lambda: apply_steps(steps, self.context(values)))

    def context(self, values: Values, forecast: Forecast | None = None, last: int | None = None) -> Context:
        """What signal steps may use at the close of position `last`, the end of the panel by default."""
        study, bars, features = self.resolved(values), self.bars, self.features(values)
        if last is not None:
            bars, features = bars.between(bars.clock[0], bars.clock[last]), features.head(last + 1)
        primary = study.target.steps if isinstance(study.target, MetaLabel) else ()
        return Context(bars, features, forecast, study.costs, self.fill, study.cash, primary)

    def fits_steps(self, values: Values) -> bool:
        """Say whether a candidate has signal steps to fit."""
        return any(hasattr(step, "fit") for step in self.resolved(values).steps)

    def key(self, values: Values, part: str = "") -> tuple[tuple[str, str], ...]:
        """Name a candidate, or only what it says of one part of the study, by the canonical form of its values."""
        return tuple(sorted((path, self._text(value)) for path, value in values.items() if path.startswith(part)))

    def _text(self, value: Any) -> str:
        if value is None or type(value) in (bool, int, float, str):  # a user's own kind of number says more
            return repr(value)
        if id(value) not in self._texts:  # the value is held too, so that its id is not given to another
            self._texts[id(value)] = value, json.dumps(canonical(value, self.study.bundle), sort_keys=True)
        return self._texts[id(value)][1]

    def seed(self, *purpose: object) -> np.random.SeedSequence:
        """Derive a seed from the study's and from what the draw is for, never from the order of arrival."""
        about = tuple(dict(sorted(part.items())) if isinstance(part, Mapping) else part for part in purpose)
        words = np.frombuffer(bytes.fromhex(digest(about, self.study.bundle)), dtype=np.uint32)
        return np.random.SeedSequence([int(self.study.seed), *words.tolist()])

    def once(self, key: tuple[Any, ...], make: Callable[[], Built]) -> Built:
        """Build what is not built yet; each fold that uses it is told what was warned of then, whichever built it."""
        if key in self._built:
            tell_again(self._warned[key])
            return cast(Built, self._built[key])
        with collected_warnings() as warned:
            built = make()
        self._warned[key] = tuple(warned)  # first, for other threads ask for it once the rest is there
        self._built[key] = built
        return built

    def recall(self, kind: Kind, rows: Sequence[Fold], values: Values, make: Callable[[], Built]) -> Built:
        """Return what was kept of a candidate's work on some folds, or make it; warnings are told as `once` does."""
        if self.memory is None:
            return make()
        said = values if kind.ground is Ground.TRADES else fitted_part(values)
        return self.memory.recall(kind, key_of(kind, [fold.digest for fold in rows], self.key(said)), make)

    def __getstate__(self) -> dict[str, Any]:
        held = {name: getattr(self, name) for name in ("study", "bars", "feature_bars", "_built", "_warned")}
        return {**held, "memory": None, "_texts": {}}

    # -------------------------------------------------------------------- rows

    def question(self, values: Values) -> Question:
        """What the forecaster is asked."""
        target = self.target(values)
        return Question(target.kind, target.horizon, target.start, self.fill, self.bars.periods_per_year)

    def train(self, fold: Fold, values: Values) -> Train:
        """Stack the rows that the purge leaves of the fold's training window.

        Raises
        ------
        SplitError
            If no row is left around the test blocks of a fold.
        """
        features, target = self.features(values), self.target(values)
        time, symbol = self.allowed(fold, values)
        if not len(time) and not fold.is_forward:
            hint = "Use fewer blocks, or a smaller embargo or horizon."
            got = f"0 rows of {len(fold.train)} left after purge and an embargo of {fold.embargo}"
            raise SplitError("a fold", must="have rows to train on", got=got, hint=hint)
        return Train(
            x=features.values[time, symbol],
            y=target.values[time, symbol],
            label_end=target.label_end[time, symbol],
            time=time,
            symbol=symbol,
            weight=None,
            names=features.names,
            bars=self._fitted_on(fold),
            question=self.question(values),
            seed=self.seed("fit", int(fold.train[0]), *_edges(fold), fitted_part(values)),
            start=int(fold.train[0]),
            embargo=fold.embargo,
        )

    def _fitted_on(self, fold: Fold) -> Bars:
        """Return the bars until the test block; nothing to be read as a series where they hold rows that are tested."""
        if fold.is_forward:
            return self.bars.until(self.bars.clock[fold.start])
        return cast(Bars, Withheld("what is fitted", self.bars.clock, self.bars.symbols))

    def allowed(self, fold: Fold, values: Values) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List the rows that the purge leaves of the fold's training window: their positions, and their symbols."""
        row, symbol = np.nonzero(self._allowed(fold, self.target(values)))
        return fold.train[row], symbol.astype(np.int64)

    def _allowed(self, fold: Fold, target: Target) -> NDArray[np.bool_]:
        known = fold.allows(target.label_end) & self.bars.members[fold.train]
        return np.asarray(known & ~np.isnan(target.values[fold.train]), dtype=np.bool_)

    def learnable(self, fold: Fold, values: Values) -> NDArray[np.bool_]:
        """Say which decisions of the clock a fold may learn the outcome of, shape (T, N): those that may train."""
        target = self.target(values)
        known = np.zeros(target.values.shape, dtype=np.bool_)
        known[fold.train] = self._allowed(fold, target)
        return known

    def purged(self, fold: Fold, values: Values) -> int:
        """Count the rows of the training window that the purge takes away."""
        target = self.target(values)
        rows = self.bars.candidates[fold.train]
        return int(np.sum(rows & ~fold.allows(target.label_end)))

    def scored(self, fold: Fold, positions: NDArray[np.int64], values: Values) -> NDArray[np.int64]:
        """Keep the decisions that a fold may be scored by inside: those of which some row may train, and none may not.

        A row whose label never comes to be known says nothing for or against.
        """
        ends = self.target(values).label_end
        label_end = ends[positions]
        clear = may_train(positions[:, None], label_end, fold.held(ends), fold.embargo)
        kept = clear.any(axis=1) & (clear | (label_end == UNKNOWN)).all(axis=1)
        return np.asarray(positions[kept], dtype=np.int64)

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


def _edges(fold: Fold) -> tuple[int, ...]:
    """Name where a fold's test rows lie, for its seed: their first position, unless they lie among training rows."""
    if fold.is_forward:
        return (fold.start,)
    return tuple(int(edge) for run in fold.runs for edge in (run[0], run[-1]))


def fitted_part(values: Values) -> Values:
    """Leave out the parameters of the signal: candidates that share the rest share their fits."""
    return {path: value for path, value in values.items() if path.split(".")[0] != SIGNAL}
