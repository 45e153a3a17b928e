"""What a check found: each finding names its symbol, date, rule, evidence and severity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pandas as pd

__all__ = ["Finding", "Findings", "Severity"]


class Severity(StrEnum):
    """How sure it is that something is wrong."""

    ERROR = "error"
    """It cannot be right: bars are not made from it, or should not be."""
    WARNING = "warning"
    """Probably wrong; a person should look."""
    NOTE = "note"
    """Worth knowing, and often harmless."""


COLUMNS: Final = ("symbol", "date", "until", "rule", "severity", "evidence")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a rule found.

    Attributes
    ----------
    symbol : str
    date : Timestamp
        The first bar or session concerned.
    until : Timestamp
        The last one; equal to `date` where there is one only.
    rule : str
        Name of the rule, such as ``"spike"``.
    severity : Severity
    evidence : str
        A sentence with the numbers that the rule saw.
    marks_bars : bool
        Whether it points at bars that are wrong, if its rule does: of a unit that changed for good, either side may be.
    """

    symbol: str
    date: pd.Timestamp
    until: pd.Timestamp
    rule: str
    severity: Severity
    evidence: str
    marks_bars: bool = True

    def __str__(self) -> str:
        span = show_day(self.date) + ("" if self.until == self.date else f" to {show_day(self.until)}")
        return f"{self.severity}: {self.symbol}, {span}: {self.rule}: {self.evidence}"


@dataclass(frozen=True, eq=False, repr=False)
class Findings:
    r"""Findings in order of date, symbol and rule.

    Parameters
    ----------
    found : iterable of Finding

    Examples
    --------
    >>> day = pd.Timestamp("2024-01-05")
    >>> found = Findings([Finding(symbol="A", date=day, until=day, rule="spike", severity=Severity.WARNING,
    ...                           evidence="The close went from 10 to 20 and back to 10.")])
    >>> print(*found, sep="\n")
    warning: A, 2024-01-05: spike: The close went from 10 to 20 and back to 10.
    >>> found.counts().loc["spike"].to_dict()
    {'error': 0, 'warning': 1, 'note': 0}
    """

    found: Iterable[Finding] = ()

    def __post_init__(self) -> None:
        ordered = sorted(self.found, key=lambda one: (one.date, one.symbol, one.rule, one.until))
        object.__setattr__(self, "found", tuple(ordered))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(tuple(self.found))

    def __repr__(self) -> str:
        numbers = {level: len(self.of(level)) for level in Severity}
        return f"Findings({', '.join(f'{number} {level}s' for level, number in numbers.items())})"

    @property
    def frame(self) -> pd.DataFrame:
        """One row per finding, with the columns symbol, date, until, rule, severity and evidence."""
        return pd.DataFrame(
            [tuple(getattr(one, name) for name in COLUMNS) for one in self], columns=list(COLUMNS)
        ).astype({"severity": str})

    def for_symbol(self, symbol: str) -> Findings:
        """Keep the findings on one symbol."""
        return Findings(one for one in self if one.symbol == symbol)

    def of(self, severity: Severity) -> Findings:
        """Keep the findings of one severity."""
        return Findings(one for one in self if one.severity is severity)

    def by(self, rule: str) -> Findings:
        """Keep the findings of one rule, by its name."""
        return Findings(one for one in self if one.rule == rule)

    def counts(self) -> pd.DataFrame:
        """Count findings by rule (rows) and severity (columns)."""
        table = pd.crosstab(self.frame["rule"], self.frame["severity"])
        table = table.reindex(columns=pd.Index([str(level) for level in Severity], name="severity"), fill_value=0)
        return table.astype("int64")

    def __add__(self, other: Findings) -> Findings:
        return Findings((*self, *other))


def show_day(moment: pd.Timestamp) -> str:
    """Write a session as a date, and an intraday time with its hours and minutes."""
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
