"""From cells to bars' rows: columns named, times and numbers read, and what cannot be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import DataError
from quantml.loaders.files.cells import Cells, Csv, read_cells
from quantml.loaders.files.columns import VALUES, Told, check_present, find_fields
from quantml.loaders.files.times import Times


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, read and checked one by one.

    Attributes
    ----------
    frame : DataFrame
        Indexed by time: a column ``symbol`` and a column of float64 for each field.
    cells : Cells
        Where they come from, row by row.
    """

    frame: pd.DataFrame
    cells: Cells

    @property
    def sorted(self) -> pd.DataFrame:
        """The rows ordered by symbol, then time."""
        return self.frame.iloc[np.lexsort((self.frame.index.asi8, self.frame["symbol"].to_numpy(dtype=str)))]


@dataclass(frozen=True, eq=False)
class Reading:
    """How tables are read: what their columns are called, and how times and numbers are written."""

    columns: Told
    times: Times
    csv: Csv
    not_after: str | None

    def open(self, path: Path) -> Cells:
        """Read a file's cells."""
        return read_cells(path, self.csv)

    def rows(self, cells: Cells, symbol: str | None = None) -> Rows:
        """Read a long table, or one of a single `symbol`.

        Raises
        ------
        DataError
            If a column is unknown, a time or number cannot be read, a time is in the future, or a symbol has two rows
            for one time.
        """
        fields = find_fields(cells.names, self.columns, cells.source)
        clock = self.clock(cells, [fields[name] for name in ("date", "time") if name in fields])
        numbers = [name for name in fields if name in VALUES]
        values = {name: cells.numbers(fields[name], self.csv) for name in numbers}
        if "split" in values:
            values["split"] = np.where(values["split"] == 0.0, 1.0, values["split"])
        symbols = _symbols(cells, fields.get("symbol"), symbol)
        _check_repeats(cells, clock, symbols, values)
        return Rows(pd.DataFrame({"symbol": symbols, **values}, index=clock), cells)

    def wide(self, cells: Cells) -> pd.DataFrame:
        """Read a table with a column for each symbol; the first column holds the times.

        Raises
        ------
        DataError
            As `rows` does.
        """
        first = self.time_column(cells)
        clock = self.clock(cells, [first])
        kept = [name for name in cells.names if name != first and self.columns.get(name, name) is not None]
        values = {name: cells.numbers(name, self.csv) for name in kept}
        _check_repeats(cells, clock, np.full(len(clock), "", dtype=object), values)
        order = self._order(cells, clock, np.zeros(len(clock), dtype=np.int64))
        return pd.DataFrame(values, index=clock).iloc[order]

    def forward(self, rows: Rows) -> pd.DataFrame:
        """Return rows with each symbol's going forward in time.

        Raises
        ------
        DataError
            If they do not go the way that `times` says.
        """
        symbol = pd.factorize(rows.frame["symbol"])[0]
        return rows.frame.iloc[self._order(rows.cells, pd.DatetimeIndex(rows.frame.index), symbol)]

    def _order(self, cells: Cells, clock: pd.DatetimeIndex, symbol: NDArray[np.int64]) -> NDArray[np.int64]:
        """Order rows by their number of symbol and, where the newest comes first, turn each symbol's around."""
        order = np.arange(len(clock))[:: -1 if self.times.newest_first else 1]
        order = order[np.argsort(symbol[order], kind="stable")]
        back = (np.diff(symbol[order]) == 0) & (np.diff(clock.asi8[order]) < 0)
        if back.any():
            first, second = sorted(order[int(np.argmax(back)) :][:2])
            got = f"{written(clock[second])} after {written(clock[first])}"
            way = "backward" if self.times.newest_first else "forward"
            hint = "" if self.times.newest_first else "Say newest_first=True in times where the newest row comes first."
            raise DataError("a symbol's rows", must=f"go {way} in time", got=got, where=cells.place(second), hint=hint)
        return order

    def time_column(self, cells: Cells) -> str:
        """Return the column of times of a table whose other columns have names of their own."""
        check_present(cells.names, self.columns, cells.source)
        strange = [name for name, field in self.columns.items() if field not in ("date", None)]
        if strange:
            must = "map columns of this table to 'date', or to None to leave them out"
            raise DataError("columns", must=must, got={strange[0]: self.columns[strange[0]]}, where=cells.source)
        told = [name for name, field in self.columns.items() if field == "date"]
        return told[0] if told else cells.names[0]

    def clock(self, cells: Cells, columns: Sequence[str]) -> pd.DatetimeIndex:
        """Read the times, of one column or of a date and a time of day, and raise where one is in the future."""
        if not columns:
            hint = "Say columns={'...': 'date'}."
            raise DataError("a table", must="have a column of dates", got=cells.names, where=cells.source, hint=hint)
        values = cells.frame[columns[0]]
        if len(columns) == 2:
            pairs = zip(values.tolist(), cells.frame[columns[1]].tolist(), strict=True)
            values = pd.Series([f"{day} {hour}" for day, hour in pairs], dtype=object)
        clock = self.times.clock(cells, values)
        self._check_past(cells, clock)
        return clock

    def _check_past(self, cells: Cells, clock: pd.DatetimeIndex) -> None:
        last = self.times.today()
        if self.not_after is not None:
            last = pd.Timestamp(self.not_after, tz=clock.tz) + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
        late = np.asarray(clock > last)
        if late.any():
            row = int(np.argmax(late))
            must = f"not be later than {written(last.floor('s'))}"
            hint = "" if self.not_after else "It lies in the future; state not_after=... where it does not."
            raise DataError("a row's time", must=must, got=written(clock[row]), where=cells.place(row), hint=hint)


