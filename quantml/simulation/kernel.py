"""The ledger's kernel: it visits every bar once and keeps cash, positions and equity in balance.

Arrays that hold a state per bar have one row more than there are bars: row 0 is the state before the first bar, row
``t + 1`` the state after bar ``t``. The functions write the row of their bar in place, each after the one before.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import B2, F1, F2, I1, I2, kernel

Floats = NDArray[np.float64]

COMMISSION, SPREAD, SLIPPAGE, BORROW, FINANCING = range(5)  # columns of charges and rates, as costs.KINDS
TIME, DECIDED, SYMBOL, KIND = range(4)  # columns of fills
UNITS, PRICE = range(2)  # columns of amounts
ORDERED, DELISTED, RUINED = range(3)  # kinds of fill

NOBODY: Final = -1
"""What is returned instead of a bar or a symbol where there is none."""
ROUNDING: Final = 1e-12
"""A change of position worth at most this fraction of equity is the rounding of its target, not an order."""


class Market(NamedTuple):
    """What the ledger trades at, what happened to the shares, and who may be held.

    Attributes
    ----------
    price, close : ndarray, shape (T, N)
        Raw prices; ``price`` is what orders fill at. It is NaN exactly where ``close`` is: where a symbol has no bar.
    split, dividend : ndarray, shape (T, N)
    member : ndarray of bool, shape (T, N)
        Where a symbol may be held; elsewhere it is sold, whether or not the row is a decision.
    session : ndarray of int64, shape (T, N)
        How many sessions each symbol has had.
    due : ndarray of int64, shape (N,)
        First row at or after each symbol's recorded delisting; T or more where there is none.
    payoff : ndarray, shape (N,)
        What is paid for it then, as a multiple of the last close.
    cash : ndarray, shape (T,)
        What cash earns over each bar, a fraction; debt owes as much.
    """

    price: Floats
    close: Floats
    split: Floats
    dividend: Floats
    member: NDArray[np.bool_]
    session: NDArray[np.int64]
    due: NDArray[np.int64]
    payoff: Floats
    cash: Floats


class Book(NamedTuple):
    """What the ledger writes.

    Attributes
    ----------
    cash, equity : ndarray, shape (T + 1,)
    positions, marks : ndarray, shape (T + 1, N)
        Units held, and each symbol's last known raw close; NaN before its first bar.
    charges : ndarray, shape (T + 1, 5)
        Costs of each bar by kind.
    dividends : ndarray, shape (T + 1,)
        Received, less what shorts owed.
    interest : ndarray, shape (T + 1,)
        Received on cash, less what was owed on debt.
    fills : ndarray of int32, shape (most fills, 4)
        Bar, bar of the decision (-1 where the ledger itself closed the position), symbol and kind.
    amounts : ndarray, shape (most fills, 2)
        Signed units and price.
    pending : ndarray, shape (N,)
        Weights of orders that wait for a bar; NaN where there is none.
    decided, seen : ndarray of int64, shape (N,)
        Bar that decided the pending order; session of the symbol's latest bar.
    written : ndarray of int64, shape (1,)
        Number of fills.
    """

    cash: Floats
    equity: Floats
    positions: Floats
    marks: Floats
    charges: Floats
    dividends: Floats
    interest: Floats
    fills: NDArray[np.int32]
    amounts: Floats
    pending: Floats
    decided: NDArray[np.int64]
    seen: NDArray[np.int64]
    written: NDArray[np.int64]


_INT, _V, _M = types.int64, types.float64[::1], types.float64[:, ::1]
_I1, _FILLS = types.int64[::1], types.int32[:, ::1]
_MARKET: Any = types.BaseTuple.from_types((F2, F2, F2, F2, B2, I2, I1, F1, F1), Market)
_BOOK: Any = types.BaseTuple.from_types((_V, _V, _M, _M, _M, _V, _V, _FILLS, _M, _V, _I1, _I1, _I1), Book)


@kernel(types.void(_INT, _MARKET, F1, _BOOK))
def _carry(t: int, market: Market, rates: Floats, book: Book) -> None:
    """Carry the previous close's state over: accrue interest, borrow and financing, split units, pay dividends."""
    short, received = 0.0, 0.0
    for n in range(book.pending.size):
        units = book.positions[t, n]
        if units != 0.0:
            short += max(-units * book.marks[t, n], 0.0)
            units *= market.split[t, n]
            received += units * market.dividend[t, n]
            book.positions[t + 1, n] = units
    borrow, financing = short * rates[BORROW], max(-book.cash[t], 0.0) * rates[FINANCING]
    book.charges[t + 1, BORROW], book.charges[t + 1, FINANCING] = borrow, financing
    book.dividends[t + 1] = received
    book.interest[t + 1] = book.cash[t] * market.cash[t]
    book.cash[t + 1] = book.cash[t] + received - borrow - financing + book.interest[t + 1]


