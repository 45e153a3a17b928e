"""Reading frames into panel arrays, and every check that market data passes on its way in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from types import NoneType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_complex_dtype, is_numeric_dtype
from pandas.api.typing import NAType

from quantml.calendars import RESOLUTION
from quantml.errors import DataError, did_you_mean

KNOWN: Final = ("open", "high", "low", "close", "volume", "split", "dividend")
Fields = dict[str, NDArray[np.float64]]


def read_fields(data: pd.DataFrame) -> tuple[pd.DatetimeIndex, tuple[str, ...], Fields]:
    """Read a long frame, or one with (field, symbol) columns, into arrays by field, shape (T, N)."""
    check_frame(data)
    wide = data if isinstance(data.columns, pd.MultiIndex) else _pivot(data)
    wide = wide if _names_fields(wide.columns.get_level_values(0)) else wide.swaplevel(axis=1)
    _check_names(wide.columns.get_level_values(0))
    symbols = tuple(str(s) for s in dict.fromkeys(wide.columns.get_level_values(1)))
    clock = read_clock(wide.index)
    fields: Fields = {}
    for name in dict.fromkeys(wide.columns.get_level_values(0)):
        fields[str(name).lower()] = on_clock(wide[name].set_axis(clock), str(name), clock, symbols)
    return clock, symbols, fields


def _names_fields(names: pd.Index) -> bool:
    return bool({str(name).lower() for name in names} & set(KNOWN))


def _check_names(names: pd.Index) -> None:
    unknown = sorted({str(name) for name in names if str(name).lower() not in KNOWN})
    if unknown:
        adjusted = any("adj" in name.lower() for name in unknown)
        hint = "Give raw prices with splits and dividends, and leave adjusted closes out."
        hint = hint if adjusted else did_you_mean(unknown[0].lower(), KNOWN)
        raise DataError("fields", must=f"be among {', '.join(KNOWN)}", got=unknown, hint=hint)


def _pivot(data: pd.DataFrame) -> pd.DataFrame:
    lower = data.rename(columns={name: str(name).lower() for name in data.columns})
    if "symbol" not in lower.columns:
        hint = "Long data names each row's symbol; closes alone go to Bars.from_close."
        raise DataError("columns", must="be (field, symbol) pairs, or hold a column 'symbol'",
                        got=list(data.columns), hint=hint)  # fmt: skip
    column = next((name for name in ("date", "time") if name in lower.columns), None)
    time = lower.index if column is None else pd.DatetimeIndex(lower.pop(column))
    lower = lower.set_axis(time)
    for symbol, rows in lower.groupby("symbol", sort=False):
        check_clock(rows.index, where=str(symbol))
    keyed = lower.set_index("symbol", append=True)
    order = lower["symbol"].unique().tolist()
    return keyed.unstack("symbol").reindex(columns=pd.MultiIndex.from_product([keyed.columns, order]))


def read_wide(data: pd.DataFrame, name: str) -> tuple[pd.DatetimeIndex, tuple[str, ...], NDArray[np.float64]]:
    """Read a time x symbol frame into a clock, symbols and an array."""
    check_frame(data)
    if isinstance(data.columns, pd.MultiIndex):
        hint = "Columns of (field, symbol) pairs go to Bars.from_frame."
        raise DataError(f"the columns of {name}", must="be symbols", got=data.columns[0], hint=hint)
    clock, symbols = read_clock(data.index), tuple(str(symbol) for symbol in data.columns)
    return clock, symbols, on_clock(data.set_axis(clock), name, clock, symbols)


def closes_of_returns(data: pd.DataFrame, base: str | pd.Timestamp) -> pd.DataFrame:
    """Multiply up each symbol's returns, from 1.0 on the row before its first to its last.

    Raises
    ------
    DataError
        If `base` is not before the first row, that row has no return, or one is missing between two of its symbol.
    """
    clock, symbols, returns = read_wide(data, "returns")
    first = pd.Timestamp(base)
    if not first < clock[0]:
        raise DataError("base", must=f"be earlier than the first return, {clock[0]}", got=str(base))
    given = ~np.isnan(returns)
    if not given[0].any():
        hint = "Leave out the rows before the first return, and give the time before it as base."
        raise DataError("the first row of returns", must="have one for some symbol", got="NaN for every symbol",
                        where=f"{clock[0]}".removesuffix(" 00:00:00"), hint=hint)  # fmt: skip
    begun = np.maximum.accumulate(given, axis=0)
    over = ~np.maximum.accumulate(given[::-1], axis=0)[::-1]
    hint = "Give 0.0 where nothing was earned, or prices to Bars.from_close."
    must = "be given between the symbol's first and last"
    _Finder(clock, symbols).at(begun & ~over & ~given, "a return", must, returns, hint)
    grown = np.where(over, np.nan, np.cumprod(np.where(given, 1.0 + returns, 1.0), axis=0))
    whole = np.vstack([np.ones(len(symbols)), grown])
    waiting = np.vstack([~begun, np.zeros((1, len(symbols)), dtype=np.bool_)])  # the next return is not yet the first
    return pd.DataFrame(np.where(waiting, np.nan, whole), index=clock.insert(0, first), columns=list(symbols))


def check_frame(data: Any) -> None:
    """Raise unless `data` is a frame with something in it."""
    if not isinstance(data, pd.DataFrame):
        hint = "Make one of a Series with series.to_frame('symbol')." if isinstance(data, pd.Series) else ""
        raise DataError("bars", must="be made from a DataFrame", got=type(data).__name__, hint=hint)
    if len(data) == 0:
        raise DataError("bars", must="have at least one row", hint="Widen the date range.")
    if len(data.columns) == 0:
        raise DataError("bars", must="have at least one symbol", got="a frame without columns")


def numbers(column: pd.Series, subject: str, where: str) -> NDArray[np.float64]:
    """Return a column as float64, missing values as NaN; raise where it holds text, times or complex numbers."""
    if not is_numeric_dtype(column.dtype) or is_complex_dtype(column.dtype):
        odd = [not isinstance(value, (Real, Decimal, NoneType, NAType)) for value in column]
        if column.dtype != object or any(odd):
            row = odd.index(True) if any(odd) else 0
            value = column.iloc[row]
            place = f"{where}, {column.index[row]}".removesuffix(" 00:00:00")
            raise DataError(
                subject, must="hold numbers", got=value if isinstance(value, str) else type(value).__name__, where=place
            )
    values: NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def read_clock(index: pd.Index) -> pd.DatetimeIndex:
    """Check the times of a table and return them as a clock, in the package's unit."""
    check_clock(index)
    return pd.DatetimeIndex(index, freq=None, name=None).as_unit(RESOLUTION)


