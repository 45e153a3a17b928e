"""What a run says of itself: made when it is finished, read back and checked; a damaged file is refused by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args

import pandas as pd

from quantml import record, storage
from quantml.errors import StorageError
from quantml.evaluation.verdict import Outcome, Verdict
from quantml.installation import versions
from quantml.source import package_digest
from quantml.study import Market, Study
from quantml.timing import Fill
from quantml.validation.walkforward import WalkForwardResult

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
_FOLDS: Final[Mapping[str, Any]] = {"walk_forward": {"parameters": dict}}
"""What folds come to together, in runs since that is told."""


def make_manifest(study: Study, market: Market, result: WalkForwardResult, settings: Sequence[str]) -> dict[str, Any]:
    """Say what was run: the study, its data, code and versions, and the name that these make."""
    bars = market.bars
    identity = {
        "study": study.hash,
        "data": bars.fingerprint,
        "feature_data": market.feature_bars.fingerprint,
        "source": package_digest(),
        "user_source": study.bundle.digest if study.bundle else None,
        "settings": list(settings),
        "versions": versions(),
        "snapshot": getattr(study.data, "loaded_snapshot", None),
    }
    lockbox = record.lockbox_facts(market)
    if lockbox is not None and lockbox["opened"]:
        identity["opened"] = lockbox["sealed"]
    name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    return {
        "format": storage.FORMAT,
        "run": name,
        "name": study.name,
        "description": study.bundle.description if study.bundle else "",
        "study": study.form,
        "identity": identity,
        "settings": list(settings),
        "seed": int(study.seed),
        "fill": result.problem.fill.value,
        "lockbox": lockbox,
        "data": record.data_facts(study, market) | {"quality": record.quality_facts(market)},
        "work": record.work_facts(result.folds),
        "warnings": record.warnings_of(result),
        "first_decision": bars.clock[result.first],
        "last_decision": bars.clock[result.last],
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a run's ``run.json``.

    Raises
    ------
    StorageError
        If it is missing, damaged, of another format version, or lacks what a report needs.
    """
    manifest = storage.read_json(path)
    storage.check_shape(manifest, {**SHAPE, **(_FOLDS if "walk_forward" in manifest else {})}, path)
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
