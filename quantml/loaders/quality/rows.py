"""Rules on rows that no bars can be made of: duplicates, disorder, and prices that cannot be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.calendars import RESOLUTION
from quantml.errors import DataError
from quantml.loaders.quality.findings import Finding, Severity, show_day

__all__ = ["Duplicate", "ImpossibleAction", "Incomplete", "Inconsistent", "NotPositive", "OutOfOrder", "TimeOfDay"]

PRICES: Final = ("open", "high", "low", "close")
SUMMARISED: Final = 20
"""Rows of one symbol out of order above which they are one finding."""


def read_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Lay a frame out as one row per bar, in the order given: ``symbol``, ``time`` and its fields as float64.

    Rows without any price are left out: they say that the symbol has no bar.
    """
    rows = _stack(frame) if isinstance(frame.columns, pd.MultiIndex) else _read_long(frame)
    prices = [name for name in PRICES if name in rows]
    if "close" not in prices:
        raise DataError("a frame of bars", must="have a close", got=list(map(str, rows.columns)))
    times = rows["time"]
    if not pd.api.types.is_datetime64_any_dtype(times) or times.isna().any():
        got = "a missing time" if times.isna().any() else str(times.dtype)
        raise DataError("times", must="all be dates in one time zone", got=got)
    rows["time"] = times.dt.as_unit(RESOLUTION)
    return rows[rows[prices].notna().any(axis=1)].reset_index(drop=True)


