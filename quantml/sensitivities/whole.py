"""`sensitivity`: what a finished run would have come to under other conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import pandas as pd

from quantml.errors import StorageError, check
from quantml.runs import Run
from quantml.sensitivities.axes import Axes
from quantml.sensitivities.cells import Cell, Outcome
from quantml.sensitivities.ground import Ground
from quantml.sensitivities.keeping import Keeper
from quantml.sensitivities.readings import BreakEven, Capacity, Failure, break_even, capacity, failures
from quantml.sensitivities.sentences import sentence_of
from quantml.sensitivities.surfaces import Plan, Surface, plan

SAME: Final = 1e-9
"""How far the account may be from the one that was saved."""
USUAL: Final = Axes()


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What a run would have come to under other conditions, its decisions being what they were.

    Attributes
    ----------
    study, run : str
        Name of the study, and ``STUDY/RUN``.
    declared : Cell
        The conditions of the run itself.
    surfaces : tuple of Surface
        What was tried.
    outcomes : mapping of Cell to Outcome
    absent : mapping of str to str
        Axes that say nothing of this run, and why.
    refused : mapping of float to str
        Thresholds that are left out, since what they decide cannot be traded, and why.
    break_even : BreakEven
    capacity : Capacity or None
        None where capital is absent.
    failures : tuple of Failure
        What fails after the fewest steps first; none where the run's own net Sharpe ratio is not positive.
    """

    study: str
    run: str
    declared: Cell
    surfaces: tuple[Surface, ...]
    outcomes: Mapping[Cell, Outcome]
    absent: Mapping[str, str]
    refused: Mapping[float, str]
    break_even: BreakEven
    capacity: Capacity | None
    failures: tuple[Failure, ...]

    @property
    def own(self) -> Outcome:
        """What the run itself came to."""
        return self.outcomes[self.declared]

    @property
    def sentence(self) -> str:
        """What fails first, in one sentence."""
        return sentence_of(self.own.sharpe_ratio, self.failures)

    @property
    def cells(self) -> pd.DataFrame:
        """Every cell of every surface, one row each, the declared one marked.

        Columns are ``surface``; the conditions, those of `Cell`; ``sharpe_ratio`` (beyond cash), ``annual_return``
        (geometric), ``turnover`` (notional of orders over equity, per year), ``cost_drag`` (costs over equity, per
        year); ``filled``, the notional of orders that were filled as a share of what is filled without a limit on
        participation; ``ruined``; and ``declared``. Where a participation or a threshold is None or NaN there is no
        limit, or folds chose different ones.
        """
        return pd.DataFrame([row for surface in self.surfaces for row in self._rows(surface)])

    @property
    def tried(self) -> set[Cell]:
        """Every cell, once."""
        return {cell for surface in self.surfaces for cell in surface.cells}

    def surface(self, name: str) -> Surface | None:
        """Return a surface by its name: costs, capacity, borrow or trading; None where it is absent."""
        return next((surface for surface in self.surfaces if surface.name == name), None)

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON.

        What is infinite, since it was never reached, is the text ``"Infinity"``; NaN, where there is nothing to say, is
        written as null.
        """
        curve = None
        if self.capacity is not None:
            rows = [
                {"capital": value, "annual_profit": profit(value, one), **shown(one)}
                for value, one in self.capacity.curve
            ]
            curve = {**_plain(self.capacity), "curve": rows}
        return {
            "run": self.run,
            "sentence": self.sentence,
            "declared": asdict(self.declared) | shown(self.own),
            "break_even": _plain(self.break_even),
            "capacity": curve,
            "failures": [asdict(failure) for failure in self.failures],
            "absent": dict(self.absent),
            "refused": [{"threshold": value, "reason": reason} for value, reason in self.refused.items()],
            "cells": self.cells.astype(object).where(self.cells.notna(), None).to_dict("records"),
        }

    def _rows(self, surface: Surface) -> list[dict[str, Any]]:
        rows = []
        for cell in surface.cells:
            outcome, free = self.outcomes[cell], self.outcomes.get(cell.at("participation", None))
            filled = 1.0 if cell.participation is None else float("nan")
            if cell.participation is not None and free is not None and free.turnover > 0.0:
                filled = outcome.turnover / free.turnover
            rows.append({"surface": surface.name, **asdict(cell), **shown(outcome), "filled": filled,
                         "ruined": outcome.ruined, "declared": cell == self.declared})  # fmt: skip
        return rows


def shown(outcome: Outcome) -> dict[str, float]:
    """Return what a reader is shown of an outcome."""
    return {name: getattr(outcome, name) for name in ("sharpe_ratio", "annual_return", "turnover", "cost_drag")}


def profit(capital: float, outcome: Outcome) -> float:
    """Return what a year earns at the beginning, in currency: capital times the annual return."""
    return capital * outcome.annual_return


def _plain(part: Any) -> dict[str, Any]:
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {name: "Infinity" if value == math.inf else value for name, value in values.items()}


def sensitivity(run: Run | str | Path, *, axes: Axes = USUAL, threads: int | None = None) -> Sensitivity:
    """Keep a finished run's account again under other conditions, on the decisions that it saved.

    Nothing is fitted or forecast anew: every cell is one simulation of the weights that were decided, from the first
    out-of-sample decision to the last bar, as `quantml.simulate` makes it. Where a step of the signal has a threshold,
    the signal decides again on the forecasts that were saved.

    Parameters
    ----------
    run : Run or path
        As `quantml.run` returned it, or the folder of a saved one.
    axes : Axes
        What is tried; up to about 200 cells unless given.
    threads : int, optional
        Unless given, as many as there are processors for a large panel, and one for a small one. They change nothing
        but the time.

    Returns
    -------
    Sensitivity

    Raises
    ------
    InputError
        If `run` or `axes` are something else; if the run only forecasts, or cannot be read; if its study or data are
        not there, or not what they were; if the Sharpe ratio or the annual return of its account does not come out as
        it was saved, to 1e-9.
    """
    check(isinstance(axes, Axes), "axes", "be a quantml.sensitivities.Axes", axes)
    ground = Ground.of(run)
    laid = plan(ground, axes)
    keeper = Keeper(ground, laid.declared, laid.rethinking, threads)
    _check_same(ground, keeper.outcome(laid.declared))
    keeper.keep_all(cell for surface in laid.surfaces for cell in _needed(surface))
    return _read(ground, laid, keeper)


def _read(ground: Ground, laid: Plan, keeper: Keeper) -> Sensitivity:
    by_name = {surface.name: surface for surface in laid.surfaces}
    sized = by_name.get("capacity")
    return Sensitivity(
        study=ground.run.name,
        run=f"{ground.run.name}/{ground.run.id}",
        declared=laid.declared,
        surfaces=laid.surfaces,
        break_even=break_even(keeper, by_name["costs"]),
        capacity=None if sized is None else capacity(keeper, sized, laid.declared),
        failures=failures(keeper, laid) if keeper.outcome(laid.declared).sharpe_ratio > 0.0 else (),
        absent=laid.absent,
        refused=laid.refused,
        outcomes=keeper.outcomes,
    )


def _needed(surface: Surface) -> list[Cell]:
    """Return a surface's cells, and those without a limit on participation that they are compared with."""
    cells = surface.cells
    return [*cells, *(cell.at("participation", None) for cell in cells if "participation" in surface.axes)]


def _check_same(ground: Ground, own: Outcome) -> None:
    """Raise unless the account comes out as the run saved it."""
    if own.traded == 0.0:
        return
    for name in ("sharpe_ratio", "annual_return"):
        saved, kept = ground.run.metrics.get(name), getattr(own, name)
        if saved is not None and not abs(kept - saved) <= SAME:
            made = ground.run.manifest["identity"]["versions"]["quantml"]
            raise StorageError(
                f"the account of {ground.run.name}/{ground.run.id}",
                must="come out as it was saved",
                got=f"{name} {kept!r} for {saved!r}",
                hint=f"It was made by quantml {made}, or by other code of it: run the study again.",
            )
