"""Leverage and margin: the limits on what an account may hold, and the kernels that hold it to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import types

from quantml.errors import check, is_finite
from quantml.kernels import kernel_part
from quantml.simulation.charges import cost_of, known_row
from quantml.simulation.layout import (
    BOOK,
    BOOL,
    CALLED,
    FLOAT,
    HAIR,
    INT,
    MARKET,
    ROUNDING,
    RULES,
    Book,
    Limits,
    Market,
    Rules,
)
from quantml.simulation.orders import in_lots, room_at
from quantml.space import Declaration

HALVINGS: Final = 50
"""Halvings of an interval of shares: they leave less than 1e-15 of an order."""


@dataclass(frozen=True)
class Margin(Declaration):
    """Limits on gross market value, longs and shorts together, for the equity that is there.

    A margin call is seen at a close, once marks are known there, and is answered at the next bar's fill price: every
    position that can be traded is reduced by the same share, just so far that equity after costs is `maintenance` of
    gross market value at those prices. Lots are then rounded upwards. What has no bar cannot be sold, and participation
    holds here too; the call is repeated at the next close where it still stands.

    Parameters
    ----------
    leverage : float, optional
        Most gross market value after an order, as a multiple of equity after its costs: 1 for no borrowing, 2 for
        an initial margin of one half. Weights that ask for more are refused. Where costs, lots or prices lead orders
        beyond it, what enlarges positions is cut, all orders of the bar by the same share; what reduces them is not.
        Orders are valued at the prices of their fills, the rest at the bar's. `Simulation.cut_by_leverage` tells how
        much was cut. There is no limit unless given.
    maintenance : float
        Least equity as a fraction of gross market value at a close, below 1; no order may lead below it either. 0 never
        calls.

    Raises
    ------
    ParameterError
        If a limit is out of range.
    """

    leverage: float | None = None
    maintenance: float = 0.0

    def validate(self) -> None:
        """Raise `ParameterError` where a limit is out of range."""
        most, least = self.leverage, self.maintenance
        held = most is None or (is_finite(most) and most > 0.0)
        check(held, "Margin.leverage", "be a finite number above 0, or None", most)
        check(is_finite(least) and 0.0 <= least < 1.0, "Margin.maintenance", "be at least 0 and below 1", least)

    @property
    def limits(self) -> Limits:
        """The limits in numbers."""
        ceiling = np.inf if self.maintenance == 0.0 else 1.0 / self.maintenance
        return Limits(min(np.inf if self.leverage is None else float(self.leverage), ceiling), float(self.maintenance))


# ----------------------------------------------------------------- kernels


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, FLOAT))
def _enlarged(held: float, units: float, share: float, lot: float) -> float:
    """Return an order of which only `share` of what enlarges its position is left."""
    reducing = 0.0
    if held * units < 0.0:
        reducing = units if abs(units) <= abs(held) else -held
    return float(reducing + in_lots(share * (units - reducing), lot))


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, FLOAT, FLOAT))
def _reduced(held: float, units: float, share: float, lot: float, room: float) -> float:
    """Return the order that leaves `share` of what an order would leave; no more than there is room for."""
    after = held + units
    if after == 0.0:
        return units
    kept = share * abs(after)
    if lot > 0.0:
        kept = np.floor(kept / lot + HAIR) * lot
    fewer = np.copysign(kept, after) - held
    return float(np.copysign(min(abs(fewer), room), fewer))


@kernel_part(types.void(INT, FLOAT, BOOL, MARKET, RULES, BOOK))
def _scale(t: int, share: float, called: bool, market: Market, rules: Rules, book: Book) -> None:
    """Write what `share` leaves of every order."""
    handling = rules.handling
    for n in range(book.wanted.size):
        held, units = book.positions[t + 1, n], book.wanted[n]
        book.scaled[n] = units
        if np.isnan(market.price[t, n]):
            continue
        if called:
            room = room_at(t, n, market.volume, book.taken, handling)
            book.scaled[n] = _reduced(held, units, share, handling.lot, room)
        elif units != 0.0:
            book.scaled[n] = _enlarged(held, units, share, handling.lot)


@kernel_part(FLOAT(INT, FLOAT, FLOAT, BOOL, FLOAT, MARKET, RULES, BOOK))
def _excess(
    t: int, share: float, ceiling: float, called: bool, equity: float, market: Market, rules: Rules, book: Book
) -> float:
    """Return by how much gross market value would be above `ceiling` times equity after the bar's orders.

    What is traded is valued at the price of its fill, the rest at the price of the bar.
    """
    gross, left, measured = 0.0, equity, market.volatility.shape[0] > 0
    _scale(t, share, called, market, rules, book)
    for n in range(book.wanted.size):
        price, units = market.price[t, n] * book.shift[n], book.scaled[n]
        price = book.mark[n] if np.isnan(price) else price
        if units != 0.0:
            at = book.at[n] if book.wanted[n] != 0.0 else price
            left += book.positions[t + 1, n] * (at - price)
            price = at
            volatility, usual = 0.0, 0.0
            if measured:
                known = known_row(t, book.why[n], book.decided[n]) if book.wanted[n] != 0.0 else max(t - 1, 0)
                volatility, usual = market.volatility[known, n], market.usual[known, n] * market.shares[t, n]
            left -= cost_of(units, at, volatility, usual, rules.terms)
        if book.positions[t + 1, n] + units != 0.0:
            gross += abs(book.positions[t + 1, n] + units) * price
    return gross - ceiling * left


@kernel_part(FLOAT(INT, FLOAT, BOOL, FLOAT, MARKET, RULES, BOOK))
def _largest_share(
    t: int, ceiling: float, called: bool, equity: float, market: Market, rules: Rules, book: Book
) -> float:
    """Return the largest share, from 0 to 1, that stays below the ceiling; 0 where none does."""
    if _excess(t, 1.0, ceiling, called, equity, market, rules, book) <= ROUNDING * equity:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if _excess(t, middle, ceiling, called, equity, market, rules, book) <= 0.0:
            low = middle
        else:
            high = middle
    return low


@kernel_part(types.void(INT, INT, FLOAT, FLOAT, BOOK))
def _cut_to(t: int, n: int, units: float, equity: float, book: Book) -> None:
    """Leave only so many units of an order, or nothing where that is rounding, and note what is left out."""
    left = units if abs(units) * book.at[n] > ROUNDING * equity else 0.0
    book.cut[t + 1] += abs(book.wanted[n] - left) * book.at[n]
    book.wanted[n] = left


@kernel_part(types.void(INT, FLOAT, MARKET, RULES, BOOK))
def limit_orders(t: int, equity: float, market: Market, rules: Rules, book: Book) -> None:
    """Cut what enlarges positions to the leverage that is allowed, then answer a margin call of the last close."""
    share = _largest_share(t, rules.limits.leverage, False, equity, market, rules, book)
    if share < 1.0:
        _scale(t, share, False, market, rules, book)
        for n in range(book.wanted.size):
            if book.scaled[n] != book.wanted[n]:
                _cut_to(t, n, book.scaled[n], equity, book)
    if book.called[0] == 0:
        return
    book.called[0] = 0
    share = _largest_share(t, 1.0 / rules.limits.maintenance, True, equity, market, rules, book)
    if share == 1.0:
        return
    _scale(t, share, True, market, rules, book)
    for n in range(book.wanted.size):
        if book.scaled[n] != book.wanted[n]:
            if book.wanted[n] == 0.0:
                book.at[n] = market.price[t, n] * book.shift[n]
            book.wanted[n], book.kind[n], book.decided[n] = book.scaled[n], CALLED, max(t - 1, 0)
            book.rest[n] = np.nan


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def call_margin(t: int, market: Market, rules: Rules, book: Book) -> None:
    """See at a close whether equity is too little for what is held."""
    gross = 0.0
    for n in range(book.pending.size):
        if book.positions[t + 1, n] != 0.0:
            gross += abs(book.positions[t + 1, n]) * book.mark[n]
    if rules.limits.maintenance * gross > book.equity[t + 1] * (1.0 + HAIR):
        book.called[0] = 1
