"""The report's figures, each drawn twice: wide for screens and print, narrow for phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from quantml.reports.goal import Goal
from quantml.reports.scales import Values, broken, growth_ticks, thinned, ticks, year_ticks, years
from quantml.reports.svg import Ink, Sheet, axes_of, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE: Final = 760
NARROW: Final = 360
LEFT: Final = 56.0
TITLE: Final = 24.0
"""Room above axes for the line that says what they show."""


@dataclass(frozen=True)
class Key:
    """One entry of a figure's legend: a word, and the CSS class that draws its swatch."""

    text: str
    swatch: str


STRATEGY: Final = Key("Strategy", "strategy")
BENCHMARK: Final = Key("Benchmark", "benchmark")


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes
    ----------
    label : str
        What is drawn.
    caption : str
        What to see in it.
    keys : tuple of Key
        The legend.
    wide, narrow : str
        The drawings, as inline SVG.
    """

    label: str
    caption: str
    keys: tuple[Key, ...]
    wide: str
    narrow: str


def picture(
    name: str,
    label: str,
    caption: str,
    paint: Callable[[Figure, Sheet], None],
    *,
    heights: tuple[int, int],
    keys: tuple[Key, ...] = (),
) -> Picture:
    """Draw a figure for both widths; `heights` are those of the wide and the narrow drawing."""
    wide = draw(f"{name}-wide", label, Sheet(WIDE, heights[0]), paint)
    narrow = draw(f"{name}-narrow", label, Sheet(NARROW, heights[1]), paint)
    return Picture(label, caption, keys, wide, narrow)


# ------------------------------------------------------------------- over time


def equity_picture(growth: pd.DataFrame, drawdown: pd.DataFrame) -> Picture:
    """Draw what 1 grew to, on a logarithmic axis, above how far it stood below its last peak.

    Parameters
    ----------
    growth, drawdown : DataFrame, shape (T, 2)
        Columns ``strategy`` and ``benchmark``, labelled with times.
    """

    def paint(figure: Figure, sheet: Sheet) -> None:
        lower = 150.0
        upper = axes_of(figure, sheet, top=TITLE, bottom=lower + 6.0, left=LEFT)
        write_title(upper, "Growth of 1 (log scale)")
        _growth_axis(upper, growth.to_numpy())
        _lines(upper, growth, sheet)
        draw_time_axis(upper, growth.index, sheet, labelled=False)
        below = axes_of(figure, sheet, top=sheet.height - lower + TITLE + 4.0, bottom=24.0, left=LEFT)
        write_title(below, "Drawdown (below the last peak)")
        _percent_axis(below, min(float(drawdown.min().min()), -0.01), 0.0, most=4)
        _lines(below, drawdown, sheet, filled=True)
        draw_time_axis(below, drawdown.index, sheet)

    label = "Equity on a logarithmic axis and drawdown, strategy and benchmark, net of costs"
    caption = (
        "On the logarithmic axis equal slopes are equal rates of growth. The lower panel shows what had been lost since"
        " the highest value so far."
    )
    return picture("equity", label, caption, paint, heights=(470, 420), keys=(STRATEGY, BENCHMARK))


def rolling_picture(ratios: pd.DataFrame, span: str) -> Picture:
    """Draw the Sharpe ratio of a moving window; `ratios` as in `equity_picture`, `span` the window's name."""

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=24.0, left=LEFT)
        write_title(axes, f"Sharpe ratio of the last {span}")
        _number_axis(axes, ratios.to_numpy())
        _lines(axes, ratios, sheet)
        draw_time_axis(axes, ratios.index, sheet)

    caption = (
        f"Each point looks back one {span}. An edge that lasts stays above zero; one that comes from a single spell"
        " shows as one hill. A window this short swings widely by luck alone."
    )
    label = f"Rolling Sharpe ratio over one {span}, strategy and benchmark"
    return picture("rolling", label, caption, paint, heights=(240, 230), keys=(STRATEGY, BENCHMARK))


