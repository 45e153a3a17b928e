"""How bars are spread over files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pandas as pd

from quantml.bars import Bars
from quantml.errors import DataError, check
from quantml.loaders.files.cells import SUFFIXES, is_table, stem
from quantml.loaders.files.reading import Reading
from quantml.space import Declaration

__all__ = ["FilePerSymbol", "Layout", "LongFile", "WideFile", "WideReturns"]

SYMBOL: Final = "{symbol}"


class Layout(Protocol):
    """How bars are spread over files: the classes of this module, or a user's own."""

    def load(self, path: Path, reading: Reading, market: dict[str, Any]) -> Bars:
        """Read the files at `path`; `market` holds the keywords of the bars' calendar."""


@dataclass(frozen=True)
class FilePerSymbol(Declaration):
    """A folder with a file for each symbol, which the file's name says; folders below it are left alone.

    Parameters
    ----------
    name : str
        What files are called without their ending, with ``{symbol}`` in place of the symbol, such as
        ``"{symbol}_daily"``.

    Raises
    ------
    ParameterError
        If `name` does not hold ``{symbol}`` once.
    """

    name: str = SYMBOL

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        held = isinstance(self.name, str) and self.name.count(SYMBOL) == 1
        check(held, "FilePerSymbol.name", "hold {symbol} once", self.name)

    def load(self, path: Path, reading: Reading, market: dict[str, Any]) -> Bars:
        """Read every CSV and Parquet file of the folder, in order of symbols.

        Raises
        ------
        DataError
            If `path` is no folder or holds no such file, a file is called otherwise, two files are of one symbol, or
            files differ in their fields.
        """
        tables = {}
        for symbol, file in self._files(path).items():
            tables[file.name] = reading.forward(reading.rows(reading.open(file), symbol))
        _check_same_fields(tables)
        return Bars.from_frame(pd.concat(tables.values()), **market)

    def _files(self, path: Path) -> dict[str, Path]:
        if not path.is_dir():
            hint = "Say LongFile() or WideFile() for one file."
            raise DataError("the path of FilePerSymbol", must="be a folder", got=str(path), hint=hint)
        found: dict[str, Path] = {}
        for file in sorted(file for file in path.iterdir() if is_table(file)):
            symbol = self._symbol(file)
            twin = next((name for name in found if name.lower() == symbol.lower()), None)
            if twin is not None:
                got = f"{found[twin].name} and {file.name}"
                raise DataError("a symbol", must="be in one file", got=got, where=str(path))
            found[symbol] = file
        if not found:
            raise DataError("a folder of bars", must=f"hold files that end in {', '.join(SUFFIXES)}", got="none",
                            where=str(path))  # fmt: skip
        return dict(sorted(found.items()))

    def _symbol(self, file: Path) -> str:
        before, after = (re.escape(part) for part in self.name.split(SYMBOL))
        match = re.fullmatch(f"{before}(.+){after}", stem(file))
        if match is None:
            hint = "Move other files elsewhere, or say FilePerSymbol('...{symbol}...')."
            raise DataError("a file's name", must=f"read {self.name!r}", got=file.name, hint=hint)
        return match[1]


@dataclass(frozen=True)
class LongFile(Declaration):
    """One file with a row for each symbol and time, and a column that says the symbol."""

    def load(self, path: Path, reading: Reading, market: dict[str, Any]) -> Bars:
        """Read the file; symbols are in order of their first row."""
        return Bars.from_frame(reading.forward(reading.rows(reading.open(_one_file(path)))), **market)


@dataclass(frozen=True)
class WideFile(Declaration):
    """One file of closes: times in the first column, and a column for each symbol; an empty cell is no bar."""

    def load(self, path: Path, reading: Reading, market: dict[str, Any]) -> Bars:
        """Read the file."""
        return Bars.from_close(reading.wide(reading.open(_one_file(path))), **market)


@dataclass(frozen=True)
class WideReturns(Declaration):
    """One file of simple returns in decimals: times in the first column, and a column for each symbol.

    Empty cells before a symbol's first return and after its last are no bars; one between two returns is refused.

    Parameters
    ----------
    base : str
        The date before the first return. A symbol's close is 1.0 on the date before its own first return.
    """

    base: str

    def load(self, path: Path, reading: Reading, market: dict[str, Any]) -> Bars:
        """Read the file."""
        return Bars.from_returns(reading.wide(reading.open(_one_file(path))), base=self.base, **market)


def _one_file(path: Path) -> Path:
    if path.is_dir():
        raise DataError("the path of this layout", must="be a file", got=str(path), hint="Say FilePerSymbol().")
    return path


def _check_same_fields(tables: dict[str, pd.DataFrame]) -> None:
    first, *others = tables
    for name in others:
        odd = sorted(set(tables[first].columns) ^ set(tables[name].columns))
        if odd:
            has, lacks = (first, name) if odd[0] in tables[first].columns else (name, first)
            hint = f"Leave the column out everywhere, or complete {lacks}."
            raise DataError("files of one folder", must="have the same fields", where=odd[0],
                            got=f"{has} with and {lacks} without it", hint=hint)  # fmt: skip
