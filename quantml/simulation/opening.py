"""Opening the books: what the ledger reads of the bars, the empty pages that it writes, and the ledger cut from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.cash import CashRate, cash_returns
from quantml.errors import SimulationError
from quantml.kernels import F1, F2, kernel
from quantml.simulation.costs import KINDS, PER_FILL, Costs
from quantml.simulation.layout import MARKET_ORDER, NOBODY, NOTHING, Book, Market, Rules, Terms
from quantml.simulation.measures import measure, volume_of
from quantml.simulation.reading import Decisions
from quantml.timing import Fill
from quantml.universe import find_exits

Floats = NDArray[np.float64]

WITHIN: Final = ("open", "high", "low")
"""What is needed to fill within a bar."""


def terms_of(costs: Costs, periods_per_year: float) -> Terms:
    """Say costs in numbers."""
    return Terms(
        rates=costs.proportional(periods_per_year),
        tiers=costs.tier_table,
        per_share=float(costs.commission_per_share),
        least=float(costs.commission_minimum),
        most=np.inf if costs.commission_maximum is None else float(costs.commission_maximum),
        deviations=float(costs.slippage_volatility),
        impact=float(costs.impact),
        permanent=float(costs.impact_permanent),
        flat=costs.are_proportional,
    )


def lay_market(
    bars: Bars, fill: Fill, decisions: Decisions, rules: Rules, costs: Costs, cash: float | CashRate | None
) -> Market:
    """Lay out what the ledger reads, from the first decision on.

    Raises
    ------
    SimulationError
        If the bars lack what an option needs.
    """
    first, exits, whole = decisions.first, find_exits(bars), bars.everyone_traded[decisions.first :]
    measures = measure(costs, bars, decisions)
    everyone = np.ones(len(whole), dtype=np.bool_) if bars.membership is None else bars.members[first:].all(axis=1)
    capped = rules.handling.participation < np.inf
    return Market(
        price=read_only(bars.raw_array(fill.field)[first:]),
        close=read_only(bars.raw_array("close")[first:]),
        **_within(bars, first, rules),
        volume=read_only(volume_of(bars)[first:]) if capped else NOTHING,
        split=read_only(bars.split[first:]),
        dividend=read_only(bars.dividend[first:]),
        member=read_only(bars.members[first:]),
        acts=read_only(bars.has_action[first:]),
        whole=read_only(whole),
        everyone=read_only(np.asarray(everyone)),
        decides=decisions.decides,
        full=read_only(decisions.full & decisions.decides & everyone),
        session=read_only(np.empty((0, 0), dtype=np.int64) if whole.all() else bars.session_number[first:]),
        due=read_only(exits.due - first),
        payoff=read_only(exits.payoff),
        cash=read_only(cash_returns(cash, bars, first)),
        **measures._asdict(),
        level=decisions.level,
    )


def _within(bars: Bars, first: int, rules: Rules) -> dict[str, Floats]:
    """Return opens, highs and lows where something fills within the bar."""
    if not (rules.levels.active or rules.handling.kind != MARKET_ORDER):
        return dict.fromkeys(WITHIN, NOTHING)
    if not bars.has("open"):
        hint = "Load bars with opens, highs and lows, or leave stops and limits out."
        must = "have opens, highs and lows to fill within a bar"
        raise SimulationError("bars", must=must, got=", ".join(bars.quoted), hint=hint)
    return {name: read_only(bars.raw_array(name)[first:]) for name in WITHIN}


def open_book(decisions: Decisions, bars: Bars, rules: Rules, initial_cash: float) -> Book:
    """Make an empty book with the state before the first bar in row 0."""
    rows, symbols = decisions.values.shape
    most = _most_fills(decisions, bars, rules)
    permanent = rules.terms.permanent > 0.0
    book = Book(
        cash=np.zeros(rows + 1),
        equity=np.zeros(rows + 1),
        positions=np.zeros((rows + 1, symbols)),
        marks=np.zeros((rows + 1, symbols) if permanent else (0, 0)),
        charges=np.zeros((rows + 1, len(KINDS))),
        dividends=np.zeros(rows + 1),
        interest=np.zeros(rows + 1),
        fills=np.empty((most, 4), dtype=np.int32),
        amounts=np.empty((most, 2)),
        paid=np.zeros((0, 0) if rules.terms.flat else (most, len(PER_FILL))),
        written=np.zeros(1, dtype=np.int64),
        called=np.zeros(1, dtype=np.int64),
        culprit=np.full(1, NOBODY, dtype=np.int64),
        late=np.zeros(0 if rules.handling.kind == MARKET_ORDER else most, dtype=np.bool_),
        cut=np.zeros(rows + 1),
        short=np.zeros(1),
        **_states(symbols),
    )
    book.cash[0] = book.equity[0] = initial_cash
    book.seen[:], book.mark[:] = last_seen(bars, decisions.first)
    return book


def _states(symbols: int) -> dict[str, Any]:
    """Make what the book remembers of each symbol."""
    nothing = ("pending", "rest", "level", "entry", "peak", "opened", "mark")
    numbers = {name: np.zeros(symbols) for name in ("wanted", "at", "scaled", "taken")}
    counts = ("decided", "why", "kind", "partly", "seen", "age", "begun", "blocked")
    return {
        **{name: np.full(symbols, np.nan) for name in nothing},
        **numbers,
        **{name: np.zeros(symbols, dtype=np.int64) for name in counts},
        "shift": np.ones(symbols),
    }


def _most_fills(decisions: Decisions, bars: Bars, rules: Rules) -> int:
    """Bound the number of fills; pages that are never written take no memory."""
    rows, symbols = decisions.values.shape
    first = decisions.first
    left = int(np.count_nonzero(bars.members[first:-1] & ~bars.members[first + 1 :])) if bars.membership else 0
    # One per absence, one at a recorded delisting, one at ruin, and one each time that a symbol leaves the universe.
    closings = min(decisions.orders, symbols * (rows // rules.delist_after + 3)) + min(decisions.orders, left)
    per_bar = 3 if rules.levels.active else 1  # an exit, an order and another exit
    return int(closings + (rows * symbols * per_bar if rules.stateful else decisions.orders))


def last_seen(bars: Bars, first: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the session of each symbol's latest bar before `first`, and its close there (NaN without one)."""
    column = np.arange(len(bars.symbols))
    if first == 0:
        return np.zeros_like(column), np.full(len(column), np.nan)
    before = bars.traded[:first]
    row = np.where(before.any(axis=0), first - 1 - np.argmax(before[::-1], axis=0), 0)
    close = bars.raw_array("close")[row, column]
    return bars.session_number[row, column], np.where(before.any(axis=0), close, np.nan)


