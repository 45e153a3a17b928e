"""What bears on a study's result without being a leak that a cut could show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.bars import PRICES, Bars
from quantml.calendars import is_slow
from quantml.errors import InputError
from quantml.faults import name_of
from quantml.features.base import stated_warmup
from quantml.panel import repeated_opens
from quantml.study import Market, Study
from quantml.survivorship import SURVIVORSHIP, universe_notes
from quantml.timing import Fill
from quantml.validation.audit.findings import Leak, Notice
from quantml.validation.audit.inputs import Inputs, tried

REPEATED: Final = 0.9
"""Share of a symbol's opens that repeat the close before them, above which they are no opens."""
LEVEL: Final = 1e-9
HISTORY: Final = 1e-6
"""Differences, beside the largest value of a column, above which a feature hangs on the price level, or on bars
before its warm-up."""


def exposures(study: Study, market: Market, fill: Fill) -> Iterator[Notice | Leak]:
    """Tell of what is seen in the declaration and the data alone."""
    if study.signal:
        yield from _of_fill(market.bars, fill)
    for note in universe_notes(market.bars):
        if note.startswith(SURVIVORSHIP):
            yield Notice("survivorship", "universe", note.removeprefix(SURVIVORSHIP).strip())
    for sentence in dict.fromkeys(policy.hindsight for policy in market.policies if policy.hindsight):
        yield Notice("hindsight", "quality", sentence)
    for part in study.exogenous:
        if said := getattr(part, "hastened", ""):
            yield Leak("data", name_of(part), f"{said} It is used before it was available.")
    for name, table in market.bars.tables.items():
        if bool((table.available == table.period).all()):
            yield Notice("outside table", name, f"The table {name!r} counts as known at the time in its index: the"
                         " audit takes its word that it was published by then.")  # fmt: skip
        elif not table.period.has_duplicates and not table.symbols:
            yield Notice("outside table", name, f"The table {name!r} has one vintage of each period: where values were"
                         " revised after they were published, no audit can see it.")  # fmt: skip
    if study.bundle is None:
        yield Notice("not audited", "declaration", "The study has no file that could be read again, so what was chosen"
                     " while it was declared was not audited.")  # fmt: skip


def _of_fill(bars: Bars, fill: Fill) -> Iterator[Notice | Leak]:
    if fill is Fill.NEXT_OPEN:
        shares = repeated_opens(bars.array("open"), bars.array("close"))
        repeated = [name for name, share in zip(bars.symbols, shares, strict=True) if share > REPEATED]
        if repeated:
            yield Leak("fill", "Fill.NEXT_OPEN", f"the opens of {', '.join(repeated[:5])} are the closes before them: a"
                       " fill at the next open is one at the close that decides.")  # fmt: skip
    if fill is not Fill.PERIOD:
        return
    if bars.has("open") or not is_slow(bars.clock):
        other = Fill.NEXT_OPEN if bars.has("open") else Fill.NEXT_CLOSE
        yield Leak("fill", "Fill.PERIOD", "decisions made at a close are filled at that same close: nobody can trade at"
                   f" a price that decides. Use Fill.{other.name}.")  # fmt: skip
    else:
        yield Notice("fill", "Fill.PERIOD", "Decisions are executed at the price that decides them.")


@dataclass(frozen=True, eq=False)
class Dependences:
    """On what else features hang: the level of prices, and how much history was loaded."""

    inputs: Inputs
    first: int
    """The first out-of-sample decision."""

    def notices(self) -> Iterator[Notice]:
        """Tell of features that change when every price is doubled, or when the bars begin later."""
        bars = self.inputs.problem.feature_bars
        double = _doubled(bars)
        later = bars.between(bars.clock[self.first // 2], bars.clock[-1])
        for number, (name, feature) in enumerate(self.inputs.features.items()):
            was = self.inputs.values[:, :, number]
            if bars.quoted and _apart(was, tried(feature, double)) > LEVEL:
                yield Notice("price level", name, f"{name} changes when every price is doubled: it says something"
                             " else for a share of 10 than for one of 1,000.")  # fmt: skip
                continue
            now, start = tried(feature, later), len(bars) - len(later)
            if isinstance(now, InputError):
                continue
            settled = np.cumsum(later.traded, axis=0) > stated_warmup(feature)
            apart = _apart(np.where(settled, was[start:], np.nan), np.where(settled, now, np.nan))
            if apart > HISTORY:
                yield Notice("history", name, f"{name} hangs on bars before its warm-up of {stated_warmup(feature)}:"
                             f" with {start} rows of history less its values differ by up to {100 * apart:.2g} % of its"
                             " largest. It will say something else where it is computed on newer data.")  # fmt: skip


def _doubled(bars: Bars) -> Bars:
    quoted = {name: 2.0 * part if name in PRICES else part for name, part in bars.quoted.items()}
    return replace(bars, quoted=quoted, dividend=2.0 * bars.dividend)


def _apart(was: NDArray[np.float64], now: NDArray[np.float64] | InputError) -> float:
    """Return the largest difference beside the largest value, where both have values."""
    if isinstance(now, InputError):
        return 0.0
    both = np.isfinite(was) & np.isfinite(now)
    size = float(np.abs(was[both]).max(initial=0.0))
    return float(np.abs(was[both] - now[both]).max(initial=0.0)) / size if size > 0.0 else 0.0
