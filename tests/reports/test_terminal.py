from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console, RenderableType

from quantml.operations.forecast import NextForecast
from quantml.reports.terminal import forecast_table, live_progress, result_table, runs_table
from quantml.runs import Run


def printed(content: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(content)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_result_fits_eighty_columns(plain: Run) -> None:
    assert max(len(line) for line in printed(result_table(plain), 80).splitlines()) <= 80


def test_a_result_shows_both_sides_and_the_range(plain: Run) -> None:
    assert plain.verdict is not None
    line = next(line for line in printed(result_table(plain)).splitlines() if "Sharpe ratio" in line)
    shown = [f"{plain.metrics['sharpe_ratio']:.2f}", f"{plain.manifest['benchmark_metrics']['sharpe_ratio']:.2f}",
             f"{plain.verdict.sharpe_ratio.low:.2f} to {plain.verdict.sharpe_ratio.high:.2f}"]  # fmt: skip
    assert line.replace("−", "-").rstrip().split(maxsplit=4)[2:] == [*shown[:2], shown[2]]


def test_a_result_ends_with_the_verdict_and_the_report(plain: Run, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    lines = printed(result_table(replace(plain, folder=tmp_path / "runs" / "a"))).splitlines()
    assert plain.verdict is not None
    assert lines[-3:] == [
        f"Verdict: {plain.verdict.outcome}",
        "Caution: Survivorship: the three were chosen afterwards.",
        "Report: runs/a/report.html",
    ]


def test_a_long_path_is_folded_and_not_cut(plain: Run) -> None:
    folder = Path("/") / "x".join(str(k) for k in range(60))
    text = printed(result_table(replace(plain, folder=folder)), 60)
    assert str(folder / "report.html") in text.replace("\n", "")


def test_a_forecast_only_result_has_no_table(forecast_only: Run) -> None:
    text = printed(result_table(forecast_only), 500)
    assert "Sharpe" not in text
    assert "naive forecast's" in text


def test_runs_are_listed_with_their_own_names(plain: Run, forecast_only: Run) -> None:
    odd = replace(plain, manifest={**plain.manifest, "name": "[bold]odd"})
    text = printed(runs_table([odd, forecast_only]), 140)
    assert "[bold]odd/0123456789ab" in text
    assert "forecast only" in text


def test_runs_fit_eighty_columns_with_hashes_and_dates_whole(plain: Run) -> None:
    named = replace(plain, manifest={**plain.manifest, "name": "large_caps_momentum"})
    wide, narrow = printed(runs_table([named]), 120), printed(runs_table([named]), 80)
    first, last = (f"{plain.manifest[name]:%Y-%m-%d}" for name in ("first_decision", "last_decision"))
    assert f"large_caps_momentum/0123456789ab   {first} to {last}" in wide
    assert max(len(line) for line in narrow.splitlines()) <= 80
    lines = [line.split() for line in narrow.splitlines() if line.strip()]
    at = next(k for k, line in enumerate(lines) if line[0] == "large_caps_momentum/")
    assert lines[at][1] == first
    assert lines[at + 1] == ["0123456789ab", last]


def test_a_name_too_long_for_the_terminal_leaves_the_hash_whole(plain: Run) -> None:
    named = replace(plain, manifest={**plain.manifest, "name": "a_name_that_is_far_too_long_for_any_terminal" * 2})
    for width in (80, 60):
        narrow = printed(runs_table([named]), width)
        assert max(len(line) for line in narrow.splitlines()) <= width
        assert "0123456789ab" in narrow


def test_no_runs_is_said() -> None:
    assert "No runs yet" in printed(runs_table([]))


@pytest.fixture
def decided() -> NextForecast:
    table = pd.DataFrame({"symbol": ["^GSPC", "[x]"], "close": [2506.85, 10.0], "forecast": [0.0012, np.nan],
                          "probability": [np.nan, np.nan], "weight": [-0.5, 0.0]})  # fmt: skip
    return NextForecast(
        study="weekly",
        decided=pd.Timestamp("2018-12-31"),
        session=pd.Timestamp("2019-01-02"),
        fill="next_close",
        table=table,
        weights_from=pd.Timestamp("2018-12-31"),
        trades=True,
        fits=True,
        parameters={"signal.0.threshold": 0.002},
        trained_until=pd.Timestamp("2018-10-01"),
    )


def test_weights_decided_earlier_say_when(decided: NextForecast) -> None:
    text = printed(forecast_table(replace(decided, weights_from=pd.Timestamp("2018-12-03"), fits=False)))
    assert "the weights are those last decided, on 2018-12-03" in " ".join(text.split())
    assert "The model was fitted" not in text


def test_a_forecast_shows_each_symbol_s_weight(decided: NextForecast) -> None:
    text = printed(forecast_table(decided)).replace("\u202f", "").replace("−", "-")
    rows = [line.split() for line in text.splitlines()]
    assert ["^GSPC", "2,506.85", "+0.12%", "-50.00%"] in rows
    assert ["[x]", "10.00", "–", "0.00%"] in rows
    assert "Probability" not in text
    assert "signal.0.threshold 0.002" in text
    assert "the session of 2019-01-02; filled at the next close" in text


def test_a_direction_s_forecast_is_shown_once(decided: NextForecast) -> None:
    up = decided.table.assign(forecast=[0.61, np.nan], probability=[0.61, np.nan])
    lines = [line.split() for line in printed(forecast_table(replace(decided, table=up))).splitlines()]
    assert ["Symbol", "Close", "Probability", "Weight"] in lines
    both = decided.table.assign(probability=[0.61, np.nan])
    lines = [line.split() for line in printed(forecast_table(replace(decided, table=both))).splitlines()]
    assert ["Symbol", "Close", "Forecast", "Probability", "Weight"] in lines


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with live_progress("weekly") as show:
        show(1, 3)
    assert capsys.readouterr() == ("", "")


def test_progress_counts_folds_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with live_progress("[weekly]") as show:
        shown: Callable[[int, int], None] = show
        shown(2, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "[weekly]" in err
    assert "2/3" in err
