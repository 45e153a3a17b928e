"""The Yahoo loader against a server on the loopback interface that speaks Yahoo's chart format."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from quantml.canonical import canonical
from quantml.errors import DataError, ParameterError, StorageError, Unreachable
from quantml.loaders import Retry, Yahoo, yahoo_client
from tests.loaders.yahoo_server import Fault, Listing, YahooServer, half, page, slow, status, told

# Apple split 4 for 1 on 2020-08-31 and paid 0.82 dollars a share on 2020-08-07. Quoted closes 455.61, 444.45, 499.23
# and 129.04; Yahoo shows them, the dividend and the volume in the shares of after the split.
APPLE = Listing(
    bars={
        "2020-08-06": (110.405, 114.4125, 109.7975, 113.9025, 202_428_800),
        "2020-08-07": (113.205, 113.675, 110.2925, 111.1125, 198_045_600),
        "2020-08-28": (126.0125, 126.4425, 124.5775, 124.8075, 187_630_000),
        "2020-08-31": (127.58, 131.0, 126.0, 129.04, 225_702_700),
    },
    splits={"2020-08-31": (4, 1)},
    dividends={"2020-08-07": 0.205},
)
QUOTED = [455.61, 444.45, 499.23, 129.04]
OTHER = Listing(bars={"2020-08-07": (10.0, 11.0, 9.0, 10.5, 1000), "2020-08-28": (10.5, 12.0, 10.0, 11.0, 2000)})
DEAD = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
NOTHING = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1577854800, endDate = 1577941200"}
AFTER = pd.Timestamp("2020-08-10")


@pytest.fixture
def yahoo(curl: Any, server: YahooServer, tmp_path: Path, waits: list[float]) -> Callable[..., Yahoo]:
    server.listings |= {"AAPL": APPLE, "OTHER": OTHER}

    def make(*symbols: str, **options: Any) -> Yahoo:
        retry = Retry(attempts=3, pause=2.0, timeout=0.25)
        settings = {"start": "2020-08-01", "end": "2020-09-04", "periods_per_year": 252.0}
        reached = {"session": curl, "retry": retry, "cache": tmp_path}
        return Yahoo(symbols or ("AAPL",), **(settings | reached | options))

    return make


def fetch(yahoo: Yahoo, symbol: str = "AAPL") -> pd.DataFrame:
    return yahoo.fetch(symbol, start=pd.Timestamp("2020-08-01"), end=pd.Timestamp("2020-09-04"))


# ---------------------------------------------------------------- prices as quoted


def test_both_kinds_of_session_give_prices_as_quoted(session: Any, yahoo: Callable[..., Yahoo]) -> None:
    bars = fetch(yahoo(session=session))
    assert bars["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert bars["open"].tolist() == pytest.approx([441.62, 452.82, 504.05, 127.58], rel=1e-12)
    assert bars["volume"].tolist() == [50_607_200.0, 49_511_400.0, 46_907_500.0, 225_702_700.0]
    assert bars["split"].tolist() == [1.0, 1.0, 1.0, 4.0]
    assert bars["dividend"].tolist() == pytest.approx([0.0, 0.82, 0.0, 0.0], rel=1e-12)


def test_without_a_session_yfinance_makes_its_own(
    yahoo: Callable[..., Yahoo], curl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yfinance.data.new_session", lambda: curl)
    assert fetch(yahoo(session=None))["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)


def test_every_host_is_the_server(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    fetch(yahoo())
    assert {"fc.yahoo.com", "query1.finance.yahoo.com", "query2.finance.yahoo.com"} == set(server.hosts)


def test_many_symbols_share_a_clock_with_splits_and_dividends_apart(yahoo: Callable[..., Yahoo]) -> None:
    bars = yahoo("AAPL", "OTHER").load()
    assert bars.symbols == ("AAPL", "OTHER")
    assert bars.raw.close["OTHER"].dropna().tolist() == [10.5, 11.0]
    assert bars.splits["AAPL"].tolist() == [1.0, 1.0, 1.0, 4.0]
    assert bars.dividends.loc["2020-08-07"].tolist() == pytest.approx([0.82, 0.0])
    # 129.04 x 4 / (1 - 0.82 / 455.61), by hand: the dividend is reinvested at 455.61 - 0.82
    assert bars.close["AAPL"].iloc[-1] == pytest.approx(517.090652, abs=1e-6)


def test_a_split_after_the_end_is_undone_too(yahoo: Callable[..., Yahoo]) -> None:
    bars = yahoo("AAPL", end="2020-08-10").load()
    assert bars.raw.close["AAPL"].tolist() == pytest.approx(QUOTED[:2], rel=1e-12)
    assert bars.dividends["AAPL"].tolist() == pytest.approx([0.0, 0.82])


def test_start_and_end_are_included(yahoo: Callable[..., Yahoo]) -> None:
    bars = yahoo("AAPL", start="2020-08-07", end="2020-08-28").load()
    assert bars.clock.strftime("%m-%d").tolist() == ["08-07", "08-28"]


@pytest.mark.parametrize(("end", "count"), [(None, 4), ("2020-08-28", 3)])
def test_without_a_start_all_of_the_history_is_asked_for(
    yahoo: Callable[..., Yahoo], end: str | None, count: int
) -> None:
    assert len(yahoo("AAPL", start=None, end=end).load()) == count


def test_an_event_on_a_date_without_a_bar_stands_on_the_next_bar(
    yahoo: Callable[..., Yahoo], server: YahooServer
) -> None:
    # yfinance itself puts both on the bar before, on which the split would divide a price that it did not change.
    server.listings["AAPL"] = replace(APPLE, splits={"2020-08-30": (4, 1)}, dividends={"2020-08-29": 0.205})
    bars = fetch(yahoo())
    assert bars["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert bars["split"].tolist() == [1.0, 1.0, 1.0, 4.0]
    assert bars["dividend"].tolist() == [0.0, 0.0, 0.0, 0.205]  # per share of after the split


def test_a_bar_of_nulls_is_no_bar(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    null = replace(APPLE, bars={**APPLE.bars, "2020-08-27": None}, dividends={"2020-08-27": 0.205})
    server.listings["AAPL"] = null
    bars = fetch(yahoo())
    assert bars["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert bars["dividend"].tolist() == pytest.approx([0.0, 0.0, 0.82, 0.0])


def test_an_event_without_any_bar_is_none_either(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = Listing({"2020-08-27": None}, dividends={"2020-08-27": 0.205})
    assert len(fetch(yahoo())) == 0


def test_sessions_are_dates_in_the_package_s_unit(yahoo: Callable[..., Yahoo], curl: Any) -> None:
    import yfinance

    fetched = fetch(yahoo())
    with yahoo_client._without_warnings():
        given = yfinance.Ticker("AAPL", session=curl).history(start="2020-08-01", end="2020-09-05")
    assert (str(given.index.dtype), fetched.index.dtype) == ("datetime64[s, America/New_York]", "datetime64[us]")
    assert fetched.index.strftime("%Y-%m-%d %H:%M").tolist()[0] == "2020-08-06 00:00"


def test_bars_of_an_open_session_are_left_out(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    now, day = pd.Timestamp.now("UTC"), pd.Timedelta(days=1)
    midnight = now.normalize()
    days = [f"{midnight - day:%Y-%m-%d}", f"{midnight:%Y-%m-%d}"]
    bars = dict(zip(days, [(10.0, 10.0, 10.0, 10.0, 5), (10.0, 12.0, 9.0, 11.0, 7)], strict=True))
    for symbol, end in (("OPEN", midnight + day), ("DONE", now)):
        server.listings[symbol] = Listing(bars, timezone="UTC", opens="00:00", session=(midnight, end))
    assert yahoo("OPEN", start=None, end=None).load().close["OPEN"].tolist() == [10.0]
    assert yahoo("DONE", start=None, end=None).load().close["DONE"].tolist() == [10.0, 11.0]


# ---------------------------------------------------------------- currencies and exchanges

WEEK = dict.fromkeys((f"2020-08-{day:02d}" for day in range(6, 13)), (10.0, 11.0, 9.0, 10.5, 1000))
"""Saturday the 8th included."""


def test_bars_are_in_the_currency_and_on_the_calendar_that_yahoo_names(
    yahoo: Callable[..., Yahoo], server: YahooServer
) -> None:
    server.listings |= {"AAPL": replace(APPLE, exchange="NMS"), "OTHER": replace(OTHER, exchange="NYQ")}
    bars = yahoo("AAPL", "OTHER").load()
    assert (bars.calendar, dict(bars.currencies)) == ("XNYS", {"AAPL": "USD", "OTHER": "USD"})


def test_symbols_of_several_exchanges_keep_each_its_own(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = replace(APPLE, exchange="NMS")
    server.listings["VOD.L"] = replace(OTHER, exchange="LSE", currency="GBp", timezone="Europe/London", opens="08:00")
    server.listings["BTC-USD"] = Listing(WEEK, exchange="CCC", timezone="UTC", opens="00:00", hours=24)
    bars = yahoo("AAPL", "VOD.L", "BTC-USD", "GONE", periods_per_year=None).load()
    assert dict(bars.calendar or {}) == {"AAPL": "XNYS", "VOD.L": "XLON", "BTC-USD": "24/7"}
    assert dict(bars.currencies) == {"AAPL": "USD", "VOD.L": "GBp", "BTC-USD": "USD"}
    saturday = bars.clock.get_loc("2020-08-08")
    assert bars.closed[saturday].tolist() == [True, True, False]
    assert bars.own_periods_per_year.tolist() == [252.0, 253.0, 365.0]


@pytest.mark.parametrize("calendar", ["XNAS", {"AAPL": "XNAS", "OTHER": "XETR"}])
def test_a_declared_calendar_comes_first(yahoo: Callable[..., Yahoo], server: YahooServer, calendar: Any) -> None:
    server.listings |= {"AAPL": Listing(WEEK, exchange="NMS"), "OTHER": Listing(WEEK, exchange="CMX")}
    assert yahoo("AAPL", "OTHER", calendar=calendar).load().calendar == calendar
    assert yahoo("AAPL", "OTHER").load().calendar is None  # nobody knows which one OTHER keeps


def test_hours_of_a_known_exchange_need_no_number_per_year(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = replace(HOURLY, exchange="NMS")
    # Seven bars a session, four of an early close, of which there are about 2.4 a year: 252 x 7 - 2.4 x 3
    assert yahoo(interval="1h", periods_per_year=None).load().periods_per_year == 1757.0


# ---------------------------------------------------------------- intraday

HOURS = {
    "2020-08-28 14:30": (126.0, 126.5, 125.0, 126.25, 4000),
    "2020-08-28 15:30": (126.25, 126.5, 124.5, 124.8075, 8000),
    "2020-08-31 09:30": (127.58, 131.0, 126.0, 130.0, 9000),
    "2020-08-31 10:30": (130.0, 131.0, 129.0, 129.5, 7000),
}
HOURLY = Listing(bars=HOURS, splits={"2020-08-31": (4, 1)}, dividends={"2020-08-28": 0.205})


@pytest.mark.parametrize("interval", ["1h", "60m"])
def test_intraday_bars_are_in_utc_with_events_on_the_first_bar_of_their_date(
    yahoo: Callable[..., Yahoo], server: YahooServer, interval: str
) -> None:
    server.listings["AAPL"] = HOURLY
    source = yahoo("AAPL", interval=interval, periods_per_year=1638)
    bars = source.load()
    assert source.name == f"yahoo-{interval}"
    assert bars.clock.dtype == "datetime64[us, UTC]"
    assert bars.clock[0] == pd.Timestamp("2020-08-28 18:30", tz="UTC")
    assert bars.raw.close["AAPL"].tolist() == pytest.approx([505.0, 499.23, 130.0, 129.5], rel=1e-12)
    assert bars.splits["AAPL"].tolist() == [1.0, 1.0, 4.0, 1.0]
    assert bars.dividends["AAPL"].tolist() == pytest.approx([0.82, 0.0, 0.0, 0.0])


def test_a_refresh_that_starts_inside_a_day_leaves_its_events_on_the_first_bar(
    yahoo: Callable[..., Yahoo], server: YahooServer
) -> None:
    server.listings["AAPL"] = HOURLY
    first, last = (pd.Timestamp(f"2020-08-{when}", tz="UTC") for when in ("28 19:30", "31 13:30"))
    bars = yahoo("AAPL", interval="1h").fetch("AAPL", start=first, end=last)
    assert bars.index.tolist() == [first, last]
    assert bars["dividend"].tolist() == [0.0, 0.0]
    assert bars["split"].tolist() == [1.0, 4.0]


def test_an_unfinished_hour_is_left_out(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    now = pd.Timestamp.now("UTC")
    starts = [f"{now - pd.Timedelta(minutes=age):%Y-%m-%d %H:%M}" for age in (70, 10)]
    bars = dict.fromkeys(starts, (10.0, 11.0, 9.0, 10.0, 5))
    server.listings["COIN"] = Listing(bars, timezone="UTC", opens="00:00", hours=24)
    fetched = yahoo(interval="1h").fetch("COIN", start=None, end=None)
    assert [f"{when:%Y-%m-%d %H:%M}" for when in fetched.index] == starts[:1]


# ---------------------------------------------------------------- faults

PASSING: dict[str, tuple[Fault, ...]] = {
    "rate limit": (status(429), status(429)),
    "time-out": (slow(0.4),),
    "half-written answer": (half,),
    "malformed JSON": (status(200, '{"chart": {"resul', "application/json"),),
    "page of HTML": (page(200),),
    "server error": (page(503), page(503)),
    "server error in JSON": (told({"finance": {"error": {"code": "Internal Server Error"}}}, 500),) * 2,
    "no result": (told({"chart": {"result": None, "error": None}}),),
    "answer of another kind": (told([]),),
    "another schema": (told({"chart": {"result": [{"meta": {"currency": "USD"}}], "error": None}}),),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_asked_again(
    yahoo: Callable[..., Yahoo], server: YahooServer, session: Any, waits: list[float], name: str
) -> None:
    server.fail("AAPL", *PASSING[name])
    assert fetch(yahoo(session=session))["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert waits == [2.0]


@pytest.mark.parametrize("name", ["rate limit", "half-written answer", "malformed JSON", "server error", "no result"])
def test_so_is_one_while_the_time_zone_is_asked_for(
    yahoo: Callable[..., Yahoo], server: YahooServer, waits: list[float], name: str
) -> None:
    server.fail("AAPL", *PASSING[name], at="range")
    assert fetch(yahoo())["close"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert waits == [2.0]


@pytest.mark.parametrize(("fault", "remembered"), [(page(200), True), (status(429), False)])
def test_yfinance_remembers_an_error_page_but_not_a_rate_limit(
    yahoo: Callable[..., Yahoo], server: YahooServer, curl: Any, fault: Fault, remembered: bool
) -> None:
    import yfinance

    fetch(yahoo())
    server.fail("AAPL", fault, fault)
    asked = []
    with yahoo_client._shown(yfinance), yahoo_client._without_warnings():
        for _ in range(2):
            before = server.count("AAPL")
            with pytest.raises((ValueError, yfinance.exceptions.YFRateLimitError)):
                yfinance.Ticker("AAPL", session=curl).history(start="2020-08-02", end="2020-09-05")
            asked.append(server.count("AAPL") - before)
            server.fail("AAPL", fault, fault)
    assert (asked[1] == 0) is remembered


def test_a_lasting_rate_limit_ends(yahoo: Callable[..., Yahoo], server: YahooServer, waits: list[float]) -> None:
    server.always("AAPL", status(429))
    with pytest.raises(Unreachable, match=r"^Yahoo must answer; got 'YFRateLimitError: Too Many Requests.*AAPL"):
        fetch(yahoo())
    assert waits == [2.0, 4.0]


def test_an_error_in_json_is_not_taken_for_a_missing_symbol(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.always("AAPL", told({"chart": {"result": None, "error": {"code": "x", "description": "overload"}}}, 502))
    with pytest.raises(Unreachable, match="Yahoo must answer"):
        fetch(yahoo())


def test_nothing_listens(yahoo: Callable[..., Yahoo], server: YahooServer, curl: Any) -> None:
    server.redirect = lambda url: "http://127.0.0.1:9/"  # type: ignore[method-assign]
    with pytest.raises(Unreachable, match="Yahoo must answer; got 'ConnectionError"):
        fetch(yahoo())


@pytest.mark.parametrize("known", [False, True])
def test_a_delisted_symbol_is_named_and_not_asked_for_again(
    yahoo: Callable[..., Yahoo], server: YahooServer, waits: list[float], session: Any, known: bool
) -> None:
    if known:  # yfinance keeps its time zone, and so asks for prices at once
        fetch(yahoo(session=session))
    server.always("AAPL", told({"chart": {"result": None, "error": DEAD}}, 404))
    with pytest.raises(DataError, match="Yahoo must list the symbol; got 'AAPL'. Yahoo says: No data found") as caught:
        fetch(yahoo(session=session))
    assert not isinstance(caught.value, Unreachable)
    assert waits == []


@pytest.mark.parametrize("fault", [None, told({"chart": {"result": None, "error": NOTHING}}, 400)])
def test_no_bars_in_the_range_give_an_empty_frame(
    yahoo: Callable[..., Yahoo], server: YahooServer, waits: list[float], fault: Fault | None
) -> None:
    if fault is not None:
        server.always("AAPL", fault, at="period1")
    day = pd.Timestamp("2020-01-01")
    bars = yahoo().fetch("AAPL", start=day, end=day)
    assert list(bars.columns) == ["open", "high", "low", "close", "volume", "split", "dividend"]
    assert (len(bars), str(bars.index.dtype), waits) == (0, "datetime64[us]", [])
    assert (bars.dtypes == "float64").all()
    hours = yahoo(interval="1h").fetch("AAPL", start=day, end=day)
    assert str(hours.index.dtype) == "datetime64[us, UTC]"


def test_a_range_that_yahoo_does_not_offer_is_refused_in_its_words(
    yahoo: Callable[..., Yahoo], server: YahooServer, waits: list[float]
) -> None:
    said = "1m data not available: Only 8 days worth of 1m granularity data are allowed"
    refusal = {"chart": {"result": None, "error": {"code": "Unprocessable Entity", "description": said}}}
    server.always("AAPL", told(refusal, 422), at="period1")
    with pytest.raises(DataError, match=rf"offer the range asked for; got '{said}' \(AAPL, bars of 1m\)"):
        fetch(yahoo(interval="1m"))
    assert waits == []


# ---------------------------------------------------------------- one failing symbol


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (None, "Yahoo must list the symbol; got 'BAD'"),
        (Listing(bars={"2019-01-02": (1.0, 1.0, 1.0, 1.0, 1)}), "Yahoo must have bars from 2020-08-01 to 2020-09-04"),
        (Listing(bars={"2020-08-07": (10.0, 9.0, 11.0, 10.0, 1)}), "high must be at or above low"),
        (replace(APPLE, splits={"2020-08-31": (0, 1)}), "a split must be a positive ratio; got 0.0 (BAD, 2020-08-31)"),
        (replace(APPLE, dividend_currency="VND"), "a dividend must be in the currency of the prices, USD; got 'VND'"),
    ],
    ids=["delisted", "no bars", "impossible bar", "impossible split", "foreign dividend"],
)
def test_one_failing_symbol_is_named_without_losing_the_rest(
    yahoo: Callable[..., Yahoo],
    server: YahooServer,
    caplog: pytest.LogCaptureFixture,
    listing: Listing | None,
    said: str,
) -> None:
    if listing is not None:
        server.listings["BAD"] = listing
    source = yahoo("AAPL", "BAD", "OTHER")
    with caplog.at_level(logging.WARNING, "quantml"):
        bars = source.load()
    assert bars.symbols == ("AAPL", "OTHER")
    assert f"BAD was not loaded. {said}" in caplog.text
    assert source.notes[-1].startswith(f"BAD was not loaded. {said}")


def test_a_symbol_that_comes_back_is_no_longer_noted(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    source = yahoo("AAPL", "NEW")
    source.load()
    server.listings["NEW"] = OTHER
    assert source.load().symbols == ("AAPL", "NEW")
    assert not any("NEW" in note for note in source.notes)


def test_none_that_loads_is_an_error_with_every_reason(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.always("OTHER", status(429))
    with pytest.raises(DataError, match=r"at least one symbol; got 'none of DEAD, OTHER'.*'DEAD'.*Too Many") as caught:
        yahoo("DEAD", "OTHER").load()
    assert not isinstance(caught.value, Unreachable)


def test_after_three_symbols_without_an_answer_no_more_are_asked_for(
    yahoo: Callable[..., Yahoo], server: YahooServer
) -> None:
    for symbol in "ABCD":
        server.always(symbol, page(502))
    with pytest.raises(Unreachable, match="none of A, B, C, D"):
        yahoo("A", "B", "C", "D").load()
    assert server.count("C") > 0
    assert server.count("D") == 0


def test_capital_gains_are_named(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = replace(APPLE, kind="ETF", gains={"2020-08-28": 0.5})
    source = yahoo()
    assert source.load().dividends["AAPL"].tolist() == pytest.approx([0.0, 0.82, 0.0, 0.0])
    assert source.notes[-1].startswith("AAPL: distributions of capital gains are left out")


def test_dividends_in_pounds_on_prices_in_pence(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = replace(APPLE, currency="GBp", dividend_currency="GBP")
    assert fetch(yahoo())["dividend"].tolist() == pytest.approx([0.0, 82.0, 0.0, 0.0])


# ---------------------------------------------------------------- what yfinance leaves behind


def test_yfinance_keeps_its_caches_in_the_given_folder(yahoo: Callable[..., Yahoo], tmp_path: Path) -> None:
    for name in ("first", "second", "first"):
        fetch(yahoo(cache=tmp_path / name))
        assert (tmp_path / name / "tkr-tz.db").is_file()


def test_a_cache_that_cannot_be_made_is_an_error(yahoo: Callable[..., Yahoo], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Yahoo.cache must be a folder that can be written"):
        fetch(yahoo(cache=tmp_path / "file" / "folder"))


def test_yfinance_s_way_with_exceptions_is_put_back(yahoo: Callable[..., Yahoo]) -> None:
    import yfinance

    with pytest.raises(DataError):
        fetch(yahoo(), "DEAD")
    assert yfinance.config.debug.hide_exceptions is True


IMPORTS = """
import warnings, numpy, pandas
from quantml.loaders import yahoo_client
before = list(warnings.filters)
{how}
print([entry for entry in warnings.filters if entry not in before])
"""


@pytest.mark.parametrize(("how", "changed"), [("import yfinance", True), ("yahoo_client._load()", False)])
def test_importing_yfinance_leaves_the_warnings_alone(how: str, changed: bool) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS.format(how=how)], capture_output=True, text=True, check=True)
    assert ("yfinance" in done.stdout) is changed
    assert (done.stdout.strip() == "[]") is not changed


# ---------------------------------------------------------------- the declaration


@pytest.mark.parametrize(
    ("symbols", "options", "said"),
    [
        ([], {}, "Yahoo.symbols must be a list of different symbols"),
        ("AAPL", {}, "Yahoo.symbols must be a list of different symbols; got 'AAPL'"),
        (["AAPL", "aapl"], {}, "Yahoo.symbols must be a list of different symbols"),
        (["AAPL"], {"interval": "1wk"}, "Yahoo.interval must be one of Yahoo's of a day or less; got '1wk'"),
        (["AAPL"], {"start": "1/2/2020"}, "Yahoo.start must be an ISO date such as '2005-01-31'; got '1/2/2020'"),
        (["AAPL"], {"calendar": {"MSFT": "XNYS"}}, "Yahoo.calendar must name every symbol of the bars and no other"),
        (["AAPL"], {"end": "2020-02-30"}, "Yahoo.end must be an ISO date"),
        (["AAPL"], {"start": "2020-02-01", "end": "2020-01-01"}, "Yahoo.start must not be after the end, 2020-01-01"),
    ],
)
def test_a_wrong_parameter_is_refused(symbols: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises((ParameterError, DataError), match=f"^{said}"):
        Yahoo(symbols, **options)


@pytest.mark.parametrize("options", [{"attempts": 0}, {"pause": -1.0}, {"timeout": 0.0}])
def test_a_wrong_retry_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"Retry.{next(iter(options))} must be"):
        Retry(**options)


def test_how_yahoo_is_asked_is_no_part_of_a_study() -> None:
    plain = Yahoo(["AAPL"], start="2020-01-01")
    other = replace(plain, cache="elsewhere", retry=Retry(attempts=1))
    assert canonical(plain) == canonical(other)
    assert canonical(plain) != canonical(replace(plain, start="2020-01-02"))
    assert repr(other) == repr(plain)


def test_a_declaration_survives_a_pickle() -> None:
    source = Yahoo(["AAPL"], interval="1h")
    assert pickle.loads(pickle.dumps(source)) == source


def test_intraday_bars_need_their_number_per_year(yahoo: Callable[..., Yahoo], server: YahooServer) -> None:
    server.listings["AAPL"] = HOURLY
    with pytest.raises(DataError, match="periods_per_year must be given for this clock"):
        yahoo(interval="1h", periods_per_year=None).load()


def test_a_newest_bar_without_a_close_is_left_out_and_said_to_be(
    yahoo: Callable[..., Yahoo], server: YahooServer
) -> None:
    half = {**APPLE.bars, "2020-09-01": (132.76, 134.8, 130.53, None, 151_948_100)}
    server.listings["AAPL"] = replace(APPLE, bars=half)
    source = yahoo("AAPL")
    assert source.load().raw.close["AAPL"].tolist() == pytest.approx(QUOTED, rel=1e-12)
    assert source.notes[-1] == "AAPL: the bar of 2020-09-01 lacks a price and is left out until Yahoo has it whole."


def test_an_answer_without_metadata_is_read_as_one_that_lists_nothing() -> None:
    class Ticker:
        history_metadata = None

    assert yahoo_client._lists_nothing(ValueError(), Ticker()) is False
