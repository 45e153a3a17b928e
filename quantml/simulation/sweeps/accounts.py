"""An account in one symbol that keeps sums instead of a history: the ledger of `simulate`, without its book.

An account is one array of numbers, its columns named below. It is brought forward bar by bar with `step`, which does
what the ledger does in the same order, or over a whole stretch at once where that comes to the same: a flat account
stands still, and one that holds shares, owes nothing and has no cash earns what the price earns, whose sums are known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, I1, kernel
from quantml.simulation.layout import ROUNDING

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

(
    CASH, UNITS, MARK, EQUITY, PENDING, SEEN, DONE, ROWS,
    TOTAL, SQUARES, PEAK, FLOOR, TRADES, TURNOVER, COSTS, STATUS,
) = range(16)  # fmt: skip
WIDTH: Final = 16
"""Columns of an account: cash; units; last known close; equity at the previous close; weight that waits for a bar;
session of the latest bar; next row of the clock; rows in all; sum of returns and of their squares; highest equity;
lowest share of it; round trips; sum of notional over equity; costs; how it ended."""

FINE, RUNNING, UNDECIDED, LENGTH = -1.0, -2.0, -3.0, -4.0
"""How a combination ended; a bar's number where its weight is infinite."""

BLOCK: Final = 32
"""Bars whose highest and lowest close are known together."""
SPENT: Final = 1e-13
"""Cash worth at most this fraction of equity is the rounding of an order for all of it."""


PRICE, CLOSE, SPLIT, DIVIDEND, MEMBER, SESSION, ODD, GAIN, SQUARE = range(9)
"""Columns of a tape, which has a row per row of the panel clock and one more: raw price that orders fill at and raw
close, NaN where there is no bar; split; dividend; 1.0 where a member; sessions so far; how many rows before have no
bar, a split, a dividend or no membership; sums of the returns from bar to bar until now, and of their squares."""
WIDE: Final = 9
TOP, BOTTOM = range(2)
"""Columns of blocks: highest and lowest close."""


class Terms(NamedTuple):
    """What trading and holding cost, as fractions, and how the account is run.

    Attributes
    ----------
    cash : float
        At the beginning.
    per_fill : float
        Of notional.
    borrow, financing : float
        Per bar.
    accrues : bool
        Whether either is charged.
    delist_after : int
    same_bar : bool
        Whether an order can fill on the bar that decided it.
    due : int
        First row at or after the recorded delisting.
    payoff : float
        What is paid then, as a multiple of the last close.
    """

    cash: float
    per_fill: float
    borrow: float
    financing: float
    accrues: bool
    delist_after: int
    same_bar: bool
    due: int
    payoff: float


_INT, _FLOAT, _BOOL, V = types.int64, types.float64, types.boolean, types.float64[::1]
TERMS: Any = types.BaseTuple.from_types((_FLOAT, _FLOAT, _FLOAT, _FLOAT, _BOOL, _INT, _BOOL, _INT, _FLOAT), Terms)


@kernel(types.void(_INT, F2, TERMS, V, V), counted=False)
def open_account(row: int, tape: Floats, terms: Terms, account: Floats, trace: Floats) -> None:
    """Begin on `row` with nothing but cash; `trace` takes the returns where it has room for them."""
    account[:] = 0.0
    account[CASH] = account[EQUITY] = account[PEAK] = terms.cash
    account[PENDING] = np.nan
    account[FLOOR] = 1.0
    account[DONE] = row
    account[ROWS] = tape.shape[0] - 1 - row
    account[STATUS] = FINE
    if trace.size > 0:
        trace[:row] = np.nan
        trace[row:] = 0.0


@kernel(types.void(_INT, F2, TERMS, V), counted=False)
def _carry(t: int, tape: Floats, terms: Terms, account: Floats) -> None:
    """Accrue borrow and financing, split units, pay dividends."""
    units = account[UNITS]
    accrued = max(-units * account[MARK], 0.0) * terms.borrow + max(-account[CASH], 0.0) * terms.financing
    units *= tape[t, SPLIT]
    account[UNITS] = units
    account[CASH] += units * tape[t, DIVIDEND] - accrued
    account[COSTS] += accrued


@kernel(types.void(_INT, F2, TERMS, V), counted=False)
def _delist(t: int, tape: Floats, terms: Terms, account: Floats) -> None:
    """Close what is delisted, or has had no bar for too long, and drop its order."""
    recorded = t >= terms.due
    if recorded or tape[t, SESSION] - account[SEEN] >= terms.delist_after:
        account[PENDING] = np.nan
        account[CASH] += account[UNITS] * account[MARK] * (terms.payoff if recorded else 1.0)
        account[UNITS] = 0.0


