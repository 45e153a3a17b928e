"""What a run would have come to under other conditions: a page for people, a table for the terminal, plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from quantml import __version__
from quantml.reports import words
from quantml.reports.curves import capacity_picture, costs_picture
from quantml.reports.pages import environment
from quantml.reports.tables import Entry, Heat, Table, entries
from quantml.reports.terminal import text_table
from quantml.sensitivities.readings import MOST, Failure
from quantml.sensitivities.surfaces import Surface
from quantml.sensitivities.whole import Sensitivity, profit

HEAD: Final = ("Condition", "Declared", "Half is left at", "Nothing is left at")
TITLES: Final = {
    "costs": "Costs", "delay": "Delay", "participation": "Participation", "capital": "Capital",
    "impact": "Impact coefficient", "borrow_bps": "Borrow", "band": "Rebalancing band", "threshold": "Threshold",
}  # fmt: skip


def value_of(axis: str, value: Any) -> str:
    """Write a value of an axis in its unit.

    >>> value_of("costs", 2.5), value_of("delay", 1), value_of("participation", None), value_of("capital", 3.2e8)
    ('2.5 ×', '+1 bar', 'no limit', '320M')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "no limit" if axis == "participation" else "as chosen"
    texts = {
        "costs": f"{value:g} ×",
        "delay": f"+{words.plural(int(value), 'bar')}" if value else "none",
        "participation": f"{100.0 * value:g} %",
        "capital": money(value),
        "borrow_bps": f"{value:g} bps",
    }
    return texts.get(axis, f"{value:.6g}")


def money(value: float) -> str:
    """Write an amount of money in few letters.

    >>> money(1e6), money(-2340.0), money(float("inf")), money(0.0)
    ('1M', '−2.34k', '–', '0')
    """
    if not math.isfinite(value):
        return words.DASH
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{words.significant(value / unit, 3)}{name}"
    return words.significant(value, 3)


# -------------------------------------------------------------------- sentences


def break_even(found: Sensitivity) -> str:
    """Say at which costs nothing is left."""
    point = found.break_even
    if math.isnan(point.bps):
        return "Nothing was traded."
    if point.bps == 0.0:
        return "Nothing is left even without costs."
    paid = f" Fills cost {point.paid_bps:.1f} basis points on average." if math.isfinite(point.paid_bps) else ""
    if math.isinf(point.bps):
        return f"No cost per fill takes everything.{paid}"
    fills = f"{point.bps:.1f} basis points per fill"
    if math.isnan(point.multiple):
        return f"Nothing is left at {fills}.{paid}"
    if math.isinf(point.multiple):
        return f"Nothing is left at {fills}; {MOST:,.0f} times the declared costs leave something.{paid}"
    return f"Nothing is left at {point.multiple:.2f} times the declared costs, or at {fills}.{paid}"


def capacity(found: Sensitivity) -> str:
    """Say how much capital fits; nothing where that is absent."""
    size = found.capacity
    if size is None:
        return ""
    if size.impact:
        basis = f"With an impact coefficient of {size.impact:g}{', which is assumed,' if size.assumed else ''}"
    else:
        basis = "Without impact"
    if math.isnan(size.zero):
        return f"{basis} nothing can be said of capacity: the run earns nothing."
    largest = money(size.curve[-1][0])
    half, nothing = _reached(size.half, "half", largest), _reached(size.zero, "nothing", largest)
    least = f" Less than {money(size.least)} is too little." if size.least > 0.0 else ""
    both = not math.isinf(size.half) and size.zero != 0.0
    return (
        f"{basis} {half}, and {nothing}.{least}" if both else f"{basis} {nothing if size.zero == 0.0 else half}.{least}"
    )


def _reached(amount: float, left: str, largest: str) -> str:
    if math.isinf(amount):
        return f"{'something' if left == 'nothing' else 'more than half'} of the Sharpe ratio is left even at {largest}"
    if amount == 0.0:
        rest = "half or less" if left == "half" else "nothing"
        return f"{rest} of the Sharpe ratio is left at whatever capital was tried"
    return f"{left} of the Sharpe ratio is left at {money(amount)}"


# --------------------------------------------------------------------- terminal


def sensitivity_table(found: Sensitivity, page: Path | None = None) -> RenderableType:
    """Show what fails first and how far everything else may move, and where a page of it is.

    Parameters
    ----------
    found : Sensitivity
    page : Path, optional

    Returns
    -------
    rich renderable
    """
    parts: list[RenderableType] = [Text(found.run, style="bold"), Text(words.typeset(found.sentence))]
    if found.failures:
        table = text_table(*HEAD)
        for row in _limits(found):
            table.add_row(*(Text(cell) for cell in row))
        parts.append(table)
    parts.append(Text.assemble(("Break-even: ", "bold"), break_even(found)))
    if found.capacity is not None:
        parts.append(Text.assemble(("Capacity: ", "bold"), capacity(found)))
    parts += [Text.assemble((f"{entry.term}: ", "bold"), entry.text) for entry in _absent(found)]
    parts.append(
        Text(f"{words.plural(len(found.tried), 'cell')} on the decisions of the run; nothing was fitted again.")
    )
    if page is not None:
        parts.append(Text.assemble(("Page: ", "bold"), str(page), overflow="fold"))
    return Group(*parts)


def _limits(found: Sensitivity) -> list[tuple[str, ...]]:
    impact = next((one for one in found.failures if one.axis == "impact"), None)
    return [
        (
            TITLES[one.axis] + (" (impact assumed)" if one.assumed else ""),
            value_of(one.axis, one.declared),
            _limit(one, "halved", impact),
            _limit(one, "fails", impact),
        )
        for one in found.failures
    ]


