"""The bar that most bars are: every symbol trades, all or nothing was decided before it, and no order waits.

It is done in two passes over the symbols, and does to the last bit what the functions of `quantml.simulation.kernel` do
one after another. Those are handed everything that there is, which takes longer than the passes; here it is handed over
once for a whole run of such bars.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, kernel
from quantml.simulation.charges import accrue, take_rates
from quantml.simulation.layout import (
    BOOK,
    BOOL,
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


@kernel(types.UniTuple(FLOAT, 3)(F1, F1, F1, F1, F1, V), counted=False)
def _carry(
    held: Floats, split: Floats, dividend: Floats, price: Floats, mark: Floats, after: Floats
) -> tuple[float, float, float]:
    """Split units into `after`; return their value at the fill prices, that of shorts before, and dividends."""
    value, short, received = 0.0, 0.0, 0.0
    for n in range(held.size):
        units = held[n]
        if units != 0.0:
            if units < 0.0:
                short += -units * mark[n]
            units *= split[n]
            if dividend[n] != 0.0:
                received += units * dividend[n]
            after[n] = units
            value += units * price[n]
    return value, short, received


@kernel(types.Tuple((INT, FLOAT, FLOAT, FLOAT))(INT, INT, FLOAT, F1, F1, F1, HANDLING, V, V, FILLS, M), counted=False)
def _fill(
    t: int,
    row: int,
    equity: float,
    weights: Floats,
    price: Floats,
    close: Floats,
    handling: Handling,
    units: Floats,
    mark: Floats,
    fills: NDArray[np.int32],
    amounts: Floats,
) -> tuple[int, float, float, float]:
    """Fill the decision of the previous bar about every symbol, from `row` of the fills on, and mark.

    Returns
    -------
    row : int
        The next free row of the fills.
    spent, traded, value : float
        Net and gross notional, and the value of all positions at the close.
    """
    value, spent, traded = 0.0, 0.0, 0.0
    lot, least_units, least_notional = handling.lot, handling.least_units, handling.least_notional
    is_cut = not handling.plain
    for n in range(units.size):
        weight, held = weights[n], units[n]
        wanted = weight * (equity / price[n]) - held
        if wanted == 0.0 or not (abs(wanted) * price[n] > ROUNDING * equity or weight == 0.0):
            wanted = 0.0
        elif is_cut and wanted != -held:
            wanted = in_lots(wanted, lot)
            if abs(wanted) < least_units or abs(wanted) * price[n] < least_notional:
                wanted = 0.0
        if wanted != 0.0:
            held += wanted
            units[n] = held
            spent += wanted * price[n]
            traded += abs(wanted) * price[n]
            fills[row, TIME], fills[row, DECIDED], fills[row, SYMBOL], fills[row, KIND] = t, t - 1, n, ORDERED
            amounts[row, UNITS], amounts[row, PRICE] = wanted, price[n]
            row += 1
        mark[n] = close[n]
        if held != 0.0:
            value += held * close[n]
    return row, spent, traded, value


@kernel(FLOAT(F1, V, V), counted=False)
def _hold(close: Floats, units: Floats, mark: Floats) -> float:
    """Mark, and return the value of all positions at the close."""
    value = 0.0
    for n in range(units.size):
        mark[n] = close[n]
        if units[n] != 0.0:
            value += units[n] * close[n]
    return value


@kernel(types.Tuple((INT, BOOL))(INT, F2, MARKET, RULES, BOOK), counted=False)
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
        value, short, received = _carry(positions[t], market.split[t], market.dividend[t], price, book.mark, units)
        interest = cash[t] * market.cash[t]
        book.dividends[t + 1], book.interest[t + 1] = received, interest
        held = accrue(cash[t], (received, interest), short, rates, charges)
        close, alive = market.close[t], not market.decides[t - 1] or held + value > 0.0
        if not alive:
            for n in range(price.size):
                book.mark[n] = price[n]
        elif market.decides[t - 1]:
            first, orders = row, decisions[t - 1]
            row, spent, traded, value = _fill(
                t, row, held + value, orders, price, close, rules.handling, units, book.mark, book.fills, book.amounts
            )
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
