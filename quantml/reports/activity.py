"""What was traded, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from quantml.reports import words
from quantml.reports.facts import Facts
from quantml.reports.tables import Entry, Table, entries
from quantml.simulation.books import share_apart

LARGEST: Final = 10

_PAID: Final = {
    "commission": "of each fill's value",
    "spread": "quoted, of which a fill pays half",
    "slippage": "of each fill's value",
    "impact": "standard deviations of a bar, times the root of the share of usual volume",
    "borrow": "a year of what is held short",
    "financing": "a year of money owed",
}


def summary(facts: Facts) -> tuple[Entry, ...]:
    """Number of round trips, share of winners, holding time, best and worst."""
    trades = facts.run.trades
    if len(trades) == 0:
        return ()
    won, returns = trades["net_pnl"] > 0.0, trades["return"]
    return entries(
        ("Round trips", _trips(trades)),
        ("Fills", words.count(len(facts.run.fills))),
        ("Winners", f"{words.percent(float(won.mean()))} of trades earned something after costs"),
        ("Average trade", f"{words.percent(float(returns.mean()), 2, signed=True)} of its value"),
        ("Average winner, loser", f"{_mean(returns[won])}, {_mean(returns[~won])}"),
        ("Average holding", f"{words.number(float(trades['bars_held'].mean()), 1)} bars"),
        ("Best", _named(trades.loc[returns.idxmax()])),
        ("Worst", _named(trades.loc[returns.idxmin()])),
        *_ambiguous(facts),
    )


def _ambiguous(facts: Facts) -> list[tuple[str, str]]:
    """How much hangs on the order of prices within bars, where the account was kept on both paths."""
    equity = facts.run.equity
    if "optimistic_equity" not in equity:
        return []
    pessimistic, optimistic = (equity[name].to_numpy() for name in ("equity", "optimistic_equity"))
    share = share_apart(pessimistic, optimistic, float(facts.before.iloc[0]))
    told = f"{words.percent(share)} of the result hangs on which price came first; the account takes the worse"
    return [("Bars that touch two prices", told)]


def _trips(trades: pd.DataFrame) -> str:
    by_side = trades["side"].value_counts()
    sides = ", ".join(f"{by_side[side]:,} {side}" for side in ("long", "short") if side in by_side.index)
    still = int(trades["open"].sum())
    return f"{words.plural(len(trades), 'trade')} ({sides})" + (f", {still:,} still open" if still else "")


def _mean(returns: pd.Series) -> str:
    return words.percent(float(returns.mean()), 2, signed=True) if len(returns) else words.DASH


def _named(trade: Mapping[str, Any]) -> str:
    span = f"{words.day(trade['entry_time'])} to {words.day(trade['exit_time'])}"
    return f"{words.percent(trade['return'], signed=True)}, {trade['side']} {trade['symbol']}, {span}"


def largest(facts: Facts) -> Table:
    """The trades that earned or lost the most."""
    trades = facts.run.trades
    order = trades["net_pnl"].abs().sort_values(ascending=False, kind="stable").index[:LARGEST]
    rows = [
        (
            str(trade["symbol"]),
            str(trade["side"]),
            words.day(trade["entry_time"]),
            "still open" if trade["open"] else words.day(trade["exit_time"]),
            words.count(int(trade["bars_held"])),
            words.percent(trade["return"], signed=True),
            words.number(trade["net_pnl"], 0, signed=True),
        )
        for trade in trades.loc[order].to_dict("records")
    ]
    head = ("Symbol", "Side", "Entered", "Left", "Bars", "Return", "Earned")
    return Table.of("Trades that earned or lost the most", head, rows, "llllrrr")


def by_symbol(facts: Facts) -> Table:
    """Trades, winners and earnings of each symbol."""
    rows = []
    for symbol, trades in facts.run.trades.groupby("symbol", sort=True):
        won = float((trades["net_pnl"] > 0.0).mean())
        rows.append(
            (
                str(symbol),
                words.count(len(trades)),
                words.percent(won),
                words.number(float(trades["bars_held"].mean()), 1),
                words.number(float(trades["costs"].sum()), 0),
                words.number(float(trades["net_pnl"].sum()), 0, signed=True),
            )
        )
    head = ("Symbol", "Trades", "Winners", "Bars held", "Costs", "Earned")
    return Table.of("Trades of each symbol", head, rows, "lrrrrr")


def costs(facts: Facts) -> Table:
    """Costs by kind: the declared rate, the amount, and per year of equity; then what cash earned, where it did."""
    declared = facts.study["costs"]
    per_year = (facts.costs.div(facts.before, axis=0)).sum() / facts.years
    rows = [
        (
            words.title(kind),
            _declared(kind, declared),
            words.number(float(facts.costs[kind].sum()), 0),
            words.percent(float(per_year[kind]), 2),
        )
        for kind in facts.costs.columns
    ]
    rows.append(("All", "", words.number(float(facts.costs.sum().sum()), 0), words.percent(float(per_year.sum()), 2)))
    head = ("Cost", "Declared", "Amount", "Per year, of equity")
    return Table.of("Costs by kind, and interest", head, [*rows, *_interest(facts)], "lwrr")


def _declared(kind: str, declared: Mapping[str, Any]) -> str:
    """Say what the study declares of a kind of cost."""
    if kind == "impact":
        told, more = f"{words.significant(declared.get('impact', 0.0))} {_PAID[kind]}", _permanent(declared)
    else:
        told, more = f"{words.significant(declared.get(f'{kind}_bps'))} bps {_PAID[kind]}", []
    if kind == "commission":
        more = _of_commission(declared)
    if kind == "slippage" and declared.get("slippage_volatility"):
        more = [f"{words.significant(declared['slippage_volatility'])} standard deviations of a bar"]
    return "; ".join([told, *more])


def _permanent(declared: Mapping[str, Any]) -> list[str]:
    share = declared.get("impact_permanent")
    return [f"{words.significant(share)} times the share itself, for good"] if share else []


def _of_commission(declared: Mapping[str, Any]) -> list[str]:
    """What a commission is besides basis points, in currency."""
    parts = []
    if declared.get("commission_tiers"):
        steps = ", ".join(f"{words.significant(rate)} from {words.number(start, 0)}"
                          for start, rate in declared["commission_tiers"])  # fmt: skip
        parts.append(f"bps by size of fill: {steps}")
    if declared.get("commission_per_share"):
        parts.append(f"{words.significant(declared['commission_per_share'])} a share")
    if declared.get("commission_minimum"):
        parts.append(f"at least {words.significant(declared['commission_minimum'])} a fill")
    if declared.get("commission_maximum") is not None:
        parts.append(f"at most {words.significant(declared['commission_maximum'])} a fill")
    return parts


def _interest(facts: Facts) -> list[tuple[str, str, str, str]]:
    """What cash earned, less what was paid on money owed."""
    if facts.study.get("cash") is None:
        return []
    per_year = float((facts.interest / facts.before).sum()) / facts.years
    amount = words.number(float(facts.interest.sum()), 0, signed=True)
    return [("Interest on cash", rate(facts), amount, words.percent(per_year, 2, signed=True))]


def rate(facts: Facts) -> str:
    """What the study declares that cash earns."""
    declared = facts.study["cash"]
    if words.is_number(declared):
        return f"{words.percent(declared, 2)} a year"
    times = declared["periods_per_year"]
    unit = "a year" if times == 1 else f"a period, {words.significant(times)} of them a year"
    return f"{declared['column']} of the table {declared['table']}, {unit}"
