"""Frames of yfinance: what its `download` gives over the whole path, and bars as quoted made from either layout."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import DataError
from quantml.loaders import read_yfinance, yahoo_client
from quantml.loaders.yahoo_client import Answer
from quantml.loaders.yahoo_prices import raw_bars
from tests.loaders.test_yahoo import APPLE, DEAD, HOURLY, OTHER, QUOTED
from tests.loaders.yahoo_server import Fault, YahooServer, half, page, slow, status, told

# yfinance has not followed pandas yet.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:The inplace keyword in DataFrame\.\w+ is deprecated:pandas.errors.Pandas4Warning"
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "LIMITED": (status(429), status(429)),
    "DELISTED": (told({"chart": {"result": None, "error": DEAD}}, 404),) * 2,
    "MALFORMED": (status(200, '{"chart": {"resul', "application/json"),),
    "EMPTY": (told({"chart": {"result": [], "error": None}}),),
    "HALF": (half,),
    "LATE": (slow(0.4),),
    "BROKEN": (page(502), page(502)),
    "CHANGED": (told({"chart": {"result": [{"meta": {"currency": "USD"}}], "error": None}}),),
}


@pytest.fixture
def download(server: YahooServer, session: Any, tmp_path: Path) -> Any:
    import yfinance

    server.listings |= {"AAPL": APPLE, "OTHER": OTHER}
    yahoo_client.keep_caches_in(tmp_path)

    def download(symbols: list[str], **options: Any) -> pd.DataFrame:
        usual = {"start": "2020-08-01", "end": "2020-09-05", "auto_adjust": False, "actions": True}
        reached = {"session": session, "progress": False, "threads": False, "timeout": 0.25}
        return yfinance.download(symbols, **(usual | reached | options))

    return download


# ---------------------------------------------------------------- the real download


@pytest.mark.parametrize("threads", [False, True])
def test_download_never_raises_and_gives_nan_for_what_failed(
    download: Any, server: YahooServer, threads: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for symbol, faults in FAULTS.items():
        server.listings[symbol] = OTHER
        server.fail(symbol, *faults)
    frame = download(["AAPL", *FAULTS, "DEAD"], threads=threads)
    assert frame["Close"]["AAPL"].tolist() == [113.9025, 111.1125, 124.8075, 129.04]
    assert frame["Close"].drop(columns="AAPL").isna().all(axis=None)
    assert set(frame["Close"]) == {"AAPL", "DEAD", *FAULTS}
    with caplog.at_level(logging.WARNING, "quantml"):
        bars = read_yfinance(frame, periods_per_year=252)
    assert bars.symbols == ("AAPL",)
    assert all(symbol in caplog.text for symbol in FAULTS)


def test_download_survives_one_rate_limit(download: Any, server: YahooServer) -> None:
    server.fail("AAPL", status(429))
    assert download(["AAPL"])["Close"]["AAPL"].notna().all()


def test_a_failed_symbol_brings_a_stray_level(download: Any) -> None:
    assert "Adj Close" not in download(["AAPL"], auto_adjust=True).columns.levels[0]
    frame = download(["AAPL", "DEAD"], auto_adjust=True)
    assert frame["Adj Close"].columns.tolist() == ["DEAD"]
    with pytest.raises(DataError, match="Download with auto_adjust=False, actions=True"):
        read_yfinance(frame)


@pytest.mark.parametrize("group_by", ["column", "ticker"])
def test_both_orders_of_levels_are_read_as_quoted(download: Any, group_by: str) -> None:
    bars = read_yfinance(download(["AAPL", "OTHER"], group_by=group_by), calendar="XNYS", periods_per_year=252)
    assert set(bars.symbols) == {"AAPL", "OTHER"}
    assert bars.raw.close["AAPL"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert bars.splits["AAPL"].tolist() == [1.0, 1.0, 1.0, 4.0]
    assert bars.dividends["AAPL"].tolist() == pytest.approx([0.0, 0.82, 0.0, 0.0])
    assert bars.raw.close["OTHER"].dropna().tolist() == [10.5, 11.0]
    assert (bars.calendar, str(bars.clock.dtype)) == ("XNYS", "datetime64[us]")


def test_the_plain_columns_of_one_symbol_are_read_as_quoted(download: Any) -> None:
    frame = download(["AAPL"], multi_level_index=False)
    assert "Close" in frame.columns
    bars = read_yfinance(frame, symbol="AAPL", periods_per_year=252)
    assert bars.raw.close["AAPL"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    with pytest.raises(DataError, match="plain columns must come with their symbol"):
        read_yfinance(frame)


def test_intraday_columns_are_read_in_utc(download: Any, server: YahooServer) -> None:
    server.listings["AAPL"] = HOURLY
    bars = read_yfinance(download(["AAPL"], interval="60m"), periods_per_year=1638)
    assert bars.clock[0] == pd.Timestamp("2020-08-28 18:30", tz="UTC")
    assert bars.raw.close["AAPL"].tolist() == pytest.approx([505.0, 499.23, 130.0, 129.5], rel=1e-12)


@pytest.mark.parametrize("options", [{"auto_adjust": True}, {"actions": False}])
def test_adjusted_prices_and_missing_events_are_refused(download: Any, options: dict[str, bool]) -> None:
    with pytest.raises(DataError, match="Download with auto_adjust=False, actions=True: adjusted prices cannot"):
        read_yfinance(download(["AAPL"], **options))


def test_a_frame_without_any_bar_is_refused(download: Any) -> None:
    with pytest.raises(DataError, match="have bars of at least one symbol; got 'none of DEAD'"):
        read_yfinance(download(["DEAD", "DEAD"]).reindex(columns=_columns("DEAD")))


def _columns(symbol: str) -> pd.MultiIndex:
    names = ["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
    return pd.MultiIndex.from_product([names, [symbol]])


# ---------------------------------------------------------------- back to what was quoted


@given(
    closes=st.lists(st.floats(1.0, 500.0), min_size=6, max_size=6),
    splits=st.dictionaries(st.integers(0, 9), st.sampled_from([0.1, 0.5, 1.5, 2.0, 7.0, 20.0]), max_size=4),
    dividends=st.dictionaries(st.integers(0, 5), st.floats(0.01, 5.0), max_size=3),
)
@settings(max_examples=50, deadline=None)
def test_what_yahoo_divides_by_later_splits_is_recovered(
    closes: list[float], splits: dict[int, float], dividends: dict[int, float]
) -> None:
    days = pd.bdate_range("2020-01-06", periods=10, tz="America/New_York", unit="s")
    divisor = [np.prod([ratio for day, ratio in splits.items() if day > bar]) for bar in range(6)]
    shown = np.array(closes) / divisor
    names = ("Open", "High", "Low", "Close")
    prices = pd.DataFrame(dict.fromkeys(names, shown) | {"Volume": 1000.0 * np.array(divisor)}, index=days[:6])
    answer = Answer(
        prices,
        pd.Series(list(splits.values()), index=days[list(splits)]) if splits else pd.Series(),
        pd.Series({days[day]: cash / divisor[day] for day, cash in dividends.items()}, dtype=float),
        pd.Series(),
        "USD",
        None,
    )
    bars = raw_bars(answer, "X")
    np.testing.assert_allclose(bars["close"], closes, rtol=1e-12)
    np.testing.assert_allclose(bars["volume"], 1000.0, rtol=1e-12)
    assert bars["split"].tolist() == [splits.get(bar, 1.0) for bar in range(6)]
    np.testing.assert_allclose(bars["dividend"], [dividends.get(bar, 0.0) for bar in range(6)], rtol=1e-12)


def test_a_newest_bar_without_a_close_is_left_out(download: Any, caplog: pytest.LogCaptureFixture) -> None:
    frame = download(["AAPL"])
    frame.loc[frame.index[-1], ("Close", "AAPL")] = np.nan
    with caplog.at_level(logging.WARNING, "quantml"):
        bars = read_yfinance(frame, periods_per_year=252)
    assert len(bars) == 3
    assert "AAPL: the bar of 2020-08-31 lacks a price and is left out." in caplog.text
