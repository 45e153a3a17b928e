"""Files that are the same bytes for the same content, in folders that are whole or not there."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import StorageError

FORMAT: Final = 1
"""Version of a run's folder; written into every file, checked when one is read."""


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Write a frame's columns as Parquet: one schema per column type, no pandas metadata, the index left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {str(name): _column(frame[name]) for name in frame.columns}
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"quantml_format": str(FORMAT)})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _column(values: pd.Series) -> Any:
    import pyarrow as pa

    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        utc = "UTC" if isinstance(values.dtype, pd.DatetimeTZDtype) else None
        naive = values.dt.tz_localize(None) if utc else values
        return pa.array(naive.to_numpy(dtype="datetime64[us]"), type=pa.timestamp("us", tz=utc))
    kinds = {"f": pa.float64(), "i": pa.int64(), "u": pa.int64(), "b": pa.bool_()}
    if values.dtype.kind in kinds:
        return pa.array(values.to_numpy(), type=kinds[values.dtype.kind])
    return pa.array([None if pd.isna(part) else str(part) for part in values], type=pa.string())


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file that `parquet_bytes` wrote.

    Raises
    ------
    StorageError
        If the file is missing, damaged, or of another format version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        table = file.read()
    except (OSError, pa.ArrowInvalid) as error:
        raise StorageError(f"{path}", must="be a readable Parquet file", got=str(error)) from error
    version = (file.metadata.metadata or {}).get(b"quantml_format", b"none").decode()
    if version != str(FORMAT):
        raise StorageError(f"{path}", must=f"have format version {FORMAT}", got=version)
    return table.to_pandas()


def json_bytes(content: Any) -> bytes:
    """Write JSON with sorted keys; what is not a number is null."""
    return (json.dumps(_plain(content), sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _plain(part) for key, part in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(part) for part in content]
    if isinstance(content, pd.Timestamp):
        return content.isoformat()
    if isinstance(content, np.generic):
        content = content.item()
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a run.

    Raises
    ------
    StorageError
        If it is missing, damaged, or of another format version.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}", must="be a readable JSON file", got=str(error)) from error
    if not isinstance(content, dict):
        raise StorageError(f"{path}", must="hold a JSON object", got=type(content).__name__)
    if content.get("format") != FORMAT:
        raise StorageError(f"{path}", must=f"have format version {FORMAT}", got=content.get("format"))
    return content


def check_shape(content: Mapping[str, Any], shape: Mapping[str, Any], path: Path, below: str = "") -> None:
    """Raise unless what was read from JSON has the parts that are counted on; further parts do not matter.

    Parameters
    ----------
    content : mapping
    shape : mapping of str to type, tuple of types, or mapping
        What each part must be; a mapping is the shape of an object.
    path : Path
        The file, named in errors.
    below : str
        Dotted path to `content` inside the file.

    Raises
    ------
    StorageError
        If a part is missing or of another type.
    """
    for name, wanted in shape.items():
        kind = dict if isinstance(wanted, Mapping) else wanted
        part = content.get(name)
        if name not in content or not isinstance(part, kind):
            got = type(part).__name__ if name in content else "nothing"
            raise StorageError(f"{path}", must=f"hold what a run says under {below + name!r}", got=got,
                               hint="The file is damaged: run the study again.")  # fmt: skip
        if isinstance(wanted, Mapping):
            check_shape(part, wanted, path, f"{below}{name}.")


def check_writable(folder: Path) -> None:
    """Raise before any work is done where a folder could not be written later; nothing is created.

    Raises
    ------
    StorageError
        If the nearest existing parent is not a folder or may not be written to.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise StorageError("the output folder", must="be below a folder", got=str(existing))
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StorageError("the output folder", must="be writable", got=str(existing), hint="Choose one with --out.")


def write_folder(folder: Path, files: Mapping[str, bytes], *, volatile: frozenset[str] = frozenset()) -> bool:
    """Write a folder in one step, or keep an equal one that is there.

    Parameters
    ----------
    folder : Path
    files : mapping of str to bytes
        Content by path below the folder.
    volatile : frozenset of str
        Files that may differ from an existing folder's.

    Returns
    -------
    bool
        Whether the folder was written; False if an equal one was there.

    Raises
    ------
    StorageError
        If a different folder of that name exists, or it cannot be written.
    """
    if folder.exists():
        _check_equal(folder, files, volatile)
        return False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise StorageError("the output folder", must="be writable", got=str(error)) from error
    try:
        for name, content in files.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        partial.chmod(0o755)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if folder.exists():  # another process finished the same run first
            _check_equal(folder, files, volatile)
            return False
        raise StorageError("the output folder", must="be writable", got=str(error)) from error
    return True


def replace_file(path: Path, content: bytes) -> None:
    """Put a whole file in the place of another.

    Raises
    ------
    StorageError
        If it cannot be written; the old one is then still there.
    """
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except OSError:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(f"{path}", must="be writable", got=str(error)) from error


def _check_equal(folder: Path, files: Mapping[str, bytes], volatile: frozenset[str]) -> None:
    for name, content in files.items():
        path = folder / name
        if name not in volatile and not (path.is_file() and path.read_bytes() == content):
            hint = "Move the old folder away; if its files were not edited, a run was not reproducible: report it."
            raise StorageError(f"{path}", must="equal the same run's new file", got="other bytes", hint=hint)
