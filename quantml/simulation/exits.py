"""Stops: how the ledger closes a position by itself, and the kernels that play them within the bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import types

from quantml.errors import SimulationError, check, is_finite, is_whole
from quantml.kernels import F2, kernel_part
from quantml.simulation.charges import settle
from quantml.simulation.layout import (
    BOOK,
    BOOL,
    BY_LIMIT,
    BY_STOP,
    EXPIRED,
    EXTREMES,
    FLOAT,
    FROM_OPEN,
    HOLDING,
    INT,
    LATE,
    LEVELS,
    LOSS,
    MARKET,
    NOBODY,
    PROFIT,
    RULES,
    TRAILED,
    Book,
    Extremes,
    Floats,
    Holding,
    Levels,
    Market,
    Rules,
)
from quantml.simulation.orders import room_at
from quantml.space import Declaration, alternatives


@dataclass(frozen=True)
class StopLoss(Declaration):
    """Close a position once its price has moved against it by `distance`, as a fraction of the average entry price.

    It fills at its price where a bar touches it, and at the open where the open is beyond it. The average moves where a
    position is enlarged.

    Parameters
    ----------
    distance : float
        Above 0; below 1.

    Raises
    ------
    ParameterError
        If `distance` is out of range.
    """

    distance: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = is_finite(self.distance) and 0.0 < self.distance < 1.0
        check(held, f"{type(self).__name__}.distance", "be above 0 and below 1", self.distance)


@dataclass(frozen=True)
class TrailingStop(StopLoss):
    """Close a position once its price has come back by `distance`, as a fraction of the best price since entry.

    The best price follows the bar's high for a long position and its low for a short one. Which of the bar's extremes
    came first is not known, so that both paths are kept: the pessimistic one leaves where either order of open, high,
    low and close would, at the lower of their prices, or stays where that is worth less at the close; the optimistic
    one leaves only where both do, at the better price.

    Parameters
    ----------
    distance : float
        Above 0; below 1.

    Raises
    ------
    ParameterError
        If `distance` is out of range.
    """


@dataclass(frozen=True)
class TakeProfit(Declaration):
    """Close a position once its price has moved in its favour by `distance`, as a fraction of the average entry price.

    It fills at its price where a bar touches it, and at the open where the open is beyond it.

    Parameters
    ----------
    distance : float
        Positive.

    Raises
    ------
    ParameterError
        If `distance` is not positive.
    """

    distance: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = is_finite(self.distance) and self.distance > 0.0
        check(held, "TakeProfit.distance", "be a finite number above 0", self.distance)


@dataclass(frozen=True)
class TimeStop(Declaration):
    """Close a position at the fill `bars` of its symbol's own bars after the one that opened it.

    It is sold at the market, and in the place of a limit or stop order that still waits.

    Parameters
    ----------
    bars : int
        At least 1.

    Raises
    ------
    ParameterError
        If `bars` is not positive.
    """

    bars: int

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(is_whole(self.bars, least=1), "TimeStop.bars", "be a whole number of at least 1", self.bars)


Exit = StopLoss | TrailingStop | TakeProfit | TimeStop
_DISTANCES: Final[dict[type, str]] = {StopLoss: "loss", TrailingStop: "trail", TakeProfit: "profit"}


def check_exits(exits: Sequence[Any]) -> None:
    """Raise `SimulationError` where one of `exits`, or an alternative of it, is no stop, or two are of a kind."""
    rule = "be StopLoss, TrailingStop, TakeProfit or TimeStop objects"
    for one in (one for part in exits for one in alternatives(part)):
        check(isinstance(one, Exit), "exits", rule, one, error=SimulationError)
    kinds = [kind for part in exits for kind in {type(one).__name__ for one in alternatives(part)}]
    twice = [kind for kind in kinds if kinds.count(kind) > 1]
    check(not twice, "exits", "have one of a kind", twice[0] if twice else "", error=SimulationError)


def levels_of(exits: Sequence[Any], *, reenter: bool) -> Levels:
    """Say stops in numbers."""
    told: dict[str, Any] = {}
    for part in exits:
        told[_DISTANCES.get(type(part), "bars")] = part.bars if isinstance(part, TimeStop) else float(part.distance)
    loss, profit, trail = (told.get(name, np.inf) for name in ("loss", "profit", "trail"))
    return Levels(bool(told), loss, profit, trail, int(told.get("bars", 0)), reenter, optimistic=False)


# ----------------------------------------------------------------- kernels


@kernel_part(types.UniTuple(FLOAT, 2)(FLOAT, FLOAT, FLOAT, LEVELS))
def stop_of(side: float, entry: float, peak: float, levels: Levels) -> tuple[float, float]:
    """Return the price of a position's stop against it, and the kind that it is."""
    loss, trail = entry * (1.0 - side * levels.loss), peak * (1.0 - side * levels.trail)
    if (trail > loss) if side > 0.0 else (trail < loss):
        return trail, float(TRAILED)
    return loss, float(LOSS)


