"""What is run: the cells of a grid, checked on the study's own clock before any of them costs work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import pandas as pd

from quantml.errors import InputError, ParameterError, SplitError, StudyError, check
from quantml.study import Study
from quantml.validation.splits import Fold, WalkForward

LEAST: Final = 2
"""Bars with a return that all cells must have in common: fewer have no Sharpe ratio."""
Length = int | str


@dataclass(frozen=True)
class Cell:
    """One walk-forward: lengths of the training window and of test blocks, and how much later it starts.

    Parameters
    ----------
    train, test, offset : int or str
        As in `WalkForward`.
    """

    train: Length
    test: Length
    offset: Length

    @property
    def settings(self) -> tuple[str, ...]:
        """What makes a study this cell, as for `quantml run --set`."""
        return tuple(f"validation.{name}={getattr(self, name)}" for name in ("train", "test", "offset"))

    def __str__(self) -> str:
        return f"train={self.train}, test={self.test}, offset={self.offset}"


@dataclass(frozen=True)
class Plan:
    """A grid that can be run.

    Attributes
    ----------
    trains, tests, offsets : tuple
        What is tried, the declared value among them.
    declared : Cell
    first, last : Timestamp
        The first decision that all cells have in common, and the last bar that decisions of all of them earn on.
    folds : mapping of Cell to int
        The cells in order, and the number of folds of each.
    """

    trains: tuple[Length, ...]
    tests: tuple[Length, ...]
    offsets: tuple[Length, ...]
    declared: Cell
    first: pd.Timestamp
    last: pd.Timestamp
    folds: dict[Cell, int]


def plan(
    study: Study, train: Sequence[Length] | None, test: Sequence[Length] | None, offsets: Sequence[Length]
) -> Plan:
    """Lay the folds of every cell on the study's bars.

    Raises
    ------
    InputError
        If the study does not walk forward or does not trade; if there are no two offsets, or a value stands twice; if a
        cell does not fit into the data, or all cells have no out-of-sample bars in common. The text names the cell.
    """
    own = _walk_forward(study)
    declared = Cell(own.train, own.test, own.offset)
    trains, tests = _axis("train", train, own.train), _axis("test", test, own.test)
    starts = _axis("offsets", offsets, own.offset)
    if not offsets or len(starts) < 2:
        hint = "Give some, such as 0, 5 and 10 rows: what differs between them is luck of the calendar."
        raise ParameterError("offsets", must="hold two different starts at least", got=list(offsets) or "none",
                             hint=hint)  # fmt: skip
    clock = study.load_bars().clock
    cells = [Cell(*values) for values in product(trains, tests, starts)]
    laid = {cell: _folds(study, cell, clock) for cell in cells}
    _check_different(laid)
    latest = max(cells, key=lambda cell: laid[cell][0].start)
    first = laid[latest][0].start
    last = min(min(folds[-1].stop for folds in laid.values()), len(clock) - 1)
    if last - first < LEAST:
        hint = "Shorten offsets or train, or load a longer range."
        got = f"{max(last - first, 0)} bars after {clock[first]:%Y-%m-%d}"
        raise SplitError("the cells of a walk-forward matrix", must=f"have {LEAST} out-of-sample bars in common",
                         got=got, where=str(latest), hint=hint)  # fmt: skip
    counts = {cell: len(folds) for cell, folds in laid.items()}
    return Plan(trains, tests, starts, declared, clock[first], clock[last], counts)


def _walk_forward(study: Study) -> WalkForward:
    check(isinstance(study, Study), "study", "be a Study", type(study).__name__)
    if not isinstance(study.validation, WalkForward):
        got = type(study.validation).__name__
        hint = "A combinatorial study has no windows that could start elsewhere."
        raise StudyError("the study of a walk-forward matrix", must="be validated by WalkForward", got=got, hint=hint)
    if not study.signal:
        hint = "Add a signal: cells are compared by their Sharpe ratios."
        raise StudyError("the study of a walk-forward matrix", must="trade", got="no signal", hint=hint)
    return study.validation


def _axis(name: str, given: Sequence[Length] | None, declared: Length) -> tuple[Length, ...]:
    """Return what is tried along an axis: what is given, in its order, and the declared value where it is not there."""
    if given is None:
        return (declared,)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ParameterError(name, must="be a sequence of rows or durations", got=given)
    if name != "offsets" and not given:
        raise ParameterError(name, must="hold a length at least", got="none", hint="Leave it out for the declared one.")
    twice = [one for one in given if given.count(one) > 1]
    if twice:
        raise ParameterError(name, must="name each value once", got=f"{twice[0]!r} twice")
    return tuple(given) if declared in given else (*given, declared)


def _check_different(laid: Mapping[Cell, Sequence[Fold]]) -> None:
    """Raise where two cells are the same folds under two names: they would count twice."""
    seen: dict[tuple[str, ...], Cell] = {}
    for cell, folds in laid.items():
        same = seen.setdefault(tuple(fold.digest for fold in folds), cell)
        if same != cell:
            raise ParameterError("the cells of a walk-forward matrix", must="have different folds",
                                 got=f"the same for {same} and for {cell}", hint="Leave one of them out.")  # fmt: skip


def _folds(study: Study, cell: Cell, clock: pd.DatetimeIndex) -> tuple[Fold, ...]:
    try:
        validation = study.override(cell.settings).validation
        validation.check_clock(clock)
        return validation.folds(clock)
    except InputError as error:
        raise type(error).with_text(f"cell {cell}: {error}") from error
