"""Defects that are put into clean prices on purpose, each at a place and size drawn by a seed.

Every function takes one symbol's own bars (a frame by session, with a column per field) and a generator, and returns
the damaged bars and the first session concerned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from quantml.calendars import sessions

PRICES = ["open", "high", "low", "close"]
CALENDAR = "XNYS"
EDGE = 21
"""Bars at either end in which nothing is put."""
DAY = pd.Timedelta(days=1)

Damaged = tuple[pd.DataFrame, pd.Timestamp]


@dataclass(frozen=True)
class Defect:
    """A kind of defect: the rule that should find it, its size in words, and what puts it into a symbol's bars.

    ``in_rows`` ones make frames that no bars can be made of; ``alone`` ones are only visible beside other symbols.
    """

    kind: str
    rule: str
    size: str
    plant: Callable[[pd.DataFrame, np.random.Generator], Damaged]
    in_rows: bool = False
    alone: bool = False


def _place(own: pd.DataFrame, generator: np.random.Generator, length: int = 1) -> int:
    """Draw a bar without split or dividend, with room for `length` bars."""
    quiet = ((own["split"] == 1.0) & (own["dividend"] == 0.0)).to_numpy()
    return int(generator.choice(np.flatnonzero(quiet[EDGE : len(own) - EDGE - length]) + EDGE))


def _set(own: pd.DataFrame, rows: Any, fields: Any, values: Any) -> pd.DataFrame:
    own = own.copy()
    own.iloc[rows, own.columns.get_indexer(np.atleast_1d(fields))] = values
    return own


def _widened(own: pd.DataFrame) -> pd.DataFrame:
    """Let each bar's range hold its open and close."""
    return own.assign(high=own[PRICES].max(axis=1), low=own[PRICES].min(axis=1))


def _with_row(own: pd.DataFrame, day: pd.Timestamp, generator: np.random.Generator) -> pd.DataFrame:
    """Add a bar that copies the one before, or stands within 1 % of it."""
    row = own[own.index < day].iloc[[-1]].assign(split=1.0, dividend=0.0).set_axis([day])
    row[PRICES] *= 1.0 if generator.random() < 0.5 else 1.0 + generator.uniform(-0.01, 0.01)
    return pd.concat([own, row]).sort_index()