def _limit(one: Failure, what: str, impact: Failure | None) -> str:
    """Write where an axis halves the result or fails; an assumed impact may do that whatever the axis is."""
    if getattr(one, f"{what}_after") is not None:
        return value_of(one.axis, getattr(one, f"{what}_at"))
    by_impact = one.assumed and impact is not None and getattr(impact, f"{what}_after") is not None
    return "impact alone" if by_impact else words.DASH


def _absent(found: Sensitivity) -> tuple[Entry, ...]:
    """Say what was left out, and why."""
    values: dict[str, list[str]] = {}
    for value, reason in found.refused.items():
        values.setdefault(reason, []).append(value_of("threshold", value))
    refused = (Entry(f"Threshold {', '.join(which)}", reason) for reason, which in values.items())
    return (*(Entry(TITLES[axis], reason) for axis, reason in found.absent.items()), *refused)


# ------------------------------------------------------------------------- page


@dataclass(frozen=True)
class Map:
    """A surface as a table of coloured cells.

    Attributes
    ----------
    label, corner : str
        What the cells are, and what the rows are.
    head : tuple of str
    rows : tuple of (str, tuple of (Heat, bool))
        A value of the first axis, and its cells; whether each is the declared one.
    """

    label: str
    corner: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Heat, bool], ...]], ...]


def sensitivity_page(found: Sensitivity) -> bytes:
    """Write everything as a page that stands alone.

    Returns
    -------
    bytes
        UTF-8, the same for the same run.
    """
    surfaces = {surface.name: surface for surface in found.surfaces}
    content: dict[str, Any] = {
        "words": words,
        "version": __version__,
        "found": found,
        "sentence": words.typeset(found.sentence),
        "limits": Table.of("What fails first", HEAD, _limits(found), "lrrr") if found.failures else None,
        "own": _own(found),
        "break_even": break_even(found),
        "costs_picture": costs_picture(found),
        "costs": heat_map(found, surfaces["costs"]),
        "capacity": capacity(found),
        "capacity_picture": capacity_picture(found) if found.capacity else None,
        "sizes": heat_map(found, surfaces["capacity"]) if "capacity" in surfaces else None,
        "curve": _curve(found),
        "borrow": heat_map(found, surfaces["borrow"]) if "borrow" in surfaces else None,
        "trading": heat_map(found, surfaces["trading"]),
        "absent": _absent(found),
    }
    return environment().get_template("sensitivity.html.j2").render(content).encode()


def heat_map(found: Sensitivity, surface: Surface) -> Map:
    """Lay a surface's Sharpe ratios out, the first axis downwards; an only axis goes across.

    A Sharpe ratio has the same colour on every map of a page.
    """
    axes, values = surface.axes, surface.values
    if len(axes) == 1:
        axes, values = ("", axes[0]), ((None,), values[0])
    most = _strongest(found)
    rows = []
    for down in values[0]:
        cells = [surface.cell(*((down, across) if axes[0] else (across,))) for across in values[1]]
        ratios = [found.outcomes[cell].sharpe_ratio for cell in cells]
        marked = zip((_heat(ratio, most) for ratio in ratios), (cell == found.declared for cell in cells), strict=True)
        rows.append((value_of(axes[0], down) if axes[0] else "Sharpe ratio", tuple(marked)))
    names = [TITLES[axis] for axis in axes if axis]
    label = f"Net Sharpe ratio by {' and '.join(name.lower() for name in names)}"
    return Map(label, " \\ ".join(names), tuple(value_of(axes[1], across) for across in values[1]), tuple(rows))


def _strongest(found: Sensitivity) -> float:
    """Return the Sharpe ratio that is coloured most strongly, the same on every map of a page."""
    ratios = (abs(found.outcomes[cell].sharpe_ratio) for cell in found.tried)
    return max((ratio for ratio in ratios if math.isfinite(ratio)), default=0.0)


def _heat(ratio: float, most: float) -> Heat:
    if not math.isfinite(ratio):
        return Heat(words.DASH, "", 0.0)
    strength = round(min(abs(ratio) / most, 1.0), 2) if most else 0.0
    return Heat(words.number(ratio), "gain" if ratio > 0.0 else "loss", strength)


def _own(found: Sensitivity) -> tuple[Entry, ...]:
    own, cell = found.own, found.declared
    conditions: Sequence[tuple[str, Any]] = [
        (title, value_of(axis, getattr(cell, axis))) for axis, title in TITLES.items() if axis not in found.absent
    ]
    return entries(
        ("Net Sharpe ratio", words.number(own.sharpe_ratio)),
        ("Annual return", words.percent(own.annual_return)),
        ("Turnover per year", f"{words.number(own.turnover, 1)} times equity"),
        ("Costs per year", f"{words.percent(own.cost_drag, 2)} of equity"),
        *conditions,
    )


def _curve(found: Sensitivity) -> Table | None:
    if found.capacity is None:
        return None
    rows = [
        (money(value), words.number(one.sharpe_ratio), words.percent(one.annual_return),
         money(profit(value, one)), words.percent(one.cost_drag, 2))
        for value, one in found.capacity.curve
    ]  # fmt: skip
    head = ("Capital", "Sharpe ratio", "Annual return", "Earned per year", "Costs per year")
    return Table.of("Capacity", head, rows, "lrrrr")
