"""Which way prices will go, and whether a rule that says so will be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError, check
from quantml.signals.base import Context, Step, apply_steps
from quantml.space import Declaration
from quantml.targets.base import Ahead, Held, Target, make_target
from quantml.targets.returns import ForwardReturn
from quantml.timing import UNKNOWN, Fill

__all__ = ["Direction", "MetaLabel", "Outcome"]


@dataclass(frozen=True)
class Direction(Ahead):
    """Which way the `ForwardReturn` of the same horizon and start goes; NaN where not known.

    Without a `band` there are two classes, 1.0 where the return is positive and 0.0 where it is not, and the kind is
    ``"direction"``: what is forecast is the probability of a rise.

    With one there are three, 1.0 where the return is above it, -1.0 where it is below ``-band`` and 0.0 inside, both
    ends included, and the kind is ``"class"``: what is forecast is the expected class, the probability of a rise less
    that of a fall, between -1 and 1.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
    band : float
        Half the width of the dead band around 0, a return; 0 for two classes.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    _: KW_ONLY
    band: float = 0.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        number = isinstance(self.band, (int, float, np.number)) and not isinstance(self.band, bool)
        check(number and 0.0 <= self.band < np.inf, "Direction.band", "be a finite number of at least 0", self.band)

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the directions; see `TargetRule.build`."""
        held = self.held(bars, fill)
        classes = (held.returns > self.band).astype(np.float64)
        if self.band > 0.0:
            classes -= held.returns < -self.band
        values = np.where(np.isnan(held.returns), np.nan, classes)
        kind = "class" if self.band > 0.0 else "direction"
        return make_target(self, bars, values, held.label_end, kind, f"direction_{self.horizon}")


class Outcome(Protocol):
    """A target that tells what a side earns: a forward return, an excess return of any kind, a `TripleBarrier`."""

    @property
    def horizon(self) -> int:
        """Bars of the symbol."""

    @property
    def start(self) -> str:
        """Where the target starts."""

    def earned(self, bars: Bars, fill: Fill, side: NDArray[np.float64]) -> Held:
        """Compute what taking each side earns: 1.0 long, -1.0 short, NaN neither; shape (T, N)."""
        ...


@dataclass(frozen=True)
class MetaLabel(Declaration):
    """Whether following a primary rule makes money: 1.0 where its side earns more than nothing, before costs, else 0.0.

    The primary rule is what makes the weights of a study without a forecaster. Its side is the sign of its weight at
    the decision. Where that is 0, or no decision, there is nothing to follow and no value; nor where the outcome is
    not known. The label ends where the outcome's does.

    What is forecast is the probability that the primary rule is right, not that the symbol rises: the kind is
    ``"success"``. `quantml.signals.Follow` trades the primary rule on it; `Sign` and its like refuse it.

    Parameters
    ----------
    primary : step or sequence of steps
        ``(inputs, context) -> weights`` as in a study's ``signal``; its row t uses what was known at t.
    outcome : ForwardReturn, ExcessReturn, ActiveReturn, ResidualReturn or TripleBarrier
        What a side earns. A short takes its profit at the lower barrier of a `TripleBarrier`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, section 3.6.
    """

    primary: Step | Sequence[Step]
    outcome: Outcome = ForwardReturn()  # noqa: RUF009 - frozen

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for step in self.steps or (None,):
            if isinstance(step, type) or not callable(step):
                hint = "Write for instance primary=MovingAverageCross(20, 100, short=True)."
                got = _brief(step) if self.steps else "no step"
                raise ParameterError("MetaLabel.primary", must="hold signal steps", got=got, hint=hint)
            if callable(getattr(step, "fit", None)):
                must = "hold steps with nothing to fit, as labels are made before any fold is"
                raise ParameterError("MetaLabel.primary", must=must, got=_brief(step))
        if isinstance(self.outcome, type) or not callable(getattr(self.outcome, "earned", None)):
            must, hint = "tell what a side earns", "Write outcome=ForwardReturn(5), or a TripleBarrier."
            raise ParameterError("MetaLabel.outcome", must=must, got=_brief(self.outcome), hint=hint)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The primary rule's steps, in order."""
        return tuple(self.primary) if isinstance(self.primary, Sequence) else (self.primary,)

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the labels; see `TargetRule.build`.

        Raises
        ------
        SignalError
            If the primary rule fails, or needs a forecast.
        """
        side = np.sign(apply_steps(self.steps, Context(bars, fill=fill)).values)
        side = np.where(bars.traded & (side != 0.0), side, np.nan)
        earned = self.outcome.earned(bars, fill, side)
        values = np.where(np.isnan(earned.returns), np.nan, (earned.returns > 0.0).astype(np.float64))
        label_end = np.where(np.isnan(values), UNKNOWN, earned.label_end)
        return make_target(self.outcome, bars, values, label_end, "success", f"meta_label_{self.outcome.horizon}")


def _brief(part: Any) -> str:
    return part.__name__ if isinstance(part, type) else type(part).__name__
