"""What a study chose to do about findings: stop, drop bars, leave symbols out, or fill for features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check
from quantml.loaders.quality.check import found
from quantml.loaders.quality.editing import fill_forward, keep_rows, keep_symbols, remove_bars
from quantml.loaders.quality.findings import Finding, Findings, show_day
from quantml.loaders.quality.own_bars import OwnBars
from quantml.loaders.quality.rule import Rule
from quantml.loaders.quality.sessions import MissingSession
from quantml.space import Declaration

__all__ = ["Action", "DropBar", "ForwardFill", "Outcome", "Policy", "Quality", "QuarantineSymbol", "Raise"]

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
class Outcome:
    """Bars after a study's quality policies, and what was done to them.

    Attributes
    ----------
    bars : Bars
        What is forecast, traded and accounted.
    feature_bars : Bars
        What features read: the same bars, or, with `ForwardFill`, those with gaps filled; on the same clock.
    actions : tuple of Action
        In the order in which they were done; ``str`` makes a sentence of each.
    """

    bars: Bars
    feature_bars: Bars
    actions: tuple[Action, ...] = ()

    def edited(self, edit: Callable[[Bars], Bars], actions: Sequence[Action]) -> Outcome:
        """Return the outcome after `edit` on both, on the rows in which a symbol still has a bar."""
        bars = edit(self.bars)
        rows = np.asarray(bars.traded.any(axis=1))
        features = None if self.feature_bars is self.bars else keep_rows(edit(self.feature_bars), rows)
        bars = keep_rows(bars, rows)
        return Outcome(bars, bars if features is None else features, (*self.actions, *actions))

    @property
    def table(self) -> pd.DataFrame:
        """One row per action, with the columns symbol, date, until, rule, action and evidence."""
        rows = [
            (one.finding.symbol, one.finding.date, one.finding.until, one.finding.rule, one.done, one.finding.evidence)
            for one in self.actions
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class Policy(Declaration):
    """Base of the policies: what to do about the findings of some rules.

    Parameters
    ----------
    rules : Rule or sequence of Rule
        Rules on bars, such as ``Spike()`` or ``StaleRun(sessions=10)``.

    Raises
    ------
    ParameterError
        If there is none, or one is no rule on bars, or the policy cannot act on what one finds.
    """

    rules: Rule | Sequence[Rule]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", _as_tuple(self.rules))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a rule does not fit."""
        name = f"{type(self).__name__}.rules"
        rules = _as_tuple(self.rules)
        check(bool(rules), name, "hold at least one rule", self.rules)
        for rule in rules:
            if not isinstance(rule, Rule):
                raise ParameterError(name, must="be rules on bars, such as Spike()", got=rule)
            self._check_rule(name, rule)

    def _check_rule(self, name: str, rule: Rule) -> None:
        """Raise where the policy cannot act on what `rule` finds."""

    def find(self, own: OwnBars) -> Findings:
        """Return what the policy's rules find."""
        return Findings(found(own, _as_tuple(self.rules)))

    def apply(self, outcome: Outcome, findings: Findings) -> Outcome:
        """Return the outcome after acting on `findings`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Raise(Policy):
    """Stop with an error that names the first finding."""

    def apply(self, outcome: Outcome, findings: Findings) -> Outcome:
        """Raise `DataError` if there is any finding."""
        for first in findings:
            more = f"{len(findings)} such findings in all. " if len(findings) > 1 else ""
            raise DataError(
                f"bars of {first.symbol}",
                must=f"have no {first.rule}",
                got=first.evidence,
                where=f"{first.symbol}, {show_day(first.date)}",
                hint=f"{more}Correct the source, or choose another policy for it.",
            )
        return outcome


@dataclass(frozen=True)
class QuarantineSymbol(Policy):
    """Leave every symbol with a finding out of the study.

    Findings see whole histories, so that a symbol is left out for what happens to its data at any time.
    """

    def apply(self, outcome: Outcome, findings: Findings) -> Outcome:
        """Take the symbols out."""
        present = [one for one in findings if one.symbol in outcome.bars.symbols]
        if not present:
            return outcome
        kept = tuple(symbol for symbol in outcome.bars.symbols if symbol not in {one.symbol for one in present})
        actions = [Action(one, "left the symbol out") for one in present]
        return outcome.edited(partial(keep_symbols, symbols=kept), actions)


@dataclass(frozen=True)
class DropBar(Policy):
    """Take the marked bars out: the symbol has no bar there, so it neither trades nor is forecast.

    A split or dividend on a dropped bar moves to the symbol's next one. Only for rules that mark bars.
    """

    def _check_rule(self, name: str, rule: Rule) -> None:
        _must_mark_bars(name, rule, rule.marks_bars)

    def apply(self, outcome: Outcome, findings: Findings) -> Outcome:
        """Take the bars out."""
        actions, mask = _mark(outcome.bars, findings, "dropped")
        if not actions:
            return outcome
        return outcome.edited(partial(remove_bars, mask=mask), actions)


@dataclass(frozen=True)
class ForwardFill(Policy):
    """Let features see the last good bar where one is marked or missing, at most `limit` times in a row.

    The filled bar has open, high, low and close at the last close, and no volume. Forecasts, trades and accounts keep
    to the bars that there are. A session on which no symbol has a bar is not on the clock and is not filled.

    Parameters
    ----------
    limit : int
    """

    limit: int = 1

    def validate(self) -> None:
        """Raise where a rule does not fit, or the limit is not positive."""
        super().validate()
        check(self.limit >= 1, "ForwardFill.limit", "be at least 1", self.limit)

    def _check_rule(self, name: str, rule: Rule) -> None:
        _must_mark_bars(name, rule, rule.marks_bars or isinstance(rule, MissingSession))

    def apply(self, outcome: Outcome, findings: Findings) -> Outcome:
        """Fill the bars that features read."""
        marking = {rule.name for rule in _as_tuple(self.rules) if rule.marks_bars}
        absent = ~outcome.bars.traded
        cells = [_cells(outcome.bars, one) & (absent | (one.rule in marking)) for one in findings]
        mask = np.any(cells, axis=0) if cells else np.zeros_like(absent)
        bare = remove_bars(outcome.feature_bars, mask)
        features, filled = fill_forward(bare, mask, self.limit)
        actions = [
            Action(one, f"filled {int((filled & own).sum())} of {int(own.sum())} for features")
            for one, own in zip(findings, cells, strict=True)
            if own.any()
        ]
        features = features if actions else outcome.feature_bars
        return replace(outcome, feature_bars=features, actions=(*outcome.actions, *actions))


@dataclass(frozen=True)
class Quality(Declaration):
    """What a study does about what is wrong with its data: nothing, but what its policies say.

    Policies act one after another, in the order given, each on what its rules find in the bars as they were loaded.

    Parameters
    ----------
    policies : Policy or sequence of Policy

    Examples
    --------
    >>> from quantml.loaders import Sample
    >>> from quantml.loaders.quality import RepeatedBar, RepeatedOpens, UnitFlip
    >>> quality = Quality([Raise(UnitFlip()), DropBar([RepeatedBar()])])
    >>> outcome = quality.apply(Sample("stocks", symbols=["AAPL"]).load())
    >>> [str(action) for action in outcome.actions][0][:70]
    'AAPL, 2003-01-29: dropped 1 bar (repeated bar). Open, high, low and cl'
    >>> len(outcome.bars)
    3269
    """

    policies: Policy | Sequence[Policy] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "policies", _as_tuple(self.policies))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a part is no policy."""
        for policy in _as_tuple(self.policies):
            if not isinstance(policy, Policy):
                raise ParameterError("Quality.policies", must="be policies, such as DropBar(Spike())", got=policy)

    def apply(self, bars: Bars) -> Outcome:
        """Apply the policies; bars without prices stay as they are.

        Raises
        ------
        DataError
            If a `Raise` has a finding, or nothing is left.
        """
        outcome, own = Outcome(bars, bars), OwnBars.of(bars)
        for policy in _as_tuple(self.policies) if bars.quoted else ():
            outcome = policy.apply(outcome, policy.find(own))
        return outcome


