"""A run as the report reads it: the same whether it was just finished or read back from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from quantml import storage
from quantml.reports.goal import Goal
from quantml.simulation.costs import KINDS
from quantml.timing import Fill

if TYPE_CHECKING:
    from quantml.runs import Run


@dataclass(frozen=True, eq=False)
class Facts:
    """What several sections of the report use.

    Attributes
    ----------
    run : Run
    manifest : mapping
        Plain values, as in ``run.json``: times are text, and what is not a number is None.
    """

    run: Run
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, run: Run) -> Facts:
        """Read a run."""
        return cls(run, json.loads(storage.json_bytes(run.manifest)))

    @property
    def traded(self) -> bool:
        """Whether the study simulated trades; a study may only forecast."""
        return len(self.run.equity) > 0

    @property
    def study(self) -> Mapping[str, Any]:
        """The study's canonical form."""
        form: Mapping[str, Any] = self.manifest["study"]
        return form

    @property
    def data(self) -> Mapping[str, Any]:
        """What the manifest says of the data."""
        facts: Mapping[str, Any] = self.manifest["data"]
        return facts

    @property
    def universe(self) -> Mapping[str, Any]:
        """What the manifest says of the universe; no membership in runs from before there was one."""
        told: Mapping[str, Any] = self.data.get("universe", {"membership": False, "closings": []})
        return told

    @property
    def fill(self) -> Fill:
        """When decisions were executed."""
        return Fill(self.manifest["fill"])

    @property
    def periods_per_year(self) -> float:
        """Bars in a year."""
        return float(self.data["periods_per_year"])

    @cached_property
    def clock(self) -> pd.DatetimeIndex:
        """Every bar from the first out-of-sample decision on."""
        return pd.DatetimeIndex(self.run.equity["time"])

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Net returns of ``strategy`` and ``benchmark`` on each bar."""
        equity = self.run.equity
        columns = {"strategy": equity["returns"].to_numpy(), "benchmark": equity["benchmark_returns"].to_numpy()}
        return pd.DataFrame(columns, index=self.clock, dtype="float64")

    @cached_property
    def risk_free(self) -> pd.Series:
        """What cash earned on each bar; 0 where the study names no rate, and in runs from before there was one."""
        return pd.Series(self.run.equity.get("risk_free", 0.0), index=self.run.equity.index).set_axis(self.clock)

    @cached_property
    def interest(self) -> pd.Series:
        """What cash earned on each bar less what was paid on debt, in currency; financing is a cost beside it."""
        return pd.Series(self.run.equity["interest"].to_numpy(), index=self.clock)

    @cached_property
    def held(self) -> pd.Series:
        """1 on each bar that the strategy entered or left with a position, else 0."""
        exposed = pd.Series(self.run.equity["exposure"].to_numpy() > 0.0, index=self.clock)
        return (exposed | exposed.shift(fill_value=False)).astype("float64")

    @cached_property
    def growth(self) -> pd.DataFrame:
        """What 1 grew to, ``strategy`` and ``benchmark``."""
        return (1.0 + self.returns).cumprod()

    @cached_property
    def before(self) -> pd.Series:
        """Equity before each bar; 1 where nothing was left."""
        equity = self.run.equity["equity"]
        start = equity.iloc[:1] / (1.0 + self.run.equity["returns"].iloc[:1])
        previous = pd.concat([start, equity.iloc[:-1]]).to_numpy(dtype="float64")
        return pd.Series(previous, index=self.clock).where(lambda value: value > 0.0, 1.0)

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Costs of each bar by kind, in currency."""
        return self.run.equity[[kind for kind in KINDS if kind in self.run.equity]].set_axis(self.clock)

    @property
    def years(self) -> float:
        """Length of the out-of-sample record."""
        return len(self.run.equity) / self.periods_per_year

    @cached_property
    def goal(self) -> Goal:
        """What tuning looked for the best of."""
        return Goal.of(self.study)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The objective of each fold, ``in_sample``, ``validation`` and ``out_of_sample``, in its own unit and sign."""
        kept = self.run.folds[["in_sample", "validation", "out_of_sample"]].astype("float64")
        return -kept if self.goal.lower_is_better else kept
