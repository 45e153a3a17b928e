"""How orders are executed: lots, smallest orders, participation, limits and stops, and the kernels that size them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types

from quantml.errors import check, is_finite
from quantml.kernels import F2, kernel_part
from quantml.simulation.layout import (
    BOOK,
    FLOAT,
    HAIR,
    HANDLING,
    INT,
    LIMIT_ORDER,
    MARKET,
    MARKET_ORDER,
    ORDERED,
    ROUNDING,
    RULES,
    STOP_ORDER,
    Book,
    Floats,
    Handling,
    Market,
    Rules,
    V,
)
from quantml.space import Declaration


@dataclass(frozen=True)
class Execution(Declaration):
    """How orders become fills.

    A position is always closed whole: an order that would leave nothing is exempt from lots and smallest orders.

    Parameters
    ----------
    lot : float
        Orders are a multiple of so many units, rounded towards nothing: 1 for whole shares, 0 for fractional ones.
        A split may leave a fraction, which is sold with the rest of its position.
    minimum_units, minimum_notional : float
        Smaller orders are not made. What participation or leverage leaves of an order may be smaller.
    participation : float, optional
        The largest share of the volume of its bar that is filled in a symbol, all fills of the bar together; at most 1.
        It is that bar's own volume, since no more can be had on it; costs use what was known at the decision. Needs
        bars with volume. What the ledger closes without trading, at a delisting or at ruin, is exempt. The share is
        rounded down to lots too: on a bar where it is below one lot nothing is filled, not even what closes a position.
    carry : bool
        Whether the rest of an order that participation has cut is filled on later bars, in units, until it is filled or
        the symbol's next decision replaces it or a stop closes the position; it is cancelled otherwise. The rest of a
        stop that was triggered is always carried. Without `participation` there is none.
    limit : float, optional
        Orders are limit orders so far on the better side of the close that decided them, as a fraction of it: a buy
        is filled at ``close * (1 - limit)`` or below. It fills at the open where that is as good, and at its price
        where the bar touches it.
    stop : float, optional
        Orders are stop orders so far on the worse side: a buy is filled at ``close * (1 + stop)`` or above, at the open
        where that is beyond it.
    resting : bool
        Whether limit and stop orders stand until the symbol's next decision, or until a stop of `simulate` closes its
        position; they live for the symbol's next bar otherwise.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or both `limit` and `stop` are given.
    """

    lot: float = 0.0
    minimum_units: float = 0.0
    minimum_notional: float = 0.0
    participation: float | None = None
    carry: bool = False
    limit: float | None = None
    stop: float | None = None
    resting: bool = False

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("lot", "minimum_units", "minimum_notional"):
            value = getattr(self, name)
            check(is_finite(value) and value >= 0.0, f"Execution.{name}", "be a finite number of at least 0", value)
        share = self.participation
        held = share is None or (is_finite(share) and 0.0 < share <= 1.0)
        check(held, "Execution.participation", "be above 0 and at most 1, or None", share)
        for name in ("limit", "stop"):
            value = getattr(self, name)
            held = value is None or (is_finite(value) and 0.0 <= value < 1.0)
            check(held, f"Execution.{name}", "be at least 0 and below 1, or None", value)
        both = self.limit is not None and self.stop is not None
        check(not both, "Execution", "have a limit or a stop, not both", (self.limit, self.stop))
        for name in ("carry", "resting"):
            check(isinstance(getattr(self, name), bool), f"Execution.{name}", "be True or False", getattr(self, name))

    @property
    def works_within_the_bar(self) -> bool:
        """Whether orders wait for a price within the bar."""
        return self.limit is not None or self.stop is not None

    def handling(self, *, by_units: bool, kind: int, band: float) -> Handling:
        """Say it in numbers; `kind` is the type of order where that comes with the orders."""
        offset = self.limit if self.limit is not None else self.stop
        if self.works_within_the_bar:
            kind = LIMIT_ORDER if self.limit is not None else STOP_ORDER
        cut = self.lot or self.minimum_units or self.minimum_notional or self.participation is not None
        return Handling(
            plain=not cut,
            lot=float(self.lot),
            least_units=float(self.minimum_units),
            least_notional=float(self.minimum_notional),
            participation=np.inf if self.participation is None else float(self.participation),
            carry=self.carry,
            kind=kind,
            offset=float(offset or 0.0),
            resting=self.resting,
            by_units=by_units,
            band=band,
        )


# ----------------------------------------------------------------- kernels


@kernel_part(FLOAT(FLOAT, FLOAT))
def in_lots(units: float, lot: float) -> float:
    """Round units towards nothing to a multiple of `lot`."""
    if lot == 0.0:
        return units
    lots = np.floor((abs(units) if lot == 1.0 else abs(units) / lot) + HAIR)  # to divide by one is slow
    return float(np.copysign(lots * lot, units))


@kernel_part(FLOAT(INT, INT, F2, V, HANDLING))
def room_at(t: int, n: int, volume: Floats, taken: Floats, handling: Handling) -> float:
    """Return the units of a symbol that may still be filled on bar t."""
    if handling.participation == np.inf:
        return np.inf
    return float(in_lots(max(handling.participation * volume[t, n] - taken[n], 0.0), handling.lot))


@kernel_part(FLOAT(FLOAT, FLOAT, FLOAT, FLOAT))
def ordered_units(weight: float, rest: float, held: float, worth: float) -> float:
    """Return the units of what waits, where all of equity buys `worth` units."""
    if not np.isnan(weight):
        return weight * worth - held
    return -held if abs(held + rest) <= HAIR * abs(rest) else rest


@kernel_part(types.void(INT, FLOAT, MARKET, RULES, BOOK))
def size_orders(t: int, equity: float, market: Market, rules: Rules, book: Book) -> None:
    """Turn every order that waits for a symbol with a bar into units at the price of the bar."""
    for n in range(book.pending.size):
        weight, rest, price = book.pending[n], book.rest[n], market.price[t, n] * book.shift[n]
        book.wanted[n] = 0.0
        if np.isnan(price) or (np.isnan(weight) and np.isnan(rest)):
            continue
        units = ordered_units(weight, rest, book.positions[t + 1, n], equity / price)
        book.at[n], book.kind[n] = price, book.why[n]
        if abs(units) * price > ROUNDING * equity or weight == 0.0 or np.isnan(weight):
            book.wanted[n] = units
        if rules.handling.kind == MARKET_ORDER:
            book.pending[n] = book.rest[n] = np.nan


@kernel_part(types.void(INT, MARKET, HANDLING, BOOK))
def cut_orders(t: int, market: Market, handling: Handling, book: Book) -> None:
    """Round orders to lots, drop the smallest, and cut them to their share of the volume."""
    for n in range(book.pending.size):
        units = book.wanted[n]
        if units == 0.0:
            continue
        if units != -book.positions[t + 1, n]:
            units = in_lots(units, handling.lot)
            small = abs(units) < handling.least_units or abs(units) * book.at[n] < handling.least_notional
            if small and not book.partly[n]:
                units = 0.0
        if handling.participation == np.inf:
            book.wanted[n] = units
            continue
        room = room_at(t, n, market.volume, book.taken, handling)
        if abs(units) > room:
            filled = np.copysign(room, units)
            if handling.carry or book.why[n] != ORDERED:
                book.rest[n], book.partly[n] = units - filled, 1
                if handling.kind == STOP_ORDER:
                    book.level[n] = np.nan  # it has been triggered
            units = filled
        book.wanted[n] = units
