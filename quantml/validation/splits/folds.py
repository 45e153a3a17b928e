"""Folds: one split of the clock, what may train in it, and the folds inside its training window."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.errors import SplitError
from quantml.validation.splits.purge import Held, may_train


@dataclass(frozen=True, eq=False)
class Fold(ReadOnly):
    """One split of the clock.

    Attributes
    ----------
    number : int
        Counted from 0.
    train, test : ndarray of int64
        Increasing positions on the clock. `train` is what the window allows before the purge.
    validation : ndarray of int64 or None
        The last part of `train`, on which candidates are scored, where the splitter declares one.
    sealed : ndarray of int64 or None
        Further rows that nothing of this fold may know: the test rows of the fold that it lies inside.
    embargo : int
        Rows kept free beside what is held out.
    outer : Fold or None
        The fold inside whose training window it lies.
    """

    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: NDArray[np.int64] | None = None
    sealed: NDArray[np.int64] | None = None
    embargo: int = 0
    outer: Fold | None = None

    @property
    def start(self) -> int:
        """Position of the first decision of the test block."""
        return int(self.test[0])

    @property
    def stop(self) -> int:
        """Position after the last decision of the test block."""
        return int(self.test[-1]) + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of where its rows lie, whatever its number."""
        rows = (self.train, self.test, self.validation, self.sealed)
        found = hashlib.sha256(f"{self.embargo} {[None if part is None else len(part) for part in rows]}".encode())
        for part in rows:
            found.update(b"" if part is None else part.tobytes())
        return found.hexdigest()

    @property
    def is_forward(self) -> bool:
        """Whether the training rows lie in one piece just before the test block: bars until then may be known."""
        if not len(self.train) or not len(self.test):
            return False
        return int(self.train[0]) + len(self.train) == self.start == int(self.train[-1]) + 1

    @property
    def runs(self) -> tuple[NDArray[np.int64], ...]:
        """The test rows cut where rows are missing between them."""
        return _runs(self.test)

    def held(self, label_end: NDArray[np.int64]) -> tuple[Held, ...]:
        """The blocks that training rows keep clear of; `label_end` is of every row of the clock that there is yet."""
        runs = [*self.runs, *(() if self.sealed is None else _runs(self.sealed))]
        return tuple(Held.of(run, label_end[run[run < len(label_end)]]) for run in runs)

    def allows(self, label_end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which rows of `train` may train.

        Parameters
        ----------
        label_end : ndarray of int64, shape (T,) or (T, N)
            Of every row of the clock; a walk-forward needs those until its first test row only.

        Returns
        -------
        ndarray of bool, shape (rows of `train`,) or (rows of `train`, N)
        """
        time = self.train.reshape(-1, *[1] * (label_end.ndim - 1))
        return may_train(time, label_end[self.train], self.held(label_end), self.embargo)


def _runs(positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.split(positions, np.flatnonzero(np.diff(positions) != 1) + 1))


class Piece(NamedTuple):
    """A part of a path: rows of the clock, and the fold that tests them, by its place among the folds."""

    place: int
    test: NDArray[np.int64]


def inner_folds(fold: Fold, count: int) -> Sequence[Fold]:
    """Cut the end of a fold's training window into `count` blocks, each validated on what is trained before it.

    It is the fold's validation part that is cut or, where it has none, the second half of the window. Each block is
    trained on all of the window before it, purged as the outer folds are; and clear of the outer test rows, which may
    lie in between.

    Raises
    ------
    SplitError
        If there are fewer rows than blocks.
    """
    rows = len(fold.train) // 2 if fold.validation is None else len(fold.validation)
    size = rows // count
    if size < 1:
        part, least = ("training window", 2 * count) if fold.validation is None else ("validation part", count)
        raise SplitError(f"a {part}", must=f"have at least {least} rows to tune on {count} inner folds",
                         got=len(fold.train) if fold.validation is None else rows,
                         where=f"fold {fold.number}")  # fmt: skip
    begin = len(fold.train) - (size * count if fold.validation is None else rows)
    cuts = [begin, *(len(fold.train) - size * (count - k) for k in range(1, count + 1))]
    sealed = _sealed(fold)
    parts = [(fold.train[: cuts[k]], fold.train[cuts[k] : cuts[k + 1]]) for k in range(count)]
    return [Fold(k, *part, sealed=sealed, embargo=fold.embargo, outer=fold) for k, part in enumerate(parts)]


def _sealed(fold: Fold) -> NDArray[np.int64] | None:
    """Return what folds inside the training window may not know; nothing where it all comes after the window."""
    if fold.sealed is None and (fold.is_forward or not len(fold.test)):
        return None
    return np.union1d(fold.test, fold.test[:0] if fold.sealed is None else fold.sealed)
