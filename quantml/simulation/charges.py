"""Kernels of what a fill costs, and of settling fills: the only place where units and cash change hands."""

from __future__ import annotations

import numpy as np
from numba import types

from quantml.kernels import F1, kernel_part
from quantml.simulation.layout import (
    AT_OPEN,
    BOOK,
    BOOL,
    BORROW,
    CALLED,
    COMMISSION,
    DECIDED,
    EXPIRED,
    FINANCING,
    FLOAT,
    FROM_OPEN,
    IMPACT,
    INT,
    KIND,
    LATE,
    MARKET,
    NOBODY,
    ORDERED,
    PRICE,
    RULES,
    SLIPPAGE,
    SPREAD,
    SYMBOL,
    TERMS,
    TIME,
    UNITS,
    Book,
    Floats,
    M,
    Market,
    Rules,
    Terms,
    V,
)


@kernel_part(types.UniTuple(FLOAT, 4)(FLOAT, FLOAT, FLOAT, FLOAT, TERMS))
def fill_costs(
    units: float, price: float, volatility: float, usual: float, terms: Terms
) -> tuple[float, float, float, float]:
    """Return commission, spread, slippage and impact of a fill; `usual` volume is in shares of its bar."""
    size = abs(units)
    notional, tier = size * price, 0.0
    for k in range(terms.tiers.shape[0]):
        if notional >= terms.tiers[k, 0]:
            tier = terms.tiers[k, 1]
    commission = notional * (terms.rates[COMMISSION] + tier) + size * terms.per_share
    commission = min(max(commission, terms.least), terms.most)
    slippage, impact = notional * terms.rates[SLIPPAGE], 0.0
    if terms.deviations > 0.0:
        slippage += notional * terms.deviations * volatility
    if terms.impact > 0.0:
        impact += notional * terms.impact * volatility * np.sqrt(size / usual)
    if terms.permanent > 0.0:
        impact += notional * terms.permanent * volatility * (size / usual) / 2.0
    return commission, notional * terms.rates[SPREAD], slippage, impact


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, FLOAT, TERMS))
def cost_of(units: float, price: float, volatility: float, usual: float, terms: Terms) -> float:
    """Return what a fill would cost in all."""
    if units == 0.0:
        return 0.0
    commission, spread, slippage, impact = fill_costs(units, price, volatility, usual, terms)
    return commission + spread + slippage + impact


@kernel_part(INT(INT, INT, INT))
def known_row(t: int, kind: int, decided: int) -> int:
    """Return the row at whose close a fill was decided; the one before it where an order of the ledger's own stood."""
    return decided if kind in (ORDERED, CALLED, EXPIRED) else max(t - 1, 0)


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, FLOAT))
def _average_entry(held: float, units: float, entry: float, price: float) -> float:
    """Return the average price of entry after a fill: only what enlarges a position changes it."""
    if held * units > 0.0:
        return (abs(held) * entry + abs(units) * price) / abs(held + units)
    return price if abs(units) > abs(held) else entry


@kernel_part(types.void(INT, RULES, BOOK))
def _remember(t: int, rules: Rules, book: Book) -> None:
    """Note what is taken of each symbol's volume, and what stops must know of positions, before they change."""
    for n in range(book.wanted.size):
        units, held = book.wanted[n], book.positions[t + 1, n]
        if units == 0.0:
            continue
        book.taken[n] += abs(units)
        book.entry[n] = _average_entry(held, units, book.entry[n], book.at[n])
        if held == 0.0 or (held * units < 0.0 and abs(units) > abs(held)):
            book.peak[n], book.age[n] = book.at[n], 0
            if rules.when != AT_OPEN:
                book.begun[n] = LATE


@kernel_part(FLOAT(INT, INT, M, M))
def _sum_up(t: int, first: int, paid: Floats, charges: Floats) -> float:
    """Add the costs of fills from row `first` on, which `paid` is cut to, to their bar's; return their sum."""
    total = 0.0
    for row in range(first, paid.shape[0]):
        for kind in range(IMPACT + 1):
            charges[t + 1, kind] += paid[row, kind]
            total += paid[row, kind]
    return total


@kernel_part(types.void(INT, INT, MARKET, RULES, BOOK))
def _charge(t: int, first: int, market: Market, rules: Rules, book: Book) -> None:
    """Charge the fills from row `first` on one by one, and move the prices of their symbols."""
    for row in range(first, book.written[0]):
        n, units, price = book.fills[row, SYMBOL], book.amounts[row, UNITS], book.amounts[row, PRICE]
        known, volatility, usual = known_row(t, book.fills[row, KIND], book.decided[n]), 0.0, 0.0
        if market.volatility.shape[0] > 0:
            volatility, usual = market.volatility[known, n], market.usual[known, n] * market.shares[t, n]
        commission, spread, slippage, impact = fill_costs(units, price, volatility, usual, rules.terms)
        book.paid[row, COMMISSION], book.paid[row, SPREAD] = commission, spread
        book.paid[row, SLIPPAGE], book.paid[row, IMPACT] = slippage, impact
        if rules.terms.permanent > 0.0:
            book.shift[n] *= np.exp(rules.terms.permanent * volatility * units / usual)
    book.cash[t + 1] -= _sum_up(t, first, book.paid[: book.written[0]], book.charges)


@kernel_part(FLOAT(FLOAT, types.UniTuple(FLOAT, 2), FLOAT, F1, V))
def accrue(cash: float, gained: tuple[float, float], short: float, rates: Floats, charges: Floats) -> float:
    """Return cash after a bar's dividends, interest, borrow and financing, and write the last two to `charges`.

    `cash` and the market value `short` of shorts are those of the previous close.
    """
    borrow, financing = short * rates[BORROW], max(-cash, 0.0) * rates[FINANCING]
    charges[BORROW], charges[FINANCING] = borrow, financing
    return float(cash + gained[0] - borrow - financing + gained[1])


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, F1, V))
def take_rates(cash: float, spent: float, traded: float, rates: Floats, charges: Floats) -> float:
    """Return cash less what was spent and the costs in proportion to the notional `traded`, added to `charges`."""
    cash -= spent
    for column in range(IMPACT):
        charges[column] += traded * rates[column]
        cash -= traded * rates[column]
    return cash


@kernel_part(types.void(INT, BOOL, MARKET, RULES, BOOK))
def settle(t: int, free: bool, market: Market, rules: Rules, book: Book) -> None:
    """Fill what is wanted: exchange units for cash, write fills down, and take their costs unless they are free."""
    if rules.stateful:
        _remember(t, rules, book)
    first = row = book.written[0]
    spent, traded = 0.0, 0.0
    for n in range(book.wanted.size):
        units = book.wanted[n]
        if units == 0.0:
            continue
        price, kind = book.at[n], book.kind[n]
        book.positions[t + 1, n] += units
        spent += units * price
        traded += abs(units) * price
        book.fills[row, TIME], book.fills[row, SYMBOL], book.fills[row, KIND] = t, n, kind
        book.fills[row, DECIDED] = book.decided[n] if kind in (ORDERED, CALLED, EXPIRED) else NOBODY
        book.amounts[row, UNITS], book.amounts[row, PRICE] = units, price
        if book.late.shape[0] > 0:
            book.late[row] = book.begun[n] != FROM_OPEN
        row += 1
    book.written[0] = row
    if not (free or row == first) and rules.terms.flat:
        book.cash[t + 1] = take_rates(book.cash[t + 1], spent, traded, rules.terms.rates, book.charges[t + 1])
        return
    book.cash[t + 1] -= spent
    if not free:
        _charge(t, first, market, rules, book)