@kernel(types.void(_INT, _FLOAT, F2, V), counted=False)
def _decide(t: int, weight: float, tape: Floats, account: Floats) -> None:
    """Take the decision of bar t; NaN is none, but what is no member is sold all the same."""
    member = tape[t, MEMBER] != 0.0
    if np.isnan(weight) and (member or account[PENDING] == 0.0):
        return
    wanted = weight if member else 0.0
    account[PENDING] = wanted if account[UNITS] != 0.0 or wanted != 0.0 else np.nan


@kernel(_BOOL(_INT, F2, TERMS, V), counted=False)
def _fill(t: int, tape: Floats, terms: Terms, account: Floats) -> bool:
    """Fill the order that waits; return whether equity was positive."""
    weight, price, units = account[PENDING], tape[t, PRICE], account[UNITS]
    equity = account[CASH] + units * price
    if equity <= 0.0:
        account[MARK] = price
        return False
    change = weight * equity / price - units
    notional = abs(change) * price
    account[PENDING] = np.nan
    if notional > ROUNDING * equity or weight == 0.0:
        account[CASH] -= notional * terms.per_fill
        account[CASH] -= change * price
        account[COSTS] += notional * terms.per_fill
        account[TURNOVER] += notional / account[EQUITY]
        account[TRADES] += units == 0.0 or (units * change < 0.0 and abs(change) > abs(units))
        account[UNITS] = units + change
    return True


@kernel(types.void(_INT, _FLOAT, V, V), counted=False)
def _record(t: int, equity: float, account: Floats, trace: Floats) -> None:
    """Add the bar's return and drawdown to the sums."""
    earned = max(equity / account[EQUITY] - 1.0, -1.0)
    left = max(equity, 0.0)
    account[TOTAL] += earned
    account[SQUARES] += earned * earned
    account[EQUITY] = equity
    if left > account[PEAK]:
        account[PEAK] = left
    elif left < account[FLOOR] * account[PEAK]:
        account[FLOOR] = left / account[PEAK]
    if trace.size > 0:
        trace[t] = earned


@kernel(_BOOL(_INT, _FLOAT, F2, TERMS, V, V), counted=False)
def step(t: int, weight: float, tape: Floats, terms: Terms, account: Floats, trace: Floats) -> bool:
    """Bring the account over bar t, on which `weight` is decided (NaN: nothing is); return whether it lives on."""
    traded, alive = not np.isnan(tape[t, CLOSE]), True
    if account[UNITS] != 0.0 and (terms.accrues or tape[t + 1, ODD] != tape[t, ODD]):
        _carry(t, tape, terms, account)
    if not traded:
        _delist(t, tape, terms, account)
    if terms.same_bar:
        _decide(t, weight, tape, account)
    if traded:
        if not np.isnan(account[PENDING]):
            alive = _fill(t, tape, terms, account)
        if alive:
            account[MARK], account[SEEN] = tape[t, CLOSE], tape[t, SESSION]
    equity = account[CASH] + account[UNITS] * account[MARK]
    alive = alive and equity > 0.0
    if not alive:
        account[CASH], account[UNITS] = equity, 0.0
    elif not terms.same_bar:
        _decide(t, weight, tape, account)
    _record(t, equity, account, trace)
    return alive


@kernel(types.void(_INT, _INT, F2, F2, V), counted=False)
def _sink(begin: int, end: int, tape: Floats, blocks: Floats, account: Floats) -> None:
    """Bring peak and drawdown over rows through which units are only held, block by block where neither can change."""
    units = account[UNITS]
    peak, floor, t = account[PEAK] / units, account[FLOOR], begin
    while t < end:
        block = t // BLOCK
        after = min((block + 1) * BLOCK, end)
        if blocks[block, TOP] > peak or blocks[block, BOTTOM] < floor * peak:
            for row in range(t, after):
                close = tape[row, CLOSE]
                if close > peak:
                    peak = close
                elif close < floor * peak:
                    floor = close / peak
        t = after
    account[PEAK], account[FLOOR] = max(peak * units, account[PEAK]), floor


@kernel(types.void(_INT, _INT, F2, F2, V), counted=False)
def _jump(begin: int, end: int, tape: Floats, blocks: Floats, account: Floats) -> None:
    """Bring an account that is all in shares over plain rows at once."""
    last = end - 1
    account[TOTAL] += tape[last, GAIN] - tape[begin - 1, GAIN]
    account[SQUARES] += tape[last, SQUARE] - tape[begin - 1, SQUARE]
    _sink(begin, end, tape, blocks, account)
    account[MARK], account[SEEN] = tape[last, CLOSE], tape[last, SESSION]
    account[EQUITY] = account[CASH] + account[UNITS] * account[MARK]


