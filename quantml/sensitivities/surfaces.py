"""Which cells are kept: a surface for each pair of conditions that belong together, and why one is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from quantml.errors import InputError, SimulationError
from quantml.sensitivities.axes import Axes, usual_bands, usual_capital, usual_thresholds
from quantml.sensitivities.cells import Cell, declared_cell, delayed, keep, scaled
from quantml.sensitivities.ground import Ground
from quantml.sensitivities.thresholds import NotTried, Rethinking


@dataclass(frozen=True)
class Surface:
    """Cells that differ along one axis or two.

    Attributes
    ----------
    name : str
    base : Cell
        The conditions that the others are changes of.
    axes : tuple of str
    values : tuple of tuples
        Along each axis, in rising order; no limit comes last, and what several folds chose amidst the thresholds.
    """

    name: str
    base: Cell
    axes: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def cell(self, *values: Any) -> Cell:
        """Return the cell at a value of each axis."""
        cell = self.base
        for axis, value in zip(self.axes, values, strict=True):
            cell = cell.at(axis, value)
        return cell

    @property
    def cells(self) -> list[Cell]:
        """Every cell, the last axis changing fastest."""
        return [self.cell(*values) for values in product(*self.values)]

    def along(self, axis: str) -> list[tuple[Any, Cell]]:
        """Return the values of one axis with their cells, the other as in `base`."""
        return [(value, self.base.at(axis, value)) for value in self.values[self.axes.index(axis)]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be kept.

    Attributes
    ----------
    declared : Cell
        The run itself.
    surfaces : tuple of Surface
    absent : mapping of str to str
        Axes that say nothing of this run, and why.
    refused : mapping of float to str
        Thresholds that are left out, since what they decide cannot be traded, and why.
    rethinking : Rethinking or None
        Decides with other thresholds.
    """

    declared: Cell
    surfaces: tuple[Surface, ...]
    absent: Mapping[str, str]
    refused: Mapping[float, str]
    rethinking: Rethinking | None


def plan(ground: Ground, axes: Axes) -> Plan:
    """Choose the cells of a run, and say what cannot be asked of it."""
    absent: dict[str, str] = {}
    rethinking, thresholds, refused = _thresholds(ground, axes, absent)
    chosen = [] if rethinking is None else rethinking.thresholds
    declared = declared_cell(ground, chosen[0] if len(chosen) == 1 else None)
    bands = axes.along("band", declared.band, usual_bands(ground.weights))
    trading: dict[str, tuple[Any, ...]] = {"band": bands}
    if rethinking is not None:
        trading["threshold"] = _laid(thresholds, chosen)
    surfaces = [
        Surface("costs", declared, ("costs", "delay"), (_multiples(ground, axes, absent), axes.along("delay", 0))),
        *_capacity(ground, axes, declared, absent),
        *_borrow(ground, axes, declared, absent),
        Surface("trading", declared, tuple(trading), tuple(trading.values())),
    ]
    return Plan(declared, tuple(surfaces), absent, refused, rethinking)


def _laid(thresholds: Sequence[float], chosen: Sequence[float]) -> tuple[float | None, ...]:
    """Put those that folds chose, where they are several, in the midst of the range that they span."""
    low, high = chosen[0], chosen[-1]
    if low == high:
        return tuple(sorted({*thresholds, low}))
    below = [value for value in sorted(thresholds) if value <= (low + high) / 2.0]
    return (*below, None, *sorted({*thresholds} - {*below}))


def _multiples(ground: Ground, axes: Axes, absent: dict[str, str]) -> tuple[float, ...]:
    if scaled(ground.study.costs, 0.0) == ground.study.costs:
        absent["costs"] = "The study declares no costs, and a multiple of nothing is nothing."
        return (1.0,)
    return axes.along("costs", 1.0)


def _capacity(ground: Ground, axes: Axes, declared: Cell, absent: dict[str, str]) -> list[Surface]:
    """Lay capital out against participation, with an impact that is assumed where none is declared."""
    capital, execution = (
        axes.along("capital", declared.capital, usual_capital(declared.capital)),
        ground.simulator.execution,
    )
    if ground.bars.has("volume"):
        base = declared if declared.impact else declared.at("impact", float(axes.impact))
        why = None if declared.impact else _refused(ground, ground.weights, base)
        if why is not None:
            reason = f"Impact cannot be assumed: {why}"
            absent |= {"participation": reason, "capital": reason}
            return []
        shares = axes.along("participation", declared.participation)
        return [Surface("capacity", base, ("capital", "participation"), (capital, shares))]
    absent["participation"] = "The bars have no volume, of which a share could be taken."
    by_size = execution.lot or execution.minimum_units or execution.minimum_notional
    if ground.study.costs.are_proportional and not by_size:
        absent["capital"] = "The bars have no volume, and every cost is in proportion: any capital earns the same."
        return []
    return [Surface("capacity", declared, ("capital",), (capital,))]


def _refused(ground: Ground, weights: pd.DataFrame, cell: Cell) -> str | None:
    """Say why decisions cannot be traded under some conditions; None where they can."""
    try:
        keep(ground, delayed(weights, 0, ground), cell)
    except SimulationError as error:
        return str(error)
    return None


def _borrow(ground: Ground, axes: Axes, declared: Cell, absent: dict[str, str]) -> list[Surface]:
    if not (ground.weights.to_numpy() < 0.0).any():
        absent["borrow_bps"] = "Nothing is sold short, so that nothing is borrowed."
        return []
    values = axes.along("borrow_bps", declared.borrow_bps)
    return [Surface("borrow", declared, ("borrow_bps",), (values,))]


def _thresholds(
    ground: Ground, axes: Axes, absent: dict[str, str]
) -> tuple[Rethinking | None, Sequence[float], Mapping[float, str]]:
    """Return what decides anew, the thresholds that it takes, and why it does not take others."""
    try:
        rethinking = Rethinking.of(ground)
    except (NotTried, InputError) as error:
        absent["threshold"] = str(error)
        return None, (), {}
    chosen, given = rethinking.thresholds, axes.threshold
    tried = usual_thresholds(rethinking.sizes(), chosen) if given is None else sorted({*given, *chosen})
    reasons = {value: _not_taken(ground, rethinking, value) for value in tried}
    refused = {value: reason for value, reason in reasons.items() if reason is not None}
    taken = [value for value in tried if value not in refused]
    if refused and taken in ([], chosen):
        absent["threshold"] = next(iter(refused.values()))
        return None, (), {}
    return rethinking, taken, refused


def _not_taken(ground: Ground, rethinking: Rethinking, threshold: float) -> str | None:
    """Say why nothing can be decided, or traded, with a threshold: weights may be larger than the account allows."""
    try:
        weights = rethinking.decide(threshold)
    except InputError as error:
        return str(error)
    return _refused(ground, weights, declared_cell(ground, threshold))
