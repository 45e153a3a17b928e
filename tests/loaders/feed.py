"""A source of bars in memory, which a test makes restate, fail, fall silent or dawdle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import DataError

COLUMNS = ["open", "high", "low", "close", "volume", "split", "dividend"]
FIRST_SESSION = "2020-01-01"


def prices(sessions: int, *, seed: int, split: tuple[int, float] | None = None) -> pd.DataFrame:
    """Raw bars of a stock as it traded: from `split`'s row on, prices are divided by its ratio."""
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.01 * generator.standard_normal(sessions)))
    opened = close * np.exp(0.003 * generator.standard_normal(sessions))
    volume = np.rint(1e6 * np.exp(0.3 * generator.standard_normal(sessions)))
    ratio, shares = np.ones(sessions), np.ones(sessions)
    if split is not None:
        ratio[split[0]] = split[1]
        shares = np.cumprod(ratio)
    high, low = 1.002 * np.maximum(opened, close), 0.998 * np.minimum(opened, close)
    values = [opened / shares, high / shares, low / shares, close / shares, volume * shares, ratio, np.zeros(sessions)]
    clock = pd.bdate_range(FIRST_SESSION, periods=sessions, unit="us").rename(None)
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)), pd.DatetimeIndex(clock, freq=None))


def restated(raw: pd.DataFrame, *, splits: bool, dividends: bool, digits: int | None = None) -> pd.DataFrame:
    """Bars as a source tells them that quotes all of them in the latest shares, or less later dividends."""
    ratio, cash, close = (raw[name].to_numpy() for name in ("split", "dividend", "close"))
    left = np.append(1.0, 1.0 - cash[1:] * ratio[1:] / close[:-1])
    each = (1.0 / ratio if splits else np.ones(len(raw))) * (left if dividends else 1.0)
    factor, shares = _after(each), _after(ratio if splits else np.ones(len(raw)))
    told = raw.assign(volume=np.rint(raw["volume"] * shares))
    for name in COLUMNS[:4]:
        told[name] = raw[name] * factor if digits is None else (raw[name] * factor).round(digits)
    return told


def _after(each: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply what comes after each row."""
    return np.append(np.cumprod(each[:0:-1])[::-1], 1.0)


def as_it_is(raw: pd.DataFrame) -> pd.DataFrame:
    """Tell the raw bars."""
    return raw


@dataclass
class Feed:
    """A source: `rows` says which raw bars it has, `tells` how it tells those up to the session `until`.

    A test changes `until`, `tells` and `fails` as days pass. `asked` records what was asked.
    """

    rows: dict[str, pd.DataFrame]
    until: int | None = None
    tells: Callable[[pd.DataFrame], pd.DataFrame] = as_it_is
    fails: dict[str, DataError] = field(default_factory=dict)
    pause: float = 0.0
    name: str = "feed-1d"
    start: str | None = None
    end: str | None = None
    calendar: str | dict[str, str] | None = None
    periods_per_year: float | None = 252.0
    currencies: dict[str, str] | None = None
    notes: tuple[str, ...] = ("A feed made for tests.",)
    asked: list[tuple[str, pd.Timestamp | None, pd.Timestamp | None]] = field(default_factory=list)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self.rows)

    def fetch(self, symbol: str, *, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        self.asked.append((symbol, start, end))
        time.sleep(self.pause)
        if symbol in self.fails:
            raise self.fails[symbol]
        rows = self.tells(self.rows[symbol].iloc[: self.until].copy())
        if rows.index.tz is not None:  # dates, of which the last one is wanted whole
            start = start if start is None or start.tz else start.tz_localize("UTC")
            end = end if end is None or end.tz else end.tz_localize("UTC") + pd.Timedelta("23:59:59")
        return rows.loc[start:end]
