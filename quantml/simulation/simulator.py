"""`simulate`: target weights or orders on bars, net of everything, to a `Simulation`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.cash import CashRate, check_cash
from quantml.currency import check_one_currency
from quantml.errors import SimulationError, check
from quantml.panel import read_moment
from quantml.simulation.books import Simulation
from quantml.simulation.costs import Costs
from quantml.simulation.exits import Exit, check_exits, levels_of
from quantml.simulation.kernel import keep_books
from quantml.simulation.layout import (
    AT_CLOSE,
    AT_OPEN,
    LIMIT_ORDER,
    MARKET_ORDER,
    NOBODY,
    SAME_BAR,
    STOP_ORDER,
    Book,
    Levels,
    Market,
    Rules,
)
from quantml.simulation.margin import Margin
from quantml.simulation.opening import cut_ledger, lay_market, open_book, terms_of
from quantml.simulation.orders import Execution
from quantml.simulation.reading import (
    Decisions,
    Framed,
    Orders,
    check_account,
    check_gross,
    fill_for,
    positions_of,
    read_decisions,
    text,
)
from quantml.simulation.rebalancing import Rebalancing
from quantml.space import Declaration
from quantml.timing import Fill
from quantml.universe import DELIST_AFTER

__all__ = ["Simulation", "Simulator", "buy_and_hold", "simulate"]

FREE: Final = Costs()
_WHEN: Final = {Fill.NEXT_OPEN: AT_OPEN, Fill.NEXT_CLOSE: AT_CLOSE, Fill.PERIOD: SAME_BAR}


@dataclass(frozen=True)
class Simulator(Declaration):
    """How an account is kept: execution, margin, stops and rebalancing; what trading costs is told by `Costs`.

    Parameters
    ----------
    execution : Execution
        Lots, smallest orders, participation, limit and stop orders.
    margin : Margin
        Limits on leverage, and margin calls.
    exits : StopLoss, TakeProfit, TrailingStop, TimeStop, or a sequence of them
        One of a kind at most. They need bars with opens, highs and lows.
    rebalancing : Rebalancing
        Which decisions are followed.
    reenter : bool
        Whether a decision may open a side again that an exit has closed. Otherwise decisions to hold that side are not
        followed until one has asked for nothing or for the other side. The same holds of orders in units, of which 0
        asks for nothing.
    initial_cash : float
        Positive.
    delist_after : int
        Sessions, at least 1: days of the clock that have a row, but for those on which the symbol's exchange is closed.

    Raises
    ------
    InputError
        If a part is not what it must be.
    """

    execution: Execution = field(default_factory=Execution)
    margin: Margin = field(default_factory=Margin)
    exits: Exit | Sequence[Exit] = ()
    rebalancing: Rebalancing = field(default_factory=Rebalancing)
    reenter: bool = False
    initial_cash: float = 1e6
    delist_after: int = DELIST_AFTER

    def __post_init__(self) -> None:
        if isinstance(self.exits, (list, tuple)):
            object.__setattr__(self, "exits", tuple(self.exits))
        elif isinstance(self.exits, Exit):
            object.__setattr__(self, "exits", (self.exits,))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a part is not what it must be."""
        for name, kind in (("execution", Execution), ("margin", Margin), ("rebalancing", Rebalancing)):
            part = getattr(self, name)
            check(isinstance(part, kind), f"Simulator.{name}", f"be a {kind.__name__}", part)
        check(isinstance(self.exits, tuple), "Simulator.exits", "be stops, or a sequence of them", self.exits)
        check(isinstance(self.reenter, bool), "Simulator.reenter", "be True or False", self.reenter)
        check_account(self.initial_cash, self.delist_after)
        check_exits(self.exits)  # type: ignore[arg-type]

    def simulate(
        self,
        weights: pd.DataFrame | Framed | Orders | Decisions,
        bars: Bars,
        *,
        costs: Costs = FREE,
        fill: Fill | None = None,
        cash: float | CashRate | None = None,
    ) -> Simulation:
        """Trade target weights or orders on bars, as the function `simulate` does, or weights that were read for it."""
        check(isinstance(bars, Bars), "bars", "be Bars", bars, error=SimulationError)
        check(isinstance(costs, Costs), "costs", "be Costs", costs, error=SimulationError)
        check_cash(cash)
        check_one_currency(bars)
        chosen = fill_for(fill, bars)
        decisions = self.rebalancing.thin(read_decisions(weights, bars), bars)
        if not isinstance(weights, Orders):
            check_gross(decisions, bars, self.margin.limits.leverage)
        rules = self._rules(weights, bars, costs, chosen)
        market = lay_market(bars, chosen, decisions, rules, costs, cash)
        book, ruined = self._kept(decisions, market, rules, bars)
        optimistic = None
        if _is_ambiguous(rules):
            hopeful = rules._replace(levels=rules.levels._replace(optimistic=True))
            optimistic = self._kept(decisions, market, hopeful, bars)[0].equity[1:]
        start = decisions.first
        return Simulation(
            clock=bars.clock[start:],
            symbols=bars.symbols,
            initial_cash=float(self.initial_cash),
            fill=chosen,
            rates=rules.terms.rates,
            ruined_at=None if ruined == NOBODY else bars.clock[start + ruined],
            ledger=cut_ledger(book, market, bars, start),
            optimistic=optimistic,
        )

    def _rules(self, given: Any, bars: Bars, costs: Costs, fill: Fill) -> Rules:
        """Say everything that is declared in numbers."""
        by_units = isinstance(given, Orders)
        kind = given.kind if isinstance(given, Orders) else MARKET_ORDER
        if kind != MARKET_ORDER and self.execution.works_within_the_bar:
            raise SimulationError("Execution.limit and stop", must="be left out where the orders have prices")
        band = float(self.rebalancing.band)
        if by_units and (band or self.rebalancing.every is not None):
            raise SimulationError("Rebalancing", must="be of weights", got="orders in units")
        handling = self.execution.handling(by_units=by_units, kind=kind, band=band)
        if handling.resting and handling.kind == MARKET_ORDER:
            hint = "Give a limit or a stop."
            raise SimulationError("Execution.resting", must="go with limit or stop orders", hint=hint)
        if handling.kind in (LIMIT_ORDER, STOP_ORDER) and fill is not Fill.NEXT_OPEN:
            hint = "They live from the open of the next bar on."
            raise SimulationError("limit and stop orders", must="have fill=Fill.NEXT_OPEN", got=str(fill), hint=hint)
        limits, levels = self.margin.limits, levels_of(self.exits, reenter=self.reenter)  # type: ignore[arg-type]
        simple = handling.kind == MARKET_ORDER and not (by_units or levels.active)
        simple = simple and handling.participation == np.inf and limits.leverage == np.inf
        terms = terms_of(costs, bars.periods_per_year)
        return Rules(
            terms=terms,
            handling=handling,
            limits=limits,
            levels=levels,
            delist_after=int(self.delist_after),
            when=_WHEN[fill],
            stateful=not simple or band > 0.0,
            plain=simple and terms.flat and fill is not Fill.PERIOD,
        )

    def _kept(self, decisions: Decisions, market: Market, rules: Rules, bars: Bars) -> tuple[Book, int]:
        """Keep the books; return them and the row of ruin."""
        book = open_book(decisions, bars, rules, float(self.initial_cash))
        row, culprit = keep_books(decisions.values, market, rules, book)
        if culprit != NOBODY:
            where = f"{bars.symbols[culprit]}, {text(bars.clock[decisions.first + row])}"
            hint = "Give it a number, 0.0 to close it, or make the whole row NaN to decide nothing."
            subject = "the weight of a symbol that is held"
            raise SimulationError(subject, must="be given", got=np.nan, where=where, hint=hint)
        return book, int(row)


