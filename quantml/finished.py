"""Run: one finished walk-forward of a study, and how it is saved, loaded and listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml import storage
from quantml.errors import StorageError
from quantml.evaluation.verdict import Verdict
from quantml.fold_facts import completed
from quantml.manifest import read_manifest, read_verdict
from quantml.simulation.simulator import Simulation
from quantml.study import Study

VERDICT: Final = "verdict.json"
TABLES: Final = ("folds", "candidates", "forecasts", "weights", "fills", "trades", "equity")
VOLATILE: Final = frozenset({"timing.json"})
JUDGED: Final = ("deflation", "paragraph")
"""What may differ between the verdicts of two equal runs: other trials may have been recorded in between."""
Document = Callable[["Run"], tuple[str, bytes]]
"""Makes one more file of a run's folder, such as its report: the file's name and content."""


@dataclass(frozen=True, eq=False)
class Run:
    """One finished walk-forward of a study.

    Attributes
    ----------
    manifest : mapping
        What was run: the study's canonical form and hash, data, versions, seed, metrics. JSON-able.
    folds : DataFrame
        One row per fold: train and test dates, training rows, rows purged, chosen parameters (JSON), their score in
        sample, on the inner validation blocks that they were chosen by, and out of sample; return per year in and out
        of sample, and the walk-forward efficiency, the one over the other; the runner-up's parameters (JSON, null where
        there is none) and score, and the margin to it. Scores are the objective turned so that higher is better: for a
        metric of risk they are minus the metric.
    candidates : DataFrame
        One row per configuration scored inside a fold; its score is turned alike.
    forecasts : DataFrame
        One row per decision and symbol: mean, baseline, realised (empty for rules).
    weights : DataFrame
        One row per decision and symbol.
    fills, trades : DataFrame
        Executions, and round trips from flat to flat.
    equity : DataFrame
        One row per bar: equity, returns, cash, interest, what cash earned, exposure and costs, beside the benchmark's
        equity and returns.
    verdict : Verdict or None
        None for a study that only forecasts.
    path_equity : DataFrame
        In a combinatorial study, one row per backtest path and bar: equity, returns, and what cash earned; no row in
        a walk-forward.
    simulation, benchmark : Simulation or None
        The out-of-sample account and buy and hold; None in a run read from its folder.
    paths : tuple of Simulation
        In a combinatorial study, the out-of-sample account of each backtest path; empty in a walk-forward, and in a run
        read from its folder. The other tables of such a run are of the first path, which is no better than any other.
    timing : mapping
        Seconds, in all and of each fold, and in a saved run the time at which it finished (UTC); the one part that
        differs between two equal runs.
    """

    manifest: Mapping[str, Any]
    folds: pd.DataFrame
    candidates: pd.DataFrame
    forecasts: pd.DataFrame
    weights: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    equity: pd.DataFrame
    verdict: Verdict | None
    study: Study | None = None
    simulation: Simulation | None = None
    benchmark: Simulation | None = None
    paths: tuple[Simulation, ...] = ()
    path_equity: pd.DataFrame = field(default_factory=pd.DataFrame)
    timing: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.manifest["name"])

    @property
    def id(self) -> str:
        """Hash of study, data, source and versions: the name of the run's folder."""
        return str(self.manifest["run"])

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics of the strategy's net returns."""
        found: Mapping[str, float] = self.manifest["metrics"]
        return found

    @property
    def leaks(self) -> Sequence[str]:
        """What the look-ahead audit inside the run found, one sentence each; nothing in runs from before it."""
        found = self.manifest.get("audit", {"leaks": ()})["leaks"]
        return tuple(f"{leak['stage']} {leak['part']}: {leak['evidence']}" for leak in found)

    def __repr__(self) -> str:
        return f"Run({self.name}/{self.id}, {len(self.folds)} folds)"


