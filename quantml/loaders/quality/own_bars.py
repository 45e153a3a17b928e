"""Each symbol's own bars, packed together, as every rule looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.loaders.quality.attendance import Attendance, attend

__all__ = ["OwnBars", "Runs", "find_runs"]

TO_NORMAL: Final = 1.4826
"""The median absolute value of a normal, times this, is its standard deviation."""
WIDE: Final = 127
NARROW: Final = 21
NARROW_SHARE: Final = 0.75
"""How much of the scale of the surrounding month counts against that of the surrounding half year: with less, the
days of a crisis are called spikes; with more, a spike of 8 standard deviations hides in a lively month."""
ENOUGH_SYMBOLS: Final = 5


@dataclass(frozen=True, eq=False)
class OwnBars:
    """The bars that each symbol does have, without the rows of the clock on which it has none.

    Arrays have the shape (K, N): row k holds every symbol's k-th own bar, NaN where it has fewer than k.

    Attributes
    ----------
    bars : Bars
    rows : ndarray of int64, shape (K, N)
        Clock position of each own bar; -1 past a symbol's last.
    """

    bars: Bars
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, bars: Bars) -> OwnBars:
        """Pack the own bars of every symbol."""
        count = bars.traded.sum(axis=0)
        rows = np.argsort(~bars.traded, axis=0, kind="stable")[: int(count.max(initial=0))]
        return cls(bars, np.where(np.arange(len(rows))[:, None] < count, rows, -1))

    @cached_property
    def exists(self) -> NDArray[np.bool_]:
        """Where a symbol has a k-th bar."""
        return self.rows >= 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, one per column."""
        return self.bars.symbols

    def has(self, name: str) -> bool:
        """Say whether the bars have the field `name`."""
        return self.bars.has(name)

    def pack(self, panel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gather the own bars' values of a panel, shape (T, N)."""
        return np.where(self.exists, np.take_along_axis(panel, np.maximum(self.rows, 0), axis=0), np.nan)

    def field(self, name: str) -> NDArray[np.float64]:
        """Return a field as quoted, packed."""
        if name not in self._fields:
            self._fields[name] = self.pack(self.bars.raw_array(name))
        return self._fields[name]

    @cached_property
    def _fields(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @cached_property
    def split(self) -> NDArray[np.float64]:
        """New shares per old share as recorded, packed."""
        return self.pack(self.bars.split)

    @cached_property
    def moves(self) -> NDArray[np.float64]:
        """Logarithm of what a holder of the previous close has at this one, splits and dividends included."""
        close = self.field("close")
        worth = (close + self.pack(self.bars.dividend)) * self.split
        moves = np.full(close.shape, np.nan)
        moves[1:] = np.log(worth[1:] / close[:-1])
        return moves

    @cached_property
    def beside_others(self) -> NDArray[np.bool_]:
        """Where at least five symbols have a bar, so that their median move tells what the market did."""
        enough = self.bars.traded.sum(axis=1) >= ENOUGH_SYMBOLS
        return np.asarray(enough[np.maximum(self.rows, 0)] & self.exists)

    @cached_property
    def excess(self) -> NDArray[np.float64]:
        """`moves` less the median move of the panel at the same time."""
        panel = np.full(self.bars.traded.shape, np.nan)
        k, n = np.nonzero(self.exists)
        panel[self.rows[k, n], n] = self.moves[k, n]
        market = pd.DataFrame(panel).median(axis=1).to_numpy()
        return np.asarray(self.moves - market[np.maximum(self.rows, 0)])

    @cached_property
    def scale(self) -> NDArray[np.float64]:
        """Robust standard deviation of the moves around each bar; NaN where a symbol has fewer than 21 of them.

        1.4826 times the median absolute move other than zero, over the 127 own bars around, or 0.75 times the same
        over the 21 around where that is larger.
        """
        size = pd.DataFrame(np.abs(self.moves))
        size = size.where(size > 0.0)
        wide = size.rolling(WIDE, center=True, min_periods=NARROW).median().to_numpy()
        narrow = size.rolling(NARROW, center=True, min_periods=NARROW // 2).median().to_numpy()
        return np.asarray(TO_NORMAL * np.fmax(wide, np.where(np.isnan(wide), np.nan, NARROW_SHARE * narrow)))

    @cached_property
    def attendance(self) -> tuple[tuple[int, Attendance], ...]:
        """What is odd about the days of each symbol, beside its column."""
        return tuple(attend(self.bars))

    def time(self, k: int, n: int) -> pd.Timestamp:
        """Return the time of symbol n's k-th bar."""
        return self.bars.clock[self.rows[k, n]]


class Runs(NamedTuple):
    """Unbroken runs down the columns of a mask: where each begins and ends, both included."""

    column: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def length(self) -> NDArray[np.int64]:
        """Rows in each run."""
        return self.last - self.first + 1

    def keep(self, chosen: NDArray[np.bool_]) -> Runs:
        """Return the chosen runs."""
        return Runs(self.column[chosen], self.first[chosen], self.last[chosen])


def find_runs(mask: NDArray[np.bool_]) -> Runs:
    """Find the unbroken runs of a mask, shape (K, N), column by column from the top.

    Examples
    --------
    >>> find_runs(np.array([[True], [True], [False], [True]])).length.tolist()
    [2, 1]
    """
    edges = np.diff(np.pad(mask.astype(np.int8), ((1, 1), (0, 0))), axis=0).T
    column, first = np.nonzero(edges == 1)
    _, after = np.nonzero(edges == -1)
    return Runs(column, first, after - 1)
