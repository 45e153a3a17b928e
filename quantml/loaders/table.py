"""Outside tables from files, and studies that have nothing else: a clock and columns without any prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Protocol

import pandas as pd

from quantml.bars import Bars, Exogenous
from quantml.errors import DataError, check, did_you_mean
from quantml.loaders.files.cells import Cells, Csv
from quantml.loaders.files.loader import check_date, existing
from quantml.loaders.files.reading import Reading
from quantml.loaders.files.times import Sessions, Times
from quantml.loaders.seen import seen
from quantml.space import Declaration

__all__ = ["Table", "TableFile"]


class TableLoader(Protocol):
    """Anything with a `load` that makes an outside table."""

    def load(self) -> Exogenous:
        """Return the table."""


@dataclass(frozen=True)
class Table(Declaration):
    """A clock and the columns of one outside table, without any prices: data of a study that only forecasts.

    The table's own times are the clock on which decisions are made, one for each symbol that the table names, or for
    the table as a whole. What a decision may know is decided by when each row became available, which the table states
    (`Exogenous`): with ``lag="0d"`` a row is known at its own time, with ``lag="1d"`` a day later. Features read it
    with `quantml.features.Outside`, and `quantml.targets.Column` forecasts one of its columns. There is nothing to
    trade: anything that asks for prices raises.

    Parameters
    ----------
    source : Exogenous or loader of one
        The table: `Exogenous` of a frame, `TableFile` of a file, or `Published`.
    symbol : str, optional
        What reports call a table that names no symbols; the table's name by default.
    calendar : str, optional
        ISO 10383 code of the exchange.
    periods_per_year : float, optional
        Periods per year; counted as `quantml.Bars.from_frame` does where it is not given.

    Raises
    ------
    ParameterError
        If `source` is no table.

    Examples
    --------
    >>> from quantml.loaders import Published
    >>> bars = Table(Published("vix")).load()
    >>> bars
    Bars(1 symbols x 1259 bars, 2014-01-03 to 2019-01-03, no prices)
    >>> bars.tables["vix"].columns
    ('vix',)
    """

    source: Exogenous | TableLoader
    _: KW_ONLY
    symbol: str | None = None
    calendar: str | None = None
    periods_per_year: float | None = None

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        held = isinstance(self.source, Exogenous) or callable(getattr(self.source, "load", None))
        must = "be Exogenous(frame, ...) or a loader of one, such as TableFile(...)"
        check(held and not isinstance(self.source, type), "Table.source", must, type(self.source).__name__)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: those of the source, and that there are no prices."""
        return (*getattr(self.source, "notes", ()), "A table without prices: it can be forecast, not traded.")

    @seen
    def load(self) -> Bars:
        """Load the table.

        Returns
        -------
        Bars
            Without prices, with the table joined to them.

        Raises
        ------
        DataError
            If the source cannot be loaded, or its times are neither sessions at midnight nor UTC.
        """
        table = self.source if isinstance(self.source, Exogenous) else self.source.load()
        return Bars.from_table(
            table, symbol=self.symbol, calendar=self.calendar, periods_per_year=self.periods_per_year
        )


@dataclass(frozen=True)
class TableFile(Declaration):
    """An outside table from a CSV or Parquet file: times in one column, numbers in the others.

    Parameters
    ----------
    path : str or Path
        A file that ends in ``.csv``, ``.csv.gz`` or ``.parquet``.
    name : str
        What features call the table by.
    lag : str, optional
        How long after its period's time a row became available, such as ``"1m"``; ``"0d"`` where the times already
        are those of availability.
    available_at : str, optional
        A column that holds each row's time of availability, instead of `lag`.
    symbol : str, optional
        A column that names the symbol that each row is about; without it every row is about all symbols.
    date : str, optional
        The column of times; the first one by default.
    columns : sequence of str, optional
        Columns of numbers to keep; all by default.
    times : Sessions, Intraday or Epoch
        How times are written; by default ISO dates. Times of availability are written alike, and may have an hour.
    csv : Csv
        How a CSV file is written.
    not_after : str, optional
        ISO date of the last day that a row may be of; by default today, wherever that is latest.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    A study on a table of realised variances, known at the close of their own day::

        Study(data=Table(TableFile("rv.csv", name="spx", lag="0d")), features=[Outside("spx", "rv5")],
              target=Column("rv5"), forecaster=Linear(), validation=WalkForward(train="4y", test="1m"))
    """

    path: str | Path
    _: KW_ONLY
    name: str
    lag: str | None = None
    available_at: str | None = None
    symbol: str | None = None
    date: str | None = None
    columns: Sequence[str] | None = None
    times: Times = field(default_factory=Sessions)
    csv: Csv = field(default_factory=Csv)
    not_after: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.path, Path):
            object.__setattr__(self, "path", self.path.as_posix())
        if isinstance(self.columns, list):
            object.__setattr__(self, "columns", tuple(self.columns))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(isinstance(self.path, str) and bool(self.path), "TableFile.path", "be a path", self.path)
        check(isinstance(self.times, Times), "TableFile.times", "be Sessions(), Intraday() or Epoch()", self.times)
        one = (self.lag is None) != (self.available_at is None)
        check(one, "TableFile", "have either lag or available_at", (self.lag, self.available_at))
        listed = self.columns is None or (isinstance(self.columns, tuple) and len(self.columns) > 0)
        check(listed, "TableFile.columns", "be a list of columns", self.columns)
        check_date("TableFile.not_after", self.not_after)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: where the table comes from, and when its rows count as known."""
        known = f"{self.lag} after its time" if self.available_at is None else f"at its {self.available_at}"
        return (f"The table {self.name!r} is read from {self.path}; a row counts as known {known}.",)

    @seen
    def load(self) -> Exogenous:
        """Read the file.

        Raises
        ------
        DataError
            If the file is missing, damaged or not as declared; the text names file and line where it can.
        """
        reading = Reading({} if self.date is None else {self.date: "date"}, self.times, self.csv, self.not_after)
        cells = reading.open(existing(Path(self.path)))
        first = reading.time_column(cells)
        held = {name: cells.numbers(name, self.csv) for name in self._kept(cells, first)}
        frame = pd.DataFrame(held, index=reading.clock(cells, [first]))
        if self.available_at is not None:
            frame[self.available_at] = self.times.moments(cells, cells.frame[self.available_at])
        if self.symbol is not None:
            frame[self.symbol] = cells.labels(self.symbol)
        frame = frame.iloc[::-1] if self.times.newest_first else frame
        return Exogenous(frame, name=self.name, lag=self.lag, available_at=self.available_at, symbol=self.symbol)

    def _kept(self, cells: Cells, first: str) -> list[str]:
        """Return the columns of numbers; raise where one of those named is not there."""
        apart = [name for name in (self.available_at, self.symbol) if name is not None]
        others = [name for name in cells.names if name not in (first, *apart)]
        for name in (*(self.columns or ()), *apart):
            if name not in cells.names:
                hint = did_you_mean(name, cells.names)
                raise DataError("a table", must="have its columns", got=name, where=cells.source, hint=hint)
        return others if self.columns is None else list(self.columns)
