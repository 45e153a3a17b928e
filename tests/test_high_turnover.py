"""A study that trades too much: what it paid is in every number that a reader sees first."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from quantml import Bars, Costs, Run, Study, WalkForward, run
from quantml.reports.page import page
from quantml.reports.terminal import result_table, run_values
from quantml.simulation import simulate
from quantml.timing import Fill


def turned_daily(features: Any, context: Any) -> pd.DataFrame:
    """Be long on even days of the year, and short on the others."""
    bars = context.bars
    sides = np.where(bars.clock.day_of_year % 2 == 0, 0.9, -0.9)
    return pd.DataFrame({"A": sides}, index=bars.clock)


@pytest.fixture(scope="module")
def bars() -> Bars:
    generator = np.random.default_rng(8)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.002, 900)))
    clock = pd.bdate_range("2018-01-01", periods=900)
    return Bars.from_close(pd.DataFrame({"A": close}, clock), periods_per_year=252)


@pytest.fixture(scope="module")
def dear(bars: Bars, tmp_path_factory: pytest.TempPathFactory) -> Run:
    study = Study(
        data=bars, signal=turned_daily, costs=Costs(commission_bps=50), validation=WalkForward(train="1y", test="6m")
    )
    return run(study, out=tmp_path_factory.mktemp("runs"))


def net_and_gross(dear: Run, bars: Bars) -> tuple[float, float]:
    """Total return of the account kept once more by hand, with its costs and without."""
    weights = dear.weights.pivot(index="time", columns="symbol", values="weight")
    paid, free = (
        simulate(weights, bars, costs=costs, fill=Fill.NEXT_CLOSE).equity.iloc[-1] / 1e6 - 1.0
        for costs in (Costs(commission_bps=50), Costs())
    )
    return float(paid), float(free)


def test_the_metrics_are_net(dear: Run, bars: Bars) -> None:
    net, gross = net_and_gross(dear, bars)
    assert net < -0.95
    assert gross > -0.5
    assert dear.metrics["total_return"] == pytest.approx(net, rel=1e-9)
    assert dear.metrics["max_drawdown"] <= net
    assert dear.metrics["annual_return"] < -0.8
    assert dear.metrics["sharpe_ratio"] < -10.0


def test_page_terminal_and_json_show_the_net_numbers_first(dear: Run, bars: Bars) -> None:
    net, _ = net_and_gross(dear, bars)
    shown = f"{100 * net:.1f}%"
    text = html.unescape(page(dear)[1].decode()).replace("\N{MINUS SIGN}", "-").replace("\N{THIN SPACE}", "")
    row = re.search(r"Total return</t[hd]>\s*<td[^>]*>(.*?)</td>", text)
    assert row is not None
    assert re.sub(r"<[^>]+>|\s", "", row[1]) == shown
    assert "Net of costs" in text
    console = Console(file=io.StringIO(), width=100)
    console.print(result_table(dear))
    lines = str(console.file.getvalue()).replace("\N{MINUS SIGN}", "-").splitlines()  # type: ignore[attr-defined]
    assert any("Net of costs" in line for line in lines)
    assert next(line for line in lines if "Total return" in line).split()[2:4] == [shown[:-1], "%"]
    assert run_values(dear)["metrics"]["total_return"] == dear.metrics["total_return"]
    assert Path(run_values(dear)["report"]).is_file()
