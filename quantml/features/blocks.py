"""How several features are laid side by side in one array: block by block of symbols, in threads.

A feature with a true attribute `by_symbol` computes each column of its frame from that symbol's bars alone. Those are
computed on some symbols at a time, so that what they need on the way stays in the processor's own memory and never
goes out to the machine's; the kernels and NumPy let other threads work meanwhile. Any other feature is computed on the
whole panel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.tiles import TILE

THREADS: Final = 2
"""Each holds the columns of one block: few threads keep what is held beside the result small."""

ROWS: Final = 128
GROUP: Final = 8
"""Features laid out together: eight float64 fill a line of the processor's cache."""

Evaluate = Callable[[Any, Bars], NDArray[np.float64]]


def lay_out(features: Sequence[Any], bars: Bars, evaluate: Evaluate) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compute features and lay them side by side.

    Parameters
    ----------
    features : sequence of features
    bars : Bars
    evaluate : callable
        Computes one feature on bars, shape (T, N), and checks what it returned.

    Returns
    -------
    values : ndarray of float64, shape (T, N, F)
    filled : ndarray of bool, shape (F,)
        Whether a feature has a value anywhere.
    """
    values = np.empty((len(bars), len(bars.symbols), len(features)))
    single = [position for position, feature in enumerate(features) if getattr(feature, "by_symbol", False)]
    rest = [position for position in range(len(features)) if position not in single]
    try:
        filled = _fill_blocks(features, single, bars, values)
        for position in rest:
            column = evaluate(features[position], bars)
            filled[position] = not np.isnan(column).all()
            values[:, :, position] = column
    except Exception:
        for feature in features:  # tells of the first that fails, on the whole panel
            evaluate(feature, bars)
        raise
    return values, filled


def _fill_blocks(
    features: Sequence[Any], positions: Sequence[int], bars: Bars, values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Compute the features at `positions`, each thread its share of the blocks; return which have a value anywhere."""
    blocks = [slice(first, first + TILE) for first in range(0, len(bars.symbols), TILE)] if positions else []

    def work(share: Sequence[slice]) -> NDArray[np.bool_]:
        columns = np.empty((GROUP, len(bars), min(TILE, len(bars.symbols))))  # for all in turn: fresh memory is slow
        filled = np.zeros(values.shape[2], dtype=np.bool_)
        for block in share:
            part = _part(bars, block)
            for group in (positions[first : first + GROUP] for first in range(0, len(positions), GROUP)):
                held = columns[: len(group), :, : len(part.symbols)]
                for column, position in zip(held, group, strict=True):
                    column[:] = features[position](part)
                    filled[position] |= _has_value(column)
                _fill(held, group, values[:, block])
        return filled

    if len(blocks) < 2:
        return work(blocks)
    with ThreadPoolExecutor(THREADS) as pool:
        return np.asarray(np.any(list(pool.map(work, [blocks[first::THREADS] for first in range(THREADS)])), axis=0))


def _has_value(column: NDArray[np.float64]) -> bool:
    if np.isinf(column).any():
        raise FloatingPointError("a feature is infinite")
    return not (np.isnan(column[-1]).all() and np.isnan(column).all())


def _fill(columns: NDArray[np.float64], positions: Sequence[int], values: NDArray[np.float64]) -> None:
    """Put columns side by side, a few rows at a time, so that a line of the processor's cache is written once."""
    for first in range(0, len(values), ROWS):
        rows = slice(first, first + ROWS)
        for column, position in zip(columns, positions, strict=True):
            values[rows, :, position] = column[rows]


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
