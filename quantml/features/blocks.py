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

ABREAST: Final = 5
GROUP: Final = 4 * ABREAST
"""Features laid out together: the more, the fewer times a line of the array is fetched from memory."""

_COLUMNS: Final = types.UniTuple(F2, GROUP)
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
    """Compute the features at `places`, each thread some blocks of symbols one after the other."""
    if not places:
        return
    groups = [places[first : first + GROUP] for first in range(0, len(places), GROUP)]
    blocks = _blocks(len(bars.symbols))
    widest = max(block.stop - block.start for block in blocks)

    def work(mine: Sequence[slice]) -> NDArray[np.bool_]:
        found, room = np.zeros_like(filled), np.empty((min(GROUP, len(places)), len(bars) * widest))
        for block in mine:
            part = _part(bars, block)
            with sharing():
                for group in groups:
                    columns = _columns([features[place] for place in group], part, evaluate, room)
                    _lay(columns, group, values, block.start, found)
        return found

    if len(blocks) == 1:
        filled |= work(blocks)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(work, [blocks[thread::THREADS] for thread in range(THREADS)]):
            filled |= found


def _columns(
    features: Sequence[Any], part: Bars, evaluate: Evaluate, room: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Compute features on a block, and copy each into `room`, one in a row of it.

    What a feature made can then be made over by the next one while the processor still has it: to ask the system for
    fresh memory costs more than to copy.
    """
    shape = part.split.shape
    columns = [row[: shape[0] * shape[1]].reshape(shape) for row in room[: len(features)]]
    for column, feature in zip(columns, features, strict=True):
        column[:] = _column(feature, part, evaluate)
    return columns


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
    if _interleave(full, to[:last], first, len(columns) == values.shape[2], values, filled):
        raise FloatingPointError("a feature is infinite")


@kernel(types.boolean(_COLUMNS, I1, types.int64, types.boolean, types.float64[:, :, ::1], types.boolean[::1]))
def _interleave(
    columns: tuple[NDArray[np.float64], ...],
    places: NDArray[np.int64],
    first: int,
    whole: bool,
    values: NDArray[np.float64],
    filled: NDArray[np.bool_],
) -> bool:
    """Write columns to their places, five abreast, and mark those with a value; return whether one is infinite.

    Row by row the processor keeps all that it writes until the last column is in place. Where the columns are the
    `whole` of the array, zeros in the order of memory fetch it sooner than values that fall here and there.
    """
    rows, width = columns[0].shape
    size, infinite = np.uint64(values.shape[2]), np.int64(0)
    for row in range(rows):
        record = values[row, first : first + width].ravel()
        if whole:
            record[:] = 0.0
        for k in range(0, len(places), ABREAST):
            a, b, c, d = columns[k][row], columns[k + 1][row], columns[k + 2][row], columns[k + 3][row]
            e, p, q = columns[k + 4][row], np.uint64(places[k]), np.uint64(places[k + 1])
            r, s, t = np.uint64(places[k + 2]), np.uint64(places[k + 3]), np.uint64(places[k + 4])
            for n in range(width):
                record[p], record[q], record[r], record[s], record[t] = a[n], b[n], c[n], d[n], e[n]
                p, q, r, s, t = p + size, q + size, r + size, s + size, t + size
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
    panels = [bars.split, bars.dividend, *bars.quoted.values()]
    # one large piece of memory comes in large pages
    room = np.empty((len(panels), len(bars), block.stop - block.start))
    for copy, panel in zip(room, panels, strict=True):
        copy[:] = panel[:, block]
    split, dividend, *quoted = room
    return replace(
        bars,
        symbols=bars.symbols[block],
        quoted=dict(zip(bars.quoted, quoted, strict=True)),
        split=split,
        dividend=dividend,
        closed=bars.closed[:, block],
        own_periods_per_year=bars.own_periods_per_year[block],
    )
