"""What a download says about bars that are already stored: the same, restated by a split or dividend, or other bars.

A source of raw prices says the same for ever. Many do not: after a split they quote every earlier bar in new shares,
and some take later dividends off earlier prices. `settle` reads a download in each of these ways, keeps the reading
under which the most bars equal the stored ones, and hands back what is new, in raw prices again. Bars that differ under
every reading are not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import DataError
from quantml.loaders.downloads import FIELDS, PRICES

SAME: Final = 1e-6
"""Largest relative difference between two tellings of one number: beyond what single precision rounds away."""

RESTATED: Final = 1e-3
"""The same where a source has divided and rounded again, to the cent of a share of a few dollars."""

LARGEST_SPLIT: Final = 20
"""Largest ratio that is taken for a split where the source lists none; above it, a change of unit is as likely."""


class Kind(StrEnum):
    """Why a source says something else than it did."""

    SPLIT = "split"
    DIVIDEND = "dividend"
    BOTH = "split and dividend"
    UNLISTED = "split that the source does not list"
    LATE = "listed later than its bar"
    COMPLETED = "missing price filled in"


@dataclass(frozen=True)
class Restatement:
    """A split or dividend, and what the source has multiplied every earlier bar by because of it.

    Also a stored bar without one of its prices, which came back with all of them.

    Attributes
    ----------
    time : Timestamp
        Bar of the event.
    kind : Kind
    price, volume : float
        Factors on the prices and volumes of the bars before `time`; 1.0 where they stand as they were.
    """

    time: pd.Timestamp
    kind: Kind
    price: float = 1.0
    volume: float = 1.0

    def __str__(self) -> str:
        # What is not listed has no date of its own: it happened somewhere among the new bars.
        return f"{self.kind} {'on or after' if self.kind is Kind.UNLISTED else 'on'} {self.time:%Y-%m-%d}"


@dataclass(frozen=True, eq=False)
class Settlement:
    """What becomes of one download.

    Attributes
    ----------
    taken : DataFrame
        Raw rows to lay over the stored ones.
    quarantined : DataFrame
        Rows as downloaded that are not taken; NaN for a bar that the source no longer has.
    differences : DataFrame
        One row per number that differs: time, field, stored, downloaded.
    restatements : tuple of Restatement
        Recognised for the first time.
    standing : tuple of Restatement
        All by which the source now quotes bars differently from how they are stored.
    reason : str
        Why rows are quarantined; empty where none are.
    """

    taken: pd.DataFrame
    quarantined: pd.DataFrame
    differences: pd.DataFrame
    restatements: tuple[Restatement, ...] = ()
    standing: tuple[Restatement, ...] = ()
    reason: str = ""


def settle(stored: pd.DataFrame, download: pd.DataFrame, known: Sequence[Restatement] = ()) -> Settlement:
    """Compare a download with the stored bars of the same range, and say what to take.

    Downloaded bars beyond an edge of the stored range are taken if the bar on that edge came back the same; only bars
    that differ are quarantined then. A stored bar that lacks a price, of which no bar could be made, is replaced by a
    complete one. If the bar on the edge did not, the two are not on one footing, and nothing is taken. A split and
    a reverse split that cancel between two downloads leave no trace on stored bars: what lay between them is taken as
    it is told.

    Parameters
    ----------
    stored : DataFrame
        At least one bar; all that the download should repeat: times x `FIELDS`.
    download : DataFrame
        The source's bars of the same range, and beyond it.
    known : sequence of Restatement
        Recognised in earlier downloads.

    Raises
    ------
    DataError
        If one has sessions and the other intraday bars.
    """
    if (stored.index.tz is None) != (download.index.tz is None):
        raise DataError("a download", must="have sessions or intraday bars as the stored ones have",
                        got=str(download.index[0]))  # fmt: skip
    explanations = dict.fromkeys([*((*known, *new) for new in _new(stored, download, known)), ()])
    readings = [_Reading(stored, download, tuple(known), standing) for standing in explanations]
    return max(readings, key=lambda reading: reading.strength).settled()  # the first of equals: the simplest


# ---------------------------------------------------------------- explanations


def _new(
    stored: pd.DataFrame, download: pd.DataFrame, known: Sequence[Restatement]
) -> Iterator[tuple[Restatement, ...]]:
    yield ()
    base = _undone(download, known)
    old = {*_events(stored), *(restatement.time for restatement in known)}
    new = [time for time in _events(base) if time not in old]
    yield _restated_by(base, new, splits=True)
    yield _restated_by(base, new, splits=True, volumes=False)
    yield _restated_by(base, new, dividends=True)
    yield _restated_by(base, new, splits=True, dividends=True)
    yield _restated_by(base, new, splits=True, dividends=True, volumes=False)
    yield _unlisted(stored, base)


def _events(rows: pd.DataFrame) -> list[pd.Timestamp]:
    return list(rows.index[(rows["split"] != 1.0) | (rows["dividend"] != 0.0)])


def _restated_by(
    rows: pd.DataFrame,
    events: Sequence[pd.Timestamp],
    *,
    splits: bool = False,
    dividends: bool = False,
    volumes: bool = True,
) -> tuple[Restatement, ...]:
    """Say what a source that restates by these events does to the bars before each.

    A dividend D takes the price before it from C to C - D, so the restated price c itself tells the factor:
    c / (c + D). A later event has scaled c already, which is undone first: hence from the latest back.
    """
    found, later = [], 1.0
    for time in reversed(events):
        before = rows["close"][rows.index < time]
        shares, paid = float(rows["split"][time]), float(rows["dividend"][time])
        ratio = shares if splits else 1.0
        cash = (paid if splits else paid * shares) if dividends else 0.0  # per share as the bars before quote them
        left = float(before.iloc[-1]) / later if len(before) else 0.0
        if (ratio == 1.0 and cash == 0.0) or not (left > 0.0 and shares > 0.0 and cash >= 0.0):
            continue
        price = left / (left + cash) / ratio
        kind = Kind.SPLIT if cash == 0.0 else Kind.DIVIDEND if ratio == 1.0 else Kind.BOTH
        found.append(Restatement(time, kind, price, ratio if volumes else 1.0))
        later *= price
    return tuple(found)


def _unlisted(stored: pd.DataFrame, rows: pd.DataFrame) -> tuple[Restatement, ...]:
    """Explain one simple factor on every bar by a split at the first new one, volumes having moved the other way.

    The split may have been later among the new bars, whose raw prices are in new shares until then; returns are right.
    """
    common, new = stored.index.intersection(rows.index), rows.index[rows.index > stored.index[-1]]
    if len(new) == 0 or not (stored["volume"][common] > 0.0).any():
        return ()
    ratio = float((stored["close"][common] / rows["close"][common]).median())
    if not 1.0 / LARGEST_SPLIT <= ratio <= LARGEST_SPLIT:
        return ()
    simple = Fraction(max(ratio, 1.0 / ratio)).limit_denominator(4)
    nearest = float(simple if ratio > 1.0 else 1 / simple)
    is_simple = simple != 1 and abs(ratio / nearest - 1.0) < RESTATED
    return (Restatement(new[0], Kind.UNLISTED, 1.0 / nearest, nearest),) if is_simple else ()


def _factors(times: pd.Index, restatements: Sequence[Restatement]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Multiply the restatements of prices and of volumes, bar by bar."""
    price, volume = np.ones(len(times)), np.ones(len(times))
    for restatement in restatements:
        before = times < restatement.time
        price[before] *= restatement.price
        volume[before] *= restatement.volume
    return price, volume