def _read_long(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame.rename(columns=lambda name: str(name).lower())
    if "symbol" not in rows:
        hint = "Name the symbol of a single one with frame.assign(symbol=...)."
        raise DataError("a frame of bars", must="have a column 'symbol', or (field, symbol) columns",
                        got=list(map(str, frame.columns)), hint=hint)  # fmt: skip
    column = next((name for name in ("date", "time") if name in rows), None)
    rows["time"] = rows.index if column is None else rows[column]
    numbers = [name for name in rows.columns if name not in ("symbol", "date", "time")]
    try:
        return pd.concat([rows[["time"]], rows["symbol"].astype(str), rows[numbers].astype("float64")], axis=1)
    except (TypeError, ValueError) as error:
        raise DataError("prices", must="be numbers", got=str(error)) from error


def _stack(frame: pd.DataFrame) -> pd.DataFrame:
    known = {str(name).lower() for name in frame.columns.get_level_values(0)} & {"close"}
    wide = frame if known else frame.swaplevel(axis=1)
    symbols = wide.columns.get_level_values(1).unique()
    parts = [wide.xs(symbol, axis=1, level=1).assign(symbol=symbol) for symbol in symbols]
    return _read_long(pd.concat(parts))


@dataclass(frozen=True)
class RowRule(ABC):
    """Base of the rules on rows.

    Attributes
    ----------
    sets_aside : bool
        Whether rows that break it cannot be looked at further.
    """

    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    sets_aside: ClassVar[bool] = True

    @abstractmethod
    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark the rows that break the rule."""

    @abstractmethod
    def find(self, rows: pd.DataFrame) -> Iterator[Finding]:
        """Yield what breaks the rule."""

    def report(
        self, symbol: str, date: pd.Timestamp, until: pd.Timestamp, evidence: str, severity: Severity | None = None
    ) -> Finding:
        """Make a finding."""
        return Finding(
            symbol=symbol,
            date=date,
            until=until,
            rule=self.name,
            severity=severity or self.severity,
            evidence=evidence,
        )


@dataclass(frozen=True)
class _EachRow(RowRule):
    """Base of the rules that tell of every row by itself."""

    @abstractmethod
    def evidence(self, row: pd.Series) -> str:
        """Say what is wrong with a row."""

    def find(self, rows: pd.DataFrame) -> Iterator[Finding]:
        """Yield one finding per row that breaks the rule."""
        for _, row in rows[self.marks(rows)].iterrows():
            yield self.report(row["symbol"], row["time"], row["time"], self.evidence(row))


@dataclass(frozen=True)
class Duplicate(RowRule):
    """Several rows for one symbol and time: an error where they differ, a warning where they are the same."""

    name: ClassVar[str] = "duplicate"

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark every such row but the first."""
        return np.asarray(rows.duplicated(["symbol", "time"]))

    def find(self, rows: pd.DataFrame) -> Iterator[Finding]:
        """Yield one finding per symbol and time."""
        twice = rows[rows.duplicated(["symbol", "time"], keep=False)]
        for (symbol, time), same in twice.groupby(["symbol", "time"], sort=False):
            if len(same.drop_duplicates()) == 1:
                yield self.report(symbol, time, time, f"{len(same)} equal rows.", Severity.WARNING)
            else:
                closes = " and ".join(f"{close:g}" for close in same["close"])
                yield self.report(symbol, time, time, f"{len(same)} different rows, with closes {closes}.")


@dataclass(frozen=True)
class OutOfOrder(RowRule):
    """A row that stands after a later one of its symbol, or before an earlier one, whichever is said in fewer rows."""

    name: ClassVar[str] = "out of order"
    sets_aside: ClassVar[bool] = False

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark the rows to be moved."""
        mask = np.zeros(len(rows), dtype=np.bool_)
        for places in rows.groupby("symbol", sort=False).indices.values():
            times = rows["time"].to_numpy()[places].astype(np.int64)
            late = times < np.maximum.accumulate(times)
            early = times > np.minimum.accumulate(times[::-1])[::-1]
            mask[places] = late if late.sum() <= early.sum() else early
        return mask

    def find(self, rows: pd.DataFrame) -> Iterator[Finding]:
        """Yield one finding per row, or one per symbol where much is out of order."""
        for symbol, wrong in rows[self.marks(rows)].groupby("symbol", sort=False):
            if len(wrong) > SUMMARISED:
                text = f"{len(wrong)} rows are out of order."
                yield self.report(symbol, wrong["time"].min(), wrong["time"].max(), text)
                continue
            for time in wrong["time"]:
                yield self.report(symbol, time, time, f"The row of {show_day(time)} does not stand in order of time.")


@dataclass(frozen=True)
class NotPositive(_EachRow):
    """A price of zero or less, or a volume below zero."""

    name: ClassVar[str] = "not positive"

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark such rows."""
        prices = [name for name in PRICES if name in rows]
        mask = (rows[prices] <= 0.0).any(axis=1)
        return np.asarray(mask | (rows["volume"] < 0.0) if "volume" in rows else mask)

    def evidence(self, row: pd.Series) -> str:
        """Name the first such field and its value."""
        low = [name for name in PRICES if name in row and row[name] <= 0.0] or ["volume"]
        return f"The {low[0]} is {row[low[0]]:g}."


@dataclass(frozen=True)
class Incomplete(_EachRow):
    """A bar with a price or volume missing, or infinite."""

    name: ClassVar[str] = "incomplete"

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark such rows."""
        finite = np.isfinite(rows[self._fields(rows.columns)].to_numpy(dtype=np.float64))
        return np.asarray(~finite.all(axis=1))

    def evidence(self, row: pd.Series) -> str:
        """Name the fields."""
        absent = [name for name in self._fields(row.index) if not np.isfinite(row[name])]
        return f"The bar has no {', '.join(absent)}."

    @staticmethod
    def _fields(names: pd.Index) -> list[str]:
        return [name for name in (*PRICES, "volume") if name in names]


@dataclass(frozen=True)
class Inconsistent(_EachRow):
    """A high below, or a low above, another price of the bar, where all are positive."""

    name: ClassVar[str] = "inconsistent prices"

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark such rows."""
        if not {"open", "high", "low"} <= set(rows.columns):
            return np.zeros(len(rows), dtype=np.bool_)
        top, bottom = rows[list(PRICES)].max(axis=1), rows[list(PRICES)].min(axis=1)
        return np.asarray(((rows["high"] < top) | (rows["low"] > bottom)) & (bottom > 0.0))

    def evidence(self, row: pd.Series) -> str:
        """Give the four prices."""
        prices = ", ".join(f"{name} {row[name]:g}" for name in PRICES)
        low = row["low"] > min(row[name] for name in PRICES)
        return f"The {'low is above' if low else 'high is below'} another price: {prices}."


@dataclass(frozen=True)
class TimeOfDay(_EachRow):
    """A time of day on a bar without a time zone: what should be a session's date was moved by one."""

    name: ClassVar[str] = "time of day"

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark such rows."""
        if rows["time"].dt.tz is not None:
            return np.zeros(len(rows), dtype=np.bool_)
        return np.asarray(rows["time"] != rows["time"].dt.normalize())

    def evidence(self, row: pd.Series) -> str:
        """Give the time."""
        return f"The session is stamped {row['time']:%H:%M:%S}, without a time zone."


@dataclass(frozen=True)
class ImpossibleAction(_EachRow):
    """A split that is not positive, or a dividend that is negative or not below the previous close."""

    name: ClassVar[str] = "impossible split or dividend"
    sets_aside: ClassVar[bool] = False

    def marks(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark such rows."""
        split, dividend = rows.get("split"), rows.get("dividend")
        mask = np.zeros(len(rows), dtype=np.bool_)
        if split is not None:
            mask |= ((split <= 0.0) | np.isinf(split)).to_numpy()
        if dividend is not None:
            before = rows.sort_values("time", kind="stable").groupby("symbol")["close"].shift().reindex(rows.index)
            paid = dividend * (1.0 if split is None else split.fillna(1.0))
            mask |= ((dividend < 0.0) | np.isinf(dividend) | ((dividend > 0.0) & (paid >= before))).to_numpy()
        return mask

    def evidence(self, row: pd.Series) -> str:
        """Give both."""
        split, dividend = row.get("split", 1.0), row.get("dividend", 0.0)
        return f"A split of {split:g} and a dividend of {dividend:g} are recorded at a close of {row['close']:g}."


ROW_RULES: Final = (
    Duplicate(),
    OutOfOrder(),
    NotPositive(),
    Incomplete(),
    Inconsistent(),
    TimeOfDay(),
    ImpossibleAction(),
)
"""Every rule on rows, in the order in which they are applied."""


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that bars can be made of, in order of time, for the rules on bars to look at."""
    aside = np.zeros(len(rows), dtype=np.bool_)
    for rule in ROW_RULES:
        if rule.sets_aside:
            aside |= rule.marks(rows)
    impossible = ImpossibleAction().marks(rows)
    kept = rows.assign(**{name: rows[name].where(~impossible, nothing)
                          for name, nothing in (("split", 1.0), ("dividend", 0.0)) if name in rows})  # fmt: skip
    return kept[~aside].sort_values("time", kind="stable")
