"""Following a primary rule as far as it is forecast to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quantml.errors import SignalError, check, is_finite
from quantml.signals.base import Context, Weights, apply_steps, forecast_for, while_closed
from quantml.space import Declaration


@dataclass(frozen=True)
class Follow(Declaration):
    """Hold the primary rule's weight times the probability that it is right, where that is above `threshold`.

    The rule is that of the study's `quantml.targets.MetaLabel`, with the parameters that were chosen in the fold; it
    decides the side, the forecast how much of it. At or below `threshold`, and without a forecast, nothing is held.
    Where the rule makes no decision there is none here.

    Parameters
    ----------
    threshold : float
        A probability, at least 0 and below 1.

    Raises
    ------
    ParameterError
        If `threshold` is out of range.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, sections 3.6 and 3.7.

    Examples
    --------
    A study with ``target=MetaLabel(MovingAverageCross(20, 100, short=True), TripleBarrier(10))``,
    ``forecaster=Logistic()`` and ``signal=Follow()`` trades the crossing averages, the more the surer the forecast is.
    """

    by_row: ClassVar[bool] = True  # the primary rule decides on the bars alone
    threshold: float = 0.5

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = is_finite(self.threshold) and 0.0 <= self.threshold < 1.0
        check(held, "Follow.threshold", "be a probability of at least 0 and below 1", self.threshold)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the probabilities into weights.

        Raises
        ------
        SignalError
            If there is no forecast of a primary rule's success.
        """
        forecast = forecast_for(self, inputs)
        if forecast.kind != "success" or forecast.probability is None or not context.primary:
            hint = "Give the study target=MetaLabel(rule, ...), or use Sign() or Proportional()."
            must = "receive the probability that a primary rule is right"
            raise SignalError("Follow", must=must, got=f"a forecast of a {forecast.kind}", hint=hint)
        rule = apply_steps(context.primary, Context(context.bars, fill=context.fill)).values
        probability = while_closed(forecast.probability, context.bars)
        return context.weights(rule * self.followed(probability))

    def followed(self, probability: Any) -> Any:
        """Return the share of the rule's weight that is held: 0.0 where the probability is too low, or NaN."""
        return np.where(probability > self.threshold, probability, 0.0)
