"""What scikit-learn hands a splitter, read as rows of a panel clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import SplitError
from quantml.validation.splits.folds import Fold
from quantml.validation.splits.purge import Held, may_train

Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table, each at a position of the clock that they share.

    Attributes
    ----------
    clock : DatetimeIndex
        The times of the rows, each once.
    time : ndarray of int64
        Position of each row on the clock.
    label_end : ndarray of int64
        Position at which the label of each row is known.
    has_times : bool
        Whether the table has times. Where it has none, rows are counted, and the clock only has as many times.
    """

    clock: pd.DatetimeIndex
    time: NDArray[np.int64]
    label_end: NDArray[np.int64]
    has_times: bool

    @classmethod
    def of(cls, X: Any, groups: Any = None) -> Rows:
        """Read a table or an array, one row per bar or, with times that repeat, one row per bar and symbol.

        Raises
        ------
        SplitError
            If there is no table, its times decrease or cannot be told, or `groups` is not a position for each row.
        """
        if X is None:
            raise SplitError("X", must="be given", hint="Where folds lie depends on the data's clock.")
        times = _times(X)
        if times is None:
            time = np.arange(X.shape[0] if hasattr(X, "shape") else len(X), dtype=np.int64)
            clock = pd.date_range("1970-01-01", periods=len(time), freq="D", unit="us")
        else:
            clock = times.unique()
            time = np.asarray(clock.get_indexer(times), dtype=np.int64)
        label_end = time + 1 if groups is None else _ends(groups, time)
        return cls(clock, time, label_end, times is not None)

    def split(self, folds: Sequence[Fold]) -> Iterator[Split]:
        """Yield the rows of each fold that may train, and those that are tested.

        Raises
        ------
        SplitError
            If the purge leaves no row of a fold to train on.
        """
        for fold in folds:
            train, test = (np.isin(self.time, part) for part in (fold.train, fold.test))
            blocks = [np.isin(self.time, run) for run in fold.runs]
            held = [Held.of(self.time[block], self.label_end[block]) for block in blocks]
            window, train = train, train & may_train(self.time, self.label_end, held, fold.embargo)
            if not train.any():
                raise self._emptied(fold, window)
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _emptied(self, fold: Fold, window: NDArray[np.bool_]) -> SplitError:
        """Say by how much a window is too short, whose rows the purge all takes away."""
        hint = "Use fewer blocks, or a smaller embargo or horizon."
        if fold.is_forward:
            short = int(self.label_end[window].min()) - (fold.start - fold.embargo)
            other = "shorten the embargo or the labels" if fold.embargo else "shorten the labels"
            hint = f"Lengthen the training window by at least {short} {'row' if short == 1 else 'rows'}, or {other}."
        got = f"0 rows of {int(window.sum())} left after purge and an embargo of {fold.embargo}"
        return SplitError("a fold", must="have rows to train on", got=got, where=f"fold {fold.number}", hint=hint)


def _times(X: Any) -> pd.DatetimeIndex | None:
    """Return the time of each row of a table; None where it has no times, and a row of its own for each bar."""
    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index):
        return None
    times = _level_of_times(index) if isinstance(index, pd.MultiIndex) else _read(index)
    if times is None:
        if not index.is_unique:
            repeated = index[index.duplicated()][0]
            hint = "Read them with pd.to_datetime, or leave them out where each row is a bar."
            raise SplitError("an index of X that repeats", must="be of times", got=str(repeated), hint=hint)
        return None
    if times.hasnans:
        row = int(np.flatnonzero(times.isna())[0])
        raise SplitError("the times of X", must="all be known", got="NaT", where=f"row {row}", hint="Drop such rows.")
    if not times.is_monotonic_increasing:
        late = times[1:][times[1:] < times[:-1]]
        raise SplitError("the times of X", must="not decrease", got=str(late[0]), hint="Sort X by time.")
    return times


def _level_of_times(index: pd.MultiIndex) -> pd.DatetimeIndex:
    read = (_read(index.get_level_values(number)) for number in range(index.nlevels))
    found = [times for times in read if times is not None]
    if len(found) == 1:
        return found[0]
    hint = "Read the bars' times with pd.to_datetime." if not found else "Leave only that of the bars."
    raise SplitError("a MultiIndex of X", must="have one level of times", got=len(found), hint=hint)


def _read(index: pd.Index[Any]) -> pd.DatetimeIndex | None:
    """Read an index as times, where it is one of times, periods or dates; text and numbers may be anything."""
    if isinstance(index, pd.DatetimeIndex):
        return index
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    return pd.DatetimeIndex(index) if index.inferred_type in ("date", "datetime") else None


def _ends(groups: Any, time: NDArray[np.int64]) -> NDArray[np.int64]:
    given = np.asarray(groups)
    if given.dtype.kind not in "iu" or given.shape != time.shape:
        got = f"{given.dtype} of shape {given.shape}"
        hint = "Give label_end: the position on the clock at which each row's label is known."
        raise SplitError("groups", must=f"be a whole number for each of {len(time)} rows", got=got, hint=hint)
    ends = given.astype(np.int64)
    if (ends < time).any():
        row = int(np.flatnonzero(ends < time)[0])
        raise SplitError(
            "groups", must="be at or after each row's own position", got=int(ends[row]), where=f"row {row}"
        )
    return ends