def missing_session(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    return own.drop(own.index[k]), own.index[k]


def weekend_bar(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = int(generator.integers(EDGE, len(own) - EDGE))
    day = own.index[k] + pd.Timedelta(days=int(5 - own.index[k].day_of_week + generator.integers(0, 2)))
    return _with_row(own, day, generator), day


def holiday_bar(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    weekdays = pd.bdate_range(own.index[EDGE], own.index[-EDGE])
    day = generator.choice(weekdays.difference(sessions(CALENDAR, weekdays[0], weekdays[-1])))
    return _with_row(own, pd.Timestamp(day), generator), pd.Timestamp(day)


def shifted_dates(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    length, early = int(generator.integers(5, 61)), bool(generator.random() < 0.5)
    gap = np.diff(own.index.to_numpy()) > DAY.to_timedelta64()
    weeks = np.flatnonzero(gap)[20:-40]  # the last bar before each closure
    first = int(generator.choice(weeks)) + 1 if early else int(generator.choice(weeks)) - length + 1
    first = max(first, 1)
    days = own.index.to_series()
    days.iloc[first : first + length] += -DAY if early else DAY
    return own.set_axis(pd.DatetimeIndex(days)), days.iloc[first]


def stale_run(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator, 5)
    return _set(own, slice(k + 1, k + 5), PRICES, own[PRICES].iloc[k].to_numpy()), own.index[k + 1]


def repeated_bar(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    return _set(own, k, PRICES, own[PRICES].iloc[k - 1].to_numpy()), own.index[k]


def repeated_opens(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    length = int(generator.integers(10, 64))
    k = _place(own, generator, length)
    closes = own["close"].iloc[k - 1 : k + length - 1].to_numpy()[:, None]
    return _widened(_set(own, slice(k, k + length), "open", closes)), own.index[k]


def zero_volume(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    return _set(own, k, "volume", 0.0), own.index[k]


def _split(own: pd.DataFrame, k: int, shares: float) -> Damaged:
    money, rows = [*PRICES, "dividend"], slice(k, len(own))
    damaged = _set(own, rows, money, own[money].iloc[rows].to_numpy() / shares)
    return _set(damaged, rows, "volume", own[["volume"]].iloc[rows].to_numpy() * shares), own.index[k]


def unadjusted_split(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    return _split(own, _place(own, generator), float(generator.choice([1.5, 2.0, 3.0, 4.0, 5.0, 10.0])))


def unadjusted_reverse_split(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    return _split(own, _place(own, generator), 1.0 / float(generator.choice([1.5, 2.0, 3.0, 4.0, 5.0, 10.0])))


def split_mismatch(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k, shares = _place(own, generator), float(generator.choice([1.5, 2.0, 3.0, 1 / 3, 0.5]))
    return _set(own, k, "split", shares), own.index[k]


def spike(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    moves = np.diff(np.log(own["close"].to_numpy() * own["split"].cumprod().to_numpy()))
    around = moves[max(k - 64, 0) : k + 63]
    size = 8.0 * 1.4826 * float(np.median(np.abs(around - np.median(around))))
    factor = np.exp(size * generator.choice([-1.0, 1.0]))
    fields = PRICES if generator.random() < 0.5 else ["close"]
    return _widened(_set(own, k, fields, own[fields].iloc[k].to_numpy() * factor)), own.index[k]


def unit_flip(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    length = int(generator.integers(1, 61))
    k = _place(own, generator, length)
    end = len(own) if generator.random() < 0.2 else k + length
    money = [*PRICES, "dividend"]
    factor = float(generator.choice([100.0, 0.01]))
    return _set(own, slice(k, end), money, own[money].iloc[k:end].to_numpy() * factor), own.index[k]


def late_start(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = int(generator.integers(10, 500))
    return own.iloc[k:], own.index[k]


def early_end(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = int(generator.integers(10, 500))
    return own.iloc[:-k], own.index[-k - 1]


def duplicate(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    again = own.iloc[[k]]
    if generator.random() < 0.5:
        again = _widened(again.assign(close=again["close"] * 1.01))
    return pd.concat([own.iloc[: k + 1], again, own.iloc[k + 1 :]]), own.index[k]


def out_of_order(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    apart = int(generator.integers(1, 21)) * int(generator.choice([-1, 1]))
    k = _place(own, generator, abs(apart))
    order = np.insert(np.delete(np.arange(len(own)), k), k + apart, k)
    # Of two neighbours that changed places, either may be called the late one.
    return own.iloc[order], own.index[k if abs(apart) > 1 else max(k, k + apart)]


def zero_price(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    return _set(own, k, str(generator.choice(PRICES)), 0.0), own.index[k]


def negative_price(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k, field = _place(own, generator), str(generator.choice(PRICES))
    return _set(own, k, field, -own[field].iloc[k]), own.index[k]


def incomplete_bar(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    return _set(own, k, str(generator.choice([*PRICES, "volume"])), np.nan), own.index[k]


def inconsistent_prices(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    field, edge = ("high", min) if generator.random() < 0.5 else ("low", max)
    wrong = edge(own["open"].iloc[k], own["close"].iloc[k]) * (0.999 if field == "high" else 1.001)
    return _set(own, k, field, wrong), own.index[k]


def time_of_day(own: pd.DataFrame, generator: np.random.Generator) -> Damaged:
    k = _place(own, generator)
    days = own.index.to_series()
    days.iloc[k] -= pd.Timedelta(hours=int(generator.integers(1, 12)))
    return own.set_axis(pd.DatetimeIndex(days)), days.iloc[k]


DEFECTS = (
    Defect("missing session", "missing session", "1 session", missing_session),
    Defect("weekend bar", "weekend bar", "1 bar", weekend_bar),
    Defect("holiday bar", "holiday bar", "1 bar", holiday_bar),
    Defect("shifted dates", "shifted dates", "5 to 60 sessions, 1 day", shifted_dates),
    Defect("stale run", "stale run", "5 equal sessions", stale_run),
    Defect("repeated bar", "repeated bar", "1 bar", repeated_bar),
    Defect("repeated opens", "repeated opens", "10 to 63 sessions", repeated_opens),
    Defect("zero volume", "zero volume", "1 bar", zero_volume),
    Defect("unadjusted split", "unadjusted split", "3:2 to 10:1", unadjusted_split),
    Defect("unadjusted reverse split", "unadjusted split", "2:3 to 1:10", unadjusted_reverse_split),
    Defect("split mismatch", "split mismatch", "3:2 to 3:1, 1:2, 1:3", split_mismatch),
    Defect("spike", "spike", "8 robust std", spike),
    Defect("unit flip", "unit flip", "x100, /100; 1 bar and more", unit_flip),
    Defect("late start", "late start", "10 sessions and more", late_start, alone=True),
    Defect("early end", "early end", "10 sessions and more", early_end, alone=True),
    Defect("duplicate", "duplicate", "1 row", duplicate, in_rows=True),
    Defect("out of order", "out of order", "1 row, 1 to 20 away", out_of_order, in_rows=True),
    Defect("zero price", "not positive", "1 price", zero_price, in_rows=True),
    Defect("negative price", "not positive", "1 price", negative_price, in_rows=True),
    Defect("incomplete bar", "incomplete", "1 field", incomplete_bar, in_rows=True),
    Defect("inconsistent prices", "inconsistent prices", "0.1 %", inconsistent_prices, in_rows=True),
    Defect("time of day", "time of day", "1 to 11 hours early", time_of_day, in_rows=True),
)
