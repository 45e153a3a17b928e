"""Whole studies on data of every kind: with quality policies, on intraday bars with early closes, on days without a rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Fill, Study, WalkForward
from quantml.calendars import sessions
from quantml.evaluation import metrics
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.loaders.quality import DropBar, ForwardFill, Quality, ZeroVolume
from quantml.reports.publish import run
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import ForwardReturn

DEFECT = pd.Timestamp("2015-05-12")
"""A day on which the Nasdaq Composite has no volume, one of two: a known defect of the sample."""


def model(**changes: Any) -> Study:
    parts: dict[str, Any] = {
        "data": Sample("indices", start="2013-01-01", end="2016-12-31"),
        "features": [Momentum(5)],
        "target": ForwardReturn(horizon=1),
        "forecaster": Ridge(),
        "signal": Sign(),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="1y"),
    }
    return Study(**{**parts, **changes})


def forecasts(study: Study, day: pd.Timestamp) -> dict[str, float]:
    made = run(study).forecasts
    row = made[made["time"] == day].set_index("symbol")["mean"]
    return {str(symbol): float(value) for symbol, value in row.items()}


def test_a_dropped_bar_is_neither_forecast_nor_traded_and_stands_in_the_run(tmp_path: Path) -> None:
    finished = run(model(quality=Quality(DropBar(ZeroVolume()))), out=tmp_path)
    assert finished.folder is not None
    assert list(finished.forecasts.loc[finished.forecasts["time"] == DEFECT, "symbol"]) == ["^GSPC"]
    assert not ((finished.fills["time"] == DEFECT) & (finished.fills["symbol"] == "^IXIC")).any()
    told = json.loads((finished.folder / "run.json").read_text())["data"]["quality"]
    assert told["policies"] == ["DropBar"]
    assert told["findings"] == {"zero volume": {"error": 0, "note": 0, "warning": 1}}
    assert [(one["symbol"], one["date"][:10], one["rule"], one["action"]) for one in told["actions"]] == [
        ("^IXIC", "2015-05-12", "zero volume", "dropped 1 bar")
    ]
    report = (finished.folder / "report.html").read_text()
    assert "dropped 1 bar" in report
    assert DropBar.hindsight in report
    bare = run(model(), out=tmp_path)
    assert bare.folder is not None
    assert bare.folder != finished.folder
    assert "nothing was repaired" in (bare.folder / "report.html").read_text()


def test_features_read_filled_bars_and_targets_and_trades_do_not() -> None:
    bare, filled = (run(model(quality=quality)) for quality in (None, Quality(ForwardFill(ZeroVolume()))))
    moved = bare.forecasts["mean"].to_numpy() != filled.forecasts["mean"].to_numpy()
    touched = bare.forecasts.loc[moved & (bare.forecasts["time"] < "2016-01-01")]  # later folds are fitted on it, too
    clock = Sample("indices", start="2015-01-01", end="2016-12-31").load().clock
    row = clock.get_loc(DEFECT)
    assert set(touched["symbol"]) == {"^IXIC"}
    assert touched["time"].tolist() == [clock[row], clock[row + 5]]  # Momentum(5) on it, and five bars after it
    assert bare.forecasts["realised"].equals(filled.forecasts["realised"])
    assert bare.id != filled.id


# ------------------------------------------------------------------- intraday


def half_hours(first: str, last: str) -> pd.DatetimeIndex:
    """Half-hour bars of New York in UTC: 13 in a session, 7 where it closes at 13:00."""
    early = {"2018-07-03", "2018-11-23", "2018-12-24"}
    parts = []
    for day in sessions("XNYS", pd.Timestamp(first), pd.Timestamp(last)):
        bars = 7 if f"{day:%Y-%m-%d}" in early else 13
        begin = pd.Timestamp(f"{day:%Y-%m-%d} 09:30", tz="America/New_York")
        parts.append(pd.date_range(begin, periods=bars, freq="30min").tz_convert("UTC"))
    return parts[0].append(parts[1:]).as_unit("us")


@pytest.fixture(scope="module")
def intraday() -> Bars:
    clock = half_hours("2018-05-01", "2018-12-31")
    moves = np.random.default_rng(4).normal(0.0, 0.003, (len(clock), 2))
    close = pd.DataFrame(100.0 * np.exp(moves.cumsum(axis=0)), clock, ["A", "B"])
    opened = close.shift(1).fillna(100.0)
    fields = {"open": opened, "high": 1.001 * np.maximum(opened, close), "low": 0.999 * np.minimum(opened, close)}
    return Bars.from_frame(pd.concat({**fields, "close": close}, axis=1), calendar="XNYS")


def test_a_study_on_intraday_bars_runs_over_early_closes(intraday: Bars) -> None:
    finished = run(
        model(data=intraday, fill=None, validation=WalkForward(train="2m", test="1m"), features=[Momentum(13)])
    )
    told = finished.manifest["data"]
    assert (told["missing_sessions"], told["bars_absent"]) == ([], 0)
    # 13 bars in a session and 7 in an early close, of which there were about 2.4 a year: 252 x 13 - 2.4 x 6
    assert told["periods_per_year"] == 3262.0
    # What is decided on the last bar before a weekend, or before an early close, is filled at the next bar's open.
    fills, clock = finished.fills, intraday.clock
    at, decided = clock.get_indexer(fills["time"]), clock.get_indexer(fills["decided"])
    assert (at == decided + 1).all()
    overnight = fills[fills["decided"] == pd.Timestamp("2018-11-23 17:30", tz="UTC")]  # 12:30 in New York
    assert overnight["time"].eq(pd.Timestamp("2018-11-26 14:30", tz="UTC")).all()
    sharpe = metrics.sharpe_ratio(finished.simulation.returns, periods_per_year=3262.0)  # type: ignore[union-attr]
    assert finished.metrics["sharpe_ratio"] == pytest.approx(sharpe, rel=1e-12)


def test_later_hours_change_nothing_decided_before_an_early_close(intraday: Bars) -> None:
    parts = {"fill": None, "validation": WalkForward(train="2m", test="1m"), "features": [Momentum(13)]}
    whole = run(model(data=intraday, **parts)).weights
    cut = run(model(data=intraday.until("2018-11-23 17:30"), **parts)).weights
    assert cut["time"].max() == pd.Timestamp("2018-11-23 17:30", tz="UTC")
    merged = whole[whole["time"] <= cut["time"].max()].reset_index(drop=True)
    pd.testing.assert_frame_equal(merged, cut.reset_index(drop=True), rtol=1e-10)


# ---------------------------------------------------------------- every day


def test_a_study_on_crypto_has_years_of_365_days() -> None:
    days = pd.date_range("2018-01-01", "2020-12-31")
    close = 100.0 * np.exp(np.random.default_rng(5).normal(0.0, 0.03, len(days)).cumsum())
    bars = Bars.from_close(pd.DataFrame({"BTC-USD": close}, days), calendar="24/7")
    study = model(data=bars, features=(), target=None, forecaster=None, signal=MovingAverageCross(5, 30),
                  validation=WalkForward(train="1y", test="3m"))  # fmt: skip
    finished = run(study)
    assert finished.manifest["data"]["missing_sessions"] == []
    returns = finished.simulation.returns  # type: ignore[union-attr]
    by_hand = float(returns.mean() / returns.std(ddof=1) * np.sqrt(365.0))
    assert finished.metrics["sharpe_ratio"] == pytest.approx(by_hand, rel=1e-12)
    assert finished.fills["time"].dt.day_of_week.ge(5).any()  # it trades at weekends
