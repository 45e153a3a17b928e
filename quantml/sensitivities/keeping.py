"""Keeping the accounts of many cells at once: each is one plain simulation, whatever runs beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import cpu_count
from types import MappingProxyType

import pandas as pd

from quantml.errors import check_whole
from quantml.sensitivities.cells import Cell, Outcome, account_of, delayed, keep, outcome_of
from quantml.sensitivities.ground import Ground
from quantml.sensitivities.plain import Tape, is_plain, keep_plain, lay_tape
from quantml.sensitivities.thresholds import Rethinking
from quantml.simulation.costs import Costs
from quantml.simulation.simulator import FREE


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
        As many as there are processors where None.
    """

    ground: Ground
    declared: Cell
    rethinking: Rethinking | None
    threads: int | None
    _weights: dict[tuple[float | None, int], pd.DataFrame] = field(default_factory=dict, repr=False)
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
        with ThreadPoolExecutor(self.threads or cpu_count()) as pool:
            self._outcomes.update(zip(wanted, pool.map(self._keep, wanted), strict=True))

    def outcome(self, cell: Cell, costs: Costs | None = None) -> Outcome:
        """Return what came of a cell, or of one whose `costs` are given in place of its own."""
        if costs is not None:
            return self._keep(cell, costs)
        if cell not in self._outcomes:
            self._outcomes[cell] = self._keep(cell)
        return self._outcomes[cell]

    def weights(self, cell: Cell) -> pd.DataFrame:
        """Return what is decided in a cell."""
        key = (cell.threshold, cell.delay)
        if key not in self._weights:
            self._weights[key] = delayed(self._decided(cell.threshold), cell.delay, self.ground)
        return self._weights[key]

    def _decided(self, threshold: float | None) -> pd.DataFrame:
        if self.rethinking is None or threshold == self.declared.threshold:
            return self.ground.weights
        return self.rethinking.decide(threshold)

    @cached_property
    def _tape(self) -> Tape:
        ground = self.ground
        first = len(ground.bars) - len(ground.weights)
        return lay_tape(ground.bars, ground.fill, first, ground.study.cash)

    @cached_property
    def _declared_plain(self) -> bool:
        """Whether a cell is plain where its own participation and costs are."""
        ground = self.ground
        simulator = self.declared.at("participation", None).keeper(ground.simulator)
        return is_plain(simulator, FREE, ground.bars, ground.fill)

    def _keep(self, cell: Cell, costs: Costs | None = None) -> Outcome:
        """Keep an account, without a history where it is plain: both come to the same."""
        ground, tape = self.ground, self._tape
        terms = cell.terms(ground.study.costs) if costs is None else costs
        account = None
        if self._declared_plain and cell.participation is None and terms.are_proportional:
            rates = terms.rates(ground.bars.periods_per_year)
            account = keep_plain(self.weights(cell), tape, cell.keeper(ground.simulator), rates)
        if account is None:
            account = account_of(keep(ground, self.weights(cell), cell, costs))
        return outcome_of(account, tape.cash, cell.capital, ground.bars.periods_per_year)
