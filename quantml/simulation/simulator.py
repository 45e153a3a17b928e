"""`simulate`: target weights on bars, net of costs, to a `Simulation`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.cash import CashRate, cash_returns, check_cash
from quantml.currency import check_one_currency
from quantml.errors import SimulationError, check, did_you_mean, is_finite, is_whole
from quantml.panel import read_moment
from quantml.simulation.books import Simulation
from quantml.simulation.costs import KINDS, Costs
from quantml.simulation.kernel import NOBODY, Book, Market, keep_books
from quantml.timing import Fill
from quantml.universe import DELIST_AFTER, find_exits, session_numbers

__all__ = ["Simulation", "buy_and_hold", "simulate"]

FREE: Final = Costs()


class Framed(Protocol):
    """Anything with weights as a frame, such as `quantml.signals.Weights`."""

    @property
    def frame(self) -> pd.DataFrame:
        """Weights, time x symbol."""


def simulate(
    weights: pd.DataFrame | Framed,
    bars: Bars,
    *,
    costs: Costs = FREE,
    fill: Fill | None = None,
    initial_cash: float = 1e6,
    delist_after: int = DELIST_AFTER,
    cash: float | CashRate | None = None,
) -> Simulation:
    """Trade target weights on bars, from the first decision to the last bar.

    A row of `weights` is a decision made at the close of its time, and a weight the signed fraction of equity wanted
    in a symbol. On every bar, in this order:

    1. Interest, borrow and financing accrue on the previous close's state, splits change units, dividends are paid on
       the units after the split (shorts owe them).
    2. A symbol without a bar for `delist_after` sessions is closed at its last close, at no cost, and its order
       dropped; on the first row without a bar at or after a delisting that the bars record (`Membership`) this happens
       at the last close times one plus the delisting return. It may trade again if bars return.
    3. Orders of symbols with a bar are filled at its raw price, to ``weight * equity / price`` units. One equity
       sizes them all: cash plus positions at the prices at which orders fill, symbols without a bar at their last
       close. Costs are taken from cash. A symbol without a bar keeps its order until its next one, or until the next
       decision replaces it. A change worth less than 1e-12 of equity is rounding, and no order.
    4. Positions are marked at the last known raw closes. If equity is not positive then, or where an order needs it,
       everything is closed at no cost and the account stands still: there is no lender of last resort.
    5. The bar's decision is read (with `Fill.PERIOD` before 3, and filled at the close of the same bar). What is held
       and is no member of the bars' universe is ordered to be sold, also on a bar without a decision.

    Parameters
    ----------
    weights : DataFrame or object with ``frame``
        Time x symbol; times among ``bars.clock``. A time that is absent, or NaN throughout, is no decision:
        positions drift. A symbol that is absent is not traded. A NaN beside numbers is no order, and an error where
        a member is held or has an order waiting.
    bars : Bars
    costs : Costs
    fill : Fill, optional
        `Fill.NEXT_OPEN` where the bars have opens and `Fill.NEXT_CLOSE` where they have not, unless given.
    initial_cash : float
        Positive.
    delist_after : int
        Sessions, at least 1: days of the clock that have a row, but for those on which the symbol's exchange is closed.
    cash : float or CashRate, optional
        What cash earns, a simple rate per year or a table's, as `quantml.cash` tells; nothing without it. Proceeds of
        short sales are cash. Money owed pays the same rate, and `Costs.financing_bps` on top of it. Nothing accrues
        on the bar of the first decision.

    Returns
    -------
    Simulation

    Raises
    ------
    SimulationError
        If `weights` is not a frame of finite numbers on the bars' clock and symbols, holds no decision, wants
        something of a symbol that is no member, or says nothing about one that is held; if next opens are asked of
        bars without opens; if `initial_cash` or `delist_after` is out of range.

    Examples
    --------
    >>> import pandas as pd
    >>> clock = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    >>> bars = Bars.from_close(pd.DataFrame({"A": [10.0, 10.0, 11.0]}, index=clock), periods_per_year=252)
    >>> simulate(pd.DataFrame({"A": [1.0]}, index=clock[:1]), bars, initial_cash=100.0).equity.tolist()
    [100.0, 100.0, 110.0]
    """
    _check_account(initial_cash, delist_after)
    check_cash(cash)
    check_one_currency(bars)
    chosen = _fill_for(fill, bars)
    first, decisions = _decisions(weights, bars)
    market, rates = _market(bars, chosen, first, cash), costs.rates(bars.periods_per_year)
    book = _new_book(decisions, bars, first, float(initial_cash), delist_after)
    bar, culprit = keep_books(decisions, market, rates, delist_after, chosen is Fill.PERIOD, book)
    if culprit != NOBODY:
        where = f"{bars.symbols[culprit]}, {_text(bars.clock[first + bar])}"
        hint = "Give it a number, 0.0 to close it, or make the whole row NaN to decide nothing."
        raise SimulationError(
            "the weight of a symbol that is held", must="be given", got=np.nan, where=where, hint=hint
        )
    ruined_at = None if bar == NOBODY else bars.clock[first + bar]
    return Simulation(
        bars.clock[first:], bars.symbols, float(initial_cash), chosen, rates, ruined_at, _ledger(book, market)
    )


def buy_and_hold(
    bars: Bars,
    *,
    costs: Costs = FREE,
    fill: Fill | None = None,
    initial_cash: float = 1e6,
    start: str | pd.Timestamp | None = None,
    symbols: Sequence[str] | None = None,
    cash: float | CashRate | None = None,
) -> Simulation:
    """Buy equal weights once and never trade again: the benchmark.

    Parameters
    ----------
    bars : Bars
    costs, fill, initial_cash, cash
        As in `simulate`.
    start : str or Timestamp, optional
        Time of the decision; the first bar unless given.
    symbols : sequence of str, optional
        What is bought, all members of the bars' universe unless given; of them only those with a bar at `start`. What
        leaves the universe later is kept.

    Returns
    -------
    Simulation

    Raises
    ------
    SimulationError
        If `start` is not on the bars' clock, a symbol is unknown, or nothing to buy has a bar at `start`.
    """
    check(len(bars) > 0, "bars", "have at least one row", 0, error=SimulationError)
    moment = bars.clock[0] if start is None else read_moment(start, bars.clock)
    row = int(bars.clock.get_indexer([moment])[0])
    if row < 0:
        raise SimulationError("start", must="be a time of the bars", got=str(start))
    chosen = bars.symbols if symbols is None else tuple(symbols)
    columns = _positions(pd.Index(chosen, dtype="object"), bars)
    bought = columns[(bars.candidates if symbols is None else bars.traded)[row, columns]]
    if bought.size == 0:
        rule = "have a bar" if bars.membership is None or symbols is not None else "be members with a bar"
        raise SimulationError("what is bought and held", must=rule, got=list(chosen), where=_text(moment))
    held = pd.DataFrame(1.0 / bought.size, index=bars.clock[[row]], columns=[bars.symbols[n] for n in bought])
    kept = bars if bars.membership is None else replace(bars, membership=bars.membership.unbound(bars))
    return simulate(held, kept, costs=costs, fill=fill, initial_cash=initial_cash, cash=cash)


# ----------------------------------------------------------------- reading


def _check_account(initial_cash: float, delist_after: int) -> None:
    held = is_finite(initial_cash) and initial_cash > 0.0
    check(held, "initial_cash", "be a positive finite number", initial_cash, error=SimulationError)
    whole = is_whole(delist_after, least=1)
    check(whole, "delist_after", "be a whole number of at least 1", delist_after, error=SimulationError)


def _fill_for(fill: Fill | None, bars: Bars) -> Fill:
    """Return how decisions are executed; opens that are asked for must be there."""
    if fill is None:
        return Fill.NEXT_OPEN if bars.has("open") else Fill.NEXT_CLOSE
    check(isinstance(fill, Fill), "fill", "be a Fill or None", fill, error=SimulationError)
    if fill is Fill.NEXT_OPEN and not bars.has("open"):
        hint = "Use Fill.NEXT_CLOSE, or Fill.PERIOD for published tables."
        raise SimulationError("bars", must="have opens for Fill.NEXT_OPEN", got=", ".join(bars.quoted), hint=hint)
    return fill


def _decisions(weights: pd.DataFrame | Framed, bars: Bars) -> tuple[int, NDArray[np.float64]]:
    """Lay weights on the bars from the first decision on; return its row, and an array of shape (T - row, N)."""
    table = weights if isinstance(weights, pd.DataFrame) else getattr(weights, "frame", None)
    if not isinstance(table, pd.DataFrame):
        raise SimulationError("weights", must="be a DataFrame, or have one as .frame", got=type(weights).__name__)
    rows, columns = _rows(table.index, bars), _positions(table.columns, bars)
    values = _numbers(table)
    decides = ~np.isnan(values).all(axis=1)
    if not decides.any():
        raise SimulationError("weights", must="hold at least one decision", got=f"{len(table)} rows without any")
    first = int(rows[decides][0])
    laid = np.full((len(bars) - first, len(bars.symbols)), np.nan)
    laid[np.ix_(rows[decides] - first, columns)] = values[decides]
    _check_members(laid, bars, first)
    return first, read_only(laid)


def _check_members(laid: NDArray[np.float64], bars: Bars, first: int) -> None:
    """Raise where a decision wants something of a symbol that is no member of the bars' universe."""
    strange = ~bars.members[first:] & ~np.isnan(laid) & (laid != 0.0)
    if strange.any():
        row, column = np.argwhere(strange)[0]
        where = f"{bars.symbols[column]}, {_text(bars.clock[first + row])}"
        raise SimulationError(
            "the weight of a symbol that is no member", must="be 0.0", got=float(laid[row, column]), where=where
        )