def check_clock(index: pd.Index, where: str = "") -> None:
    """Raise unless the times are a DatetimeIndex, unique, increasing, and midnight or UTC."""
    if not isinstance(index, pd.DatetimeIndex):
        hint = "Read them with pd.to_datetime."
        raise DataError("times", must="be a DatetimeIndex", got=type(index).__name__, where=where, hint=hint)
    if len(index) == 0:
        raise DataError("bars", must="have at least one row", where=where, hint="Widen the date range.")
    if index.hasnans:
        raise DataError("times", must="all be given", got="NaT", where=where)
    place = f"{where}, " if where else ""
    if not index.is_unique:
        raise DataError("times", must="be unique", where=f"{place}{index[index.duplicated()][0]} stands twice")
    if not index.is_monotonic_increasing:
        late = int(np.flatnonzero(np.diff(index.asi8) < 0)[0])
        raise DataError("times", must="increase", where=f"{place}{index[late + 1]} follows {index[late]}")
    if index.tz is not None and str(index.tz) != "UTC":
        raise DataError("times", must="be tz-naive sessions or intraday UTC", got=str(index.tz), where=where)
    if index.tz is None and not bool((index == index.normalize()).all()):
        hint = "Localize intraday times and convert them to UTC; give sessions without a time of day."
        odd = index[index != index.normalize()][0]
        raise DataError("tz-naive times", must="be sessions at midnight", got=str(odd), where=where, hint=hint)


