"""What an audit finds: leaks, and what bears on a result without being one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

__all__ = ["Audit", "Earned", "Leak", "Notice"]


@dataclass(frozen=True)
class Leak:
    """A part of a study that uses what was not known at the close of its decision.

    Attributes
    ----------
    stage : str
        ``"data"``, ``"declaration"``, ``"code"``, ``"feature"``, ``"target"``, ``"folds"``, ``"tuning"``,
        ``"fit"``, ``"transform"``, ``"sample weight"``, ``"forecast"``, ``"signal"`` or ``"fill"``.
    part : str
        The feature, target, step, ... by name.
    evidence : str
        What was seen, in one sentence.
    symbol : str
        Where it was seen first; empty where it is about none.
    first : Timestamp or None
        The first row that changed with what came later.
    ahead : int or None
        How many rows of the panel clock it reads ahead at least, as far as that was seen; None where it was not
        measured.
    reads : str
        Which later values move it, such as ``"prices"`` or the name of an outside table; empty where not measured.
    """

    stage: str
    part: str
    evidence: str
    symbol: str = ""
    first: pd.Timestamp | None = None
    ahead: int | None = None
    reads: str = ""

    def __str__(self) -> str:
        return f"{self.stage} {self.part}: {self.evidence}"


@dataclass(frozen=True)
class Notice:
    """Something that bears on what a result is worth, and is no leak by itself.

    Attributes
    ----------
    kind : str
        ``"survivorship"``, ``"hindsight"``, ``"outside table"``, ``"fill"``, ``"history"``, ``"price level"``,
        ``"not reproducible"`` or ``"not audited"``.
    part : str
        What it is about.
    text : str
        A sentence.
    """

    kind: str
    part: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Earned:
    """What leaking features earned: the out-of-sample Sharpe ratio with them and without them.

    Attributes
    ----------
    sharpe_ratio, without : float or None
        Net of costs; `without` is None where nothing runs without them, and `reason` says why.
    features : tuple of str
        Those that were left out.
    reason : str
    """

    sharpe_ratio: float
    without: float | None
    features: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found in a study.

    Attributes
    ----------
    study : str
        Its name.
    leaks : tuple of Leak
    notices : tuple of Notice
    cuts : tuple of Timestamp
        Where the future was cut off and exchanged.
    folds : tuple of int
        Folds that were fitted again, some of them tuned again too.
    earned : Earned or None
        Only in a full audit that found leaking features.
    full : bool
        False for the light audit inside a run.
    """

    study: str
    leaks: tuple[Leak, ...]
    notices: tuple[Notice, ...]
    cuts: tuple[pd.Timestamp, ...]
    folds: tuple[int, ...]
    earned: Earned | None = None
    full: bool = True

    @property
    def passed(self) -> bool:
        """Whether no leak was found."""
        return not self.leaks

    @property
    def complete(self) -> bool:
        """Whether every part could be audited and gives the same when it is run again."""
        return not {"not audited", "not reproducible"}.intersection(notice.kind for notice in self.notices)

    @property
    def scope(self) -> str:
        """What was examined, in one sentence."""
        kind = "full" if self.full else "light"
        folds = f", and {len(self.folds)} fold{'s' * (len(self.folds) != 1)} fitted again" if self.folds else ""
        moments = f"{len(self.cuts)} moment{'s' * (len(self.cuts) != 1)}"
        return f"A {kind} audit: the future cut off and exchanged at {moments}{folds}."

    def as_values(self) -> dict[str, Any]:
        """Return the audit as plain values, for JSON."""
        found = asdict(self)
        for leak in found["leaks"]:
            leak["first"] = None if leak["first"] is None else f"{leak['first']}".removesuffix(" 00:00:00")
        found["cuts"] = [f"{cut}".removesuffix(" 00:00:00") for cut in self.cuts]
        return {**found, "passed": self.passed, "complete": self.complete, "scope": self.scope}
