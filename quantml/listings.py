"""Each symbol's own bars, numbered, and where a run of them ends: what is held of a delisted symbol is closed there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.timing import UNKNOWN
from quantml.universe import DELIST_AFTER, find_exits

__all__ = ["Listings", "OwnBars", "find_listings"]


@dataclass(frozen=True, eq=False)
class Listings(ReadOnly):
    """A symbol's bars between the times at which what is held of it is closed; each array has shape (T, N).

    On the row of a bar they tell of the listing that the bar belongs to; they mean nothing on other rows.

    Attributes
    ----------
    last : ndarray of int64
        Row of the listing's last bar; `quantml.timing.UNKNOWN` where the listing goes on.
    closed : ndarray of int64
        Row on which what is held is closed; UNKNOWN where the listing goes on.
    payoff : ndarray of float64
        Price at which it is closed, as a multiple of the last close; NaN where the listing goes on.
    """

    last: NDArray[np.int64]
    closed: NDArray[np.int64]
    payoff: NDArray[np.float64]


def find_listings(bars: Bars, delist_after: int = DELIST_AFTER) -> Listings:
    """Find where a symbol's listings end: at its recorded delisting, or `delist_after` sessions after its last bar.

    Whichever comes first counts, and bars that return begin another listing. That a listing has ended depends on
    nothing later than the row on which it is closed.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [1.0, 1.0, None, None], "B": [1.0] * 4}, index=days))
    >>> find_listings(bars, delist_after=2).closed[:2, 0].tolist()
    [3, 3]
    """
    rows, exits = np.arange(len(bars))[:, None], find_exits(bars)
    seen = np.maximum.accumulate(np.where(bars.traded, rows, -1), axis=0)
    session = bars.session_number
    absent = session - np.take_along_axis(session, np.maximum(seen, 0), axis=0)
    over = ~bars.traded & (seen >= 0) & ((absent >= delist_after) | (rows >= exits.due))
    row, column = np.nonzero(over & ~np.vstack([np.zeros_like(over[:1]), over[:-1]]))
    ended, shape = seen[row, column], over.shape
    last, closed, payoff = np.full(shape, UNKNOWN), np.full(shape, UNKNOWN), np.full(shape, np.nan)
    last[ended, column], closed[ended, column] = ended, row
    payoff[ended, column] = np.where(row >= exits.due[column], exits.payoff[column], 1.0)
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    at = np.where(last == UNKNOWN, rows, last)
    return Listings(last, *(np.take_along_axis(values, at, axis=0) for values in (closed, payoff)))


@dataclass(frozen=True, eq=False)
class OwnBars(ReadOnly):
    """Each symbol's own bars, numbered 0, 1, 2, ... from its first, and where they stand on the panel clock.

    Past the last bar of a listing, the price stays what holders got for the symbol.

    Attributes
    ----------
    traded : ndarray of bool, shape (T, N)
    position : ndarray of int64, shape (T, N)
        ``position[k, n]`` is the row of bar k of symbol n, followed past its last bar by the rows on which it has none.
    number : ndarray of int64, shape (T, N)
        ``number[t, n]`` is the number of the bar that stands on row t.
    last : ndarray of int64, shape (T, N)
        Number of the last bar of the listing of the bar that stands on row t; UNKNOWN where the listing goes on.
    listings : Listings
    """

    traded: NDArray[np.bool_]
    position: NDArray[np.int64]
    number: NDArray[np.int64]
    last: NDArray[np.int64]
    listings: Listings

    @classmethod
    def of(cls, bars: Bars) -> OwnBars:
        """Number the bars of every symbol."""
        listings = find_listings(bars)
        position = np.argsort(~bars.traded, axis=0, kind="stable")
        number = np.cumsum(bars.traded, axis=0, dtype=np.int64) - 1
        ends = listings.last != UNKNOWN
        last = np.take_along_axis(number, np.where(ends, listings.last, 0), axis=0)
        return cls(bars.traded, position, number, np.where(ends, last, UNKNOWN), listings)

    def ahead(self, steps: int) -> NDArray[np.int64]:
        """Return where the bar `steps` after the one on each row stands; UNKNOWN where its listing has none."""
        bar = self.number + steps
        known = self.traded & (bar < self.traded.sum(axis=0)) & (bar <= self.last)
        position = np.take_along_axis(self.position, np.where(known, bar, 0), axis=0)
        return np.where(known, position, UNKNOWN)

    def outlived(self, steps: int) -> NDArray[np.bool_]:
        """Say where the listing of the bar on each row has ended less than `steps` bars later."""
        return self.traded & (self.number + steps > self.last)

    def price_ahead(
        self, prices: NDArray[np.float64], close: NDArray[np.float64], steps: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the price `steps` bars after the one on each row, and the row at whose close it is known.

        Where the listing ends before, that is what holders are paid, and the row on which they are.

        Parameters
        ----------
        prices, close : ndarray, shape (T, N)
            Prices to read, and closes, from the last of which holders of a delisted symbol are paid.
        steps : int

        Returns
        -------
        price : ndarray of float64, shape (T, N)
            NaN where not known.
        known : ndarray of int64, shape (T, N)
            UNKNOWN where not known.
        """
        ahead, outlived = self.ahead(steps), self.outlived(steps)
        paid = _at(close, np.where(outlived, self.listings.last, UNKNOWN)) * self.listings.payoff
        return np.where(outlived, paid, _at(prices, ahead)), np.where(outlived, self.listings.closed, ahead)

    def mean_square_return(self, close: NDArray[np.float64], delay: int, horizon: int) -> NDArray[np.float64]:
        """Average the squared log returns of the `horizon` bars that follow the bar `delay` after each row's."""
        number = np.arange(len(close))[:, None]
        prices, last = (np.take_along_axis(values, self.position, axis=0) for values in (close, self.last))
        squares = np.full((len(prices) + delay + horizon, prices.shape[1]), np.nan)
        squares[: len(prices) - 1] = np.diff(np.log(prices), axis=0) ** 2
        end = self._square_at_end()
        total = np.zeros_like(prices)
        for step in range(delay, delay + horizon):
            past = np.where(number + step == last, end, 0.0)
            total += np.where(number + step < last, squares[step : step + len(prices)], past)
        mean = np.take_along_axis(total, np.maximum(self.number, 0), axis=0) / horizon
        return np.where(self.ahead(delay) == UNKNOWN, np.nan, mean)

    def _square_at_end(self) -> NDArray[np.float64]:
        """Return the squared log return from a listing's last close to what is paid, by bar; NaN for a total loss."""
        payoff = np.take_along_axis(self.listings.payoff, self.position, axis=0)
        return np.asarray(np.log(np.where(payoff > 0.0, payoff, np.nan)) ** 2, dtype=np.float64)


def _at(values: NDArray[np.float64], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Read `values` at clock positions, column by column; NaN where a position is unknown."""
    known = positions != UNKNOWN
    return np.where(known, np.take_along_axis(values, np.where(known, positions, 0), axis=0), np.nan)
