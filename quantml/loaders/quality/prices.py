"""Rules on bars that repeat themselves: stale prices, opens that are closes, bars that nothing traded in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import check
from quantml.loaders.quality.findings import Finding, Severity
from quantml.loaders.quality.own_bars import OwnBars, Runs, find_runs
from quantml.loaders.quality.rule import Rule

__all__ = ["RepeatedBar", "RepeatedOpens", "StaleRun", "ZeroVolume"]

PRICES: Final = ("open", "high", "low", "close")
AROUND: Final = 253
RESTS: Final = 0.02
CHANCE: Final = 0.05 / 252
"""Runs of equal prices per bar that chance may bring: one in twenty years of daily bars."""


def repeats(own: OwnBars) -> NDArray[np.bool_]:
    """Mark the bars whose prices all equal those of the symbol's bar before."""
    mask = own.exists.copy()
    mask[:1] = False
    for name in PRICES:
        if own.has(name):
            prices = own.field(name)
            mask[1:] &= prices[1:] == prices[:-1]
    return mask


@dataclass(frozen=True)
class StaleRun(Rule):
    """The same prices for `sessions` sessions or more.

    All four prices where bars have them. Equal prices may be chance where they move in coarse steps, or rest where
    nobody trades: a run is only stale where, at the share of repeats among the surrounding 253 bars, one as long comes
    less than once in twenty years.

    The finding begins at the first bar that repeats the one before it.

    Parameters
    ----------
    sessions : int
        Equal sessions in a row, the first included; at least 3.
    """

    name: ClassVar[str] = "stale run"
    sessions: int = 5

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(self.sessions >= 3, "StaleRun.sessions", "be at least 3", self.sessions)

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per run."""
        mask = repeats(own)
        runs = find_runs(mask)
        runs = runs.keep(runs.length >= self.sessions - 1)
        share = _share_elsewhere(mask, own, runs)
        runs = runs.keep(share**runs.length < CHANCE)
        what = "All four prices repeat those" if own.has("open") else "The close repeats that"
        return [
            self.report(
                own, n, first, last, f"{what} of the session before, {last - first + 2} equal sessions in a row."
            )
            for n, first, last in zip(*runs, strict=True)
        ]


def _share_elsewhere(mask: NDArray[np.bool_], own: OwnBars, runs: Runs) -> NDArray[np.float64]:
    """Return, for each run, the share of marked bars among the 253 around it, apart from the run itself."""
    size = {"window": AROUND, "center": True, "min_periods": 1}
    marked = pd.DataFrame(mask.astype(np.float64)).rolling(**size).sum().to_numpy()
    bars = pd.DataFrame(own.exists.astype(np.float64)).rolling(**size).sum().to_numpy()
    middle = (runs.first + runs.last) // 2
    elsewhere = np.maximum(marked[middle, runs.column] - runs.length, 0.0)
    return np.asarray(elsewhere / np.maximum(bars[middle, runs.column] - runs.length, 1.0))


@dataclass(frozen=True)
class RepeatedBar(Rule):
    """A bar, or up to `most` in a row, whose open, high, low and close all equal the session before.

    Two real sessions hardly ever share a whole range. A bar without a range, where nothing may have traded, is a
    note, and none at all where more than 2 % of the surrounding 253 bars are like it.

    Parameters
    ----------
    most : int
        Longest run of repeats that this rule reports; `StaleRun` reports the longer ones.
    """

    name: ClassVar[str] = "repeated bar"
    most: int = 3

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per run."""
        if not own.has("open"):
            return []
        mask = repeats(own)
        runs = find_runs(mask)
        runs = runs.keep(runs.length <= self.most)
        flat = own.field("high") == own.field("low")
        runs = runs.keep(~flat[runs.first, runs.column] | (_share_elsewhere(mask, own, runs) <= RESTS))
        return [
            self.report(own, n, first, last, self._evidence(own, n, first), Severity.NOTE if flat[first, n] else None)
            for n, first, last in zip(*runs, strict=True)
        ]

    @staticmethod
    def _evidence(own: OwnBars, n: int, k: int) -> str:
        prices = ", ".join(f"{own.field(name)[k, n]:g}" for name in PRICES)
        traded = ""
        if own.has("volume"):
            before, now = own.field("volume")[k - 1 : k + 1, n]
            traded = f", while volume is {now:,.0f} after {before:,.0f}" if now != before else ", and so does volume"
        return f"Open, high, low and close ({prices}) repeat the session before{traded}."


