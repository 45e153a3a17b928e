"""The moving average cross, whose averages are shared and whose accounts jump from one crossing to the next."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.arrays import frame, read_only
from quantml.bars import Bars
from quantml.errors import ParameterError, check_finite
from quantml.kernels import F1, F2, I1, kernel
from quantml.simulation.sweeps.accounts import TERMS, Terms, V, advance, decide, open_account
from quantml.simulation.sweeps.drivers import Prepared
from quantml.simulation.sweeps.grids import Grid, Values, read_grid
from quantml.simulation.sweeps.tapes import Feed, own, own_rows

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HALVES: Final = 134217729.0
"""2**27 + 1, which splits a number into two halves whose products with whole numbers are exact (Dekker 1971)."""
PIECES: Final = 8
"""Into how many pieces of work the averages are divided."""
TOGETHER: Final = 32
"""Bars that are compared in a few instructions."""


@dataclass(frozen=True)
class AverageCross:
    """Hold `long` while the fast moving average is above the slow one, and `short` while it is below.

    Parameters of its grid are ``fast`` and ``slow``, whole numbers of bars with ``1 <= fast < slow``. Averages are of
    adjusted closes over the symbol's own bars, and nothing is held until there are `slow` of them or where they are
    equal. The only decisions are the first bar, on which nothing is held, and those on which the wanted weight
    changes: between two of them what is held drifts.

    With ``long=1.0`` the costs of buying are borrowed. What spends all of the cash and no more is
    ``1 / (1 + costs.fill_bps / 1e4)``; the account then need not visit the bars on which it only holds, which is
    faster.

    Parameters
    ----------
    long, short : float
        Signed fractions of equity.

    Raises
    ------
    ParameterError
        If a weight is not a finite number.
    """

    long: float = 1.0
    short: float = 0.0

    def __post_init__(self) -> None:
        for name in ("long", "short"):
            object.__setattr__(self, name, check_finite(f"AverageCross.{name}", getattr(self, name)))

    @property
    def name(self) -> str:
        """What errors call the rule."""
        return "AverageCross"

    @property
    def parameters(self) -> Sequence[str]:
        """Parameters that a grid gives values to."""
        return ("fast", "slow")

    def read(self, grid: Values) -> Grid:
        """Read a grid of ``fast`` and ``slow``."""
        read = read_grid(grid, ("fast", "slow"))
        fast, slow = read.columns["fast"], read.columns["slow"]
        for name, column in read.columns.items():
            if column.dtype != np.int64 or column.min() < 1:
                got = column[column < 1][0] if column.dtype == np.int64 else column[0]
                raise ParameterError(f"grid[{name!r}]", must="be whole numbers of at least 1", got=got.item())
        wrong = np.flatnonzero(fast >= slow)
        if wrong.size:
            hint = "Give the combinations that make sense as a DataFrame, one row each."
            text = f"{len(wrong)} of {len(read)} combinations, such as {read.text(int(wrong[0]))}"
            raise ParameterError("grid", must="have fast below slow", got=text, hint=hint)
        return read

    def weights(self, bars: Bars, *, fast: int, slow: int) -> pd.DataFrame:
        """Return the weights of one combination, time x symbol, each symbol for an account of its own.

        ``simulate(rule.weights(bars, fast=5, slow=20)[["A"]], bars)`` is the account that a sweep sums up. The weight
        of what is no member of the bars' universe is 0.0.
        """
        self.read({"fast": [fast], "slow": [slow]})
        values = np.full((len(bars), len(bars.symbols)), np.nan)
        for column in range(len(bars.symbols)):
            rows = own_rows(bars, column)
            quick, calm = _averages(own(bars, column, rows, "close"), np.array([fast, slow]), map)
            wanted = np.where(quick > calm, self.long, np.where(quick < calm, self.short, 0.0))
            changed = np.diff(wanted, prepend=np.nan) != 0.0
            changed[0] = True
            values[rows[changed], column] = wanted[changed]
        values[~bars.members & ~np.isnan(values)] = 0.0
        return frame(values, bars.clock, bars.symbols)

    def prepare(self, feed: Feed, grid: Grid, pool: Executor) -> Prepared:
        """Compute every moving average once."""
        columns = [grid.columns[name] for name in ("fast", "slow")]
        lengths, places = np.unique(np.concatenate(columns), return_inverse=True)
        averages = _averages(feed.field("close"), lengths, pool.map)
        quick, calm = places.reshape(2, -1).astype(np.int64)
        cross = Crosses(
            read_only(averages), read_only(quick), read_only(calm), self.long, self.short,
            feed.rows, feed.tape, feed.blocks, feed.terms,
        )  # fmt: skip
        return Prepared(partial(_run, cross))


class Crosses(NamedTuple):
    """What the kernel of crosses reads.

    Attributes
    ----------
    averages : ndarray, shape (lengths, bars)
    quick, calm : ndarray of int64, shape (combinations,)
        Which averages each combination compares.
    long, short : float
    rows, tape, blocks, terms
        As in `Feed`.
    """

    averages: Floats
    quick: Whole
    calm: Whole
    long: float
    short: float
    rows: Whole
    tape: Floats
    blocks: Floats
    terms: Terms


_INT, _MATRIX = types.int64, types.float64[:, ::1]
_CROSSES: Any = types.BaseTuple.from_types((F2, I1, I1, types.float64, types.float64, I1, F2, F2, TERMS), Crosses)


@kernel(types.float64(types.float64, types.float64, types.float64, types.float64), counted=False)
def _wanted(quick: float, calm: float, long: float, short: float) -> float:
    """Return the weight at these averages."""
    return long if quick > calm else (short if quick < calm else 0.0)


@kernel(_INT(_INT, types.float64, types.float64, types.float64, F1, F1), counted=False)
def _changed(k: int, wanted: float, long: float, short: float, quick: Floats, calm: Floats) -> int:
    """Return the first bar from `k` on at which another weight is wanted, or how many bars there are."""
    while k + TOGETHER <= quick.size:
        ahead, behind, same = quick[k : k + TOGETHER], calm[k : k + TOGETHER], 0
        for i in range(TOGETHER):
            same += _wanted(ahead[i], behind[i], long, short) == wanted
        if same < TOGETHER:
            break
        k += TOGETHER
    while k < quick.size and _wanted(quick[k], calm[k], long, short) == wanted:
        k += 1
    return k


@kernel(types.void(F1, F1, _CROSSES, V, V), counted=False)
def _cross(quick: Floats, calm: Floats, crosses: Crosses, account: Floats, trace: Floats) -> None:
    """Keep the account of one combination."""
    rows, tape, blocks, terms = crosses.rows, crosses.tape, crosses.blocks, crosses.terms
    long, short, wanted, k = crosses.long, crosses.short, 0.0, 0
    open_account(rows[0], tape, terms, account, trace)
    while True:
        k = _changed(k, wanted, long, short, quick, calm)
        if k == rows.size:
            break
        wanted = _wanted(quick[k], calm[k], long, short)
        if not decide(rows[k], wanted, tape, blocks, terms, account, trace):
            return
    advance(tape.shape[0] - 1, tape, blocks, terms, account, trace)


@kernel(types.void(_INT, _INT, _CROSSES, _MATRIX, _MATRIX), counted=False)
def _cross_all(first: int, last: int, crosses: Crosses, accounts: Floats, traces: Floats) -> None:
    """Keep the accounts of the combinations from `first` to before `last`."""
    for place in range(first, last):
        quick, calm = crosses.averages[crosses.quick[place]], crosses.averages[crosses.calm[place]]
        _cross(quick, calm, crosses, accounts[place], traces[place - first])


def _run(crosses: Crosses, first: int, last: int, accounts: Floats, traces: Floats) -> None:
    _cross_all(first, last, crosses, accounts, traces)


# ---------------------------------------------------------------- averages


@kernel(types.void(F1, V, V), counted=False)
def _sums(values: Floats, high: Floats, low: Floats) -> None:
    """Add up: each sum is ``high + low``, exactly as long as what rounding takes off still fits into `low`."""
    for t in range(values.size):
        total = high[t] + values[t]
        apart = total - high[t]
        low[t + 1] = low[t] + ((high[t] - (total - apart)) + (values[t] - apart))
        high[t + 1] = total


@kernel(types.void(F1, F1, F1, _INT, V), counted=False)
def _average(values: Floats, high: Floats, low: Floats, length: int, result: Floats) -> None:
    """Average the last `length` values' distances from the latest one, without what subtracting sums would lose.

    Distances are exactly 0.0 where values stand still, so that averages of any two lengths are equal there.
    """
    early = min(length - 1, values.size)
    result[:early] = np.nan
    latest, after, below, settled = values[early:], high[early + 1 :], low[early + 1 :], result[early:]
    for k in range(latest.size):
        total = after[k] - high[k]
        apart = total - after[k]
        lost = (after[k] - (total - apart)) - (high[k] + apart) + (below[k] - low[k])
        scaled = HALVES * latest[k]
        head = scaled - (scaled - latest[k])
        settled[k] = (((total - length * head) - length * (latest[k] - head)) + lost) / length


@kernel(types.void(F1, F1, F1, I1, _MATRIX), counted=False)
def _average_all(values: Floats, high: Floats, low: Floats, lengths: Whole, results: Floats) -> None:
    """Average over each of `lengths`."""
    for place in range(lengths.size):
        _average(values, high, low, lengths[place], results[place])


def moving_averages(values: Floats, lengths: Whole) -> Floats:
    """Average over each of `lengths`, less the latest value; shape (lengths, bars), NaN until there are enough."""
    averages: Floats = _averages(values, lengths, map)
    return averages


def _averages(values: Floats, lengths: Whole, over: Any) -> Floats:
    """Average over each of `lengths`, less the latest value; shape (lengths, bars), NaN until there are enough."""
    high, low = np.zeros(values.size + 1), np.zeros(values.size + 1)
    _sums(values, high, low)
    results = np.empty((len(lengths), values.size))
    edges = np.unique(np.linspace(0, len(lengths), PIECES + 1).astype(np.int64))
    pieces = [slice(a, b) for a, b in pairwise(edges.tolist())]
    run = partial(_average_all, values, high, low)
    list(over(run, [lengths[piece] for piece in pieces], [results[piece] for piece in pieces]))
    return results