def _undone(rows: pd.DataFrame, restatements: Sequence[Restatement]) -> pd.DataFrame:
    """Return bars as they were before the source restated them, with the splits that it does not list."""
    price, volume = _factors(rows.index, restatements)
    raw = rows.assign(**{name: rows[name] / price for name in PRICES}, volume=rows["volume"] / volume)
    for restatement in restatements:
        if restatement.kind is Kind.UNLISTED and restatement.time in raw.index:
            raw.loc[restatement.time, "split"] = 1.0 / restatement.price
    return raw


# --------------------------------------------------------------------- reading


class _Reading:
    """One way to read a download, beside the stored bars that it should repeat."""

    def __init__(
        self,
        stored: pd.DataFrame,
        download: pd.DataFrame,
        known: tuple[Restatement, ...],
        standing: tuple[Restatement, ...],
    ) -> None:
        self._stored, self._download = stored, download
        self._known, self._standing = known, standing
        self._new = tuple(part for part in standing if part not in known)
        self._rows = _undone(download, standing)
        self._common = stored.index.intersection(download.index)
        self._price, self._volume = _factors(self._common, standing)

    @property
    def strength(self) -> int:
        """How many bars are the same; a restatement that explains no more than half of them explains nothing."""
        agreeing = int(self._same[[*PRICES, "volume"]].all(axis=1).sum())
        return agreeing if not self._new or 2 * agreeing > len(self._common) else -1

    def settled(self) -> Settlement:
        """Say what to take."""
        differing = self._differing
        if not self._on_one_footing:
            whole = self._download.reindex(self._download.index.union(differing))
            return Settlement(self._rows.iloc[:0], whole, self._differences, (), self._known, self._footing_lost)
        reason = f"{len(differing)} of {len(self._stored)} stored bars came back different" if len(differing) else ""
        parts = (self._late, self._rows.loc[self._completed], self._beyond)
        told = [Restatement(time, Kind.LATE) for time in self._late_times]
        told += [Restatement(time, Kind.COMPLETED) for time in self._completed]
        return Settlement(
            taken=pd.concat([part for part in parts if len(part)] or [self._beyond]).sort_index(),
            quarantined=self._download.reindex(differing),
            differences=self._differences,
            restatements=(*self._new, *told),
            standing=self._standing,
            reason=reason,
        )

    @cached_property
    def _same(self) -> pd.DataFrame:
        """Where stored and downloaded numbers are the same: common times x `FIELDS`."""
        old, new = self._stored.loc[self._common], self._rows.loc[self._common]
        tolerance = np.where(self._price == 1.0, SAME, RESTATED)[:, None]
        same = pd.DataFrame(_close(old.to_numpy(), new.to_numpy(), tolerance), self._common, list(FIELDS))
        # Volumes in new shares are whole numbers of them; cash per share may be quoted in new shares, too.
        same["volume"] |= (np.abs(old["volume"] - new["volume"]) * self._volume < 1.0) & (self._volume != 1.0)
        same["dividend"] |= _close(old["dividend"].to_numpy(), new["dividend"].to_numpy() * self._volume, RESTATED)
        return same

    @cached_property
    def _late_times(self) -> pd.Index:
        """Bars on which the source now lists a split or dividend where it listed none; the prices must show a split."""
        old, new, same = self._stored.loc[self._common], self._rows.loc[self._common], self._same
        nothing = pd.DataFrame({"split": old["split"] == 1.0, "dividend": old["dividend"] == 0.0})
        unlike = ~same[["split", "dividend"]]
        late = unlike.any(axis=1) & ~(unlike & ~nothing).any(axis=1) & same[[*PRICES, "volume"]].all(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):  # what is not positive shows nothing
            move = np.log(self._stored["close"]).diff().loc[self._common]
            shown = (new["split"] == 1.0) | ((move + np.log(new["split"])).abs() < move.abs())
        return self._common[(late & shown).to_numpy()]

    @cached_property
    def _completed(self) -> pd.Index:
        """Bars that are stored without a price that they now have."""
        lacked, given = (rows.loc[self._common, list(PRICES)].isna() for rows in (self._stored, self._rows))
        return self._common[(lacked.any(axis=1) & ~given.any(axis=1)).to_numpy()]

    @property
    def _late(self) -> pd.DataFrame:
        events = self._rows.loc[self._late_times, ["split", "dividend"]]
        return self._stored.loc[self._late_times].assign(**events)

    @property
    def _beyond(self) -> pd.DataFrame:
        outside = (self._rows.index < self._stored.index[0]) | (self._rows.index > self._stored.index[-1])
        return self._rows[outside]

    @cached_property
    def _differing(self) -> pd.Index:
        """Times of bars that changed, vanished, or appeared between stored ones."""
        changed = self._common[~self._same.all(axis=1).to_numpy()].difference(self._late_times)
        changed = changed.difference(self._completed)
        inside = self._download.index.difference(self._beyond.index)
        return changed.union(inside.symmetric_difference(self._stored.index))

    @property
    def _on_one_footing(self) -> bool:
        beyond, whole = self._beyond.index, self._stored.index.difference(self._completed)
        edges = list(whole[:1]) if len(beyond) and beyond[0] < self._stored.index[0] else []
        edges += list(whole[-1:]) if len(beyond) and beyond[-1] > self._stored.index[-1] else []
        return all(edge in self._common and bool(self._same.loc[edge, list(PRICES)].all()) for edge in edges)

    @property
    def _footing_lost(self) -> str:
        ratio = self._download["close"][self._common] / self._stored["close"][self._common]
        moved = len(ratio) and ratio.notna().all() and abs(ratio.median() - 1.0) > SAME
        if moved and ratio.max() <= ratio.min() * (1.0 + RESTATED):
            return f"every stored price came back times {ratio.median():.6g}"
        counts = f"{len(self._differing)} of {len(self._stored)} stored bars came back different"
        return f"{counts}, among them the one next to the new bars"

    @property
    def _differences(self) -> pd.DataFrame:
        old, new = self._stored.reindex(self._differing), self._download.reindex(self._differing)
        same = self._same.reindex(self._differing, fill_value=False)
        same.loc[old["close"].isna() ^ new["close"].isna(), [name for name in FIELDS if name != "close"]] = True
        same |= _close(old.to_numpy(), new.to_numpy(), SAME)
        row, column = np.nonzero(~same.to_numpy())
        return pd.DataFrame(
            {
                "time": self._differing[row],
                "field": np.array(FIELDS, dtype=object)[column],
                "stored": old.to_numpy()[row, column],
                "downloaded": new.to_numpy()[row, column],
            }
        )


def _close(
    old: NDArray[np.float64], new: NDArray[np.float64], tolerance: NDArray[np.float64] | float
) -> NDArray[np.bool_]:
    return (np.abs(old - new) <= tolerance * np.abs(old)) | (np.isnan(old) & np.isnan(new))
