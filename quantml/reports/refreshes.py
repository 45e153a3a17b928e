"""What a refresh of the store found, as a table and as plain values."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from quantml.loaders.refreshes import Refresh
from quantml.reports import words
from quantml.reports.terminal import text_table

__all__ = ["has_alarms", "refresh_table", "refresh_values"]


def has_alarms(refresh: Refresh) -> bool:
    """Say whether a symbol was not answered for, or what the source says of stored bars was not taken."""
    return bool(refresh.failed) or len(refresh.quarantined) > 0


def refresh_table(refresh: Refresh) -> RenderableType:
    """Show what became of each symbol: bars taken, what was restated, quarantined or failed."""
    table = text_table("Symbol", "From", "To", "Downloaded", "New", "Remarks", text=(0, 1, 2, 5))
    for symbol, told in refresh_values(refresh)["symbols"].items():
        numbers = ("downloaded", "taken")
        ends = [words.day(told[name]) if told[name] else words.DASH for name in ("first", "last")]
        cells = (symbol, *ends, *(words.count(told[name]) for name in numbers), _remarks(told))
        table.add_row(*(Text(cell) for cell in cells))
    stored = f"Snapshot {refresh.snapshot}." if refresh.snapshot else f"Nothing stored of {', '.join(refresh.missing)}."
    return Group(Text(refresh.source, style="bold"), table, Text(stored))


def refresh_values(refresh: Refresh) -> dict[str, Any]:
    """Return what became of each symbol as plain values, under ``symbols`` in the order of the source's."""
    fetched = {row["symbol"]: row for row in refresh.fetched.to_dict("records")}
    symbols = dict.fromkeys([*fetched, *refresh.failed, *refresh.missing])
    return {
        "source": refresh.source,
        "snapshot": refresh.snapshot,
        "symbols": {symbol: _of(refresh, symbol, fetched.get(symbol, {})) for symbol in symbols},
        "warnings": list(refresh.sentences),
    }


def _of(refresh: Refresh, symbol: str, fetched: dict[str, Any]) -> dict[str, Any]:
    restated, apart = (part[part["symbol"] == symbol] for part in (refresh.restated, refresh.quarantined))
    failure = refresh.failed.get(symbol)
    return {
        "first": fetched.get("first"),
        "last": fetched.get("last"),
        "downloaded": fetched.get("rows", 0),
        "taken": fetched.get("taken", 0),
        "restated": restated.drop(columns="symbol").to_dict("records"),
        "quarantined": int(apart["time"].nunique()),
        "failed": None if failure is None else str(failure),
    }


def _remarks(told: dict[str, Any]) -> str:
    remarks = [f"{part['told']} recognised" for part in told["restated"]]
    if told["quarantined"]:
        remarks.append(f"{words.plural(told['quarantined'], 'bar')} quarantined")
    if told["failed"]:
        remarks.append("failed")
    return "; ".join(remarks) or ("" if told["downloaded"] else "up to date")
