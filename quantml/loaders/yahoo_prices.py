"""Raw bars from Yahoo's prices, which are divided by every later split."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import RESOLUTION
from quantml.errors import DataError
from quantml.loaders.downloads import finished_rows
from quantml.loaders.yahoo_client import Answer

LOG: Final = logging.getLogger("quantml.loaders")
PRICES: Final = ("open", "high", "low", "close")
FIELDS: Final = (*PRICES, "volume", "split", "dividend")
NEEDED: Final = ("Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits")
MINOR: Final = {"GBp": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
"""Currencies of which Yahoo quotes prices in hundredths."""

CAPITAL_GAINS: Final = (
    "distributions of capital gains are left out: Yahoo lists them apart and by now also inside its dividends"
)


@dataclass(frozen=True, eq=False)
class Events:
    """What happened on which date (tz-naive, increasing): new shares per old share, or cash per share of today."""

    dates: pd.DatetimeIndex
    values: NDArray[np.float64]

    @classmethod
    def of(cls, told: pd.Series) -> Events:
        """Read the events off a series by time; none off an empty one of any type."""
        if len(told) == 0:
            return cls(pd.DatetimeIndex([]), np.empty(0))
        # Where clocks change, Yahoo dates a midnight an hour or two before it.
        dates = (pd.DatetimeIndex(told.index).tz_localize(None) + pd.Timedelta(hours=2)).normalize()
        order = np.argsort(dates.asi8, kind="stable")
        return cls(dates[order], told.to_numpy(dtype=np.float64)[order])


def no_bars(interval: str) -> pd.DataFrame:
    """Return a frame of raw bars without rows."""
    clock = pd.DatetimeIndex([], tz=None if interval == "1d" else "UTC").as_unit(RESOLUTION)
    return pd.DataFrame(np.empty((0, len(FIELDS))), index=clock, columns=list(FIELDS))


def raw_bars(answer: Answer, symbol: str) -> pd.DataFrame:
    """Recover the bars as they were quoted from Yahoo's answer.

    With :math:`f_t` the product of the ratios of all splits after the date of bar t, prices and dividends are
    multiplied by :math:`f_t` and volumes divided by it.

    Returns
    -------
    DataFrame
        Columns `FIELDS`, float64, times in the exchange's time zone; a split or dividend whose date has no bar
        stands on the next one.

    Raises
    ------
    DataError
        If a split is not a positive ratio, or a dividend is in another currency than the prices.
    """
    prices = answer.prices.rename(columns=str.lower)[[*PRICES, "volume"]].astype(np.float64)
    prices = prices[prices[list(PRICES)].notna().any(axis=1)]
    prices = prices.set_axis(pd.DatetimeIndex(prices.index).as_unit(RESOLUTION).rename(None))
    splits, dividends = Events.of(answer.splits), Events.of(_amounts(answer, symbol))
    return _recover(prices, splits, dividends, symbol)


def _amounts(answer: Answer, symbol: str) -> pd.Series:
    """Return the dividends in the currency of the prices."""
    told = answer.dividends
    if not isinstance(told, pd.DataFrame):
        return told
    named = told["currency"].where(told["currency"] != "", answer.currency)
    hundredths = named == MINOR.get(answer.currency, "")
    foreign = ~hundredths & (named != answer.currency)
    if foreign.any():
        where = f"{symbol}, {told.index[foreign][0]:%Y-%m-%d}"
        raise DataError("a dividend", must=f"be in the currency of the prices, {answer.currency}",
                        got=str(named[foreign].iloc[0]), where=where)  # fmt: skip
    return told["Dividends"].where(~hundredths, told["Dividends"] * 100.0)


def _recover(prices: pd.DataFrame, splits: Events, dividends: Events, symbol: str) -> pd.DataFrame:
    bad = ~(np.isfinite(splits.values) & (splits.values > 0.0))
    if bad.any():
        where = f"{symbol}, {splits.dates[bad][0]:%Y-%m-%d}"
        raise DataError("a split", must="be a positive ratio", got=float(splits.values[bad][0]), where=where)
    days = pd.DatetimeIndex(prices.index).tz_localize(None).normalize()
    later = np.append(np.cumprod(splits.values[::-1])[::-1], 1.0)
    factor = later[splits.dates.searchsorted(days, side="right")]
    raw = prices.mul(factor, axis=0)
    raw["volume"] = prices["volume"] / factor
    split, dividend = np.ones(len(days)), np.zeros(len(days))
    np.multiply.at(split, *_on_bars(splits, days))
    at, cash = _on_bars(dividends, days)
    np.add.at(dividend, at, cash * factor[at])
    return raw.assign(split=split, dividend=dividend)


def _on_bars(events: Events, days: pd.DatetimeIndex) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the bar of each event, the first on or after its date, and its value; none before the first bar."""
    at = days.searchsorted(events.dates, side="left")
    inside = (events.dates >= days.min()) & (at < len(days))
    return at[inside], events.values[inside]


