"""Universes: which symbols could be chosen when, and what holders got for those that left the exchange.

Both are told as they became known. A row of a membership table says nothing before its spell starts, and its end
nothing before it comes; a recorded delisting is unknown before its date. Where none is recorded, a symbol is taken
for delisted once it has had no bar for `DELIST_AFTER` sessions, since nothing knows earlier that it will never trade
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.calendars import RESOLUTION
from quantml.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from quantml.bars import Bars

__all__ = ["DELIST_AFTER", "Exits", "Membership", "find_exits"]

DELIST_AFTER: Final = 10
"""Sessions of its exchange without a bar after which a symbol is taken for delisted."""

SPELLS: Final = ("symbol", "start", "end")
DELISTINGS: Final = ("symbol", "date", "delisting_return")
SHOWN: Final = 8


@dataclass(frozen=True, eq=False)
class Membership:
    """When each symbol was a member of the universe, and how some of them ended.

    At the close of bar t a symbol is a member if one of its spells has ``start <= t < end``. Only members train, are
    forecast and are held; a symbol that leaves is sold at its next fill. Bars before and after a spell stay in the
    data, as history.

    Times are tz-naive and compared with the clock as they stand; on an intraday clock they are UTC, and a date is its
    midnight.

    Parameters
    ----------
    frame : DataFrame
        Columns ``symbol``, ``start`` and ``end``, one row per spell; a symbol may have several, which must not
        overlap. A spell starts on its `start` and is over on its `end`; NaT where it goes on.
    delistings : DataFrame, optional
        Columns ``symbol``, ``date`` and, optionally, ``delisting_return``: at most one row per symbol. What is held
        is closed on the first row of the clock at or after `date` on which the symbol has no bar, at its last price
        times ``1 + delisting_return`` (NaN is 0); the symbol has no bar after `date`. A symbol that has had no bar
        for `DELIST_AFTER` sessions before that is closed then, at its last price.
    without_bars : sequence of str
        Members known to have no bars, which are left out; a run's manifest counts them. Any other symbol that is a
        member while the bars run must have bars.

    Raises
    ------
    DataError
        If a column is missing or unknown, a symbol or time is missing or cannot be read, a spell does not end after
        its start or overlaps another of its symbol, a symbol is delisted twice, or a delisting return is below -1.

    Examples
    --------
    >>> table = pd.DataFrame({"symbol": ["A", "B"], "start": ["2024-01-01", "2024-01-03"], "end": ["2024-01-03", None]})
    >>> Membership(table).at(pd.date_range("2024-01-01", periods=3), ("A", "B")).tolist()
    [[True, False], [True, False], [False, True]]
    """

    frame: pd.DataFrame = field(repr=False)
    delistings: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    without_bars: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", _spells(self.frame))
        if self.delistings is not None:
            object.__setattr__(self, "delistings", _delistings(self.delistings))
        object.__setattr__(self, "without_bars", tuple(self.without_bars))

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that has a spell, in alphabetical order."""
        return tuple(dict.fromkeys(self.frame["symbol"]))

    def at(self, clock: pd.DatetimeIndex, symbols: Sequence[str]) -> NDArray[np.bool_]:
        """Say where each of `symbols` is a member.

        Parameters
        ----------
        clock : DatetimeIndex, shape (T,)
        symbols : sequence of str, length N

        Returns
        -------
        ndarray of bool, shape (T, N)
            Row t depends on spells that have started by then, and on ends that have come.
        """
        place = {symbol: n for n, symbol in enumerate(symbols)}
        first, last = _rows(clock, self.frame["start"]), _rows(clock, self.frame["end"])
        member = np.zeros((len(clock), len(place)), dtype=np.bool_)
        for symbol, begin, end in zip(self.frame["symbol"], first, last, strict=True):
            if symbol in place:
                member[begin:end, place[symbol]] = True
        return member

    def until(self, moment: pd.Timestamp) -> Membership:
        """Return what was known at `moment`: spells that had started, ends that had come, delistings recorded."""
        known, spells, gone = _naive(moment), self.frame, self.delistings
        spells = spells[spells["start"] <= known]
        spells = spells.assign(end=spells["end"].where(spells["end"] <= known))
        return replace(self, frame=spells, delistings=None if gone is None else gone[gone["date"] <= known])

    def unbound(self, bars: Bars) -> Membership:
        """Return the same delistings, with every symbol of the bars a member from their first row on."""
        spell = {"start": _naive(bars.clock[0]), "end": pd.NaT}
        return replace(self, frame=pd.DataFrame({"symbol": list(bars.symbols), **spell}))

    def check_against(self, bars: Bars) -> None:
        """Check that table and bars go together.

        Raises
        ------
        DataError
            If a symbol that is a member while the bars run has none and is not among `without_bars`, a symbol that is
            delisted is in neither table nor bars, one of `without_bars` has bars or is not in the table, the bars hold
            no member at all, or a symbol has a bar after its delisting.
        """
        spells, gone = self.frame, _no_delistings() if self.delistings is None else self.delistings
        first, last = _naive(bars.clock[0]), _naive(bars.clock[-1])
        needed = spells["symbol"][(spells["start"] <= last) & ~(spells["end"] <= first)]
        named = dict.fromkeys([*needed, *gone["symbol"][~gone["symbol"].isin(self.symbols)]])
        unknown = [s for s in named if s not in bars.symbols and s not in self.without_bars]
        if unknown:
            shown = f"{', '.join(unknown[:SHOWN])}{', ...' if len(unknown) > SHOWN else ''}"
            hint = "Load their bars, or name them in Membership(without_bars=...), which the manifest counts."
            raise DataError("members", must="have bars", got=f"{len(unknown)} without: {shown}", hint=hint)
        odd = [s for s in self.without_bars if s in bars.symbols or s not in self.symbols]
        if odd:
            raise DataError("without_bars", must="name members without bars", got=odd[:SHOWN])
        if not set(self.symbols) & set(bars.symbols):
            raise DataError("a membership table", must="hold a symbol of the bars", got=list(self.symbols[:SHOWN]))
        self._check_ends(bars)

    def _check_ends(self, bars: Bars) -> None:
        """Raise where a symbol has a bar after its recorded delisting."""
        after = np.arange(len(bars))[:, None] >= self.due(bars.clock, bars.symbols, side="right")
        if (bars.traded & after).any():
            row, column = np.argwhere(bars.traded & after)[0]
            hint = "Correct the date, or give what trades later a symbol of its own."
            where = f"{bars.symbols[column]}, {bars.clock[row]}".removesuffix(" 00:00:00")
            raise DataError("a delisted symbol must have no bar after its delisting", where=where, hint=hint)

    def due(self, clock: pd.DatetimeIndex, symbols: Sequence[str], *, side: Any = "left") -> NDArray[np.int64]:
        """Return the first row at or after each symbol's delisting (after it, with side "right"); len(clock) without.

        Returns
        -------
        ndarray of int64, shape (N,)
        """
        date = self._of_symbols("date", symbols)
        return _rows(clock, date, side=side)

    def payoff(self, symbols: Sequence[str]) -> NDArray[np.float64]:
        """Return what each symbol's holder gets at its delisting per last price: 1 + delisting return; shape (N,)."""
        returns = self._of_symbols("delisting_return", symbols).to_numpy(dtype=np.float64, na_value=0.0)
        return read_only(np.asarray(1.0 + returns, dtype=np.float64))

    def _of_symbols(self, column: str, symbols: Sequence[str]) -> pd.Series:
        table = _no_delistings() if self.delistings is None else self.delistings
        return table.set_index("symbol")[column].reindex(list(symbols))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything the table says."""
        digest = hashlib.sha256(repr(self.without_bars).encode())
        for table in (self.frame, _no_delistings() if self.delistings is None else self.delistings):
            for name in table.columns:
                column = table[name]
                held = repr(list(column)) if name == "symbol" else column.to_numpy().tobytes().hex()
                digest.update(f"{name} {held};".encode())
        return digest.hexdigest()


class Exits(NamedTuple):
    """The recorded end of each symbol, on a clock.

    Attributes
    ----------
    due : ndarray of int64, shape (N,)
        First row at or after the recorded delisting; the number of rows where none is recorded.
    payoff : ndarray of float64, shape (N,)
        What a holder gets then, as a multiple of the last price.
    """

    due: NDArray[np.int64]
    payoff: NDArray[np.float64]


def find_exits(bars: Bars) -> Exits:
    """Lay the recorded delistings, if there are any, on the clock of the bars."""
    if bars.membership is None:
        return Exits(np.full(len(bars.symbols), len(bars), dtype=np.int64), np.ones(len(bars.symbols)))
    return Exits(bars.membership.due(bars.clock, bars.symbols), bars.membership.payoff(bars.symbols))


# ----------------------------------------------------------------- reading


def _spells(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of spells; return it with one type per column, ordered by symbol and start."""
    table = _columns(frame, "a membership table", SPELLS, SPELLS)
    table = table.assign(start=_times(table, "start", optional=False), end=_times(table, "end", optional=True))
    table = table.sort_values(["symbol", "start"], ignore_index=True)
    _refuse(table, ~((table["end"] > table["start"]) | table["end"].isna()), "a spell", "end after its start")
    before = table.shift()
    open_still = before["end"].isna() | (before["end"] > table["start"])
    _refuse(table, (before["symbol"] == table["symbol"]) & open_still, "spells of a symbol", "not overlap")
    return table


