"""Keeping the accounts of many cells at once: each is one simulation, whatever runs beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import cpu_count
from types import MappingProxyType
from typing import Final

import pandas as pd

from quantml.errors import check_whole
from quantml.sensitivities.cells import Cell, Outcome, delayed, keep, outcome_of
from quantml.sensitivities.ground import Ground
from quantml.sensitivities.thresholds import Rethinking
from quantml.simulation.costs import Costs
from quantml.simulation.reading import Decisions, read_decisions

LARGE: Final = 500_000
"""Rows times symbols from which on accounts are kept on several threads: a smaller one is mostly Python, at which
threads take turns."""


@dataclass(frozen=True, eq=False)
class Keeper:
    """Keeps accounts of one run, and remembers what came of them.

    Attributes
    ----------
    ground : Ground
    declared : Cell
        The run itself, whose decisions are those that were saved.
    rethinking : Rethinking or None
    threads : int or None
        Where None, as many as there are processors for a large panel, and one for a small one.
    """

    ground: Ground
    declared: Cell
    rethinking: Rethinking | None
    threads: int | None
    _weights: dict[tuple[float | None, int], Decisions] = field(default_factory=dict, repr=False)
    _outcomes: dict[Cell, Outcome] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.threads is not None:
            check_whole("threads", self.threads, least=1)

    @property
    def outcomes(self) -> Mapping[Cell, Outcome]:
        """What came of every cell so far."""
        return MappingProxyType(self._outcomes)

    def keep_all(self, cells: Iterable[Cell]) -> None:
        """Keep the account of every cell that has none yet."""
        wanted = [cell for cell in dict.fromkeys(cells) if cell not in self._outcomes]
        for cell in wanted:
            self.weights(cell)  # here, since steps need not be made for several threads
        threads = self.threads or (cpu_count() if self.ground.weights.size >= LARGE else 1)
        with ThreadPoolExecutor(threads) as pool:
            self._outcomes.update(zip(wanted, pool.map(self._keep, wanted), strict=True))

    def outcome(self, cell: Cell, costs: Costs | None = None) -> Outcome:
        """Return what came of a cell, or of one whose `costs` are given in place of its own."""
        if costs is not None:
            return self._keep(cell, costs)
        if cell not in self._outcomes:
            self._outcomes[cell] = self._keep(cell)
        return self._outcomes[cell]

    def weights(self, cell: Cell) -> Decisions:
        """Return what is decided in a cell."""
        key = (cell.threshold, cell.delay)
        if key not in self._weights:
            decided = delayed(self._decided(cell.threshold), cell.delay, self.ground)
            self._weights[key] = read_decisions(decided, self.ground.bars)
        return self._weights[key]

    def _decided(self, threshold: float | None) -> pd.DataFrame:
        if self.rethinking is None or threshold == self.declared.threshold:
            return self.ground.weights
        return self.rethinking.decide(threshold)

    def _keep(self, cell: Cell, costs: Costs | None = None) -> Outcome:
        simulation = keep(self.ground, self.weights(cell), cell, costs)
        return outcome_of(simulation, self.ground.bars.periods_per_year)
