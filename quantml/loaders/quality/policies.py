"""What a study does about findings: stop, drop bars, leave symbols out, or fill for features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check
from quantml.loaders.quality.check import find_all
from quantml.loaders.quality.editing import fill_forward, keep_symbols, remove_bars
from quantml.loaders.quality.findings import Finding, Findings, show_day
from quantml.loaders.quality.market import Action, Market
from quantml.loaders.quality.own_bars import OwnBars
from quantml.loaders.quality.rule import Rule
from quantml.loaders.quality.sessions import MissingSession
from quantml.space import Declaration

__all__ = ["DropBar", "ForwardFill", "Policy", "Quality", "QuarantineSymbol", "Raise"]


@dataclass(frozen=True)
class Policy(Declaration, ABC):
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
    hindsight: ClassVar[str] = ""
    """What of its effect on a bar may rest on later bars; for the reader of a report, and empty where nothing does."""

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
        return Findings(find_all(own, _as_tuple(self.rules)))

    @abstractmethod
    def apply(self, market: Market, findings: Findings) -> Market:
        """Return the market after acting on `findings`."""


@dataclass(frozen=True)
class Raise(Policy):
    """Stop with an error that names the first finding."""

    def apply(self, market: Market, findings: Findings) -> Market:
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
        return market


@dataclass(frozen=True)
class QuarantineSymbol(Policy):
    """Leave every symbol with a finding out of the study.

    That is a decision about the data as a whole, made with hindsight: a symbol is left out, from the first bar on, for
    what happens to its data at any time.
    """

    hindsight: ClassVar[str] = (
        "A symbol was left out of the whole study for what its data hold at any time, later years included; nobody"
        " could have known that on the first day."
    )

    def apply(self, market: Market, findings: Findings) -> Market:
        """Take the symbols out."""
        present = [one for one in findings if one.symbol in market.bars.symbols]
        if not present:
            return market
        kept = tuple(symbol for symbol in market.bars.symbols if symbol not in {one.symbol for one in present})
        actions = [Action(one, "left the symbol out") for one in present]
        return market.edited(partial(keep_symbols, symbols=kept), actions)


@dataclass(frozen=True)
class DropBar(Policy):
    """Take the marked bars out: the symbol has no bar there, so it neither trades nor is forecast.

    A split or dividend on a dropped bar moves to the symbol's next one; where none follows it is lost, and the action
    says so. Only for rules that mark bars. A finding that cannot tell which bars are wrong, such as a `UnitFlip` that
    never flips back, leaves them as they are, and the action says so.

    Whether a bar is wrong is judged with the bars after it: on its own day, a spike that reverts on the next looked
    like a price. A live study would have decided on it.
    """

    hindsight: ClassVar[str] = (
        "Whether a bar was dropped was judged with the bars after it; on its own day, a live study would have decided"
        " on it."
    )

    def _check_rule(self, name: str, rule: Rule) -> None:
        _must_mark_bars(name, rule, rule.marks_bars)

    def apply(self, market: Market, findings: Findings) -> Market:
        """Take the bars out."""
        told = [one for one in findings if one.marks_bars]
        cells = [_cells(market.bars, one) & market.bars.traded for one in told]
        mask = np.any(cells, axis=0) if cells else np.zeros_like(market.bars.traded)
        actions = [
            Action(one, _dropped(market.bars, own, mask)) for one, own in zip(told, cells, strict=True) if own.any()
        ]
        actions += _left(market.bars, findings)
        return market.edited(partial(remove_bars, mask=mask), actions) if actions else market


@dataclass(frozen=True)
class ForwardFill(Policy):
    """Let features see the last good bar where one is marked or missing, at most `limit` times in a row.

    The filled bar has open, high, low and close at the last close, and no volume. Forecasts, trades and accounts keep
    to the bars that there are. A session on which no symbol has a bar is not on the clock and is not filled, nor is a
    day on which the symbol's own exchange is closed; `limit` counts the symbol's own sessions. Findings that cannot
    tell which bars are wrong are left, as in `DropBar`.

    What a bar is filled with is earlier than it. Whether a bar that is there is wrong, and so filled, is judged with
    the bars after it, as in `DropBar`.

    Parameters
    ----------
    limit : int
    """

    limit: int = 1
    hindsight: ClassVar[str] = (
        "Features read earlier prices in place of a bar that was judged wrong with the bars after it; on its own day,"
        " a live study would have read the bar."
    )

    def validate(self) -> None:
        """Raise where a rule does not fit, or the limit is not positive."""
        super().validate()
        check(self.limit >= 1, "ForwardFill.limit", "be at least 1", self.limit)

    def _check_rule(self, name: str, rule: Rule) -> None:
        _must_mark_bars(name, rule, rule.marks_bars or isinstance(rule, MissingSession))

    def apply(self, market: Market, findings: Findings) -> Market:
        """Fill the bars that features read."""
        marking = {rule.name for rule in _as_tuple(self.rules) if rule.marks_bars}
        absent, closed = ~market.bars.traded, market.bars.closed
        told = [one for one in findings if one.marks_bars]
        cells = [_cells(market.bars, one) & ~closed & (absent | (one.rule in marking)) for one in told]
        mask = np.any(cells, axis=0) if cells else np.zeros_like(absent)
        bare = remove_bars(market.feature_bars, mask)
        features, filled = fill_forward(bare, mask, self.limit)
        actions = [
            Action(one, f"filled {int((filled & own).sum())} of {int(own.sum())} for features")
            for one, own in zip(told, cells, strict=True)
            if own.any()
        ]
        features = features if actions else market.feature_bars
        actions += _left(market.bars, findings)
        return replace(market, feature_bars=features, done=(*market.done, *actions))


@dataclass(frozen=True)
class Quality(Declaration):
    """What a study does about what is wrong with its data: nothing, but what its policies say.

    Policies act one after another, in the order given, each on what its rules find in the bars as they were loaded. A
    `ForwardFill` stands after every `DropBar`, which would undo its fills or take away the bars that they are made of.

    Parameters
    ----------
    policies : Policy or sequence of Policy

    Examples
    --------
    >>> from quantml.loaders import Sample
    >>> from quantml.loaders.quality import RepeatedBar, RepeatedOpens, UnitFlip
    >>> quality = Quality([Raise(UnitFlip()), DropBar([RepeatedBar()])])
    >>> market = quality.apply(Sample("stocks", symbols=["AAPL"]).load())
    >>> str(market.done[0])[:70]
    'AAPL, 2003-01-29: dropped 1 bar (repeated bar). Open, high, low and cl'
    >>> len(market.bars)
    3269
    """

    policies: Policy | Sequence[Policy] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "policies", _as_tuple(self.policies))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a part is no policy."""
        filled: Policy | None = None
        for policy in _as_tuple(self.policies):
            if not isinstance(policy, Policy):
                raise ParameterError("Quality.policies", must="be policies, such as DropBar(Spike())", got=policy)
            filled = policy if isinstance(policy, ForwardFill) else filled
            if isinstance(policy, DropBar) and filled is not None:
                hint = "Give the ForwardFill after it."
                raise ParameterError("Quality.policies", must="drop bars before others are filled", got=policy,
                                     where=f"after {filled}", hint=hint)  # fmt: skip

    def apply(self, bars: Bars) -> Market:
        """Apply the policies; bars without prices stay as they are.

        Raises
        ------
        DataError
            If a `Raise` has a finding, or nothing is left.
        """
        policies = _as_tuple(self.policies)
        if not (policies and bars.quoted):
            return Market(bars, bars, policies)
        own = OwnBars.of(bars)
        found = [policy.find(own) for policy in policies]
        market = Market(bars, bars, policies, Findings(dict.fromkeys(one for part in found for one in part)))
        for policy, findings in zip(policies, found, strict=True):
            market = policy.apply(market, findings)
        return market


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


def _dropped(bars: Bars, own: NDArray[np.bool_], mask: NDArray[np.bool_]) -> str:
    """Say how many bars of a finding are dropped, and what is lost where no bar of the symbol is left after them."""
    count = int(own.sum())
    kept = bars.traded & ~mask
    over = ~np.maximum.accumulate(kept[::-1], axis=0)[::-1]
    paid, split = ((own & over & happened).any() for happened in (bars.dividend != 0.0, bars.split != 1.0))
    lost = " and ".join(name for name, is_lost in (("a dividend", paid), ("a split", split)) if is_lost)
    more = f"; {lost} on what was dropped is lost, since no bar of the symbol follows" if lost else ""
    return f"dropped {count} bar{'s' if count > 1 else ''}{more}"


def _left(bars: Bars, findings: Findings) -> list[Action]:
    """Say of findings that cannot tell which bars are wrong that nothing was done."""
    done = "left all bars as they are, since nothing tells which side is right"
    return [Action(one, done) for one in findings if not one.marks_bars and one.symbol in bars.symbols]


def _as_tuple(part: Any) -> tuple[Any, ...]:
    return tuple(part) if isinstance(part, (list, tuple)) else (part,)
