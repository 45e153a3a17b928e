"""Every target, decision by decision, as its definition reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from quantml.bars import Bars
from quantml.targets import (
    ActiveReturn,
    Column,
    Direction,
    ExcessReturn,
    ForwardDrawdown,
    ForwardReturn,
    MetaLabel,
    RankReturn,
    RealisedVolatility,
    ResidualReturn,
    TargetRule,
    TripleBarrier,
    VolatilityScaledReturn,
)
from quantml.timing import UNKNOWN, Fill
from tests.targets.panels import NAN, listings

Answer = tuple[float, int] | None
PRIMARY_BARS = (2, 4)


@dataclass(frozen=True)
class Decision:
    """A bar at which a target is asked for: bar k of a listing whose bars stand on the rows `own`."""

    bars: Bars
    rule: Any
    n: int
    t: int
    k: int
    own: list[int]
    closed: int | None
    paid: float
    delay: int
    field: str

    def price(self, row: int) -> float:
        return float(self.bars.array(self.field)[row, self.n])

    @property
    def history(self) -> NDArray[np.float64]:
        """Closes of the symbol up to the decision, of all its listings."""
        closes = self.bars.array("close")[: self.t + 1, self.n]
        return closes[~np.isnan(closes)]

    @property
    def start(self) -> int | None:
        """Row of the bar at which the target starts."""
        return self.own[self.k + self.delay] if self.k + self.delay < len(self.own) else None

    @property
    def end(self) -> tuple[float, int] | None:
        """Price and row of the end of a forward return."""
        last = self.k + self.delay + self.rule.horizon
        if last < len(self.own):
            return self.price(self.own[last]), self.own[last]
        return None if self.closed is None else (self.paid, self.closed)

    @property
    def path(self) -> list[int]:
        """Rows of the bars that follow the start, as far as there are any."""
        first = self.k + (1 if self.field == "open" else self.delay + 1)
        return self.own[first : first + self.rule.horizon]


def decisions(rule: Any, bars: Bars, fill: Fill) -> Iterator[Decision]:
    delay = int(rule.start == "fill" and fill is not Fill.PERIOD)
    field = "open" if delay and fill is Fill.NEXT_OPEN else "close"
    for n, own, closed, payoff in listings(bars):
        paid = float(bars.array("close")[own[-1], n] * payoff)
        for k, t in enumerate(own):
            yield Decision(bars, rule, n, t, k, own, closed, paid, delay, field)


def loop(rule: TargetRule, bars: Bars, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Values and label ends, shape (T, N)."""
    values, label_end = np.full(bars.traded.shape, NAN), np.full(bars.traded.shape, UNKNOWN)
    if isinstance(rule, Column):
        return loop_over_rows(rule, bars)
    if isinstance(rule, RankReturn):
        return loop_over_dates(rule, bars, fill)
    asked = rule.outcome if isinstance(rule, MetaLabel) else rule
    for decision in decisions(asked, bars, fill):
        answer = meta_label(decision) if isinstance(rule, MetaLabel) else ANSWERS[type(rule)](decision)
        if answer is not None and not np.isnan(answer[0]):
            values[decision.t, decision.n], label_end[decision.t, decision.n] = answer
    return values, label_end


def forward_return(asked: Decision) -> Answer:
    if asked.start is None or asked.end is None:
        return None
    return asked.end[0] / asked.price(asked.start) - 1, asked.end[1]


def direction(asked: Decision) -> Answer:
    found = forward_return(asked)
    if found is None:
        return None
    band = asked.rule.band
    down = -1.0 if band > 0 and found[0] < -band else 0.0
    return 1.0 if found[0] > band else down, found[1]


def scaled(asked: Decision) -> Answer:
    found, past = forward_return(asked), asked.history
    if found is None or len(past) <= asked.rule.window:
        return None
    spread = np.std((past[1:] / past[:-1] - 1)[-asked.rule.window :], ddof=1)
    return found[0] / spread / asked.rule.horizon**0.5, found[1]


def excess(asked: Decision) -> Answer:
    found = forward_return(asked)
    if found is None or asked.start is None:
        return None
    rate = asked.rule.cash / asked.bars.periods_per_year
    return found[0] - ((1 + rate) ** (found[1] - asked.start) - 1), found[1]


def beyond_benchmark(asked: Decision, beta: float) -> Answer:
    found = forward_return(asked)
    if found is None or asked.start is None:
        return None
    prices = asked.bars.array(asked.field)[:, asked.bars.symbols.index(asked.rule.benchmark)]
    return found[0] - beta * (prices[found[1]] / prices[asked.start] - 1), found[1]


def active(asked: Decision) -> Answer:
    return beyond_benchmark(asked, 1.0)


def residual(asked: Decision) -> Answer:
    pair = asked.bars.array("close")[: asked.t + 1, [asked.n, asked.bars.symbols.index(asked.rule.benchmark)]]
    pair = pair[~np.isnan(pair).any(axis=1)]
    if len(pair) <= asked.rule.window:
        return None
    mine, theirs = (pair[1:] / pair[:-1] - 1)[-asked.rule.window :].T
    return beyond_benchmark(asked, float(np.polyfit(theirs, mine, 1)[0]))