def _rows(index: pd.Index, bars: Bars) -> NDArray[np.int64]:
    """Return the bars' row of each time of `index`."""
    if not isinstance(index, pd.DatetimeIndex):
        raise SimulationError("the times of weights", must="be a DatetimeIndex", got=type(index).__name__)
    if not (index.is_unique and index.is_monotonic_increasing):
        raise SimulationError("the times of weights", must="be unique and increase")
    if str(index.tz) != str(bars.clock.tz):
        raise SimulationError(
            "the times of weights", must=f"have the bars' time zone, {bars.clock.tz}", got=str(index.tz)
        )
    rows = bars.clock.get_indexer(index)
    if (rows < 0).any():
        raise SimulationError("the times of weights", must="be times of the bars", got=_text(index[rows < 0][0]))
    return np.asarray(rows, dtype=np.int64)


def _positions(names: pd.Index, bars: Bars) -> NDArray[np.int64]:
    """Return the bars' column of each of `names`."""
    place = {symbol: n for n, symbol in enumerate(bars.symbols)}
    unknown = [name for name in names if name not in place]
    if unknown:
        hint = did_you_mean(str(unknown[0]), bars.symbols)
        raise SimulationError("the symbols of weights", must="be symbols of the bars", got=unknown, hint=hint)
    if len(set(names)) < len(names):
        raise SimulationError("the symbols of weights", must="be unique", got=list(names[names.duplicated()]))
    return np.array([place[name] for name in names], dtype=np.int64)


