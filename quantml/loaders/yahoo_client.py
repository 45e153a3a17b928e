"""Asking Yahoo: yfinance with its exceptions shown, its memory cleared before each question and its caches moved."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import DataError, StorageError, Unreachable, check
from quantml.space import Declaration

LOG: Final = logging.getLogger("quantml.loaders")
CHART: Final = "https://query2.finance.yahoo.com/v8/finance/chart/"
NOTHING_THERE: Final = "Data doesn't exist"
"""How Yahoo's answer begins for a symbol that it lists, but not over the range asked for."""

RANGES: Final = {"1mo": 28, "3mo": 89, "6mo": 181, "1y": 365, "2y": 730, "5y": 1826, "10y": 3652}
"""Yahoo's names of ranges that end today, and the days that each holds at least."""

sleep = time.sleep
_SILENT: Final = logging.NullHandler()
_ALONE = threading.Lock()  # yfinance's configuration, session and memory belong to the whole process


@dataclass(frozen=True)
class Retry(Declaration):
    """How long to wait for an answer, and how often to ask again.

    A rate limit, a time-out, a broken connection and an answer that cannot be read are asked again after `pause`
    seconds, then twice that, four times that, and so on. A symbol that does not exist is not.

    Parameters
    ----------
    attempts : int
        How often to ask, at least 1.
    pause : float
        Seconds before the second attempt.
    timeout : float
        Seconds to wait for each answer; for that about a symbol's time zone yfinance always waits 10.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    attempts: int = 4
    pause: float = 2.0
    timeout: float = 10.0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        whole = isinstance(self.attempts, int) and self.attempts >= 1
        check(whole, "Retry.attempts", "be a whole number of at least 1", self.attempts)
        check(self.pause >= 0.0, "Retry.pause", "be a number of seconds, at least 0.0", self.pause)
        check(self.timeout > 0.0, "Retry.timeout", "be a positive number of seconds", self.timeout)


@dataclass(frozen=True)
class Question:
    """A range of one symbol's bars; `start` included, `end` not; tz-naive times are the exchange's."""

    symbol: str
    interval: str
    start: pd.Timestamp | None
    end: pd.Timestamp | None

    @property
    def options(self) -> dict[str, Any]:
        """The range as `yfinance.Ticker.history` takes it, which without a start would begin a month before `end`."""
        options = {"start": self.start, "end": self.end} if self.start is not None else {"end": self.end}
        options = {name: None if when is None else when.to_pydatetime() for name, when in options.items()}
        return options if self.start is not None else {**options, "period": "max"}


@dataclass(frozen=True, eq=False)
class Answer:
    """What Yahoo said: prices, volumes and dividends in the shares of today, and events with their own dates.

    Attributes
    ----------
    prices : DataFrame
        As `yfinance.Ticker.history` gives them; times in the exchange's time zone.
    splits, gains : Series
        New shares per old share, and distributed capital gains, by the time of the event.
    dividends : Series or DataFrame
        Cash per share; a frame with the column ``currency`` where Yahoo states the dividends' own.
    currency : str
        Of the prices, such as ``"USD"``, or ``"GBp"`` for pence.
    session : pair of Timestamp, optional
        Start and end of the exchange's current session, or its last one.
    exchange : str
        Yahoo's code of it, such as ``"NMS"``; empty where it names none.
    """

    prices: pd.DataFrame
    splits: pd.Series
    dividends: pd.Series | pd.DataFrame
    gains: pd.Series
    currency: str
    session: tuple[pd.Timestamp, pd.Timestamp] | None
    exchange: str = ""


@dataclass(frozen=True)
class Client:
    """Asks Yahoo through yfinance.

    Parameters
    ----------
    cache : Path
        Folder of the time zones and cookies that yfinance keeps.
    retry : Retry
    session : curl_cffi or requests Session, optional
        Sends the requests. Without one, yfinance makes its own.
    """

    cache: Path
    retry: Retry
    session: Any = None

    def ask(self, question: Question) -> Answer | None:
        """Return Yahoo's answer, or None where it has no bars of the symbol in the range.

        Raises
        ------
        Unreachable
            If Yahoo gave no answer that can be read, after all attempts.
        DataError
            If Yahoo does not list the symbol, or does not offer the range at this interval.
        """
        pause = self.retry.pause
        for _ in range(self.retry.attempts - 1):
            try:
                return self._ask_once(question)
            except Unreachable as error:
                LOG.info("%s Asking again in %g s.", error, pause)
            sleep(pause)
            pause *= 2.0
        return self._ask_once(question)

    def _ask_once(self, question: Question) -> Answer | None:
        yfinance = _load()
        with _ALONE, _shown(yfinance), _without_warnings():
            self._prepare(yfinance)
            try:
                return self._read(yfinance, question)
            except Exception as error:  # yfinance raises whatever it trips over in an answer
                raise self._meaning(error, yfinance, question) from error

    def _prepare(self, yfinance: Any) -> None:
        keep_caches_in(self.cache)
        # It memoises every answer that it got for a past range, and also error pages.
        yfinance.data.YfData.cache_get.cache_clear()

    def _read(self, yfinance: Any, question: Question) -> Answer | None:
        ticker = yfinance.Ticker(question.symbol, session=self.session)
        try:
            prices = ticker.history(
                interval=question.interval,
                **question.options,
                auto_adjust=False,
                repair=False,
                timeout=self.retry.timeout,
            )
        except yfinance.exceptions.YFPricesMissingError as error:
            if _lists_nothing(error, ticker):
                return None
            raise
        if len(prices) == 0:
            return None
        about = ticker.history_metadata
        # The events in `prices` lie on bars, also before their own date; and those since the last bar are missing.
        period = _range_since(prices.index[0])
        return Answer(
            prices,
            ticker.get_splits(period),
            ticker.get_dividends(period),
            ticker.get_capital_gains(period),
            str(about["currency"]),
            _session(about),
            str(about.get("exchangeName") or ""),
        )

    def _meaning(self, error: Exception, yfinance: Any, question: Question) -> DataError:
        """Say what an exception of yfinance means; where the symbol may be missing, in Yahoo's own words."""
        if not _deserves_a_second_look(error, yfinance):
            return _unreachable(question.symbol, error)
        try:
            ask = yfinance.data.YfData().get
            options = {"params": {"range": "1d", "interval": "1d"}, "timeout": self.retry.timeout}
            status, said = _said(ask(CHART + question.symbol, **options))
        except Exception as second:  # noqa: BLE001 - returned, to be raised
            return _unreachable(question.symbol, second)
        reason = getattr(error, "yahoo_reason", None)
        if status == 404:
            hint = f"Yahoo says: {said}. Check the spelling on finance.yahoo.com, which drops delisted symbols."
            return DataError("Yahoo", must="list the symbol", got=question.symbol, hint=hint)
        if status < 400 and reason:
            where = f"{question.symbol}, bars of {question.interval}"
            return DataError("Yahoo", must="offer the range asked for", got=reason, where=where)
        return _unreachable(question.symbol, error)


