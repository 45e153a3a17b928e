"""Bars from CSV and Parquet files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

import pandas as pd

from quantml.bars import Bars
from quantml.calendars import Calendar
from quantml.errors import DataError, check, did_you_mean
from quantml.loaders.files.cells import Csv
from quantml.loaders.files.columns import check_told
from quantml.loaders.files.layouts import Layout
from quantml.loaders.files.reading import Reading
from quantml.loaders.files.times import Sessions, Times
from quantml.loaders.seen import seen
from quantml.space import Declaration

__all__ = ["Files"]


@dataclass(frozen=True)
class Files(Declaration):
    """Bars from CSV and Parquet files, laid out, named and written as declared.

    Columns are found by their common names in any case: Date, Datetime, Timestamp, Time; Symbol, Ticker; Open or O,
    High or H, Low or L, Close or C, Volume, Vol or V; Split, Dividend. A date and a time of day in two columns are put
    together. Any other column is an error until `columns` says what it is; so is an adjusted close, since bars hold
    prices as quoted with splits and dividends apart. An empty cell, or one that says NA, NaN or null, is missing; a
    split of 0 is none. Nothing is sorted, dropped or repaired.

    Parameters
    ----------
    path : str or Path
        A folder or a file, which ends in ``.csv``, ``.csv.gz`` or ``.parquet``.
    layout : FilePerSymbol, LongFile, WideFile or WideReturns
        How bars are spread over files.
    columns : mapping of str to str or None
        What a file's column holds (``"date"``, ``"time"``, ``"symbol"``, ``"open"``, ``"high"``, ``"low"``,
        ``"close"``, ``"volume"``, ``"split"``, ``"dividend"``), or None to leave it out.
    times : Sessions, Intraday or Epoch
        How times are written; by default ISO dates of sessions.
    csv : Csv
        How CSV files are written; by default with commas between cells and points in numbers.
    not_after : str, optional
        ISO date of the last day that a row may be of; by default today, wherever that is latest.
    calendar : str or mapping of str to str, optional
        ISO 10383 code of the exchange, or of each symbol's own.
    periods_per_year : float, optional
        Bars per year; counted as `quantml.Bars.from_frame` does where it is not given.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    A folder of files such as ``AAPL.csv``, written in Germany::

        Files("prices", FilePerSymbol(), times=Sessions("%d.%m.%Y"), csv=Csv(delimiter=";", decimal=","))

    Five-minute bars of several symbols in one file, with adjusted closes that are not wanted::

        Files("bars.parquet", LongFile(), times=Intraday("America/New_York"), columns={"Adj Close": None},
              calendar="XNYS", periods_per_year=252 * 78)
    """

    path: str | Path
    layout: Layout
    _: KW_ONLY
    columns: Mapping[str, str | None] = field(default_factory=dict)
    times: Times = field(default_factory=Sessions)
    csv: Csv = field(default_factory=Csv)
    not_after: str | None = None
    calendar: Calendar | None = None
    periods_per_year: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.path, Path):
            object.__setattr__(self, "path", self.path.as_posix())
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(isinstance(self.path, str) and bool(self.path), "Files.path", "be a path", self.path)
        laid = callable(getattr(self.layout, "load", None)) and not isinstance(self.layout, type)
        check(laid, "Files.layout", "be a layout, such as FilePerSymbol()", self.layout)
        check(isinstance(self.times, Times), "Files.times", "be Sessions(), Intraday() or Epoch()", self.times)
        check(isinstance(self.csv, Csv), "Files.csv", "be Csv()", self.csv)
        check_told("Files", self.columns)
        check_date("Files.not_after", self.not_after)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: where the bars come from."""
        return (f"Bars from {self.path}; what they leave out, such as symbols that are gone, they do not say.",)

    @seen
    def load(self) -> Bars:
        """Read the files.

        Raises
        ------
        DataError
            If a file is missing, damaged or not as declared, or its rows are not bars; the text names file and line
            where it can.
        """
        path = existing(Path(self.path))
        reading = Reading(self.columns, self.times, self.csv, self.not_after)
        return self.layout.load(path, reading, {"calendar": self.calendar, "periods_per_year": self.periods_per_year})


def existing(path: Path) -> Path:
    """Return `path`; raise with the nearest name beside it where it does not exist."""
    if path.exists():
        return path
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = did_you_mean(path.name, beside)
    raise DataError("a path", must="exist", got=str(path), hint=near if near.startswith("Did") else "")


def check_date(subject: str, day: str | None) -> None:
    """Raise unless `day` is an ISO date, or None."""
    held = day is None
    if isinstance(day, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
        held = not pd.isna(pd.to_datetime(day, format="%Y-%m-%d", errors="coerce"))
    check(held, subject, "be an ISO date such as '2005-01-31'", day)
