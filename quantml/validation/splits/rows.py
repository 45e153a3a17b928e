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
    """

    clock: pd.DatetimeIndex
    time: NDArray[np.int64]
    label_end: NDArray[np.int64]

    @classmethod
    def of(cls, X: Any, groups: Any = None) -> Rows:
        """Read a table or an array, one row per bar or, with times that repeat, one row per bar and symbol.

        Raises
        ------
        SplitError
            If there is no table, its times decrease, or `groups` is not a position for each row.
        """
        if X is None:
            raise SplitError("X", must="be given", hint="Where folds lie depends on the data's clock.")
        clock, time = _positions(X)
        label_end = time + 1 if groups is None else _ends(groups, time)
        return cls(clock, time, label_end)

    def split(self, folds: Sequence[Fold]) -> Iterator[Split]:
        """Yield the rows of each fold that may train, and those that are tested."""
        for fold in folds:
            train, test = (np.isin(self.time, part) for part in (fold.train, fold.test))
            blocks = [np.isin(self.time, run) for run in fold.runs]
            held = [Held.of(self.time[block], self.label_end[block]) for block in blocks]
            train &= may_train(self.time, self.label_end, held, fold.embargo)
            yield np.flatnonzero(train), np.flatnonzero(test)


def _positions(X: Any) -> tuple[pd.DatetimeIndex, NDArray[np.int64]]:
    index = getattr(X, "index", None)
    if isinstance(index, pd.MultiIndex):
        levels = [index.get_level_values(number) for number in range(index.nlevels)]
        index = next((level for level in levels if isinstance(level, pd.DatetimeIndex)), None)
    if not isinstance(index, pd.DatetimeIndex):
        count = len(X)
        return pd.date_range("1970-01-01", periods=count, freq="D", unit="us"), np.arange(count, dtype=np.int64)
    if not index.is_monotonic_increasing:
        late = index[1:][index[1:] < index[:-1]]
        raise SplitError("the times of X", must="not decrease", got=str(late[0]), hint="Sort X by time.")
    clock = index.unique()
    return clock, np.asarray(clock.get_indexer(index), dtype=np.int64)


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
