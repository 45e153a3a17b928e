"""Where a past changed with its future, and how that is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.validation.audit.findings import Leak, Notice
from quantml.validation.audit.worlds import Perturbed, Truncated, World


@dataclass(frozen=True)
class Difference:
    """One part of a study whose past is not as it was in one world.

    Attributes
    ----------
    stage, part : str
    world : World
    known : int
        Rows of the clock whose past had to stay.
    row : int or None
        The first row that changed; None where what changed has no row.
    column : int or None
        The symbol that changed there.
    begins : int
        The first row on which the part had a value.
    evidence : str
        What is said instead of the usual sentence, where it is not empty.
    reads : str
        What of the future moves it.
    failed : bool
        Whether the part fails where the bars end at the moment.
    """

    stage: str
    part: str
    world: World
    known: int
    row: int | None = None
    column: int | None = None
    begins: int = 0
    evidence: str = ""
    reads: str = ""
    failed: bool = False

    @property
    def ahead(self) -> int | None:
        """Rows that the part reads ahead at least: from the first row that changed to the first that came otherwise."""
        return None if self.row is None or self.evidence else self.known - self.row

    @property
    def whole(self) -> bool:
        """Whether every row with a value changed: the part reads the whole sample."""
        return self.row is not None and self.row <= self.begins < self.known - 1


def compare(
    stage: str, part: str, world: World, was: NDArray[np.float64], now: NDArray[np.float64]
) -> Difference | None:
    """Compare two pasts of shape (known rows, N) of one part; None where they are the same."""
    changed = world.differs(was, now)
    if not changed.any():
        return None
    row = int(np.argmax(changed.any(axis=1)))
    valued = ~np.isnan(was).all(axis=1)
    return Difference(stage, part, world, len(was), row, int(np.argmax(changed[row])), int(np.argmax(valued)))


def unrepeatable(part: str, does: str) -> Notice:
    """Tell of a part that says something else each time: nobody could tell whether it looks ahead."""
    said = f"{part} {does} otherwise each time on the same bars, so whether it looks ahead could not be seen."
    return Notice("not reproducible", part, said)


def failure(stage: str, part: str, world: World, known: int, error: Exception) -> Iterator[Difference | Notice]:
    """Tell of a part that fails in a world: it needs what comes after the moment, or cannot stand other bars."""
    if isinstance(world, Truncated):
        said = f"it fails when the bars end on {show(world.moment)}: {error}"
        yield Difference(stage, part, world, known, evidence=said, failed=True)
    elif isinstance(world, Perturbed) and not world.gaps:  # many an honest computation refuses bars with holes
        yield Notice("not audited", part, f"Where prices after {show(world.moment)} are others, it fails: {error}")


def failures_of(found: Sequence[Difference], tried: Collection[pd.Timestamp]) -> tuple[list[Difference], list[Notice]]:
    """Tell parts that fail wherever the bars end, which need what comes later, from those that fail here and there.

    What fails at some moments alone, such as before a window is full, could not have been run then; nor can a single
    moment tell one from the other.

    Parameters
    ----------
    found : sequence of Difference
    tried : collection of Timestamp
        The moments at which the bars ended.

    Returns
    -------
    list of Difference
        What is a leak: other than failures, all.
    list of Notice
    """
    failed: dict[tuple[str, str], list[Difference]] = {}
    for one in (one for one in found if one.failed):
        failed.setdefault((one.stage, one.part), []).append(one)
    moments = set(tried)
    always = {
        key for key, group in failed.items() if len(moments) > 1 and moments <= {one.world.moment for one in group}
    }
    notices = [Notice("not audited", key[1], f"{key[1]}: {group[0].evidence}") for key, group in failed.items()
               if key not in always]  # fmt: skip
    return [one for one in found if not one.failed or (one.stage, one.part) in always], notices


def leaks_of(found: Iterable[Difference], clock: pd.DatetimeIndex, symbols: Sequence[str]) -> list[Leak]:
    """Tell of each part once, by the difference that reaches furthest.

    Parameters
    ----------
    found : iterable of Difference
    clock : DatetimeIndex
    symbols : sequence of str
    """
    by_part: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        by_part.setdefault((one.stage, one.part), []).append(one)
    return [_leak(group, clock, symbols) for group in by_part.values()]


def _leak(group: Sequence[Difference], clock: pd.DatetimeIndex, symbols: Sequence[str]) -> Leak:
    furthest = max(group, key=lambda one: -1 if one.ahead is None else one.ahead)
    symbol = "" if furthest.column is None else symbols[furthest.column]
    first = None if furthest.row is None else clock[furthest.row]
    whole = any(one.whole for one in group)
    evidence = furthest.evidence or _evidence(furthest, group, clock, symbol, whole)
    reads = next((one.reads for one in group if one.reads), "")
    return Leak(furthest.stage, furthest.part, evidence, symbol, first, furthest.ahead, reads)


def _evidence(one: Difference, group: Sequence[Difference], clock: pd.DatetimeIndex, symbol: str, whole: bool) -> str:
    how = "the bars after it were left out" if isinstance(one.world, Truncated) else "what came after it was changed"
    moment, moments = show(one.world.moment), len({part.world.moment for part in group})
    tried = f" (so at {moments} moments)" if moments > 1 else ""
    if one.row is None:
        return f"it changed when, from {moment} on, {how}{tried}."
    reach = "it reads the whole sample" if whole else f"it reads at least {one.ahead} row{'s' * (one.ahead != 1)} ahead"
    where = f"its value on {show(clock[one.row])}{f' for {symbol}' if symbol else ''} changed when, from {moment} on,"
    return f"{reach}: {where} {how}{tried}."


def show(moment: pd.Timestamp) -> str:
    """Write a time as a date where it is a session."""
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
