"""Which decisions the ledger follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.errors import check, is_finite
from quantml.simulation.reading import Decisions
from quantml.space import Declaration
from quantml.timing import Span, block_number


@dataclass(frozen=True)
class Rebalancing(Declaration):
    """Follow only some decisions: those of a schedule, and those that are far enough from what is held.

    The signal steps `quantml.signals.Rebalance` and `quantml.signals.NoTradeBand` do the like to weights, before the
    account is known, and later steps see the outcome. Here the account's own weights at the close of the decision are
    compared, after costs, fills and everything that the ledger did by itself.

    Parameters
    ----------
    every : int or str, optional
        Follow the first decision in each calendar block (``"1w"``, ``"1m"``, ``"1y"``) or run of so many rows of the
        clock; the others are none. Every decision is followed unless given.
    band : float
        Trade a symbol only where its weight at the close of the decision is further than this from the one that is
        decided, and then to that. A decision of exactly 0.0 is always followed.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    every: int | str | None = None
    band: float = 0.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        if self.every is not None:
            Span.parse(self.every, "Rebalancing.every")
        held = is_finite(self.band) and self.band >= 0.0
        check(held, "Rebalancing.band", "be a finite number of at least 0", self.band)

    def thin(self, decisions: Decisions, bars: Bars) -> Decisions:
        """Keep the decisions of the schedule; the first one of all is kept wherever it falls."""
        if self.every is None:
            return decisions
        block = block_number(bars.clock, Span.parse(self.every, "Rebalancing.every"))[decisions.first :]
        rows = np.flatnonzero(decisions.decides)
        kept = np.zeros_like(decisions.decides)
        kept[rows[np.diff(block[rows], prepend=block[0] - 1) != 0]] = True
        return decisions._replace(decides=read_only(kept))
