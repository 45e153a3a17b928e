"""Outside tables: any predictor that is not a price, joined to the panel clock by when it was available."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.calendars import RESOLUTION
from quantml.errors import DataError, did_you_mean
from quantml.panel import numbers
from quantml.timing import Span


@dataclass(frozen=True, eq=False, init=False)
class Exogenous(ReadOnly):
    """A table of outside values, each row with the time at which it became available.

    At a time t the table says what its newest period says, in the newest vintage of it that was available by then. A
    period may have several rows, one for each revision, if `available_at` tells them apart. A row is read whole: a NaN
    in it is a value that was not known, and no older one stands in for it.

    On a clock of sessions a row counts from the first session that is stamped at or after its availability, so that a
    time of day puts it off to the next session. Say the date alone of what was known by the close.

    Parameters
    ----------
    frame : DataFrame
        Rows in the order of their periods, indexed by each period's time, and the vintages of a period in the order
        in which they became available. It is copied.
    name : str
        What features call the table by.
    lag : str, optional
        How long after the time in the index a row became available, such as ``"1m"`` or ``"45d"``; ``"0d"`` where
        the index already is the time of availability. It is counted from the index: where that is the first day of a
        month, the month itself is part of the lag.
    available_at : str, optional
        A column that holds each row's time of availability, instead of `lag`.
    symbol : str, optional
        A column that names the symbol that each row is about, as in tables of fundamentals. Without it every row is
        about all symbols.

    Attributes
    ----------
    columns : tuple of str
        Names of the values.
    period, available : DatetimeIndex, shape (R,)
        The time in the index of each row, and when it became available.
    symbols : tuple of str
        The symbol that each row is about; empty where all are about all.
    values : ndarray of float64, shape (R, C)

    Raises
    ------
    DataError
        If neither or both of `lag` and `available_at` are given, a column is absent or holds anything but finite
        numbers and NaN, or times are missing, out of order, or equal for two rows of a period.

    Examples
    --------
    Growth of the first quarter, revised in June:

    >>> quarters = pd.DatetimeIndex(["2024-03-31", "2024-03-31", "2024-06-30"])
    >>> released = pd.DatetimeIndex(["2024-04-25", "2024-06-27", "2024-07-25"])
    >>> table = pd.DataFrame({"growth": [1.6, 1.4, 2.8], "released": released}, index=quarters)
    >>> growth = Exogenous(table, name="gdp", available_at="released")
    >>> growth.read("growth", pd.DatetimeIndex(["2024-04-24", "2024-04-25", "2024-06-28", "2024-07-31"])).tolist()
    [nan, 1.6, 1.4, 2.8]
    """

    name: str
    columns: tuple[str, ...]
    period: pd.DatetimeIndex
    available: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: NDArray[np.float64]

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        name: str,
        lag: str | None = None,
        available_at: str | None = None,
        symbol: str | None = None,
    ) -> None:
        where = f"table {name!r}"
        if not isinstance(name, str) or not name:
            raise DataError("an outside table's name", must="be text", got=name)
        _check_frame(frame, lag, available_at, where)
        for column in (available_at, symbol):
            if column is not None and column not in frame.columns:
                known = did_you_mean(str(column), map(str, frame.columns))
                raise DataError("an outside table", must=f"have the column {column!r}", where=where, hint=known)
        held = frame.drop(columns=[column for column in (available_at, symbol) if column is not None])
        if len(held.columns) == 0:
            raise DataError("an outside table", must="have at least one column of numbers", where=where)
        self._hold(
            name=name,
            columns=tuple(str(column) for column in held.columns),
            period=_times(frame.index, "an outside table's times", where),
            available=_lagged(frame.index, lag, where) if available_at is None else
            _times(frame[available_at], f"the column {available_at!r}", where),
            symbols=() if symbol is None else tuple(str(owner) for owner in frame[symbol]),
            values=_numbers(held, where),
        )  # fmt: skip
        for owner, rows in self._rows.items():
            _check_order(self.period[rows], self.available[rows], f"{where}, {owner}" if owner else where)

    def _hold(self, **parts: Any) -> None:
        self.__dict__.update(parts)
        self._freeze()

    def _cut(self, rows: NDArray[np.bool_]) -> Exogenous:
        part = object.__new__(Exogenous)
        owners = tuple(np.array(self.symbols, dtype=object)[rows]) if self.symbols else ()
        part._hold(name=self.name, columns=self.columns, period=self.period[rows], available=self.available[rows],
                   symbols=owners, values=self.values[rows])  # fmt: skip
        return part

    def __len__(self) -> int:
        return len(self.period)

    def __repr__(self) -> str:
        return f"Exogenous({self.name!r}, {len(self)} rows, {', '.join(self.columns)})"

    # ----------------------------------------------------------------- reading

    @property
    def frame(self) -> pd.DataFrame:
        """The values as a fresh frame, one row per period and vintage."""
        return pd.DataFrame(self.values.copy(), index=self.period, columns=list(self.columns))

    def read(self, column: str, clock: pd.DatetimeIndex, *, symbol: str | None = None) -> NDArray[np.float64]:
        """Return one column as of each time of `clock`, shape (T,); NaN before the first row was available.

        Parameters
        ----------
        column : str
        clock : DatetimeIndex
        symbol : str, optional
            Whose rows are read in a table that names symbols; NaN throughout for one that it does not name.

        Raises
        ------
        DataError
            If there is no such column, a symbol is given to a table that names none or is missing for one that does,
            or either of clock and times of availability has a time zone and the other has none.
        """
        if column not in self.columns:
            hint = did_you_mean(column, self.columns)
            raise DataError("a column", must=f"be in the table {self.name!r}", got=column, hint=hint)
        rows = self._newest(clock, symbol)
        values = self.values[:, self.columns.index(column)]
        return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan) if len(self) else np.full(len(clock), np.nan)

    def as_of(self, clock: pd.DatetimeIndex, *, symbol: str | None = None) -> pd.DataFrame:
        """Return every column as of each time of `clock`, as `read` does one."""
        columns = {column: self.read(column, clock, symbol=symbol) for column in self.columns}
        return pd.DataFrame(columns, index=clock)

    def since(self, clock: pd.DatetimeIndex, *, symbol: str | None = None) -> pd.DatetimeIndex:
        """Return when the row that is read at each time of `clock` became available; NaT before the first."""
        rows = self._newest(clock, symbol)
        known = self.available.append(pd.DatetimeIndex([pd.NaT], tz=self.available.tz))  # which -1 picks
        return known[rows].as_unit(RESOLUTION)

    def until(self, moment: pd.Timestamp) -> Exogenous:
        """Return the rows that were available at or before `moment`."""
        self.check_zone(moment.tz)
        return self._cut(np.asarray(self.available <= moment))

    def with_values(self, values: NDArray[np.float64]) -> Exogenous:
        """Return the same rows, periods and times of availability with other values, shape (R, C)."""
        part = self._cut(np.ones(len(self), dtype=np.bool_))
        part._hold(values=np.asarray(values, dtype=np.float64).reshape(self.values.shape))
        return part

    def check_zone(self, zone: object) -> None:
        """Raise `DataError` where exactly one of the times of availability and a clock's time zone is given."""
        if (zone is None) == (self.available.tz is None):
            return
        where = f"table {self.name!r}"
        if zone is None:
            rule, hint = "be dates of sessions, as the clock is", "Convert them with tz_convert and tz_localize(None)."
        else:
            rule, hint = "have a time zone, as the clock does", "Give them one with tz_localize."
        raise DataError("times of availability", must=rule, got=str(self.available.tz), where=where, hint=hint)

    @cached_property
    def _rows(self) -> dict[str, NDArray[np.int64]]:
        """Positions of each symbol's rows; all of them under "" where the table names no symbols."""
        if not self.symbols:
            return {"": np.arange(len(self), dtype=np.int64)}
        grouped = pd.Series(self.symbols).groupby(pd.Index(self.symbols), sort=False).indices
        return {str(owner): np.asarray(rows, dtype=np.int64) for owner, rows in grouped.items()}

    def _newest(self, clock: pd.DatetimeIndex, symbol: str | None) -> NDArray[np.int64]:
        """Return the row that is read at each time of `clock`, -1 before the first."""
        self.check_zone(clock.tz)
        if (symbol is None) == bool(self.symbols):
            rule = "be read for a symbol" if self.symbols else "be read without a symbol"
            raise DataError(f"the table {self.name!r}", must=rule, got=symbol)
        rows = self._rows.get(symbol or "", np.empty(0, dtype=np.int64))
        order = np.argsort(self.available[rows].asi8, kind="stable")
        known = np.asarray(self.available[rows][order].searchsorted(clock, side="right"))
        newest = np.concatenate([[-1], rows[np.maximum.accumulate(order)]])  # later rows are newer periods or vintages
        return np.asarray(newest[known], dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the values, their times and when they became available."""
        zones = (str(self.period.tz), str(self.available.tz))
        digest = hashlib.sha256(repr((self.name, self.columns, self.symbols, zones)).encode())
        digest.update(self.available.asi8.tobytes() + self.period.asi8.tobytes() + self.values.tobytes())
        return digest.hexdigest()


def _check_frame(frame: pd.DataFrame, lag: str | None, available_at: str | None, where: str) -> None:
    if (lag is None) == (available_at is None):
        hint = "Say when its rows became available, for instance lag='1m'."
        raise DataError("an outside table", must="have either lag or available_at", where=where, hint=hint)
    if not isinstance(frame, pd.DataFrame):
        raise DataError("an outside table", must="be a DataFrame", got=type(frame).__name__, where=where)
    if not isinstance(frame.index, pd.DatetimeIndex):
        got = type(frame.index).__name__
        raise DataError("an outside table's index", must="be a DatetimeIndex", got=got, where=where)
    if len(frame) == 0:
        raise DataError("an outside table", must="have at least one row", where=where)
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError("an outside table's columns", must="have one name each", got=frame.columns[0], where=where)
    if not frame.columns.is_unique:
        twice = str(frame.columns[frame.columns.duplicated()][0])
        raise DataError("an outside table's columns", must="be unique", got=twice, where=where)


def _times(times: Any, subject: str, where: str) -> pd.DatetimeIndex:
    if not isinstance(times.dtype, pd.DatetimeTZDtype) and times.dtype.kind != "M":
        raise DataError(subject, must="hold times", got=str(times.dtype), where=where)
    index = pd.DatetimeIndex(times, freq=None, name=None).as_unit(RESOLUTION)
    if index.hasnans:
        raise DataError(subject, must="all be given", got="NaT", where=where)
    return index


def _lagged(index: pd.DatetimeIndex, lag: str | None, where: str) -> pd.DatetimeIndex:
    times = _times(index, "an outside table's times", where)
    if not isinstance(lag, str):
        raise DataError("lag", must="be a duration such as '1m' or '45d'", got=lag, where=where)
    return times if lag == "0d" else (times + Span.parse(lag, "lag").offset).as_unit(RESOLUTION)


def _numbers(held: pd.DataFrame, where: str) -> NDArray[np.float64]:
    values = np.empty(held.shape)
    for position, (name, column) in enumerate(held.items()):
        values[:, position] = numbers(column, f"the column {name!r}", where)
    infinite = np.isinf(values)
    if infinite.any():
        row, position = np.argwhere(infinite)[0]
        at = f"{where}, {held.columns[position]}, {held.index[row]}"
        raise DataError("an outside value", must="be finite or NaN", got=float(values[row, position]), where=at)
    return values


def _check_order(period: pd.DatetimeIndex, available: pd.DatetimeIndex, where: str) -> None:
    """Raise unless periods do not decrease, and the vintages of each became available one after the other."""
    step, later = np.diff(period.asi8), np.diff(available.asi8)
    if (step < 0).any():
        row = int(np.argmax(step < 0))
        got = f"{period[row + 1]} after {period[row]}"
        raise DataError("the rows of an outside table", must="be in the order of their times", got=got, where=where)
    if ((step == 0) & (later <= 0)).any():
        row = int(np.argmax((step == 0) & (later <= 0)))
        rule = "have become available one after the other"
        got = f"{period[row]}, available on {available[row]} and then on {available[row + 1]}"
        raise DataError("two rows of the same time", must=rule, got=got, where=where)