def skill_picture(saved: pd.Series, rival: str) -> Picture:
    """Draw a rival's cumulated squared error less the forecast's, as a fraction of the rival's total.

    Parameters
    ----------
    saved : Series, shape (T,)
        Labelled with times.
    rival : str
        What the rival is called.
    """

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=24.0, left=LEFT)
        write_title(axes, f"Squared error saved against {rival}")
        shown = np.append(saved.to_numpy(), 0.0)
        _percent_axis(axes, float(shown.min()), float(shown.max()), most=5)
        axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)
        _lines(axes, saved.to_frame("strategy"), sheet)
        draw_time_axis(axes, saved.index, sheet)

    caption = (
        f"Where the line rises, the forecast was closer to what happened than {rival}; where it falls, it was further"
        f" off. In percent of the whole period's squared error of {rival}: the line ends at the gain over all."
    )
    label = f"Cumulated squared error saved by the forecast against {rival}"
    return picture("skill", label, caption, paint, heights=(220, 220))


# ------------------------------------------------------------------ side by side


def yearly_picture(yearly: pd.DataFrame) -> Picture:
    """Draw the returns of calendar years, columns ``strategy`` and ``benchmark``, labelled with the years."""

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=24.0, left=LEFT)
        write_title(axes, "Return by calendar year")
        shown = np.append(yearly.to_numpy()[np.isfinite(yearly.to_numpy())], 0.0)
        _percent_axis(axes, float(shown.min()), float(shown.max()), most=6)
        place = np.arange(len(yearly), dtype=np.float64)
        width = 0.34 * min(len(yearly) / 6.0, 1.0)
        for column, side in (("strategy", -0.55), ("benchmark", 0.55)):
            axes.bar(place + side * width, yearly[column].to_numpy(), width, color=_ink(column), linewidth=0.0)
        axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)
        axes.set_xlim(-0.7, len(yearly) - 0.3)
        every = -(-len(yearly) // (7 if sheet.narrow else 16))
        axes.set_xticks(place[::every], [str(year) for year in yearly.index[::every]])

    caption = "The first and the last year may be partial; the table below has every number."
    label = "Returns of calendar years, strategy and benchmark"
    return picture("yearly", label, caption, paint, heights=(230, 220), keys=(STRATEGY, BENCHMARK))


def folds_picture(first: pd.DatetimeIndex, scores: pd.DataFrame, goal: Goal) -> Picture:
    """Draw each fold's score in sample, on validation blocks and out of sample.

    Parameters
    ----------
    first : DatetimeIndex, shape (folds,)
        Where each test block begins.
    scores : DataFrame, shape (folds, 3)
        Columns ``in_sample``, ``validation`` (NaN where nothing is tuned) and ``out_of_sample``.
    goal : Goal
        What the scores are.
    """
    tuned = bool(scores["validation"].notna().any())

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=24.0, left=LEFT)
        write_title(axes, f"{goal.title} of each fold ({goal.better} is better)")
        shown = np.append(scores.to_numpy()[np.isfinite(scores.to_numpy())], 0.0)
        axis = _percent_axis if goal.in_percent else _plain_axis
        axis(axes, float(shown.min()), float(shown.max()), most=6)
        axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)
        place, inside, outside = years(first), scores["in_sample"].to_numpy(), scores["out_of_sample"].to_numpy()
        axes.vlines(place, inside, outside, color=Ink.GRID, linewidth=1.0)
        size = 3.5 if sheet.narrow and len(first) > 30 else 5.0
        marks: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": size}
        axes.plot(place, inside, color=Ink.MUTED, markerfacecolor=Ink.PAPER, markeredgewidth=1.1, **marks)
        if tuned:
            axes.plot(place, scores["validation"].to_numpy(), color=Ink.BENCHMARK, linestyle="none", marker="_",
                      markersize=1.6 * size, markeredgewidth=1.6)  # fmt: skip
        axes.plot(place, outside, color=Ink.STRATEGY, markeredgewidth=0.0, **marks)
        draw_time_axis(axes, first, sheet)

    caption = (
        "The same configuration on the window that it was chosen and fitted on, and on the block that followed."
        f" Where the filled circle lies {goal.worse}, the future kept less than the past had promised. Blocks are"
        " short, so single folds scatter widely."
    )
    between = (Key("Validation", "benchmark"),) if tuned else ()
    keys = (Key("In sample", "inside"), *between, Key("Out of sample", "outside"))
    if tuned:
        caption += " It was chosen by the score called validation."
    label = f"{goal.title} of each fold in sample{', on validation blocks' if tuned else ''} and out of sample"
    return picture("folds", label, caption, paint, heights=(250, 240), keys=keys)


