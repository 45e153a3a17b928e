"""A server on the loopback interface that speaks Yahoo's chart format, faults included.

Sessions made by `YahooServer.session` send every request there, whatever host it is for, so that the real yfinance
goes through its whole path (cookie, crumb, time zone, prices, events) and nothing leaves this machine.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import curl_cffi.requests
import pandas as pd
import requests

DAYS = {"5d": 9, "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
MISSING = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


@dataclass
class Listing:
    """A symbol as Yahoo lists it: prices, volume and dividends in the shares of today.

    `bars` maps the start of each bar, in the exchange's time, to open, high, low, close and volume, or to None for
    a bar of nulls; `dividends` and `splits` map dates to an amount, or to new and old shares.
    """

    bars: dict[str, tuple[float, ...] | None]
    splits: dict[str, tuple[float, float]] = field(default_factory=dict)
    dividends: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    timezone: str = "America/New_York"
    currency: str = "USD"
    dividend_currency: str = ""
    kind: str = "EQUITY"
    exchange: str = ""
    opens: str = "09:30"
    hours: float = 6.5
    session: tuple[pd.Timestamp, pd.Timestamp] | None = None  # the exchange's current session

    def at(self, when: str) -> int:
        """Seconds since 1970 of a date (at the open) or of a time on the exchange."""
        moment = pd.Timestamp(when if ":" in when else f"{when} {self.opens}")
        return int(moment.tz_localize(self.timezone).timestamp())

    def chart(self, symbol: str, first: float, last: float) -> dict[str, Any]:
        """The answer to a question for the bars and events from `first` to before `last`."""
        quotes = {self.at(when): bar for when, bar in self.bars.items() if first <= self.at(when) < last}
        result: dict[str, Any] = {"meta": self._meta(symbol), "indicators": {"quote": [{}]}}
        if quotes:
            names = ("open", "high", "low", "close", "volume")
            columns = {name: [bar and bar[i] for bar in quotes.values()] for i, name in enumerate(names)}
            adjusted = [{"adjclose": columns["close"]}]
            result["timestamp"] = list(quotes)
            result["indicators"] = {"quote": [columns], "adjclose": adjusted}
        events = {name: told for name, told in self._events(first, last).items() if told}
        return {"chart": {"result": [result | ({"events": events} if events else {})], "error": None}}

    def _events(self, first: float, last: float) -> dict[str, dict[str, Any]]:
        def told(dates: Iterable[str], tell: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
            inside = [day for day in dates if first <= self.at(day) < last]
            return {str(self.at(day)): {"date": self.at(day), **tell(day)} for day in inside}

        paid = {"currency": self.dividend_currency} if self.dividend_currency else {}
        return {
            "dividends": told(self.dividends, lambda day: {"amount": self.dividends[day], **paid}),
            "capitalGains": told(self.gains, lambda day: {"amount": self.gains[day]}),
            "splits": told(
                self.splits,
                lambda day: {
                    "numerator": self.splits[day][0],
                    "denominator": self.splits[day][1],
                    "splitRatio": "{:g}:{:g}".format(*self.splits[day]),
                },
            ),
        }

    def _meta(self, symbol: str) -> dict[str, Any]:
        meta: dict[str, Any] = {
            "symbol": symbol,
            "currency": self.currency,
            "instrumentType": self.kind,
            **({"exchangeName": self.exchange} if self.exchange else {}),
            "exchangeTimezoneName": self.timezone,
            "priceHint": 2,
            "validRanges": ["1d", *DAYS, "ytd", "max"],
            "tradingPeriods": [[self._hours(day)] for day in dict.fromkeys(when[:10] for when in self.bars)],
        }
        if self.session is not None:
            start, end = (int(moment.timestamp()) for moment in self.session)
            regular = {"start": start, "end": end, "timezone": "", "gmtoffset": 0}
            around = {"start": start, "end": start, "timezone": "", "gmtoffset": 0}
            meta["currentTradingPeriod"] = {"pre": around, "regular": regular, "post": around}
        return meta

    def _hours(self, day: str) -> dict[str, Any]:
        return {"start": self.at(day), "end": self.at(day) + self.hours * 3600, "timezone": "", "gmtoffset": 0}


Fault = Callable[["_Handler"], None]


def status(code: int, body: str = "Too Many Requests", kind: str = "text/plain") -> Fault:
    """Answer with a status and a text."""
    return lambda handler: handler.answer(body.encode(), code, kind)


def page(code: int = 503) -> Fault:
    """Answer with a page of HTML, as Yahoo's front does when what lies behind it fails."""
    return status(code, "<html><body>We'll be back soon</body></html>", "text/html")


