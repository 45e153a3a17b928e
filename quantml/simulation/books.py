"""What a simulation leaves: equity, positions, fills, trades and costs, which balance on every bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame, read_only
from quantml.simulation.costs import KINDS
from quantml.simulation.kernel import BORROW, DECIDED, KIND, NOBODY, ORDERED, PRICE, SYMBOL, TIME, UNITS
from quantml.simulation.trades import History, Trips, round_trips, trades_frame
from quantml.timing import Fill

FILL_KINDS: Final = ("ordered", "delisted", "ruined")
"""Why a fill happened: an order; a symbol without bars for too long; the end of the account."""


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
    rates : ndarray, shape (5,)
        `Costs.rates` that were charged.
    ruined_at : Timestamp or None
        The bar on which equity was no longer positive. Everything was closed on it, and returns are 0 afterwards.
    ledger : mapping of str to ndarray
        Per bar, shape (T,): ``cash``, ``equity``, ``dividends``, ``interest``, and ``risk_free``, what cash earned as
        a fraction; shape (T, 5): ``charges`` by `KINDS`. Per bar and
        symbol, shape (T, N): ``positions``, ``marks``, ``split``, ``dividend``. Per fill, shape (F, 4) and (F, 2):
        ``fills`` (bar, bar of the decision, symbol, kind) and ``amounts`` (units, price).
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    initial_cash: float
    fill: Fill
    rates: NDArray[np.float64]
    ruined_at: pd.Timestamp | None
    ledger: Mapping[str, NDArray[Any]]

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
        before, now = self._previous_equity, self.ledger["equity"]
        alive = before > 0.0
        earned = np.where(alive, now / np.where(alive, before, 1.0) - 1.0, 0.0)
        return self._series("returns", np.maximum(earned, -1.0))

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
        """Notional of each bar's ordered fills as a fraction of the previous close's equity."""
        ordered = self.ledger["fills"][:, KIND] == ORDERED
        notional, bar = self._notional[ordered], self.ledger["fills"][ordered, TIME]
        traded = np.bincount(bar, weights=notional, minlength=len(self))
        before = self._previous_equity
        return self._series("turnover", traded / np.where(before > 0.0, before, 1.0))

    # ----------------------------------------------------------------- per fill

    @property
    def fills(self) -> pd.DataFrame:
        """Every fill, in the order of time: one row each.

        Columns are ``time``; ``decided``, the close at which it was decided (NaT where the ledger closed the
        position by itself); ``symbol``; ``units``, signed; ``price``; ``notional``, positive; ``commission``,
        ``spread`` and ``slippage``, in currency; and ``kind``: ordered, delisted or ruined.
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
            **{kind: charged[:, number] for number, kind in enumerate(KINDS[:BORROW])},
            "kind": np.array(FILL_KINDS)[facts[:, KIND]],
        }
        return pd.DataFrame(columns)

    @property
    def trades(self) -> pd.DataFrame:
        """Every round trip from flat to flat, in the order of entry: one row each.

        A fill that turns a position around ends one trip and begins another, each with its share of the costs.
        Units and prices are in shares as they were at the exit: an earlier split is applied to them. What is held at
        the end is shown as if it were closed at the last mark, with ``open`` true.

        Columns are ``symbol``; ``side``; ``entry_time`` and ``exit_time``, the first and last fill; ``units``, the
        most that were held; ``entry_price`` and ``exit_price``, averages over the fills that enlarged and reduced
        the position; ``gross_pnl``, from prices alone; ``dividends``; ``costs``: commission, spread, slippage and
        borrow; ``net_pnl`` = gross_pnl + dividends - costs; ``return``, net_pnl over the notional of the fills that
        enlarged the position; ``bars_held``, clock rows from entry to exit; ``open``.

        The sum of ``net_pnl``, plus `interest` less the financing in `costs`, which belong to no symbol, is the change
        of equity.
        """
        return trades_frame(self._trips, self.clock, self.symbols)

    @cached_property
    def _trips(self) -> Trips:
        book = self.ledger
        borrow = self.rates[BORROW : BORROW + 1]
        history = History(book["positions"], book["marks"], book["split"], book["dividend"], borrow)
        return round_trips(book["fills"], book["amounts"], read_only(self._fill_costs.sum(axis=1)), history)

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
        return np.concatenate([[self.initial_cash], self.ledger["equity"][:-1]])

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
        """Costs of each fill by kind, shape (F, 3); none where the ledger closed the position by itself."""
        ordered = self.ledger["fills"][:, KIND] == ORDERED
        return np.asarray(np.where(ordered, self._notional, 0.0)[:, None] * self.rates[:BORROW])
