"""How a kernel is run over a panel so that each symbol's window spans its own values only.

A panel has shape (T, N), in which NaN means that the symbol has no value there. A *tile kernel* works on neighbouring
columns at once, one row after the other, which is what processors do best: ``kernel(values, begin, first, width,
window, *parameters, panel)`` reads the `width` columns of `values` from `first` on, takes row `begin` for the first
value of each, and writes every row of `panel` from there. A *series kernel* works on the values of one symbol:
``kernel(values, window, *parameters, result)``.

Most symbols of a panel have a value on every row from the same row on, and tile kernels read and write those in place.
The values of the others are packed together first and their results laid back, so that a symbol's results are the
same to the last bit whatever symbols stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.kernels import F2, I1, kernel

TILE: Final = 128
"""Columns worked on at once: a kilobyte of each row, so that memory is read in long stretches."""

PANEL: Final = types.float64[:, ::1]
SERIES: Final = types.float64[::1]
ON_TILE: Final = (F2, types.int64, types.int64, types.int64, types.int64)
"""Types of the arguments that every tile kernel takes first."""
_COUNTS: Final = types.int64[::1]

Kernel = Callable[..., None]


def over_tiles(run: Kernel, values: NDArray[np.float64], window: int, *parameters: object) -> NDArray[np.float64]:
    """Run a tile kernel over each symbol's own values.

    Parameters
    ----------
    run : tile kernel
    values : ndarray of float64, shape (T, N)
    window : int
        Own values that a result needs.
    *parameters : object
        Handed to the kernel after `window`.

    Returns
    -------
    ndarray of float64, shape (T, N)
        Each result in the row of the newest value of its window, every other row NaN.
    """
    if window > len(values):
        return np.full(values.shape, np.nan)
    values, panel = np.ascontiguousarray(values), np.empty(values.shape)
    begin, even, last = _lanes(values)
    for first in range(0, values.shape[1], TILE):
        width = min(TILE, values.shape[1] - first)
        if even[first : first + width].any():
            run(values, begin, first, width, window, *parameters, panel)
    panel[:begin] = np.nan
    for column in np.flatnonzero(even & (last < len(values) - 1)):
        panel[last[column] + 1 :, column] = np.nan
    if not even.all():
        _run_packed(run, values, ~even, (window, *parameters), panel)
    return panel


def _run_packed(
    run: Kernel,
    values: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    parameters: tuple[object, ...],
    panel: NDArray[np.float64],
) -> None:
    """Run a tile kernel over the values of chosen symbols, packed together."""
    own, packed = _buffers(values, chosen)
    for columns in _packs(chosen):
        pack(values, columns, own)
        run(own, 0, 0, len(columns), *parameters, packed)
        unpack(packed, values, columns, panel)


def over_series(run: Kernel, values: NDArray[np.float64], window: int, *parameters: object) -> NDArray[np.float64]:
    """Run a series kernel over each symbol's own values; parameters and result are those of `over_tiles`."""
    values, panel = np.ascontiguousarray(values), np.full(values.shape, np.nan)
    if window > len(values):
        return panel
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    own, packed = _buffers(values, counts >= window)
    for columns in _packs(counts >= window):
        pack(values, columns, own)
        series, results = np.ascontiguousarray(own.T), np.empty(own.T.shape)
        for place, count in enumerate(counts[columns]):
            run(series[place, :count], window, *parameters, results[place, :count])
        packed[:] = results.T
        unpack(packed, values, columns, panel)
    return panel


def _buffers(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make room for a pack and its results, for all packs in turn: fresh memory costs more than the arithmetic."""
    shape = (len(values), min(TILE, int(np.count_nonzero(chosen))))
    return np.ones(shape), np.empty(shape)


def _packs(chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    columns = np.flatnonzero(chosen).astype(np.int64)
    for first in range(0, len(columns), TILE):
        yield columns[first : first + TILE]


def _lanes(values: NDArray[np.float64]) -> tuple[int, NDArray[np.bool_], NDArray[np.int64]]:
    """Find the row where most symbols begin, who has a value on every row from there to its last, and that last row."""
    begin, last, count = (np.zeros(values.shape[1], dtype=np.int64) for _ in range(3))
    survey(values, begin, last, count)
    usual = int(np.bincount(begin[count > 0]).argmax()) if count.any() else 0
    return usual, (begin == usual) & (count == last - begin + 1), last


@kernel(types.void(F2, _COUNTS, _COUNTS, _COUNTS))
def survey(
    values: NDArray[np.float64], begin: NDArray[np.int64], last: NDArray[np.int64], count: NDArray[np.int64]
) -> None:
    """Write the first and last row in which each symbol has a value, and how many it has."""
    rows, symbols = values.shape
    for row in range(rows):
        here = values[row]
        for symbol in range(symbols):
            held = here[symbol] == here[symbol]
            last[symbol] = row if held else last[symbol]
            count[symbol] += held
    for symbol in range(symbols):
        while begin[symbol] < rows - 1 and math.isnan(values[begin[symbol], symbol]):
            begin[symbol] += 1


@kernel(types.void(F2, I1, PANEL))
def pack(values: NDArray[np.float64], columns: NDArray[np.int64], own: NDArray[np.float64]) -> None:
    """Move the values of the symbols in `columns` to the top of the columns of `own`; the rest stays as it was."""
    counts = np.zeros(len(columns), dtype=np.int64)
    for row in range(values.shape[0]):
        for place in range(len(columns)):
            value = values[row, columns[place]]
            if not math.isnan(value):
                own[counts[place], place] = value
                counts[place] += 1


@kernel(types.void(F2, F2, I1, PANEL))
def unpack(
    own: NDArray[np.float64], values: NDArray[np.float64], columns: NDArray[np.int64], panel: NDArray[np.float64]
) -> None:
    """Lay packed results back into the rows in which their symbols have values, NaN into all others."""
    counts = np.zeros(len(columns), dtype=np.int64)
    for row in range(values.shape[0]):
        for place in range(len(columns)):
            if math.isnan(values[row, columns[place]]):
                panel[row, columns[place]] = np.nan
            else:
                panel[row, columns[place]] = own[counts[place], place]
                counts[place] += 1
