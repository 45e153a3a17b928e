"""Deciding anew, from the forecasts that a run saved, with another threshold in the steps of its signal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import frame
from quantml.canonical import canonical
from quantml.errors import InputError, StorageError
from quantml.forecasters.base import UNSIGNED, Forecast
from quantml.sensitivities.ground import Ground
from quantml.space import alternatives
from quantml.validation.blocks import MEASURES
from quantml.validation.problem import Problem
from quantml.validation.scoring import Stretch, is_fitted, weigh

THRESHOLD: Final = "threshold"


class NotTried(Exception):
    """Why a run can say nothing of some conditions."""


@dataclass(frozen=True, eq=False)
class Rethinking:
    """The signal of a run, ready to decide again on its forecasts.

    Attributes
    ----------
    ground : Ground
    problem : Problem
    chosen : tuple of mappings
        What each fold chose, by dotted path.
    blocks : tuple of ndarray of int64
        Where each fold decides, as positions on the clock.
    """

    ground: Ground
    problem: Problem
    chosen: tuple[Mapping[str, Any], ...]
    blocks: tuple[NDArray[np.int64], ...]
    _decided: dict[float | None, pd.DataFrame] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, ground: Ground) -> Rethinking:
        """Read what the folds chose.

        Raises
        ------
        NotTried
            If there is no threshold to change, or what the steps decided on was not saved.
        """
        study = ground.study
        if not any(_has_threshold(step) for part in study.steps for step in _spliced(part)):
            raise NotTried("No step of the signal has a parameter named threshold.")
        if study.forecaster is None:
            raise NotTried("The study has no forecasts that a threshold could be held against.")
        if study.tuning is not None and study.tuning.average > 1:
            raise NotTried("The weights are the average of several configurations, whose own forecasts are not saved.")
        chosen = tuple(_values(text, ground) for text in ground.run.folds["parameters"])
        rethinking = cls(ground, ground.problem, chosen, _blocks(ground))
        if any(is_fitted(rethinking.problem, values) for values in chosen):
            raise NotTried("The signal has steps that were fitted in each fold, and these are not saved.")
        if not rethinking.decide(None).equals(ground.weights):
            raise NotTried("The signal reads more of a forecast than a run saves.")
        return rethinking

    @property
    def thresholds(self) -> list[float]:
        """What the folds chose, each value once, in rising order."""
        steps: Iterator[Any] = (step for values in self.chosen for step in self.problem.resolved(values).steps)
        return sorted({float(step.threshold) for step in steps if _has_threshold(step)})

    @cached_property
    def forecast(self) -> Forecast:
        """The forecasts that the run saved, on the clock of its bars."""
        return _forecast(self.ground, self.problem.target(self.chosen[0]).kind)

    def sizes(self) -> NDArray[np.float64]:
        """Return how large forecasts are, in the unit of thresholds."""
        kind = self.forecast.kind
        known = self.forecast.mean if kind in UNSIGNED else np.abs(self.forecast.signed)
        return np.asarray(known[~np.isnan(known)])

    def decide(self, threshold: float | None) -> pd.DataFrame:
        """Decide with `threshold` in every step that has one, or with those that were chosen.

        Raises
        ------
        InputError
            If a step does not take it.
        """
        if threshold not in self._decided:
            self._decided[threshold] = self._decide(threshold)
        return self._decided[threshold]

    def _decide(self, threshold: float | None) -> pd.DataFrame:
        last = len(self.ground.bars) - 1
        stretches = [
            Stretch(block, self._steps(values, threshold), values)
            for block, values in zip(self.blocks, self.chosen, strict=True)
        ]
        decided = weigh(self.problem, stretches, self.forecast, last)
        first = last + 1 - len(self.ground.weights)
        return frame(decided[first:], self.ground.bars.clock[first:], self.ground.bars.symbols)

    def _steps(self, values: Mapping[str, Any], threshold: float | None) -> tuple[Any, ...]:
        steps = self.problem.resolved(values).steps
        if threshold is None:
            return steps
        return tuple(replace(step, threshold=threshold) if _has_threshold(step) else step for step in steps)  # type: ignore[type-var]


def _has_threshold(step: Any) -> bool:
    return is_dataclass(step) and any(part.name == THRESHOLD and part.init for part in fields(step))


def _spliced(part: Any) -> list[Any]:
    """List the steps that may stand in a place of the signal."""
    found = (one if isinstance(one, (list, tuple)) else (one,) for one in alternatives(part))
    return [step for steps in found for step in steps]


def _blocks(ground: Ground) -> tuple[NDArray[np.int64], ...]:
    clock, folds = ground.bars.clock, ground.run.folds
    first = clock.get_indexer(pd.DatetimeIndex(folds["test_first"]))
    last = clock.get_indexer(pd.DatetimeIndex(folds["test_last"]))
    return tuple(np.arange(start, stop + 1, dtype=np.int64) for start, stop in zip(first, last, strict=True))


def _values(text: str, ground: Ground) -> dict[str, Any]:
    """Read what a fold chose; what is more than a number or text is found among the alternatives that were declared."""
    study, read = ground.study, json.loads(text)
    return {path: _value(form, study.spaces[path], ground) for path, form in read.items()}


def _value(form: Any, space: Any, ground: Ground) -> Any:
    try:
        listed = space.grid()
    except InputError:  # values that cannot be listed are numbers
        return form
    for value in listed:
        if json.dumps(canonical(value, ground.study.bundle), sort_keys=True) == json.dumps(form, sort_keys=True):
            return value
    raise StorageError("a parameter that a fold chose", must="be one that the study declares", got=form)


def _forecast(ground: Ground, kind: str) -> Forecast:
    """Lay the forecasts that a run saved on the clock of its bars."""
    bars, table = ground.bars, ground.run.forecasts
    rows = bars.clock.get_indexer(pd.DatetimeIndex(table["time"]))
    columns = pd.Index(bars.symbols, dtype="object").get_indexer(table["symbol"].astype("object"))
    laid: dict[str, Any] = dict.fromkeys(MEASURES)
    for name in MEASURES:
        if name in table:
            laid[name] = np.full((len(bars), len(bars.symbols)), np.nan)
            laid[name][rows, columns] = table[name].to_numpy()
    fold = np.full(len(bars), -1, dtype=np.int64)
    fold[rows] = table["fold"].to_numpy()
    return Forecast(clock=bars.clock, symbols=bars.symbols, kind=kind, fold=fold, quantiles=None, **laid)
