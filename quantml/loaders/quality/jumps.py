"""Rules on prices that jump: splits that nobody recorded, spikes that revert, and the wrong unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from quantml.errors import check
from quantml.loaders.quality.findings import Finding, Severity
from quantml.loaders.quality.own_bars import OwnBars
from quantml.loaders.quality.rule import Rule

__all__ = ["Spike", "SplitMismatch", "UnadjustedSplit", "UnitFlip"]

SPLITS: Final = (
    *((3, 2), (5, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1)),
    *((12, 1), (15, 1), (20, 1), (25, 1), (30, 1), (40, 1), (50, 1)),
)
"""New shares for old shares in the splits that companies make; each also the other way."""
LEAST_JUMP: Final = 0.25
"""Logarithm below which no jump is compared with a split: 3:2 is 0.405."""
UNIT: Final = 100.0


def near(own: OwnBars, deviations: float, least: float, most: float) -> NDArray[np.float64]:
    """How far a day's own move may take a price from where a jump alone would: `deviations` times the scale."""
    own_move = deviations * np.where(np.isnan(own.scale), most, own.scale)
    return np.asarray(np.clip(own_move, least, most))


def flips(own: OwnBars) -> NDArray[np.bool_]:
    """Mark the bars that stand a hundredfold or a hundredth of the one before."""
    distance = np.abs(np.abs(own.moves) - np.log(UNIT))
    return np.asarray(distance <= near(own, 4.0, 0.05, 0.25))


@dataclass(frozen=True)
class UnitFlip(Rule):
    """Prices a hundredfold or a hundredth of those before: pence for pounds, cents for dollars.

    Until they flip back, or to the last bar. Which side has the right unit, only the exchange's own prices tell; that
    it is the one which came back is as good as sure, so such bars are marked as wrong, and those that never flip back
    are not.
    """

    name: ClassVar[str] = "unit flip"
    severity: ClassVar[Severity] = Severity.ERROR

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per block of bars in the other unit."""
        mask = flips(own)
        return [
            one
            for n in np.flatnonzero(mask.any(axis=0)).tolist()
            for one in self._of(own, n, np.flatnonzero(mask[:, n]))
        ]

    def _of(self, own: OwnBars, n: int, places: NDArray[np.int64]) -> Iterator[Finding]:
        taken = 0
        while taken < len(places):
            first = places[taken]
            back = taken + 1 < len(places) and own.moves[places[taken + 1], n] * own.moves[first, n] < 0.0
            last = int(places[taken + 1]) - 1 if back else int(own.exists[:, n].sum()) - 1
            before, now = own.field("close")[first - 1 : first + 1, n]
            span = f"for {last - first + 1} sessions" if back else "to the last bar"
            evidence = f"The close is {now:g} after {before:g}, {now / before:.4g} times, {span}."
            yield replace(self.report(own, n, first, last, evidence), marks_bars=back)
            taken += 2 if back else 1


@dataclass(frozen=True)
class Spike(Rule):
    """A close that leaves its neighbours on one day and comes back the next.

    The move there and the move back have opposite signs, neither is less than half of the other, and their mean size
    is at least `deviations` robust standard deviations (see `OwnBars.scale`). Where at least five symbols trade, it is
    also at least `apart` of them after the panel's median move is taken off, so that a day on which everything fell
    and rose again is none.

    Parameters
    ----------
    deviations : float
        A spike of 8 robust standard deviations stands on the day's own moves, beside a scale that breathes with the
        month; nearly all are at least 4.5 as measured.
    apart : float
    """

    name: ClassVar[str] = "spike"
    deviations: float = 4.5
    apart: float = 5.0

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(self.deviations > 0.0, "Spike.deviations", "be positive", self.deviations)
        check(self.apart > 0.0, "Spike.apart", "be positive", self.apart)

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per spike."""
        flipped = flips(own)
        mask = _reverts(own.moves, self.deviations * own.scale) & ~flipped
        mask &= ~own.beside_others | _reverts(own.excess, self.apart * own.scale)
        mask[:-1] &= ~flipped[1:]
        return [self._of(own, k, n) for k, n in np.argwhere(mask)]

    def _of(self, own: OwnBars, k: int, n: int) -> Finding:
        before, now, after = own.field("close")[k - 1 : k + 2, n]
        size = (own.moves[k, n] - own.moves[k + 1, n]) / 2.0 / own.scale[k, n]
        evidence = (
            f"The close went from {before:g} to {now:g} and back to {after:g}, {abs(size):.1f} robust standard"
            f" deviations {'above' if size > 0.0 else 'below'} its neighbours."
        )
        return self.report(own, n, k, k, evidence)


