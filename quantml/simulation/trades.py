"""Round trips: the fills of each symbol from flat to flat, with what they earned and cost."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F1, F2, I1, kernel, kernel_part
from quantml.simulation.costs import PER_FILL
from quantml.simulation.layout import FILL_KINDS, KIND, NOBODY, PRICE, SYMBOL, TIME, UNITS

Floats = NDArray[np.float64]

OWNER, ENTRY, EXIT, SIDE, OPEN, REASON, LATE = range(7)  # columns of a trip's whole numbers
AT_OPEN, WITHIN, AT_CLOSE = range(3)  # when in its bar a fill happens
MOST, ENTERED, EXITED, PAID, EARNED, INCOME, WORST, BEST, COSTS = range(9)  # columns of a trip's sums; COSTS and on
KINDS: Final = (*PER_FILL, "borrow")
"""The kinds of cost that belong to a trip, from column COSTS on."""

COLUMNS: Final = (
    "symbol", "side", "entry_time", "exit_time", "units", "entry_price", "exit_price", "gross_pnl", "dividends",
    "costs", *KINDS, "net_pnl", "return", "mae", "mfe", "bars_held", "exit_reason", "open",
)  # fmt: skip


class History(NamedTuple):
    """What was held on each bar, and at which prices.

    Units and marks at the close, highs and lows, splits, dividends per share: shape (T, N). ``borrow`` has shape (1,),
    a fraction per bar. ``moment``, shape (F,), says when in its bar each fill happened: 0 at the open, 1 within the
    bar, 2 at the close.
    """

    positions: Floats
    marks: Floats
    high: Floats
    low: Floats
    split: Floats
    dividend: Floats
    borrow: Floats
    moment: NDArray[np.int64]


class Trips(NamedTuple):
    """Round trips, in the order in which they were opened.

    Attributes
    ----------
    facts : ndarray of int64, shape (trips, 7)
        Symbol, bar of entry, bar of exit, side (1 or -1), 1 where still open, kind of the last fill, 1 where it was
        entered after the open.
    sums : ndarray, shape (trips, 13)
        Most units held, units entered and exited; notional entered and exited; dividends; the worst and the best price
        relative to the average entry; costs by `KINDS`.
    current : ndarray of int64, shape (N,)
        The trip that each symbol is on, or -1.
    held : ndarray, shape (N,)
        Units held by each symbol.
    opened : ndarray of int64, shape (1,)
        Number of trips.
    """

    facts: NDArray[np.int64]
    sums: Floats
    current: NDArray[np.int64]
    held: Floats
    opened: NDArray[np.int64]


_INT, _FLOAT = types.int64, types.float64
_FILLS = types.Array(types.int32, 2, "C", readonly=True)
_HISTORY: Any = types.BaseTuple.from_types((F2, F2, F2, F2, F2, F2, F1, I1), History)
_TRIPS: Any = types.BaseTuple.from_types(
    (types.int64[:, ::1], types.float64[:, ::1], types.int64[::1], types.float64[::1], types.int64[::1]), Trips
)


@kernel_part(types.void(_INT, _FLOAT, _TRIPS))
def _see(trip: int, price: float, trips: Trips) -> None:
    """Compare a price with a trip's average entry."""
    stands = trips.facts[trip, SIDE] * (price / (trips.sums[trip, PAID] / trips.sums[trip, ENTERED]) - 1.0)
    trips.sums[trip, WORST] = min(trips.sums[trip, WORST], stands)
    trips.sums[trip, BEST] = max(trips.sums[trip, BEST], stands)


@kernel_part(types.void(_INT, _HISTORY, _TRIPS))
def _hold(t: int, history: History, trips: Trips) -> None:
    """Split, pay and charge what was held at the previous close."""
    for n in range(trips.current.size):
        trip = trips.current[n]
        if trip == NOBODY:
            continue
        units, ratio = history.positions[t - 1, n], history.split[t, n]
        for column in range(MOST, EXITED + 1):
            trips.sums[trip, column] *= ratio
        trips.held[n] = units * ratio
        trips.sums[trip, INCOME] += units * ratio * history.dividend[t, n]
        borrow = max(-units * history.marks[t - 1, n], 0.0) * history.borrow[0]
        trips.sums[trip, COSTS + len(KINDS) - 1] += borrow


@kernel_part(types.void(_INT, _INT, _HISTORY, _TRIPS))
def _look(t: int, n: int, history: History, trips: Trips) -> None:
    """See the prices of a bar through which a symbol is held."""
    trip = trips.current[n]
    if trip == NOBODY or np.isnan(history.high[t, n]):
        return
    if trips.facts[trip, ENTRY] < t or trips.facts[trip, LATE] == 0:
        _see(trip, history.high[t, n], trips)
        _see(trip, history.low[t, n], trips)
    else:
        _see(trip, history.marks[t, n], trips)


@kernel_part(types.void(_INT, F2, _INT, _FLOAT, _TRIPS))
def _charge(fill: int, paid: Floats, trip: int, share: float, trips: Trips) -> None:
    """Add a share of a fill's costs to a trip."""
    for kind in range(paid.shape[1]):
        trips.sums[trip, COSTS + kind] += share * paid[fill, kind]


