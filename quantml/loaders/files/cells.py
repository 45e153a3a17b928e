"""Tables as they are found: cells, and where each row stands, so that an error can name its line."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TextIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from quantml.errors import DataError, check
from quantml.space import Declaration

__all__ = ["Csv"]

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")
MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""What a cell without a value may say, in any case."""


@dataclass(frozen=True, kw_only=True)
class Csv(Declaration):
    """How a CSV file is written.

    Parameters
    ----------
    delimiter : str
        Between cells, such as ``","`` or ``";"``.
    decimal : str
        ``"."`` or ``","``.
    thousands : str, optional
        Between groups of three digits, such as ``","`` or ``"."``; without it, no number may have any.
    encoding : str
        As Python names it.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> Csv(decimal=",", thousands=".").number("1.234,5")
    1234.5
    """

    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8-sig"

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(isinstance(self.delimiter, str) and len(self.delimiter) == 1, "Csv.delimiter", "be one character",
              self.delimiter)  # fmt: skip
        check(self.decimal in (".", ","), "Csv.decimal", "be '.' or ','", self.decimal)
        other = self.thousands is None or (len(self.thousands) == 1 and self.thousands != self.decimal)
        check(other, "Csv.thousands", "be one character other than the decimal one", self.thousands)

    def number(self, cell: object) -> float:
        """Read one cell; NaN where it holds no value.

        Raises
        ------
        ValueError
            If it is not a number.
        """
        if isinstance(cell, str):
            return self._parsed(cell.strip())
        if cell is None or cell is pd.NA:
            return float("nan")
        if isinstance(cell, (int, float, Decimal, np.number)) and not isinstance(cell, bool):
            return float(cell)
        raise ValueError(cell)

    def numbers(self, cells: Sequence[object]) -> NDArray[np.float64]:
        """Read many cells, each as `number` does.

        Raises
        ------
        ValueError
            If one is not a number.
        """
        if not all(isinstance(cell, str) for cell in cells):
            return np.array([self.number(cell) for cell in cells], dtype=np.float64)
        joined = "\n".join(cast(Sequence[str], cells))
        if self._column.fullmatch(joined) is None:  # a cell is missing, or wrong
            return np.array([self.number(cell) for cell in cells], dtype=np.float64)
        return np.array([float(text) for text in self._plain(joined).split("\n")], dtype=np.float64)

    def _parsed(self, text: str) -> float:
        if self._grammar.fullmatch(text):
            return float(self._plain(text))
        if text.lower() in MISSING:
            return float("nan")
        raise ValueError(text)

    def _plain(self, text: str) -> str:
        """Write numbers as Python does."""
        return text.replace(self.thousands or "_", "").replace(self.decimal, ".")

    @cached_property
    def _column(self) -> re.Pattern[str]:
        return re.compile(rf"{self._grammar.pattern}(?:\n{self._grammar.pattern})*+", re.ASCII)

    @cached_property
    def _grammar(self) -> re.Pattern[str]:
        point = re.escape(self.decimal)
        whole = r"\d+" if self.thousands is None else rf"(?:\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+)"
        return re.compile(rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Cells:
    """A table as it was found.

    Attributes
    ----------
    frame : DataFrame
        Text, or values of the types that the file or the database gives them.
    source : str
        What an error calls it: the name of the file.
    lines : ndarray of int64, or None
        The line of a text file on which each row ends.
    """

    frame: pd.DataFrame
    source: str
    lines: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            got = f"{twice!r} twice"
            raise DataError("a table's columns", must="have different names", got=got, where=self.source)

    def place(self, *rows: int) -> str:
        """Say where rows stand."""
        word = "row" if self.lines is None else "line"
        numbers = [int(row) + 1 if self.lines is None else int(self.lines[row]) for row in rows]
        return f"{self.source}, {word}{'s' if len(rows) > 1 else ''} {' and '.join(map(str, numbers))}"

    @property
    def names(self) -> list[str]:
        """The columns."""
        return [str(name) for name in self.frame.columns]

    def numbers(self, column: str, written: Csv) -> NDArray[np.float64]:
        """Read a column of numbers; NaN where a cell is empty.

        Raises
        ------
        DataError
            If a cell is not a number; the text names its line.
        """
        values = self.frame[column]
        if is_numeric_dtype(values) and not is_bool_dtype(values):
            return cast(NDArray[np.float64], values.to_numpy(dtype=np.float64, na_value=np.nan))
        cells = values.tolist()
        try:
            return written.numbers(cells)
        except ValueError:
            raise self._not_a_number(column, cells, written) from None

    def labels(self, column: str) -> NDArray[np.object_]:
        """Read a column of names, such as symbols.

        Raises
        ------
        DataError
            If a cell is empty; the text names its line.
        """
        cells = self.frame[column].tolist()
        listed = ["" if cell is None or cell != cell else str(cell).strip() for cell in cells]
        if "" in listed:
            raise DataError(f"the column {column!r}", must="be given", got="", where=self.place(listed.index("")))
        return np.array(listed, dtype=object)

    def _not_a_number(self, column: str, cells: list[Any], written: Csv) -> DataError:
        row = next(row for row, cell in enumerate(cells) if not _reads(written, cell))
        figures = re.fullmatch(r"[+-]?[\d.,' ]+", str(cells[row]))
        hint = "Say how numbers are written, for instance csv=Csv(decimal=',', thousands='.')." if figures else ""
        subject = f"the column {column!r}"
        return DataError(subject, must="hold numbers", got=cells[row], where=self.place(row), hint=hint)


def _reads(written: Csv, cell: object) -> bool:
    try:
        written.number(cell)
    except ValueError:
        return False
    return True


def is_table(path: Path) -> bool:
    """Say whether a file is one that `read_cells` reads: no hidden one, and of a known kind."""
    return path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """Return a file's name without what says its kind."""
    suffix = next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))
    return path.name[: -len(suffix)]