def _reverts(moves: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the bars to which a move leads that the next one undoes, both `least` in the mean."""
    there, back = moves[:-1], moves[1:]
    small, large = np.minimum(np.abs(there), np.abs(back)), np.maximum(np.abs(there), np.abs(back))
    mask = np.zeros(moves.shape, dtype=np.bool_)
    mask[:-1] = (there * back < 0.0) & (2.0 * small >= large) & (np.abs(there - back) >= 2.0 * least[:-1])
    return mask


@dataclass(frozen=True)
class SplitMismatch(Rule):
    """A recorded split of 5:4 and more that the price on its day does not show, or shows at another ratio."""

    name: ClassVar[str] = "split mismatch"
    marks_bars: ClassVar[bool] = False

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per such split."""
        recorded = np.log(own.split)
        left = np.abs(own.moves) > 0.5 * np.abs(recorded)
        mask = left & (np.abs(recorded) >= np.log(1.25))
        return [self._of(own, k, n) for k, n in np.argwhere(mask)]

    def _of(self, own: OwnBars, k: int, n: int) -> Finding:
        before, now = own.field("close")[k - 1 : k + 1, n]
        evidence = f"A split of {own.split[k, n]:g} for 1 is recorded, but the close went from {before:g} to {now:g}."
        return self.report(own, n, k, k, evidence)


@dataclass(frozen=True)
class UnadjustedSplit(Rule):
    """A lasting jump close to a small fraction, without the trading that a crash or a take-over brings.

    The close moves by 3:2, 2:1, 5:2, 3:1 ... 50:1 or the other way, up to four robust standard deviations of the day's
    own move (at most 0.15 in logarithms), no split is recorded, and the prices of the next days stay there. A split
    multiplies shares as it divides prices, so that the money traded stays as it was; where news moves a price that
    far, both shares and money traded surge. The lesser of the two may be at most `surge` times its median over the 20
    sessions before. (AAPL fell by 51.9 % on 2000-09-29 on 22 times the shares and 11 times the money.)

    Without volume a split cannot be told from a crash for sure: what looks like one of 2:1 and more is a note, unless
    the ten moves after it are more than 2.1 times as large as the 63 before, and smaller ones are left alone.

    Parameters
    ----------
    surge : float
    """

    name: ClassVar[str] = "unadjusted split"
    marks_bars: ClassVar[bool] = False
    surge: float = 4.0

    before: ClassVar[int] = 20
    unrest: ClassVar[float] = 2.1
    unclear: ClassVar[float] = 0.6

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(self.surge > 1.0, "UnadjustedSplit.surge", "be above 1", self.surge)

    def find(self, own: OwnBars) -> list[Finding]:
        """Return one finding per jump."""
        mask = (np.abs(own.moves) >= LEAST_JUMP) & (own.split == 1.0) & ~flips(own)
        tolerance = near(own, 4.0, 0.03, 0.15)
        found: list[Finding] = []
        for k, n in np.argwhere(mask):
            shares = _nearest(own.moves[k, n], tolerance[k, n])
            if shares is not None and _lasts(own.moves[:, n], k):
                found.extend(self._of(own, k, n, shares))
        return found

    def _of(self, own: OwnBars, k: int, n: int, shares: tuple[int, int]) -> Iterator[Finding]:
        before, now = own.field("close")[k - 1 : k + 1, n]
        jump = (
            f"The close went from {before:g} to {now:g}, {now / before:.4g} times, as a split of {shares[0]} for"
            f" {shares[1]} does"
        )
        volume = self._volume(own, k, n)
        if volume is not None:
            if min(volume, volume * now / before) <= self.surge:
                yield self.report(own, n, k, k, f"{jump}; volume is {volume:.3g} times its median of 20 sessions.")
        elif abs(np.log(shares[0] / shares[1])) > self.unclear and _unrest(own.moves[:, n], k) <= self.unrest:
            text = f"{jump}; without volume it cannot be told from a fall or rise."
            yield self.report(own, n, k, k, text, Severity.NOTE)

    def _volume(self, own: OwnBars, k: int, n: int) -> float | None:
        """Return the volume over its median before; None where it is not known."""
        if not own.has("volume"):
            return None
        volume = own.field("volume")[max(k - self.before, 0) : k + 1, n]
        usual = float(np.median(volume[:-1]))
        return float(volume[-1]) / usual if usual > 0.0 and volume[-1] > 0.0 else None


def _nearest(move: float, tolerance: float) -> tuple[int, int] | None:
    """Return the split, new shares for old, whose jump is nearest to `move`; None where none is within `tolerance`."""
    known = [*SPLITS, *((old, new) for new, old in SPLITS)]
    jumps = np.log([old / new for new, old in known])
    best = int(np.argmin(np.abs(jumps - move)))
    return known[best] if abs(jumps[best] - move) <= tolerance else None


def _lasts(moves: NDArray[np.float64], k: int) -> bool:
    """Say whether the five closes from k on stay nearer to where the jump leads than to where it began."""
    level = np.nancumsum(moves[max(k - 5, 0) : k + 5])
    begin = min(k, 5)
    there = np.isfinite(moves[k : k + 5])
    step = np.median(level[begin:][there]) - np.median(level[:begin])
    return bool(step / moves[k] > 0.5)


def _unrest(moves: NDArray[np.float64], k: int) -> float:
    """Return the median size of the ten moves after k over that of the 63 before; 1.0 where these do not tell."""
    after, before = moves[k + 1 : k + 11], moves[max(k - 63, 0) : k]
    after, before = after[np.isfinite(after)], before[np.isfinite(before)]
    if len(after) < 5 or len(before) < 21:
        return 1.0
    usual = float(np.median(np.abs(before)))
    return float(np.median(np.abs(after))) / usual if usual > 0.0 else 1.0
