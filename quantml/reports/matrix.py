"""The same study over a grid of windows and starts: run, a page for people, a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from quantml import __version__
from quantml.evaluation.anova import Part
from quantml.matrices.cells import Cell, Length
from quantml.matrices.whole import Matrix, run_cells
from quantml.reports import words
from quantml.reports.page import FOLDED, page
from quantml.reports.pages import environment, write_page
from quantml.reports.plots import LEFT, TITLE, Key, Picture, picture, write_title
from quantml.reports.scales import ticks
from quantml.reports.svg import Ink, Sheet, axes_of
from quantml.reports.tables import Heat, Table
from quantml.reports.terminal import live_progress, text_table
from quantml.study import Study
from quantml.validation.workers import Workers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME: Final = "matrix.html"
MOST: Final = 40
"""Pairs of lengths that fit into one drawing."""


def walk_forward_matrix(
    study: Study,
    *,
    train: Sequence[Length] | None = None,
    test: Sequence[Length] | None = None,
    offsets: Sequence[Length],
    out: str | Path | None = None,
    executor: Workers | Executor | None = None,
    progress: bool = False,
    settings: Sequence[str] = (),
) -> Matrix:
    """Run a study over a grid of train lengths, test lengths and starts: how much of it is luck of the calendar.

    Every cell is a run of its own, as by ``quantml run --set validation.train=... --set validation.test=... --set
    validation.offset=...``: with `out` it has its folder, is counted as a trial, and `out`/STUDY/matrix.html shows all
    of them.

    Parameters
    ----------
    study : Study
        Validated by `WalkForward`, and with a signal.
    train, test : sequence of int or str, optional
        Lengths to try, in rows or durations such as ``"2y"``; the declared one is always among them.
    offsets : sequence of int or str
        How much later folds start, in rows or durations, two at least; the declared one is always among them.
    out : path, optional
        Folder of runs; without it nothing is written and nothing counted.
    executor : Workers or Executor, optional
        Where the folds of each cell run, one cell after the other; in this process by default.
    progress : bool
        Show the folds done and the time left on standard error, where that is a terminal.
    settings : sequence of str
        Changes to declared values that all cells have in common, such as ``"costs.spread_bps=2"``.

    Returns
    -------
    Matrix

    Raises
    ------
    InputError
        If the study does not walk forward or does not trade, the grid has no two starts, a cell does not fit into the
        data (the text names it), or all cells have no out-of-sample bars in common; nothing is run then.
    RunError
        If the work itself failed.
    """
    with live_progress(f"{study.name}, all cells") if progress else nullcontext() as shown:
        found = run_cells(study, train=train, test=test, offsets=offsets, out=out, executor=executor, progress=shown,
                          settings=settings, documents=(page,))  # fmt: skip
    if out is not None:
        write_page(page_of(found, out), matrix_page(found))
    return found


def page_of(found: Matrix, out: str | Path) -> Path:
    """Say where the page of a matrix is, below a folder of runs."""
    return Path(out) / found.study / NAME


# --------------------------------------------------------------------- terminal


def matrix_table(found: Matrix, page: Path | None = None) -> RenderableType:
    """Show the Sharpe ratio of every pair of lengths, and how far it moves with the start.

    Parameters
    ----------
    found : Matrix
    page : Path, optional

    Returns
    -------
    rich renderable
    """
    table = text_table("Train", "Test", "Mean Sharpe", "Lowest", "Highest", text=(0, 1))
    for train in found.plan.trains:
        for test in found.plan.tests:
            ratios = found.ratios(train, test)
            shown = (words.number(one) for one in (sum(ratios) / len(ratios), min(ratios), max(ratios)))
            style = "bold" if _is_declared(found, train, test) else ""
            table.add_row(*(Text(cell, style=style) for cell in (str(train), str(test), *shown)))
    parts: list[RenderableType] = [Text(found.study, style="bold"), Text(words.typeset(found.sentence)), table]
    parts.append(Text(_scope(found)))
    if found.leaked:
        parts.append(Text("The look-ahead audit found something in a cell: see its report.", style="bold red"))
    if page is not None:
        parts.append(Text.assemble(("Page: ", "bold"), str(page), overflow="fold"))
    return Group(*parts)


def _scope(found: Matrix) -> str:
    first, last = words.day(found.plan.first), words.day(found.plan.last)
    starts = words.listed([str(offset) for offset in found.plan.offsets])
    return f"Net of costs, on what all cells have in common: {first} to {last}. Starts: {starts}."


def _is_declared(found: Matrix, train: Length, test: Length) -> bool:
    return (train, test) == (found.plan.declared.train, found.plan.declared.test)


# ------------------------------------------------------------------------- page


@dataclass(frozen=True)
class Spot:
    """A cell of the map: mean over the starts, their range, and whether these lengths are the declared ones."""

    heat: Heat
    span: str
    own: bool


def matrix_page(found: Matrix) -> bytes:
    """Write everything as a page that stands alone.

    Returns
    -------
    bytes
        UTF-8, the same for the same cells.
    """
    content: dict[str, Any] = {
        "words": words,
        "version": __version__,
        "folded": FOLDED,
        "found": found,
        "sentence": words.typeset(found.sentence),
        "scope": _scope(found),
        "tests": [str(test) for test in found.plan.tests],
        "map": _map(found),
        "picture": _picture(found),
        "variance": _variance(found),
        "cells": _cells(found),
    }
    return environment().get_template("matrix.html.j2").render(content).encode()


def _map(found: Matrix) -> list[tuple[str, list[Spot]]]:
    known = [abs(one.sharpe_ratio) for one in found.outcomes.values() if math.isfinite(one.sharpe_ratio)]
    most = max(known, default=0.0)
    return [(str(train), [_spot(found, train, test, most) for test in found.plan.tests]) for train in found.plan.trains]


def _spot(found: Matrix, train: Length, test: Length, most: float) -> Spot:
    ratios = found.ratios(train, test)
    mean, own = sum(ratios) / len(ratios), _is_declared(found, train, test)
    if not math.isfinite(mean):
        return Spot(Heat(words.DASH, "", 0.0), "", own)
    strength = round(min(abs(mean) / most, 1.0), 2) if most else 0.0
    heat = Heat(words.number(mean), "gain" if mean > 0.0 else "loss", strength)
    return Spot(heat, words.between(min(ratios), max(ratios), "sharpe_ratio"), own)


def _picture(found: Matrix) -> Picture | None:
    """Draw every cell, a column for each pair of lengths; None where there are too many to tell apart."""
    pairs = [(train, test) for train in found.plan.trains for test in found.plan.tests]
    ratios = [found.ratios(*pair) for pair in pairs]
    known = [one for column in ratios for one in column if math.isfinite(one)]
    if len(pairs) > MOST or not known:
        return None

    def paint(figure: Figure, sheet: Sheet) -> None:
        axes = axes_of(figure, sheet, top=TITLE, bottom=24.0, left=LEFT)
        write_title(axes, "Net Sharpe ratio of every cell")
        low, high = min([*known, 0.0]), max([*known, 0.0])
        room = 0.06 * (high - low) or 0.01
        axes.set_ylim(low - room, high + room)
        at = ticks(low - room, high + room, 6)
        axes.set_yticks(at, [f"{value:.6g}".replace("-", "−") for value in at])
        axes.axhline(0.0, color=Ink.MUTED, linewidth=0.8)
        mark: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 6.0}
        for place, column in enumerate(ratios):
            axes.vlines(place, min(column), max(column), color=Ink.GRID, linewidth=1.0)
            axes.plot([place] * len(column), column, color=Ink.MUTED, markerfacecolor=Ink.PAPER, **mark)
        declared = pairs.index((found.plan.declared.train, found.plan.declared.test))
        axes.plot([declared], [found.own.sharpe_ratio], color=Ink.STRATEGY, **mark)
        axes.set_xlim(-0.6, len(pairs) - 0.4)
        every = -(-len(pairs) // (5 if sheet.narrow else 12))
        axes.set_xticks(range(0, len(pairs), every), [f"{a}, {b}" for a, b in pairs[::every]])

    caption = (
        "A column for each train and test length, a circle for each start. Circles of one column differ by nothing but"
        " the day on which folds begin."
    )
    keys = (Key("As declared", "outside"), Key("Other cells", "inside"))
    return picture("matrix", "Net Sharpe ratio of every cell by train and test length", caption, paint,
                   heights=(260, 240), keys=keys)  # fmt: skip


def _variance(found: Matrix) -> Table:
    named: dict[str, Part] = {
        "Start alone: luck of the calendar": found.variance.within,
        "Train length": found.variance.rows,
        "Test length": found.variance.columns,
        "Train and test length together": found.variance.together,
    }
    rows = [(name, words.percent(part.share, 0), words.percent(part.by_chance, 0), words.count(part.degrees))
            for name, part in named.items()]  # fmt: skip
    head = ("Goes with", "Share of the variance", "By chance alone", "Degrees of freedom")
    return Table.of("Where the variance of the Sharpe ratio comes from", head, rows, "lrrr")


def _cells(found: Matrix) -> Table:
    rows = [_row(cell, found) for cell in found.outcomes]
    head = ("Train", "Test", "Offset", "Folds", "Sharpe ratio", "Return per year", "Sharpe ratio, all its bars",
            "Return per year, all its bars", "Turnover per year", "Run")  # fmt: skip
    return Table.of("Every cell", head, rows, "lllrrrrrrl")


def _row(cell: Cell, found: Matrix) -> tuple[str, ...]:
    one = found.outcomes[cell]
    named = one.run.rpartition("/")[2] + (", as declared" if cell == found.plan.declared else "")
    numbers = (words.number(one.sharpe_ratio), words.percent(one.annual_return), words.number(one.own_sharpe_ratio),
               words.percent(one.own_annual_return), words.number(one.turnover, 1))  # fmt: skip
    return str(cell.train), str(cell.test), str(cell.offset), words.count(one.folds), *numbers, named