def save(finished: Run, out: str | Path, documents: Sequence[Document] = ()) -> Run:
    """Write a run's folder under ``out/STUDY/RUN`` in one step; keep an equal one that is there.

    Where an equal one is there, but other trials have been recorded since, its verdict and the documents that show it
    are written anew, one after the other.

    Raises
    ------
    StorageError
        If a folder of that name holds something else, or cannot be written.
    """
    folder = Path(out) / finished.name / finished.id
    files = {"run.json": storage.json_bytes(finished.manifest)}
    if finished.verdict is not None:
        files[VERDICT] = storage.json_bytes({"format": storage.FORMAT, **asdict(finished.verdict)})
    files |= {f"{name}.parquet": storage.parquet_bytes(getattr(finished, name)) for name in TABLES}
    if len(finished.path_equity):
        files["paths.parquet"] = storage.parquet_bytes(finished.path_equity)
    ended = datetime.now(UTC).isoformat(timespec="microseconds")
    files["timing.json"] = storage.json_bytes({"format": storage.FORMAT, **finished.timing, "finished": ended})
    if finished.study is not None and finished.study.bundle is not None:
        files |= {f"source/{part.relative}": part.text.encode() for part in finished.study.bundle.files}
    told = dict(document(finished) for document in documents)
    renewed = {VERDICT: files[VERDICT], **told} if _is_judged_anew(folder / VERDICT, files.get(VERDICT)) else {}
    if not storage.write_folder(folder, files | told, volatile=VOLATILE | renewed.keys()):
        for name, content in renewed.items():
            storage.replace_file(folder / name, content)
    return replace(finished, folder=folder)


def _is_judged_anew(path: Path, content: bytes | None) -> bool:
    """Say whether a verdict that is there differs from a new one in the trials that were counted, and in that alone."""
    if content is None or not path.is_file() or path.read_bytes() == content:
        return False
    was, now = storage.read_json(path), json.loads(content)
    return {**was, **dict.fromkeys(JUDGED)} == {**now, **dict.fromkeys(JUDGED)}


def load_run(folder: str | Path) -> Run:
    """Read a run from its folder.

    Raises
    ------
    StorageError
        If the folder is missing, incomplete, damaged, or of another format version.
    """
    path = Path(folder)
    if not path.is_dir():
        raise StorageError("a run", must="be an existing folder", got=str(folder), hint="`quantml runs` lists them.")
    manifest = read_manifest(path / "run.json")
    verdict = read_verdict(path / VERDICT) if (path / VERDICT).exists() else None
    tables = {name: storage.read_parquet(path / f"{name}.parquet") for name in TABLES}
    tables["folds"] = completed(tables["folds"])
    if any("metrics" in one for one in manifest.get("paths", ())):
        tables["path_equity"] = storage.read_parquet(path / "paths.parquet")
    timing = storage.read_json(path / "timing.json")
    return Run(manifest=manifest, verdict=verdict, timing=timing, folder=path, **tables)


def list_runs(out: str | Path) -> list[Path]:
    """List the folders of the runs under ``out``, the one that finished last first.

    When a run finished stands in its ``timing.json``; where that cannot be read, it is when its ``run.json`` was
    written. Writing a report again changes neither.
    """
    found = [path.parent for path in Path(out).glob("[!.]*/[!.]*/run.json")]
    return sorted(found, key=lambda path: (-_finished(path), str(path)))


def _finished(folder: Path) -> float:
    try:
        return datetime.fromisoformat(str(storage.read_json(folder / "timing.json")["finished"])).timestamp()
    except (StorageError, KeyError, ValueError):
        return (folder / "run.json").stat().st_mtime


def find_run(reference: str, out: str | Path) -> Path:
    """Find a run by its folder, its name ``STUDY/RUN``, the beginning of its hash, or its study (the newest).

    Raises
    ------
    StorageError
        If none, or more than one hash, fits.
    """
    if (Path(reference) / "run.json").is_file():
        return Path(reference)
    listed = list_runs(out)
    fits = [path for path in listed if reference in (f"{path.parent.name}/{path.name}", path.parent.name)]
    fits = fits[:1] or [path for path in listed if path.name.startswith(reference)]
    if len(fits) != 1:
        got = f"{reference!r}, which fits {len(fits)} of {len(listed)} runs in {out}"
        raise StorageError("a run", must="be named by its folder, STUDY/RUN or hash", got=got,
                           hint="`quantml runs` lists them.")  # fmt: skip
    return fits[0]


def default_out() -> Path:
    """Return where runs go: ``backtests`` at the top of the current repository, or below the current folder."""
    here = Path.cwd()
    root = next((path for path in (here, *here.parents) if (path / ".git").exists()), here)
    return root / "backtests"
