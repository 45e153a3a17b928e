"""Worlds resampled from real bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import DataError, check, check_whole
from quantml.loaders.seen import seen
from quantml.space import Declaration

__all__ = ["BlockBootstrap"]

PRICES: Final = ("open", "high", "low", "close")


class Source(Protocol):
    """Anything with a `load` that makes bars."""

    def load(self) -> Bars:
        """Return the bars."""


@dataclass(frozen=True)
class BlockBootstrap(Declaration):
    r"""Real bars cut into blocks of random length and put together again in random order.

    The stationary bootstrap of Politis and Romano (1994, Journal of the American Statistical Association 89): blocks
    start at a session drawn evenly and have geometric lengths with mean L = `mean_block`; past the last session they
    go on with the first. A session is drawn for all symbols at once, as adjusted prices relative to the close before
    it, with its volume. So every session of the new world is one that happened:

    * means, variances and correlations between symbols are those of the source,
    * volatility clusters, and an autocorrelation at lag k of the source, of returns, of their absolute values or of
      anything else that belongs to a session, is on average :math:`(1 - 1/L)^k` of what it was,
    * whatever lasts longer than a block, such as a trend of years or a fixed date of the year, is gone.

    The clock, the calendar and the first bar are the source's. Sessions on which a symbol has no bar are left out of
    the new world. There are no splits, dividends, outside tables or universe in it.

    Parameters
    ----------
    source : Bars or loader
        The real bars.
    mean_block : int
        Mean length of a block in sessions, at least 1; of 1, sessions are drawn independently.
    seed : int

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> from quantml.loaders import Sample
    >>> BlockBootstrap(Sample("indices", start="2010-01-01"), seed=1).load()
    Bars(2 symbols x 2264 bars, 2010-01-04 to 2018-12-31, open, high, low, close, volume)
    """

    source: Bars | Source
    mean_block: int = 21
    seed: int = 0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        loads = isinstance(self.source, Bars) or callable(getattr(self.source, "load", None))
        check(loads, "BlockBootstrap.source", "be Bars or a loader", self.source)
        for name, least in (("mean_block", 1), ("seed", 0)):
            check_whole(f"BlockBootstrap.{name}", getattr(self, name), least)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: what was resampled."""
        whence = "given bars" if isinstance(self.source, Bars) else repr(self.source)
        return (
            f"Sessions of {whence} in random order, in blocks of {self.mean_block} sessions on average.",
            "Sessions on which a symbol has no bar are left out.",
        )

    @seen
    def load(self) -> Bars:
        """Resample the bars.

        Returns
        -------
        Bars
            On the clock of those sessions of the source on which every symbol has a bar.

        Raises
        ------
        DataError
            If there are fewer than two such sessions, or fewer than twice `mean_block`.
        """
        bars = self.source if isinstance(self.source, Bars) else self.source.load()
        rows = np.flatnonzero(bars.traded.all(axis=1))
        least = max(2, 2 * self.mean_block) + 1
        if len(rows) < least:
            hint = "Leave out symbols that start late or end early, or draw shorter blocks."
            raise DataError("the source of BlockBootstrap", must=f"have {least} sessions with a bar of every symbol",
                            got=len(rows), hint=hint)  # fmt: skip
        drawn = _stationary(len(rows) - 1, self.mean_block, np.random.default_rng(self.seed))
        return _rebuilt(bars, rows, drawn)


def _stationary(count: int, mean_block: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` positions from 0 to ``count - 1`` in blocks that run on, around the end."""
    begins = generator.random(count) < 1.0 / mean_block
    begins[0] = True
    block = np.cumsum(begins) - 1
    starts = generator.integers(count, size=int(block[-1]) + 1)
    into = np.arange(count) - np.flatnonzero(begins)[block]
    return np.asarray((starts[block] + into) % count, dtype=np.int64)


def _rebuilt(bars: Bars, rows: NDArray[np.int64], drawn: NDArray[np.int64]) -> Bars:
    """Chain the drawn sessions' moves from the first bar on."""
    held = {name: bars.array(name)[rows] for name in (*PRICES, "volume") if bars.has(name)}
    before = held["close"][:-1]
    growth = (held["close"][1:] / before)[drawn]
    base = held["close"][0] * np.vstack([np.ones(growth.shape[1]), np.cumprod(growth, axis=0)])[:-1]
    new = {name: base * (held[name][1:] / before)[drawn] for name in held if name != "volume"}
    new |= {"volume": held["volume"][1:][drawn]} if "volume" in held else {}
    clock, columns = bars.clock[rows], list(bars.symbols)
    fields = {name: pd.DataFrame(np.vstack([held[name][:1], new[name]]), index=clock, columns=columns) for name in held}
    return Bars.from_frame(
        pd.concat(fields, axis=1),
        calendar=bars.calendar,
        periods_per_year=bars.periods_per_year,
        currencies=bars.currencies or None,
    )
