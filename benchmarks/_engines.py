"""Other engines on the cases of `benchmarks.agreement`: ``python _engines.py PEER CASES.npz ANSWERS.npz``.

It needs NumPy, pandas and the peer, and so runs in an environment of the peer's own. A way is how an engine is told
what to trade: the ``units`` of each fill, or ``weights`` that it sizes by itself.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CASH = 1e6
Case = dict[str, Any]
Answer = tuple[np.ndarray, np.ndarray, float]
"""Equity and positions at every close, and the total return that the peer shows."""


def frame(case: Case, name: str) -> pd.DataFrame:
    """Return an array of a case with its clock and symbols."""
    return pd.DataFrame(case[name], pd.DatetimeIndex(case["clock"]), [f"S{n}" for n in range(case[name].shape[1])])


# ----------------------------------------------------------------- vectorbt


def vectorbt(case: Case, way: str) -> Answer:
    """Fill at the opens, and value the group there, as an order at the open must be sized."""
    import vectorbt as vbt

    if "loss" in case:
        return _vectorbt_stops(case)
    size, kind = case["units"], "amount"
    if way == "weights":
        size, kind = np.full(case["weights"].shape, np.nan), "targetpercent"
        size[1:] = case["weights"][:-1]
    portfolio = vbt.Portfolio.from_orders(
        frame(case, "close"), size=np.where(size == 0.0, 0.0 if way == "weights" else np.nan, size), size_type=kind,
        price=case["open"], val_price=case["open"], fees=float(case["fee"]), init_cash=CASH, cash_sharing=True,
        group_by=True, call_seq="auto", freq="1D",
    )  # fmt: skip
    return np.asarray(portfolio.value()), _held(portfolio, case), float(portfolio.total_return())


def _vectorbt_stops(case: Case) -> Answer:
    import vectorbt as vbt

    entries = case["units"] != 0.0
    trails = bool(case["trails"])
    portfolio = vbt.Portfolio.from_signals(
        frame(case, "close")["S0"], entries[:, 0], np.zeros(len(entries), dtype=np.bool_), price=case["open"][:, 0],
        open=case["open"][:, 0], high=case["high"][:, 0], low=case["low"][:, 0], size=case["units"][:, 0],
        size_type="amount", sl_stop=float(case["loss"]), tp_stop=np.nan if trails else float(case["profit"]),
        sl_trail=trails, stop_entry_price="fillprice", fees=float(case["fee"]), init_cash=CASH, freq="1D",
    )  # fmt: skip
    return np.asarray(portfolio.value()), _held(portfolio, case), float(portfolio.total_return())


def _held(portfolio: Any, case: Case) -> np.ndarray:
    return np.asarray(portfolio.assets()).reshape(case["close"].shape)


# ----------------------------------------------------------- backtesting.py


def backtesting(case: Case, way: str) -> Answer | None:
    """One symbol; orders are filled at the next open, and stops are set once their trade has a price."""
    from backtesting import Backtest, Strategy

    if case["close"].shape[1] > 1 or (way == "weights" and not case["held"]):
        return None
    units, weights, clock = case["units"][:, 0], case["weights"][:, 0], pd.DatetimeIndex(case["clock"])

    class Replay(Strategy):  # type: ignore[misc, no-any-unimported]
        def init(self) -> None:
            pass

        def next(self) -> None:
            row = len(self.data) - 1
            if "loss" in case:
                protect(self, case, row)
            if row + 1 < len(units) and units[row + 1]:
                if way == "weights":
                    self.buy(size=float(weights[row]))
                else:
                    (self.buy if units[row + 1] > 0.0 else self.sell)(size=abs(int(units[row + 1])))

    data = pd.DataFrame({name.title(): case[name][:, 0] for name in ("open", "high", "low", "close")}, clock)
    tester = Backtest(data, Replay, cash=CASH, commission=float(case["fee"]), margin=1.0 if way == "weights" else 0.2)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        done = tester.run()
    held = np.zeros(case["close"].shape)
    still = pd.DataFrame(
        [(t.size, t.entry_bar, len(clock)) for t in done["_strategy"].trades], columns=["Size", "EntryBar", "ExitBar"]
    )
    for trade in pd.concat([done["_trades"][list(still)], still]).itertuples():
        held[int(trade.EntryBar) : int(trade.ExitBar), 0] += trade.Size
    return np.asarray(done["_equity_curve"]["Equity"]), held, float(done["Return [%]"]) / 100.0


def protect(strategy: Any, case: Case, row: int) -> None:
    """Set the stop and target of what is held."""
    for trade in strategy.trades:
        if bool(case["trails"]):
            best = max(trade.entry_price, float(case["high"][trade.entry_bar : row + 1, 0].max()))
            trade.sl = best * (1.0 - float(case["loss"]))
        elif trade.sl is None:
            trade.sl = trade.entry_price * (1.0 - float(case["loss"]))
            trade.tp = trade.entry_price * (1.0 + float(case["profit"]))


# ------------------------------------------------------------------------ bt


def bt(case: Case, way: str) -> Answer | None:
    """Trade at the prices of its rows: each day has two, its opens and its closes, and trades on the first."""
    import bt as package

    if "loss" in case:
        return None
    opens, closes = frame(case, "open"), frame(case, "close")
    prices = pd.concat(
        [opens.set_axis(opens.index + pd.Timedelta(hours=9)), closes.set_axis(closes.index + pd.Timedelta(hours=16))]
    )
    prices = prices.sort_index()
    nothing = prices * 0.0
    borrow = nothing.copy()
    borrow.iloc[1::2] = case["close"] * float(case["borrow"])  # on the shorts of a close, and paid on the next row
    units, wanted = case["units"], case["weights"]

    class Trade(package.Algo):  # type: ignore[misc, no-any-unimported, name-defined]
        def __call__(self, target: Any) -> bool:
            place = prices.index.get_loc(target.now)
            row, at_open = place // 2, place % 2 == 0
            if not at_open or row == 0:
                return True
            if way == "units":
                for name, number in zip(prices.columns, units[row], strict=True):
                    if number:
                        target.transact(float(number), name)
            elif not np.isnan(wanted[row - 1]).all():
                value = target.value
                for name, weight in zip(prices.columns, wanted[row - 1], strict=True):
                    target.rebalance(float(weight), name, base=value)
            return True

    securities = [package.core.CouponPayingSecurity(name, fixed_income=False) for name in prices.columns]
    strategy = package.Strategy("s", [Trade()], securities)
    fee = float(case["fee"])
    tester = package.Backtest(
        strategy, prices, initial_capital=CASH, commissions=lambda q, p: abs(q) * p * fee, integer_positions=False,
        additional_data={"coupons": nothing, "cost_short": borrow},
    )  # fmt: skip
    shown = float(package.run(tester).stats.loc["total_return"].iloc[0])
    equity, held = tester.strategy.values, tester.strategy.positions[list(prices)]
    return *(np.asarray(part.loc[prices.index[1::2]]) for part in (equity, held)), shown


# ------------------------------------------------------------------- zipline


def zipline(case: Case, way: str) -> Answer | None:
    """Fill at the next close, as its daily simulations do, in whole shares; no slippage."""
    if "loss" in case:
        return None
    os.environ["ZIPLINE_ROOT"] = folder = tempfile.mkdtemp()
    import zipline.api as api
    from zipline import run_algorithm
    from zipline.data.bundles import ingest, register
    from zipline.data.bundles.csvdir import csvdir_equities
    from zipline.finance import commission, slippage

    days = pd.DatetimeIndex(case["clock"])
    (Path(folder) / "csv" / "daily").mkdir(parents=True)
    symbols = [f"S{n}" for n in range(case["close"].shape[1])]
    for n, symbol in enumerate(symbols):
        table = pd.DataFrame({name: case[name][:, n] for name in ("open", "high", "low", "close")}, days)
        table = table.assign(volume=1e8, dividend=0.0, split=1.0)
        table.rename_axis("date").to_csv(Path(folder) / "csv" / "daily" / f"{symbol}.csv")
    register("cases", csvdir_equities(["daily"], str(Path(folder) / "csv")), calendar_name="XNYS")
    ingest("cases", show_progress=False)
    units, wanted = case["units_close"], case["weights"]

    def initialize(context: Any) -> None:
        api.set_slippage(slippage.NoSlippage())
        api.set_commission(commission.PerDollar(float(case["fee"])))

    def handle_data(context: Any, data: Any) -> None:
        row = days.get_loc(api.get_datetime().tz_localize(None).normalize())
        for n, symbol in enumerate(symbols):
            asset = api.symbol(symbol)
            if way == "units" and row + 1 < len(units) and units[row + 1, n]:
                api.order(asset, int(units[row + 1, n]))
            elif way == "weights" and not np.isnan(wanted[row, n]):
                api.order_target_percent(asset, float(wanted[row, n]))

    free = pd.Series(0.0, days.tz_localize("UTC"))
    done = run_algorithm(
        start=days[0], end=days[-1], initialize=initialize, handle_data=handle_data, capital_base=CASH, bundle="cases",
        benchmark_returns=free,
    )  # fmt: skip
    held = np.zeros(case["close"].shape)
    for row, positions in enumerate(done["positions"]):
        for position in positions:
            held[row, symbols.index(position["sid"].symbol)] = position["amount"]
    return np.asarray(done["portfolio_value"]), held, float(done["algorithm_period_return"].iloc[-1])


PEERS = {
    "vectorbt": (vectorbt, "vectorbt"),
    "backtesting": (backtesting, "backtesting"),
    "bt": (bt, "bt"),
    "zipline": (zipline, "zipline-reloaded"),
}


def main(peer: str, source: str, to: str) -> None:
    """Answer every case in every way that the peer can."""
    warnings.simplefilter("ignore")  # the peers' own
    engine, package = PEERS[peer]
    print(f"{package} {importlib.metadata.version(package)}")
    answers: dict[str, Any] = {}
    with np.load(source) as file:
        stored = {name: file[name] for name in file.files}
    for name in dict.fromkeys(key.split("/")[0] for key in stored):
        case = {key.split("/")[1]: value for key, value in stored.items() if key.startswith(f"{name}/")}
        for way in ("units", "weights") if "loss" not in case else ("units",):
            answer = engine(case, way)
            if answer is not None:
                answers[f"{name}/{way}"], answers[f"{name}/{way}/held"], shown = answer
                answers[f"{name}/{way}/shown"] = np.float64(shown)
    np.savez(to, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