def _load() -> Any:
    with warnings.catch_warnings():  # importing it turns pandas' deprecation warnings on for its modules
        import yfinance
        import yfinance.data
        import yfinance.exceptions
    # What it logs on the way to an exception is said by the exception; who wants to read it can add a handler.
    logging.getLogger("yfinance").addHandler(_SILENT)
    return yfinance


@contextmanager
def _shown(yfinance: Any) -> Iterator[None]:
    """Let yfinance raise its exceptions; by default it logs them and returns an empty frame."""
    debug = yfinance.config.debug
    before, debug.hide_exceptions = debug.hide_exceptions, False
    try:
        yield
    finally:
        debug.hide_exceptions = before


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence what yfinance calls in a way that pandas is going to change; its caller can do nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
        warnings.filterwarnings("ignore", category=FutureWarning, module="yfinance")
        yield


def keep_caches_in(folder: Path) -> None:
    """Make yfinance keep its time zones and cookies in `folder`, whichever folder it used before.

    Raises
    ------
    StorageError
        If the folder cannot be made.
    """
    from yfinance import cache, set_tz_cache_location

    if str(cache._TzDBManager.get_location()) == str(folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError("Yahoo.cache", must="be a folder that can be written", got=str(error)) from error
    set_tz_cache_location(str(folder))
    # It goes on using the databases that it has opened already.
    cache._TzCacheManager._tz_cache = None
    cache._CookieCacheManager._Cookie_cache = None
    cache._ISINCacheManager._isin_cache = None


def _lists_nothing(error: Any, ticker: Any) -> bool:
    """Say whether Yahoo knows the symbol and has no bars of it in the range."""
    reason = getattr(error, "yahoo_reason", None)
    return reason.startswith(NOTHING_THERE) if reason else "currency" in (ticker.history_metadata or {})


def _deserves_a_second_look(error: Exception, yfinance: Any) -> bool:
    """Say whether the symbol may be missing: yfinance hides Yahoo's own words about that."""
    refused = getattr(getattr(error, "response", None), "status_code", 0) >= 400
    return refused or isinstance(error, yfinance.exceptions.YFTickerMissingError)


def _said(answer: Any) -> tuple[int, str]:
    """Return the status of an answer, and why there are no prices in it."""
    error = answer.json()["chart"]["error"]
    return answer.status_code, error["description"] if error else ""


def _unreachable(symbol: str, error: Exception) -> Unreachable:
    said = str(error).split(" See https://")[0]
    hint = "Try again later; a store gives the last good bars meanwhile."
    return Unreachable("Yahoo", must="answer", got=f"{type(error).__name__}: {said}", where=symbol, hint=hint)


def _range_since(first: pd.Timestamp) -> str:
    days = np.ceil((pd.Timestamp.now("UTC") - first) / pd.Timedelta(days=1)) + 1
    return next((name for name, length in RANGES.items() if length >= days), "max")


def _session(about: Any) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    regular = (about.get("currentTradingPeriod") or {}).get("regular")
    return None if regular is None else (regular["start"], regular["end"])
