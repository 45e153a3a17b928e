"""Prices from Yahoo Finance, through yfinance."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml.bars import Bars
from quantml.calendars import Calendar
from quantml.canonical import NOT_CANONICAL
from quantml.errors import DataError, ParameterError, Unreachable, check, did_you_mean
from quantml.loaders.dates import check_dates
from quantml.loaders.downloads import Quotation, finished_rows, known_of
from quantml.loaders.seen import seen
from quantml.loaders.yahoo_client import Client, Question, Retry
from quantml.loaders.yahoo_exchanges import calendar_of
from quantml.loaders.yahoo_prices import CAPITAL_GAINS, between, finished, no_bars, on_panel_clock, raw_bars
from quantml.panel import check_by_symbol
from quantml.space import Declaration

__all__ = ["Yahoo"]

LOG: Final = logging.getLogger("quantml.loaders")
INTERVALS: Final = ("1d", "1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h")
PATIENCE: Final = 3
"""Symbols in a row without an answer, after which the others are not asked for."""

ONE_DAY: Final = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Yahoo(Declaration):
    """Bars that Yahoo Finance lists, daily or intraday.

    Yahoo divides its prices and dividends by every later split. They are multiplied back, so that the bars hold prices
    as quoted, volumes as traded and dividends as paid, with splits and dividends apart; `Bars` makes the adjusted
    prices from these. Bars are stamped with the time at which they begin. The bar of a session that is not over is
    left out, because its prices are going to change. Nothing is repaired. Yahoo says in which currency
    a symbol is quoted, and on which exchange.

    One symbol that cannot be loaded does not lose the others: `load` leaves it out, a warning of the logger
    ``quantml`` says why, and so do `notes`.

    What Yahoo answers may change from one day to the next. `load` asks it anew each time; a store keeps what was seen.

    Parameters
    ----------
    symbols : sequence of str
        As Yahoo writes them, such as ``"AAPL"``, ``"^GSPC"``, ``"VOD.L"`` or ``"BTC-USD"``.
    start, end : str, optional
        First and last date to keep, both included, such as ``"2005-01-31"``. Without them, all that Yahoo gives:
        8 days of ``"1m"`` bars, 730 days of ``"1h"`` bars, 60 days of the other intraday bars.
    interval : str
        ``"1d"``, ``"1m"``, ``"2m"``, ``"5m"``, ``"15m"``, ``"30m"``, ``"60m"``, ``"90m"`` or ``"1h"``.
    calendar : str or mapping of str to str, optional
        ISO 10383 code of the exchange, such as ``"XNYS"``, or of each symbol's own; by default that of the exchange
        that Yahoo names, where it is known of every symbol.
    periods_per_year : float, optional
        Bars per year; needed to load intraday bars without a calendar, or with several.
    cache : str or Path
        Folder for the time zones and cookies that yfinance keeps.
    retry : Retry
        How long to wait for an answer, and how often to ask again.
    session : curl_cffi or requests Session, optional
        Sends the requests, through a proxy for instance.

    Raises
    ------
    ParameterError
        If `symbols` is empty or repeats itself, a date is not an ISO date, `start` is after `end`, or Yahoo does not
        have the interval.

    Examples
    --------
    >>> Yahoo(["AAPL", "MSFT"], start="2015-01-01").name
    'yahoo-1d'
    """

    symbols: Sequence[str]
    _: KW_ONLY
    start: str | None = None
    end: str | None = None
    interval: str = "1d"
    calendar: Calendar | None = None
    periods_per_year: float | None = None
    cache: str | Path = field(default="data/store/.yfinance", repr=False, metadata=NOT_CANONICAL)
    retry: Retry = field(default=Retry(), repr=False, metadata=NOT_CANONICAL)
    session: Any = field(default=None, repr=False, compare=False, metadata=NOT_CANONICAL)
    # By symbol, what the last download has to say; what the declaration means does not depend on it.
    _remarks: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    _quotations: dict[str, Quotation] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.symbols, Sequence) and not isinstance(self.symbols, str):
            object.__setattr__(self, "symbols", tuple(self.symbols))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        listed = isinstance(self.symbols, tuple) and len(self.symbols) > 0
        listed = listed and all(isinstance(symbol, str) and symbol.strip() for symbol in self.symbols)
        different = listed and len({symbol.upper() for symbol in self.symbols}) == len(self.symbols)
        check(different, "Yahoo.symbols", "be a list of different symbols", self.symbols)
        if self.interval not in INTERVALS:
            hint = did_you_mean(str(self.interval), INTERVALS)
            raise ParameterError("Yahoo.interval", must="be one of Yahoo's of a day or less", got=self.interval,
                                 hint=hint)  # fmt: skip
        check_dates("Yahoo", self.start, self.end)
        if isinstance(self.calendar, Mapping):
            check_by_symbol(self.calendar, "Yahoo.calendar", tuple(self.symbols))

    @property
    def name(self) -> str:
        """What a store calls the source: one name for each interval."""
        return f"yahoo-{self.interval}"

    @property
    def quotations(self) -> Mapping[str, Quotation]:
        """Currency and calendar of each symbol that was downloaded, as Yahoo gave them last."""
        return dict(self._quotations)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: provenance, known defects, and the symbols that were not loaded."""
        return (
            "Downloaded from Yahoo Finance through yfinance. Yahoo restates its history without saying so.",
            "Prices, volumes and dividends as quoted were recovered from Yahoo's with the splits that it lists.",
            "Survivorship: Yahoo drops symbols that are delisted, so whoever lists symbols today lists survivors.",
            *self._remarks.values(),
        )

    @seen
    def load(self) -> Bars:
        """Download the bars of every symbol.

        Returns
        -------
        Bars
            Of the symbols that could be loaded.

        Raises
        ------
        Unreachable
            If none could be loaded because Yahoo does not answer.
        DataError
            If none could be loaded for other reasons.
        """
        start, end = (None if day is None else pd.Timestamp(day) for day in (self.start, self.end))
        told: dict[str, pd.DataFrame | DataError] = {}
        for symbol in self.symbols:
            try:
                _check_patience(list(told.values()))
                told[symbol] = self._load_one(symbol, start, end)
            except DataError as error:
                told[symbol] = error
                self._remark(symbol, f"{symbol} was not loaded. {error}")
        loaded = {symbol: rows for symbol, rows in told.items() if isinstance(rows, pd.DataFrame)}
        if not loaded:
            raise _none_loaded(told)
        known = known_of({symbol: self._quotation(symbol) for symbol in loaded})
        return Bars.from_frame(
            pd.concat(list(loaded.values())), periods_per_year=self.periods_per_year, **known._asdict()
        )

    def fetch(self, symbol: str, *, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        """Download the raw bars of one symbol.

        Parameters
        ----------
        symbol : str
        start, end : Timestamp, optional
            First and last bar to keep, both included. Tz-naive ones are dates on the exchange.

        Returns
        -------
        DataFrame
            Columns open, high, low, close, volume, split (1.0 where nothing happened) and dividend (0.0), float64, as
            quoted; sessions tz-naive at midnight, intraday bars in UTC. No rows where Yahoo has none, and without the
            bar of a session that is not over. Of a session just over the newest one may still lack a price; `load`
            and a store leave it out.

        Raises
        ------
        Unreachable
            If Yahoo gives no answer that can be read, after all attempts.
        DataError
            If Yahoo does not list the symbol or does not offer the range, a split is not a ratio, or a dividend is in
            another currency than the prices.
        """
        answer = Client(Path(self.cache), self.retry, self.session).ask(_question(symbol, self.interval, start, end))
        self._remarks.pop(symbol, None)
        if answer is None:
            return no_bars(self.interval)
        self._quotations[symbol] = Quotation(answer.currency, calendar_of(answer.exchange))
        if len(answer.gains):
            self._remark(symbol, f"{symbol}: {CAPITAL_GAINS}.")
        bars = finished(raw_bars(answer, symbol), answer, self.interval, pd.Timestamp.now("UTC"))
        return on_panel_clock(between(bars, start, end), daily=self.interval == "1d")

    def _load_one(self, symbol: str, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        told = self.fetch(symbol, start=start, end=end)
        bars = finished_rows(told)
        if len(bars) < len(told):
            day = f"{told.index[-1]:%Y-%m-%d}"
            self._remark(symbol, f"{symbol}: the bar of {day} lacks a price and is left out until Yahoo has it whole.")
        if len(bars) == 0:
            raise DataError("Yahoo", must=f"have bars from {self.start or 'its start'} to {self.end or 'its end'}",
                            got="none", where=symbol)  # fmt: skip
        rows = bars.assign(symbol=symbol)
        Bars.from_frame(rows, periods_per_year=1.0)  # alone, so that a bar that cannot be fails its symbol only
        return rows

    def _quotation(self, symbol: str) -> Quotation:
        """Return what Yahoo says of a symbol, unless the declaration says it."""
        told, own = self._quotations[symbol], self.calendar
        return told if own is None else replace(told, calendar=own if isinstance(own, str) else own[symbol])

    def _remark(self, symbol: str, sentence: str) -> None:
        LOG.warning(sentence)
        self._remarks[symbol] = sentence


def _question(symbol: str, interval: str, start: pd.Timestamp | None, end: pd.Timestamp | None) -> Question:
    """Ask for whole days of the exchange, because events belong to the first bar of their date."""
    if start is not None:
        start = start.normalize() if start.tz is None else start.normalize() - ONE_DAY
    if end is not None:
        end = end.normalize() + ONE_DAY if end.tz is None else end + pd.Timedelta(seconds=1)
    return Question(symbol, interval, start, end)


def _check_patience(told: Sequence[pd.DataFrame | DataError]) -> None:
    if len(told) >= PATIENCE and all(isinstance(part, Unreachable) for part in told[-PATIENCE:]):
        raise Unreachable("Yahoo", must="answer before more symbols are asked for", got=f"no answer {PATIENCE} times")


def _none_loaded(told: Mapping[str, object]) -> DataError:
    kind = Unreachable if all(isinstance(error, Unreachable) for error in told.values()) else DataError
    reasons = " ".join(dict.fromkeys(str(error) for error in told.values()))
    return kind("Yahoo", must="give bars of at least one symbol", got=f"none of {', '.join(told)}", hint=reasons)
