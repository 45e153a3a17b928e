"""What a rule is: a declaration of what to look for, and how it reports what it sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from quantml.loaders.quality.findings import Finding, Severity
from quantml.loaders.quality.own_bars import OwnBars
from quantml.space import Declaration

__all__ = ["Rule"]


@dataclass(frozen=True)
class Rule(Declaration, ABC):
    """Base of the rules on bars. A rule of your own subclasses it, names itself and implements `find`.

    Attributes
    ----------
    name : str
        What the report calls it.
    severity : Severity
        Of its findings, unless the rule says otherwise.
    marks_bars : bool
        Whether its findings point at bars that are wrong, so that dropping them makes sense. A missing session has no
        bar to drop, and dropping the bar of an unadjusted split leaves every later one at the new level.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from quantml.loaders import Sample
    >>> from quantml.loaders.quality import check_quality
    >>> @dataclass(frozen=True)
    ... class Penny(Rule):
    ...     name = "penny stock"
    ...     below: float = 1.0
    ...     def find(self, own):
    ...         runs = find_runs(own.field("close") < self.below)
    ...         return [self.report(own, n, first, last, f"The close is below {self.below:g}.")
    ...                 for n, first, last in zip(*runs)]
    >>> from quantml.loaders.quality import find_runs
    >>> check_quality(Sample("indices").load(), rules=[Penny()])
    Findings(0 errors, 0 warnings, 0 notes)
    """

    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.WARNING
    marks_bars: ClassVar[bool] = True

    @abstractmethod
    def find(self, own: OwnBars) -> list[Finding]:
        """Return what is wrong with the bars, as this rule sees it."""

    def report(
        self, own: OwnBars, column: int, first: int, last: int, evidence: str, severity: Severity | None = None
    ) -> Finding:
        """Make a finding on the own bars `first` to `last` (both included) of the symbol in `column`."""
        return Finding(
            symbol=own.symbols[column],
            date=own.time(first, column),
            until=own.time(last, column),
            rule=self.name,
            severity=severity or self.severity,
            evidence=evidence,
        )
