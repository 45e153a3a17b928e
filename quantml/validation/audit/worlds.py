"""Worlds in which everything up to a moment is as it was, and what came later is missing or otherwise.

What a study decided at or before the moment must be the same in all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.exogenous import Exogenous
from quantml.features.base import Features
from quantml.forecasters.base import Forecast
from quantml.targets import Target
from quantml.timing import UNKNOWN
from quantml.universe import Membership
from quantml.validation.audit.futures import Future

Array = TypeVar("Array", bound=NDArray[Any])

MEASURES: Final = ("mean", "probability", "variance")
MEMBERS: Final = ("members", "member_variances", "member_weights")

ROUNDING: Final = 1e-10
"""Difference, beside the largest value of a column, that another length of the panel may make by rounding alone."""


@dataclass(frozen=True)
class World(ABC):
    """Base of the worlds.

    Parameters
    ----------
    moment : Timestamp
        Everything known at its close is as it was.
    """

    moment: pd.Timestamp

    def known(self, clock: pd.DatetimeIndex) -> int:
        """Count the rows at or before the moment."""
        return int(clock.searchsorted(self.moment, side="right"))

    @abstractmethod
    def bars(self, bars: Bars) -> Bars:
        """Return the bars of this world."""

    @abstractmethod
    def table(self, table: Exogenous) -> Exogenous:
        """Return an outside table of this world."""

    def view(self, loaded: Any) -> Any:
        """Return what a loader gives in this world."""
        return self.bars(loaded) if isinstance(loaded, Bars) else self.table(loaded)

    @abstractmethod
    def rows(self, clock: pd.DatetimeIndex, values: Array) -> Array:
        """Return values, one row for each time of `clock`, whose past is as it was."""

    @abstractmethod
    def target(self, target: Target) -> Target:
        """Return a target whose labels are as they were where known at the moment."""

    @abstractmethod
    def differs(self, was: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say where a past, rows first, is not as it was."""

    def features(self, features: Features) -> Features:
        """Return features whose past is as it was."""
        values = self.rows(features.clock, features.values)
        return replace(features, values=values, clock=self.clock(features.clock))

    def forecast(self, forecast: Forecast) -> Forecast:
        """Return a forecast whose past is as it was."""
        clock = forecast.clock
        held = {name: getattr(forecast, name) for name in (*MEASURES, *MEMBERS, "fold")}
        rows: dict[str, Any] = {name: None if part is None else self.rows(clock, part) for name, part in held.items()}
        return replace(forecast, clock=self.clock(clock), **rows)

    def clock(self, clock: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the clock of this world."""
        return clock


@dataclass(frozen=True)
class Truncated(World):
    """The world that ends at the moment."""

    def bars(self, bars: Bars) -> Bars:
        """Return the bars until the moment."""
        return bars.until(self.moment)

    def table(self, table: Exogenous) -> Exogenous:
        """Return the rows that were available at the moment."""
        return table.until(self.moment)

    def clock(self, clock: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the clock until the moment."""
        return clock[: self.known(clock)]

    def rows(self, clock: pd.DatetimeIndex, values: Array) -> Array:
        """Return the rows until the moment."""
        return cast(Array, values[: self.known(clock)])

    def target(self, target: Target) -> Target:
        """Return the rows until the moment, without the labels that were not known."""
        rows = self.known(target.clock)
        unknown = target.label_end[:rows] >= rows
        values = np.where(unknown, np.nan, target.values[:rows])
        ends = np.where(unknown, UNKNOWN, target.label_end[:rows])
        return replace(target, clock=target.clock[:rows], values=values, label_end=ends)

    def differs(self, was: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say where a past is not as it was but for rounding; what takes few values must be exactly as it was."""
        size = np.where(np.isfinite(was), np.abs(was), 0.0).max(axis=0, initial=0.0)
        with np.errstate(invalid="ignore"):  # of two infinite numbers
            near = np.abs(was - now) <= ROUNDING * size
        whole = (was == np.round(was)) & (now == np.round(now))
        same = np.where(whole, was == now, near)
        return np.asarray(~(same | (np.isnan(was) & np.isnan(now))), dtype=np.bool_)


@dataclass(frozen=True)
class Perturbed(World):
    """A world of the same shape in which everything after the moment went otherwise.

    Parameters
    ----------
    moment : Timestamp
    seed : int
        Of the draws.
    gaps : bool
        Whether bars are taken out too, for good and here and there: for what reads ahead by who is still there.
    """

    seed: int
    gaps: bool = False

    def bars(self, bars: Bars) -> Bars:
        """Return bars whose later prices, volumes, actions, members and outside values are others."""
        known = self.known(bars.clock)
        if known >= len(bars):
            return bars
        return replace(
            bars,
            **Future(bars, known, self.seed, self.gaps).panels(),
            tables={name: self.table(table) for name, table in bars.tables.items()},
            membership=None if bars.membership is None else self._membership(bars.membership, bars.clock[known:]),
        )

    def table(self, table: Exogenous) -> Exogenous:
        """Return a table in which the rows that were not available at the moment hold each other's values."""
        later = np.flatnonzero(table.available > self.moment)
        values = table.values.copy()
        values[later] = shuffled(values[later], self._generator("table"))
        return table.with_values(values)

    def one_by_one(self, bars: Bars) -> Iterator[tuple[str, Bars]]:
        """Yield bars of which one thing alone goes otherwise after the moment, with its name."""
        other = replace(self, gaps=False).bars(bars)
        for field in bars.quoted:
            yield field, replace(bars, quoted={**bars.quoted, field: other.quoted[field]})
        if bars.quoted:
            yield "splits and dividends", replace(bars, split=other.split, dividend=other.dividend)
        for name in bars.tables:
            yield f"the table {name!r}", replace(bars, tables={**bars.tables, name: other.tables[name]})
        if bars.membership is not None:
            yield "membership", replace(bars, membership=other.membership)
        if self.gaps:
            holes = self.bars(bars)
            quoted = {name: np.where(np.isnan(holes.quoted[name]), np.nan, part) for name, part in bars.quoted.items()}
            yield "which bars there are", replace(bars, quoted=quoted)

    def _membership(self, membership: Membership, later: pd.DatetimeIndex) -> Membership:
        """Forget the spells that start later, and let every third open one end at some later time."""
        draws, known = self._generator("membership"), membership.until(self.moment)
        spells = known.frame
        ends = pd.Series(later[draws.integers(len(later), size=len(spells))].tz_localize(None), index=spells.index)
        chosen = spells["end"].isna() & (draws.random(len(spells)) < 1 / 3)
        return replace(known, frame=spells.assign(end=spells["end"].where(~chosen, ends)))

    def rows(self, clock: pd.DatetimeIndex, values: Array) -> Array:
        """Return rows of which the later ones have changed places."""
        known = self.known(clock)
        moved = values.copy()
        moved[known:] = shuffled(values[known:], self._generator("rows"))
        return moved

    def target(self, target: Target) -> Target:
        """Return a target in which the labels that were not known have changed places, symbol by symbol."""
        values, draws = target.values.copy(), self._generator("target")
        later = (target.label_end >= self.known(target.clock)) & ~np.isnan(values)
        for column in range(values.shape[1]):
            rows = np.flatnonzero(later[:, column])
            values[rows, column] = shuffled(values[rows, column], draws)
        return replace(target, values=values)

    def differs(self, was: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say where a past is not, bit by bit, as it was."""
        return np.asarray(~((was == now) | (np.isnan(was) & np.isnan(now))), dtype=np.bool_)

    def _generator(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *purpose.encode()])


@dataclass(frozen=True)
class Morning(Perturbed):
    """A world in which the day of the moment went otherwise too, from its open on."""

    def bars(self, bars: Bars) -> Bars:
        """Return bars whose last known row keeps its open alone."""
        row = self.known(bars.clock) - 1
        later = super().bars(bars)
        quoted = {name: part.copy() for name, part in later.quoted.items()}
        for name, factor in (("high", 1.05), ("low", 0.95), ("volume", 2.0)):
            if name in quoted:
                quoted[name][row] *= factor
        if "low" in quoted:
            quoted["close"][row] = 1.01 * quoted["low"][row]
        return replace(later, quoted=quoted)


def shuffled(rows: Array, draws: np.random.Generator) -> Array:
    """Return rows in an order in which none stays in its place; of one row, its values a tenth larger."""
    if len(rows) < 2:
        return rows if rows.dtype.kind in "biu" else cast(Array, np.where(np.equal(rows, 0.0), 0.01, 1.1 * rows))
    return cast(Array, np.roll(rows, int(draws.integers(1, len(rows))), axis=0))
