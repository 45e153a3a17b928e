"""Foresight: whether a rule's weights stand when the bars after them are others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.errors import SimulationError
from quantml.simulation.sweeps.drivers import decide_all
from quantml.simulation.sweeps.grids import Grid
from quantml.simulation.sweeps.rules import Rule
from quantml.simulation.sweeps.tapes import Feed, own

Floats = NDArray[np.float64]

COMBINATIONS: Final = 3
"""Combinations of a grid that are looked at."""
CUTS: Final = 6
"""Bars of each after which prices are changed."""
TURNS: Final = (1.0, 3.0)
"""By how much: moves of logarithms are turned round, and made so many times as large."""
_MIRRORED: Final = {"high": "low", "low": "high"}


@dataclass(frozen=True, eq=False)
class OtherFuture(Feed):
    """A feed whose prices turn round after one of the symbol's own bars, as does what is traded.

    Attributes
    ----------
    after : int
        Number of the last bar that stays.
    turn : float
        What later moves of log prices are multiplied by, and their sign changed.
    """

    after: int
    turn: float

    def field(self, name: str) -> Floats:
        """Return an adjusted field over the symbol's own bars."""
        values, later = super().field(name).copy(), slice(self.after + 1, None)
        if name == "volume":
            values[later] = 2.0 * values[later] + 1.0
            return values
        pivot, mirrored = super().field("close")[self.after], _MIRRORED.get(name, name)
        old = own(self.bars, self.column, self.rows, mirrored if self.bars.has(mirrored) else name)
        values[later] = pivot * (pivot / old[later]) ** self.turn
        return values


def check_foresight(rule: Rule, feed: Feed, grid: Grid) -> None:
    """Raise `SimulationError` where a weight of some combinations hangs on bars after the one that it is decided on."""
    chosen = grid.take(np.unique(np.linspace(0, len(grid) - 1, COMBINATIONS).astype(np.int64)))
    for place, decided in enumerate(decide_all(rule, feed, chosen)):
        one = chosen.take(np.array([place]))
        for number, after in enumerate(_cuts(decided)):
            other = OtherFuture(**vars(feed), after=after, turn=TURNS[number % len(TURNS)])
            _compare(rule, decided[: after + 1], other, one)


def _cuts(weights: Floats) -> Iterator[int]:
    """Choose bars but for the last: those on which something else is decided than before, and one in the middle."""
    known = np.flatnonzero(~np.isnan(weights[:-1]))
    turns = known[np.diff(weights[known], prepend=np.nan) != 0.0]
    evenly = np.linspace(0, max(len(turns) - 1, 0), CUTS - 1).astype(np.int64)
    middle = [len(weights) // 2] if len(weights) > 2 else []
    yield from np.unique([*(turns[evenly] if turns.size else []), *middle]).astype(int).tolist()


def _compare(rule: Rule, decided: Floats, other: OtherFuture, one: Grid) -> None:
    """Raise where weights are others in another future."""
    symbol, moments = other.bars.symbols[other.column], other.bars.clock[other.rows]
    where = ", ".join(filter(None, [symbol, one.text(0)]))
    subject = f"the weights of the rule {rule.name}"
    try:
        again = decide_all(rule, other, one)[0, : len(decided)]
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        must = f"be decided whatever comes after {moments[other.after]}"
        raise SimulationError(subject, must, got=got, where=where) from error
    moved = np.flatnonzero(~np.isclose(again, decided, rtol=1e-9, atol=1e-12, equal_nan=True))
    if moved.size:
        bar = int(moved[-1])
        got = f"{decided[bar]}, and {again[bar]} with other prices after {moments[other.after]}"
        raise SimulationError(subject, must="not hang on later bars", got=got, where=f"{where}; {moments[bar]}",
                              hint="Let the weight of bar t use bars 0 to t only.")  # fmt: skip
