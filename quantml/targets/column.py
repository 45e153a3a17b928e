"""The value of an outside table's column some periods ahead."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import TargetError, check, did_you_mean
from quantml.exogenous import Exogenous
from quantml.space import Declaration
from quantml.targets.base import Target, check_count, make_target
from quantml.timing import UNKNOWN, Fill

__all__ = ["Column"]


@dataclass(frozen=True)
class Column(Declaration):
    """The value of an outside table's column some periods ahead: what a study without prices forecasts.

    A decision at t stands on the table's newest period whose own time is at or before t, whether it is known yet or
    not. The target is what was first said of the period `horizon` later, before any revision. Its label ends at the
    first bar at or after the time at which that became available. A table that names symbols is read for each of them,
    any other has one value for all. A missing value is NaN.

    Parameters
    ----------
    name : str
        One of the table's columns.
    horizon : int
        Periods of the table, at least 1.
    table : str, optional
        Name of a table that the bars carry; where they carry one only, it need not be named.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> table = Exogenous(pd.DataFrame({"rv": [1.0, 2.0, 3.0, 4.0]}, index=days), name="spx", lag="1d")
    >>> target = Column("rv").build(Bars.from_table(table), Fill.NEXT_CLOSE)
    >>> target.frame["spx"].tolist(), target.label_end[:2, 0].tolist()
    ([2.0, 3.0, nan, nan], [2, 3])
    """

    name: str
    horizon: int = 1
    _: KW_ONLY
    table: str | None = None
    start: ClassVar[str] = "close"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(isinstance(self.name, str), "Column.name", "be the name of a column", self.name)
        check_count("Column.horizon", self.horizon, 1, "periods")

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Look the values up; see `TargetRule.build`. How a decision is executed does not move them.

        Raises
        ------
        TargetError
            If the bars have no such table, it has no such column, its periods and the clock are not both of sessions
            or both in UTC, or a period became available before an earlier one.
        """
        table = self._find(bars)
        owners = bars.symbols if table.symbols else ("",)
        answers = [self._answers(table, owner, bars.clock) for owner in owners]
        values, known = (np.column_stack(part) for part in zip(*answers, strict=True))
        told = bars.traded & (known < len(bars)) & ~np.isnan(values)
        values, label_end = np.where(told, values, np.nan), np.where(told, known, UNKNOWN)
        return make_target(self, bars, values, label_end, "column", f"{self.name}_{self.horizon}")

    def _answers(
        self, table: Exogenous, owner: str, clock: pd.DatetimeIndex
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return what answers each decision, NaN where nothing does, and the position at which it is known."""
        rows = self._first_vintages(table, owner)
        values = np.append(table.values[rows, table.columns.index(self.name)], np.nan)
        released = np.append(clock.searchsorted(table.available[rows]), UNKNOWN)
        period = np.asarray(table.period[rows].searchsorted(clock, side="right")) - 1
        ahead = np.where((period < 0) | (period + self.horizon >= len(rows)), -1, period + self.horizon)
        # What was published ahead of its own time may be older than the decision; no answer comes before its question.
        return values[ahead], np.maximum(released[ahead], np.arange(len(clock)))

    def _first_vintages(self, table: Exogenous, owner: str) -> NDArray[np.int64]:
        rows = np.array([row for row in range(len(table)) if not owner or table.symbols[row] == owner], dtype=np.int64)
        period = table.period.asi8[rows]
        rows = np.asarray(rows[np.diff(period, prepend=period[:1] - 1) > 0], dtype=np.int64)
        early = np.flatnonzero(np.diff(table.available.asi8[rows]) < 0)
        if early.size:
            first, second = table.period[rows[early[0] :][:2]]
            got = f"{second} before {first}"
            must = "become available in the order of its periods"
            raise TargetError(f"the table {table.name!r} of a Column", must=must, got=got)
        return rows

    def _find(self, bars: Bars) -> Exogenous:
        if self.table is None and len(bars.tables) != 1:
            got = ", ".join(bars.tables) or "no table"
            raise TargetError("Column.table", must="name the table where the bars do not carry exactly one", got=got)
        name = self.table or next(iter(bars.tables))
        if name not in bars.tables:
            hint = did_you_mean(name, bars.tables) if bars.tables else "The bars carry none."
            raise TargetError("Column.table", must="be an outside table of the bars", got=name, hint=hint)
        table = bars.tables[name]
        if self.name not in table.columns:
            hint = did_you_mean(self.name, table.columns)
            raise TargetError("Column.name", must=f"be a column of the table {name!r}", got=self.name, hint=hint)
        if (table.period.tz is None) != (bars.clock.tz is None):
            must = "have times in UTC or of sessions, as the clock does"
            raise TargetError(f"the table {name!r} of a Column", must=must, got=str(table.period.tz))
        return table
