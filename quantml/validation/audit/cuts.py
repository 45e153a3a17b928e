"""At which moments an audit cuts the panel: where leaks of different kinds show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.panel import previous_close
from quantml.validation.splits import Fold

BUSY: Final = 0.05
"""Share of rows that count as the most volatile, or the busiest."""


def choose_cuts(bars: Bars, first: int, count: int, draws: np.random.Generator) -> list[int]:
    """Choose positions after which the future is cut off, increasing.

    A leak of one row shows only where the cut falls between that row and the next. So the cuts are dealt, in turn, to
    the middle of weeks and months, the ends of months, the rows before large moves, and those of large volume, as many
    in the earlier as in the later part of the sample.

    Parameters
    ----------
    bars : Bars
    first : int
        The first out-of-sample decision.
    count : int
        Cuts wanted; there are no more of them than rows.
    draws : numpy.random.Generator

    Returns
    -------
    list of int
        From `first` to the last row but one.
    """
    rows = np.arange(first, len(bars) - 1, dtype=np.int64)
    if len(rows) <= count:
        return [int(row) for row in rows]
    kinds = _kinds(bars, rows)
    chosen: list[int] = []
    for number, stretch in enumerate(np.array_split(rows, count)):
        wanted = stretch[kinds[number % len(kinds)][stretch - first]]
        chosen.append(int(draws.choice(wanted if len(wanted) else stretch)))
    return chosen


def _kinds(bars: Bars, rows: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    clock = bars.clock
    here, there = clock[rows], clock[rows + 1]
    middle = np.asarray((_week(here) == _week(there)) & (here.month == there.month), dtype=np.bool_)
    ends = np.asarray(here.month != there.month, dtype=np.bool_)
    kinds = [middle, ends]
    if bars.has("close"):
        close = bars.array("close")
        with np.errstate(invalid="ignore", divide="ignore"):
            moves = np.abs(close / previous_close(close) - 1.0)
        kinds.append(_largest(moves, rows + 1))
    if bars.has("volume"):
        kinds.append(_largest(_relative(bars.array("volume")), rows))
    return kinds


def _week(clock: pd.DatetimeIndex) -> NDArray[np.int64]:
    calendar = clock.isocalendar()
    return np.asarray(calendar["year"].to_numpy(dtype=np.int64) * 100 + calendar["week"].to_numpy(dtype=np.int64))


def _relative(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    typical = np.array([np.median(part[part > 0]) if (part > 0).any() else np.nan for part in volume.T])
    return np.asarray(volume / typical, dtype=np.float64)


def _largest(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which rows hold the largest values of any symbol."""
    most = np.where(np.isfinite(values), values, 0.0).max(axis=1)[rows]
    return np.asarray(most >= np.quantile(most, 1.0 - BUSY), dtype=np.bool_)


def choose_folds(folds: Sequence[Fold], count: int, last: int, draws: np.random.Generator) -> list[tuple[int, int]]:
    """Choose folds to fit again, spread over the sample, and a cut inside the test block of each.

    Returns
    -------
    list of (int, int)
        Places in `folds`, and positions of cuts before the row `last`: not on a block's last row, if it has others.
    """
    usable = [place for place, fold in enumerate(folds) if fold.start < last]
    picked = np.unique(np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(np.int64))
    chosen = []
    for place in (usable[int(number)] for number in picked):
        fold = folds[place]
        inside = fold.test[:-1] if len(fold.test) > 1 else fold.test
        inside = inside[len(inside) // 4 :]  # some rows of the block lie before the cut
        chosen.append((place, min(int(draws.choice(inside)), last - 1)))
    return chosen
