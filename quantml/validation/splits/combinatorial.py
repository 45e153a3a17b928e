"""Combinatorial purged splits: every choice of blocks to test, and the backtest paths that they make."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import ParameterError, SplitError, check_whole
from quantml.validation.splits.folds import Fold, Piece
from quantml.validation.splits.rows import Rows, Split

SHARE: Final = 0.01
"""Share of the rows that the embargo is by default."""
MOST_FOLDS: Final = 10_000
"""The most folds: each is fitted, and C(N, k) grows fast."""


@dataclass(frozen=True)
class CombinatorialPurged:
    r"""Cut the clock into blocks, test each choice of `test_blocks` of them, and train on the others.

    With N blocks of which k are tested there are C(N, k) folds; each block is tested in C(N-1, k-1) of them. Path
    number p takes each block's forecasts from the p-th fold that tests it, so that the forecasts make
    k/N C(N, k) = C(N-1, k-1) whole backtests of the same rows (Lopez de Prado 2018, Advances in Financial Machine
    Learning, chapter 12). Their spread is what hangs on the rows that a model happened to be trained on.

    A row trains if and only if its label is known and, for every test block, it ends at or before the block's first
    decision, or the row comes at or after the block's largest label end; each by `embargo` rows (chapter 7). Models
    are trained on what comes after their test blocks too, so that no account could have earned a path. Blocks are as
    equal as they can be, the first ones longer by a row; new data move them.

    What reads the bars of a training window as one series (ARIMA, volatility filters, pairs) cannot be fitted to rows
    with a test block between or before them, and says so.

    Parameters
    ----------
    blocks : int
        Number of blocks, N, at least 2.
    test_blocks : int
        How many of them each fold tests, k, from 1 to N - 1.
    embargo : int, optional
        Rows kept free on either side of each test block, beyond the purge. By default 1 % of the rows, rounded up:
        the purge takes away labels that overlap, but features of rows after a block look back into it, and what is
        left of serial correlation fades over some rows more. 1 % is what Lopez de Prado (2018, section 7.4.2) found to
        be often enough; features with long windows ask for more.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or there would be more than 10,000 folds.

    Examples
    --------
    >>> clock = pd.bdate_range("2020-01-01", periods=6)
    >>> split = CombinatorialPurged(blocks=3, test_blocks=2, embargo=0)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in split.folds(clock)]
    [([4, 5], [0, 1, 2, 3]), ([2, 3], [0, 1, 4, 5]), ([0, 1], [2, 3, 4, 5])]
    >>> [[piece.place for piece in path] for path in split.paths(split.folds(clock))]
    [[0, 0, 1], [1, 2, 2]]
    """

    is_forward: ClassVar[bool] = False
    """Whether every fold trains on rows before its test block only."""

    blocks: int
    test_blocks: int
    embargo: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", check_whole("CombinatorialPurged.blocks", self.blocks, least=2))
        object.__setattr__(
            self, "test_blocks", check_whole("CombinatorialPurged.test_blocks", self.test_blocks, least=1)
        )
        if self.test_blocks >= self.blocks:
            rule = f"be fewer than blocks, {self.blocks}, so that some are left to train on"
            raise ParameterError("CombinatorialPurged.test_blocks", must=rule, got=self.test_blocks)
        if self.fold_count > MOST_FOLDS:
            rule = f"make at most {MOST_FOLDS:,} folds"
            hint = "Use fewer blocks, or test fewer of them."
            raise ParameterError(str(self), must=rule, got=f"{self.fold_count:,}", hint=hint)
        if self.embargo is not None:
            object.__setattr__(self, "embargo", check_whole("CombinatorialPurged.embargo", self.embargo, least=0))

    @property
    def fold_count(self) -> int:
        """Number of folds, C(N, k)."""
        return math.comb(self.blocks, self.test_blocks)

    @property
    def path_count(self) -> int:
        """Number of backtest paths, k/N C(N, k)."""
        return math.comb(self.blocks - 1, self.test_blocks - 1)

    def check_study(self, *, trades: bool) -> None:
        """Accept any study."""

    def check_clock(self, clock: pd.DatetimeIndex) -> None:
        """Accept any clock: blocks are as long as it makes them."""

    # ------------------------------------------------------------------- folds

    def folds(self, clock: pd.DatetimeIndex) -> tuple[Fold, ...]:
        """Lay the folds on a clock, in the order of the blocks that they test.

        Raises
        ------
        SplitError
            If there are fewer rows than blocks.
        """
        blocks, embargo = self._laid(len(clock)), self._embargo(len(clock))
        return tuple(
            Fold(number, _others(blocks, tested), np.concatenate([blocks[block] for block in tested]), embargo=embargo)
            for number, tested in enumerate(combinations(range(self.blocks), self.test_blocks))
        )

    def refits(self, clock: pd.DatetimeIndex, fold: Fold) -> tuple[Fold, ...]:
        """Return the fold itself: a model is fitted once for all its test blocks."""
        return (fold,)

    def paths(self, folds: Sequence[Fold]) -> tuple[tuple[Piece, ...], ...]:
        """Put the test blocks of all folds together to whole records of the clock, each block once in each."""
        chosen = list(combinations(range(self.blocks), self.test_blocks))
        blocks = self._laid(len(folds[0].train) + len(folds[0].test))
        testing = [[place for place, tested in enumerate(chosen) if block in tested] for block in range(self.blocks)]
        return tuple(
            tuple(Piece(testing[block][path], blocks[block]) for block in range(self.blocks))
            for path in range(self.path_count)
        )

    def _laid(self, rows: int) -> list[NDArray[np.int64]]:
        if rows < self.blocks:
            hint = "Use fewer blocks, or load a longer range."
            raise SplitError(f"{self.blocks} blocks", must="have a row each", got=f"{rows} rows", hint=hint)
        return np.array_split(np.arange(rows, dtype=np.int64), self.blocks)

    def _embargo(self, rows: int) -> int:
        return math.ceil(SHARE * rows) if self.embargo is None else self.embargo

    # ------------------------------------------- scikit-learn's splitter protocol

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield (train, test) rows, as scikit-learn's splitters do.

        Parameters
        ----------
        X : DataFrame or array
            One row per bar or, with an index or a level of times that repeat but do not decrease, one per bar and
            symbol: rows of one time are trained on and tested together.
        y : ignored
        groups : array of int, optional
            `label_end` of each row, a position among the different times, by which training rows are purged. Without
            it a row's label is taken to be known at the next time.
        """
        rows = Rows.of(X, groups)
        yield from rows.split(self.folds(rows.clock))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds, which hangs on no data."""
        return self.fold_count


def _others(blocks: Sequence[NDArray[np.int64]], tested: tuple[int, ...]) -> NDArray[np.int64]:
    return np.concatenate([rows for block, rows in enumerate(blocks) if block not in tested])
