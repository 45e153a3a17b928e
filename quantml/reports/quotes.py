"""A symbol's prices and volume over time, with what is wrong marked in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.loaders.quality.findings import Finding, Findings, Severity
from quantml.reports.plots import LEFT, TITLE, Key, Picture, draw_time_axis, picture, write_title
from quantml.reports.scales import Values, broken, growth_ticks, thinned, ticks, years
from quantml.reports.svg import Ink, Sheet, axes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PRICE: Final = 250
VOLUME: Final = 110
LANE: Final = 26
"""Height of one rule's lane, in pixels."""
AXIS: Final = 24
GAP: Final = 14
"""Between the volume's axis and the first lane."""
UNITS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
INKS: Final = {Severity.ERROR: Ink.ERROR, Severity.WARNING: Ink.WARNING, Severity.NOTE: Ink.MUTED}


def quotes_picture(rows: pd.DataFrame, findings: Findings) -> Picture:
    """Draw closes and volume in the shares of the last row, above a lane for each rule with its findings.

    Parameters
    ----------
    rows : DataFrame
        Of one symbol, at least one: close, volume and split as quoted, labelled with times.
    findings : Findings
        On that symbol.
    """
    clock = pd.DatetimeIndex(rows.index)
    shares = _shares(rows["split"].to_numpy(dtype=np.float64))
    close = rows["close"].to_numpy(dtype=np.float64) * shares
    close = np.where(close > 0.0, close, np.nan)
    volume = rows["volume"].to_numpy(dtype=np.float64) / shares
    rules = sorted({one.rule for one in findings})
    lanes = LANE * len(rules) + AXIS
    has_volume = bool(np.isfinite(volume).any())

    def paint(figure: Figure, sheet: Sheet) -> None:
        below = lanes + GAP + (VOLUME if has_volume else 0)
        upper = axes_of(figure, sheet, top=TITLE, bottom=float(below), left=LEFT)
        write_title(upper, "Close (log scale)")
        _price_axis(upper, close)
        _line(upper, clock, close, sheet)
        _mark(upper, clock, close, findings)
        draw_time_axis(upper, clock, sheet, labelled=False)
        if has_volume:
            middle = axes_of(figure, sheet, top=sheet.height - below + TITLE, bottom=float(lanes + GAP), left=LEFT)
            write_title(middle, "Volume")
            _volume(middle, clock, volume, sheet)
            draw_time_axis(middle, clock, sheet, labelled=False)
        lower = axes_of(figure, sheet, top=sheet.height - lanes, bottom=float(AXIS), left=LEFT)
        _lanes(lower, rules, findings)
        draw_time_axis(lower, clock, sheet)
        _label_days(lower, clock, sheet)

    caption = (
        "In the shares of the last bar: what was quoted before a recorded split is divided by it, so that a split that"
        " is not recorded shows as a step. A mark stands at the first bar that a finding is about, or at the bar before"
        " one that is missing; a bar in a lane reaches from its first to its last."
    )
    keys = tuple(Key(level.capitalize(), level) for level in Severity if len(findings.of(level)))
    height = PRICE + (VOLUME if has_volume else 0) + GAP + lanes
    label = "Closes, volume and findings over time"
    return picture("quotes", label, caption, paint, heights=(height, height), keys=keys)


def _shares(split: Values) -> Values:
    """Return the factor from quoted prices to prices of the last row's shares."""
    factor = np.cumprod(np.where(np.isfinite(split) & (split > 0.0), split, 1.0))
    return np.asarray(factor / factor[-1], dtype=np.float64)


def _line(axes: Any, clock: pd.DatetimeIndex, values: Values, sheet: Sheet) -> None:
    kept = thinned(values, sheet.width // 3)
    across, up = (broken(part[kept], values, kept) for part in (years(clock), values))
    axes.plot(across, up, color=Ink.STRATEGY, linewidth=1.3)


def _mark(axes: Any, clock: pd.DatetimeIndex, close: Values, findings: Findings) -> None:
    known = np.flatnonzero(~np.isnan(close))
    if not known.size:
        return
    for level, ink in reversed(INKS.items()):  # the worst on top
        dates = pd.DatetimeIndex([one.date for one in findings.of(level)], tz=clock.tz)
        at = known[np.maximum(clock[known].searchsorted(dates, side="right") - 1, 0)]
        axes.plot(years(clock)[at], close[at], linestyle="none", marker="o", markersize=6.5, color=ink,
                  markeredgecolor=Ink.PAPER, markeredgewidth=0.8)  # fmt: skip


def _price_axis(axes: Any, close: Values) -> None:
    known = close[~np.isnan(close)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(low / 1.06, high * 1.06)
    at = growth_ticks(low / 1.06, high * 1.06)
    axes.set_yticks(at, [f"{part:g}" for part in at])
    axes.minorticks_off()


def _volume(axes: Any, clock: pd.DatetimeIndex, volume: Values, sheet: Sheet) -> None:
    kept = thinned(volume, sheet.width // 3)
    axes.fill_between(years(clock)[kept], volume[kept], 0.0, color=Ink.MUTED, alpha=0.6, linewidth=0.4)
    most = float(np.nanmax(volume)) or 1.0
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    at = ticks(0.0, most / unit, 3)
    axes.set_ylim(0.0, 1.05 * most)
    axes.set_yticks([unit * part for part in at], [f"{part:g}{name if part else ''}" for part in at])


def _lanes(axes: Any, rules: list[str], findings: Findings) -> None:
    axes.set_ylim(len(rules) or 1, 0.0)
    axes.set_yticks([])
    axes.grid(visible=False)
    for lane, rule in enumerate(rules):
        axes.annotate(rule, (0.0, lane + 0.5), (4.0 - LEFT, 3.0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", color=Ink.MUTED)  # fmt: skip
        axes.axhline(lane + 0.75, color=Ink.GRID, linewidth=0.8)
        for one in findings.by(rule):
            _span(axes, one, lane + 0.75)


def _span(axes: Any, finding: Finding, height: float) -> None:
    first, last = years(pd.DatetimeIndex([finding.date, finding.until]))
    ink = INKS[finding.severity]
    axes.plot([first, last], [height, height], color=ink, linewidth=5.0, solid_capstyle="projecting")


def _label_days(axes: Any, clock: pd.DatetimeIndex, sheet: Sheet) -> None:
    """Put ticks at days where the clock is too short for months."""
    if len(axes.get_xticks()) > 1:
        return
    days, first = np.unique(clock.tz_localize(None).normalize().to_numpy(), return_index=True)
    every = -(-len(days) // (3 if sheet.narrow else 6))
    at: NDArray[np.intp] = first[::every]
    axes.set_xticks(years(clock)[at], [f"{clock[row]:%Y-%m-%d}" for row in at])