def read_cells(path: Path, written: Csv) -> Cells:
    """Read a CSV or Parquet file.

    Raises
    ------
    DataError
        If the file is of another kind, cannot be read, or has no rows.
    """
    if not is_table(path):
        raise DataError("a file of bars or a table", must=f"end in {', '.join(SUFFIXES)}", got=path.name)
    cells = _read_parquet(path) if path.name.lower().endswith(".parquet") else _read_csv(path, written)
    if len(cells.frame) == 0:
        raise DataError("a file", must="have at least one row", where=path.name)
    return cells


def _read_parquet(path: Path) -> Cells:
    try:
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
        return Cells(table.to_pandas(ignore_metadata=True), path.name)
    except (pa.ArrowException, OSError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        hint = "It is damaged or half written: fetch it again."
        raise DataError("a Parquet file", must="be readable", got=cause, where=path.name, hint=hint) from error


def _read_csv(path: Path, written: Csv) -> Cells:
    rows, lines = _split(path, written)
    if not rows:
        raise DataError("a file", must="have at least one row", where=path.name)
    header = [name.strip() for name in rows[0]]
    _check_rows(Cells(pd.DataFrame(columns=header), path.name, lines), rows, written)
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(header)
    frame = pd.DataFrame(dict(enumerate(columns)), dtype=object).set_axis(header, axis=1)
    return Cells(frame, path.name, lines[1:])


def _split(path: Path, written: Csv) -> tuple[list[list[str]], NDArray[np.int64]]:
    rows, lines = [], []
    try:
        with _opened(path, written) as file:
            reader = csv.reader(file, delimiter=written.delimiter, skipinitialspace=True, strict=True)
            for row in reader:
                if row:  # an empty line says nothing
                    rows.append(row)
                    lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise DataError("a CSV file", must=f"be text in {written.encoding}", where=path.name,
                        hint="Say csv=Csv(encoding=...).") from error  # fmt: skip
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        where = f"{path.name}, after line {lines[-1] if lines else 0}"
        raise DataError("a CSV file", must="be readable", got=str(error), where=where) from error
    return rows, np.array(lines, dtype=np.int64)


def _opened(path: Path, written: Csv) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return io.TextIOWrapper(gzip.open(path), encoding=written.encoding, newline="")
    return path.open(encoding=written.encoding, newline="")


def _check_rows(cells: Cells, rows: list[list[str]], written: Csv) -> None:
    cut = len(cells.names)
    odd = next((row for row, line in enumerate(rows) if len(line) != cut), None)
    if odd is not None:
        hint = "Quote cells that hold the delimiter."
        raise DataError("a line", must=f"have {cut} cells, as its header", got=len(rows[odd]), where=cells.place(odd),
                        hint=hint)  # fmt: skip
    if rows[0] in rows[1:]:
        where, got = cells.place(rows.index(rows[0], 1)), written.delimiter.join(rows[0])
        hint = "Files seem to have been put together: take the line out."
        raise DataError("the header", must="stand on the first line only", got=got, where=where, hint=hint)
