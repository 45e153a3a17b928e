"""What is not modelled: what a reader must know that the numbers leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from quantml.reports import words
from quantml.reports.facts import Facts
from quantml.reports.tables import Entry
from quantml.timing import Fill

_PER_FILL: Final = ("commission_bps", "spread_bps", "slippage_bps", "commission_per_share", "commission_minimum",
                    "commission_tiers", "slippage_volatility", "impact", "impact_permanent")  # fmt: skip
TRIFLE: Final = 0.001
"""Money owed is worth a sentence from this fraction of equity on: a fill that pays its costs may leave less."""


def omissions(facts: Facts) -> tuple[Entry, ...]:
    """List what the simulation and the verdict leave out, as far as it bears on this study."""
    if not facts.traded:
        return (*_of_data(facts),)
    return (*_of_costs(facts), *_of_execution(facts), *_of_data(facts), *_of_inference(facts))


def _of_costs(facts: Facts) -> Iterator[Entry]:
    costs, trades = facts.study["costs"], facts.run.trades
    if not any(costs.get(name) for name in _PER_FILL):
        yield Entry("Trading costs", "The study declares none: every fill is free.")
    elif not any(costs.get(name) for name in ("slippage_bps", "slippage_volatility", "impact", "impact_permanent")):
        yield Entry(
            "Slippage", "The study declares none: a fill pays commission and half the spread, and gets the price."
        )
    shorts = int((trades["side"] == "short").sum()) if len(trades) else 0
    if shorts and costs["borrow_bps"] == 0.0:
        yield Entry("Borrow fees", f"{words.plural(shorts, 'short trade')} borrowed for nothing.")
    if shorts:
        yield Entry("Borrowing", "Whatever is sold short can always be borrowed, and is never called back.")
    alive = facts.run.equity["equity"].to_numpy() > 0.0
    owed = np.where(alive, -facts.run.equity["cash"].to_numpy() / facts.before.to_numpy(), 0.0).clip(min=0.0)
    if owed.max() > TRIFLE and costs["financing_bps"] == 0.0 and facts.study.get("cash") is None:
        bars, most = words.plural(int((owed > TRIFLE).sum()), "bar"), words.percent(float(owed.max()))
        yield Entry("Interest on money owed", f"Money was owed on {bars}, at most {most} of equity, at no interest.")
    if facts.study.get("cash") is None:
        yield Entry(
            "Interest on cash",
            "Positive cash earns nothing, in the strategy and in the benchmark; Sharpe ratios take the riskless rate as"
            " zero, which flatters them in years in which bills paid something.",
        )
    debt = -float(facts.run.equity["equity"].iloc[-1])
    if debt > 0.0:
        text = f"When it was lost, {words.number(debt, 0)} were owed; its returns stop at a loss of everything."
        yield Entry("The debt of a lost account", text)
    yield Entry("Taxes", "None are paid.")


def _of_execution(facts: Facts) -> Iterator[Entry]:
    yield from _of_size(facts)
    if facts.fill is Fill.PERIOD:
        yield Entry(
            "Time to decide", "Trades are executed at the decision price, which nobody knows before it is made."
        )
    elif facts.fill is Fill.NEXT_CLOSE:
        yield Entry(
            "The closing price", "Orders get the next close exactly, as only an order in the closing auction could."
        )
    elif _works_within_the_bar(facts):
        yield Entry(
            "Limit and stop orders",
            "They get their price as soon as a bar touches it, or the open beyond it: nobody stands before them in the"
            " queue, and no stop slips.",
        )
    else:
        yield Entry(
            "The opening price", "Orders get the next open exactly, as only an order in the opening auction could."
        )


def _works_within_the_bar(facts: Facts) -> bool:
    execution = (facts.study.get("simulator") or {}).get("execution") or {}
    return execution.get("limit") is not None or execution.get("stop") is not None


def _of_size(facts: Facts) -> Iterator[Entry]:
    """What is left out of how much can be traded and held."""
    simulator = facts.study.get("simulator") or {}
    execution, margin = simulator.get("execution") or {}, simulator.get("margin") or {}
    costs, share = facts.study["costs"], execution.get("participation")
    impact = costs.get("impact") or costs.get("impact_permanent")
    if not (impact or share):
        yield Entry("Market impact", "Every order is filled whole, whatever its size, and moves no price.")
    elif not share:
        yield Entry("Participation", "Every order is filled whole, whatever its size.")
    elif not impact:
        yield Entry("Market impact", "Fills move no price, whatever their size.")
    fractions, free = not execution.get("lot"), not (margin.get("leverage") or margin.get("maintenance"))
    if fractions and free:
        yield Entry("Whole shares, margin rules", "Fractions of a share are traded; no broker limits what may be held.")
    elif fractions:
        yield Entry("Whole shares", "Fractions of a share are traded.")
    elif free:
        yield Entry("Margin rules", "No broker limits what may be held.")


def _of_data(facts: Facts) -> Iterator[Entry]:
    yield Entry("Survivorship", _survivorship(facts))
    if facts.data["dividends"] == 0:
        yield Entry(
            "Dividends",
            "The data record none. Unless the prices are adjusted for them, holders earned more than is shown.",
        )
    if facts.data["missing_sessions"]:
        missing = words.plural(len(facts.data["missing_sessions"]), "missing session")
        yield Entry("Gaps", f"Over {missing}, positions could not be traded and are marked at the last price.")


def _survivorship(facts: Facts) -> str:
    universe = facts.universe
    if not universe["membership"]:
        return (
            "The symbols are those that the study names. Nothing here shows that they could have been chosen on the"
            " first day; a list drawn up later knows who survived."
        )
    told = "What could be chosen when is the membership table's word; nothing here shows that it is complete."
    if universe["absent_share"] == 0.0:
        return f"{told} Every member had been priced by its first session in it."
    missing = words.percent(universe["absent_share"], 2)
    return f"{told} {missing} of its member-sessions have no prices, and what they would have earned is left out."


def _of_inference(facts: Facts) -> Iterator[Entry]:
    verdict = facts.run.verdict
    if verdict is not None and not verdict.trials_counted:
        yield Entry(
            "Number of trials",
            "How many variants of this study were looked at before this one is not counted. The best of many looks good"
            " by luck.",
        )
    yield Entry("The future", "Intervals say what luck alone could do if the world stayed as it was. It need not.")