def _must_mark_bars(name: str, rule: Rule, fits: bool) -> None:
    if not fits:
        hint = "Use Raise or QuarantineSymbol for it."
        raise ParameterError(name, must="hold rules that mark wrong bars", got=rule, hint=hint)


def _cells(bars: Bars, finding: Finding) -> NDArray[np.bool_]:
    """Mark the rows of the clock, for the finding's symbol, from its date to its last."""
    mask = np.zeros(bars.traded.shape, dtype=np.bool_)
    if finding.symbol in bars.symbols:
        rows = np.asarray((bars.clock >= finding.date) & (bars.clock <= finding.until))
        mask[rows, bars.symbols.index(finding.symbol)] = True
    return mask


def _mark(bars: Bars, findings: Findings, verb: str) -> tuple[list[Action], NDArray[np.bool_]]:
    """Mark the bars that findings point at, and say of each how many there were."""
    actions, mask = [], np.zeros(bars.traded.shape, dtype=np.bool_)
    for one in findings:
        cells = _cells(bars, one) & bars.traded
        mask |= cells
        count = int(cells.sum())
        if count:
            actions.append(Action(one, f"{verb} {count} bar{'s' if count > 1 else ''}"))
    return actions, mask


def _as_tuple(part: Any) -> tuple[Any, ...]:
    return tuple(part) if isinstance(part, (list, tuple)) else (part,)