def on_clock(table: pd.DataFrame, name: str, clock: pd.DatetimeIndex, symbols: tuple[str, ...]) -> NDArray[np.float64]:
    """Lay a time x symbol table onto a clock and symbols; NaN where it says nothing."""
    if len(set(symbols)) < len(symbols):
        twice = next(symbol for symbol in symbols if symbols.count(symbol) > 1)
        raise DataError("symbols", must="be unique", got=twice)
    table = table.rename(columns=str)
    strangers = [str(s) for s in table.columns if s not in symbols]
    if strangers or not table.index.isin(clock).all():
        got = strangers or str(table.index[~table.index.isin(clock)][0])
        raise DataError(f"{name}", must="have the bars' symbols and times", got=got)
    held = {symbol: numbers(column, name, str(symbol)) for symbol, column in table.items()}
    values = pd.DataFrame(held, index=table.index).reindex(index=clock, columns=list(symbols))
    return np.array(values, dtype=np.float64, order="C")  # a copy: the caller's frame stays the caller's


def check_by_symbol(given: Mapping[str, str], name: str, symbols: tuple[str, ...]) -> None:
    """Raise unless a mapping names every symbol and no other."""
    odd = [symbol for symbol in given if symbol not in symbols] + [symbol for symbol in symbols if symbol not in given]
    if odd:
        raise DataError(name, must="name every symbol of the bars and no other", got=odd[0])


