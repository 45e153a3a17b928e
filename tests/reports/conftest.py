"""Runs made by hand: seeded prices, forecasts and weights, in the shapes that a walk-forward leaves."""

from __future__ import annotations

import html.parser
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.canonical import canonical
from quantml.evaluation import metrics
from quantml.evaluation.accuracy import forecast_accuracy
from quantml.evaluation.verdict import judge
from quantml.reports.page import page
from quantml.runs import Run
from quantml.simulation.costs import KINDS, Costs
from quantml.simulation.simulator import Simulation, buy_and_hold, simulate
from quantml.timing import Fill

COSTS = Costs(commission_bps=1.0, spread_bps=4.0)
SYMBOLS = ("^GSPC", "[x]", "A&B<i>")
BARS_IN_A_FOLD = 63

Make = Callable[..., Run]


def made_bars(length: int, seed: int = 7) -> Bars:
    clock = pd.bdate_range("2003-01-02", periods=length)
    returns = np.random.default_rng(seed).normal(0.0004, 0.012, (length, len(SYMBOLS)))
    prices = 100.0 * np.cumprod(1.0 + returns, axis=0)
    return Bars.from_close(pd.DataFrame(prices, index=clock, columns=list(SYMBOLS)), periods_per_year=252)


def random_weights(bars: Bars) -> np.ndarray[Any, Any]:
    held = np.random.default_rng(3).choice([-0.3, 0.0, 0.4], size=(len(bars), len(bars.symbols)))
    return np.asarray(np.repeat(held[::5], 5, axis=0)[: len(bars)])


def manifest(bars: Bars, name: str, *, forecasts: bool, fill: Fill, notes: tuple[str, ...]) -> dict[str, Any]:
    target = {"type": "quantml.targets.ForwardReturn", "horizon": 1, "start": "fill"}
    return {
        "format": 1,
        "run": "0123456789ab",
        "name": name,
        "study": {
            "type": "quantml.study.Study",
            "data": {"type": "quantml.loaders.synthetic.Synthetic", "symbols": 3, "end": None},
            "features": [{"type": "quantml.features.price.Momentum", "window": 21}],
            "target": target if forecasts else None,
            "forecaster": {"type": "quantml.forecasters.learned.Ridge", "alpha": 1.0} if forecasts else None,
            "signal": [{"type": "quantml.signals.rules.Sign", "threshold": 0.0}],
            "costs": canonical(COSTS),
            "validation": {"type": "quantml.validation.splits.WalkForward", "train": "1y", "test": "3m"},
            "tuning": {"type": "quantml.validation.tuning.Tuning", "objective": "sharpe_ratio", "folds": 3},
            "baseline": None,
            "benchmark": None,
            "fill": f"Fill.{fill.name}",
            "seed": 0,
        },
        "identity": {
            "study": "a" * 64,
            "data": bars.fingerprint,
            "source": "b" * 64,
            "user_source": None,
            "versions": {"python": "3.11", "quantml": "0.1.0", "numpy": "2.4.0"},
        },
        "warnings": [],
        "settings": ["validation.test=3m"],
        "seed": 0,
        "fill": fill.value,
        "data": {
            "source": "Synthetic(symbols=3, end=None)",
            "fingerprint": bars.fingerprint,
            "symbols": list(bars.symbols),
            "fields": ["close"],
            "bars": len(bars),
            "first": bars.clock[0],
            "last": bars.clock[-1],
            "periods_per_year": 252.0,
            "calendar": "XNYS",
            "missing_sessions": [f"2003-02-{day:02d}" for day in range(3, 15)],
            "bars_absent": 4,
            "starts_late": {"[x]": "2003-03-03"},
            "ends_early": {},
            "splits": 0,
            "dividends": 0,
            "notes": list(notes),
            "tables": {"rates": ["yield"]},
        },
        "work": {"folds": 4, "candidates": 8, "training_rows": 3000, "purged_rows": 12},
        "first_decision": bars.clock[0],
        "last_decision": bars.clock[-1],
    }


def folds_frame(bars: Bars, *, scored: bool) -> pd.DataFrame:
    starts = np.arange(0, len(bars), BARS_IN_A_FOLD)
    scores = np.random.default_rng(5).normal(0.5, 1.0, (len(starts), 2))
    thresholds = [0.001 * (k % 2) for k in range(len(starts))]
    return pd.DataFrame(
        {
            "fold": np.arange(len(starts)),
            "train_first": bars.clock[starts] - pd.Timedelta(days=365),
            "train_last": bars.clock[starts] - pd.Timedelta(days=1),
            "test_first": bars.clock[starts],
            "test_last": bars.clock[np.minimum(starts + BARS_IN_A_FOLD, len(bars)) - 1],
            "rows": 750,
            "purged": 3,
            "candidates": 2,
            "in_sample": scores[:, 0] + 1.0 if scored else np.nan,
            "out_of_sample": scores[:, 1] if scored else np.nan,
            "validation": scores[:, 0] + 0.5 if scored else np.nan,
            "in_sample_return": 0.08 if scored else np.nan,
            "out_of_sample_return": 0.02 if scored else np.nan,
            "efficiency": 0.25 if scored else np.nan,
            "parameters": [json.dumps({"signal.0.threshold": value}) for value in thresholds],
            "runner_up": [json.dumps({"signal.0.threshold": 0.001 - value}) for value in thresholds],
            "runner_up_score": scores[:, 0] if scored else np.nan,
            "margin": 0.5 if scored else np.nan,
        }
    )


