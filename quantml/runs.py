"""Running a study: its walk-forward, what is simulated and measured of it, and its record as a trial."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from quantml import fold_facts, record, storage
from quantml.bars import Bars
from quantml.errors import ParameterError, StorageError
from quantml.evaluation import metrics
from quantml.evaluation.deflation import deflate
from quantml.evaluation.verdict import among_paths, counted, judge, void
from quantml.finished import TABLES as TABLES
from quantml.finished import VERDICT as VERDICT
from quantml.finished import VOLATILE as VOLATILE
from quantml.finished import Document as Document
from quantml.finished import Run as Run
from quantml.finished import default_out as default_out
from quantml.finished import find_run as find_run
from quantml.finished import list_runs as list_runs
from quantml.finished import load_run as load_run
from quantml.finished import save as save
from quantml.manifest import make_manifest
from quantml.simulation.simulator import Simulation, buy_and_hold
from quantml.study import Market, Study
from quantml.validation.audit.findings import Audit
from quantml.validation.audit.whole import glance
from quantml.validation.checkpoints.keeping import Checkpoints
from quantml.validation.checkpoints.store import Store, read_limit
from quantml.validation.opening import since
from quantml.validation.scoring import account
from quantml.validation.threads import single_threaded
from quantml.validation.trials.record import Standing, TrialRecord
from quantml.validation.trials.trial import Family, Trial, series_of, trial_hash
from quantml.validation.walkforward import WalkForwardResult, walk_forward
from quantml.validation.workers import Progress, Workers


def run(
    study: Study,
    *,
    executor: Workers | Executor | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    settings: Sequence[str] = (),
    open_lockbox: bool = False,
    resume: bool = False,
    documents: Sequence[Document] = (),
) -> Run:
    """Run a study's walk-forward.

    Parameters
    ----------
    study : Study
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    out : path, optional
        Folder under which ``STUDY/RUN/`` is written, and the run recorded as a trial; what folds make is kept there
        too, and recalled by later runs. Without it, nothing is written and nothing counted.
    progress : callable, optional
        Called with the number of folds done and the number of folds.
    settings : sequence of str
        Changes to declared values, such as ``"validation.test=1m"``; recorded in the run.
    open_lockbox : bool
        Make the stretch that the study seals its out-of-sample record; the opening is recorded.
    resume : bool
        Refuse to begin where nothing is kept of this very study on these bars. What is kept is recalled anyway.
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
    checkpoints = _checkpoints(study, out, resume)
    if out is not None:
        storage.check_writable(Path(out))
        TrialRecord(out).check()
    _ = study.hash  # a captured table is refused before any work
    with single_threaded():
        market = study.load(opened=open_lockbox)
        loaded = time.perf_counter()
        bars, seen = market.bars, market.feature_bars
        study.validation.check_clock(bars.clock)
        result = walk_forward(study, bars, feature_bars=seen, executor=executor, progress=progress,
                              checkpoints=checkpoints)  # fmt: skip
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
    if out is None or checkpoints is None:
        return finished
    kept = _keep(finished, market, Path(out), documents)
    checkpoints.store.prune(read_limit())
    return kept


def _checkpoints(study: Study, out: str | Path | None, resume: bool) -> Checkpoints | None:
    """Say where folds are kept; a limit that cannot be read is refused before any work."""
    if out is None:
        if resume:
            hint = "Give a folder for runs."
            raise ParameterError("a run that is resumed", must="have its folder", got="out=None", hint=hint)
        return None
    read_limit()
    return Checkpoints(Store(out), study.name, demanded=resume)


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
    accounts, benchmark = _simulated(study, result)
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


def _simulated(study: Study, result: WalkForwardResult) -> tuple[tuple[Simulation, ...], Simulation | None]:
    """Simulate the weights of each record, and holding the benchmark, over the out-of-sample decisions."""
    weights = [part.weights for part in result.records if part.weights is not None]
    if not weights:
        return (), None
    fill, bars = result.problem.fill, result.bars
    accounts = tuple(account(study, bars, fill, part.frame.iloc[result.first : len(bars)]) for part in weights)
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
