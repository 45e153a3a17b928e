"""How several features are laid side by side in one array: block by block of symbols, in threads.

A feature with a true attribute `by_symbol` computes each column of its frame from that symbol's bars alone. Those are
computed on some symbols at a time, so that what they need on the way stays in the processor's own memory and never
goes out to the machine's; the kernels and NumPy let other threads work meanwhile. Any other feature is computed on the
whole panel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
            filled |= _fill({position: evaluate(features[position], bars)}, values)
    except Exception:
        for feature in features:  # tells of the first that fails, on the whole panel
            evaluate(feature, bars)
        raise
    return values, filled


def _fill_blocks(
    features: Sequence[Any], positions: Sequence[int], bars: Bars, values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    def work(block: slice) -> NDArray[np.bool_]:
        part = _part(bars, block)
        columns = {position: np.asarray(features[position](part)) for position in positions}
        for position, column in columns.items():
            if np.isinf(column).any():
                raise FloatingPointError(position)
        return _fill(columns, values[:, block])

    blocks = [slice(first, first + TILE) for first in range(0, len(bars.symbols), TILE)] if positions else []
    filled = np.zeros((len(blocks) + 1, values.shape[2]), dtype=np.bool_)
    if len(blocks) == 1:
        filled[0] = work(blocks[0])
    elif blocks:
        with ThreadPoolExecutor(THREADS) as pool:
            filled[1:] = list(pool.map(work, blocks))
    return np.asarray(filled.any(axis=0))


def _fill(columns: Mapping[int, NDArray[np.float64]], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Put columns into their places in `values`; return which hold a value."""
    for first in range(0, len(values), ROWS):  # few at a time, so that a cache line is written once
        rows = slice(first, first + ROWS)
        for position, column in columns.items():
            values[rows, :, position] = column[rows]
    filled = np.zeros(values.shape[2], dtype=np.bool_)
    for position, column in columns.items():
        filled[position] = not np.isnan(column).all()
    return filled


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