def forecasts_frame(bars: Bars) -> pd.DataFrame:
    realised = np.vstack([bars.returns().to_numpy()[1:], np.full((1, len(bars.symbols)), np.nan)])
    noise = np.random.default_rng(11).normal(0.0, 0.002, realised.shape)
    columns = {"mean": 0.02 * np.nan_to_num(realised) + noise, "baseline": np.roll(realised, 1, axis=0)}
    row, symbol = np.indices(realised.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            "time": bars.clock[row],
            "symbol": np.array(bars.symbols, dtype=object)[symbol],
            "fold": row // BARS_IN_A_FOLD,
            **{name: values.ravel() for name, values in columns.items()},
            "realised": realised.ravel(),
        }
    )


def accuracy(forecasts: pd.DataFrame, symbols: int) -> dict[str, float]:
    shaped = (forecasts[name].to_numpy().reshape(-1, symbols) for name in ("realised", "mean", "baseline"))
    return forecast_accuracy(*shaped)


def equity_frame(simulation: Simulation, benchmark: Simulation) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": simulation.clock,
            "equity": simulation.equity.to_numpy(),
            "returns": simulation.returns.to_numpy(),
            "cash": simulation.cash.to_numpy(),
            "exposure": simulation.exposure.to_numpy(),
            **{kind: simulation.costs[kind].to_numpy() for kind in KINDS},
            "benchmark_equity": benchmark.equity.to_numpy(),
            "benchmark_returns": benchmark.returns.to_numpy(),
        }
    )


def make_run(
    length: int = 800,
    *,
    name: str = "weekly_rule",
    trades: bool = True,
    forecasts: bool = True,
    weights: Callable[[Bars], np.ndarray[Any, Any]] = random_weights,
    fill: Fill = Fill.NEXT_CLOSE,
    notes: tuple[str, ...] = (),
    bars: Bars | None = None,
) -> Run:
    """A run of `length` bars; `trades` and `forecasts` say which parts of a study it has."""
    bars = made_bars(length) if bars is None else bars
    content = manifest(bars, name, forecasts=forecasts, fill=fill, notes=notes)
    predicted = forecasts_frame(bars)
    content["accuracy"] = accuracy(predicted, len(bars.symbols)) if forecasts else {}
    common = {"folds": folds_frame(bars, scored=trades), "candidates": pd.DataFrame(),
              "forecasts": predicted if forecasts else predicted.iloc[:0]}  # fmt: skip
    if not trades:
        content |= {"metrics": {}, "benchmark_metrics": {}}
        empty = pd.DataFrame({"time": pd.DatetimeIndex([]), "equity": [], "returns": []})
        tables = {part: pd.DataFrame() for part in ("weights", "fills", "trades")}
        return Run(manifest=content, equity=empty, verdict=None, **tables, **common)
    wanted = pd.DataFrame(weights(bars), index=bars.clock, columns=list(bars.symbols))
    simulation = simulate(wanted, bars, costs=COSTS, fill=fill)
    benchmark = buy_and_hold(bars, costs=COSTS, fill=fill)
    own, other = simulation.returns, benchmark.returns
    content["metrics"] = metrics.summary(own, periods_per_year=252, benchmark=other)
    content["benchmark_metrics"] = metrics.summary(other, periods_per_year=252)
    content["ruined_at"] = simulation.ruined_at
    return Run(
        manifest=content,
        equity=equity_frame(simulation, benchmark),
        weights=pd.DataFrame(),
        fills=simulation.fills,
        trades=simulation.trades,
        verdict=judge(own, other, periods_per_year=252, seed=1, resamples=200),
        **common,
    )


@pytest.fixture(scope="session")
def plain() -> Run:
    """A study that forecasts and trades."""
    return make_run(notes=("Survivorship: the three were chosen afterwards.", "Prices are invented."))


@pytest.fixture(scope="session")
def forecast_only() -> Run:
    """A study without a signal."""
    return make_run(300, trades=False)


@pytest.fixture(scope="session")
def untraded() -> Run:
    """A rule that never holds anything."""
    return make_run(300, forecasts=False, weights=lambda bars: np.zeros((len(bars), len(bars.symbols))))


@pytest.fixture(scope="session")
def short() -> Run:
    """A record of less than a year."""
    return make_run(120, fill=Fill.PERIOD)


@pytest.fixture(scope="session")
def ruined() -> Run:
    """An account that is lost: short nine times its equity when prices jump by a third."""
    clock = pd.bdate_range("2003-01-02", periods=320)
    path = np.where(np.arange(320) < 200, 100.0, 133.0) + np.arange(320) % 2
    prices = pd.DataFrame(dict.fromkeys(SYMBOLS, path), index=clock)
    bars = Bars.from_close(prices, periods_per_year=252)
    return make_run(bars=bars, forecasts=False, weights=lambda held: np.full((320, 3), -3.0))


@dataclass
class Parsed(html.parser.HTMLParser):
    """A page's tags, attributes, text by section, and tables."""

    open_tags: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    section: str = ""

    EMPTY = frozenset({"meta", "br", "path", "use", "link", "img"})

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
            self.sections[self.section] = ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.EMPTY:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.EMPTY:
            return
        if not self.open_tags or self.open_tags.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open_tags and self.open_tags[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.section:
            self.sections[self.section] += data

    def row(self, name: str) -> list[str]:
        """The first table row headed `name`, its other cells with plain signs and spaces."""
        found = next(cells for cells in self.rows if cells and cells[0] == name)
        return [cell.replace("\u202f", "").replace("\u2212", "-").replace(",", "") for cell in found[1:]]


@cache
def rendered(run: Run) -> str:
    """The page of a run, rendered once."""
    return page(run)[1].decode()


@cache
def parse(run: Run) -> Parsed:
    """Read a run's page."""
    parsed = Parsed()
    parsed.feed(rendered(run))
    parsed.close()
    return parsed
