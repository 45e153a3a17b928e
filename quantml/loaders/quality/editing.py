"""Taking bars and symbols out of a panel, and filling gaps; what a removed bar paid goes to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import closed_rows
from quantml.errors import DataError

__all__ = ["fill_forward", "keep_rows", "keep_symbols", "remove_bars"]


def remove_bars(bars: Bars, mask: NDArray[np.bool_]) -> Bars:
    """Return `bars` without those that `mask`, shape (T, N), marks; on the same clock.

    A split or dividend of a removed bar moves to the symbol's next one, so that later prices stay adjusted.

    Raises
    ------
    DataError
        If a symbol has no bar left.
    """
    kept = bars.traded & ~mask
    emptied = ~kept.any(axis=0)
    if emptied.any():
        symbol = bars.symbols[int(np.argmax(emptied))]
        hint = "Quarantine it instead."
        raise DataError("dropped bars", must="leave a symbol at least one bar", got="none", where=symbol, hint=hint)
    split, dividend = bars.split.copy(), bars.dividend.copy()
    for column in np.flatnonzero((mask & bars.traded).any(axis=0)):
        _carry(split[:, column], dividend[:, column], bars.traded[:, column], kept[:, column])
    quoted = {name: np.where(kept, values, np.nan) for name, values in bars.quoted.items()}
    closed = closed_rows(bars.clock, bars.symbols, bars.calendar) & ~kept
    return replace(bars, quoted=quoted, split=split, dividend=dividend, closed=closed)


def _carry(
    split: NDArray[np.float64], dividend: NDArray[np.float64], traded: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> None:
    """Move the actions of removed bars, in time, to the symbol's next bar; after the last one they are lost."""
    own = np.flatnonzero(traded)
    for place, row in enumerate(own):
        if kept[row]:
            continue
        if place + 1 < len(own):
            later = own[place + 1]
            dividend[later] += dividend[row] / split[later]
            split[later] *= split[row]
        split[row], dividend[row] = 1.0, 0.0


def keep_symbols(bars: Bars, symbols: tuple[str, ...]) -> Bars:
    """Return the bars of the symbols given, on the same clock; a universe counts the others as members without bars.

    Raises
    ------
    DataError
        If no symbol is left.
    """
    if not symbols:
        raise DataError("a quarantine", must="leave at least one symbol", got="none")
    columns = [bars.symbols.index(symbol) for symbol in symbols]
    universe = bars.membership
    if universe is not None:
        gone = [symbol for symbol in bars.symbols if symbol not in symbols and symbol in universe.symbols]
        universe = replace(universe, without_bars=(*universe.without_bars, *gone))
    return replace(
        bars,
        symbols=symbols,
        quoted={name: values[:, columns] for name, values in bars.quoted.items()},
        split=bars.split[:, columns],
        dividend=bars.dividend[:, columns],
        calendar=_of_symbols(bars.calendar, symbols) if isinstance(bars.calendar, Mapping) else bars.calendar,
        membership=universe,
        currencies=_of_symbols(bars.currencies, symbols),
        closed=bars.closed[:, columns],
        own_periods_per_year=bars.own_periods_per_year[columns],
    )


def _of_symbols(told: Mapping[str, str], symbols: tuple[str, ...]) -> dict[str, str]:
    return {symbol: value for symbol, value in told.items() if symbol in symbols}


def keep_rows(bars: Bars, rows: NDArray[np.bool_]) -> Bars:
    """Return the bars on the marked rows of the clock."""
    return replace(
        bars,
        clock=bars.clock[rows],
        quoted={name: values[rows] for name, values in bars.quoted.items()},
        split=bars.split[rows],
        dividend=bars.dividend[rows],
        closed=bars.closed[rows],
    )


def fill_forward(bars: Bars, mask: NDArray[np.bool_], limit: int) -> tuple[Bars, NDArray[np.bool_]]:
    """Put a bar at the last close, without range and volume, where `mask` marks that a symbol has none.

    At most `limit` sessions of the symbol in a row since its last real bar, and none on which its own exchange is
    closed. Return the bars and where they were filled.
    """
    last = np.maximum.accumulate(np.where(bars.traded, np.arange(len(bars))[:, None], -1), axis=0)
    known = np.maximum(last, 0)
    sessions: NDArray[np.int64] = np.cumsum(~bars.closed, axis=0)
    in_time = sessions <= np.take_along_axis(sessions, known, axis=0) + limit
    filled = mask & ~bars.traded & ~bars.closed & (last >= 0) & in_time
    close = np.take_along_axis(bars.raw_array("close"), known, axis=0)
    quoted = {
        name: np.where(filled, 0.0 if name == "volume" else close, values) for name, values in bars.quoted.items()
    }
    return replace(bars, quoted=quoted), filled
