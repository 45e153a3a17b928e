"""The versions of one symbol's bars: Parquet files that are named by their content and never changed.

A version holds what was taken from one download, and names the version that it follows; its bars are its own rows and,
where it has none, its parent's. So a download costs what it brought, and every older state stays readable.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from quantml.calendars import RESOLUTION
from quantml.errors import StorageError, check
from quantml.loaders.downloads import FIELDS, no_rows
from quantml.loaders.durable import FORMAT, Durable, check_format

DEEPEST: Final = 10
"""Most versions that one may follow: the next one repeats all rows and follows none, so that reading stays fast."""


@dataclass(frozen=True, eq=False)
class Version:
    """One file.

    Attributes
    ----------
    rows : DataFrame
        Times x `FIELDS`, as `read_download` returns them.
    parent : str
        Hash of the version that it follows; empty for none.
    depth : int
        How many versions it follows.
    """

    rows: pd.DataFrame
    parent: str = ""
    depth: int = 0


@dataclass(frozen=True)
class Versions:
    """The versions of one symbol of a source.

    Parameters
    ----------
    files : Durable
        The source's folder.
    symbol : str
    kind : str
        ``"symbols"`` for bars that were taken, ``"quarantine"`` for those kept apart.
    """

    files: Durable
    symbol: str
    kind: str = "symbols"

    @property
    def folder(self) -> Path:
        """Where the files are; the symbol's name, with whatever a file system could misread in ``%`` notation."""
        check(0 < len(self.symbol) <= 80, "a symbol", "be a name of 1 to 80 characters", self.symbol)
        name = quote(self.symbol, safe="^=")
        return self.files.folder / self.kind / (name.replace(".", "%2E") if set(name) == {"."} else name)

    def append(self, rows: pd.DataFrame, parent: str = "") -> str:
        """Keep rows that replace or follow those of `parent`; return the new version's hash."""
        depth = self._read(parent).depth + 1 if parent else 0
        if depth >= DEEPEST:
            rows, parent, depth = _overlay([self.bars(parent), rows]), "", 0
        content = _encode(Version(rows, parent, depth), self.symbol)
        version = hashlib.sha256(content).hexdigest()
        self.files.write(self.folder / f"{version}.parquet", content)
        return version

    def bars(self, version: str) -> pd.DataFrame:
        """Read the rows of a version and of all that it follows; the newest of each time.

        Raises
        ------
        StorageError
            If a file is missing, damaged, or of another format version; the text names it.
        """
        parts = []
        while version:
            part = self._read(version)
            parts.append(part.rows)
            version = part.parent
        return _overlay(parts[::-1]) if parts else no_rows()

    def _read(self, version: str) -> Version:
        path = self.folder / f"{version}.parquet"
        hint = (f"Restore it from a copy, or move the folder {path.parent.name} away: the next refresh then downloads"
                " its whole history again.")  # fmt: skip
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path}", must="be readable", got=str(error), hint=hint) from error
        if hashlib.sha256(content).hexdigest() != version:
            raise StorageError(f"{path}", must="hold what was stored in it", got="other bytes", hint=hint)
        return _decode(content, path)


def _overlay(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Lay rows over earlier ones of the same times."""
    filled = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat(filled) if len(filled) > 1 else filled[0]
    if not rows.index.is_monotonic_increasing or not rows.index.is_unique:
        rows = rows[~rows.index.duplicated(keep="last")].sort_index()
    return rows


def _encode(version: Version, symbol: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    index = pd.DatetimeIndex(version.rows.index)
    zone = None if index.tz is None else "UTC"
    times = pa.array(index.tz_localize(None).to_numpy(dtype=f"datetime64[{RESOLUTION}]"))
    columns: dict[str, Any] = {"time": times.cast(pa.timestamp(RESOLUTION, tz=zone))}
    columns |= {name: pa.array(version.rows[name].to_numpy()) for name in FIELDS}
    facts = {"quantml_store": FORMAT, "symbol": symbol, "parent": version.parent, "depth": version.depth}
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({name: str(fact) for name, fact in facts.items()})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _decode(content: bytes, path: Path) -> Version:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        facts = {name.decode(): value.decode() for name, value in (file.metadata.metadata or {}).items()}
        check_format(path, facts.get("quantml_store", "none"))
        table = file.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}", must="be a readable Parquet file", got=str(error)) from error
    times = pd.DatetimeIndex(table.column("time").to_numpy()).as_unit(RESOLUTION)
    times = times if table.schema.field("time").type.tz is None else times.tz_localize("UTC")
    rows = pd.DataFrame({name: table.column(name).to_numpy() for name in FIELDS}, times)
    return Version(rows, facts["parent"], int(facts["depth"]))
