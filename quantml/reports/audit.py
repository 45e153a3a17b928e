"""What a look-ahead audit found, on a page and in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from quantml.reports import words
from quantml.reports.facts import Facts
from quantml.reports.tables import Entry
from quantml.reports.terminal import text_table
from quantml.validation.audit.findings import Audit

HEADS = ("Where", "Part", "First seen", "Rows ahead", "What was seen")


def told(facts: Facts) -> dict[str, Any] | None:
    """Return what the section on the audit shows; None for runs from before there was one."""
    found = facts.manifest.get("audit")
    if found is None:
        return None
    return {
        "scope": found["scope"],
        "passed": found["passed"],
        "complete": found.get("complete", True),
        "leaks": tuple(_entry(leak) for leak in found["leaks"]),
        "notices": tuple(Entry(_title(kind), "", texts) for kind, texts in _by_kind(found["notices"]).items()),
    }


def audit_table(found: Audit) -> RenderableType:
    """Show an audit: the leaks with their evidence, what they earned, and what else bears on the result.

    Parameters
    ----------
    found : Audit

    Returns
    -------
    rich renderable
    """
    values = found.as_values()
    verdict = (_clean(found), "bold green") if found.passed else (words.plural(len(found.leaks), "leak"), "bold red")
    parts: list[RenderableType] = [Text(found.study, style="bold"), Text(found.scope), Text.assemble(verdict)]
    if found.leaks:
        table = text_table(*HEADS, text=(0, 1, 4))
        for leak in values["leaks"]:
            table.add_row(*(Text(cell) for cell in _row(leak)))
        parts.append(table)
    parts += [Text(earned(found))] if found.earned else []
    parts += [Text.assemble((f"{_title(one.kind)}: ", "bold"), one.text) for one in found.notices]
    return Group(*parts)


def _clean(found: Audit) -> str:
    return "no leak found" if found.complete else "no leak found in what could be audited"


def earned(found: Audit) -> str:
    """Say what leaking features earned; nothing where that was not measured."""
    if found.earned is None:
        return ""
    names, sharpe = words.listed(list(found.earned.features), 4), found.earned.sharpe_ratio
    if found.earned.without is None:
        return f"Sharpe ratio {sharpe:.2f} with {names}; without, nothing could be run: {found.earned.reason}."
    return f"Sharpe ratio {sharpe:.2f} with {names}, {found.earned.without:.2f} without."


def _entry(leak: Mapping[str, Any]) -> Entry:
    stage, part, first, ahead, seen = _row(leak)
    facts = [f"First seen: {first}." * bool(first), f"Rows ahead: at least {ahead}." * bool(ahead)]
    return Entry(f"{stage.capitalize()} {part}", seen[:1].upper() + seen[1:], tuple(fact for fact in facts if fact))


def _row(leak: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    first = "" if leak["first"] is None else f"{leak['first']} {leak['symbol']}".strip()
    ahead = "" if leak["ahead"] is None else f"{leak['ahead']:,}"
    reads = f" It reads {leak['reads']}." if leak["reads"] else ""
    return leak["stage"], leak["part"], first, ahead, f"{leak['evidence']}{reads}"


def _by_kind(notices: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    kinds = dict.fromkeys(notice["kind"] for notice in notices)
    return {kind: tuple(one["text"] for one in notices if one["kind"] == kind) for kind in kinds}


def _title(kind: str) -> str:
    return kind.capitalize()
