"""The purge: the one formula that says which rows may train beside rows that are held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.timing import UNKNOWN


@dataclass(frozen=True)
class Held:
    """A block of rows that are held out, as the purge sees it.

    Attributes
    ----------
    start : int
        Position of its first decision.
    end : int
        The largest `label_end` of its rows, and at least its last decision: rows whose label never comes to be known
        hold nothing that a training row could share.
    """

    start: int
    end: int

    @classmethod
    def of(cls, time: NDArray[np.int64], label_end: NDArray[np.int64]) -> Held:
        """Read a block off its rows: `time` are positions of decisions, `label_end` may have a column per symbol."""
        known = label_end[label_end < UNKNOWN]
        return cls(int(time.min()), max(int(time.max()), int(known.max(initial=0))))


def is_known(label_end: NDArray[np.int64], start: int, embargo: int = 0) -> NDArray[np.bool_]:
    """Say which labels are known for decisions that begin at position `start`: the half of the purge that looks back.

    A label is known if and only if ``label_end <= start - embargo``. Equality is right, since the close of `start` is
    when the model is fitted.

    Examples
    --------
    >>> is_known(np.array([3, 4, 5]), start=4)
    array([ True,  True, False])
    """
    return np.asarray(label_end <= start - embargo, dtype=np.bool_)


def may_train(
    time: NDArray[np.int64], label_end: NDArray[np.int64], held: Iterable[Held], embargo: int = 0
) -> NDArray[np.bool_]:
    """Say which rows may train beside blocks that are held out: the purge, with its embargo.

    A row trains if and only if its label is known and, for every block, either ``label_end <= start - embargo`` or
    ``time >= end + embargo``. So its label interval (time, label_end] shares no bar with the block's, from the close of
    the first decision to the largest label end. A walk-forward has no row after its block, and needs the first half
    only.

    Parameters
    ----------
    time : ndarray of int64
        Positions of decisions; broadcast against `label_end`.
    label_end : ndarray of int64
        Where each row's label is known; `quantml.timing.UNKNOWN` where it never is.
    held : iterable of Held
    embargo : int
        Rows kept free beside each block.

    Examples
    --------
    >>> time = np.arange(8)
    >>> may_train(time, time + 2, [Held(start=3, end=5)]).nonzero()[0]
    array([0, 1, 5, 6, 7])
    """
    keep = np.asarray(label_end < UNKNOWN, dtype=np.bool_)
    for block in held:
        keep = keep & (is_known(label_end, block.start, embargo) | (time >= block.end + embargo))
    return keep