# --------------------------------------------------------------------- helpers


def _ink(column: str) -> Ink:
    return {"strategy": Ink.STRATEGY, "benchmark": Ink.BENCHMARK}[column]


def write_title(axes: Any, text: str) -> None:
    """Write above axes what they show."""
    axes.annotate(
        text, (0.0, 1.0), (-LEFT + 2.0, 10.0), xycoords="axes fraction", textcoords="offset points", color=Ink.MUTED
    )


def _lines(axes: Any, table: pd.DataFrame, sheet: Sheet, *, filled: bool = False) -> None:
    """Draw a line per column, the strategy's above the benchmark's; it breaks off where values are NaN."""
    place = years(pd.DatetimeIndex(table.index))
    for column in reversed([str(name) for name in table.columns]):
        values = table[column].to_numpy(dtype=np.float64)
        kept = thinned(values, sheet.width // (4 if sheet.narrow else 3))
        across, up = (broken(part[kept], values, kept) for part in (place, values))
        width = 1.6 if column == "strategy" else 1.1
        axes.plot(across, up, color=_ink(column), linewidth=width)
        if filled and column == "strategy":
            axes.fill_between(across, up, 0.0, color=_ink(column), alpha=0.14, linewidth=0.0)


def draw_time_axis(axes: Any, index: pd.Index, sheet: Sheet, *, labelled: bool = True) -> None:
    """Scale an axis to a clock, with ticks at the beginnings of months or years."""
    place = years(pd.DatetimeIndex(index))
    low, high = float(place.min()), float(place.max())
    room = max((high - low) * 0.015, 0.01)
    axes.set_xlim(low - room, high + room)
    at, labels = year_ticks(low - room, high + room, 5 if sheet.narrow else 9)
    axes.set_xticks(at, labels if labelled else [""] * len(at))
    axes.minorticks_off()


def _growth_axis(axes: Any, values: Values) -> None:
    """Scale to the start and to the positive values: a lost account ends where it last had any."""
    positive = np.append(values[np.isfinite(values) & (values > 0.0)], 1.0)
    low, high = float(positive.min()) / 1.05, float(positive.max()) * 1.05
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(low, high)
    at = growth_ticks(low, high)
    axes.set_yticks(at, [f"{part:g}" for part in at])
    axes.minorticks_off()
    if low < 1.0 < high:
        axes.axhline(1.0, color=Ink.MUTED, linewidth=0.8)


def _percent_axis(axes: Any, low: float, high: float, *, most: int) -> None:
    _linear_axis(axes, low, high, most, lambda values: _labels([100.0 * value for value in values], " %"))


def _plain_axis(axes: Any, low: float, high: float, *, most: int) -> None:
    _linear_axis(axes, low, high, most, _labels)


def _number_axis(axes: Any, values: Values) -> None:
    shown = np.append(values[np.isfinite(values)], 0.0)
    _plain_axis(axes, float(shown.min()), float(shown.max()), most=6)
    axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)


def _linear_axis(axes: Any, low: float, high: float, most: int, labels: Callable[[Sequence[float]], list[str]]) -> None:
    room = 0.04 * (high - low) or 0.01
    low, high = low - room * (low < 0.0), high + room * (high > 0.0)
    at = ticks(low, high, most)
    axes.set_ylim(low, high)
    axes.set_yticks(at, labels(at))


def _labels(values: Sequence[float], unit: str = "") -> list[str]:
    return [f"{value:.6g}{unit}".replace("-", "−") for value in values]