@kernel(types.void(_INT, _INT, _INT, types.float64, types.float64, _BOOK))
def _execute(t: int, n: int, kind: int, units: float, price: float, book: Book) -> None:
    """Exchange units for cash, and write the fill down."""
    book.positions[t + 1, n] += units
    book.cash[t + 1] -= units * price
    book.pending[n] = np.nan
    row = book.written[0]
    book.written[0] = row + 1
    book.fills[row, TIME], book.fills[row, SYMBOL], book.fills[row, KIND] = t, n, kind
    book.fills[row, DECIDED] = book.decided[n] if kind == ORDERED else NOBODY
    book.amounts[row, UNITS], book.amounts[row, PRICE] = units, price


@kernel(types.void(_INT, _MARKET, _INT, _BOOK))
def _delist(t: int, market: Market, after: int, book: Book) -> None:
    """Close what is delisted, or has had no bar for `after` sessions, and drop its order."""
    for n in range(book.pending.size):
        if not np.isnan(market.close[t, n]):
            book.seen[n] = market.session[t, n]
            continue
        recorded = t >= market.due[n]
        if not np.isnan(book.marks[t, n]) and (recorded or market.session[t, n] - book.seen[n] >= after):
            book.pending[n] = np.nan
            if book.positions[t + 1, n] != 0.0:
                paid = book.marks[t, n] * (market.payoff[n] if recorded else 1.0)
                _execute(t, n, DELISTED, -book.positions[t + 1, n], paid, book)


@kernel(types.void(_INT, _MARKET, _BOOK))
def _leave(t: int, market: Market, book: Book) -> None:
    """Order the sale of what is held and is no member, on a bar without a decision."""
    for n in range(book.pending.size):
        if not market.member[t, n] and book.pending[n] != 0.0:
            book.pending[n] = 0.0 if book.positions[t + 1, n] != 0.0 else np.nan
            book.decided[n] = t


@kernel(_INT(_INT, F2, _MARKET, _BOOK))
def _decide(t: int, weights: Floats, market: Market, book: Book) -> int:
    """Take the decision of bar t, if there is one; return the first held symbol that it says nothing about."""
    decides = False
    for n in range(book.pending.size):
        decides |= not np.isnan(weights[t, n])
    if not decides:
        _leave(t, market, book)
        return NOBODY
    for n in range(book.pending.size):
        weight, held = weights[t, n] if market.member[t, n] else 0.0, book.positions[t + 1, n] != 0.0
        if np.isnan(weight) and (held or not np.isnan(book.pending[n])):
            return n
        book.pending[n] = weight if held or weight != 0.0 else np.nan
        book.decided[n] = t
    return NOBODY