@kernel_part(BOOL(INT, INT, F2, BOOK))
def _is_watched(t: int, n: int, close: Floats, book: Book) -> bool:
    """Say whether a symbol is held on a bar of its own, and is not on its way out already."""
    if book.positions[t + 1, n] == 0.0 or np.isnan(close[t, n]):
        return False
    return bool(book.why[n] < LOSS or np.isnan(book.rest[n]))


@kernel_part(types.void(INT, INT, FLOAT, RULES, BOOK))
def _block(t: int, n: int, held: float, rules: Rules, book: Book) -> None:
    """Drop what waits in units or would hold the same side; let nothing do so before a decision has asked otherwise.

    Units were told from a position that is no more; a weight for nothing or the other side stands.
    """
    asks_otherwise = book.pending[n] * held <= 0.0  # and so has been asked already, by an order that waits
    book.rest[n] = np.nan
    if book.pending[n] * held > 0.0:
        book.pending[n] = np.nan
    if not (rules.levels.reenter or asks_otherwise):
        book.blocked[n] = 1 if held > 0.0 else NOBODY


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def _close_all(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Close what has a price to leave at, as far as its volume goes; the rest waits."""
    leaves = False
    for n in range(book.pending.size):
        book.wanted[n] = 0.0
        if np.isnan(book.at[n]):
            continue
        leaves, held = True, book.positions[t + 1, n]
        _block(t, n, held, rules, book)
        room = room_at(t, n, market.volume, book.taken, rules.handling)
        book.wanted[n] = np.copysign(min(abs(held), room), -held)
        if abs(held) > room:
            book.pending[n] = np.nan  # it would take the place of what is left to close
            book.rest[n], book.why[n], book.partly[n], book.decided[n] = -held - book.wanted[n], book.kind[n], 1, t
    if leaves:
        settle(t, False, market, rules, book)


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def exit_at_open(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Close what has a stop or target that the open is beyond, at the open; the stop of the rest follows to there."""
    for n in range(book.pending.size):
        book.at[n] = np.nan
        if not _is_watched(t, n, market.close, book):
            continue
        first = market.open[t, n] * book.shift[n]
        side = 1.0 if book.positions[t + 1, n] > 0.0 else -1.0
        stop, kind = stop_of(side, book.entry[n], book.peak[n], rules.levels)
        if side * (first - stop) <= 0.0:
            book.at[n], book.kind[n] = first, int(kind)
        elif side * (first - book.entry[n] * (1.0 + side * rules.levels.profit)) >= 0.0:
            book.at[n], book.kind[n] = first, PROFIT
        else:
            book.peak[n] = side * max(side * book.peak[n], side * first)
    _close_all(t, market, rules, book)


@kernel_part(INT(FLOAT, FLOAT, BOOL, BOOL, LEVELS))
def _first_touched(against: float, beyond: float, seen_worst: bool, seen_best: bool, levels: Levels) -> int:
    """Say which price a bar touches first: -1 the stop, 1 the target, 0 neither.

    The stop is touched where `against`, the room that the bar's worst price leaves to it, is not positive; the target
    where `beyond` is at least 0. The position has surely `seen` those prices, or they may be from before its order.
    """
    may_stop, may_take = against <= 0.0, beyond >= 0.0
    sure_stop, sure_take = may_stop and seen_worst, may_take and seen_best
    if levels.optimistic:
        return 1 if may_take else (-1 if sure_stop else 0)
    return -1 if may_stop else (1 if sure_take else 0)


@kernel_part(types.UniTuple(BOOL, 2)(HOLDING, EXTREMES, FLOAT, LEVELS))
def _surely_seen(holding: Holding, bar: Extremes, last: float, levels: Levels) -> tuple[bool, bool]:
    """Say whether a position has surely been stopped by the bar's worst price, and sold at its best.

    A position that came about within the bar has not surely seen the extreme that its order did not need, unless the
    close is beyond the price: `last` is 1 where it is beyond the target, -1 beyond the stop, else 0. One that an order
    has enlarged within the bar has, where the extreme is also beyond the price that stood at the open.
    """
    if holding.begun != FROM_OPEN:
        return holding.begun != BY_STOP or last < 0.0, holding.begun != BY_LIMIT or last > 0.0
    if np.isnan(holding.opened):
        return True, True
    side = holding.side
    stop, _ = stop_of(side, holding.opened, holding.peak, levels)
    target = holding.opened * (1.0 + side * levels.profit)
    return side * (bar.worst - stop) <= 0.0 or last < 0.0, side * (bar.best - target) >= 0.0 or last > 0.0


@kernel_part(types.UniTuple(FLOAT, 2)(HOLDING, EXTREMES, LEVELS))
def leave_within(holding: Holding, bar: Extremes, levels: Levels) -> tuple[float, float]:
    """Return the price at which a position leaves within the bar, NaN where it stays, and why.

    Where neither a stop as it stood after the open nor a target is touched, a stop may be that has followed the bar's
    best price. A stop order lies on the way to that price: what follows beyond its target comes after the target.
    """
    side, entry, begun = holding.side, holding.entry, holding.begun
    highest = side * max(side * holding.peak, side * bar.best)
    target = entry * (1.0 + side * levels.profit)
    moved, moved_kind = stop_of(side, entry, highest, levels)
    stop, kind = stop_of(side, entry, highest if begun == BY_STOP else holding.peak, levels)
    if begun == BY_STOP and side * (bar.best - target) >= 0.0:
        stop, kind = entry * (1.0 - side * levels.loss), float(LOSS)
    last = 1.0 if side * (bar.close - target) >= 0.0 else (-1.0 if side * (bar.close - stop) <= 0.0 else 0.0)
    seen_worst, seen_best = _surely_seen(holding, bar, last, levels)
    touched = _first_touched(side * (bar.worst - stop), side * (bar.best - target), seen_worst, seen_best, levels)
    if touched > 0:
        return target, float(PROFIT)
    if touched < 0:
        return (moved, moved_kind) if levels.optimistic and begun == FROM_OPEN else (stop, kind)
    reached = bar.close if levels.optimistic else bar.worst
    if moved != stop and side * (reached - moved) <= 0.0 and (levels.optimistic or begun == FROM_OPEN):
        return moved, moved_kind
    return np.nan, kind


@kernel_part(EXTREMES(INT, INT, FLOAT, MARKET, BOOK))
def extremes_of(t: int, n: int, side: float, market: Market, book: Book) -> Extremes:
    """Return the worst and the best price of a bar for a position of `side`, and the close."""
    high, low, close = market.high[t, n], market.low[t, n], market.close[t, n]
    shift = book.shift[n]
    if side > 0.0:
        return Extremes(low * shift, high * shift, close * shift)
    return Extremes(high * shift, low * shift, close * shift)


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def exit_within(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Close what has a stop or target that the bar touches, at its price.

    Where both are touched, or one may have been before the position came about, the stop is taken; the target is on the
    optimistic path.
    """
    for n in range(book.pending.size):
        book.at[n] = np.nan
        if not _is_watched(t, n, market.close, book):
            continue
        side = 1.0 if book.positions[t + 1, n] > 0.0 else -1.0
        holding = Holding(side, book.entry[n], book.peak[n], book.opened[n], book.begun[n])
        price, kind = leave_within(holding, extremes_of(t, n, side, market, book), rules.levels)
        book.at[n] = price
        if not np.isnan(price):
            book.kind[n] = int(kind)
    _close_all(t, market, rules, book)


@kernel_part(types.void(INT, MARKET, RULES, BOOK))
def grow_older(t: int, market: Market, rules: Rules, book: Book) -> None:
    """Move best prices to the close of a bar, and order the sale of what has been held for long enough."""
    for n in range(book.pending.size):
        held = book.positions[t + 1, n]
        if held == 0.0 or np.isnan(market.close[t, n]):
            continue
        if book.begun[n] != LATE:
            best = market.high[t, n] if held > 0.0 else market.low[t, n]
            if book.begun[n] == BY_LIMIT:
                best = market.close[t, n]
            best *= book.shift[n]
            book.peak[n] = max(book.peak[n], best) if held > 0.0 else min(book.peak[n], best)
        book.age[n] += 1
        if 0 < rules.levels.bars <= book.age[n]:
            _block(t, n, held, rules, book)
            book.pending[n] = np.nan  # a limit or stop order that rests would take its place
            book.rest[n], book.why[n], book.partly[n], book.decided[n] = -held, EXPIRED, 1, t
