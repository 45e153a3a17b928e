"""Groups: how much of a sector, a country or any other group may be held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ParameterError, check, is_finite
from quantml.features.base import Feature, build_features
from quantml.signals.base import Context, Weights, weights_for, while_closed
from quantml.signals.limits import share_within
from quantml.space import Declaration


@dataclass(frozen=True)
class GroupCap(Declaration):
    """Scale a group down where its gross or net exposure is too large; the other groups stay as they are.

    Symbols without a group are one of their own. NaN weights stay NaN and count as 0.

    Parameters
    ----------
    group : feature
        ``f(bars) -> frame`` with a number for each group, such as `quantml.features.Category`, or
        `quantml.features.Outside` where a symbol's group changes.
    gross : float, optional
        Largest sum of absolute weights of one group, positive.
    net : float, optional
        Largest absolute sum of weights of one group, positive.

    Raises
    ------
    ParameterError
        If a limit is not positive, or none is given.
    """

    by_row: ClassVar[bool] = True
    group: Feature
    gross: float | None = None
    net: float | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(callable(self.group), "GroupCap.group", "be a feature, f(bars) -> frame", self.group)
        for name in ("gross", "net"):
            value = getattr(self, name)
            held = value is None or (is_finite(value) and value > 0.0)
            check(held, f"GroupCap.{name}", "be a finite number above 0", value)
        if self.gross is None and self.net is None:
            raise ParameterError("GroupCap", must="limit something", hint="Give one of gross, net.")

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Limit the weights so far.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        values = weights_for(self, inputs).values.copy()
        labels = while_closed(build_features((self.group,), context.bars).values[:, :, 0], context.bars)
        for label in np.unique(labels):
            inside = np.isnan(labels) if np.isnan(label) else labels == label
            values = np.where(inside, values * self._let_through(np.where(inside, values, 0.0)), values)
        return context.weights(values)

    def _let_through(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        gross = share_within(np.nansum(np.abs(values), axis=1, keepdims=True), self.gross)
        return np.minimum(gross, share_within(np.abs(np.nansum(values, axis=1, keepdims=True)), self.net))
