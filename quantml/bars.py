"""Bars: the only market data in the package; checked once at the edge, then trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml import panel
from quantml.arrays import ReadOnly, frame, read_only
from quantml.calendars import Calendar, closed_rows, describe, own_periods_per_year, read_periods
from quantml.errors import DataError, did_you_mean
from quantml.exogenous import Exogenous

if TYPE_CHECKING:
    from quantml.universe import Membership

__all__ = ["Bars", "Exogenous"]

PRICES: Final = ("open", "high", "low", "close")
FIELDS: Final = (*PRICES, "volume")


@dataclass(frozen=True, eq=False)
class Bars(ReadOnly):
    """Open, high, low, close and volume of symbols on one panel clock.

    A symbol has a bar where its close is not NaN; where there are no prices, as in the bars of `from_table`, it has
    one on every row. ``open``, ``high``, ``low`` and ``close`` are *adjusted*: raw prices times a factor cumulated
    forward from 1.0 at the first bar, so that a later split or dividend changes nothing already seen. `raw` holds the
    prices as they were quoted, which the ledger trades at.

    Make one with `from_frame`, `from_close`, `from_returns` or `from_table`, or with a loader.

    Attributes
    ----------
    clock : DatetimeIndex, shape (T,)
        Increasing and unique; sessions tz-naive at midnight, intraday bars in UTC.
    symbols : tuple of str, length N
    quoted : mapping of str to ndarray, shape (T, N)
        Raw prices and volume by field.
    split, dividend : ndarray, shape (T, N)
        New shares per old share (1.0 where nothing happened), and cash per share held after the split of that bar,
        on its ex-date.
    periods_per_year : float
        Rows of the clock per year, fixed when the bars are made.
    calendar : str, mapping of str to str, or None
        ISO 10383 code of the exchange, or of each symbol's own where they differ.
    tables : mapping of str to Exogenous
        Outside tables, cut by `until` as the prices are.
    membership : Membership or None
        Which symbols could be chosen when, and recorded delistings; cut by `until` too. Without one, every symbol is
        a member throughout.
    currencies : mapping of str to str
        Currency that each symbol is quoted in, such as ``"USD"``; empty where it is not known.
    closed : ndarray of bool, shape (T, N)
        Where a symbol has no bar because its own exchange has no session; nowhere unless `calendar` is a mapping.
    own_periods_per_year : ndarray of float64, shape (N,)
        Bars per year of each symbol: `periods_per_year`, or what its own exchange has.
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    quoted: Mapping[str, NDArray[np.float64]]
    split: NDArray[np.float64]
    dividend: NDArray[np.float64]
    periods_per_year: float
    calendar: Calendar | None = None
    tables: Mapping[str, Exogenous] = field(default_factory=dict)
    membership: Membership | None = None
    currencies: Mapping[str, str] = field(default_factory=dict)
    closed: NDArray[np.bool_] = field(default_factory=lambda: np.empty((0, 0), dtype=np.bool_))
    own_periods_per_year: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.own_periods_per_year.size == 0:
            object.__setattr__(self, "own_periods_per_year", np.full(len(self.symbols), self.periods_per_year))
            object.__setattr__(self, "closed", np.zeros((len(self.clock), len(self.symbols)), dtype=np.bool_))
        super().__post_init__()

    def _freeze(self) -> None:
        super()._freeze()
        for name in ("tables", "currencies", "calendar"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    # ------------------------------------------------------------------ making

    @classmethod
    def from_frame(
        cls,
        data: pd.DataFrame,
        *,
        splits: pd.DataFrame | None = None,
        dividends: pd.DataFrame | None = None,
        calendar: Calendar | None = None,
        periods_per_year: float | None = None,
        currencies: Mapping[str, str] | None = None,
    ) -> Bars:
        """Make bars from raw prices.

        Parameters
        ----------
        data : DataFrame
            Either long, with a column ``symbol`` and the time in the index or in a column ``date`` or ``time``; or
            with (field, symbol) columns as yfinance gives. Fields are open, high, low, close (all four, or close
            alone), volume, split and dividend, in any case.
        splits, dividends : DataFrame, optional
            Time x symbol, NaN where nothing happened, instead of the fields ``split`` and ``dividend``.
        calendar : str or mapping of str to str, optional
            ISO 10383 code of the exchange, or of each symbol's own where they differ.
        periods_per_year : float, optional
            Rows of the clock per year. Without it, what the calendar has of daily and intraday bars; without that, the
            usual number of daily, weekly, monthly, quarterly and yearly clocks.
        currencies : mapping of str to str, optional
            Currency that each symbol is quoted in.

        Raises
        ------
        DataError
            If times are duplicate or unsorted, a price is not positive, a high is below a low, a bar is partly NaN,
            or a session or a symbol has no bar at all.
        """
        clock, symbols, fields = panel.read_fields(data)
        actions = {"split": splits, "dividend": dividends}
        fields |= {name: panel.on_clock(table, name, clock, symbols) for name, table in actions.items()
                   if table is not None}  # fmt: skip
        return cls._checked(clock, symbols, fields, calendar, periods_per_year, currencies)

    @classmethod
    def from_close(
        cls,
        data: pd.DataFrame,
        *,
        calendar: Calendar | None = None,
        periods_per_year: float | None = None,
        currencies: Mapping[str, str] | None = None,
    ) -> Bars:
        """Make bars from closes alone: time x symbol, NaN where a symbol has no bar."""
        clock, symbols, close = panel.read_wide(data, "close")
        return cls._checked(clock, symbols, {"close": close}, calendar, periods_per_year, currencies)

    @classmethod
    def from_returns(
        cls,
        data: pd.DataFrame,
        *,
        base: str | pd.Timestamp,
        calendar: Calendar | None = None,
        periods_per_year: float | None = None,
    ) -> Bars:
        """Make bars from simple returns (time x symbol, decimal); `base` is the time before the first of them.

        A symbol's close is 1.0 on the row before its own first return, and its last return ends it: NaN before and
        after them is no bar. A NaN between two returns of a symbol is refused.
        """
        closes = panel.closes_of_returns(data, base)
        return cls.from_close(closes, calendar=calendar, periods_per_year=periods_per_year)

    @classmethod
    def from_table(
        cls,
        table: Exogenous,
        *,
        symbol: str | None = None,
        calendar: str | None = None,
        periods_per_year: float | None = None,
    ) -> Bars:
        """Make bars without prices, which nothing can trade: the periods of an outside table are their clock.

        Decisions are made at the periods' own times, for each symbol that the table names; for a table that names
        none, `symbol` does, or else the table's name. Every symbol has a bar on every row of the clock. What is known
        of the table at a decision depends on when it became available, as in any outside table.

        Raises
        ------
        DataError
            If the table's times are neither sessions at midnight nor UTC, or `symbol` is given to a table that names
            its own.
        """
        if table.symbols and symbol is not None:
            raise DataError("symbol", must="not be given to a table that names symbols", got=symbol)
        clock = panel.read_clock(table.period.unique().sort_values())
        table.check_zone(clock.tz)
        symbols = tuple(dict.fromkeys(table.symbols)) or (symbol or table.name,)
        shape = (len(clock), len(symbols))
        periods = read_periods(clock, calendar, periods_per_year)
        return cls(clock, symbols, {}, np.ones(shape), np.zeros(shape), periods, calendar, {table.name: table})

    @classmethod
    def _checked(
        cls,
        clock: pd.DatetimeIndex,
        symbols: tuple[str, ...],
        fields: Mapping[str, NDArray[np.float64]],
        calendar: Calendar | None,
        periods_per_year: float | None,
        currencies: Mapping[str, str] | None,
    ) -> Bars:
        quoted = {name: values for name, values in fields.items() if name in FIELDS}
        shape = (len(clock), len(symbols))
        split = panel.actions(fields.get("split"), 1.0, shape)
        dividend = panel.actions(fields.get("dividend"), 0.0, shape)
        panel.check_quotes(clock, symbols, quoted)
        panel.check_actions(clock, symbols, quoted["close"], split, dividend)
        for name, given in (("calendar", calendar), ("currencies", currencies)):
            if isinstance(given, Mapping):
                panel.check_by_symbol(given, name, symbols)
        periods = read_periods(clock, calendar, periods_per_year)
        return cls(
            clock, symbols, quoted, split, dividend, periods, calendar,
            currencies=currencies or {},
            closed=closed_rows(clock, symbols, calendar) & np.isnan(quoted["close"]),
            own_periods_per_year=own_periods_per_year(clock, symbols, calendar, periods),
        )  # fmt: skip

    # ----------------------------------------------------------------- reading

    def __len__(self) -> int:
        return len(self.clock)

    def __repr__(self) -> str:
        span = f"{self.clock[0]:%Y-%m-%d} to {self.clock[-1]:%Y-%m-%d}" if len(self) else "empty"
        return f"Bars({len(self.symbols)} symbols x {len(self)} bars, {span}, {', '.join(self.quoted) or 'no prices'})"

    def has(self, name: str) -> bool:
        """Say whether the bars have the field `name`."""
        return name in self.quoted

    def raw_array(self, name: str) -> NDArray[np.float64]:
        """Return a field as quoted: read-only, shape (T, N)."""
        if not self.quoted:
            hint = "They hold outside tables alone: use Outside features and a Column target, and no signal."
            raise DataError("bars without prices", must=f"not be asked for the field {name!r}", hint=hint)
        if name not in self.quoted:
            known = did_you_mean(name, self.quoted) if name not in FIELDS else "Use bars that have it."
            raise DataError("bars", must=f"have the field {name!r}", got=", ".join(self.quoted), hint=known)
        return self.quoted[name]

    def array(self, name: str) -> NDArray[np.float64]:
        """Return an adjusted field: read-only, shape (T, N). Volume is adjusted for splits only."""
        raw = self.raw_array(name)
        if not self.has_action.any():
            return raw
        if name not in self._adjusted:
            by_splits = name == "volume"
            factor = panel.volume_adjustment(self.raw_array("close"), self.split) if by_splits else self.adjustment
            self._adjusted[name] = read_only(np.asarray(raw * factor, dtype=np.float64))
        return self._adjusted[name]

    @cached_property
    def _adjusted(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @cached_property
    def has_action(self) -> NDArray[np.bool_]:
        """Bars on which a symbol has a split or a dividend: read-only, shape (T,)."""
        return read_only(np.any((self.split != 1.0) | (self.dividend != 0.0), axis=1))

    @cached_property
    def adjustment(self) -> NDArray[np.float64]:
        """Factor from raw to adjusted prices, shape (T, N), 1.0 at the first bar; `panel.adjustment` says how."""
        return read_only(panel.adjustment(self.raw_array("close"), self.split, self.dividend))

    @property
    def open(self) -> pd.DataFrame:
        """Adjusted opens, time x symbol."""
        return self._frame("open")

    @property
    def high(self) -> pd.DataFrame:
        """Adjusted highs, time x symbol."""
        return self._frame("high")

    @property
    def low(self) -> pd.DataFrame:
        """Adjusted lows, time x symbol."""
        return self._frame("low")

    @property
    def close(self) -> pd.DataFrame:
        """Adjusted closes, time x symbol."""
        return self._frame("close")

    @property
    def volume(self) -> pd.DataFrame:
        """Volume in shares of the first bar, time x symbol."""
        return self._frame("volume")

    @property
    def splits(self) -> pd.DataFrame:
        """New shares per old share on each bar, time x symbol."""
        return frame(self.split, self.clock, self.symbols)

    @property
    def dividends(self) -> pd.DataFrame:
        """Cash per share on each ex-date, time x symbol."""
        return frame(self.dividend, self.clock, self.symbols)

    def _frame(self, name: str) -> pd.DataFrame:
        return frame(self.array(name), self.clock, self.symbols)

    @property
    def raw(self) -> Bars:
        """The same bars with prices as quoted, and no splits or dividends to adjust by."""
        return replace(self, split=np.ones_like(self.split), dividend=np.zeros_like(self.dividend))

    @cached_property
    def traded(self) -> NDArray[np.bool_]:
        """Where a symbol has a bar: read-only, shape (T, N)."""
        if not self.quoted:
            return read_only(np.ones(self.split.shape, dtype=np.bool_))
        return read_only(~np.isnan(self.raw_array("close")))

    @cached_property
    def everyone_traded(self) -> NDArray[np.bool_]:
        """Rows on which every symbol has a bar: read-only, shape (T,)."""
        return read_only(np.asarray(self.traded.all(axis=1)))

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """Where a symbol is a member of the universe: read-only, shape (T, N)."""
        if self.membership is None:
            return read_only(np.ones(self.traded.shape, dtype=np.bool_))
        return read_only(self.membership.at(self.clock, self.symbols))

    @cached_property
    def session_number(self) -> NDArray[np.int64]:
        """How many sessions each symbol has had before each row's: read-only, shape (T, N)."""
        return read_only(panel.session_numbers(self.clock, self.closed))

    @cached_property
    def candidates(self) -> NDArray[np.bool_]:
        """Where a symbol may be chosen, being a member with a bar: read-only, shape (T, N)."""
        return read_only(self.traded & self.members)

    def returns(self) -> pd.DataFrame:
        """Simple returns from each symbol's previous bar, adjusted for splits and dividends; time x symbol."""
        close = self.array("close")
        return frame(close / panel.previous_close(close) - 1.0, self.clock, self.symbols)

    # ----------------------------------------------------------------- cutting

    def until(self, moment: str | pd.Timestamp) -> Bars:
        """Return what was known at the close of `moment`: every row and outside value at or before it."""
        return self._rows(slice(0, int(self.clock.searchsorted(panel.read_moment(moment, self.clock), side="right"))))

    def between(self, first: str | pd.Timestamp, last: str | pd.Timestamp) -> Bars:
        """Return the rows from `first` to `last`, both included; adjustment starts again at 1.0."""
        begin = int(self.clock.searchsorted(panel.read_moment(first, self.clock), side="left"))
        return self._rows(slice(begin, int(self.clock.searchsorted(panel.read_moment(last, self.clock), side="right"))))

    def _rows(self, rows: slice) -> Bars:
        clock = self.clock[rows]
        tables = {name: table.until(clock[-1]) for name, table in self.tables.items()} if len(clock) else {}
        return replace(
            self,
            clock=clock,
            quoted={name: values[rows] for name, values in self.quoted.items()},
            split=self.split[rows],
            dividend=self.dividend[rows],
            closed=self.closed[rows],
            tables=tables,
            membership=self.membership.until(clock[-1]) if self.membership is not None and len(clock) else None,
        )

    def with_tables(self, *tables: Exogenous) -> Bars:
        """Return the same bars with outside tables joined to them by name, in place of one of the same name.

        Raises
        ------
        DataError
            If a table's times of availability have a time zone and the clock has none, or the other way round.
        """
        for table in tables:
            table.check_zone(self.clock.tz)
        return replace(self, tables={**self.tables, **{table.name: table for table in tables}})

    def with_membership(self, membership: Membership) -> Bars:
        """Return the same bars with a point-in-time universe.

        Raises
        ------
        DataError
            If table and bars do not go together; see `Membership.check_against`.
        """
        membership.check_against(self)
        return replace(self, membership=membership)

    # ---------------------------------------------------------------- identity

    def to_frame(self) -> pd.DataFrame:
        """Return raw prices, volume, splits and dividends under (field, symbol) columns; `from_frame` reads it."""
        columns = {name: frame(self.raw_array(name), self.clock, self.symbols) for name in self.quoted or ("close",)}
        if self.has_action.any():
            columns |= {"split": self.splits, "dividend": self.dividends}
        return pd.concat(columns, axis=1, names=["field", "symbol"])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything the bars hold."""
        digest = hashlib.sha256(self.clock.as_unit("us").asi8.tobytes())
        digest.update(repr((self.symbols, str(self.clock.tz), self.periods_per_year, describe(self.calendar))).encode())
        digest.update(repr(sorted(self.currencies.items())).encode() if self.currencies else b"")
        arrays = {**self.quoted, "split": self.split, "dividend": self.dividend}
        for name in sorted(arrays):
            digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
        for name in sorted(self.tables):
            digest.update(self.tables[name].fingerprint.encode())
        if self.membership is not None:
            digest.update(self.membership.fingerprint.encode())
        return digest.hexdigest()
