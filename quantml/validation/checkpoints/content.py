"""How kept work is written: one Arrow file, its arrays in rows and all else as JSON beside the schema."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.errors import StorageError
from quantml.validation.blocks import Block
from quantml.validation.checkpoints.memory import Entry, Ground

FORMAT: Final = 1
"""Version of the layout of a file."""
_HEAD: Final = b"quantml"


def pack(entries: Sequence[Entry], head: Mapping[str, Any]) -> bytes:
    """Write entries, and what else is to be said of the file."""
    import pyarrow as pa

    arrays: list[NDArray[Any]] = []
    listed = [
        {"ground": one.ground.value, "key": one.key, "made": _plain(one.made, arrays), "warned": list(one.warned)}
        for one in entries
    ]
    text = json.dumps({"format": FORMAT, **head, "entries": listed}, sort_keys=True)
    columns = {
        "dtype": pa.array([part.dtype.str for part in arrays], type=pa.string()),
        "shape": pa.array([list(part.shape) for part in arrays], type=pa.list_(pa.int64())),
        "values": pa.array([np.ascontiguousarray(part).tobytes() for part in arrays], type=pa.large_binary()),
    }
    table = pa.table(columns).replace_schema_metadata({_HEAD: text.encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _plain(made: Any, arrays: list[NDArray[Any]]) -> Any:
    """Turn what was made into JSON, its arrays put aside."""
    if isinstance(made, np.ndarray):
        arrays.append(made)
        return {"array": len(arrays) - 1}
    if isinstance(made, Block):
        return {"block": {part.name: _plain(getattr(made, part.name), arrays) for part in fields(made)}}
    if isinstance(made, tuple):
        return {"tuple": [_plain(part, arrays) for part in made]}
    if isinstance(made, np.generic):
        return _plain(made.item(), arrays)
    if isinstance(made, float) and not math.isfinite(made):
        return {"bits": struct.pack("<d", made).hex()}  # what is not a number has a sign too, which Parquet writes
    if made is None or isinstance(made, (bool, int, float, str)):
        return made
    raise TypeError(f"{type(made).__name__} is never kept")


def unpack(content: bytes) -> tuple[Entry, ...]:
    """Read the entries of a file.

    Raises
    ------
    StorageError
        If the file is damaged or of another format version.
    """
    import pyarrow as pa

    try:
        head, table = _read(content)
        rows = zip(table["dtype"].to_pylist(), table["shape"].to_pylist(), table["values"], strict=True)
        arrays = [np.frombuffer(held.as_buffer(), dtype=dtype).reshape(shape).copy() for dtype, shape, held in rows]
        return tuple(
            Entry(Ground(one["ground"]), str(one["key"]), _made(one["made"], arrays), tuple(map(str, one["warned"])))
            for one in head["entries"]
        )
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StorageError("kept work", must="be a readable Arrow file", got=str(error)) from error


def head_of(content: bytes) -> dict[str, Any]:
    """Read what a file says of itself, without its entries.

    Raises
    ------
    StorageError
        If the file is damaged or of another format version.
    """
    import pyarrow as pa

    try:
        head, _ = _read(content)
    except (OSError, pa.ArrowException, ValueError, LookupError, TypeError) as error:
        raise StorageError("kept work", must="be a readable Arrow file", got=str(error)) from error
    return head


def _read(content: bytes) -> tuple[dict[str, Any], Any]:
    import pyarrow as pa

    table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
    head: dict[str, Any] = json.loads(table.schema.metadata[_HEAD])
    if head["format"] != FORMAT:
        raise ValueError(f"format version {head['format']}, not {FORMAT}")
    return head, table


def _made(plain: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    if not isinstance(plain, dict):
        return plain
    ((kind, held),) = plain.items()
    if kind == "array":
        return arrays[held]
    if kind == "block":
        return Block(**{name: _made(part, arrays) for name, part in held.items()})
    if kind == "tuple":
        return tuple(_made(part, arrays) for part in held)
    return struct.unpack("<d", bytes.fromhex(held))[0]