@dataclass(frozen=True)
class RepeatedOpens(Rule):
    """Opens that merely repeat the previous close, `sessions` times in a row: no opening price was recorded.

    A fill at such an open is a fill at the close that decided it. Stretches with fewer than `apart` sessions between
    them are one finding. Bars without a range do not count.

    Parameters
    ----------
    sessions : int
        Repeats in a row that begin a stretch, at least 2.
    apart : int
    """

    name: ClassVar[str] = "repeated opens"
    sessions: int = 5
    apart: int = 21

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(self.sessions >= 2, "RepeatedOpens.sessions", "be at least 2", self.sessions)

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per stretch."""
        if not own.has("open"):
            return []
        mask = np.zeros(own.exists.shape, dtype=np.bool_)
        mask[1:] = own.field("open")[1:] == own.field("close")[:-1]
        mask &= own.field("high") > own.field("low")
        runs = find_runs(mask)
        stretches = _join(runs.keep(runs.length >= self.sessions), self.apart)
        return [
            self.report(own, n, first, last, self._evidence(mask[first : last + 1, n]))
            for n, first, last in zip(*stretches, strict=True)
        ]

    @staticmethod
    def _evidence(mask: NDArray[np.bool_]) -> str:
        return f"The open equals the previous close on {mask.sum()} of {len(mask)} sessions."


def _join(runs: Runs, apart: int) -> Runs:
    """Join runs of the same column with fewer than `apart` rows between them."""
    if not len(runs.column):
        return runs
    begins = np.ones(len(runs.column), dtype=np.bool_)
    begins[1:] = (np.diff(runs.column) != 0) | (runs.first[1:] - runs.last[:-1] > apart)
    ends = np.append(begins[1:], True)
    return Runs(runs.column[begins], runs.first[begins], runs.last[ends])


@dataclass(frozen=True)
class ZeroVolume(Rule):
    """Bars without volume: a warning where the price moved all the same, a note where it did not.

    A symbol that has none on more than one bar in twenty, as currencies, some indices and what is hardly traded, gets
    one note.
    """

    name: ClassVar[str] = "zero volume"

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per run, or one per symbol that has no volume to speak of."""
        if not own.has("volume"):
            return []
        mask = own.field("volume") == 0.0
        bars = own.exists.sum(axis=0)
        often = 20 * mask.sum(axis=0) > bars
        notes = [
            self.report(own, n, 0, bars[n] - 1, f"No volume on {mask[:, n].sum()} of {bars[n]} bars.", Severity.NOTE)
            for n in np.flatnonzero(often).tolist()
        ]
        moved = self._moved(own)
        return notes + [
            self._of(own, moved, n, first, last) for n, first, last in zip(*find_runs(mask & ~often), strict=True)
        ]

    def _of(self, own: OwnBars, moved: NDArray[np.bool_], n: int, first: int, last: int) -> Finding:
        where = "No volume" if first == last else f"No volume for {last - first + 1} sessions"
        if not moved[first : last + 1, n].any():
            return self.report(own, n, first, last, f"{where}, and the price did not move.", Severity.NOTE)
        before, now = own.field("close")[max(first - 1, 0), n], own.field("close")[last, n]
        return self.report(own, n, first, last, f"{where}, although the price moved from {before:g} to {now:g}.")

    @staticmethod
    def _moved(own: OwnBars) -> NDArray[np.bool_]:
        moved = np.zeros(own.exists.shape, dtype=np.bool_)
        moved[1:] = own.field("close")[1:] != own.field("close")[:-1]
        return moved | (own.field("high") > own.field("low")) if own.has("high") else moved
