"""From the bars of single symbols to `Bars` on one clock, and the file that keeps a snapshot's panel for the next time.

The files of the symbols are the truth. A panel is made from them, checked as all market data is, and kept as one
Parquet file, because thousands of small files take a hundred times as long to read; it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import FIELDS as QUOTED
from quantml.bars import Bars
from quantml.calendars import RESOLUTION, closed_rows, own_periods_per_year
from quantml.loaders.downloads import FIELDS
from quantml.loaders.durable import FORMAT, Durable

LOG: Final = logging.getLogger("quantml.loaders")
KEPT: Final = 4
"""How many panels of a source are kept, the newest."""


def assemble(symbols: Sequence[str], rows: Iterator[pd.DataFrame], **declared: Any) -> Bars:
    """Put the rows of each symbol on one clock.

    Parameters
    ----------
    symbols : sequence of str
    rows : iterator of DataFrame
        Those of each symbol in turn, times x `FIELDS`.
    **declared
        Calendar, periods per year and currencies, as `Bars.from_frame` takes them.

    Raises
    ------
    DataError
        If a bar cannot be: see `Bars.from_frame`.
    """
    # Two growing arrays, and not a list of small ones: freed, these would still take as much memory as the panel.
    values, times, lengths = array("d"), array("q"), []
    zone = None
    for part in rows:
        values.frombytes(part.to_numpy().tobytes())
        times.frombytes(part.index.asi8.tobytes())
        lengths.append(len(part))
        zone = part.index.tz
    clock, row = np.unique(np.frombuffer(times, np.int64), return_inverse=True)
    cells = np.full((len(clock), len(FIELDS), len(symbols)), np.nan)
    cells[row, :, np.repeat(np.arange(len(symbols)), lengths)] = np.frombuffer(values).reshape(-1, len(FIELDS))
    del values, times, row
    panel = cells.reshape(len(clock), -1)
    columns = pd.MultiIndex.from_product([FIELDS, symbols], names=["field", "symbol"])
    index = pd.DatetimeIndex(clock.astype(f"datetime64[{RESOLUTION}]"))
    frame = pd.DataFrame(panel, index if zone is None else index.tz_localize("UTC"), columns, copy=False)
    absent = [name for name in QUOTED if frame[name].isna().all(axis=None)]
    frame = frame.drop(columns=absent, level="field") if absent else frame
    return Bars.from_frame(frame, **declared)


@dataclass(frozen=True)
class Panels:
    """The panels that are kept of a source.

    Parameters
    ----------
    files : Durable
        The source's folder.
    """

    files: Durable

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.files.folder / "panels"

    def read(self, snapshot: str) -> Bars | None:
        """Read a snapshot's panel; None where there is none. A damaged one is removed."""
        for path in self.folder.glob(f"{snapshot}-*.parquet"):
            with suppress(FileNotFoundError):  # another process tidied up
                if _digest(path) == path.stem.partition("-")[2]:
                    return _decode(path)
                LOG.warning("%s is damaged; it is made again from the files of its symbols.", path)
                path.unlink()
        return None

    def write(self, snapshot: str, bars: Bars) -> None:
        """Keep a snapshot's panel. Where the folder cannot be written, the next load takes longer, and no more."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.files.aside() as unnamed:
                _encode(bars, unnamed)
                os.replace(unnamed, self.folder / f"{snapshot}-{_digest(unnamed)}.parquet")
            for path in sorted(self.folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
                path.unlink()
        except OSError as error:
            LOG.info("The panel of snapshot %s was not kept: %s.", snapshot, error)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _encode(bars: Bars, path: Path) -> None:
    """Write every cell of the panel, time by time, so that a column read is an array of the panel's shape."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    zone = None if bars.clock.tz is None else "UTC"
    times = np.repeat(bars.clock.tz_localize(None).to_numpy(), len(bars.symbols))
    columns: dict[str, Any] = {"time": pa.array(times).cast(pa.timestamp(RESOLUTION, tz=zone))}
    arrays = {**{name: bars.raw_array(name) for name in QUOTED if bars.has(name)},
              "split": bars.split, "dividend": bars.dividend}  # fmt: skip
    columns |= {name: pa.array(array.ravel()) for name, array in arrays.items()}
    table = pa.table(columns)
    facts = {
        "quantml_store": str(FORMAT),
        "symbols": json.dumps(bars.symbols),
        "periods_per_year": json.dumps(bars.periods_per_year),
        "calendar": json.dumps(dict(bars.calendar) if isinstance(bars.calendar, Mapping) else bars.calendar),
        "currencies": json.dumps(dict(bars.currencies)),
    }
    with pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table, row_group_size=len(table))
        writer.add_key_value_metadata(facts)


def _decode(path: Path) -> Bars | None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        told = {name.decode(): json.loads(value) for name, value in file.metadata.metadata.items()}
        if told["quantml_store"] != FORMAT:
            return None
        symbols = tuple(told["symbols"])
        shape = (file.metadata.num_rows // len(symbols), len(symbols))
        clock = pd.DatetimeIndex(_column(file, "time", np.dtype(f"datetime64[{RESOLUTION}]"))[:: len(symbols)])
        names = [name for name in file.schema_arrow.names if name != "time"]
        arrays = {name: _column(file, name, np.dtype(np.float64)).reshape(shape) for name in names}
        zone = file.schema_arrow.field("time").type.tz
    clock = clock if zone is None else clock.tz_localize(zone)
    calendar, periods = told["calendar"], told["periods_per_year"]
    # Checked before they were written; what follows from a calendar is made again, and not kept.
    return Bars(
        clock=clock,
        symbols=symbols,
        quoted={name: array for name, array in arrays.items() if name in QUOTED},
        split=arrays["split"],
        dividend=arrays["dividend"],
        periods_per_year=periods,
        calendar=calendar,
        currencies=told["currencies"],
        closed=closed_rows(clock, symbols, calendar) & np.isnan(arrays["close"]),
        own_periods_per_year=own_periods_per_year(clock, symbols, calendar, periods),
    )


def _column(file: Any, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
    """Read one column straight into an array, so that no second copy of the panel is ever held."""
    values = np.empty(file.metadata.num_rows, dtype=kind)
    filled = 0
    for batch in file.iter_batches(columns=[name], batch_size=1 << 17):
        part = batch.column(0).to_numpy(zero_copy_only=False)
        values[filled : filled + len(part)] = part
        filled += len(part)
    return values