@kernel(types.float64[:, ::1](F2, F1))
def _carried_forward(prices: Floats, before: Floats) -> Floats:
    """Fill what is missing with what came last."""
    filled = prices.copy()
    last = before.copy()
    for t in range(prices.shape[0]):
        for n in range(prices.shape[1]):
            if np.isnan(filled[t, n]):
                filled[t, n] = last[n]
            else:
                last[n] = filled[t, n]
    return filled


def cut_ledger(book: Book, market: Market, bars: Bars, first: int) -> Mapping[str, NDArray[Any]]:
    """Cut a book to the bars and fills that were written, and put what it is read with beside it."""
    count = int(book.written[0])
    marks = _marks(book, market, bars, first)
    ledger: dict[str, NDArray[Any]] = {
        "cash": book.cash[1:],
        "equity": book.equity[1:],
        "positions": book.positions[1:],
        "marks": marks,
        "charges": book.charges[1:],
        "dividends": book.dividends[1:],
        "interest": book.interest[1:],
        "risk_free": market.cash,
        "split": market.split,
        "dividend": market.dividend,
        "fills": book.fills[:count],
        "amounts": book.amounts[:count],
        "cut": book.cut[1:],
    }
    if len(book.late):
        ledger["late"] = book.late[:count]
    if len(book.paid):
        ledger["paid"] = book.paid[:count]
    for name in ("high", "low"):
        if bars.has(name):
            moved = marks / market.close if book.marks.size else 1.0
            prices = bars.raw_array(name)[first:]
            ledger[name] = prices * moved if book.marks.size else prices
    return ledger


def _marks(book: Book, market: Market, bars: Bars, first: int) -> Floats:
    if book.marks.size:
        return book.marks[1:]
    if market.whole.all():
        return market.close
    return np.asarray(_carried_forward(market.close, read_only(last_seen(bars, first)[1])))