def _numbers(table: pd.DataFrame) -> NDArray[np.float64]:
    try:
        values = np.asarray(table.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError("weights", must="be numbers", got=str(error)) from error
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        where = f"{table.columns[column]}, {_text(table.index[row])}"
        raise SimulationError("a weight", must="be finite", got=float(values[row, column]), where=where)
    return values


def _text(moment: Any) -> str:
    return str(moment).removesuffix(" 00:00:00")


# ----------------------------------------------------------------- writing


def _market(bars: Bars, fill: Fill, first: int, cash: float | CashRate | None) -> Market:
    """Lay out what the ledger reads, from row `first` on."""
    exits = find_exits(bars)
    return Market(
        price=read_only(bars.raw_array(fill.field)[first:]),
        close=read_only(bars.raw_array("close")[first:]),
        split=read_only(bars.split[first:]),
        dividend=read_only(bars.dividend[first:]),
        member=read_only(bars.members[first:]),
        session=read_only(session_numbers(bars)[first:]),
        due=read_only(exits.due - first),
        payoff=read_only(exits.payoff),
        cash=read_only(cash_returns(cash, bars, first)),
    )


def _new_book(decisions: NDArray[np.float64], bars: Bars, first: int, cash: float, delist_after: int) -> Book:
    """Make an empty book with the state before bar `first` in row 0."""
    rows, symbols = decisions.shape
    orders = int(np.count_nonzero(~np.isnan(decisions)))
    left = int(np.count_nonzero(bars.members[first:-1] & ~bars.members[first + 1 :]))
    # One per absence, one at a recorded delisting, one at ruin, and one each time that a symbol leaves the universe.
    closings = min(orders, symbols * (rows // delist_after + 3)) + min(orders, left)
    book = Book(
        cash=np.zeros(rows + 1),
        equity=np.zeros(rows + 1),
        positions=np.zeros((rows + 1, symbols)),
        marks=np.zeros((rows + 1, symbols)),
        charges=np.zeros((rows + 1, len(KINDS))),
        dividends=np.zeros(rows + 1),
        interest=np.zeros(rows + 1),
        fills=np.empty((orders + closings, 4), dtype=np.int32),
        amounts=np.empty((orders + closings, 2)),
        pending=np.full(symbols, np.nan),
        decided=np.zeros(symbols, dtype=np.int64),
        seen=np.zeros(symbols, dtype=np.int64),
        written=np.zeros(1, dtype=np.int64),
    )
    book.cash[0] = book.equity[0] = cash
    book.seen[:], book.marks[0] = _last_seen(bars, first)
    return book


def _last_seen(bars: Bars, first: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the session of each symbol's latest bar before `first`, and its close there (NaN without one)."""
    column = np.arange(len(bars.symbols))
    if first == 0:
        return np.zeros_like(column), np.full(len(column), np.nan)
    before = bars.traded[:first]
    row = np.where(before.any(axis=0), first - 1 - np.argmax(before[::-1], axis=0), 0)
    close = bars.raw_array("close")[row, column]
    return session_numbers(bars)[row, column], np.where(before.any(axis=0), close, np.nan)


def _ledger(book: Book, market: Market) -> dict[str, NDArray[Any]]:
    """Cut a book to the bars and fills that were written."""
    count = int(book.written[0])
    return {
        "cash": book.cash[1:],
        "equity": book.equity[1:],
        "positions": book.positions[1:],
        "marks": book.marks[1:],
        "charges": book.charges[1:],
        "dividends": book.dividends[1:],
        "interest": book.interest[1:],
        "risk_free": market.cash,
        "split": market.split,
        "dividend": market.dividend,
        "fills": book.fills[:count],
        "amounts": book.amounts[:count],
    }