def finished(bars: pd.DataFrame, answer: Answer, interval: str, now: pd.Timestamp) -> pd.DataFrame:
    """Leave out the bar that is still being made, whose prices are going to change."""
    if interval != "1d":
        return bars[bars.index + pd.Timedelta(interval.replace("m", "min")) <= now]
    if answer.session is None or now >= answer.session[1]:
        return bars
    last = answer.session[1].tz_convert(bars.index.tz) - pd.Timedelta(seconds=1)  # a session may end at midnight
    return bars[bars.index < last.normalize()]


def between(bars: pd.DataFrame, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
    """Keep the bars from `start` to `end`, both included; tz-naive ones are dates of the exchange."""
    keep = np.ones(len(bars), dtype=np.bool_)
    dates = pd.DatetimeIndex(bars.index).tz_localize(None).normalize()
    if start is not None:
        keep &= dates >= start.normalize() if start.tz is None else bars.index >= start
    if end is not None:
        keep &= dates <= end.normalize() if end.tz is None else bars.index <= end
    return bars[keep]


def on_panel_clock(bars: pd.DataFrame, *, daily: bool) -> pd.DataFrame:
    """Give sessions tz-naive dates, and intraday bars UTC."""
    index = pd.DatetimeIndex(bars.index)
    return bars.set_axis(index.tz_localize(None).normalize() if daily else index.tz_convert("UTC"))


def read_yfinance(
    frame: pd.DataFrame,
    *,
    symbol: str | None = None,
    calendar: str | None = None,
    periods_per_year: float | None = None,
) -> Bars:
    """Make bars from a frame that ``yfinance.download(..., auto_adjust=False, actions=True)`` returned.

    Both layouts are read: (price, symbol) columns in either order of levels, and the plain columns of one symbol.
    ``Adj Close`` is left out: it is what shows that the other prices are not adjusted for dividends. They are for
    splits, which is undone with the splits in the frame. A frame that ends before a later split holds the prices in
    the shares of its own last row, at another scale than the quoted ones.

    ``yfinance.download`` gives NaN for a symbol that failed; such a symbol is left out, and a warning of the logger
    ``quantml`` names it. So is a symbol's newest bar where it lacks a price.

    Parameters
    ----------
    frame : DataFrame
        What ``yfinance.download`` returned.
    symbol : str, optional
        Whose plain columns they are.
    calendar : str, optional
        ISO 10383 code of the exchange.
    periods_per_year : float, optional
        Bars per year; needed for intraday bars.

    Raises
    ------
    DataError
        If the frame was downloaded with other options, no symbol has a bar, or a bar cannot be.
    """
    parts = _by_symbol(frame, symbol)
    absent = [name for name, part in parts.items() if part["Close"].isna().all()]
    if len(absent) == len(parts):
        raise DataError("the frame", must="have bars of at least one symbol", got=f"none of {', '.join(absent)}")
    if absent:
        LOG.warning("yfinance downloaded no bars of %s; the other symbols are read without.", ", ".join(absent))
    raw = {name: _unadjusted(part, name) for name, part in parts.items() if name not in absent}
    rows = pd.concat([bars.assign(symbol=name) for name, bars in raw.items()])
    return Bars.from_frame(rows, calendar=calendar, periods_per_year=periods_per_year)


def _by_symbol(frame: pd.DataFrame, symbol: str | None) -> dict[str, pd.DataFrame]:
    if not isinstance(frame.columns, pd.MultiIndex):
        if symbol is None:
            raise DataError("plain columns", must="come with their symbol", got=list(frame.columns),
                            hint="Give symbol=.")  # fmt: skip
        _check_columns(frame.columns)
        return {symbol: frame}
    outer = "Close" in frame.columns.get_level_values(0)
    wide = frame.swaplevel(axis=1) if outer else frame
    _check_columns(wide.columns.get_level_values(1))
    return {str(name): wide[name] for name in dict.fromkeys(wide.columns.get_level_values(0))}


def _check_columns(names: pd.Index) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        hint = "Download with auto_adjust=False, actions=True: adjusted prices cannot be traded at."
        raise DataError("the frame", must=f"have the columns {', '.join(NEEDED)}", got=f"no {missing[0]}", hint=hint)


def _unadjusted(part: pd.DataFrame, symbol: str) -> pd.DataFrame:
    _check_columns(part.columns[part.notna().any()])
    index = pd.DatetimeIndex(part.index)
    split, paid = part["Stock Splits"], part["Dividends"]
    nothing = pd.Series(dtype=np.float64)
    if "Capital Gains" in part and part["Capital Gains"].gt(0.0).any():
        LOG.warning("%s: %s.", symbol, CAPITAL_GAINS)
    answer = Answer(part, split[split > 0.0], paid[paid > 0.0], nothing, "", None)
    told = on_panel_clock(raw_bars(answer, symbol), daily=index.tz is None)
    bars = finished_rows(told)
    if len(bars) < len(told):
        LOG.warning("%s: the bar of %s lacks a price and is left out.", symbol, f"{told.index[-1]:%Y-%m-%d}")
    return bars