def actions(values: NDArray[np.float64] | None, nothing: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Fill a table of splits or dividends with what "nothing happened" is."""
    return np.full(shape, nothing) if values is None else np.where(np.isnan(values), nothing, values)


def previous_close(close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the close of each symbol's previous bar, shape (T, N); NaN before its second and where it has no bar."""
    before = pd.DataFrame(close).ffill().shift().to_numpy(dtype=np.float64)
    return np.where(np.isnan(close), np.nan, before)


def adjustment(
    close: NDArray[np.float64], split: NDArray[np.float64], dividend: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the factor from raw to adjusted prices, shape (T, N), 1.0 at the first bar.

    On an ex-date it grows by ``split / (1 - dividend * split / previous close)``: the dividend is reinvested at the
    previous close less the dividend, the convention of the data vendors (CRSP, Yahoo).
    """
    before = previous_close(close)
    split, dividend = _lived(split, 1.0, close), _lived(dividend, 0.0, close)
    paid = np.where(dividend > 0.0, dividend * split / before, 0.0)
    return np.cumprod(split / (1.0 - paid), axis=0, dtype=np.float64)


def volume_adjustment(close: NDArray[np.float64], split: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factor from raw volume to volume in shares of the first bar, shape (T, N)."""
    return np.asarray(1.0 / np.cumprod(_lived(split, 1.0, close), axis=0), dtype=np.float64)


def _lived(actions: NDArray[np.float64], nothing: float, close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out what happens on a symbol's first bar, which no holder of these bars has lived through."""
    return np.where(np.isnan(previous_close(close)), nothing, actions)


def check_quotes(clock: pd.DatetimeIndex, symbols: tuple[str, ...], quoted: Mapping[str, NDArray[np.float64]]) -> None:
    """Raise on the first bar that cannot be: partly NaN, not positive, a high below another price, no bar at all."""
    if "close" not in quoted:
        raise DataError("bars", must="have a close", got=sorted(quoted), hint=did_you_mean("close", quoted))
    prices = [name for name in ("open", "high", "low", "close") if name in quoted]
    if 1 < len(prices) < 4:
        raise DataError("bars", must="have open, high, low and close, or close alone", got=prices)
    fail = _Finder(clock, symbols)
    absent = np.isnan(quoted["close"])
    for name, values in quoted.items():
        fail.at(np.isnan(values) != absent, f"the bar's {name}", "be given exactly where its close is", values)
        fail.at(np.isinf(values), f"the bar's {name}", "be finite", values)
        bad = values < 0.0 if name == "volume" else values <= 0.0
        fail.at(bad, f"the bar's {name}", "not be negative" if name == "volume" else "be positive", values)
    if len(prices) == 4:
        _check_range(fail, quoted)
    empty = absent.all(axis=1)
    if empty.any():
        raise DataError("a session", must="have a bar for some symbol", got="NaN for every symbol",
                        where=str(clock[empty][0]))  # fmt: skip
    never = absent.all(axis=0)
    if never.any():
        raise DataError("a symbol", must="have at least one bar", got="none", where=symbols[int(np.argmax(never))])


def _check_range(fail: _Finder, quoted: Mapping[str, NDArray[np.float64]]) -> None:
    high, low = quoted["high"], quoted["low"]
    fail.at(high < low, "high", "be at or above low", high)
    for name in ("open", "close"):
        fail.at(high < quoted[name], "high", f"be at or above {name}", high)
        fail.at(low > quoted[name], "low", f"be at or below {name}", low)


def check_actions(
    clock: pd.DatetimeIndex,
    symbols: tuple[str, ...],
    close: NDArray[np.float64],
    split: NDArray[np.float64],
    dividend: NDArray[np.float64],
) -> None:
    """Raise on a split or dividend that cannot be: not positive, on no bar, or above the price it is paid from."""
    fail = _Finder(clock, symbols)
    fail.at(~(split > 0.0) | np.isinf(split), "a split", "be a positive ratio", split)
    fail.at(~(dividend >= 0.0) | np.isinf(dividend), "a dividend", "not be negative", dividend)
    happened = (split != 1.0) | (dividend != 0.0)
    fail.at(happened & np.isnan(close), "a split or dividend", "fall on a bar of its symbol", split)
    before = previous_close(close)
    fail.at((dividend > 0.0) & (dividend * split >= before), "a dividend", "be below the previous close", dividend)


class _Finder:
    """Raises for the first cell, in time, that a mask marks, naming its symbol and time."""

    def __init__(self, clock: pd.DatetimeIndex, symbols: tuple[str, ...]) -> None:
        self._clock, self._symbols = clock, symbols

    def at(self, mask: NDArray[np.bool_], subject: str, must: str, values: NDArray[Any], hint: str = "") -> None:
        if mask.any():
            row, column = np.argwhere(mask)[0]
            where = f"{self._symbols[column]}, {self._clock[row]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
            raise DataError(subject, must=must, got=float(values[row, column]), where=where, hint=hint)


def read_moment(moment: str | pd.Timestamp, clock: pd.DatetimeIndex) -> pd.Timestamp:
    """Read a time as the clock does: one without a time zone is meant in the clock's own.

    Raises
    ------
    DataError
        If it is no time, or has a time zone where the clock has sessions.
    """
    try:
        stamp = pd.Timestamp(moment)
    except (TypeError, ValueError) as error:
        raise DataError("a time", must="be a date such as 2018-06-29", got=moment) from error
    if pd.isna(stamp):
        raise DataError("a time", must="be a date such as 2018-06-29", got=moment)
    if stamp.tz is not None and clock.tz is None:
        hint = "The bars are sessions: give the session's date alone."
        raise DataError("a time", must="have no time zone", got=str(moment), hint=hint)
    return stamp.tz_localize(clock.tz) if stamp.tz is None and clock.tz is not None else stamp


def repeated_opens(opens: NDArray[np.float64], close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each symbol's bars whose open repeats the close before, shape (N,)."""
    before = previous_close(close)
    known = ~np.isnan(opens) & ~np.isnan(before)
    return np.asarray(np.sum(known & (opens == before), axis=0) / np.maximum(known.sum(axis=0), 1), dtype=np.float64)


def session_numbers(clock: pd.DatetimeIndex, closed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the sessions that each symbol has had by each row: days of the clock on which its exchange is not closed.

    Returns
    -------
    ndarray of int64, shape (T, N)
        0 in the first session.
    """
    days = clock.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)[:, None]
    if not closed.any():
        numbers = np.cumsum(np.diff(days, axis=0, prepend=days[:1]) != 0, axis=0, dtype=np.int64)
        return np.repeat(numbers, closed.shape[1], axis=1)
    latest = np.maximum.accumulate(np.where(closed, days[:1], days), axis=0)
    return np.cumsum(np.diff(latest, axis=0, prepend=latest[:1]) != 0, axis=0, dtype=np.int64)
