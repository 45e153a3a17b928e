"""The report: one HTML file that stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from quantml.record import CAUTIONS
from quantml.reports import accuracy, activity, audit, folds, omissions, performance, provenance, quality, words
from quantml.reports.facts import Facts
from quantml.reports.pages import environment

if TYPE_CHECKING:
    from quantml.runs import Run

NAME: Final = "report.html"

OUTCOMES: Final = {
    "supported": ("Supported", "✓"),
    "inconclusive": ("Inconclusive", "?"),
    "rejected": ("Rejected", "✗"),
    "void": ("Void", "⊘"),
}
"""The word and the sign of each outcome; colour only repeats them."""

FOLDED: Final = 16
"""Tables of more rows than this are shown folded."""


def page(run: Run) -> tuple[str, bytes]:
    """Write a run's report.

    The same run gives the same bytes, whether it was just finished or read back from its folder.

    Parameters
    ----------
    run : Run

    Returns
    -------
    tuple of str and bytes
        The file's name, ``report.html``, and its content: UTF-8, with styles and drawings inside, that loads
        nothing from anywhere.
    """
    facts = Facts.of(run)
    content: dict[str, Any] = {"words": words, "folded": FOLDED, **_head(facts), **_always(facts)}
    content["trading"] = _trading(facts) if facts.traded else None
    content["accuracy"] = _accuracy(facts) if facts.manifest["accuracy"] else None
    text = environment().get_template("report.html.j2").render(content)
    return NAME, text.encode()


def _head(facts: Facts) -> dict[str, Any]:
    manifest = facts.manifest
    verdict = facts.run.verdict
    return {
        "name": manifest["name"],
        "description": manifest.get("description") or "",
        "run": manifest["run"],
        "version": manifest["identity"]["versions"]["quantml"],
        "first": words.day(manifest["first_decision"]),
        "last": words.day(manifest["last_decision"]),
        "symbols": words.listed(facts.data["symbols"], 6),
        "verdict": verdict,
        "outcome": None if verdict is None else OUTCOMES[verdict.outcome],
        "cautions": [note for note in facts.data["notes"] if note.startswith(CAUTIONS)],
        "leaks": facts.run.leaks,
        "ruined_at": None if manifest.get("ruined_at") is None else words.day(manifest["ruined_at"]),
    }


def _always(facts: Facts) -> dict[str, Any]:
    return {
        "folds": {
            "summary": folds.summary(facts),
            "picture": folds.picture(facts),
            "choices": folds.choices(facts),
            "steady": folds.steady(facts),
            "table": folds.table(facts),
            "second": folds.second_table(facts),
            "efficient": bool(facts.run.folds["efficiency"].notna().any()),
        },
        "provenance": {
            "data": provenance.data(facts),
            "quality": quality.entries(facts),
            "actions": quality.actions(facts),
            "notes": facts.data["notes"],
            "conventions": provenance.conventions(facts),
            "study": provenance.study(facts),
            "canonical": provenance.canonical_form(facts),
            "versions": provenance.versions(facts),
            "hashes": provenance.hashes(facts),
        },
        "audit": audit.told(facts),
        "omissions": omissions.omissions(facts),
    }


def _trading(facts: Facts) -> dict[str, Any]:
    trades = facts.run.trades
    return {
        "period": performance.period(facts),
        "headline": performance.headline(facts),
        "riskless": performance.riskless(facts),
        "strips": performance.strips(facts),
        "metrics": performance.every_metric(facts),
        "equity": performance.equity(facts),
        "drawdowns": performance.drawdowns(facts),
        "rolling": performance.rolling(facts),
        "yearly": performance.yearly(facts),
        "calendar": performance.calendar(facts),
        "trades": activity.summary(facts),
        "by_symbol": activity.by_symbol(facts) if len(trades) else None,
        "largest": activity.largest(facts) if len(trades) else None,
        "costs": activity.costs(facts),
    }


def _accuracy(facts: Facts) -> dict[str, Any]:
    return {
        "finding": accuracy.finding(facts),
        "rival": accuracy.rival(facts),
        "table": accuracy.table(facts),
        "counted": accuracy.counted(facts),
        "picture": accuracy.picture(facts),
    }