@kernel(_INT(_INT, _INT, F2, TERMS, V, V), counted=False)
def _drift(begin: int, end: int, tape: Floats, terms: Terms, account: Floats, trace: Floats) -> int:
    """Bring an account over plain rows without orders, up to its ruin; return the row that is next.

    It is `step` as far as anything happens there, on copies of the account's numbers, which stay in registers.
    """
    cash, units, mark, equity = account[CASH], account[UNITS], account[MARK], account[EQUITY]
    total, squares, costs, peak, floor = 0.0, 0.0, 0.0, account[PEAK], account[FLOOR]
    t = begin
    while t < end:
        accrued = max(-units * mark, 0.0) * terms.borrow + max(-cash, 0.0) * terms.financing
        value = cash - accrued + units * tape[t, CLOSE]
        if value <= 0.0:
            break
        earned = value / equity - 1.0
        total += earned
        squares += earned * earned
        costs += accrued
        cash, mark, equity = cash - accrued, tape[t, CLOSE], value
        if value > peak:
            peak = value
        elif value < floor * peak:
            floor = value / peak
        if trace.size > 0:
            trace[t] = earned
        t += 1
    account[CASH], account[MARK], account[EQUITY] = cash, mark, equity
    account[TOTAL] += total
    account[SQUARES] += squares
    account[COSTS] += costs
    account[PEAK], account[FLOOR], account[SEEN] = peak, floor, tape[max(t - 1, 0), SESSION]
    return t


@kernel(_BOOL(V), counted=False)
def _is_spent(account: Floats) -> bool:
    """Say whether all of the account is in shares."""
    return bool(account[UNITS] > 0.0 and abs(account[CASH]) <= SPENT * account[EQUITY])


@kernel(_BOOL(_INT, F2, F2, TERMS, V, V), counted=False)
def advance(end: int, tape: Floats, blocks: Floats, terms: Terms, account: Floats, trace: Floats) -> bool:
    """Bring the account to the row before `end`, on none of which anything is decided; return whether it lives on."""
    t, alive = int(account[DONE]), True
    account[DONE] = end
    while t < end and alive:
        at_rest = np.isnan(account[PENDING])
        if at_rest and account[UNITS] == 0.0:
            t = end
        elif at_rest and tape[end, ODD] == tape[t, ODD] and _is_spent(account) and trace.size == 0:
            _jump(t, end, tape, blocks, account)
            t = end
        else:
            if at_rest and tape[end, ODD] == tape[t, ODD]:
                t = _drift(t, end, tape, terms, account, trace)
            if t < end:
                alive = step(t, np.nan, tape, terms, account, trace)
                t += 1
    return alive


@kernel(_BOOL(_INT, _FLOAT, F2, F2, TERMS, V, V), counted=False)
def decide(row: int, weight: float, tape: Floats, blocks: Floats, terms: Terms, account: Floats, trace: Floats) -> bool:
    """Bring the account over `row`, on which `weight` is decided and there is a bar; return whether it lives on."""
    alive = advance(row if terms.same_bar else row + 1, tape, blocks, terms, account, trace)
    if alive and terms.same_bar:
        account[DONE] = row + 1
        alive = step(row, weight, tape, terms, account, trace)
    elif alive:
        account[MARK], account[SEEN] = tape[row, CLOSE], tape[row, SESSION]
        _decide(row, weight, tape, account)
    return alive


@kernel(_INT(F1), counted=False)
def _first_decision(weights: Floats) -> int:
    """Return the first weight that is a number, or how many there are."""
    for k in range(weights.size):
        if not np.isnan(weights[k]):
            return k
    return weights.size


@kernel(_INT(F1), counted=False)
def _infinite(weights: Floats) -> int:
    """Return the first weight that is infinite, or -1."""
    for k in range(weights.size):
        if np.isinf(weights[k]):
            return k
    return -1


@kernel(types.void(F1, I1, F2, F2, TERMS, V, V), counted=False)
def settle(
    weights: Floats, rows: Whole, tape: Floats, blocks: Floats, terms: Terms, account: Floats, trace: Floats
) -> None:
    """Trade weights from the first decision to the end of the clock.

    Parameters
    ----------
    weights : ndarray, shape (bars,)
        Decided at the close of each of the symbol's own bars; NaN is no decision.
    rows : ndarray of int64, shape (bars,)
        Row of each bar.
    tape : ndarray, shape (T + 1, 9)
    blocks : ndarray, shape (T // BLOCK + 1, 2)
    terms : Terms
    account : ndarray, shape (WIDTH,)
    trace : ndarray, shape (T,) or (0,)
        Takes the returns, NaN before the first decision.
    """
    first, wrong = _first_decision(weights), _infinite(weights)
    if first == weights.size or wrong >= 0:
        account[STATUS] = UNDECIDED if wrong < 0 else float(rows[wrong])
        return
    open_account(rows[first], tape, terms, account, trace)
    for k in range(first, rows.size):
        weight = weights[k]
        idle = weight == 0.0 and account[UNITS] == 0.0 and np.isnan(account[PENDING])
        if not (np.isnan(weight) or idle) and not decide(rows[k], weight, tape, blocks, terms, account, trace):
            return
    advance(tape.shape[0] - 1, tape, blocks, terms, account, trace)
