"""What a run says of its universe: who could be chosen, who is missing, and how those that left were paid out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from quantml.bars import Bars
from quantml.listings import find_listings
from quantml.timing import UNKNOWN
from quantml.universe import DELIST_AFTER, Membership, find_exits

__all__ = ["SURVIVORSHIP", "universe_facts", "universe_notes"]

SURVIVORSHIP: Final = "Survivorship:"
"""How a note begins that a report shows beside the verdict."""


def universe_facts(bars: Bars) -> dict[str, Any]:
    """Return what a run's manifest says of the universe, as plain values.

    Returns
    -------
    dict
        ``membership``: whether there is a table. ``spells``: how many it has. ``members``: how many symbols are members
        on the first and the last row. ``never_members``: symbols with bars that never are. ``without_bars``: members
        that were left out by name. ``absent_share``: fraction of the member-sessions that belong to symbols without
        bars, or lie before a symbol's first.
        ``closings``: for each symbol that was closed, in the order of time, its last bar, the row of its closing, the
        delisting return, and whether that was recorded. ``late_delistings``: symbols whose recorded delisting came
        after they had been closed.
    """
    table = bars.membership
    members, ever = bars.members.sum(axis=1), np.flatnonzero(bars.members.any(axis=0))
    return {
        "membership": table is not None,
        "spells": 0 if table is None else len(table.frame),
        "members": [int(members[0]), int(members[-1])],
        "never_members": [symbol for n, symbol in enumerate(bars.symbols) if n not in ever],
        "without_bars": [] if table is None else list(table.without_bars),
        "absent_share": 0.0 if table is None else _absent_share(bars, table),
        "closings": _closings(bars),
        "late_delistings": _late(bars),
    }


def universe_notes(bars: Bars) -> tuple[str, ...]:
    """Return sentences for the reader of a report: how far the symbols are survivors, and delistings not recorded."""
    facts = universe_facts(bars)
    closed = sorted({part["symbol"] for part in facts["closings"] if not part["recorded"]})
    notes = [_exposure(bars, facts)]
    if closed:
        notes.append(
            f"No delisting is recorded for {', '.join(closed)} when trading stops: what is held is closed at the last"
            f" price, {DELIST_AFTER} sessions after the last bar, as if a holder had lost nothing more."
        )
    return tuple(note for note in notes if note)


def _exposure(bars: Bars, facts: dict[str, Any]) -> str:
    if not facts["membership"]:
        number, ended = len(bars.symbols), {part["symbol"] for part in facts["closings"]}
        who = "The one symbol is a candidate" if number == 1 else f"All {number} symbols are candidates"
        alive = sum(symbol not in ended for symbol in bars.symbols)
        return (
            f"{SURVIVORSHIP} no membership table says what could have been chosen when. {who} from the first bar on, as"
            f" if it had been known then what would be chosen later; {alive} of {number} traded to the end."
        )
    if facts["absent_share"] == 0.0:
        return ""
    return (
        f"{SURVIVORSHIP} {100 * facts['absent_share']:.2g} % of the universe's member-sessions have no prices:"
        f" {len(facts['without_bars'])} of its symbols have no bars at all, and those of others begin late. Nobody can"
        " say what they would have earned."
    )


def _absent_share(bars: Bars, table: Membership) -> float:
    """Return the fraction of member-sessions, on the rows of the clock, of symbols that have had no bar by then."""
    total = int(table.at(bars.clock, table.symbols).sum())
    begun = np.logical_or.accumulate(bars.traded, axis=0)
    return 1.0 - int((bars.members & begun).sum()) / total if total else 0.0


def _closings(bars: Bars) -> list[dict[str, Any]]:
    listings, due = find_listings(bars), find_exits(bars).due
    rows, columns = np.nonzero(bars.traded & (listings.last == np.arange(len(bars))[:, None]))
    closed = listings.closed[rows, columns]
    return [
        {
            "symbol": bars.symbols[column],
            "last_bar": f"{bars.clock[row]:%Y-%m-%d}",
            "closed": f"{bars.clock[row_closed]:%Y-%m-%d}",
            "delisting_return": float(listings.payoff[row, column]) - 1.0,
            "recorded": bool(row_closed >= due[column]),
        }
        for row, column, row_closed in zip(rows, columns, closed, strict=True)
    ]


def _late(bars: Bars) -> list[str]:
    """Name the symbols that had been closed, for want of bars, before their recorded delisting."""
    listings, due = find_listings(bars), find_exits(bars).due
    early = bars.traded & (listings.closed != UNKNOWN) & (listings.closed < due)
    final = np.cumsum(bars.traded[::-1], axis=0)[::-1] == 1
    found = (early & final).any(axis=0) & (due < len(bars))
    return [symbol for n, symbol in enumerate(bars.symbols) if found[n]]