def _delistings(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of delistings; return it with one type per column, ordered by symbol."""
    table = _columns(frame, "a table of delistings", DELISTINGS, DELISTINGS[:2])
    table = table.assign(date=_times(table, "date", optional=False))
    table = table.sort_values("symbol", ignore_index=True)
    _refuse(table, table["symbol"].duplicated(), "a symbol", "be delisted once")
    given = table.get("delisting_return", pd.Series(np.nan, index=table.index))
    try:
        returns = given.astype("float64")
    except (TypeError, ValueError) as error:
        raise DataError("delisting returns", must="be numbers", got=str(error)) from error
    bad = (returns < -1.0) | np.isinf(returns)
    _refuse(table.assign(delisting_return=returns), bad, "a delisting return", "be finite and at least -1")
    return table.assign(delisting_return=returns)


def _no_delistings() -> pd.DataFrame:
    empty = {"symbol": [], "date": pd.DatetimeIndex([]), "delisting_return": []}
    return pd.DataFrame(empty).astype({"symbol": "object", "delisting_return": "float64"})


def _columns(frame: pd.DataFrame, name: str, known: Sequence[str], needed: Sequence[str]) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(name, must="be a DataFrame", got=type(frame).__name__)
    table = frame.rename(columns=lambda column: str(column).lower())
    odd = [column for column in table.columns if column not in known]
    absent = [column for column in needed if column not in table.columns]
    if odd or absent or table.columns.has_duplicates:
        hint = did_you_mean(odd[0], known) if odd else ""
        raise DataError(name, must=f"have the columns {', '.join(known)}", got=list(frame.columns), hint=hint)
    if table["symbol"].isna().any():
        raise DataError(name, must="name a symbol in every row", where=f"row {int(np.argmax(table['symbol'].isna()))}")
    return table.assign(symbol=table["symbol"].astype("object").map(str)).reset_index(drop=True)


def _times(table: pd.DataFrame, column: str, *, optional: bool) -> pd.Series:
    """Read a column of times, tz-naive or UTC, as tz-naive."""
    hint, given = "Write dates as 2024-01-31.", table[column]
    given = given.astype("object") if given.isna().all() else given
    if given.dtype.kind in "iuf":
        raise DataError(f"the column {column!r}", must="hold times", got=str(given.dtype), hint=hint)
    try:
        times = pd.to_datetime(given, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DataError(f"the column {column!r}", must="hold times", got=str(error), hint=hint) from error
    if times.dt.tz is not None:
        if str(times.dt.tz) != "UTC":
            raise DataError(f"the column {column!r}", must="be tz-naive or UTC", got=str(times.dt.tz))
        times = times.dt.tz_localize(None)
    if not optional:
        _refuse(table, times.isna(), f"the column {column!r}", "be given in every row")
    return times.dt.as_unit(RESOLUTION)


def _refuse(table: pd.DataFrame, bad: pd.Series, subject: str, must: str) -> None:
    """Raise for the first row that `bad` marks, telling what it says."""
    if bad.any():
        row = table[bad.to_numpy(dtype=np.bool_)].iloc[0]
        said = [f"{name} {_text(row[name])}" for name in table.columns if name != "symbol"]
        raise DataError(subject, must=must, got=", ".join(said), where=str(row["symbol"]))


def _text(value: Any) -> str:
    return "open" if value is pd.NaT else str(value).removesuffix(" 00:00:00")


def _naive(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_localize(None) if moment.tz is not None else moment


def _rows(clock: pd.DatetimeIndex, times: pd.Series, *, side: Any = "left") -> NDArray[np.int64]:
    """Return the first row of the clock at or after each time, its length for NaT; shape (len(times),)."""
    known = times.notna().to_numpy()
    rows = np.full(len(times), len(clock), dtype=np.int64)
    rows[known] = clock.tz_localize(None).searchsorted(times[known].to_numpy(), side=side)
    return read_only(rows)
