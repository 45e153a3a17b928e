"""Small panels with prices that start late, pause and end, for the tests of targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.exogenous import Exogenous
from quantml.targets import Target
from quantml.timing import UNKNOWN, Fill
from quantml.universe import Membership

NAN: Final = float("nan")
NO: Final = int(UNKNOWN)
FROM_CLOSE: Final = [("fill", Fill.PERIOD), *(("close", fill) for fill in Fill)]


def priced() -> Bars:
    """A trades throughout, B pauses on row 3, C starts on row 2."""
    opens = {"A": [100, 104, 110, 120, 125, 100], "B": [10, 10, 12, NAN, 15, 20], "C": [NAN, NAN, 50, 40, 60, 50]}
    closes = {"A": [100, 110, 100, 125, 100, 120], "B": [10, 12, 15, NAN, 20, 10], "C": [NAN, NAN, 50, 60, 40, 80]}
    clock = pd.bdate_range("2024-01-01", periods=6)
    first, last = pd.DataFrame(opens, clock, dtype=float), pd.DataFrame(closes, clock, dtype=float)
    high, low = first.where(first > last, last), first.where(first < last, last)
    fields = {"open": first, "high": high, "low": low, "close": last}
    return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)


def drifting() -> Bars:
    """Closes whose log returns, in percent, are A: 3 4 0 -5 12; B, paused on row 2: 5 12 -16 12; C, from row 3: 3 4."""
    logs = {"A": [0, 3, 7, 7, 2, 14], "B": [0, 5, NAN, 17, 1, 13], "C": [NAN, NAN, NAN, 0, 3, 7]}
    clock = pd.date_range("2024-01-31", periods=6, freq="ME")
    return Bars.from_close(np.exp(pd.DataFrame(logs, clock) / 100), periods_per_year=2)


def table(**columns: list[float]) -> NDArray[np.float64]:
    return np.array(list(columns.values()), dtype=np.float64).T


def ends(**columns: list[int]) -> NDArray[np.int64]:
    return np.array(list(columns.values()), dtype=np.int64).T


def assert_columns(built: Target, symbol: int, values: list[float], label_end: list[int]) -> None:
    np.testing.assert_array_equal(built.values[:, symbol], values)
    np.testing.assert_array_equal(built.label_end[:, symbol], label_end)


def world(seed: int, change_after: int | None = None) -> Bars:
    """Random bars with pauses, late starts and splits; other bars after the row `change_after`."""
    rows, columns = 30, 3
    drawn = _draw(np.random.default_rng(seed), rows, columns)
    if change_after is not None:
        other = _draw(np.random.default_rng(seed + 10**6), rows, columns)
        for mine, theirs in zip(drawn, other, strict=True):
            mine[change_after + 1 :] = theirs[change_after + 1 :]
    opens, closes, splits = drawn
    clock, names = pd.bdate_range("2024-01-01", periods=rows), list("ABC")
    delistings = _delist(seed, clock, drawn, change_after)
    first, last = pd.DataFrame(opens, clock, names), pd.DataFrame(closes, clock, names)
    fields = {"open": first, "high": first.where(first > last, last), "low": first.where(first < last, last),
              "close": last, "split": pd.DataFrame(splits, clock, names)}  # fmt: skip
    outside = _outside(seed, clock, change_after)
    bars = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252).with_tables(outside)
    spells = pd.DataFrame({"symbol": names, "start": clock[0], "end": pd.NaT})
    return bars.with_membership(Membership(spells, delistings=delistings))


def _delist(
    seed: int, clock: pd.DatetimeIndex, drawn: tuple[NDArray[np.float64], ...], change_after: int | None
) -> pd.DataFrame:
    """Take B's bars away after some row and record its delisting soon or late; another one where it was not known."""
    last, date, returned = _end(seed, clock)
    if change_after is not None and date > clock[change_after]:
        for values in drawn:
            values[last + 1 : change_after + 1, 1] = NAN
        last, date, returned = _end(seed + 10**6, clock)
        if date <= clock[change_after]:
            return pd.DataFrame({"symbol": [], "date": pd.DatetimeIndex([])})
        last = max(last, change_after)
    for values in drawn:
        values[last + 1 :, 1] = NAN
    return pd.DataFrame({"symbol": ["B"], "date": [date], "delisting_return": [returned]})


def _end(seed: int, clock: pd.DatetimeIndex) -> tuple[int, pd.Timestamp, float]:
    generator = np.random.default_rng(seed + 10**8)
    last = int(generator.integers(10, 40))
    date = pd.Timestamp(clock[0] + pd.offsets.BDay(last + int(generator.integers(0, 14))))
    return last, date, float(generator.choice([-1.0, -0.4, NAN, 0.3]))


def _outside(seed: int, clock: pd.DatetimeIndex, change_after: int | None) -> Exogenous:
    """A table with gaps, published late; other values where they become available after a row of the clock."""
    generator = np.random.default_rng(seed + 10**7)
    days = np.cumsum(generator.integers(1, 4, 15))
    released = np.maximum.accumulate(days + generator.integers(0, 6, 15))
    values = np.where(generator.random(15) < 0.2, NAN, generator.uniform(size=15))
    index, told = (clock[0] + pd.to_timedelta(each, unit="D") for each in (days, released))
    index, told = index.repeat(2), told.repeat(2) + pd.to_timedelta(np.tile([0, 2], 15), unit="D")
    values = np.repeat(values, 2) + np.tile([0.0, 1.0], 15)  # each period is revised two days later
    if change_after is not None:
        values = np.where(told > clock[change_after], generator.uniform(size=30), values)
    return Exogenous(pd.DataFrame({"x": values, "told": told}, index=index), name="outside", available_at="told")


def _draw(generator: np.random.Generator, rows: int, columns: int) -> tuple[NDArray[np.float64], ...]:
    opens, closes = generator.uniform(50, 150, (2, rows, columns))
    absent = generator.random((rows, columns)) < 0.3
    absent[: generator.integers(10), 1] = True
    absent[slice(*sorted(generator.integers(0, 60, 2))), 2] = True
    absent[:, 0] = absent[-1] = absent[9, 1] = False
    splits = np.where(generator.random((rows, columns)) < 0.1, 2.0, NAN)
    for values in (opens, closes, splits):
        values[absent] = NAN
    return opens, closes, splits


def listings(bars: Bars) -> Iterator[tuple[int, list[int], int | None, float]]:
    """Walk through time as an account does: each symbol's bars until it is closed, the row of that, what is paid."""
    known = pd.DataFrame() if bars.membership is None else bars.membership.delistings
    recorded = {} if known is None or known.empty else known.set_index("symbol").T.to_dict()
    for n, symbol in enumerate(bars.symbols):
        own: list[int] = []
        for t, moment in enumerate(bars.clock):
            gone = symbol in recorded and moment >= recorded[symbol]["date"]
            if bars.traded[t, n]:
                own.append(t)
            elif own and (gone or t - own[-1] == 10):
                yield n, own, t, 1 + np.nan_to_num(recorded[symbol]["delisting_return"]) if gone else 1.0
                own = []
        if own:
            yield n, own, None, NAN
