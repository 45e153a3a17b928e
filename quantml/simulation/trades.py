"""Round trips: the fills of each symbol from flat to flat, with what they earned and cost."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, kernel
from quantml.simulation.kernel import KIND, NOBODY, ORDERED, PRICE, SYMBOL, TIME, UNITS

Floats = NDArray[np.float64]

OWNER, ENTRY, EXIT, SIDE, OPEN = range(5)  # columns of a trip's whole numbers
MOST, ENTERED, EXITED, PAID, EARNED, INCOME, COST = range(7)  # columns of a trip's sums

COLUMNS: Final = (
    "symbol", "side", "entry_time", "exit_time", "units", "entry_price", "exit_price", "gross_pnl", "dividends",
    "costs", "net_pnl", "return", "bars_held", "open",
)  # fmt: skip


class History(NamedTuple):
    """What was held on each bar: units and marks at the close, splits, dividends per share, cost of being short.

    ``borrow`` has shape (1,), a fraction per bar; the others (T, N).
    """

    positions: Floats
    marks: Floats
    split: Floats
    dividend: Floats
    borrow: Floats


class Trips(NamedTuple):
    """Round trips, in the order in which they were opened.

    Attributes
    ----------
    facts : ndarray of int64, shape (trips, 5)
        Symbol, bar of entry, bar of exit, side (1 or -1), and 1 where still open.
    sums : ndarray, shape (trips, 7)
        Most units held, units entered and exited; notional entered and exited; dividends; costs.
    current : ndarray of int64, shape (N,)
        The trip that each symbol is on, or -1.
    opened : ndarray of int64, shape (1,)
        Number of trips.
    """

    facts: NDArray[np.int64]
    sums: Floats
    current: NDArray[np.int64]
    opened: NDArray[np.int64]


_INT, _FLOAT = types.int64, types.float64
_FILLS = types.Array(types.int32, 2, "C", readonly=True)
_HISTORY: Any = types.BaseTuple.from_types((F2, F2, F2, F2, F1), History)
_TRIPS: Any = types.BaseTuple.from_types(
    (types.int64[:, ::1], types.float64[:, ::1], types.int64[::1], types.int64[::1]), Trips
)


@kernel(types.void(_INT, _HISTORY, _TRIPS))
def _hold(t: int, history: History, trips: Trips) -> None:
    """Split, pay and charge what was held at the previous close."""
    for n in range(trips.current.size):
        trip = trips.current[n]
        if trip == NOBODY:
            continue
        units, ratio = history.positions[t - 1, n], history.split[t, n]
        for column in range(MOST, EXITED + 1):
            trips.sums[trip, column] *= ratio
        trips.sums[trip, INCOME] += units * ratio * history.dividend[t, n]
        trips.sums[trip, COST] += max(-units * history.marks[t - 1, n], 0.0) * history.borrow[0]


@kernel(types.void(_INT, _INT, _FLOAT, _FLOAT, _FLOAT, _FLOAT, _TRIPS))
def _enter(t: int, n: int, held: float, units: float, price: float, cost: float, trips: Trips) -> None:
    """Add units to a symbol's trip, or open one; `held` is what it holds before."""
    if trips.current[n] == NOBODY:
        trip = trips.opened[0]
        trips.opened[0] = trip + 1
        trips.current[n] = trip
        trips.facts[trip, OWNER], trips.facts[trip, ENTRY] = n, t
        trips.facts[trip, SIDE] = 1 if units > 0.0 else -1
    trip = trips.current[n]
    trips.sums[trip, MOST] = max(trips.sums[trip, MOST], abs(held + units))
    trips.sums[trip, ENTERED] += abs(units)
    trips.sums[trip, PAID] += abs(units) * price
    trips.sums[trip, COST] += cost


@kernel(types.void(_INT, _INT, _FLOAT, _FLOAT, _FLOAT, types.boolean, _TRIPS))
def _leave(t: int, n: int, units: float, price: float, cost: float, flat: bool, trips: Trips) -> None:
    """Take units out of a symbol's trip, and end it where that leaves it flat."""
    trip = trips.current[n]
    trips.sums[trip, EXITED] += abs(units)
    trips.sums[trip, EARNED] += abs(units) * price
    trips.sums[trip, COST] += cost
    trips.facts[trip, EXIT] = t
    if flat:
        trips.current[n] = NOBODY


@kernel(types.void(_FILLS, F2, F1, _HISTORY, _TRIPS))
def _follow(fills: NDArray[np.int32], amounts: Floats, paid: Floats, history: History, trips: Trips) -> None:
    """Follow every symbol from flat to flat."""
    rows, columns = history.positions.shape
    following = 0
    for t in range(rows):
        if t > 0:
            _hold(t, history, trips)
        while following < fills.shape[0] and fills[following, TIME] == t:
            n, units, price = fills[following, SYMBOL], amounts[following, UNITS], amounts[following, PRICE]
            held = -units  # what the ledger closes itself, it closes whole
            if fills[following, KIND] == ORDERED:
                held = history.positions[t - 1, n] * history.split[t, n] if t > 0 else 0.0
            out = min(abs(units), abs(held)) if held * units < 0.0 else 0.0
            share = out / abs(units)
            if share > 0.0:
                _leave(t, n, out, price, share * paid[following], out == abs(held), trips)
                held += units * share
            if share < 1.0:
                _enter(t, n, held, units * (1.0 - share), price, (1.0 - share) * paid[following], trips)
            following += 1
    for n in range(columns):
        if trips.current[n] != NOBODY:
            trips.facts[trips.current[n], OPEN] = 1
            _leave(rows - 1, n, history.positions[rows - 1, n], history.marks[rows - 1, n], 0.0, True, trips)


def round_trips(fills: NDArray[np.int32], amounts: Floats, paid: Floats, history: History) -> Trips:
    """Gather fills into round trips.

    Parameters
    ----------
    fills : ndarray of int32, shape (F, 4)
        Bar, bar of the decision, symbol, kind; in the order of time.
    amounts : ndarray, shape (F, 2)
        Signed units and price.
    paid : ndarray, shape (F,)
        Costs of each fill.
    history : History

    Returns
    -------
    Trips
        Cut to the number of trips.
    """
    most = len(fills)
    trips = Trips(
        np.zeros((most, 5), dtype=np.int64),
        np.zeros((most, 7)),
        np.full(history.positions.shape[1], NOBODY, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )
    _follow(fills, amounts, paid, history, trips)
    opened = int(trips.opened[0])
    return trips._replace(facts=trips.facts[:opened], sums=trips.sums[:opened])


def trades_frame(trips: Trips, clock: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Lay round trips out as a frame, one row per trip; `Simulation.trades` says what its columns are."""
    facts, sums = trips.facts, trips.sums
    gross = facts[:, SIDE] * (sums[:, EARNED] - sums[:, PAID])
    net = gross + sums[:, INCOME] - sums[:, COST]
    columns = (
        pd.Index(symbols).take(facts[:, OWNER]),
        np.where(facts[:, SIDE] > 0, "long", "short"),
        clock[facts[:, ENTRY]],
        clock[facts[:, EXIT]],
        sums[:, MOST],
        sums[:, PAID] / sums[:, ENTERED],
        sums[:, EARNED] / sums[:, EXITED],
        gross,
        sums[:, INCOME],
        sums[:, COST],
        net,
        net / sums[:, PAID],
        facts[:, EXIT] - facts[:, ENTRY],
        facts[:, OPEN] == 1,
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
