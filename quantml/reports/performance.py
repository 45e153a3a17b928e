"""What the strategy earned beside its benchmark: headline, every metric, months, years and drawdowns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.evaluation import metrics
from quantml.reports import plots, words
from quantml.reports.facts import Facts
from quantml.reports.tables import Heat, Strip, Table

HEADLINE: Final = (
    "total_return", "annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown",
    "calmar_ratio", "excess_return", "beta", "hit_rate",
)  # fmt: skip
_RELATIVE: Final = frozenset({"excess_return", "beta"})
_STRONGEST: Final = 0.12
"""A month's return of this size has the full colour."""


@dataclass(frozen=True)
class Calendar:
    """Monthly returns, one row per year: the year, twelve cells, and the year's return and the benchmark's."""

    rows: tuple[tuple[str, tuple[Heat, ...], str, str], ...]


def headline(facts: Facts) -> Table:
    """Strategy against benchmark, net of costs, with the intervals that the verdict rests on."""
    own, other = facts.manifest["metrics"], facts.manifest["benchmark_metrics"]
    rows = [
        (
            words.title(name),
            words.measure(name, own.get(name)),
            "" if name in _RELATIVE else words.measure(name, other.get(name)),
            _range(facts, name),
        )
        for name in HEADLINE
    ]
    rows += [
        ("Traded per year, times equity", words.number(turnover(facts), 1), "bought once", ""),
        ("Costs per year, of equity", words.percent(cost_rate(facts), 2), "", ""),
        ("Average exposure, of equity", words.percent(float(facts.run.equity["exposure"].mean()), 0), "", ""),
    ]  # fmt: skip
    head = ("Net of costs", "Strategy", "Benchmark", f"{confidence(facts)} range")
    return Table.of("Strategy against benchmark, net of costs", head, rows, "lrrr")


def confidence(facts: Facts) -> str:
    """The share of records whose range holds the truth, such as ``95 %``."""
    verdict = facts.run.verdict
    return words.percent(0.95 if verdict is None else verdict.sharpe_ratio.confidence, 0)


def _range(facts: Facts, name: str) -> str:
    interval = getattr(facts.run.verdict, name, None)
    return "" if interval is None else words.between(interval.low, interval.high, name)


def riskless(facts: Facts) -> str:
    """Say what the Sharpe ratios are measured beyond."""
    if facts.study.get("cash") is None:
        return "The study declares nothing that cash earns: Sharpe ratios take the riskless rate as zero."
    earned = float(facts.risk_free.mean()) * facts.periods_per_year
    rate = words.percent(earned)
    return (
        f"Sharpe ratios are of what was earned beyond cash, which earned {rate} a year on average; Sortino and Omega"
        " ratios are of all that was earned."
    )


def strips(facts: Facts) -> tuple[Strip, ...]:
    """The two intervals behind the verdict, as bars beside zero."""
    verdict = facts.run.verdict
    if verdict is None:
        return ()
    drawn = [
        Strip.of(words.title(name), f"{words.measure(name, part.estimate)} ({_range(facts, name)})", part)
        for name, part in (("sharpe_ratio", verdict.sharpe_ratio), ("excess_return", verdict.excess_return))
    ]
    return tuple(strip for strip in drawn if strip is not None)


def turnover(facts: Facts) -> float:
    """Notional of ordered fills per year, as a multiple of the equity before them."""
    fills = facts.run.fills
    if len(fills) == 0:
        return 0.0
    ordered = fills[fills["kind"] == "ordered"]
    share = ordered["notional"].to_numpy() / facts.before.loc[pd.DatetimeIndex(ordered["time"])].to_numpy()
    return float(share.sum()) / facts.years


def cost_rate(facts: Facts) -> float:
    """All costs per year as a fraction of the equity before them."""
    return float((facts.costs.sum(axis=1) / facts.before).sum()) / facts.years


