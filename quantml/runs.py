"""Run: one finished walk-forward of a study, and how it is made, saved, loaded and listed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml import fold_facts, record, storage
from quantml.bars import Bars
from quantml.errors import ParameterError, StorageError
from quantml.evaluation import metrics
from quantml.evaluation.deflation import deflate
from quantml.evaluation.verdict import Verdict, among_paths, counted, judge, void
from quantml.manifest import make_manifest, read_manifest, read_verdict
from quantml.simulation.simulator import Simulation, buy_and_hold
from quantml.study import Market, Study
from quantml.validation.audit.findings import Audit
from quantml.validation.audit.whole import glance
from quantml.validation.opening import since
from quantml.validation.scoring import account
from quantml.validation.threads import single_threaded
from quantml.validation.trials.record import Standing, TrialRecord
from quantml.validation.trials.trial import Family, Trial, series_of, trial_hash
from quantml.validation.walkforward import WalkForwardResult, walk_forward
from quantml.validation.workers import Progress, Workers

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


def run(
    study: Study,
    *,
    executor: Workers | Executor | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    settings: Sequence[str] = (),
    open_lockbox: bool = False,
    documents: Sequence[Document] = (),
) -> Run:
    """Run a study's walk-forward.

    Parameters
    ----------
    study : Study
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    out : path, optional
        Folder under which ``STUDY/RUN/`` is written, and the run recorded as a trial; without it, nothing is written
        and nothing counted.
    progress : callable, optional
        Called with the number of folds done and the number of folds.
    settings : sequence of str
        Changes to declared values, such as ``"validation.test=1m"``; recorded in the run.
    open_lockbox : bool
        Make the stretch that the study seals its out-of-sample record; the opening is recorded.
    documents : sequence of callables
        Further files of the folder.

    Raises
    ------
    InputError
        If study, data or output folder are not usable; nothing is written then.
    """
    began = time.perf_counter()
    study = study.override(settings) if settings else study
    if open_lockbox:
        _check_lockbox(study, out)
    if out is not None:
        storage.check_writable(Path(out))
        TrialRecord(out).check()
    _ = study.hash  # a captured table is refused before any work
    with single_threaded():
        market = study.load(opened=open_lockbox)
        loaded = time.perf_counter()
        bars, seen = market.bars, market.feature_bars
        result = walk_forward(study, bars, feature_bars=seen, executor=executor, progress=progress)
        walked = time.perf_counter()
        found = glance(market, result)
        audited = time.perf_counter()
        if market.sealed is not None and open_lockbox:
            result = since(result, int(bars.clock.searchsorted(market.sealed)))
        finished = _assemble(study, market, result, settings, found)
    spent = {"load": loaded - began, "walk_forward": walked - loaded, "audit": audited - walked}
    folds = {str(part.fold.number): part.seconds for part in result.folds}
    timing = {**spent, "total": time.perf_counter() - began, "folds": folds}
    finished = replace(finished, timing=timing)
    return finished if out is None else _keep(finished, market, Path(out), documents)


def _check_lockbox(study: Study, out: str | Path | None) -> None:
    if study.lockbox is None:
        hint = 'Declare what is sealed, such as lockbox="2017-01-01".'
        raise ParameterError("a study whose lockbox is opened", must="have one", got="none", hint=hint)
    if not study.validation.is_forward:
        hint = "What a combinatorial study learns comes from after its test blocks too: use a WalkForward."
        raise ParameterError("a study whose lockbox is opened", must="walk forward", got=study.validation, hint=hint)
    if out is None:
        raise ParameterError("opening a lockbox", must="be recorded", got="out=None", hint="Give a folder for runs.")


def _keep(finished: Run, market: Market, out: Path, documents: Sequence[Document]) -> Run:
    """Record a run as a trial, and write its folder with what the record says of it."""
    trial = _trial(finished, market)
    try:
        judged = _judged(finished, TrialRecord(out).add(trial))
    except StorageError as error:
        if trial.sealed is not None:  # what could not be recorded was not opened
            raise
        kept = save(finished, out, documents).folder
        raise StorageError.with_text(f"{error} The run is kept in {kept}, its trials not counted.") from error
    return save(judged, out, documents)


def _trial(finished: Run, market: Market) -> Trial:
    assert finished.study is not None
    family = Family.of(finished.study.data, market.bars.symbols)
    lockbox = finished.manifest["lockbox"]
    sealed = lockbox["sealed"] if lockbox is not None and lockbox["opened"] else None
    return Trial(
        hash=trial_hash(finished.study, family, sealed),
        family=family,
        study=finished.name,
        run=f"{finished.name}/{finished.id}",
        sharpe_ratio=float(finished.metrics.get("sharpe_ratio", float("nan"))),
        leaked=bool(finished.leaks),
        series=series_of(None if finished.simulation is None else finished.simulation.returns),
        first=finished.manifest["first_decision"].isoformat(),
        last=finished.manifest["last_decision"].isoformat(),
        sealed=sealed,
    )


def _judged(finished: Run, standing: Standing) -> Run:
    """Return the run with its verdict held against the trials that it is one of."""
    if finished.verdict is None or finished.simulation is None or not standing.sharpe_ratios or finished.leaks:
        return finished
    deflation = deflate(
        finished.simulation.returns,
        standing.sharpe_ratios,
        periods_per_year=finished.manifest["data"]["periods_per_year"],
        record=standing.hash,
        risk_free=finished.simulation.risk_free,
        looks=standing.looks,
    )
    return replace(finished, verdict=counted(finished.verdict, deflation))


def _assemble(study: Study, market: Market, result: WalkForwardResult, settings: Sequence[str], found: Audit) -> Run:
    bars = market.bars
    accounts, benchmark = _simulated(study, bars, result)
    simulation, paths = accounts[0] if accounts else None, () if result.is_forward else accounts
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
        verdict = verdict if result.is_forward else among_paths(verdict, len(result.records))
        verdict = verdict if found.passed else void(verdict, [str(leak) for leak in found.leaks])
    manifest = make_manifest(study, market, result, settings) | _measured(bars, result, simulation, benchmark)
    manifest |= {"audit": found.as_values(), "walk_forward": fold_facts.walk_forward_facts(result, accounts)}
    if not result.is_forward:
        manifest["paths"] = record.paths_facts(result, accounts)
    return Run(
        manifest=manifest,
        folds=fold_facts.folds_table(result, accounts),
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
        paths=paths,
        path_equity=record.paths_table(paths) if paths else pd.DataFrame(),
    )


def _simulated(study: Study, bars: Bars, result: WalkForwardResult) -> tuple[tuple[Simulation, ...], Simulation | None]:
    """Simulate the weights of each record, and holding the benchmark, from the first out-of-sample decision."""
    weights = [part.weights for part in result.records if part.weights is not None]
    if not weights:
        return (), None
    fill = result.problem.fill
    accounts = tuple(account(study, bars, fill, part.frame.iloc[result.first :]) for part in weights)
    symbols = None if study.benchmark is None else (study.benchmark,)
    held = buy_and_hold(
        bars,
        costs=study.costs,
        fill=fill,
        initial_cash=accounts[0].initial_cash,
        start=bars.clock[result.first],
        symbols=symbols,
        cash=study.cash,
    )
    return accounts, held


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
    tables["folds"] = fold_facts.completed(tables["folds"])
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
