"""Reading what a simulation is given: weights or orders, on the clock and symbols of the bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.errors import SimulationError, check, did_you_mean, is_finite, is_whole
from quantml.simulation.layout import LIMIT_ORDER, MARKET_ORDER, NOTHING, STOP_ORDER
from quantml.timing import Fill

ROUNDED: Final = 1e-9
"""Weights that add up to this much more than they may, as a fraction, are rounded."""


class Framed(Protocol):
    """Anything with weights as a frame, such as `quantml.signals.Weights`."""

    @property
    def frame(self) -> pd.DataFrame:
        """Weights, time x symbol."""


@dataclass(frozen=True, eq=False)
class Orders:
    """Orders in units, decided at closes.

    An order replaces the one of its symbol that still waits; 0 cancels that, and NaN leaves it. A stop that closes a
    position cancels it too. While the rest of a stop's own sale waits, orders of the symbol are not taken; after it, an
    order may open the same side only with ``reenter``, or once there was one of 0 or of the other side.

    Parameters
    ----------
    units : DataFrame
        Signed units to buy or sell, time x symbol, in shares of the row's time: a split before the fill is applied.
    limit, stop : DataFrame, optional
        Prices of limit or stop orders, time x symbol, of the same shape; NaN for an order at the market. One of them
        at most.

    Raises
    ------
    SimulationError
        If the frames do not go together, or a price is not positive.
    """

    units: pd.DataFrame
    limit: pd.DataFrame | None = None
    stop: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        check(isinstance(self.units, pd.DataFrame), "Orders.units", "be a DataFrame", self.units, error=SimulationError)
        if self.limit is not None and self.stop is not None:
            raise SimulationError("Orders", must="have limits or stops, not both")
        prices = self.limit if self.limit is not None else self.stop
        if prices is None:
            return
        same = isinstance(prices, pd.DataFrame) and prices.index.equals(self.units.index)
        if not (same and prices.columns.equals(self.units.columns)):
            raise SimulationError("prices of orders", must="be a DataFrame with the rows and columns of the units")
        values = numbers(prices, "prices of orders")
        if (values <= 0.0).any():
            row, column = np.argwhere(values <= 0.0)[0]
            where = f"{prices.columns[column]}, {text(prices.index[row])}"
            got = float(values[row, column])
            raise SimulationError("the price of an order", must="be above 0", got=got, where=where)

    @property
    def kind(self) -> int:
        """The type of the orders that have a price."""
        if self.limit is not None:
            return LIMIT_ORDER
        return MARKET_ORDER if self.stop is None else STOP_ORDER


class Decisions(NamedTuple):
    """What is decided from the first decision on.

    Attributes
    ----------
    first : int
        The bars' row of the first decision.
    values : ndarray, shape (T - first, N)
        Weights or units; NaN where nothing is decided.
    decides : ndarray of bool, shape (T - first,)
    full : ndarray of bool, shape (T - first,)
        Where something is decided about every symbol.
    level : ndarray, shape (T - first, N) or (0, 0)
        Prices of limit or stop orders.
    orders : int
        How many there are.
    """

    first: int
    values: NDArray[np.float64]
    decides: NDArray[np.bool_]
    full: NDArray[np.bool_]
    level: NDArray[np.float64]
    orders: int


def read_decisions(given: pd.DataFrame | Framed | Orders | Decisions, bars: Bars) -> Decisions:
    """Lay weights or orders on the bars, from the first decision on; those that were laid out already stay as they are.

    Raises
    ------
    SimulationError
        If they are no finite numbers on the bars' clock and symbols, hold no decision, or want something of a symbol
        that is no member.
    """
    if isinstance(given, Decisions):
        return given
    name = "orders" if isinstance(given, Orders) else "weights"
    table = _table(given)
    rows, columns = _rows(table.index, bars, name), positions_of(table.columns, bars, name)
    values = numbers(table, name)
    known = np.isfinite(values)
    decides = known.any(axis=1)
    if not decides.any():
        raise SimulationError(name, must="hold at least one decision", got=f"{len(table)} rows without any")
    first = int(rows[decides][0])
    level = _levels(given, bars, first, rows, columns)
    laid = _laid(values, bars, first, rows, columns)
    on_clock = np.zeros(len(bars) - first, dtype=np.bool_)
    on_clock[rows[decides] - first] = True
    full = np.zeros_like(on_clock)
    whole = np.asarray(known.all(axis=1)) & (len(columns) == len(bars.symbols))
    full[rows[decides] - first] = whole[decides]
    _check_members(laid, bars, first, name)
    count = int(np.count_nonzero(known))
    return Decisions(first, read_only(laid), read_only(on_clock), read_only(full), level, count)


def _table(given: Any) -> pd.DataFrame:
    if isinstance(given, Orders):
        return given.units
    table = given if isinstance(given, pd.DataFrame) else getattr(given, "frame", None)
    if not isinstance(table, pd.DataFrame):
        raise SimulationError("weights", must="be a DataFrame, or have one as .frame", got=type(given).__name__)
    return table


def _laid(
    values: NDArray[np.float64], bars: Bars, first: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Lay numbers on the bars from row `first` on: themselves where they are there already."""
    shape = (len(bars) - first, len(bars.symbols))
    used = rows >= first
    if np.array_equal(columns, np.arange(shape[1])):
        if used.sum() == shape[0]:
            return values[used] if not used.all() else values
        laid = np.full(shape, np.nan)
        laid[rows[used] - first] = values[used]
        return laid
    laid = np.full(shape, np.nan)
    laid[np.ix_(rows[used] - first, columns)] = values[used]
    return laid


