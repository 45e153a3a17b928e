"""What a simulation leaves: equity, positions, fills, trades and costs, which balance on every bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame, read_only
from quantml.simulation.costs import KINDS, PER_FILL
from quantml.simulation.layout import (
    BORROW,
    CALLED,
    DECIDED,
    DELISTED,
    EXPIRED,
    FILL_KINDS,
    KIND,
    NOBODY,
    ORDERED,
    PRICE,
    RUINED,
    SYMBOL,
    TIME,
    UNITS,
)
from quantml.simulation.trades import AT_CLOSE, AT_OPEN, WITHIN, History, Trips, round_trips, trades_frame
from quantml.timing import Fill


def share_apart(equity: NDArray[np.float64], optimistic: NDArray[np.float64], initial_cash: float) -> float:
    """Return how far two paths of equity are apart, from 0.0 to 1.0, as `Simulation.ambiguous` says."""
    first, second = _returns_of(equity, initial_cash), _returns_of(optimistic, initial_cash)
    moved = float(np.abs(first).sum() + np.abs(second).sum())
    return float(np.abs(second - first).sum()) / moved if moved > 0.0 else 0.0


def _previous(equity: NDArray[np.float64], initial_cash: float) -> NDArray[np.float64]:
    return np.concatenate([[initial_cash], equity[:-1]])


def _returns_of(equity: NDArray[np.float64], initial_cash: float) -> NDArray[np.float64]:
    """Return simple returns; -1 at most on the bar of ruin, and 0 after it."""
    before = _previous(equity, initial_cash)
    alive = before > 0.0
    earned = np.where(alive, equity / np.where(alive, before, 1.0) - 1.0, 0.0)
    return np.asarray(np.maximum(earned, -1.0))


@dataclass(frozen=True, eq=False)
class Simulation(ReadOnly):
    """The account on every bar from the first decision to the last bar.

    Two identities hold on every bar, up to rounding. Equity is cash plus the sum of position times mark. The change
    of equity is what prices earned, plus dividends and interest, less costs. Everything is in currency unless it says
    otherwise, and at raw prices.

    Attributes
    ----------
    clock : DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    initial_cash : float
    fill : Fill
        When decisions were executed.
    rates : ndarray, shape (6,)
        `Costs.proportional`: what was charged in proportion to notional, and per bar.
    ruined_at : Timestamp or None
        The bar on which equity was no longer positive. Everything was closed on it, and returns are 0 afterwards.
    ledger : mapping of str to ndarray
        Per bar, shape (T,): ``cash``, ``equity``, ``dividends``, ``interest``, and ``risk_free``, what cash earned as
        a fraction; shape (T, 6): ``charges`` by `KINDS`. Per bar and
        symbol, shape (T, N): ``positions``, ``marks``, ``split``, ``dividend``; ``high`` and ``low`` where the bars
        have them. Per fill, shape (F, 4) and (F, 2): ``fills`` (bar, bar of the decision, symbol, kind) and ``amounts``
        (units, price); ``paid``, shape (F, 4), where costs are not in proportion to notional; ``late``, shape (F,),
        where orders fill within the bar: whether the fill opened a position after the open. ``cut``, shape (T,), is the
        notional of orders that the limit of leverage left out.
    optimistic : ndarray or None, shape (T,)
        Equity where targets are taken before stops on bars that touch both; None where there are not both.
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    initial_cash: float
    fill: Fill
    rates: NDArray[np.float64]
    ruined_at: pd.Timestamp | None
    ledger: Mapping[str, NDArray[Any]]
    optimistic: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.clock)

    def __repr__(self) -> str:
        span = f"{self.clock[0]:%Y-%m-%d} to {self.clock[-1]:%Y-%m-%d}"
        final, fills = self.ledger["equity"][-1], len(self.ledger["fills"])
        return f"Simulation({len(self)} bars, {span}, {fills} fills, {self.initial_cash:.6g} to {final:.6g})"

    # ------------------------------------------------------------------ per bar

    @property
    def equity(self) -> pd.Series:
        """Account value at each close."""
        return self._series("equity", self.ledger["equity"])

    @property
    def returns(self) -> pd.Series:
        """Simple return of equity on each bar; the first is from the initial cash, and holds the costs paid on it.

        The bar that ruins an account returns -1, whatever is owed beyond it, and each later bar 0.
        """
        return self._series("returns", _returns_of(self.ledger["equity"], self.initial_cash))

    @property
    def cash(self) -> pd.Series:
        """Cash at each close, the proceeds of short sales included; negative where money is owed."""
        return self._series("cash", self.ledger["cash"])

    @property
    def positions(self) -> pd.DataFrame:
        """Signed units held at each close, time x symbol."""
        return frame(self.ledger["positions"], self.clock, self.symbols)

    @property
    def marks(self) -> pd.DataFrame:
        """Each symbol's last known raw close, time x symbol; NaN before its first bar."""
        return frame(self.ledger["marks"], self.clock, self.symbols)

    @property
    def costs(self) -> pd.DataFrame:
        """Costs of each bar by kind."""
        return pd.DataFrame(self.ledger["charges"].copy(), index=self.clock, columns=list(KINDS))

    @property
    def dividends(self) -> pd.Series:
        """Dividends received on each bar, less what shorts owed."""
        return self._series("dividends", self.ledger["dividends"])

    @property
    def interest(self) -> pd.Series:
        """Interest received on cash on each bar, less what was owed on debt; financing is a cost beside it."""
        return self._series("interest", self.ledger["interest"])

    @property
    def risk_free(self) -> pd.Series:
        """Simple return of cash on each bar; 0 on the first, and throughout where cash earns nothing."""
        return self._series("risk_free", self.ledger["risk_free"])

    @property
    def exposure(self) -> pd.Series:
        """Gross market value at each close as a fraction of equity."""
        return self._series("exposure", self._share(np.abs(self._values).sum(axis=1)))

    @property
    def net_exposure(self) -> pd.Series:
        """Long less short market value at each close as a fraction of equity."""
        return self._series("net_exposure", self._share(self._values.sum(axis=1)))

    @property
    def turnover(self) -> pd.Series:
        """Notional of each bar's fills, but for delisting and ruin, as a fraction of the previous close's equity."""
        traded = self._is_traded
        notional, bar = self._notional[traded], self.ledger["fills"][traded, TIME]
        sums = np.bincount(bar, weights=notional, minlength=len(self))
        before = self._previous_equity
        return self._series("turnover", sums / np.where(before > 0.0, before, 1.0))

    @property
    def cut_by_leverage(self) -> pd.Series:
        """Notional of each bar's orders that the limit of leverage left out, as a fraction of the previous equity.

        It is 0 throughout where neither costs nor prices led orders beyond what `Margin` allows.
        """
        before = self._previous_equity
        return self._series("cut_by_leverage", self.ledger["cut"] / np.where(before > 0.0, before, 1.0))

    # ---------------------------------------------------------------- ambiguity

    @property
    def optimistic_equity(self) -> pd.Series:
        """Equity at each close where targets are taken before stops on bars that touch both.

        It is the other end of what is not known: `equity` takes the stops first. It is `equity` itself where nothing is
        ambiguous.
        """
        values = self.ledger["equity"] if self.optimistic is None else self.optimistic
        return self._series("optimistic_equity", values)

    @property
    def ambiguous(self) -> float:
        """Share of the result that hangs on the order of prices within bars, from 0.0 to 1.0.

        It is the sum over bars of the absolute difference of the two paths' returns, over the sum of both paths'
        absolute returns: 0.0 where the paths are equal, 1.0 where no bar earns anything of one sign on both.
        """
        if self.optimistic is None:
            return 0.0
        return share_apart(self.ledger["equity"], self.optimistic, self.initial_cash)

    # ----------------------------------------------------------------- per fill

    @property
    def fills(self) -> pd.DataFrame:
        """Every fill, in the order of time: one row each.

        Columns are ``time``; ``decided``, the close at which it was decided (NaT where the ledger closed the
        position by itself, or a stop did that stood before the bar); ``symbol``; ``units``, signed; ``price``;
        ``notional``, positive; ``commission``, ``spread``, ``slippage`` and ``impact``, in currency; and ``kind``:
        ordered, delisted, ruined, called (by a margin call), loss, profit, trailed or expired (by a stop).
        """
        facts, amounts = self.ledger["fills"], self.ledger["amounts"]
        decided = self.clock[np.maximum(facts[:, DECIDED], 0)]
        charged = self._fill_costs
        columns = {
            "time": self.clock[facts[:, TIME]],
            "decided": decided.where(facts[:, DECIDED] != NOBODY),
            "symbol": pd.Index(self.symbols).take(facts[:, SYMBOL]),
            "units": amounts[:, UNITS],
            "price": amounts[:, PRICE],
            "notional": self._notional,
            **{kind: charged[:, number] for number, kind in enumerate(PER_FILL)},
            "kind": np.array(FILL_KINDS)[facts[:, KIND]],
        }
        return pd.DataFrame(columns)

    @property
    def trades(self) -> pd.DataFrame:
        """Every round trip from flat to flat, in the order of entry: one row each.

        A fill that turns a position around ends one trip and begins another, each with its share of the costs.
        Units and prices are in shares as they were at the exit: an earlier split is applied to them. What is held at
        the end is shown as if it were closed at the last mark, with ``open`` true.

        What a bar's prices say of a trip counts for excursions where the position was held through that bar: its
        extremes where it was entered at the open or before, its close on the bar of a later entry (at the close, or by
        a limit or stop order within the bar). On the bar that ended it the price of the exit alone counts, unless that
        was at the close.

        Columns are ``symbol``; ``side``; ``entry_time`` and ``exit_time``, the first and last fill; ``units``, the
        most that were held; ``entry_price`` and ``exit_price``, averages over the fills that enlarged and reduced
        the position; ``gross_pnl``, from prices alone; ``dividends``; ``costs``, the sum of ``commission``,
        ``spread``, ``slippage``, ``impact`` and ``borrow``; ``net_pnl`` = gross_pnl + dividends - costs; ``return``,
        net_pnl over the notional of the fills that enlarged the position; ``mae`` and ``mfe``, the worst (at most 0)
        and the best (at least 0) that prices stood from the average entry, as a fraction of it; ``bars_held``, clock
        rows from entry to exit; ``exit_reason``, the kind of the last fill, or open; ``open``.

        The sum of ``net_pnl``, plus `interest` less the financing in `costs`, which belong to no symbol, is the change
        of equity.
        """
        return trades_frame(self._trips, self.clock, self.symbols)

    @cached_property
    def _trips(self) -> Trips:
        book = self.ledger
        borrow = self.rates[BORROW : BORROW + 1]
        high, low = (book.get(name, book["marks"]) for name in ("high", "low"))
        history = History(
            book["positions"], book["marks"], high, low, book["split"], book["dividend"], borrow, self._moments
        )
        return round_trips(book["fills"], book["amounts"], read_only(self._fill_costs), history)

    @property
    def _moments(self) -> NDArray[np.int64]:
        """When in its bar each fill happened, as far as trades must know."""
        kinds = self.ledger["fills"][:, KIND]
        if self.fill is Fill.NEXT_OPEN:
            late = self.ledger.get("late", np.zeros(len(kinds), dtype=np.bool_))
            return read_only(np.where(late, WITHIN, AT_OPEN))
        return read_only(np.where(np.isin(kinds, (ORDERED, CALLED, EXPIRED)), AT_CLOSE, WITHIN))

    # ------------------------------------------------------------------ helpers

    def _series(self, name: str, values: NDArray[np.float64]) -> pd.Series:
        return pd.Series(values.copy(), index=self.clock, name=name)

    def _share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Divide by equity; 0 where there is none left, since then nothing is held."""
        equity = self.ledger["equity"]
        alive = equity > 0.0
        return np.where(alive, values / np.where(alive, equity, 1.0), 0.0)

    @property
    def _previous_equity(self) -> NDArray[np.float64]:
        return _previous(self.ledger["equity"], self.initial_cash)

    @property
    def _values(self) -> NDArray[np.float64]:
        held = self.ledger["positions"] != 0.0
        return np.where(held, self.ledger["positions"] * self.ledger["marks"], 0.0)

    @property
    def _notional(self) -> NDArray[np.float64]:
        amounts = self.ledger["amounts"]
        return np.asarray(np.abs(amounts[:, UNITS]) * amounts[:, PRICE])

    @property
    def _fill_costs(self) -> NDArray[np.float64]:
        """Costs of each fill by kind, shape (F, 4); none where nobody traded."""
        if "paid" in self.ledger:
            return self.ledger["paid"]
        return np.asarray(np.where(self._is_traded, self._notional, 0.0)[:, None] * self.rates[:BORROW])

    @property
    def _is_traded(self) -> NDArray[np.bool_]:
        """Say of each fill whether somebody traded: not at a delisting, nor at ruin."""
        return ~np.isin(self.ledger["fills"][:, KIND], (DELISTED, RUINED))