# ------------------------------------------------------------------ every metric


def every_metric(facts: Facts) -> Table:
    """Every metric of the manifest, with what it means."""
    own, other = facts.manifest["metrics"], facts.manifest["benchmark_metrics"]
    rows = [
        (words.title(name), words.measure(name, own[name]), words.measure(name, other.get(name)), meaning(name))
        for name in sorted(own, key=words.title)
    ]
    return Table.of("Every metric", ("Metric", "Strategy", "Benchmark", "What it is"), rows, "lrrw")


def meaning(name: str) -> str:
    """The first sentence of the metric's documentation."""
    text = (getattr(metrics, name, None).__doc__ or "").partition("\n\n")[0]
    text = re.sub(r"`+([^`]*)`+", lambda found: found[1].replace("_", " "), " ".join(text.split()))
    return text[:1].upper() + text[1:]


# ------------------------------------------------------------------ through time


def equity(facts: Facts) -> plots.Picture:
    """Growth and drawdown."""
    drawdown = facts.returns.apply(metrics.drawdowns)
    return plots.equity_picture(facts.growth, drawdown)


def rolling(facts: Facts) -> plots.Picture | None:
    """Sharpe ratio of a moving year; None where the record is not longer than that.

    A year in which the strategy held nothing has none: what is left of its returns is rounding.
    """
    window = round(facts.periods_per_year)
    if window < 2 or len(facts.clock) <= window:
        return None
    ratios = facts.returns.apply(
        metrics.rolling_sharpe_ratio,
        window=window,
        periods_per_year=facts.periods_per_year,
        risk_free=facts.risk_free,
    )
    ratios["strategy"] = ratios["strategy"].where(facts.held.rolling(window).max() > 0.0)
    ratios = ratios.iloc[window - 1 :]
    return None if ratios.isna().all(axis=None) else plots.rolling_picture(ratios, "year")


def yearly(facts: Facts) -> plots.Picture:
    """Returns of calendar years."""
    return plots.yearly_picture(facts.returns.apply(metrics.yearly_returns))


def calendar(facts: Facts) -> Calendar:
    """Monthly returns of the strategy, and both yearly ones."""
    months = metrics.monthly_returns(facts.returns["strategy"])
    years = facts.returns.apply(metrics.yearly_returns)
    rows = [
        (
            str(year),
            tuple(_heat(value) for value in months.loc[year]),
            words.percent(years.loc[year, "strategy"], signed=True),
            words.percent(years.loc[year, "benchmark"], signed=True),
        )
        for year in months.index
    ]
    return Calendar(tuple(rows))


def _heat(value: float) -> Heat:
    if np.isnan(value):
        return Heat("", "", 0.0)
    strength = round(min(abs(value) / _STRONGEST, 1.0), 2)
    return Heat(words.number(100.0 * value, 1), "gain" if value >= 0.0 else "loss", strength)


def drawdowns(facts: Facts) -> Table:
    """The five deepest drawdowns of the strategy."""
    table = metrics.drawdown_table(facts.returns["strategy"], top=5)
    rows = [
        (
            words.percent(row["depth"]),
            "the start" if pd.isna(row["peak"]) else words.day(row["peak"]),
            words.day(row["valley"]),
            "not yet" if pd.isna(row["recovery"]) else words.day(row["recovery"]),
            words.count(float(row["length"])),
        )
        for row in table.to_dict("records")
    ]
    head = ("Depth", "Peak", "Lowest", "Recovered", "Length in bars")
    return Table.of("Deepest drawdowns of the strategy", head, rows, "rlllr")


def period(facts: Facts) -> dict[str, Any]:
    """First and last bar of the record, and its length."""
    years = facts.years
    length = f"{years:.1f} years" if years >= 1.5 else f"{12.0 * years:.0f} months"
    return {"first": words.day(facts.clock[0]), "last": words.day(facts.clock[-1]), "length": length}
