"""Plain blocked cross-validation, kept as an example of what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from quantml.errors import SplitError, StudyError, check_whole
from quantml.validation.splits.rows import Rows, Split


@dataclass(frozen=True)
class BlockedKFold:
    """A bad example: cut the clock into blocks, test each, and train on all other rows, without purge or embargo.

    Three things leak. The label of a row just before a test block is made of prices inside the block; a row
    just after it is labelled, and has features, like the block's last rows, so that a model which remembers its
    neighbours looks as if it forecast them. And a model is tuned and fitted with what came later. With a horizon of h
    rows, 2 (h - 1) training rows have labels that overlap with those of a block in the middle. `split` takes no account
    of `groups`.

    It is here to be compared with `CombinatorialPurged`, whose ``CombinatorialPurged(blocks, 1)`` is the same
    without the first two leaks, and with `WalkForward`, which has none of them. A study refuses it.

    Parameters
    ----------
    blocks : int
        Number of blocks, at least 2.

    Raises
    ------
    ParameterError
        If there are fewer.

    Examples
    --------
    >>> [(train.tolist(), test.tolist()) for train, test in BlockedKFold(2).split(np.zeros((4, 1)))]
    [([2, 3], [0, 1]), ([0, 1], [2, 3])]
    """

    blocks: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", check_whole("BlockedKFold.blocks", self.blocks, least=2))

    def check_study(self, *, trades: bool) -> None:
        """Raise `StudyError`: no study is validated so."""
        hint = "Use WalkForward, or CombinatorialPurged with test_blocks=1."
        raise StudyError("a study", must="be validated by a splitter that purges", got="BlockedKFold", hint=hint)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield (train, test) rows, as scikit-learn's splitters do; rows of one time are tested together."""
        rows = Rows.of(X)
        for block in np.array_split(np.arange(len(rows.clock)), self.blocks):
            if not len(block):
                raise SplitError(f"{self.blocks} blocks", must="have a row each", got=f"{len(rows.clock)} rows")
            tested = np.isin(rows.time, block)
            yield np.flatnonzero(~tested), np.flatnonzero(tested)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of blocks, which hangs on no data."""
        return self.blocks
