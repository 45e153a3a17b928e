"""The bar that most bars are: every symbol trades, everything is decided anew, and nothing waits.

It is done in two passes over the symbols, and does to the last bit what the functions of `quantml.simulation.kernel` do
one after another.
"""

from __future__ import annotations

from quantml.kernels import F2, kernel
from quantml.simulation.charges import take_rates
from quantml.simulation.layout import (
    BOOK,
    DECIDED,
    FLOAT,
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
    Market,
    Rules,
)
from quantml.simulation.orders import in_lots


@kernel(FLOAT(INT, MARKET, BOOK))
def carry_plainly(t: int, market: Market, book: Book) -> float:
    """Split units and value them at the fill prices; write what accrues, and return the value."""
    value, short, received = 0.0, 0.0, 0.0
    for n in range(book.mark.size):
        units = book.positions[t, n]
        if units != 0.0:
            if units < 0.0:
                short += -units * book.mark[n]
            units *= market.split[t, n]
            if market.dividend[t, n] != 0.0:
                received += units * market.dividend[t, n]
            book.positions[t + 1, n] = units
            value += units * market.price[t, n]
    book.short[0], book.dividends[t + 1] = short, received
    return value


@kernel(FLOAT(INT, FLOAT, F2, MARKET, RULES, BOOK))
def trade_plainly(t: int, equity: float, weights: Floats, market: Market, rules: Rules, book: Book) -> float:
    """Fill the decision of the previous row about every symbol, and mark; return the value at the close."""
    first = row = book.written[0]
    value, spent, traded, handling = 0.0, 0.0, 0.0, rules.handling
    lot, least_units, least_notional = handling.lot, handling.least_units, handling.least_notional
    is_cut = not handling.plain
    for n in range(book.mark.size):
        weight, price, held = weights[t - 1, n], market.price[t, n], book.positions[t + 1, n]
        units = weight * (equity / price) - held
        if units == 0.0 or not (abs(units) * price > ROUNDING * equity or weight == 0.0):
            units = 0.0
        elif is_cut and units != -held:
            units = in_lots(units, lot)
            if abs(units) < least_units or abs(units) * price < least_notional:
                units = 0.0
        if units != 0.0:
            held += units
            book.positions[t + 1, n] = held
            spent += units * price
            traded += abs(units) * price
            book.fills[row, TIME], book.fills[row, DECIDED] = t, t - 1
            book.fills[row, SYMBOL], book.fills[row, KIND] = n, ORDERED
            book.amounts[row, UNITS], book.amounts[row, PRICE] = units, price
            row += 1
        book.mark[n] = market.close[t, n]
        if held != 0.0:
            value += held * market.close[t, n]
    book.written[0] = row
    if row > first:
        take_rates(t, spent, traded, rules, book)
    return value