@kernel(types.float64(_INT, F2, _BOOK))
def _value(t: int, prices: Floats, book: Book) -> float:
    """Mark every symbol, at its last mark where it has no bar, and return equity."""
    equity: float = book.cash[t + 1]
    for n in range(book.pending.size):
        mark = prices[t, n]
        if np.isnan(mark):
            mark = book.marks[t, n]
        book.marks[t + 1, n] = mark
        if book.positions[t + 1, n] != 0.0:
            equity += book.positions[t + 1, n] * mark
    return equity


@kernel(types.void(_INT, types.float64, _MARKET, F1, _BOOK))
def _fill(t: int, equity: float, market: Market, rates: Floats, book: Book) -> None:
    """Fill the pending order of every symbol with a bar, all sized by the same equity."""
    for n in range(book.pending.size):
        weight, price = book.pending[n], market.price[t, n]
        if np.isnan(weight) or np.isnan(price):
            continue
        units = weight * equity / price - book.positions[t + 1, n]
        notional = abs(units) * price
        book.pending[n] = np.nan
        if notional > ROUNDING * equity or weight == 0.0:
            for kind in range(BORROW):
                book.charges[t + 1, kind] += notional * rates[kind]
                book.cash[t + 1] -= notional * rates[kind]
            _execute(t, n, ORDERED, units, price, book)


@kernel(types.boolean(_INT, _MARKET, F1, _BOOK))
def _trade(t: int, market: Market, rates: Floats, book: Book) -> bool:
    """Fill what is due and mark at the close; return whether equity was positive at either price."""
    due = False
    for n in range(book.pending.size):
        due |= not (np.isnan(book.pending[n]) or np.isnan(market.price[t, n]))
    if due:
        equity = _value(t, market.price, book)
        if equity <= 0.0:
            return False
        _fill(t, equity, market, rates, book)
    equity = _value(t, market.close, book)
    book.equity[t + 1] = equity
    return equity > 0.0


@kernel(types.void(_INT, _MARKET, _BOOK))
def _liquidate(t: int, market: Market, book: Book) -> None:
    """Close everything at the latest marks, at no cost."""
    for n in range(book.pending.size):
        book.pending[n] = np.nan
        if book.positions[t + 1, n] != 0.0:
            _execute(t, n, RUINED, -book.positions[t + 1, n], book.marks[t + 1, n], book)
    book.equity[t + 1] = _value(t, market.close, book)


@kernel(types.UniTuple(_INT, 2)(F2, _MARKET, F1, _INT, types.boolean, _BOOK))
def keep_books(
    weights: Floats, market: Market, rates: Floats, delist_after: int, same_bar: bool, book: Book
) -> tuple[int, int]:
    """Trade `weights` on every bar and write `book`.

    Parameters
    ----------
    weights : ndarray, shape (T, N)
        Signed fractions of equity; a row that is NaN throughout is no decision. None is wanted of what is no member.
    market : Market
    rates : ndarray, shape (5,)
        `Costs.rates`.
    delist_after : int
        Sessions after its last bar at which a symbol is closed.
    same_bar : bool
        Whether an order can fill on the bar that decided it.
    book : Book
        Zeros throughout, but for cash in row 0, `marks` in row 0, `pending` and `seen`.

    Returns
    -------
    bar : int
        Where the account was ruined; with a culprit, the bar of its decision; else -1.
    symbol : int
        The culprit: a symbol held that a decision says nothing about; else -1.
    """
    ruined, culprit = NOBODY, NOBODY
    for t in range(weights.shape[0]):
        if ruined != NOBODY:
            book.cash[t + 1] = book.cash[t]
            book.equity[t + 1] = _value(t, market.close, book)
            continue
        _carry(t, market, rates, book)
        _delist(t, market, delist_after, book)
        if same_bar:
            culprit = _decide(t, weights, market, book)
        if culprit == NOBODY and not _trade(t, market, rates, book):
            _liquidate(t, market, book)
            ruined = t
        elif not same_bar:
            culprit = _decide(t, weights, market, book)
        if culprit != NOBODY:
            return t, culprit
    return ruined, NOBODY