def volatility(asked: Decision) -> Answer:
    steps = asked.own[asked.k + asked.delay :][: asked.rule.horizon + 1]
    short = asked.rule.horizon + 1 - len(steps)
    if not steps or (short and (asked.closed is None or asked.paid == 0.0)):
        return None
    closes = [*asked.bars.array("close")[steps, asked.n], *[asked.paid] * short]
    mean = np.mean([np.log(b / a) ** 2 for a, b in pairwise(closes)])
    return np.sqrt(asked.bars.periods_per_year * mean), asked.closed if short else steps[-1]  # type: ignore[return-value]


def drawdown(asked: Decision) -> Answer:
    if asked.start is None:
        return None
    prices, end = [asked.price(asked.start), *asked.bars.array("close")[asked.path, asked.n]], (asked.path or [0])[-1]
    if len(asked.path) < asked.rule.horizon:
        if asked.closed is None:
            return None
        prices, end = [*prices, asked.paid], asked.closed
    return min(price / peak - 1 for price, peak in zip(prices, accumulate(prices, max), strict=True)), end


def barrier(asked: Decision) -> Answer:
    found = follow(asked, 1.0)
    return None if found is None else found[:2]


def follow(asked: Decision, side: float) -> tuple[float, int, float] | None:
    """Which barrier a path touches, when, and what the side earns."""
    rule, unit, past = asked.rule, 1.0, asked.history
    if rule.window is not None:
        if len(past) <= rule.window:
            return None
        unit = float(np.std((past[1:] / past[:-1] - 1)[-rule.window :], ddof=1))
    if asked.start is None:
        return None
    start = asked.price(asked.start)
    upper, lower = (rule.take_profit, rule.stop_loss)[:: int(side)]
    top = np.inf if upper is None else start * (1 + upper * unit)
    bottom = -np.inf if lower is None else start * (1 - lower * unit)
    for row in asked.path:
        touched = 0.0
        up, down = asked.bars.array("high")[row, asked.n] >= top, asked.bars.array("low")[row, asked.n] <= bottom
        if up and down:
            opened = float(asked.bars.array("open")[row, asked.n])
            up, down = opened >= top, opened <= bottom
            touched = 1.0 if up else -1.0 if down else -side
        elif up or down:
            touched = 1.0 if up else -1.0
        if touched:
            return touched, row, side * ((top if touched > 0 else bottom) / start - 1)
    if len(asked.path) == rule.horizon:
        final, end = float(asked.bars.array("close")[asked.path[-1], asked.n]), asked.path[-1]
    elif asked.closed is not None:
        final, end = asked.paid, asked.closed
    else:
        return None
    return float(final >= top) - float(final <= bottom), end, side * (final / start - 1)


def meta_label(asked: Decision) -> Answer:
    fast, slow = PRIMARY_BARS
    if len(asked.history) < slow:
        return None
    side = float(np.sign(np.mean(asked.history[-fast:]) - np.mean(asked.history[-slow:])))
    if isinstance(asked.rule, TripleBarrier):
        found = follow(asked, side)
        return None if found is None else (float(found[2] > 0), found[1])
    known = ANSWERS[type(asked.rule)](asked)
    return None if known is None else (float(side * known[0] > 0), known[1])


ANSWERS = {
    ForwardReturn: forward_return,
    Direction: direction,
    VolatilityScaledReturn: scaled,
    ExcessReturn: excess,
    ActiveReturn: active,
    ResidualReturn: residual,
    RealisedVolatility: volatility,
    ForwardDrawdown: drawdown,
    TripleBarrier: barrier,
}


def loop_over_dates(rule: RankReturn, bars: Bars, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    values, label_end = np.full(bars.traded.shape, NAN), np.full(bars.traded.shape, UNKNOWN)
    asked = list(decisions(rule, bars, fill))
    for t in range(len(bars)):
        dated = [decision for decision in asked if decision.t == t]
        found = {decision.n: forward_return(decision) for decision in dated}
        never = [decision for decision in dated if found[decision.n] is None]
        if any(decision.closed is None for decision in never):
            continue
        returns = {n: answer for n, answer in found.items() if answer is not None}
        if len(returns) > 1:
            columns, told = list(returns), list(returns.values())
            end = max([answer[1] for answer in told] + [decision.closed or 0 for decision in never])
            values[t, columns] = 2 * (rankdata([answer[0] for answer in told]) - 1) / (len(told) - 1) - 1
            label_end[t, columns] = end
    return values, label_end


def loop_over_rows(rule: Column, bars: Bars) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    table = bars.tables["outside"]
    values, label_end = np.full(bars.traded.shape, NAN), np.full(bars.traded.shape, UNKNOWN)
    for t, moment in enumerate(bars.clock):
        periods = list(dict.fromkeys(table.period))
        past = [i for i, time in enumerate(periods) if time <= moment]
        if not past or past[-1] + rule.horizon >= len(periods):
            continue
        row = list(table.period).index(periods[past[-1] + rule.horizon])
        after = [k for k, bar in enumerate(bars.clock) if bar >= table.available[row]]
        if after and np.isfinite(table.values[row, 0]):
            values[t, bars.traded[t]] = table.values[row, 0]
            label_end[t, bars.traded[t]] = after[0]
    return values, label_end
