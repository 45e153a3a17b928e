"""What a study's quality policies found in its data, and what they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from quantml.loaders.quality.findings import Severity
from quantml.reports import words
from quantml.reports.facts import Facts
from quantml.reports.outline import outline
from quantml.reports.tables import Entry, Table

MOST: Final = 200
"""Actions that a page lists; a run's ``run.json`` has them all."""


def entries(facts: Facts) -> tuple[Entry, ...]:
    """Say which policies were declared, what they found and how much they did."""
    return tuple(_entries(facts))


def _entries(facts: Facts) -> Iterator[Entry]:
    declared = (facts.study.get("quality") or {}).get("policies", [])
    if not declared:
        text = "the study declares no policies: its bars were used as they were loaded, and nothing was repaired"
        yield Entry("Quality", text)
        return
    told = _told(facts)
    yield Entry("Quality policies", "", tuple(outline(policy) for policy in declared))
    yield Entry("Found", counted(told["findings"]), tuple(_by_rule(told["findings"])))
    done = words.plural(len(told["actions"]), "action") + ", listed below" if told["actions"] else "nothing"
    yield Entry("Done about it", done)
    if told["actions"]:
        yield Entry("Hindsight", "", tuple(told["hindsight"]))


def actions(facts: Facts) -> Table | None:
    """List what was done, with its evidence; None where nothing was."""
    listed = _told(facts)["actions"]
    if not listed:
        return None
    rows = [
        (one["symbol"], span(one["date"], one["until"]), f"{one['action']}: {one['rule']}",
         words.typeset(one["evidence"]))
        for one in listed[:MOST]
    ]  # fmt: skip
    if len(listed) > MOST:
        rows.append(("", "", f"and {len(listed) - MOST:,} more", "They are in run.json."))
    return Table.of("What was done to the data", ("Symbol", "When", "Done", "Evidence"), rows, "lwww")


def counted(findings: Mapping[str, Mapping[str, int]]) -> str:
    """Count findings by severity.

    >>> counted({"spike": {"error": 0, "warning": 2, "note": 0}, "unit flip": {"error": 1, "warning": 0, "note": 0}})
    '1 error, 2 warnings'
    """
    by_level = {level: sum(row[level] for row in findings.values()) for level in Severity}
    return ", ".join(words.plural(number, level) for level, number in by_level.items() if number) or "nothing"


def _by_rule(findings: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for rule, row in sorted(findings.items()):
        yield f"{rule}: " + ", ".join(words.plural(row[level], level) for level in Severity if row[level])


def span(date: Any, until: Any) -> str:
    """Write one time, or the first and last of several."""
    return words.day(date) if date == until else f"{words.day(date)} to {words.day(until)}"


def _told(facts: Facts) -> Mapping[str, Any]:
    """What the manifest says; runs from before there were policies say nothing, and did nothing."""
    told: Mapping[str, Any] = facts.data.get("quality") or {"findings": {}, "actions": [], "hindsight": []}
    return told
