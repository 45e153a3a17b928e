"""What a run left to stand on: its study, its data and its decisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from quantml.arrays import frame
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, StorageError, check
from quantml.runs import Run, load_run
from quantml.simulation.simulator import Simulator
from quantml.source import read_bundle
from quantml.study import Market, Study
from quantml.study_file import load_study
from quantml.timing import Fill
from quantml.validation.problem import Problem


@dataclass(frozen=True, eq=False)
class Ground:
    """A run with the study that it is of, and the data that it was made from.

    Attributes
    ----------
    run : Run
    study : Study
        With its settings.
    market : Market
    weights : DataFrame
        What was decided, time x symbol, from the first out-of-sample decision to the account's last bar; NaN where
        nothing was.
    """

    run: Run
    study: Study
    market: Market
    weights: pd.DataFrame

    @classmethod
    def of(cls, run: Run | str | Path) -> Ground:
        """Read a run's study and data.

        Parameters
        ----------
        run : Run or path
            A path is that of its folder.

        Raises
        ------
        InputError
            If it is no run, only forecasts, is of a combinatorial study, or cannot be read; if its study or its data
            are not there, or not what they were.
        """
        check(isinstance(run, (Run, str, Path)), "run", "be a Run, or the path of a run's folder", run)
        found = run if isinstance(run, Run) else load_run(run)
        if not len(found.equity):
            hint = "Give its study a signal, and run it again."
            raise ParameterError(f"the run {_name(found)}", must="have traded", got="forecasts only", hint=hint)
        if "paths" in found.manifest:
            hint = "Validate its study with WalkForward, and run it again."
            raise ParameterError(f"the run {_name(found)}", must="be a walk-forward, whose decisions make one account",
                                 got="a combinatorial study", hint=hint)  # fmt: skip
        study = _study_of(found)
        market = study.load(opened=(found.manifest.get("lockbox") or {}).get("opened", False))
        _check_data(found, market)
        traded = _until(market, pd.Timestamp(found.equity["time"].iloc[-1]))
        return cls(found, study, market, _decisions(found, traded))

    @cached_property
    def bars(self) -> Bars:
        """What was traded on."""
        return _until(self.market, self.weights.index[-1])

    @property
    def fill(self) -> Fill:
        """When decisions were executed."""
        return Fill(self.run.manifest["fill"])

    @cached_property
    def simulator(self) -> Simulator:
        """How the account was kept."""
        return self.study.simulator or Simulator()

    @property
    def problem(self) -> Problem:
        """The study with its bars, as its folds saw them."""
        return Problem.of(self.study, self.market.bars, self.market.feature_bars)


def _until(market: Market, last: pd.Timestamp) -> Bars:
    return market.bars if last == market.bars.clock[-1] else market.bars.until(last)


def _name(run: Run) -> str:
    return f"{run.name}/{run.id}"


def _study_of(run: Run) -> Study:
    """Return the study of a run: itself where it was just finished, read from the run's own source otherwise."""
    study = run.study if run.study is not None else _read_study(run)
    if study.hash != run.manifest["identity"]["study"]:
        hint = "The packages that it uses may have changed: run the study again."
        raise StorageError(f"the source of {_name(run)}", must="declare the study that was run", hint=hint)
    return study


def _read_study(run: Run) -> Study:
    path = (run.folder or Path()) / "source" / f"{run.name}.py"
    if not path.is_file():
        hint = "Run a study file, or give the Run that `quantml.run` returned."
        raise StorageError(f"the run {_name(run)}", must="hold the source of its study", got=f"no {path}", hint=hint)
    if read_bundle(path).digest != run.manifest["identity"]["user_source"]:
        hint = "A file is missing or was edited: run the study again."
        raise StorageError(f"{path.parent}", must="hold the source that was run", hint=hint)
    return load_study(path).override(run.manifest["settings"])


def _check_data(run: Run, market: Market) -> None:
    known = run.manifest["identity"]
    for name, bars in (("data", market.bars), ("feature_data", market.feature_bars)):
        if bars.fingerprint != known.get(name, bars.fingerprint):
            got = f"{len(bars):,} bars to {bars.clock[-1]:%Y-%m-%d}, fingerprint {bars.fingerprint[:12]}"
            hint = "They have changed since: run the study again."
            must = f"be the data that the run was made from, fingerprint {known[name][:12]}"
            raise DataError(f"the data of {_name(run)}", must=must, got=got, hint=hint)


def _decisions(run: Run, bars: Bars) -> pd.DataFrame:
    """Lay the run's weights on the clock, from its first out-of-sample decision on."""
    first = int(bars.clock.searchsorted(pd.Timestamp(run.manifest["first_decision"])))
    values = np.full((len(bars) - first, len(bars.symbols)), np.nan)
    rows = bars.clock.get_indexer(pd.DatetimeIndex(run.weights["time"])) - first
    columns = pd.Index(bars.symbols, dtype="object").get_indexer(run.weights["symbol"].astype("object"))
    if (rows < 0).any() or (columns < 0).any():
        raise StorageError(f"the weights of {_name(run)}", must="be on the clock and symbols of its data")
    values[rows, columns] = run.weights["weight"].to_numpy()
    return frame(values, bars.clock[first:], bars.symbols)
