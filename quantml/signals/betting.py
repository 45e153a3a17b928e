"""Betting: how much of a stake a probability is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import SignalError, check, is_finite
from quantml.signals.base import Context, Weights, apply_steps, forecast_for, while_closed
from quantml.signals.rules import equal_parts
from quantml.space import Declaration


@dataclass(frozen=True)
class Kelly(Declaration):
    r"""Hold 1/n of each symbol times a fraction of what Kelly would bet on the forecast probability.

    A bet that wins `payoff` with probability p and loses 1 otherwise is worth the share

    .. math:: f = p - (1 - p) / b

    of the stake, b the payoff, and nothing where that is negative. On a direction's forecast the bet on a fall is taken
    from that on a rise; one of them is worth nothing unless the payoff is above 1. The forecast of a primary rule's
    success (`quantml.targets.MetaLabel`) scales the rule's own weights. `fraction` of f is held, at most `cap`: a full
    Kelly bet takes the probability for exact, and it never is. n is the number of members of the universe with a bar on
    the row.

    Parameters
    ----------
    fraction : float
        Share of the Kelly bet that is held, above 0 and at most 1.
    payoff : float
        Average win over average loss, positive.
    cap : float
        Largest share of 1/n that is held, above 0 and at most 1.
    short : bool
        Whether falls are sold short.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Kelly (1956), A new interpretation of information rate, Bell System Technical Journal 35(4); with a payoff, Thorp
    (2006), The Kelly criterion in blackjack, sports betting and the stock market, section 2.
    """

    by_row: ClassVar[bool] = True
    fraction: float = 0.5
    payoff: float = 1.0
    cap: float = 1.0
    short: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("fraction", "cap"):
            value = getattr(self, name)
            check(is_finite(value) and 0.0 < value <= 1.0, f"Kelly.{name}", "be above 0 and at most 1", value)
        rule = "be a finite number above 0"
        check(is_finite(self.payoff) and self.payoff > 0.0, "Kelly.payoff", rule, self.payoff)
        check(isinstance(self.short, bool), "Kelly.short", "be True or False", self.short)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the probabilities into weights.

        Raises
        ------
        SignalError
            If there is no forecast of a probability.
        """
        forecast = forecast_for(self, inputs)
        if forecast.probability is None or forecast.kind not in ("direction", "success"):
            hint = "Forecast a Direction or a MetaLabel, or use Proportional()."
            got = f"a forecast of a {forecast.kind}"
            raise SignalError("Kelly", must="receive the probability of a rise or of success", got=got, hint=hint)
        if forecast.kind == "success":
            return self._following(while_closed(forecast.probability, context.bars), context)
        share = self.share(forecast.probability)
        if self.short:
            share = share - self.share(1.0 - forecast.probability)
        return equal_parts(share, context)

    def share(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of the stake that is held on each probability of a win; NaN where it is not known."""
        bet = self.fraction * (probability - (1.0 - probability) / self.payoff)
        return np.asarray(np.clip(bet, 0.0, self.cap), dtype=np.float64)

    def _following(self, probability: NDArray[np.float64], context: Context) -> Weights:
        if not context.primary:
            raise SignalError("Kelly", must="have a primary rule to follow", got="none",
                              hint="Give the study target=MetaLabel(rule, ...).")  # fmt: skip
        rule = apply_steps(context.primary, Context(context.bars, fill=context.fill)).values
        sides = rule if self.short else np.where(rule < 0.0, 0.0, rule)
        return context.weights(sides * np.nan_to_num(self.share(probability)))
