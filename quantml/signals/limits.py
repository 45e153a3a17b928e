"""Limits: how much of a symbol, and of all together, may be held, and how often it may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ParameterError, check, is_finite
from quantml.signals.base import Context, Weights, weights_for
from quantml.space import Declaration
from quantml.timing import Span, block_number


@dataclass(frozen=True)
class Cap(Declaration):
    """Clip each weight to `per_symbol` in size, then scale down rows whose gross or net exposure is too large.

    Scaling keeps the proportions of a row. NaN weights stay NaN and count as 0.

    Parameters
    ----------
    per_symbol : float, optional
        Largest absolute weight of one symbol, positive.
    gross : float, optional
        Largest sum of absolute weights, positive.
    net : float, optional
        Largest absolute sum of weights, positive.

    Raises
    ------
    ParameterError
        If a limit is not positive, or none is given.
    """

    by_row: ClassVar[bool] = True
    per_symbol: float | None = None
    gross: float | None = None
    net: float | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        limits = {name: getattr(self, name) for name in ("per_symbol", "gross", "net")}
        for name, value in limits.items():
            holds = value is None or (is_finite(value) and value > 0.0)
            check(holds, f"Cap.{name}", "be a finite number above 0", value)
        if all(value is None for value in limits.values()):
            raise ParameterError("Cap", must="limit something", hint=f"Give one of {', '.join(limits)}.")

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Limit the weights so far.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        values = weights_for(self, inputs).values
        if self.per_symbol is not None:
            values = np.clip(values, -self.per_symbol, self.per_symbol)
        gross = share_within(np.nansum(np.abs(values), axis=1, keepdims=True), self.gross)
        net = share_within(np.abs(np.nansum(values, axis=1, keepdims=True)), self.net)
        return context.weights(values * np.minimum(gross, net))


def share_within(exposure: NDArray[np.float64], limit: float | None) -> NDArray[np.float64]:
    """How much of each exposure the limit lets through: exactly 1.0 where it is within."""
    return np.ones_like(exposure) if limit is None else limit / np.maximum(exposure, limit)


@dataclass(frozen=True)
class Rebalance(Declaration):
    """Keep the first decision in each calendar block, and make the other rows no decision, so that positions drift.

    Which rows decide hangs on the clock alone: months and longer blocks begin in January, weeks on Monday, blocks of
    rows at the first bar. The very first decision is kept wherever in its block it falls.

    Parameters
    ----------
    every : int or str
        Rows, or a duration such as ``"1w"``, ``"1m"`` or ``"1y"``.

    Raises
    ------
    ParameterError
        If `every` is neither.
    """

    every: int | str

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        Span.parse(self.every, "Rebalance.every")

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Thin the decisions out.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        values = weights_for(self, inputs).values
        decided = np.flatnonzero(~np.isnan(values).all(axis=1))
        block = block_number(context.bars.clock, Span.parse(self.every, "Rebalance.every"))[decided]
        kept = decided[np.diff(block, prepend=block[:1] - 1) != 0]
        thinned = np.full_like(values, np.nan)
        thinned[kept] = values[kept]
        return context.weights(thinned)
