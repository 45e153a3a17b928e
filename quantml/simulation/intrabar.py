"""Limit and stop orders within the bar: whether they are filled, at which price, and whether a stop comes before."""

from __future__ import annotations

import numpy as np
from numba import types

from quantml.kernels import kernel_part
from quantml.simulation.exits import stop_of
from quantml.simulation.layout import (
    BOOK,
    BOOL,
    BY_LIMIT,
    BY_STOP,
    FLOAT,
    FROM_OPEN,
    HANDLING,
    INT,
    LIMIT_ORDER,
    MARKET,
    ORDERED,
    RULES,
    Book,
    Handling,
    Market,
    Rules,
)
from quantml.simulation.orders import ordered_units


@kernel_part(types.Tuple((FLOAT, INT))(FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, HANDLING))
def _price_met(
    side: float, first: float, high: float, low: float, level: float, handling: Handling
) -> tuple[float, int]:
    """Return the price at which a limit or stop order fills within a bar (NaN where it does not), and how."""
    is_limit = handling.kind == LIMIT_ORDER
    falls = (side > 0.0) == is_limit  # a buy limit and a sell stop wait for lower prices
    level *= 1.0 - handling.offset if falls else 1.0 + handling.offset
    if (first <= level) if falls else (first >= level):
        return first, FROM_OPEN
    if (low <= level) if falls else (high >= level):
        return level, BY_LIMIT if is_limit else BY_STOP
    return np.nan, FROM_OPEN


@kernel_part(BOOL(INT, INT, FLOAT, INT, MARKET, RULES, BOOK))
def _leaves_before(t: int, n: int, price: float, how: int, market: Market, rules: Rules, book: Book) -> bool:
    """Say whether a position is closed by its stop or target before an order is filled within the bar, at `price`.

    What lies nearer to the open on the same side comes first. Of two on either side the order is not known: the
    pessimistic path takes the worse price first, the optimistic one the better; one that enlarges the position is
    filled first on both, and `exits` says what of its bar it has seen.
    """
    side, levels = 1.0 if book.positions[t + 1, n] > 0.0 else -1.0, rules.levels
    stop, _ = stop_of(side, book.entry[n], book.peak[n], levels)
    target = book.entry[n] * (1.0 + side * levels.profit)
    worst, best = market.low[t, n] * book.shift[n], market.high[t, n] * book.shift[n]
    if side < 0.0:
        worst, best = best, worst
    stopped, taken = side * (worst - stop) <= 0.0, side * (best - target) >= 0.0
    enlarges = side * book.wanted[n] > 0.0
    if enlarges == (how == BY_STOP):  # its price is better than the open
        return (taken and side * (target - price) < 0.0) or (stopped and not (levels.optimistic or enlarges))
    return (stopped and side * (stop - price) > 0.0) or (taken and levels.optimistic and not enlarges)


@kernel_part(types.void(INT, INT, FLOAT, FLOAT, INT, BOOK))
def _take(n: int, t: int, price: float, worth: float, how: int, book: Book) -> None:
    """Size an order at the price at which it fills, where all of equity buys `worth` units."""
    held, ordered = book.positions[t + 1, n], book.wanted[n]
    units = ordered_units(book.pending[n], book.rest[n], held, worth)
    book.wanted[n], book.at[n] = units if units * ordered > 0.0 else 0.0, price
    if held == 0.0 or (held * units < 0.0 and abs(units) > abs(held)):
        book.begun[n] = how  # what was held before has seen the bar from its open on
    elif held * units > 0.0 and how != FROM_OPEN:
        book.opened[n] = book.entry[n]


@kernel_part(types.void(INT, FLOAT, MARKET, RULES, BOOK))
def meet_prices(t: int, equity: float, market: Market, rules: Rules, book: Book) -> None:
    """Size limit and stop orders at the price at which they fill within the bar, if they do."""
    for n in range(book.pending.size):
        side, shift, held, waits = book.wanted[n], book.shift[n], book.positions[t + 1, n], np.nan
        if np.isnan(market.price[t, n]):
            continue
        if side != 0.0 and book.why[n] == ORDERED and not np.isnan(book.level[n]):
            first, high, low = market.open[t, n] * shift, market.high[t, n] * shift, market.low[t, n] * shift
            price, how = _price_met(side, first, high, low, book.level[n], rules.handling)
            watched = rules.levels.active and held != 0.0 and how != FROM_OPEN
            if watched and _leaves_before(t, n, price, how, market, rules, book):
                weight, price = book.pending[n], np.nan
                waits = 0.0 if weight * held < 0.0 else weight  # the other side is for this bar alone
            if not np.isnan(price):
                _take(n, t, price, equity / price, how, book)
            else:
                book.wanted[n] = 0.0
                if rules.handling.resting or book.partly[n]:
                    continue
        book.pending[n], book.rest[n] = waits, np.nan
