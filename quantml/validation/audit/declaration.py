"""Whether a study was declared with knowledge of what came later: its file is read again in other worlds.

Choices made while a study file is read, such as which features or symbols to use, stand in the study as constants; no
cut of its panel can show them. So the file is read again with loaders that give what was known at a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.canonical import canonical, digest
from quantml.errors import DataError, QuantmlError, StudyError
from quantml.exogenous import Exogenous
from quantml.faults import is_built_in, name_of, users_code
from quantml.features.base import Feature, evaluate, feature_name
from quantml.features.blocks import lay_out
from quantml.loaders.seen import seen_through
from quantml.source import cause_of, raised_at
from quantml.space import find_spaces
from quantml.study import Study
from quantml.universe import Membership
from quantml.validation.audit.decisions import Decisions
from quantml.validation.audit.differences import Difference, show, unrepeatable
from quantml.validation.audit.findings import Notice
from quantml.validation.audit.inputs import Inputs
from quantml.validation.audit.pinned import Pinned
from quantml.validation.audit.refits import Refit
from quantml.validation.audit.worlds import Morning, Truncated, World
from quantml.validation.problem import Problem
from quantml.validation.walkforward import WalkForwardResult

DATA: Final = ("data", "exogenous", "universe")
"""Parts of a study that may hold what is known later; their past may not change."""


@dataclass(frozen=True, eq=False)
class Declaration:
    """A study as its file declares it, to be declared again in other worlds.

    Attributes
    ----------
    result : WalkForwardResult
    """

    result: WalkForwardResult

    @property
    def problem(self) -> Problem:
        """The study on its own bars."""
        return self.result.problem

    @cached_property
    def study(self) -> Study:
        """The study as its file declares it, before settings were changed and anything of it ran."""
        return _declared(self.problem.study) if self.problem.study.bundle else self.problem.study

    def differences(self, make: Callable[[pd.Timestamp], World], cut: int) -> Iterator[Difference | Notice]:
        """Compare the declaration, and the past of its data, with those in a world that `make` makes of a moment."""
        world = make(self.problem.bars.clock[cut])
        try:
            with seen_through(world.view):
                now = _declared(self.problem.study) if self.problem.study.bundle else self.problem.study
                data = _loaded(now)
            found = [*self._choices(now, world), *_otherwise(self._data, data, world)]
            if found and not self._repeats:
                yield unrepeatable("declaration", "is read")
            elif found:
                yield from (Difference(stage, part, world, cut + 1, evidence=said) for stage, part, said in found)
            elif now.bundle:
                yield from self._fresh(now, world)
                yield from self._decided(now, make, cut)
        except QuantmlError as error:
            yield Notice("not audited", "declaration", f"In the world of {show(world.moment)} it fails: {error}")

    @cached_property
    def _data(self) -> dict[str, list[Any]]:
        return _loaded(self.study)

    @cached_property
    def _repeats(self) -> bool:
        """Say whether the file declares the same again, and its loaders load the same."""
        again = _declared(self.study) if self.study.bundle else self.study
        end = Truncated(self.problem.bars.clock[-1])
        return not [*self._choices(again, end), *_otherwise(self._data, _loaded(again), end)]

    def _decided(self, now: Study, make: Callable[[pd.Timestamp], World], cut: int) -> Iterator[Difference | Notice]:
        """Compare what the first fold fits, and what is decided by then, by the parts that the file makes anew."""
        first = self.result.folds[0]
        if not self.result.is_forward or cut != first.fold.start or now.hash != self.problem.study.hash:
            return
        yield from Refit(self.result, first, cut, make, now).differences(tune=False)
        pinned = Pinned.put(self.problem, make(self.problem.bars.clock[cut]), now)
        yield from Decisions(self.result).weight_differences(pinned)

    def _fresh(self, now: Study, world: World) -> Iterator[Difference | Notice]:
        """Compare the features as the file makes them anew, with nothing left in them of what they loaded before."""
        was = {feature_name(part): part for part in self.study.features if not find_spaces(part)}
        anew = {feature_name(part): part for part in now.features if not find_spaces(part)}
        if was:
            bars = self.problem.feature_bars
            values, _ = lay_out(list(was.values()), bars, evaluate)
            inputs = Inputs(self.problem, anew, values, (), own=was)
            yield from inputs.feature_differences(world, world.bars(bars))

    def early_fields(self, morning: Morning, known: int) -> Iterator[Difference | Notice]:
        """Look for bars of a user's own loader whose close is known at a day's open, and their other fields later."""
        data, (loaded,) = self.study.data, self._data["data"]
        if isinstance(data, Bars) or is_built_in(data):
            return
        was = loaded.until(morning.moment)
        with seen_through(morning.view):
            now = _load(data).until(morning.moment)
        late = [name for name in was.quoted if not _same_row(was, now, name)]
        if late and "close" not in late and len(was) == len(now):
            said = (f"the close of {show(morning.moment)} is what was known at that day's open, but {', '.join(late)}"
                    " of the same bar came later: a decision at its close knows them too early.")  # fmt: skip
            yield Difference("data", name_of(data), morning, known, evidence=said)

    def _choices(self, now: Study, world: World) -> Iterator[tuple[str, str, str]]:
        was, is_now = self._forms, {name: _form(now, name) for name in self._forms}
        if [_told(part) for part in self.study.features] == [_told(part) for part in now.features]:
            was["features"] = is_now["features"] = None  # the same by name: their values will tell
        for name in (name for name in was if was[name] != is_now[name]):
            said = f"it would have been declared otherwise, had what came after {show(world.moment)} been different."
            yield "declaration", name, said

    @property
    def _forms(self) -> dict[str, Any]:
        names = [name for name in self.study.__dataclass_fields__ if name not in ("name", "bundle", *DATA)]
        return {name: _form(self.study, name) for name in names}


def _declared(study: Study) -> Study:
    assert study.bundle is not None
    try:
        declared: Study = study.bundle.load_anew().study
    except (Exception, SystemExit) as error:
        raise StudyError(f"its file fails: {cause_of(error)}", where=raised_at(error)) from error
    return replace(declared, bundle=study.bundle)


def _told(feature: Feature) -> Any:
    """Name a feature; say all that one declares whose values cannot be compared before it is tuned."""
    return canonical(feature) if find_spaces(feature) else feature_name(feature)


def _form(study: Study, name: str) -> Any:
    return canonical(getattr(study, name), study.bundle)


def _loaded(study: Study) -> dict[str, list[Any]]:
    """Return what each part of the data holds; of quantml's own loaders, how they are declared."""
    parts = {name: getattr(study, name) for name in DATA}
    listed = {name: list(part) if isinstance(part, tuple) else [part] for name, part in parts.items()}
    return {name: [_load(one) for one in part] for name, part in listed.items()}