@kernel_part(types.void(_INT, _INT, _INT, _FLOAT, _FLOAT, _TRIPS))
def _enter(t: int, n: int, moment: int, units: float, price: float, trips: Trips) -> None:
    """Add units to a symbol's trip, or open one."""
    if trips.current[n] == NOBODY:
        trip = trips.opened[0]
        trips.opened[0] = trip + 1
        trips.current[n] = trip
        trips.facts[trip, OWNER], trips.facts[trip, ENTRY] = n, t
        trips.facts[trip, SIDE] = 1 if units > 0.0 else -1
        trips.facts[trip, LATE] = 0 if moment == AT_OPEN else 1
    trip = trips.current[n]
    trips.held[n] += units
    trips.sums[trip, MOST] = max(trips.sums[trip, MOST], abs(trips.held[n]))
    trips.sums[trip, ENTERED] += abs(units)
    trips.sums[trip, PAID] += abs(units) * price


@kernel_part(types.void(_INT, _INT, _INT, _FLOAT, _FLOAT, _TRIPS))
def _leave(t: int, n: int, kind: int, units: float, price: float, trips: Trips) -> None:
    """Take units out of a symbol's trip, and end it where that leaves it flat."""
    trip = trips.current[n]
    _see(trip, price, trips)
    trips.sums[trip, EXITED] += abs(units)
    trips.sums[trip, EARNED] += abs(units) * price
    trips.facts[trip, EXIT], trips.facts[trip, REASON] = t, kind
    trips.held[n] += units
    if trips.held[n] == 0.0:
        trips.current[n] = NOBODY


@kernel(types.void(_FILLS, F2, F2, _HISTORY, _TRIPS))
def _follow(fills: NDArray[np.int32], amounts: Floats, paid: Floats, history: History, trips: Trips) -> None:
    """Follow every symbol from flat to flat."""
    rows, columns = history.positions.shape
    following = 0
    for t in range(rows):
        if t > 0:
            _hold(t, history, trips)
        while following < fills.shape[0] and fills[following, TIME] == t:
            n, units, price = fills[following, SYMBOL], amounts[following, UNITS], amounts[following, PRICE]
            held, kind, moment = trips.held[n], fills[following, KIND], history.moment[following]
            out = -held if abs(units) > abs(held) else units
            share = out / units if held * units < 0.0 else 0.0
            if share > 0.0:
                if moment == AT_CLOSE:
                    _look(t, n, history, trips)  # it was held through the bar
                _charge(following, paid, trips.current[n], share, trips)
                _leave(t, n, kind, out, price, trips)
            if share < 1.0:
                _enter(t, n, moment, held + units if share > 0.0 else units, price, trips)
                _charge(following, paid, trips.current[n], 1.0 - share, trips)
            following += 1
        for n in range(columns):
            _look(t, n, history, trips)
    for n in range(columns):
        if trips.current[n] != NOBODY:
            trips.facts[trips.current[n], OPEN] = 1
            _leave(rows - 1, n, 0, -trips.held[n], history.marks[rows - 1, n], trips)


def round_trips(fills: NDArray[np.int32], amounts: Floats, paid: Floats, history: History) -> Trips:
    """Gather fills into round trips.

    Parameters
    ----------
    fills : ndarray of int32, shape (F, 4)
        Bar, bar of the decision, symbol, kind; in the order of time.
    amounts : ndarray, shape (F, 2)
        Signed units and price.
    paid : ndarray, shape (F, 4)
        Costs of each fill by kind.
    history : History

    Returns
    -------
    Trips
        Cut to the number of trips.
    """
    most, symbols = len(fills), history.positions.shape[1]
    trips = Trips(
        np.zeros((most, LATE + 1), dtype=np.int64),
        np.zeros((most, COSTS + len(KINDS))),
        np.full(symbols, NOBODY, dtype=np.int64),
        np.zeros(symbols),
        np.zeros(1, dtype=np.int64),
    )
    _follow(fills, amounts, paid, history, trips)
    opened = int(trips.opened[0])
    return trips._replace(facts=trips.facts[:opened], sums=trips.sums[:opened])


def trades_frame(trips: Trips, clock: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Lay round trips out as a frame, one row per trip; `Simulation.trades` says what its columns are."""
    facts, sums = trips.facts, trips.sums
    gross = facts[:, SIDE] * (sums[:, EARNED] - sums[:, PAID])
    kinds = sums[:, COSTS:]
    cost, still_open = kinds.sum(axis=1), facts[:, OPEN] == 1
    net = gross + sums[:, INCOME] - cost
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
        cost,
        *kinds.T,
        net,
        net / sums[:, PAID],
        sums[:, WORST],
        sums[:, BEST],
        facts[:, EXIT] - facts[:, ENTRY],
        np.where(still_open, "open", np.array(FILL_KINDS)[facts[:, REASON]]),
        still_open,
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
