"""Reading bars for a sweep: each symbol's own bars for the rule, and the tape for its account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import FIELDS, Bars
from quantml.simulation.costs import KINDS, Costs
from quantml.simulation.sweeps.accounts import (
    BLOCK,
    CLOSE,
    DIVIDEND,
    GAIN,
    MEMBER,
    ODD,
    PRICE,
    SESSION,
    SPLIT,
    SQUARE,
    WIDE,
    Terms,
)
from quantml.timing import Fill
from quantml.universe import DELIST_AFTER, find_exits

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Feed:
    """What a sweep reads of one symbol.

    Attributes
    ----------
    bars : Bars
    column : int
        The symbol's.
    rows : ndarray of int64, shape (own bars,)
        Rows of the clock on which it has a bar.
    tape : ndarray, shape (T + 1, 9)
    blocks : ndarray, shape (T // BLOCK + 1, 2)
        The tape's highest and lowest close of each `BLOCK` rows.
    terms : Terms
    """

    bars: Bars
    column: int
    rows: NDArray[np.int64]
    tape: Floats
    blocks: Floats
    terms: Terms

    def field(self, name: str) -> Floats:
        """Return an adjusted field over the symbol's own bars."""
        return own(self.bars, self.column, self.rows, name)


def own(bars: Bars, column: int, rows: NDArray[np.int64], name: str) -> Floats:
    """Return an adjusted field of one symbol over its own bars: read-only, shape (own bars,)."""
    values = bars.array(name)[:, column]
    return read_only(values if rows.size == len(values) else values[rows])


def own_rows(bars: Bars, column: int) -> NDArray[np.int64]:
    """Return the rows of the clock on which a symbol has a bar."""
    return read_only(np.flatnonzero(bars.traded[:, column]).astype(np.int64))


def is_field(name: str) -> bool:
    """Say whether a name is that of a field of bars."""
    return name in FIELDS


def read_feed(bars: Bars, column: int, *, costs: Costs, fill: Fill, initial_cash: float) -> Feed:
    """Read one symbol."""
    rates = dict(zip(KINDS, costs.rates(bars.periods_per_year).tolist(), strict=True))
    borrow, financing = rates.pop("borrow"), rates.pop("financing")
    exits = find_exits(bars)
    terms = Terms(
        cash=initial_cash,
        per_fill=sum(rates.values()),
        borrow=borrow,
        financing=financing,
        accrues=borrow > 0.0 or financing > 0.0,
        delist_after=DELIST_AFTER,
        same_bar=fill is Fill.PERIOD,
        due=int(exits.due[column]),
        payoff=float(exits.payoff[column]),
    )
    tape = _read_tape(bars, column, fill)
    blocks = np.column_stack([_blocks(tape[:, CLOSE], reduce) for reduce in (np.fmax, np.fmin)])
    return Feed(bars, column, own_rows(bars, column), read_only(tape), read_only(blocks), terms)


def _read_tape(bars: Bars, column: int, fill: Fill) -> Floats:
    close, traded = bars.raw_array("close")[:, column], bars.traded[:, column]
    split, dividend, member = bars.split[:, column], bars.dividend[:, column], bars.members[:, column]
    earned = _returns(close, traded)
    tape = np.zeros((len(bars) + 1, WIDE))
    tape[:-1, PRICE], tape[:-1, CLOSE] = bars.raw_array(fill.field)[:, column], close
    tape[:-1, SPLIT], tape[:-1, DIVIDEND], tape[:-1, MEMBER] = split, dividend, member
    if not traded[np.argmax(traded) :].all():  # sessions count only where there is no bar
        tape[:-1, SESSION] = bars.session_number[:, column]
    tape[1:, ODD] = np.cumsum(~(traded & member & (split == 1.0) & (dividend == 0.0)))
    tape[:-1, GAIN], tape[:-1, SQUARE] = np.cumsum(earned), np.cumsum(earned * earned)
    tape[-1, CLOSE] = np.nan
    return tape


def _returns(close: Floats, traded: NDArray[np.bool_]) -> Floats:
    """Return what the raw close of each bar earned since the bar before; 0 where there is no bar or none before."""
    earned = np.zeros(len(close))
    known = close if traded.all() else close[traded]
    earned[np.flatnonzero(traded)[1:]] = known[1:] / known[:-1] - 1.0
    return earned


def _blocks(close: Floats, reduce: np.ufunc) -> Floats:
    """Reduce the closes of each block; NaN, which bounds nothing, where there are none."""
    return np.asarray(reduce.reduceat(close, np.arange(0, len(close), BLOCK)), dtype=np.float64)
