"""The record of trials for people: what was tried, on which data, and what it showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from quantml.errors import ParameterError, StorageError, did_you_mean
from quantml.reports import words
from quantml.reports.terminal import Widest, text_table
from quantml.validation.trials.record import TrialRecord
from quantml.validation.trials.trial import Trial


@dataclass(frozen=True)
class Listed:
    """Trials of a folder of runs, and the openings of lockboxes among them.

    Attributes
    ----------
    folder : Path
    trials : tuple of Trial
    openings : tuple of dict
        One for each time that a lockbox was opened.
    """

    folder: Path
    trials: tuple[Trial, ...]
    openings: tuple[dict[str, str], ...]

    def folder_of(self, trial: Trial) -> Path | None:
        """Return the folder of the run that was recorded, where it is still there."""
        path = self.folder / trial.run
        return path if path.is_dir() else None


def listed_trials(folder: str | Path, symbols: Sequence[str] | None = None) -> Listed:
    """Read the record of a folder of runs.

    Parameters
    ----------
    folder : path
    symbols : sequence of str, optional
        Only trials on data that have any of them.

    Raises
    ------
    StorageError
        If `folder` is a file, or the record damaged or of another format version.
    ParameterError
        If there are trials, and none on data that have any of the symbols.
    """
    if Path(folder).is_file():
        raise StorageError("the folder of runs", must="be a folder", got=str(folder))
    record = TrialRecord(folder)
    trials = record.trials()
    kept = [one for one in trials if symbols is None or not set(symbols).isdisjoint(one.family.symbols)]
    if symbols is not None and trials and not kept:
        known = {symbol for one in trials for symbol in one.family.symbols}
        must = "name a symbol that a trial is on"
        raise ParameterError("--family", must, got=",".join(symbols), hint=did_you_mean(symbols[0], known))
    hashes = {one.hash for one in kept}
    return Listed(Path(folder), tuple(kept), tuple(row for row in record.openings() if row["trial"] in hashes))


def trials_values(listed: Listed) -> dict[str, Any]:
    """Return the trials as plain values."""
    rows = [
        {
            "hash": one.hash,
            "study": one.study,
            "family": {"world": one.family.world, "symbols": list(one.family.symbols)},
            "sharpe_ratio": one.sharpe_ratio,
            "first": one.first,
            "last": one.last,
            "sealed": one.sealed,
            "counts": one.counts,
            "leaked": one.leaked,
            "seen": one.seen,
            "run": one.run,
            "folder": None if (folder := listed.folder_of(one)) is None else str(folder),
        }
        for one in listed.trials
    ]
    return {"trials": rows, "openings": list(listed.openings)}


def trials_table(listed: Listed) -> RenderableType:
    """List trials, the first seen first: when, what, on which data, and its Sharpe ratio.

    Parameters
    ----------
    listed : Listed

    Returns
    -------
    rich renderable
    """
    if not listed.trials:
        return Text("No trials here. A run that is kept is one: quantml run STUDY.py")
    opened = [
        Text(f"{row['study']} opened its lockbox on {row['opened'][:10]}: {row['sealed'][:10]} to {row['last'][:10]}.")
        for row in listed.openings
    ]
    counting = sum(one.counts for one in listed.trials)
    total = Text(f"{words.plural(len(listed.trials), 'trial')}, of which {counting:,} count.")
    return Group(Widest(_table(listed, broken=False), _table(listed, broken=True)), *opened, total)


def _table(listed: Listed, *, broken: bool) -> Table:
    """Lay trials out in a row each, `broken` in two lines: hashes stay whole where it is narrow."""
    table = text_table("First seen", "Trial", "Run", "Data", "Sharpe", "", text=(2, 3, 5))
    table.columns[2].min_width = max(len(one.run.partition("/")[2]) for one in listed.trials)
    for one in listed.trials:
        run = one.run.replace("/", "/\n") if broken else one.run
        gone = "" if listed.folder_of(one) is not None else " (gone)"
        ratio = words.measure("sharpe_ratio", one.sharpe_ratio)
        cells = (one.seen[:10], one.hash[:8], f"{run}{gone}", str(one.family), ratio, _kind(one))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _kind(trial: Trial) -> str:
    if trial.leaked:
        return "void"
    if trial.sealed is None and not trial.counts:
        return "no ratio"
    return "" if trial.sealed is None else "lockbox"
