"""Accounts that take a side by two moving averages, and are rebalanced to it on every bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.kernels import F1, F2, I1, kernel
from quantml.simulation.costs import Costs
from quantml.simulation.layout import ROUNDING
from quantml.simulation.sweeps.accounts import TERMS, Terms
from quantml.simulation.sweeps.crosses import moving_averages
from quantml.simulation.sweeps.tapes import read_feed
from quantml.timing import Fill

Floats = NDArray[np.float64]
CASH: Final = 1e6


class Cross(NamedTuple):
    """Lengths of a candidate's two averages, and what it holds while the fast one is below."""

    fast: int
    slow: int
    below: float


class Sides(NamedTuple):
    """What the accounts of some candidates read.

    Attributes
    ----------
    averages : ndarray, shape (lengths, T)
    quick, calm : ndarray of int64, shape (candidates,)
        Which averages each compares.
    below : ndarray, shape (candidates,)
        What is held while the fast one is below.
    fills, closes : ndarray, shape (T,)
        Raw prices that orders fill at and that positions are marked at.
    split, dividend : ndarray, shape (T,)
    terms : Terms
    """

    averages: Floats
    quick: NDArray[np.int64]
    calm: NDArray[np.int64]
    below: Floats
    fills: Floats
    closes: Floats
    split: Floats
    dividend: Floats
    terms: Terms


_SIDES: Any = types.BaseTuple.from_types((F2, I1, I1, F1, F1, F1, F1, F1, TERMS), Sides)
_INT, _FLOAT = types.int64, types.float64


def can_follow(bars: Bars) -> bool:
    """Say whether bars are of one symbol, which then has a price on every row, and may always be held.

    What happens later on the bars must not matter: accounts kept in another way may differ in their last digits.
    """
    return len(bars.symbols) == 1 and bars.membership is None


def side_returns(bars: Bars, crosses: Sequence[Cross], *, costs: Costs, fill: Fill, block: int) -> Iterator[Floats]:
    """Yield the net returns of accounts that hold 1.0 of equity above, and `below` of it below, in blocks of them.

    Each does what `simulate` does of weights that say so on every bar, and 0.0 until there is a slow average, to 1e-12.

    Parameters
    ----------
    bars : Bars
        Of which `can_follow` is true.
    crosses : sequence of Cross
    costs : Costs
        In proportion to notional.
    fill : Fill
        The next open or close.
    block : int
        Most candidates at once.

    Yields
    ------
    ndarray, shape (candidates of the block, T)
    """
    pairs = np.array([(cross.fast, cross.slow) for cross in crosses], dtype=np.int64)
    lengths, places = np.unique(pairs, return_inverse=True)
    feed = read_feed(bars, 0, costs=costs, fill=fill, initial_cash=CASH)
    averages = read_only(moving_averages(feed.field("close"), lengths))
    quick, calm = places.reshape(-1, 2).T.astype(np.int64)
    tables = (bars.raw_array(fill.field), bars.raw_array("close"), bars.split, bars.dividend)
    fills, closes, split, dividend = (read_only(table[:, 0].astype(np.float64)) for table in tables)
    for first in range(0, len(crosses), block):
        part = slice(first, first + block)
        held = np.array([cross.below for cross in crosses[part]])
        which, against = read_only(quick[part].copy()), read_only(calm[part].copy())
        sides = Sides(averages, which, against, read_only(held), fills, closes, split, dividend, feed.terms)
        yield np.asarray(_follow_all(sides))


@kernel(_FLOAT(_FLOAT, _FLOAT, _FLOAT), counted=False)
def _side(quick: float, calm: float, below: float) -> float:
    """Return what is wanted; nothing where an average is not there yet, or both are equal."""
    if quick > calm:
        return 1.0
    return below if quick < calm else 0.0


@kernel(types.void(_INT, _SIDES, types.float64[::1]), counted=False)
def _follow(place: int, sides: Sides, returns: Floats) -> None:
    """Keep one account: what the ledger does of one symbol, in its order."""
    quick, calm = sides.averages[sides.quick[place]], sides.averages[sides.calm[place]]
    fills, closes, below, terms = sides.fills, sides.closes, sides.below[place], sides.terms
    cash, units, mark, before = terms.cash, 0.0, closes[0], terms.cash
    wanted = _side(quick[0], calm[0], below)
    returns[:] = 0.0
    for t in range(1, closes.size):
        accrued = max(-units * mark, 0.0) * terms.borrow
        if units != 0.0:
            accrued += max(-cash, 0.0) * terms.financing
        units *= sides.split[t]
        cash += units * sides.dividend[t] - accrued
        price = mark = fills[t]
        worth = cash + units * price
        alive = worth > 0.0
        if alive:
            if abs(wanted * worth - units * price) > ROUNDING * worth or (wanted == 0.0 and units != 0.0):
                change = wanted * worth / price - units
                cash -= abs(change) * price * terms.per_fill
                cash -= change * price
                units += change
            mark = closes[t]
        equity = cash + units * mark
        returns[t] = max(equity / before - 1.0, -1.0)
        if not alive or equity <= 0.0:
            return
        before = equity
        wanted = _side(quick[t], calm[t], below)


@kernel(types.float64[:, ::1](_SIDES))
def _follow_all(sides: Sides) -> Floats:
    """Keep the account of every candidate; their returns, one row each."""
    returns = np.empty((sides.quick.size, sides.closes.size))
    for place in range(sides.quick.size):
        _follow(place, sides, returns[place])
    return returns