def _is_ambiguous(rules: Rules) -> bool:
    """Say whether a bar can touch two prices whose order decides the result."""
    levels: Levels = rules.levels
    against = min(levels.loss, levels.trail) < np.inf
    works = rules.handling.kind != MARKET_ORDER
    return (
        levels.trail < np.inf or (against and levels.profit < np.inf) or (works and (against or levels.profit < np.inf))
    )


def simulate(
    weights: pd.DataFrame | Framed | Orders,
    bars: Bars,
    *,
    costs: Costs = FREE,
    fill: Fill | None = None,
    initial_cash: float = 1e6,
    delist_after: int = DELIST_AFTER,
    cash: float | CashRate | None = None,
    execution: Execution | None = None,
    margin: Margin | None = None,
    exits: Exit | Sequence[Exit] = (),
    rebalancing: Rebalancing | None = None,
    reenter: bool = False,
) -> Simulation:
    """Trade target weights or orders on bars, from the first decision to the last bar.

    A row of `weights` is a decision made at the close of its time, and a weight the signed fraction of equity wanted
    in a symbol; `Orders` are units to trade. On every bar, in this order:

    1. Interest, borrow and financing accrue on the previous close's state, splits change units, orders that wait and
       the prices that stops remember, dividends are paid on the units after the split (shorts owe them).
    2. A symbol without a bar for `delist_after` sessions is closed at its last close, at no cost, and its order
       dropped; on the first row without a bar at or after a delisting that the bars record (`Membership`) this happens
       at the last close times one plus the delisting return. It may trade again if bars return.
    3. What has a stop or target that the open is beyond is closed at the open. With fills at the close, 5 comes next.
       A stop, here and in 5 and 6, cancels what waits in units (orders, and the rest of an order that was cut) and a
       weight for the same side; a weight for nothing or the other side stands, but where volume makes the stop's own
       sale wait.
    4. Orders of symbols with a bar are filled at its raw price, to ``weight * equity / price`` units. One equity
       sizes them all: cash plus positions at the prices at which orders fill, symbols without a bar at their last
       close. Lots, smallest orders and participation cut them, in this order; then leverage does; then a margin call of
       the previous close is answered. Costs are taken from cash. A symbol without a bar keeps its order until its next
       one, or until the next decision replaces it. A change worth less than 1e-12 of equity is rounding, and no order.
       Limit and stop orders fill at their price within the bar, or not at all.
    5. What has a stop or target that the bar touches is closed at its price. Where the bar touches both, the stop is
       taken.
    6. Positions are marked at the last known raw closes. If equity is not positive then, or where an order needs it,
       everything is closed at no cost and the account stands still: there is no lender of last resort. A margin call is
       seen here, and what has been held for long enough is ordered to be sold.
    7. The bar's decision is read (with `Fill.PERIOD` before 4, and filled at the close of the same bar). What is held
       and is no member of the bars' universe is ordered to be sold, also on a bar without a decision.

    Parameters
    ----------
    weights : DataFrame, object with ``frame``, or Orders
        Time x symbol; times among ``bars.clock``. A time that is absent, or NaN throughout, is no decision:
        positions drift. A symbol that is absent is not traded. A NaN beside numbers is no order, and an error where
        a member is held or has an order waiting.
    bars : Bars
        Those before the first decision tell volatility and volume there, for the costs that need them.
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
    execution : Execution, optional
        Fractional units, filled whole at the market, unless given.
    margin : Margin, optional
        No limits unless given.
    exits : StopLoss, TakeProfit, TrailingStop, TimeStop, or a sequence of them
    rebalancing : Rebalancing, optional
        Every decision is followed unless given.
    reenter : bool
        Whether a decision or order may open a side again that one of `exits` has closed, before one has asked for
        nothing or for the other side.

    Returns
    -------
    Simulation

    Raises
    ------
    SimulationError
        If `weights` is not a frame of finite numbers on the bars' clock and symbols, holds no decision, wants
        something of a symbol that is no member, or says nothing about one that is held; if next opens are asked of
        bars without opens, or the bars lack what an option needs; if `initial_cash` or `delist_after` is out of range,
        or options do not go together.

    Examples
    --------
    >>> import pandas as pd
    >>> clock = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    >>> bars = Bars.from_close(pd.DataFrame({"A": [10.0, 10.0, 11.0]}, index=clock), periods_per_year=252)
    >>> simulate(pd.DataFrame({"A": [1.0]}, index=clock[:1]), bars, initial_cash=100.0).equity.tolist()
    [100.0, 100.0, 110.0]
    """
    simulator = Simulator(
        execution=Execution() if execution is None else execution,
        margin=Margin() if margin is None else margin,
        exits=exits,
        rebalancing=Rebalancing() if rebalancing is None else rebalancing,
        reenter=reenter,
        initial_cash=initial_cash,
        delist_after=delist_after,
    )
    return simulator.simulate(weights, bars, costs=costs, fill=fill, cash=cash)


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
        What is bought, all members of the bars' universe unless given; of them only those with a bar at `start`, and
        with the bars before it that some costs are measured on. What leaves the universe later is kept.

    Returns
    -------
    Simulation

    Raises
    ------
    SimulationError
        If `start` is not on the bars' clock, a symbol is unknown, or nothing to buy has a bar at `start`.
    """
    check(isinstance(bars, Bars), "bars", "be Bars", bars, error=SimulationError)
    check(isinstance(costs, Costs), "costs", "be Costs", costs, error=SimulationError)
    check(len(bars) > 0, "bars", "have at least one row", 0, error=SimulationError)
    moment = bars.clock[0] if start is None else read_moment(start, bars.clock)
    row = int(bars.clock.get_indexer([moment])[0])
    if row < 0:
        raise SimulationError("start", must="be a time of the bars", got=str(start))
    chosen = bars.symbols if symbols is None else tuple(symbols)
    columns = positions_of(pd.Index(chosen, dtype="object"), bars, "weights")
    available = (bars.candidates if symbols is None else bars.traded)[row]
    if symbols is None and costs.are_measured:
        available = available & (bars.traded[: row + 1].sum(axis=0) > costs.window)
    bought = columns[available[columns]]
    if bought.size == 0:
        rule = "have a bar" if bars.membership is None or symbols is not None else "be members with a bar"
        raise SimulationError("what is bought and held", must=rule, got=list(chosen), where=text(moment))
    held = pd.DataFrame(1.0 / bought.size, index=bars.clock[[row]], columns=[bars.symbols[n] for n in bought])
    kept = bars if bars.membership is None else replace(bars, membership=bars.membership.unbound(bars))
    return simulate(held, kept, costs=costs, fill=fill, initial_cash=initial_cash, cash=cash)