def told(document: object, code: int = 200) -> Fault:
    """Answer with a JSON document."""
    return status(code, json.dumps(document), "application/json")


def half(handler: _Handler) -> None:
    """Promise more bytes than are sent, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"chart": {"result": [{"meta": {"curr')
    handler.close_connection = True


def slow(seconds: float) -> Fault:
    """Answer too late."""

    def answer(handler: _Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return answer


class YahooServer:
    """The server: `listings` by symbol, `faults` to answer with first, `asked` as a record of chart requests."""

    def __init__(self) -> None:
        self.listings: dict[str, Listing] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.hosts: list[str] = []
        self._faults: dict[str, deque[tuple[str, Fault]]] = {}
        self._after: dict[str, tuple[str, Fault]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.yahoo = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def redirect(self, url: str) -> str:
        """Where a request for `url` goes instead."""
        parts = urlsplit(url)
        return f"{self.url}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def fail(self, symbol: str, *faults: Fault, at: str = "period1") -> None:
        """Answer the next chart requests for `symbol` that have the parameter `at` with `faults`.

        A question for prices has ``period1``, one for the time zone or for recent events ``range``.
        """
        self._faults.setdefault(symbol, deque()).extend((at, fault) for fault in faults)

    def always(self, symbol: str, fault: Fault, at: str = "interval") -> None:
        """Answer every chart request for `symbol` that has the parameter `at`, as all have ``interval``, with `fault`."""
        self._after[symbol] = (at, fault)

    def count(self, symbol: str) -> int:
        """How many chart requests came for `symbol`."""
        return sum(asked == symbol for asked, _ in self.asked)

    def session(self, backend: str = "curl") -> Any:
        """A session of ``"curl"`` (curl_cffi) or ``"requests"`` whose every request comes here."""
        server = self
        base = {"curl": curl_cffi.requests.Session, "requests": requests.Session}[backend]

        class Loopback(base):  # type: ignore[misc, valid-type]
            def request(self, method: str, url: str, **options: Any) -> Any:
                return super().request(method, server.redirect(url), **options)

        session = Loopback()
        session.trust_env = False
        return session

    def chart(self, handler: _Handler, symbol: str, question: dict[str, str]) -> None:
        """Answer a chart request."""
        self.asked.append((symbol, question))
        waiting = self._faults.get(symbol) or deque()
        lasting, fault = self._after.get(symbol, ("", None))
        if waiting and waiting[0][0] in question:
            waiting.popleft()[1](handler)
        elif fault is not None and lasting in question:
            fault(handler)
        elif symbol not in self.listings:
            told({"chart": {"result": None, "error": MISSING}}, 404)(handler)
        else:
            told(self.listings[symbol].chart(symbol, *_span(question)))(handler)


def _span(question: dict[str, str]) -> tuple[float, float]:
    now = time.time()
    if "period1" in question:
        return float(question["period1"]), float(question["period2"])
    return now - DAYS.get(question["range"], 1) * 86_400 if question["range"] != "max" else 0.0, now


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

    def do_GET(self) -> None:
        yahoo: YahooServer = self.server.yahoo  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        _, host, *rest = parts.path.split("/")
        path = "/".join(rest)
        yahoo.hosts.append(host)
        if host == "fc.yahoo.com":
            self.answer(b"", 404, "text/html")
        elif path == "v1/test/getcrumb":
            self.answer(b"crumb", 200, "text/plain")
        elif path.startswith("v8/finance/chart/"):
            question = {name: values[0] for name, values in parse_qs(parts.query).items()}
            yahoo.chart(self, rest[-1], question)
        else:
            self.answer(b'{"finance": {"result": null, "error": {"code": "Not Found"}}}', 404, "application/json")

    do_POST = do_GET  # noqa: N815

    def answer(self, body: bytes, code: int, kind: str) -> None:
        try:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):  # the client has given up
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
