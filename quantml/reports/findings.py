"""What was found in data: a page for people, a table for the terminal, plain values for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.text import Text

from quantml import __version__
from quantml.calendars import describe
from quantml.loaders.inspections import Inspection
from quantml.loaders.quality.findings import Finding, Severity
from quantml.reports import words
from quantml.reports.pages import environment
from quantml.reports.quality import counted, span
from quantml.reports.quotes import quotes_picture
from quantml.reports.tables import Entry, Table, entries
from quantml.reports.terminal import text_table

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}
HEAD: Final = ("Symbol", "When", "Severity", "Rule", "Evidence")
ACTIONS: Final = (("split", 1.0), ("dividend", 0.0))
"""Columns of what a company did, and what they hold where it did nothing."""


def findings_page(inspection: Inspection) -> bytes:
    """Write what was found in every symbol as a page that stands alone.

    Returns
    -------
    bytes
        UTF-8, the same for the same data.
    """
    by_rule = Table.of("Findings by rule", ("Rule", "Errors", "Warnings", "Notes"), _by_rule(inspection), "lrrr")
    return _page(inspection, inspection.name, by_rule=by_rule if by_rule.rows else None, drawing=None)


def page_name(symbol: str) -> str:
    """Return the file name of a symbol's page, with whatever a file system could misread in ``%`` notation.

    >>> page_name("^GSPC"), page_name("BRK/B")
    ('^GSPC.html', 'BRK%2FB.html')
    """
    return f"{quote(symbol, safe='^=')}.html"


def symbol_page(inspection: Inspection) -> bytes:
    """Draw one symbol's prices and volume with what was found in them, as a page that stands alone.

    Parameters
    ----------
    inspection : Inspection
        Of one symbol: see `Inspection.of`.
    """
    ((symbol, rows),) = inspection.rows.items()
    return _page(inspection, symbol, by_rule=None, drawing=quotes_picture(rows, inspection.findings))


def findings_table(inspection: Inspection, page: Path | None = None) -> RenderableType:
    """Show what was found, the first date first, and where a page of it is."""
    parts: list[RenderableType] = [Text(inspection.name, style="bold"), Text(f"{summary(inspection)}.")]
    if len(inspection.findings):
        parts.append(_table(inspection))
    if page is not None:
        parts.append(Text.assemble(("Page: ", "bold"), str(page), overflow="fold"))
    return Group(*parts)


def _table(inspection: Inspection) -> RenderableType:
    table = text_table(*HEAD, text=tuple(range(len(HEAD))))
    for one in inspection.findings:
        cells = [Text(cell) for cell in _cells(one)]
        cells[2].stylize(COLOURS[one.severity])
        table.add_row(*cells)
    return table


def findings_values(inspection: Inspection) -> dict[str, Any]:
    """Return what was found as plain values."""
    first, last = _ends(inspection)
    return {
        "name": inspection.name,
        "symbols": list(inspection.rows),
        "bars": _bars(inspection),
        "first": first,
        "last": last,
        "counts": {level: len(inspection.findings.of(level)) for level in Severity},
        "findings": inspection.findings.frame.to_dict("records"),
    }


def summary(inspection: Inspection) -> str:
    """Say how much was looked at and how much was found.

    Examples
    --------
    >>> from quantml.loaders import Sample
    >>> from quantml.loaders.inspections import inspect_bars
    >>> summary(inspect_bars(Sample("indices").load(), "indices"))
    '10,062 bars of 2 symbols, 1999-01-04 to 2018-12-31: 5 warnings'
    """
    first, last = _ends(inspection)
    looked = f"{words.plural(_bars(inspection), 'bar')} of {words.plural(len(inspection.rows), 'symbol')}"
    return f"{looked}, {first} to {last}: {_found(inspection)}"


def _found(inspection: Inspection) -> str:
    counts = inspection.findings.counts()
    found = counted({str(rule): row.to_dict() for rule, row in counts.iterrows()})
    return "nothing found" if found == "nothing" else found


def _bars(inspection: Inspection) -> int:
    return sum(len(rows) for rows in inspection.rows.values())


def _ends(inspection: Inspection) -> tuple[str, str]:
    times = [rows.index for rows in inspection.rows.values()]
    return words.day(min(index[0] for index in times)), words.day(max(index[-1] for index in times))


def _page(inspection: Inspection, title: str, **shown: Any) -> bytes:
    content: Mapping[str, Any] = {
        "words": words,
        "version": __version__,
        "title": title,
        "summary": _found(inspection),
        "about": _about(inspection),
        "listed": _listed(inspection),
        **shown,
    }
    return environment().get_template("findings.html.j2").render(content).encode()


def _about(inspection: Inspection) -> tuple[Entry, ...]:
    first, last = _ends(inspection)
    rows = inspection.rows.values()
    splits, dividends = (sum(int((part[name] != nothing).sum()) for part in rows) for name, nothing in ACTIONS)
    return entries(
        ("Source", inspection.name),
        ("Symbols", f"{len(inspection.rows):,}: {words.listed(list(inspection.rows), 30)}"),
        ("Bars", f"{_bars(inspection):,}, {first} to {last}"),
        ("Calendar", describe(inspection.calendar) or "none: the sessions of other symbols tell what is missing"),
        ("Recorded", f"{words.plural(splits, 'split')}, {words.plural(dividends, 'dividend')}"),
    )


def _cells(one: Finding) -> tuple[str, ...]:
    return (one.symbol, span(one.date, one.until), str(one.severity), one.rule, words.typeset(one.evidence))


def _listed(inspection: Inspection) -> Table | None:
    """List the findings, with their symbols where there are several; None where there are none."""
    several = len(inspection.rows) > 1
    rows = [
        (*((one.symbol,) if several else ()), span(one.date, one.until), f"{one.severity}: {one.rule}",
         words.typeset(one.evidence))
        for one in inspection.findings
    ]  # fmt: skip
    head = (*(("Symbol",) if several else ()), "When", "Finding", "Evidence")
    return Table.of("Findings", head, rows, "lwww" if several else "www") if rows else None


def _by_rule(inspection: Inspection) -> list[tuple[str, ...]]:
    counts = inspection.findings.counts()
    return [(str(rule), *(words.count(int(row[level])) for level in Severity)) for rule, row in counts.iterrows()]
