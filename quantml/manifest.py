"""What a saved run says of itself, read back and checked: a damaged file is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args

import pandas as pd

from quantml import storage
from quantml.errors import StorageError
from quantml.evaluation.verdict import Outcome, Verdict
from quantml.timing import Fill

_IDENTITY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("study", "data", "source"), str),
    "user_source": (str, NoneType),
    "versions": {"quantml": str},
}
_DATA: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("bars", "bars_absent", "splits", "dividends"), int),
    **dict.fromkeys(("source", "first", "last"), str),
    **dict.fromkeys(("symbols", "fields", "notes"), list),
    **dict.fromkeys(("starts_late", "ends_early", "tables"), dict),
    "periods_per_year": (int, float),
    "calendar": (str, NoneType),
    "missing_sessions": (list, NoneType),
}
SHAPE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("run", "name", "fill", "first_decision", "last_decision"), str),
    **dict.fromkeys(("settings", "warnings"), list),
    **dict.fromkeys(("metrics", "benchmark_metrics", "accuracy"), dict),
    "seed": int,
    "study": {"costs": dict},
    "identity": _IDENTITY,
    "data": _DATA,
    "work": dict.fromkeys(("folds", "candidates", "training_rows", "purged_rows"), int),
}
"""What every reader of a manifest counts on."""


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a run's ``run.json``.

    Raises
    ------
    StorageError
        If it is missing, damaged, of another format version, or lacks what a report needs.
    """
    manifest = storage.read_json(path)
    storage.check_shape(manifest, SHAPE, path)
    try:
        Fill(manifest["fill"])
        for name in ("first_decision", "last_decision"):
            pd.Timestamp(manifest[name])
    except ValueError as error:
        raise StorageError(f"{path}", must="hold a fill and times that can be read", got=str(error)) from error
    return manifest


def read_verdict(path: Path) -> Verdict:
    """Read a run's ``verdict.json``.

    Raises
    ------
    StorageError
        If it is missing, damaged, of another format version, or holds no verdict.
    """
    content = storage.read_json(path)
    if content.get("outcome") not in get_args(Outcome):
        raise StorageError(f"{path}", must="hold a verdict", got=content.get("outcome"))
    try:
        return Verdict.from_dict(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path}", must="hold a verdict", got=f"{type(error).__name__}: {error}") from error
