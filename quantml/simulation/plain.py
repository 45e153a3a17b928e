"""The bar that most bars are: every symbol trades, all or nothing was decided before it, and no order waits.

It is done in two passes over the symbols, and does to the last bit what the functions of `quantml.simulation.kernel` do
one after another. Those are handed everything that there is, which takes longer than the passes; here it is handed over
once for a whole run of such bars.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, kernel_part
from quantml.simulation.charges import accrue, take_rates
from quantml.simulation.layout import (
    BOOK,
    BOOL,
    BORROW,
    DECIDED,
    FLOAT,
    HANDLING,
    INT,
    KIND,
    MARKET,
    ORDERED,
    PRICE,
    ROUNDING,
    RULES,
    SYMBOL,
    TIME,
    UNITS,
    Book,
    Floats,
    Handling,
    M,
    Market,
    Rules,
    V,
)
from quantml.simulation.orders import in_lots

FILLS = types.int32[:, ::1]


@kernel_part(FLOAT(F1, F1, F1, V))
def _split(held: Floats, split: Floats, dividend: Floats, after: Floats) -> float:
    """Split units into `after`; return their dividends."""
    received = 0.0
    for n in range(held.size):
        after[n] = held[n] * split[n]
        received += after[n] * dividend[n]
    return received


@kernel_part(types.void(F1, V))
def _copy(held: Floats, after: Floats) -> None:
    for n in range(held.size):
        after[n] = held[n]


@kernel_part(FLOAT(F1, F1))
def value_of(units: Floats, price: Floats) -> float:
    """Return the value of all positions, in two sums side by side, since an addition waits for the one before it."""
    even, odd, pairs = 0.0, 0.0, units.size // 2
    for n in range(pairs):
        even += units[2 * n] * price[2 * n]
        odd += units[2 * n + 1] * price[2 * n + 1]
    if units.size & 1:
        even += units[2 * pairs] * price[2 * pairs]
    return even + odd


@kernel_part(FLOAT(F1, V))
def _short_value(held: Floats, mark: Floats) -> float:
    """Return the market value of shorts."""
    short = 0.0
    for n in range(held.size):
        if held[n] < 0.0:
            short += -held[n] * mark[n]
    return short


@kernel_part(BOOL(FLOAT, FLOAT, FLOAT, FLOAT, FLOAT))
def _is_within(band: float, weight: float, held: float, mark: float, equity: float) -> bool:
    """Say whether a position is too near to its decided weight to be traded."""
    if not band > 0.0 or weight == 0.0:
        return False
    return bool(abs(held * mark / equity - weight if held != 0.0 else weight) <= band)


@kernel_part(BOOL(FLOAT, FLOAT, F1, F1, V))
def _is_followed(band: float, closed: float, weights: Floats, before: Floats, mark: Floats) -> bool:
    """Say whether the decision of the previous bar is followed for any symbol."""
    for n in range(mark.size):
        concerned = weights[n] != 0.0 or before[n] != 0.0
        if concerned and not _is_within(band, weights[n], before[n], mark[n], closed):
            return True
    return False


@kernel_part(types.void(FLOAT, F1, F1, V, V))
def _size(equity: float, weights: Floats, price: Floats, units: Floats, wanted: Floats) -> None:
    """Write the units that are `wanted` to come from `units` to the weights."""
    least = ROUNDING * equity
    for n in range(units.size):
        order = weights[n] * (equity / price[n]) - units[n]
        counts = (abs(order) * price[n] > least) | (weights[n] == 0.0)
        wanted[n] = order if counts else 0.0


@kernel_part(types.void(HANDLING, F1, V, V))
def _round(handling: Handling, price: Floats, units: Floats, wanted: Floats) -> None:
    """Round orders to lots and drop the smallest, but for those that close a position."""
    lot, least_units, least_notional = handling.lot, handling.least_units, handling.least_notional
    for n in range(units.size):
        order = in_lots(wanted[n], lot)
        small = (abs(order) < least_units) | (abs(order) * price[n] < least_notional)
        order = 0.0 if small else order
        wanted[n] = wanted[n] if wanted[n] == -units[n] else order


@kernel_part(types.void(FLOAT, FLOAT, F1, F1, V, V))
def _keep(band: float, closed: float, weights: Floats, before: Floats, mark: Floats, wanted: Floats) -> None:
    """Drop the orders of what was within its band at the previous close."""
    for n in range(mark.size):
        if _is_within(band, weights[n], before[n], mark[n], closed):
            wanted[n] = 0.0


@kernel_part(types.Tuple((INT, FLOAT, FLOAT, FLOAT))(INT, INT, F1, F1, V, V, V, FILLS, M))
def _fill(
    t: int,
    row: int,
    price: Floats,
    close: Floats,
    wanted: Floats,
    units: Floats,
    mark: Floats,
    fills: NDArray[np.int32],
    amounts: Floats,
) -> tuple[int, float, float, float]:
    """Fill the decision of the previous bar, from `row` of the fills on, and mark.

    Returns
    -------
    row : int
        The next free row of the fills.
    spent, traded, value : float
        Net and gross notional, and the value of all positions at the close.
    """
    value, spent, traded = 0.0, 0.0, 0.0
    for n in range(units.size):
        held, order = units[n], wanted[n]
        if order != 0.0:
            held += order
            units[n] = held
            spent += order * price[n]
            traded += abs(order) * price[n]
            fills[row, TIME], fills[row, DECIDED], fills[row, SYMBOL], fills[row, KIND] = t, t - 1, n, ORDERED
            amounts[row, UNITS], amounts[row, PRICE] = order, price[n]
            row += 1
        mark[n] = close[n]
        if held != 0.0:
            value += held * close[n]
    return row, spent, traded, value


@kernel_part(FLOAT(F1, V, V))
def _hold(close: Floats, units: Floats, mark: Floats) -> float:
    """Mark, and return the value of all positions at the close."""
    value = 0.0
    for n in range(units.size):
        mark[n] = close[n]
        if units[n] != 0.0:
            value += units[n] * close[n]
    return value


@kernel_part(types.Tuple((INT, BOOL))(INT, F2, MARKET, RULES, BOOK))
def trade_plainly(t: int, decisions: Floats, market: Market, rules: Rules, book: Book) -> tuple[int, bool]:
    """Do bar t, which follows a decision about every symbol, and those after it as long as they are alike.

    Returns
    -------
    last : int
        The last bar that was done.
    alive : bool
        Whether equity was positive there.
    """
    cash, positions, rates, row = book.cash, book.positions, rules.terms.rates, book.written[0]
    while True:
        units, price, charges = positions[t + 1], market.price[t], book.charges[t + 1]
        received = 0.0
        if market.acts[t]:
            received = _split(positions[t], market.split[t], market.dividend[t], units)
        else:
            _copy(positions[t], units)
        value, short = value_of(units, price), 0.0
        if rates[BORROW] > 0.0:
            short = _short_value(positions[t], book.mark)
        interest = cash[t] * market.cash[t]
        book.dividends[t + 1], book.interest[t + 1] = received, interest
        held = accrue(cash[t], (received, interest), short, rates, charges)
        close, orders, closed = market.close[t], decisions[t - 1], book.equity[t]
        alive = not market.decides[t - 1] or held + value > 0.0
        if not alive:
            alive = not _is_followed(rules.handling.band, closed, orders, positions[t], book.mark)
        if not alive:
            for n in range(price.size):
                book.mark[n] = price[n]
        elif market.decides[t - 1]:
            first, wanted = row, book.wanted
            _size(held + value, orders, price, units, wanted)
            if not rules.handling.plain:
                _round(rules.handling, price, units, wanted)
            if rules.handling.band > 0.0:
                _keep(rules.handling.band, closed, orders, positions[t], book.mark, wanted)
            row, spent, traded, value = _fill(t, row, price, close, wanted, units, book.mark, book.fills, book.amounts)
            if row > first:
                held = take_rates(held, spent, traded, rates, charges)
        else:
            value = _hold(close, units, book.mark)
        if alive:
            book.equity[t + 1] = held + value
            alive = held + value > 0.0
        cash[t + 1] = held
        is_plain = market.full[t] or (market.everyone[t] and not market.decides[t])
        if not (alive and is_plain and t + 1 < len(decisions) and market.whole[t + 1]):
            break
        t += 1
    book.written[0] = row
    return t, alive
