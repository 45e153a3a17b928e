"""How several features are laid side by side in one array: block by block of symbols, in threads.

A feature with a true attribute `by_symbol` computes each column of its frame from that symbol's bars alone. Those are
computed on some symbols at a time, so that what they need on the way stays in the processor's own memory and never
goes out to the machine's; the kernels and NumPy let other threads work meanwhile. Any other feature is computed on the
whole panel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.shared import sharing
from quantml.features.tiles import TILE
from quantml.kernels import F2, F3, I1, kernel

THREADS: Final = 2
"""Each holds the columns of one block: few threads keep what is held beside the result small."""

ABREAST: Final = 4
GROUP: Final = 5 * ABREAST
"""Features laid out together: the more, the fewer times a line of the array is fetched from memory."""

Evaluate = Callable[[Any, Bars], NDArray[np.float64]]


class Kept(NamedTuple):
    """An array made before, shape (T, N, any), and the place in it of each feature that it holds, by its new place."""

    values: NDArray[np.float64]
    places: Mapping[int, int]


def lay_out(
    features: Sequence[Any], bars: Bars, evaluate: Evaluate, kept: Kept | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compute features and lay them side by side.

    Parameters
    ----------
    features : sequence of features
    bars : Bars
    evaluate : callable
        Computes one feature on bars, shape (T, N), and checks what it returned.
    kept : Kept, optional
        What need not be computed.

    Returns
    -------
    values : ndarray of float64, shape (T, N, F)
    filled : ndarray of bool, shape (F,)
        Whether a feature has a value anywhere.
    """
    values = np.empty((len(bars), len(bars.symbols), len(features)))
    filled = np.zeros(len(features), dtype=np.bool_)
    if kept is not None:
        _copy(kept, values, filled)
    missing = [place for place in range(len(features)) if kept is None or place not in kept.places]
    single = [place for place in missing if getattr(features[place], "by_symbol", False)]
    try:
        _fill_blocks(features, single, bars, values, filled, evaluate)
        for place in sorted(set(missing).difference(single)):
            _lay([evaluate(features[place], bars)], [place], values, 0, filled)
    except Exception:
        for place in missing:  # tells of the first that fails, on the whole panel
            evaluate(features[place], bars)
        raise
    return values, filled


def _copy(kept: Kept, values: NDArray[np.float64], filled: NDArray[np.bool_]) -> None:
    """Copy what is kept to its new places, each thread some rows; what was built before has a value somewhere."""
    filled[list(kept.places)] = True
    to, from_ = np.array([*kept.places.items()], dtype=np.int64).reshape(-1, 2).T.copy()
    edges = [len(values) * number // THREADS for number in range(THREADS + 1)]
    with ThreadPoolExecutor(THREADS) as pool:
        rows = [slice(*pair) for pair in itertools.pairwise(edges)]
        list(pool.map(lambda part: _move(kept.values[part], from_, values[part], to), rows))


@kernel(types.void(F3, I1, types.float64[:, :, ::1], I1))
def _move(old: NDArray[np.float64], from_: NDArray[np.int64], new: NDArray[np.float64], to: NDArray[np.int64]) -> None:
    for row in range(old.shape[0]):
        for symbol in range(old.shape[1]):
            here, there = old[row, symbol], new[row, symbol]
            for k in range(len(to)):
                there[to[k]] = here[from_[k]]


def _fill_blocks(
    features: Sequence[Any],
    places: Sequence[int],
    bars: Bars,
    values: NDArray[np.float64],
    filled: NDArray[np.bool_],
    evaluate: Evaluate,
) -> None:
    """Compute the features at `places`, block by block."""
    if not places:
        return

    def work(block: slice) -> NDArray[np.bool_]:
        part, found = _part(bars, block), np.zeros_like(filled)
        with sharing():
            for group in (places[first : first + GROUP] for first in range(0, len(places), GROUP)):
                _lay([_column(features[place], part, evaluate) for place in group], group, values, block.start, found)
        return found

    blocks = _blocks(len(bars.symbols))
    if len(blocks) == 1:
        filled |= work(blocks[0])
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(work, blocks):
            filled |= found


def _blocks(symbols: int) -> list[slice]:
    """Cut the symbols into blocks of at most `TILE`, as many for each thread."""
    if symbols <= TILE:
        return [slice(0, symbols)]
    count = -(-symbols // (TILE * THREADS)) * THREADS
    edges = [symbols * number // count for number in range(count + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def _column(feature: Any, part: Bars, evaluate: Evaluate) -> NDArray[np.float64]:
    """Compute a feature on a block; what is no plain frame of floats goes through all checks."""
    frame = feature(part)
    alike = isinstance(frame, pd.DataFrame) and frame.index.equals(part.clock) and tuple(frame.columns) == part.symbols
    values = frame.to_numpy() if alike else None
    return values if values is not None and values.dtype == np.float64 else evaluate(feature, part)


def _lay(
    columns: list[NDArray[np.float64]],
    places: Sequence[int],
    values: NDArray[np.float64],
    first: int,
    filled: NDArray[np.bool_],
) -> None:
    """Put the columns of a group side by side; `first` is the block's first symbol."""
    spare = GROUP - len(columns)
    full = tuple(np.ascontiguousarray(column) for column in [*columns, *[columns[-1]] * spare])
    to = np.array([*places, *[places[-1]] * spare], dtype=np.int64)
    last = -(-len(columns) // ABREAST) * ABREAST
    if _interleave(full, to[:last], first, values, filled):
        raise FloatingPointError("a feature is infinite")


@kernel(types.boolean(types.UniTuple(F2, GROUP), I1, types.int64, types.float64[:, :, ::1], types.boolean[::1]))
def _interleave(
    columns: tuple[NDArray[np.float64], ...],
    places: NDArray[np.int64],
    first: int,
    values: NDArray[np.float64],
    filled: NDArray[np.bool_],
) -> bool:
    """Write columns to their places, four abreast, and mark those with a value; return whether one is infinite.

    Row by row the processor keeps all that it writes until the last column is in place.
    """
    rows, width = columns[0].shape
    size, infinite = np.uint64(values.shape[2]), np.int64(0)
    for row in range(rows):
        record = values[row, first : first + width].ravel()
        for k in range(0, len(places), ABREAST):
            a, b, c, d = columns[k][row], columns[k + 1][row], columns[k + 2][row], columns[k + 3][row]
            p, q = np.uint64(places[k]), np.uint64(places[k + 1])
            r, s = np.uint64(places[k + 2]), np.uint64(places[k + 3])
            for n in range(width):
                record[p], record[q], record[r], record[s] = a[n], b[n], c[n], d[n]
                p, q, r, s = p + size, q + size, r + size, s + size
        for k in range(len(places)):
            column, known = columns[k][row], np.int64(0)
            for n in range(width):
                known += np.int64(column[n] == column[n])
                infinite += np.int64(abs(column[n]) == np.inf)
            filled[places[k]] |= known > 0
    return bool(infinite > 0)


def _part(bars: Bars, block: slice) -> Bars:
    if len(bars.symbols) <= TILE:
        return bars
    return replace(
        bars,
        symbols=bars.symbols[block],
        quoted={name: panel[:, block] for name, panel in bars.quoted.items()},
        split=bars.split[:, block],
        dividend=bars.dividend[:, block],
        closed=bars.closed[:, block],
        own_periods_per_year=bars.own_periods_per_year[block],
    )
