"""The small shapes that the template knows how to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from quantml.evaluation.intervals import Interval
from quantml.reports.words import is_number


@dataclass(frozen=True)
class Table:
    """Rows of finished text.

    Attributes
    ----------
    label : str
        What the table holds, for those who cannot see it.
    head : tuple of str
    rows : tuple of tuple of str
        The first cell of each heads its row.
    align : str
        One letter per column: ``l`` for words, ``r`` for numbers, ``w`` for words that may wrap.
    """

    label: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str

    @classmethod
    def of(cls, label: str, head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> Table:
        """Make a table from any sequences."""
        return cls(label, tuple(head), tuple(tuple(row) for row in rows), align)


@dataclass(frozen=True)
class Strip:
    """An interval drawn as a bar beside zero; places are percentages of the strip's width.

    Attributes
    ----------
    label, text : str
        What it is an interval of, and its numbers.
    low, high, estimate, zero : float
    """

    label: str
    text: str
    low: float
    high: float
    estimate: float
    zero: float

    @classmethod
    def of(cls, label: str, text: str, interval: Interval) -> Strip | None:
        """Scale an interval to a strip that also shows zero; None where an end is missing or infinite."""
        ends = (interval.low, interval.high, interval.estimate)
        if not all(is_number(end) for end in ends):
            return None
        lowest, highest = min(*ends, 0.0), max(*ends, 0.0)
        room = 0.06 * (highest - lowest) or 1.0
        span = highest - lowest + 2.0 * room
        low, high, estimate, zero = (round(100.0 * (end - lowest + room) / span, 2) for end in (*ends, 0.0))
        return cls(label, text, low, high, estimate, zero)


@dataclass(frozen=True)
class Heat:
    """A cell of the monthly table: its text, ``gain`` or ``loss``, and how strongly it is coloured (0 to 1)."""

    text: str
    sign: str
    strength: float


@dataclass(frozen=True)
class Entry:
    """A term with what is to be said about it; `parts` are listed below, folded where there are many."""

    term: str
    text: str
    parts: tuple[str, ...] = ()


def entries(*pairs: tuple[str, Any]) -> tuple[Entry, ...]:
    """Make entries of those pairs whose text is not empty."""
    return tuple(Entry(term, str(text)) for term, text in pairs if text not in (None, ""))
