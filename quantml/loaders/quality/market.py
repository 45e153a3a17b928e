"""What a study's data came to: bars, what was found in them, and what its policies did about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.loaders.quality.editing import keep_rows
from quantml.loaders.quality.findings import Finding, Findings, show_day

if TYPE_CHECKING:
    from quantml.loaders.quality.policies import Policy

__all__ = ["Action", "Market"]

COLUMNS: Final = ("symbol", "date", "until", "rule", "action", "evidence")


class Action(NamedTuple):
    """What was done about one finding."""

    finding: Finding
    done: str

    def __str__(self) -> str:
        one = self.finding
        span = show_day(one.date) + ("" if one.until == one.date else f" to {show_day(one.until)}")
        return f"{one.symbol}, {span}: {self.done} ({one.rule}). {one.evidence}"


@dataclass(frozen=True, eq=False)
class Market:
    """Bars after a study's quality policies, what these found, and what they did.

    Attributes
    ----------
    bars : Bars
        What is forecast, traded and accounted.
    feature_bars : Bars
        What features read: the same object or, with `ForwardFill`, the same clock and symbols with gaps filled.
    policies : tuple of Policy
        Those that were applied, in order; none where a study declares none.
    found : Findings
        What the rules of the policies found in the bars as they were loaded.
    done : tuple of Action
        In the order in which they were done; ``str`` makes a sentence of each.
    sealed : Timestamp or None
        Where the study's lockbox begins: after the last of the bars, unless it was opened.
    """

    bars: Bars
    feature_bars: Bars
    policies: tuple[Policy, ...] = ()
    found: Findings = field(default_factory=Findings)
    done: tuple[Action, ...] = ()
    sealed: pd.Timestamp | None = None

    def edited(self, edit: Callable[[Bars], Bars], actions: Sequence[Action]) -> Market:
        """Return the market after `edit` on both bars, on the rows in which a symbol still has one."""
        bars = edit(self.bars)
        rows = np.asarray(bars.traded.any(axis=1))
        features = None if self.feature_bars is self.bars else keep_rows(edit(self.feature_bars), rows)
        bars = keep_rows(bars, rows)
        return replace(self, bars=bars, feature_bars=bars if features is None else features,
                       done=(*self.done, *actions))  # fmt: skip

    @property
    def findings(self) -> pd.DataFrame:
        """One row per finding, with the columns symbol, date, until, rule, severity and evidence."""
        return self.found.frame

    @property
    def actions(self) -> pd.DataFrame:
        """One row per action, with the columns symbol, date, until, rule, action and evidence."""
        rows = [
            (one.finding.symbol, one.finding.date, one.finding.until, one.finding.rule, one.done, one.finding.evidence)
            for one in self.done
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))
