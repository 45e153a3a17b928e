"""Run: one finished walk-forward of a study, and how it is made, saved, loaded and listed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml import record, storage
from quantml.bars import Bars
from quantml.errors import StorageError
from quantml.evaluation import metrics
from quantml.evaluation.verdict import Verdict, judge, void
from quantml.installation import versions
from quantml.manifest import read_manifest, read_verdict
from quantml.simulation.simulator import Simulation, buy_and_hold
from quantml.source import package_digest
from quantml.study import Market, Study
from quantml.validation.audit.findings import Audit
from quantml.validation.audit.whole import glance
from quantml.validation.scoring import account
from quantml.validation.threads import single_threaded
from quantml.validation.walkforward import WalkForwardResult, walk_forward
from quantml.validation.workers import Progress, Workers

TABLES: Final = ("folds", "candidates", "forecasts", "weights", "fills", "trades", "equity")
VOLATILE: Final = frozenset({"timing.json"})
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
        One row per fold: train and test dates, training rows, rows purged, chosen parameters (JSON), score in and
        out of sample. Scores are the objective turned so that higher is better: for a metric of risk they are minus
        the metric.
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
    simulation, benchmark : Simulation or None
        The out-of-sample account and buy and hold; None in a run read from its folder.
    timing : mapping
        Seconds, and in a saved run the time at which it finished (UTC); the one part that differs between two equal
        runs.
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


def run(
    study: Study,
    *,
    executor: Workers | Executor | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    settings: Sequence[str] = (),
    documents: Sequence[Document] = (),
) -> Run:
    """Run a study's walk-forward.

    Parameters
    ----------
    study : Study
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    out : path, optional
        Folder under which ``STUDY/RUN/`` is written; nothing is written without it.
    progress : callable, optional
        Called with the number of folds done and the number of folds.
    settings : sequence of str
        Changes to declared values, such as ``"validation.test=1m"``; recorded in the run.
    documents : sequence of callables
        Further files of the folder.

    Raises
    ------
    InputError
        If study, data or output folder are not usable; nothing is written then.
    """
    began = time.perf_counter()
    study = study.override(settings) if settings else study
    if out is not None:
        storage.check_writable(Path(out))
    _ = study.hash  # a captured table is refused before any work
    with single_threaded():
        market = study.load()
        loaded = time.perf_counter()
        bars, seen = market.bars, market.feature_bars
        result = walk_forward(study, bars, feature_bars=seen, executor=executor, progress=progress)
        walked = time.perf_counter()
        found = glance(market, result)
        audited = time.perf_counter()
        finished = _assemble(study, market, result, settings, found)
    spent = {"load": loaded - began, "walk_forward": walked - loaded, "audit": audited - walked}
    timing = {**spent, "total": time.perf_counter() - began}
    finished = replace(finished, timing=timing)
    return finished if out is None else save(finished, out, documents)


def _assemble(study: Study, market: Market, result: WalkForwardResult, settings: Sequence[str], found: Audit) -> Run:
    bars = market.bars
    simulation, benchmark = _simulated(study, bars, result)
    equity = _equity_table(simulation, benchmark)
    verdict = None
    if simulation is not None and benchmark is not None:
        verdict = judge(
            simulation.returns,
            benchmark.returns,
            periods_per_year=bars.periods_per_year,
            seed=result.problem.seed("verdict"),
            risk_free=simulation.risk_free,
        )
        verdict = verdict if found.passed else void(verdict, [str(leak) for leak in found.leaks])
    manifest = _manifest(study, market, result, settings) | _measured(bars, result, simulation, benchmark)
    manifest["audit"] = found.as_values()
    return Run(
        manifest=manifest,
        folds=record.folds_table(result, simulation),
        candidates=record.candidates_table(result),
        forecasts=record.forecasts_table(result),
        weights=record.weights_table(result),
        fills=pd.DataFrame() if simulation is None else simulation.fills,
        trades=pd.DataFrame() if simulation is None else simulation.trades,
        equity=equity,
        verdict=verdict,
        study=study,
        simulation=simulation,
        benchmark=benchmark,
    )


def _simulated(study: Study, bars: Bars, result: WalkForwardResult) -> tuple[Simulation | None, Simulation | None]:
    """Simulate the stitched weights, and holding the benchmark, from the first out-of-sample decision."""
    if result.weights is None:
        return None, None
    fill = result.problem.fill
    simulation = account(study, bars, fill, result.weights.frame.iloc[result.first :])
    symbols = None if study.benchmark is None else (study.benchmark,)
    held = buy_and_hold(
        bars,
        costs=study.costs,
        fill=fill,
        initial_cash=simulation.initial_cash,
        start=bars.clock[result.first],
        symbols=symbols,
        cash=study.cash,
    )
    return simulation, held


def _equity_table(simulation: Simulation | None, benchmark: Simulation | None) -> pd.DataFrame:
    if simulation is None or benchmark is None:
        return pd.DataFrame({"time": pd.DatetimeIndex([]), "equity": [], "returns": []})
    exposure = simulation.exposure
    columns = {
        "time": simulation.clock,
        "equity": simulation.equity.to_numpy(),
        "returns": simulation.returns.to_numpy(),
        "cash": simulation.cash.to_numpy(),
        "interest": simulation.interest.to_numpy(),
        "risk_free": simulation.risk_free.to_numpy(),
        "exposure": exposure.to_numpy(),
        **{name: simulation.costs[name].to_numpy() for name in simulation.costs.columns},
        "benchmark_equity": benchmark.equity.to_numpy(),
        "benchmark_returns": benchmark.returns.to_numpy(),
    }
    if simulation.optimistic is not None:
        columns["optimistic_equity"] = simulation.optimistic_equity.to_numpy()
    return pd.DataFrame(columns)


def _manifest(study: Study, market: Market, result: WalkForwardResult, settings: Sequence[str]) -> dict[str, Any]:
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
        "data": record.data_facts(study, bars) | {"quality": record.quality_facts(market)},
        "work": record.work_facts(result.folds),
        "warnings": record.warnings_of(result),
        "first_decision": bars.clock[result.first],
        "last_decision": bars.clock[-1],
    }


def _measured(
    bars: Bars, result: WalkForwardResult, simulation: Simulation | None, benchmark: Simulation | None
) -> dict[str, Any]:
    if simulation is None or benchmark is None:
        return {"metrics": {}, "benchmark_metrics": {}, "accuracy": record.accuracy_of(result)}
    known: dict[str, Any] = {"periods_per_year": bars.periods_per_year, "risk_free": simulation.risk_free}
    against = benchmark.returns
    return {
        "metrics": metrics.summary(simulation.returns, benchmark=against, **known),
        "benchmark_metrics": metrics.summary(against, **known),
        "accuracy": record.accuracy_of(result),
        "ruined_at": simulation.ruined_at,
    }


# ------------------------------------------------------------------------ files


def save(finished: Run, out: str | Path, documents: Sequence[Document] = ()) -> Run:
    """Write a run's folder under ``out/STUDY/RUN`` in one step; keep an equal one that is there.

    Raises
    ------
    StorageError
        If a folder of that name holds something else, or cannot be written.
    """
    folder = Path(out) / finished.name / finished.id
    files = {"run.json": storage.json_bytes(finished.manifest)}
    if finished.verdict is not None:
        files["verdict.json"] = storage.json_bytes({"format": storage.FORMAT, **asdict(finished.verdict)})
    files |= {f"{name}.parquet": storage.parquet_bytes(getattr(finished, name)) for name in TABLES}
    ended = datetime.now(UTC).isoformat(timespec="microseconds")
    files["timing.json"] = storage.json_bytes({"format": storage.FORMAT, **finished.timing, "finished": ended})
    if finished.study is not None and finished.study.bundle is not None:
        files |= {f"source/{part.relative}": part.text.encode() for part in finished.study.bundle.files}
    files |= dict(document(finished) for document in documents)
    storage.write_folder(folder, files, volatile=VOLATILE)
    return replace(finished, folder=folder)


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
    verdict = read_verdict(path / "verdict.json") if (path / "verdict.json").exists() else None
    tables = {name: storage.read_parquet(path / f"{name}.parquet") for name in TABLES}
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
