"""Limit and stop orders within the bar: whether they are filled, at which price, and whether a stop comes before."""

from __future__ import annotations

import numpy as np
from numba import types

from quantml.kernels import kernel_part
from quantml.simulation.exits import extremes_of, leave_within, stop_of
from quantml.simulation.layout import (
    BOOK,
    BOOL,
    BY_LIMIT,
    BY_STOP,
    FLOAT,
    FROM_OPEN,
    HANDLING,
    HOLDING,
    INT,
    LIMIT_ORDER,
    MARKET,
    ORDERED,
    RULES,
    Book,
    Handling,
    Holding,
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


@kernel_part(HOLDING(FLOAT, FLOAT, FLOAT, INT, HOLDING))
def _filled(units: float, held: float, price: float, how: int, holding: Holding) -> Holding:
    """Return what stops would know of a position after an order within the bar."""
    side, entry, peak, opened, begun = holding
    if held * units > 0.0:
        return Holding(side, (held * entry + units * price) / (held + units), peak, entry, begun)
    if abs(units) > abs(held):
        return Holding(-side, price, price, opened, how)
    return holding


@kernel_part(FLOAT(INT, INT, FLOAT, FLOAT, INT, MARKET, RULES, BOOK))
def _gain_of(t: int, n: int, units: float, price: float, how: int, market: Market, rules: Rules, book: Book) -> float:
    """Return what the bar brings from a fill within it on, less what holding on to the close would."""
    held = book.positions[t + 1, n]
    after, close = held + units, market.close[t, n] * book.shift[n]
    gain = units * (close - price)
    if after != 0.0:
        side = 1.0 if held > 0.0 else -1.0
        before = Holding(side, book.entry[n], book.peak[n], np.nan, FROM_OPEN)
        holding = _filled(units, held, price, how, before)
        left, _ = leave_within(holding, extremes_of(t, n, holding.side, market, book), rules.levels)
        gain += 0.0 if np.isnan(left) else after * (left - close)
    return float(gain)


@kernel_part(BOOL(INT, INT, FLOAT, FLOAT, INT, MARKET, RULES, BOOK))
def _leaves_before(
    t: int, n: int, units: float, price: float, how: int, market: Market, rules: Rules, book: Book
) -> bool:
    """Say whether a position is closed by its stop or target before an order of `units` is filled within the bar.

    What lies nearer to the open on the same side comes first. Of two on either side the order is not known: the
    pessimistic path takes what is worth less at the close, the optimistic one what is worth more.
    """
    held, entry, levels = book.positions[t + 1, n], book.entry[n], rules.levels
    side = 1.0 if held > 0.0 else -1.0
    bar = extremes_of(t, n, side, market, book)
    stop, _ = stop_of(side, entry, book.peak[n], levels)
    target = entry * (1.0 + side * levels.profit)
    stopped, taken = side * (bar.worst - stop) <= 0.0, side * (bar.best - target) >= 0.0
    if (side * units > 0.0) == (how == BY_STOP):  # its price is better than the open
        before, across, other = taken and side * (target - price) < 0.0, stopped, stop
    else:
        moved, _ = stop_of(side, entry, side * max(side * book.peak[n], side * bar.best), levels)
        before = stopped and side * (stop - price) > 0.0
        across, other = taken or side * (moved - price) > 0.0, target if taken else moved
    if before or not across:
        return bool(before)
    left, filled = held * (other - bar.close), _gain_of(t, n, units, price, how, market, rules, book)
    return bool(left > filled if levels.optimistic else left < filled)


@kernel_part(types.void(INT, INT, FLOAT, FLOAT, INT, BOOK))
def _take(t: int, n: int, units: float, price: float, how: int, book: Book) -> None:
    """Order `units` at the price at which they fill, where that is still the side that was ordered."""
    held, ordered = book.positions[t + 1, n], book.wanted[n]
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
            units = ordered_units(book.pending[n], book.rest[n], held, equity / price)
            if watched and _leaves_before(t, n, units, price, how, market, rules, book):
                weight, price = book.pending[n], np.nan
                waits = 0.0 if weight * held < 0.0 else weight  # the other side is for this bar alone
            if not np.isnan(price):
                _take(t, n, units, price, how, book)
            else:
                book.wanted[n] = 0.0
                if rules.handling.resting or book.partly[n]:
                    continue
        book.pending[n], book.rest[n] = waits, np.nan
