"""The ledger's kernel: it visits every bar once and keeps cash, positions and equity in balance.

The functions write the row of their bar in place, each after the one before; `quantml.simulation.layout` says what the
arrays are.
"""

from __future__ import annotations

import numpy as np
from numba import types

from quantml.kernels import F2, kernel, kernel_part
from quantml.simulation.charges import accrue, settle
from quantml.simulation.exits import exit_at_open, exit_within, grow_older
from quantml.simulation.intrabar import meet_prices
from quantml.simulation.layout import (
    AT_OPEN,
    BOOK,
    BOOL,
    DELISTED,
    FLOAT,
    FROM_OPEN,
    INT,
    LOSS,
    MARKET,
    MARKET_ORDER,
    NOBODY,
    ORDERED,
    RUINED,
    RULES,
    SAME_BAR,
    Book,
    Floats,
    Market,
    Rules,
)
from quantml.simulation.margin import call_margin, limit_orders
from quantml.simulation.orders import cut_orders, size_orders
from quantml.simulation.plain import trade_plainly


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def _accrue(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Add to the previous close's cash what has accrued since, and dividends."""
    book.interest[t + 1] = book.cash[t] * market.cash[t]
    gained = book.dividends[t + 1], book.interest[t + 1]
    book.cash[t + 1] = accrue(book.cash[t], gained, book.short[0], rules.terms.rates, book.charges[t + 1])


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def _carry(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Carry the previous close's state over: accrue interest, borrow and financing, split units, pay dividends."""
    short, received = 0.0, 0.0
    for n in range(book.pending.size):
        units = book.positions[t, n]
        if units != 0.0:
            short += max(-units * book.mark[n], 0.0)
            units *= market.split[t, n]
            received += units * market.dividend[t, n]
            book.positions[t + 1, n] = units
    book.short[0], book.dividends[t + 1] = short, received
    _accrue(t, market, rules, book)


@kernel_part(types.void(INT, MARKET, BOOK))
def _begin(t: int, market: Market, book: Book) -> None:
    """Tell orders that wait and prices that are remembered in shares of the new bar, of which nothing is taken yet."""
    for n in range(book.pending.size):
        book.taken[n], book.begun[n], book.opened[n] = 0.0, FROM_OPEN, np.nan
        ratio = market.split[t, n]
        if ratio != 1.0:
            book.rest[n] *= ratio
            book.level[n] /= ratio
            book.entry[n] /= ratio
            book.peak[n] /= ratio


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def _delist(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Close what is delisted, or has had no bar for `delist_after` sessions, and drop its order."""
    leaves = False
    for n in range(book.pending.size):
        book.wanted[n] = 0.0
        if not np.isnan(market.close[t, n]):
            continue
        if t > 0 and not np.isnan(market.close[t - 1, n]):
            book.seen[n] = market.session[t - 1, n]
        recorded = t >= market.due[n]
        absent = market.session[t, n] - book.seen[n]
        if not np.isnan(book.mark[n]) and (recorded or absent >= rules.delist_after):
            book.pending[n] = book.rest[n] = np.nan
            if book.positions[t + 1, n] != 0.0:
                book.at[n] = book.mark[n] * (market.payoff[n] if recorded else 1.0)
                book.wanted[n], book.kind[n], leaves = -book.positions[t + 1, n], DELISTED, True
    if leaves:
        settle(t, True, market, rules, book)


@kernel_part(types.void(INT, MARKET, BOOK))
def _leave(t: int, market: Market, book: Book) -> None:
    """Order the sale of what is held and is no member, on a bar without a decision."""
    for n in range(book.pending.size):
        if market.member[t, n]:
            continue
        book.level[n] = np.nan  # also where its sale waits already for a price
        if book.pending[n] != 0.0:
            book.pending[n] = 0.0 if book.positions[t + 1, n] != 0.0 else np.nan
            book.rest[n] = np.nan
            book.decided[n], book.why[n], book.partly[n] = t, ORDERED, 0


@kernel_part(types.void(INT, F2, MARKET, BOOK))
def _take_units(t: int, units: Floats, market: Market, book: Book) -> None:
    """Take the orders of bar t in units: each replaces the one that waits, 0 cancels it, NaN leaves it.

    An order that would open the side that a stop has closed is not taken, nor any while a stop's own sale waits.
    """
    for n in range(book.pending.size):
        if np.isnan(units[t, n]) or not market.member[t, n] or book.blocked[n] * units[t, n] > 0.0:
            continue
        book.blocked[n] = 0
        if book.why[n] >= LOSS and not np.isnan(book.rest[n]):
            continue
        book.pending[n] = np.nan
        book.rest[n] = units[t, n] if units[t, n] != 0.0 else np.nan
        book.decided[n], book.why[n], book.partly[n] = t, ORDERED, 0
        book.level[n] = book.mark[n] if market.level.shape[0] == 0 else market.level[t, n]


@kernel_part(FLOAT(INT, F2, BOOK))
def _worth(t: int, prices: Floats, book: Book) -> float:
    """Return equity at `prices`, and at the last mark where there is none, summed as `plain.value_of` does."""
    even, odd = 0.0, 0.0
    for n in range(book.pending.size):
        units = book.positions[t + 1, n]
        if units != 0.0:
            price = prices[t, n] * book.shift[n]
            value = units * (book.mark[n] if np.isnan(price) else price)
            even, odd = (even, odd + value) if n & 1 else (even + value, odd)
    return float(book.cash[t + 1] + (even + odd))


@kernel_part(BOOL(INT, INT, FLOAT, MARKET, RULES, BOOK))
def _is_refused(t: int, n: int, equity: float, market: Market, rules: Rules, book: Book) -> bool:
    """Say whether a decision is not followed: its side has been stopped out, or it is within its band."""
    weight, held = book.pending[n], book.positions[t + 1, n]
    if book.blocked[n] * weight > 0.0:
        return True
    book.blocked[n] = 0
    if book.why[n] >= LOSS and not np.isnan(book.rest[n]) and weight * held > 0.0:
        return True
    book.rest[n] = np.nan
    if rules.handling.band > 0.0 and weight != 0.0:
        price = market.close[t, n] * book.shift[n]
        price = book.mark[n] if np.isnan(price) else price
        away = abs(held * price / equity - weight if held != 0.0 else weight)
        return bool(away <= rules.handling.band)
    return False


@kernel_part(types.void(INT, F2, MARKET, RULES, BOOK))
def _refine(t: int, weights: Floats, market: Market, rules: Rules, book: Book) -> None:
    """Drop what is not followed of a decision, and tell the rest what it needs to wait."""
    equity = _worth(t, market.close, book) if rules.handling.band > 0.0 else 0.0
    for n in range(book.pending.size):
        if np.isnan(weights[t, n]) and market.member[t, n]:
            continue  # what is no member is sold, whatever its row says
        if _is_refused(t, n, equity, market, rules, book):
            book.pending[n] = np.nan
            continue
        book.decided[n], book.why[n], book.partly[n] = t, ORDERED, 0
        book.level[n] = book.mark[n] if market.member[t, n] else np.nan


@kernel_part(INT(INT, F2, MARKET, RULES, BOOK))
def _decide(t: int, weights: Floats, market: Market, rules: Rules, book: Book) -> int:
    """Take the decision of bar t, if there is one; return the first held symbol that it says nothing about."""
    if not market.decides[t] or rules.handling.by_units:
        if not market.everyone[t]:
            _leave(t, market, book)
        if market.decides[t]:
            _take_units(t, weights, market, book)
        return NOBODY
    for n in range(book.pending.size):
        weight, held = weights[t, n] if market.member[t, n] else 0.0, book.positions[t + 1, n] != 0.0
        if np.isnan(weight) and (held or not np.isnan(book.pending[n]) or not np.isnan(book.rest[n])):
            return n
        book.pending[n] = weight if held or weight != 0.0 else np.nan
        if np.isnan(book.rest[n]):
            book.decided[n] = t
    if rules.stateful:
        _refine(t, weights, market, rules, book)
    return NOBODY


@kernel_part(types.void(INT, F2, BOOK))
def _mark(t: int, prices: Floats, book: Book) -> None:
    """Mark every symbol that has a price, and write marks and equity."""
    value, kept = 0.0, book.marks.shape[0] > 0
    for n in range(book.pending.size):
        price = prices[t, n] * book.shift[n]
        if not np.isnan(price):
            book.mark[n] = price
        if kept:
            book.marks[t + 1, n] = book.mark[n]
        if book.positions[t + 1, n] != 0.0:
            value += book.positions[t + 1, n] * book.mark[n]
    book.equity[t + 1] = book.cash[t + 1] + value


@kernel_part(BOOL(INT, MARKET, BOOK))
def _is_due(t: int, market: Market, book: Book) -> bool:
    """Say whether an order can be filled, or a margin call must be answered."""
    if book.called[0] != 0:
        return True
    for n in range(book.pending.size):
        if not (np.isnan(book.pending[n]) and np.isnan(book.rest[n])) and not np.isnan(market.price[t, n]):
            return True
    return False


@kernel_part(BOOL(INT, MARKET, RULES, BOOK))
def _trade(t: int, market: Market, rules: Rules, book: Book) -> bool:
    """Fill what is due, all sized by one equity; return whether that was positive."""
    if not _is_due(t, market, book):
        return True
    equity = _worth(t, market.price, book)
    if equity <= 0.0:
        _mark(t, market.price, book)
        return False
    size_orders(t, equity, market, rules, book)
    if rules.handling.kind != MARKET_ORDER:
        meet_prices(t, equity, market, rules, book)
    if not rules.handling.plain:
        cut_orders(t, market, rules.handling, book)
    if rules.limits.leverage < np.inf:
        limit_orders(t, equity, market, rules, book)
    settle(t, False, market, rules, book)
    return True


@kernel_part(BOOL(INT, MARKET, RULES, BOOK))
def _close_bar(t: int, market: Market, rules: Rules, book: Book) -> bool:
    """Play stops after orders at the open, and mark at the close; return whether equity is positive there."""
    if rules.levels.active and rules.when == AT_OPEN:
        exit_within(t, market, rules, book)
    _mark(t, market.close, book)
    if book.equity[t + 1] <= 0.0:
        return False
    if rules.levels.active:
        grow_older(t, market, rules, book)
    if rules.limits.maintenance > 0.0:
        call_margin(t, market, rules, book)
    return True


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def _liquidate(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Close everything at the latest marks, at no cost."""
    for n in range(book.pending.size):
        book.pending[n] = book.rest[n] = np.nan
        book.wanted[n], book.at[n], book.kind[n] = -book.positions[t + 1, n], book.mark[n], RUINED
    settle(t, True, market, rules, book)
    _mark(t, market.close, book)


@kernel_part(types.void(BOOK))
def _forget(book: Book) -> None:
    """Drop every order that waits, for a decision about every symbol."""
    for n in range(book.pending.size):
        book.pending[n] = np.nan


@kernel_part(BOOL(INT, F2, MARKET, RULES, BOOK))
def _bar(t: int, decisions: Floats, market: Market, rules: Rules, book: Book) -> bool:
    """Do any bar but for its decision; return whether equity was positive."""
    _carry(t, market, rules, book)
    if rules.stateful:
        _begin(t, market, book)
    if not market.whole[t]:
        _delist(t, market, rules, book)
    if rules.levels.active:
        exit_at_open(t, market, rules, book)
        if rules.when != AT_OPEN:
            exit_within(t, market, rules, book)
    if rules.when == SAME_BAR:
        book.culprit[0] = _decide(t, decisions, market, rules, book)
        if book.culprit[0] != NOBODY:
            return True
    return bool(_trade(t, market, rules, book) and _close_bar(t, market, rules, book))


@kernel(types.UniTuple(INT, 2)(F2, MARKET, RULES, BOOK), counted=False)
def keep_books(decisions: Floats, market: Market, rules: Rules, book: Book) -> tuple[int, int]:
    """Trade `decisions` on every bar and write `book`.

    Parameters
    ----------
    decisions : ndarray, shape (T, N)
        Signed fractions of equity, or units; a row that is NaN throughout is no decision. None is wanted of what is no
        member.
    market : Market
    rules : Rules
    book : Book
        Zeros throughout, but for cash in row 0, `mark`, `shift`, `pending`, `rest`, `level` and `seen`.

    Returns
    -------
    bar : int
        Where the account was ruined; with a culprit, the bar of its decision; else -1.
    symbol : int
        The culprit: a symbol held that a decision says nothing about; else -1.
    """
    t, ruined, rows = 0, NOBODY, decisions.shape[0]
    while t < rows:
        if ruined != NOBODY:
            book.cash[t + 1] = book.cash[t]
            _mark(t, market.close, book)
            t += 1
            continue
        alive = _bar(t, decisions, market, rules, book)
        if alive and rules.plain and t + 1 < rows and market.full[t] and market.whole[t + 1]:
            _forget(book)
            t, alive = trade_plainly(t + 1, decisions, market, rules, book)
        if not alive:
            _liquidate(t, market, rules, book)
            ruined = t
        elif rules.when != SAME_BAR:
            book.culprit[0] = _decide(t, decisions, market, rules, book)
        if book.culprit[0] != NOBODY:
            return t, book.culprit[0]
        t += 1
    return ruined, NOBODY
