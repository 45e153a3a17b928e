"""The ledger of `simulate` for plain accounts, kept without a history: nothing but equity and costs per bar is written.

An account is plain where fills cost a share of their notional, orders are filled whole at the market, and there are no
limits, stops or universe. What happens to it is what `quantml.simulation.kernel` does, in the same order, so that both
come to the same but for rounding, at a fraction of the time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.cash import CashRate, cash_returns
from quantml.kernels import B1, F1, F2, I2, kernel
from quantml.simulation.costs import KINDS, Costs
from quantml.simulation.layout import BORROW, FINANCING, FLOAT, IMPACT, INT, NOBODY, ROUNDING, M, V, W
from quantml.simulation.opening import last_seen
from quantml.simulation.simulator import Simulator
from quantml.timing import Fill
from quantml.universe import session_numbers

Floats = NDArray[np.float64]
UNSAID: Final = -2
"""What is returned where a decision says nothing of a symbol that is held."""


class Tape(NamedTuple):
    """What plain accounts read, from the first decision on; the same for every cell.

    Attributes
    ----------
    price, close, split, dividend : ndarray, shape (T, N)
        Raw.
    eventful, whole : ndarray of bool, shape (T,)
        Where there is a split or a dividend; where every symbol has a bar.
    session : ndarray of int64, shape (T, N)
    cash : ndarray, shape (T,)
        What cash earns on each bar.
    seen : ndarray of int64, shape (N,)
    mark : ndarray, shape (N,)
        Session and close of each symbol's latest bar before.
    """

    price: Floats
    close: Floats
    split: Floats
    dividend: Floats
    eventful: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    session: NDArray[np.int64]
    cash: Floats
    seen: NDArray[np.int64]
    mark: Floats


class Account(NamedTuple):
    """What an account leaves.

    Attributes
    ----------
    equity, turnover : ndarray, shape (T,)
    charges : ndarray, shape (T, 6)
        By `KINDS`.
    ruined : bool
    """

    equity: Floats
    turnover: Floats
    charges: Floats
    ruined: bool


def lay_tape(bars: Bars, fill: Fill, first: int, cash: float | CashRate | None) -> Tape:
    """Lay out what accounts read from row `first` on."""
    seen, mark = last_seen(bars, first)
    split, dividend = bars.split[first:], bars.dividend[first:]
    eventful = np.asarray(((split != 1.0) | (dividend != 0.0)).any(axis=1))
    return Tape(
        price=read_only(bars.raw_array(fill.field)[first:]),
        close=read_only(bars.raw_array("close")[first:]),
        split=read_only(split),
        dividend=read_only(dividend),
        eventful=read_only(eventful),
        whole=read_only(np.asarray(bars.traded[first:].all(axis=1))),
        session=read_only(session_numbers(bars)[first:]),
        cash=read_only(cash_returns(cash, bars, first)),
        seen=seen,
        mark=mark,
    )


def is_plain(simulator: Simulator, costs: Costs, bars: Bars, fill: Fill) -> bool:
    """Say whether an account is plain."""
    limits, execution = simulator.margin.limits, simulator.execution
    handling = execution.handling(by_units=False, kind=0, band=0.0)
    unlimited = limits.leverage == np.inf and limits.maintenance == 0.0 and not simulator.exits
    whole = handling.plain and not execution.works_within_the_bar and simulator.rebalancing.every is None
    return costs.are_proportional and unlimited and whole and bars.membership is None and fill is not Fill.PERIOD


def keep_plain(weights: pd.DataFrame, tape: Tape, simulator: Simulator, rates: Floats) -> Account | None:
    """Keep the account of weights on the rows of the tape, the first of which is a decision.

    Returns
    -------
    Account or None
        None where a decision says nothing of a symbol that is held: the ledger tells of that.
    """
    values = read_only(weights.to_numpy())
    rows, symbols = values.shape
    equity, traded, charges = np.zeros(rows), np.zeros(rows), np.zeros((rows, len(KINDS)))
    state = np.zeros((3, symbols))
    state[1], state[2] = tape.mark, np.nan
    decides = read_only(~np.isnan(values).all(axis=1))
    setting = read_only(np.array([simulator.initial_cash, simulator.rebalancing.band, simulator.delist_after]))
    ruined = _keep(
        values, decides, tape.price, tape.close, tape.split, tape.dividend, tape.eventful, tape.whole, tape.session,
        tape.cash, rates, setting, tape.seen.copy(), state, equity, traded, charges,
    )  # fmt: skip
    if ruined == UNSAID:
        return None
    before = np.concatenate([[float(simulator.initial_cash)], equity[:-1]])
    return Account(equity, traded / np.where(before > 0.0, before, 1.0), charges, ruined != NOBODY)


# ------------------------------------------------------------------------ kernels

UNITS, MARK, PENDING = range(3)  # rows of the state
BEGIN, BAND, PATIENCE = range(3)  # places of the setting


@kernel(FLOAT(INT, F2, FLOAT, M), counted=False)
def _worth(t: int, prices: Floats, cash: float, state: Floats) -> float:
    """Return equity at `prices`, and at the last mark where there is none."""
    equity = cash
    for n in range(prices.shape[1]):
        units, price = state[UNITS, n], prices[t, n]
        if units != 0.0:
            equity += units * (state[MARK, n] if np.isnan(price) else price)
    return equity


@kernel(FLOAT(INT, F2, F2, FLOAT, FLOAT, F1, M, M), counted=False)
def _carry(
    t: int, split: Floats, dividend: Floats, cash: float, rate: float, rates: Floats, state: Floats, charges: Floats
) -> float:
    """Accrue, split units and pay dividends; return cash."""
    short, received = 0.0, 0.0
    for n in range(split.shape[1]):
        units = state[UNITS, n]
        if units != 0.0:
            short += max(-units * state[MARK, n], 0.0)
            units *= split[t, n]
            received += units * dividend[t, n]
            state[UNITS, n] = units
    borrow, financing = short * rates[BORROW], max(-cash, 0.0) * rates[FINANCING]
    charges[t, BORROW], charges[t, FINANCING] = borrow, financing
    return float(cash + received - borrow - financing + cash * rate)


@kernel(FLOAT(INT, F2, I2, FLOAT, FLOAT, W, M), counted=False)
def _delist(
    t: int, close: Floats, session: NDArray[np.int64], cash: float, patience: float, seen: NDArray[np.int64],
    state: Floats,
) -> float:  # fmt: skip
    """Close what has had no bar for too long, and drop its order; return cash."""
    spent = 0.0
    for n in range(close.shape[1]):
        if not np.isnan(close[t, n]):
            continue
        if t > 0 and not np.isnan(close[t - 1, n]):
            seen[n] = session[t - 1, n]
        if not np.isnan(state[MARK, n]) and session[t, n] - seen[n] >= patience:
            state[PENDING, n] = np.nan
            if state[UNITS, n] != 0.0:
                spent += -state[UNITS, n] * state[MARK, n]
                state[UNITS, n] = 0.0
    return cash - spent


@kernel(FLOAT(INT, F2, FLOAT, FLOAT, F1, M, V, M), counted=False)
def _trade(
    t: int, price: Floats, cash: float, equity: float, rates: Floats, state: Floats, traded: Floats, charges: Floats
) -> float:
    """Fill what is due, all sized by one equity; return cash."""
    spent, notional = 0.0, 0.0
    for n in range(price.shape[1]):
        weight, at = state[PENDING, n], price[t, n]
        if np.isnan(weight) or np.isnan(at):
            continue
        state[PENDING, n] = np.nan
        units = weight * (equity / at) - state[UNITS, n]
        if units != 0.0 and (abs(units) * at > ROUNDING * equity or weight == 0.0):
            state[UNITS, n] += units
            spent += units * at
            notional += abs(units) * at
    traded[t] += notional
    cash -= spent
    for kind in range(IMPACT):
        charges[t, kind] += notional * rates[kind]
        cash -= notional * rates[kind]
    return cash


@kernel(INT(INT, F2, F2, FLOAT, FLOAT, M), counted=False)
def _decide(t: int, weights: Floats, close: Floats, equity: float, band: float, state: Floats) -> int:
    """Take a decision; return whether it leaves out what is held."""
    for n in range(weights.shape[1]):
        weight, held = weights[t, n], state[UNITS, n]
        if np.isnan(weight) and (held != 0.0 or not np.isnan(state[PENDING, n])):
            return UNSAID
        state[PENDING, n] = weight if held != 0.0 or weight != 0.0 else np.nan
        if band > 0.0 and weight != 0.0:
            price = state[MARK, n] if np.isnan(close[t, n]) else close[t, n]
            if abs(held * price / equity - weight if held != 0.0 else weight) <= band:
                state[PENDING, n] = np.nan
    return NOBODY


@kernel(INT(INT, F2, M), counted=False)
def _is_due(t: int, price: Floats, state: Floats) -> int:
    """Say whether an order can be filled."""
    for n in range(price.shape[1]):
        if not (np.isnan(state[PENDING, n]) or np.isnan(price[t, n])):
            return 1
    return 0


@kernel(FLOAT(INT, F2, FLOAT, M), counted=False)
def _mark(t: int, prices: Floats, cash: float, state: Floats) -> float:
    """Mark what has a price; return equity."""
    equity = cash
    for n in range(prices.shape[1]):
        if not np.isnan(prices[t, n]):
            state[MARK, n] = prices[t, n]
        if state[UNITS, n] != 0.0:
            equity += state[UNITS, n] * state[MARK, n]
    return equity


@kernel(FLOAT(FLOAT, M), counted=False)
def _liquidate(cash: float, state: Floats) -> float:
    """Close everything at the latest marks; return cash."""
    spent = 0.0
    for n in range(state.shape[1]):
        if state[UNITS, n] != 0.0:
            spent += -state[UNITS, n] * state[MARK, n]
            state[UNITS, n] = 0.0
    return cash - spent


@kernel(INT(F2, B1, F2, F2, F2, F2, B1, B1, I2, F1, F1, F1, W, M, V, V, M), counted=False)
def _keep(
    weights: Floats, decides: NDArray[np.bool_], price: Floats, close: Floats, split: Floats, dividend: Floats,
    eventful: NDArray[np.bool_], whole: NDArray[np.bool_], session: NDArray[np.int64], earns: Floats, rates: Floats,
    setting: Floats, seen: NDArray[np.int64], state: Floats, equity: Floats, traded: Floats, charges: Floats,
) -> int:  # fmt: skip
    """Keep the account over every bar; return the row of its ruin, or what is wrong."""
    cash, waits = setting[BEGIN], False
    for t in range(weights.shape[0]):
        if eventful[t] or rates[BORROW] > 0.0:
            cash = _carry(t, split, dividend, cash, earns[t], rates, state, charges)
        else:
            charges[t, FINANCING] = max(-cash, 0.0) * rates[FINANCING]
            cash = cash - charges[t, FINANCING] + cash * earns[t]
        if not whole[t]:
            cash = _delist(t, close, session, cash, setting[PATIENCE], seen, state)
        alive = True
        if waits and _is_due(t, price, state) == 1:
            worth = _worth(t, price, cash, state)
            alive = worth > 0.0
            if alive:
                cash = _trade(t, price, cash, worth, rates, state, traded, charges)
                waits = not whole[t]
            else:
                _mark(t, price, cash, state)
        if alive:
            equity[t] = _mark(t, close, cash, state)
            alive = equity[t] > 0.0
        if not alive:
            equity[t:] = _liquidate(cash, state)
            return t
        if decides[t]:
            waits = True
            if _decide(t, weights, close, equity[t], setting[BAND], state) == UNSAID:
                return UNSAID
    return NOBODY
