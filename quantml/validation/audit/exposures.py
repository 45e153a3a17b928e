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
from quantml.features.base import Feature, stated_warmup
from quantml.panel import repeated_opens
from quantml.study import Market, Study
from quantml.survivorship import SURVIVORSHIP, universe_notes
from quantml.timing import Fill
from quantml.validation.audit.findings import Leak, Notice
from quantml.validation.audit.inputs import Inputs, tried

REPEATED: Final = 0.9
"""Share of a symbol's opens that repeat the close before them, above which they are no opens."""
LEVEL: Final = 1e-9
"""Difference, beside a feature's largest value, above which it hangs on the level of prices."""
HISTORY: Final = 0.05
"""Difference, beside a feature's usual change from bar to bar, above which it hangs on bars before its warm-up."""


def exposures(study: Study, market: Market, fill: Fill) -> Iterator[Notice | Leak]:
    """Tell of what is seen in the declaration and the data alone."""
    if study.signal:
        yield from _of_fill(market.bars, fill)
    for note in universe_notes(market.bars):
        if note.startswith(SURVIVORSHIP):
            yield Notice("survivorship", "universe", _sentence(note.removeprefix(SURVIVORSHIP)))
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


def _sentence(text: str) -> str:
    plain = text.strip()
    return plain[:1].upper() + plain[1:]


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
        double, later = _doubled(bars), bars.between(bars.clock[self.first // 2], bars.clock[-1])
        for number, (name, feature) in enumerate(self.inputs.features.items()):
            was = self.inputs.values[:, :, number]
            if bars.quoted and _apart(was, tried(feature, double), np.nanmax(np.abs(was), initial=0.0)) > LEVEL:
                yield Notice("price level", name, f"{name} changes when every price is doubled: it says something"
                             " else for a share of 10 than for one of 1,000.")  # fmt: skip
            else:
                yield from self._of_history(name, feature, was[len(bars) - len(later) :], later)

    def _of_history(self, name: str, feature: Feature, was: NDArray[np.float64], later: Bars) -> Iterator[Notice]:
        warmup, left_out = stated_warmup(feature), len(self.inputs.problem.bars) - len(later)
        settled = ((np.cumsum(later.traded, axis=0) > warmup) | ~later.traded).all(axis=1)  # others' ranks hang on all
        now, moves = tried(feature, later), np.diff(was, axis=0)
        if isinstance(now, InputError) or np.isnan(moves).all():
            return
        apart = _apart(was[settled], now[settled], float(np.nanstd(moves)))
        if apart > HISTORY:
            yield Notice("history", name, f"{name} hangs on bars before its warm-up of {warmup}: with {left_out} rows"
                         f" of history less it differs by up to {apart:.2g} times its usual change from bar to bar."
                         " It will say something else where it is computed on newer data.")  # fmt: skip


def _doubled(bars: Bars) -> Bars:
    quoted = {name: 2.0 * part if name in PRICES else part for name, part in bars.quoted.items()}
    return replace(bars, quoted=quoted, dividend=2.0 * bars.dividend)


def _apart(was: NDArray[np.float64], now: NDArray[np.float64] | InputError, size: float) -> float:
    """Return the largest difference in units of `size`, where both have values."""
    if isinstance(now, InputError):
        return 0.0
    both = np.isfinite(was) & np.isfinite(now)
    return float(np.abs(was[both] - now[both]).max(initial=0.0)) / size if size > 0.0 else 0.0