def _load(part: Any) -> Any:
    if part is None or isinstance(part, (Bars, Exogenous, Membership)):
        return part
    if is_built_in(part):
        return digest(part, None)
    with users_code(part, f"{name_of(part)}.load", DataError):
        return part.load()


def _otherwise(was: dict[str, list[Any]], now: dict[str, list[Any]], world: World) -> Iterator[tuple[str, str, str]]:
    for name in DATA:
        pairs = zip(was[name], now[name], strict=False)
        if len(was[name]) != len(now[name]) or not all(_same_past(*pair, world) for pair in pairs):
            said = f"what they hold until {show(world.moment)} would have been otherwise, had what came after been so."
            yield "data", {"data": "bars", "exogenous": "outside tables"}.get(name, name), said


def _same_past(was: Any, now: Any, world: World) -> bool:
    """Compare what two loads hold until the moment; bars from where the later of them begins."""
    if not isinstance(was, (Bars, Exogenous, Membership)) or type(was) is not type(now):
        return bool(was == now)
    was, now = was.until(world.moment), now.until(world.moment)
    if isinstance(was, Bars) and len(was) and len(now):
        first = max(was.clock[0], now.clock[0])
        was, now = (part.between(first, world.moment) for part in (was, now))
    return bool(was.fingerprint == now.fingerprint)


def _same_row(was: Bars, now: Bars, name: str) -> bool:
    return bool(np.array_equal(was.raw_array(name)[-1], now.raw_array(name)[-1], equal_nan=True))
