"""Walk-forward splits: where training, test and refit lie on the panel clock, and the one formula of the purge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import ParameterError, SplitError, did_you_mean
from quantml.timing import Span, block_number

HOLIDAY_SLACK: Final = pd.Timedelta(days=4)
"""A training window that is a duration counts as full when at most this much, or 1.15 bars, is missing at its
start: years and quarters begin with holidays and weekends; months differ in length and are stamped at their end."""


def is_known(label_end: NDArray[np.int64], start: int, embargo: int = 0) -> NDArray[np.bool_]:
    """Say which rows may train for decisions that begin at position `start`: the purge.

    A row trains if and only if ``label_end <= start - embargo``: its label is known at the close of the first
    decision. Equality is right, since that close is when the model is fitted.

    Examples
    --------
    >>> is_known(np.array([3, 4, 5]), start=4)
    array([ True,  True, False])
    """
    return np.asarray(label_end <= start - embargo, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Fold(ReadOnly):
    """One split of the clock.

    Attributes
    ----------
    number : int
        Counted from 0 in time.
    train, test : ndarray of int64
        Increasing positions on the clock. `train` is what the window allows before the purge.
    """

    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def start(self) -> int:
        """Position of the first decision of the test block."""
        return int(self.test[0])

    @property
    def stop(self) -> int:
        """Position after the last decision of the test block."""
        return int(self.test[-1]) + 1


@dataclass(frozen=True)
class WalkForward:
    """Train on a window, test on the block after it, move on by the block.

    Folds are laid from the first bar forward, so that new data never move them, and test blocks tile the time that
    they cover; a short block at the end is kept. Durations are calendar-aligned: ``"3m"`` blocks are quarters.

    Parameters
    ----------
    train : int or str
        Length of the training window: rows of the clock, or a duration such as ``"3y"``, ``"6m"``, ``"4w"``, ``"21d"``.
    test : int or str
        Length of each test block.
    mode : {"rolling", "expanding"}
        Whether the training window moves, or grows from the first bar (`train` is then its least length).
    refit : int or str, optional
        Refit inside a block at this interval; tuned parameters stay those of the block. By default once per block.
    embargo : int
        Rows kept free between the last training label and the first decision, beyond the purge.

    Examples
    --------
    >>> clock = pd.bdate_range("2020-01-01", periods=6)
    >>> [(f.train.tolist(), f.test.tolist()) for f in WalkForward(train=3, test=2).folds(clock)]
    [([0, 1, 2], [3, 4]), ([2, 3, 4], [5])]
    """

    train: int | str
    test: int | str
    mode: Literal["rolling", "expanding"] = "rolling"
    refit: int | str | None = None
    embargo: int = 0

    def __post_init__(self) -> None:
        _ = self._train, self._test, self._refit  # reading them raises where they cannot be read
        if self.mode not in ("rolling", "expanding"):
            hint = did_you_mean(str(self.mode), ("rolling", "expanding"))
            raise ParameterError("WalkForward.mode", must="be 'rolling' or 'expanding'", got=self.mode, hint=hint)
        if isinstance(self.embargo, bool) or not isinstance(self.embargo, int) or self.embargo < 0:
            raise ParameterError("WalkForward.embargo", must="be a whole number of rows, at least 0", got=self.embargo)

    @cached_property
    def _train(self) -> Span:
        return Span.parse(self.train, "WalkForward.train")

    @cached_property
    def _test(self) -> Span:
        return Span.parse(self.test, "WalkForward.test")

    @cached_property
    def _refit(self) -> Span | None:
        return None if self.refit is None else Span.parse(self.refit, "WalkForward.refit")

    # ------------------------------------------------------------------- folds

    def folds(self, clock: pd.DatetimeIndex) -> tuple[Fold, ...]:
        """Lay the folds on a clock.

        Raises
        ------
        SplitError
            If training window and first test block do not fit into the data.
        """
        laid_by = self._test
        starts = [start for start in self._block_starts(clock) if self._train_start(clock, start, laid_by) is not None]
        if not starts:
            span = f"{len(clock)} rows from {clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}" if len(clock) else "no rows"
            raise SplitError(
                "train and the first test block",
                must="fit into the data",
                got=f"train={self.train}, test={self.test} on {span}",
                hint="Shorten WalkForward.train, or load a longer range.",
            )
        stops = [*starts[1:], len(clock)]
        ends = enumerate(zip(starts, stops, strict=True))
        return tuple(self._fold(clock, number, start, stop, laid_by=laid_by) for number, (start, stop) in ends)

    def refits(self, clock: pd.DatetimeIndex, fold: Fold) -> tuple[Fold, ...]:
        """Cut a fold's test block where the model is refitted; each part has its own training window."""
        if self._refit is None:
            return (fold,)
        blocks = block_number(clock[fold.test], self._refit)
        starts = [fold.start, *(fold.test[1:][np.diff(blocks) != 0]).tolist()]
        stops = [*starts[1:], fold.stop]
        first, *others = zip(starts, stops, strict=True)
        rolled = (self._fold(clock, fold.number, *ends, laid_by=self._refit) for ends in others)
        return (self._fold(clock, fold.number, *first, laid_by=self._test), *rolled)

    def _block_starts(self, clock: pd.DatetimeIndex) -> list[int]:
        if self._test.unit != "rows":
            return [0, *(np.flatnonzero(np.diff(block_number(clock, self._test))) + 1).tolist()]
        fits = (start for start in range(len(clock)) if self._train_start(clock, start, self._test) is not None)
        return list(range(next(fits, len(clock)), len(clock), self._test.count))

    def _train_start(self, clock: pd.DatetimeIndex, start: int, laid_by: Span) -> int | None:
        """Return where the training window of a block at `start` begins; None where the data are too short for it.

        A window that is a duration is counted back from where the calendar block begins, of the length `laid_by`.
        """
        if self._train.unit == "rows":
            first = start - self._train.count
            return first if first >= 0 else None
        aligned = clock[start] if laid_by.unit == "rows" else laid_by.floor(clock[start])
        moment = self._train.before(aligned)
        if start == 0 or clock[0] > moment + max(HOLIDAY_SLACK, 1.15 * (clock[1] - clock[0])):
            return None
        return int(clock.searchsorted(moment, side="left"))

    def _fold(self, clock: pd.DatetimeIndex, number: int, start: int, stop: int, *, laid_by: Span) -> Fold:
        first = 0 if self.mode == "expanding" else self._train_start(clock, start, laid_by)
        if first is None:  # a refit point is never earlier than its block, which has a whole window
            raise SplitError("a training window", must="begin inside the data", where=f"fold {number}")
        return Fold(number, np.arange(first, start, dtype=np.int64), np.arange(start, stop, dtype=np.int64))

    # ------------------------------------------- scikit-learn's splitter protocol

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield (train, test) positions, as scikit-learn's splitters do.

        Parameters
        ----------
        X : DataFrame or array
            One row per bar; durations need a DatetimeIndex.
        y : ignored
        groups : array of int, optional
            `label_end` of each row, by which training rows are purged. Without it a row's label is taken to be
            known at the next row.
        """
        clock = _clock_of(X)
        label_end = np.arange(1, len(clock) + 1) if groups is None else np.asarray(groups, dtype=np.int64)
        for fold in self.folds(clock):
            yield fold.train[is_known(label_end[fold.train], fold.start, self.embargo)], fold.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds that `split` yields."""
        return len(self.folds(_clock_of(X)))


def _clock_of(X: Any) -> pd.DatetimeIndex:
    index = getattr(X, "index", None)
    if isinstance(index, pd.DatetimeIndex):
        return index
    if X is None:
        raise SplitError("X", must="be given", hint="The number of folds depends on the data's clock.")
    return pd.date_range("1970-01-01", periods=len(X), freq="D", unit="us")


def inner_folds(fold: Fold, count: int) -> Sequence[Fold]:
    """Cut a fold's training window into a first half that only trains and `count` validation blocks after it.

    Each block is trained on the whole window before it; the purge is the walk-forward's.

    Raises
    ------
    SplitError
        If the second half has fewer rows than blocks.
    """
    size = len(fold.train) // (2 * count)
    if size < 1:
        raise SplitError("a training window", must=f"have at least {2 * count} rows to tune on {count} inner folds",
                         got=len(fold.train), where=f"fold {fold.number}")  # fmt: skip
    cuts = [len(fold.train) - size * (count - k) for k in range(count + 1)]
    return [Fold(k, fold.train[: cuts[k]], fold.train[cuts[k] : cuts[k + 1]]) for k in range(count)]
