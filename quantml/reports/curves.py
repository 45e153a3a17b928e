"""How a run's Sharpe ratio falls with costs and delay, and with capital."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from quantml.reports.plots import LEFT, TITLE, Key, Picture, picture, write_title
from quantml.reports.scales import growth_ticks, ticks
from quantml.reports.svg import Ink, Sheet, axes_of
from quantml.sensitivities.whole import Sensitivity, profit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from quantml.sensitivities.surfaces import Surface

AXIS: Final = 42.0
"""Room below axes for ticks and what they are."""
UNITS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
DECLARED: Final = Key("As declared", "strategy")
LATER: Final = Key("Decided later: the fainter, the later", "later")


def costs_picture(found: Sensitivity) -> Picture | None:
    """Draw the net Sharpe ratio over multiples of costs, a line for each delay; None where there is one multiple."""
    surface = next(part for part in found.surfaces if part.name == "costs")
    multiples, delays = surface.values
    if len(multiples) < 2:
        return None
    lines = [[_ratio(found, surface, multiple, delay) for multiple in multiples] for delay in delays]

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=AXIS, left=LEFT)
        write_title(axes, "Net Sharpe ratio")
        _upright(axes, [value for line in lines for value in line])
        for number in reversed(range(len(lines))):
            ink, alpha = (Ink.STRATEGY, 1.0) if number == 0 else (Ink.MUTED, 1.0 - 0.8 * number / len(lines))
            axes.plot(multiples, lines[number], color=ink, alpha=alpha, linewidth=1.0 if number else 2.0)
        _mark(axes, 1.0, found.own.sharpe_ratio)
        axes.set_xlim(0.0, max(multiples))
        at = ticks(0.0, max(multiples), 5 if sheet.narrow else 9)
        axes.set_xticks(at, [f"{value:g}" for value in at])
        axes.set_xlabel("Multiple of the declared costs")

    label = "Net Sharpe ratio over multiples of the declared costs, by delay"
    caption = (
        "Every cost is multiplied: commissions, spread, slippage, impact, borrow and financing. The circle is the run"
        " itself. A line that falls steeply leaves little room for costs that were guessed too low; where lines lie far"
        " apart, the result hangs on being fast."
    )
    keys = (DECLARED, LATER) if len(delays) > 1 else (DECLARED,)
    return picture("costs", label, caption, paint, heights=(270, 260), keys=keys)


def capacity_picture(found: Sensitivity) -> Picture:
    """Draw the net Sharpe ratio, and what a year earns, over capital."""
    assert found.capacity is not None
    curve = found.capacity.curve
    capital = [value for value, _ in curve]
    ratios = [one.sharpe_ratio for _, one in curve]
    earned = [profit(value, one) for value, one in curve]

    def paint(figure: Figure, sheet: Sheet) -> None:
        half = sheet.height / 2.0
        upper = axes_of(figure, sheet, top=TITLE, bottom=half, left=LEFT)
        lower = axes_of(figure, sheet, top=half + TITLE, bottom=AXIS, left=LEFT)
        write_title(upper, "Net Sharpe ratio")
        write_title(lower, "Earned per year, in currency")
        for axes, values in ((upper, ratios), (lower, earned)):
            axes.set_xscale("log")
            axes.plot(capital, values, color=Ink.STRATEGY, linewidth=1.6, marker="o", markersize=3.5)
            axes.set_xlim(min(capital) / 1.3, max(capital) * 1.3)
            at = growth_ticks(min(capital) / 1.3, max(capital) * 1.3, 5 if sheet.narrow else 8)
            axes.set_xticks(at, [_money(value) for value in at] if axes is lower else [""] * len(at))
            axes.minorticks_off()
        _upright(upper, ratios)
        most = max([value for value in earned if math.isfinite(value)], default=0.0)
        _upright(lower, [max(value, -most) if most > 0.0 else value for value in earned], _money)
        lower.set_xlabel("Capital at the beginning (log scale)")

    label = "Net Sharpe ratio and yearly earnings over capital"
    caption = (
        "Impact grows with the size of orders beside usual volume. What a year earns is the annual return times the"
        " capital at the beginning: where the lower curve turns, more capital earns less. Losses larger than the"
        " largest gain are cut off."
    )
    return picture("capacity", label, caption, paint, heights=(400, 380))


def _ratio(found: Sensitivity, surface: Surface, multiple: float, delay: int) -> float:
    return found.outcomes[surface.cell(multiple, delay)].sharpe_ratio


def _upright(axes: Any, values: Sequence[float], name: Any = None) -> None:
    """Scale the upward axis to values and zero."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    room = 0.05 * (high - low) or 0.01
    low, high = low - room * (low < 0.0), high + room * (high > 0.0 or low == 0.0)
    at = ticks(low, high, 6)
    axes.set_ylim(low, high)
    axes.set_yticks(at, [f"{value:.6g}".replace("-", "−") if name is None else name(value) for value in at])
    axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)


def _mark(axes: Any, across: float, up: float) -> None:
    if np.isfinite(up):
        axes.plot([across], [up], linestyle="none", marker="o", markersize=6.5, color=Ink.STRATEGY,
                  markeredgecolor=Ink.PAPER, markeredgewidth=1.0, clip_on=False)  # fmt: skip


def _money(value: float) -> str:
    unit, name = next(((size, name) for size, name in UNITS if abs(value) >= size), (1.0, ""))
    return f"{value / unit:.3g}{name}".replace("-", "−")