def written(moment: pd.Timestamp) -> str:
    """Write a time for an error message: a session as a date."""
    return f"{moment:%Y-%m-%d}" if moment.tz is None and moment == moment.normalize() else str(moment)


def _symbols(cells: Cells, column: str | None, symbol: str | None) -> NDArray[np.object_]:
    """Read each row's symbol, which must be `symbol` where that is given."""
    if column is None:
        if symbol is None:
            hint = "Say columns={'...': 'symbol'}; closes with a column per symbol are a WideFile."
            raise DataError("a long table", must="have a column of symbols", got=cells.names, where=cells.source,
                            hint=hint)  # fmt: skip
        return np.full(len(cells.frame), symbol, dtype=object)
    symbols = cells.labels(column)
    wrong = np.flatnonzero(symbols != symbol)
    if symbol is not None and wrong.size:
        row = int(wrong[0])
        raise DataError("a row's symbol", must=f"be {symbol!r}, as the file is called", got=symbols[row],
                        where=cells.place(row))  # fmt: skip
    return symbols


def _check_repeats(
    cells: Cells, clock: pd.DatetimeIndex, symbols: NDArray[np.object_], values: Mapping[str, NDArray[np.float64]]
) -> None:
    """Raise where a symbol has two rows for one time, naming the first value in which they differ."""
    again = pd.DataFrame({"symbol": symbols, "time": clock}).duplicated().to_numpy()
    if not again.any():
        return
    second = int(np.argmax(again))
    first = int(np.argmax((symbols == symbols[second]) & np.asarray(clock == clock[second])))
    got = "the same row twice"
    for name, column in values.items():
        if column[first] != column[second] and not np.isnan(column[[first, second]]).all():
            got = f"two with {name} {column[first]:g} and {column[second]:g}"
            break
    what = ", ".join(part for part in (symbols[second], written(clock[second])) if part)
    raise DataError("a time", must="have one row of each symbol" if symbols[second] else "have one row", got=got,
                    where=f"{what}: {cells.place(first, second)}")  # fmt: skip