def _levels(
    given: Any, bars: Bars, first: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    prices = (given.limit if given.limit is not None else given.stop) if isinstance(given, Orders) else None
    if prices is None:
        return NOTHING
    return read_only(_laid(numbers(prices, "prices of orders"), bars, first, rows, columns))


def _check_members(laid: NDArray[np.float64], bars: Bars, first: int, name: str) -> None:
    """Raise where a decision wants something of a symbol that is no member of the bars' universe."""
    if bars.membership is None:
        return
    strange = ~bars.members[first:] & ~np.isnan(laid) & (laid != 0.0)
    if strange.any():
        row, column = np.argwhere(strange)[0]
        where = f"{bars.symbols[column]}, {text(bars.clock[first + row])}"
        subject = f"the {name.removesuffix('s')} of a symbol that is no member"
        raise SimulationError(subject, must="be 0.0", got=float(laid[row, column]), where=where)


def check_gross(decisions: Decisions, bars: Bars, leverage: float) -> None:
    """Raise `SimulationError` where a decision asks for more than `leverage` of equity, longs and shorts together."""
    if leverage == np.inf:
        return
    gross = np.nansum(np.abs(decisions.values), axis=1, where=decisions.decides[:, None])
    if (gross > leverage * (1.0 + ROUNDED)).any():
        row = int(np.argmax(gross > leverage * (1.0 + ROUNDED)))
        raise SimulationError(
            "the absolute weights of a decision",
            must=f"add up to at most {leverage:g}, which Margin allows",
            got=float(gross[row]),
            where=text(bars.clock[decisions.first + row]),
            hint="Scale them down, for one with quantml.signals.Cap(gross=...), or raise the limit.",
        )


def _rows(index: pd.Index, bars: Bars, name: str) -> NDArray[np.int64]:
    """Return the bars' row of each time of `index`."""
    if not isinstance(index, pd.DatetimeIndex):
        raise SimulationError(f"the times of {name}", must="be a DatetimeIndex", got=type(index).__name__)
    if not (index.is_unique and index.is_monotonic_increasing):
        raise SimulationError(f"the times of {name}", must="be unique and increase")
    if str(index.tz) != str(bars.clock.tz):
        rule = f"have the bars' time zone, {bars.clock.tz}"
        raise SimulationError(f"the times of {name}", must=rule, got=str(index.tz))
    rows = bars.clock.get_indexer(index)
    if (rows < 0).any():
        raise SimulationError(f"the times of {name}", must="be times of the bars", got=text(index[rows < 0][0]))
    return np.asarray(rows, dtype=np.int64)


def positions_of(names: pd.Index, bars: Bars, name: str) -> NDArray[np.int64]:
    """Return the bars' column of each of `names`."""
    given = names.tolist()
    if given == list(bars.symbols):
        return np.arange(len(given), dtype=np.int64)
    place = {symbol: n for n, symbol in enumerate(bars.symbols)}
    unknown = [part for part in given if part not in place]
    if unknown:
        hint = did_you_mean(str(unknown[0]), bars.symbols)
        raise SimulationError(f"the symbols of {name}", must="be symbols of the bars", got=unknown, hint=hint)
    if len(set(given)) < len(given):
        raise SimulationError(f"the symbols of {name}", must="be unique", got=list(names[names.duplicated()]))
    return np.array([place[part] for part in given], dtype=np.int64)


def numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a frame's values; raise `SimulationError` where one is no number, or infinite."""
    try:
        values = np.asarray(table.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError(name, must="be numbers", got=str(error)) from error
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0]
        where = f"{table.columns[column]}, {text(table.index[row])}"
        one = {"weights": "a weight", "orders": "an order"}.get(name, "a price of an order")
        raise SimulationError(one, must="be finite", got=float(values[row, column]), where=where)
    return values


def text(moment: Any) -> str:
    """Write a time without its midnight."""
    return str(moment).removesuffix(" 00:00:00")


def check_account(initial_cash: float, delist_after: int) -> None:
    """Raise `SimulationError` unless an account can be opened so."""
    held = is_finite(initial_cash) and initial_cash > 0.0
    check(held, "initial_cash", "be a positive finite number", initial_cash, error=SimulationError)
    whole = is_whole(delist_after, least=1)
    check(whole, "delist_after", "be a whole number of at least 1", delist_after, error=SimulationError)


def fill_for(fill: Fill | None, bars: Bars) -> Fill:
    """Return how decisions are executed; opens that are asked for must be there."""
    if fill is None:
        return Fill.NEXT_OPEN if bars.has("open") else Fill.NEXT_CLOSE
    check(isinstance(fill, Fill), "fill", "be a Fill or None", fill, error=SimulationError)
    if fill is Fill.NEXT_OPEN and not bars.has("open"):
        hint = "Use Fill.NEXT_CLOSE, or Fill.PERIOD for published tables."
        raise SimulationError("bars", must="have opens for Fill.NEXT_OPEN", got=", ".join(bars.quoted), hint=hint)
    return fill
