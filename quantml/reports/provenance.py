"""What was run: data, study, versions, hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from quantml.reports import words
from quantml.reports.facts import Facts
from quantml.reports.outline import outline
from quantml.reports.tables import Entry, Table, entries
from quantml.timing import Fill

PARTS: Final = (
    "exogenous", "features", "target", "forecaster", "signal", "costs", "fill", "validation", "tuning",
    "baseline", "benchmark", "seed",
)  # fmt: skip
"""Parts of a study in the order in which it is told."""

TOLD_APART: Final = ("data", "quality", "type")
"""Parts that have a place of their own."""

_FILLS: Final = {
    Fill.NEXT_OPEN: "decided at a close, executed at the open of the symbol's next bar",
    Fill.NEXT_CLOSE: "decided at a close, executed at the close of the symbol's next bar",
    Fill.PERIOD: "executed at the decision price: the close that a decision is made at is also the price it gets",
}


def data(facts: Facts) -> tuple[Entry, ...]:
    """Where the bars come from, and what they lack."""
    about = facts.data
    return (
        *entries(
            ("Source", _source(facts)),
            ("Symbols", f"{len(about['symbols']):,}: {words.listed(about['symbols'], 30)}"),
            ("Dates", _dates(facts)),
            ("Fields", ", ".join(about["fields"])),
            ("Calendar", about["calendar"] or "none given: missing sessions cannot be told"),
            ("Recorded", _recorded(facts)),
            ("Bars absent", _absent(facts)),
        ),
        Entry("Missing sessions", _missing(facts), tuple(about["missing_sessions"] or ())),
        *_uneven(facts),
        *_universe(facts),
        *(_table(facts, name) for name in sorted(about["tables"])),
    )


def _source(facts: Facts) -> str:
    """The loader as it is declared; what bars that were handed over say of themselves."""
    form = facts.study["data"]
    return str(facts.data["source"]) if "fingerprint" in form else outline(form)


def _dates(facts: Facts) -> str:
    about = facts.data
    rate = words.significant(about["periods_per_year"])
    return f"{words.day(about['first'])} to {words.day(about['last'])}, {about['bars']:,} bars, {rate} in a year"


def _recorded(facts: Facts) -> str:
    splits, dividends = facts.data["splits"], facts.data["dividends"]
    if splits + dividends == 0:
        return "no splits, no dividends"
    return f"{words.plural(splits, 'split')}, {words.plural(dividends, 'dividend')}"


def _absent(facts: Facts) -> str:
    about = facts.data
    cells = about["bars"] * len(about["symbols"])
    return f"{about['bars_absent']:,} of {cells:,} cells, late starts and early ends included"


def _missing(facts: Facts) -> str:
    if facts.data["calendar"] is None:
        return "unknown without a calendar"
    if facts.data["missing_sessions"] is None:
        return "unknown: a bar is longer than a session"
    number = len(facts.data["missing_sessions"])
    if number == 0:
        return "none: on every session of the calendar some symbol has a bar"
    return f"{words.plural(number, 'session')} of the calendar without any bar"


def _uneven(facts: Facts) -> list[Entry]:
    late, early = facts.data["starts_late"], facts.data["ends_early"]
    found = []
    if late:
        found.append(Entry("Start late", words.plural(len(late), "symbol"), _dated(late)))
    if early:
        found.append(Entry("End early", words.plural(len(early), "symbol"), _dated(early)))
    return found


def _universe(facts: Facts) -> list[Entry]:
    """Who could be chosen, and how those that stopped trading were paid out."""
    about, found = facts.universe, []
    if about["membership"]:
        first, last = about["members"]
        spells = words.plural(about["spells"], "membership")
        text = f"{spells} in a table: {words.plural(first, 'member')} on the first bar, {last:,} on the last"
        found.append(Entry("Universe", text, tuple(_strangers(about))))
    if about["closings"]:
        number = words.plural(len(about["closings"]), "symbol closed", "symbols closed")
        parts = tuple(_closing(part) for part in about["closings"])
        found.append(Entry("Stopped trading", f"{number} for whoever held them", parts))
    return found


def _strangers(about: Mapping[str, Any]) -> Iterator[str]:
    if about["never_members"]:
        yield f"never members: {words.listed(about['never_members'])}"
    if about["without_bars"]:
        yield f"members without any bar, left out: {words.listed(about['without_bars'])}"
    if about["absent_share"]:
        yield f"{words.percent(about['absent_share'], 2)} of the member-sessions have no prices"
    if about["late_delistings"]:
        yield f"closed before their delisting was recorded: {words.listed(about['late_delistings'])}"


def _closing(part: Mapping[str, Any]) -> str:
    price = "at its last price, no delisting being recorded"
    if part["recorded"]:
        price = f"at its last price and the recorded delisting return of {words.percent(part['delisting_return'])}"
    return f"{part['symbol']}: last bar {part['last_bar']}, closed on {part['closed']} {price}"


def _table(facts: Facts, name: str) -> Entry:
    """Columns of an outside table, when its values count as known, and what its loader says of it."""
    columns = ", ".join(facts.data["tables"][name])
    about = facts.data.get("outside", {}).get(name)  # runs from before there was one say nothing of it
    if about is None:
        return Entry(f"Table {name}", columns)
    text = f"{columns}; {words.plural(about['rows'], 'row')}, {_known(about['known_after_days'])}"
    return Entry(f"Table {name}", text, tuple(about["notes"]))


def _known(days: Sequence[float | None]) -> str:
    least, most = (words.number(part, 0) for part in days)
    if least == most == "0":
        return "each known on its own date"
    span = least if least == most else f"{least} to {most}"
    return f"each counted as known {span} {'day' if span == '1' else 'days'} after its date"


def _dated(days: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{symbol}: {day}" for symbol, day in sorted(days.items()))


def conventions(facts: Facts) -> tuple[Entry, ...]:
    """How decisions were executed, and what the benchmark is."""
    seed = str(facts.manifest["seed"])
    settings = ", ".join(facts.manifest["settings"]) or "none: the study as its file declares it"
    warned = tuple(facts.manifest["warnings"])
    return entries(
        ("Fill", _FILLS[facts.fill] if facts.traded else "nothing was traded"),
        ("Benchmark", benchmark(facts) if facts.traded else ""),
        ("Starting capital", words.number(float(facts.before.iloc[0]), 0) if facts.traded else ""),
        ("Settings changed", settings),
        ("Seed", seed),
    ) + ((Entry("Warnings", words.plural(len(warned), "warning") + " while the folds were computed", warned),)
         if warned else ())  # fmt: skip


def benchmark(facts: Facts) -> str:
    """Say what buying and holding means here."""
    symbol = facts.study.get("benchmark")
    symbols = facts.data["symbols"]
    who = "member of the universe" if facts.universe["membership"] else "symbol"
    bought = symbol or (symbols[0] if len(symbols) == 1 else f"equal weights of every {who} that had a bar")
    return (
        f"buy and hold: {bought}, bought after the first out-of-sample decision under the study's own costs and fill,"
        " and never traded again"
    )


def study(facts: Facts) -> tuple[Entry, ...]:
    """The study's parts, written as they are declared."""
    form = facts.study
    known = [name for name in PARTS if form.get(name) not in (None, [])]
    others = sorted(name for name in form if name not in (*PARTS, *TOLD_APART) and form[name] not in (None, []))
    return tuple(_part(name, form[name]) for name in [*known, *others])


def _part(name: str, form: object) -> Entry:
    if isinstance(form, list):
        return Entry(name, "", tuple(outline(part) for part in form))
    return Entry(name, outline(form))


def canonical_form(facts: Facts) -> str:
    """The whole canonical form, as indented JSON."""
    return json.dumps(facts.study, indent=2, sort_keys=True, ensure_ascii=False)


def versions(facts: Facts) -> Table:
    """Versions of Python and of the packages that the numbers depend on."""
    found = facts.manifest["identity"]["versions"]
    return Table.of("Versions", ("Package", "Version"), sorted(found.items(), key=lambda item: item[0].lower()), "ll")


def hashes(facts: Facts) -> tuple[Entry, ...]:
    """What names this run: equal hashes mean equal numbers."""
    identity = facts.manifest["identity"]
    return entries(
        ("Run", facts.manifest["run"]),
        ("Study", identity["study"]),
        ("Data", identity["data"]),
        ("Source of quantml", identity["source"]),
        ("Source of the study", identity["user_source"] or "none: the study was not read from a file"),
    )
