"""Sizing: how large the positions of a signal are, from the risk that they would have run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import check, is_finite, is_whole
from quantml.kernels import F2, I1, kernel
from quantml.signals.base import Context, Weights, weights_for
from quantml.space import Declaration


@dataclass(frozen=True)
class VolatilityTarget(Declaration):
    """Scale each row's weights to the volatility `annual`, measured on what those very weights would have earned.

    Row t's weights are held constant over the last `window` rows of the clock, t included. The standard deviation
    (ddof=1) of the portfolio's simple returns, times the square root of the periods per year, is scaled to `annual`,
    but never beyond a gross exposure of `max_gross`. A symbol earns its own-bar returns, and 0 on rows on which it
    has no bar. A symbol whose first bar is fewer than `window` rows back cannot be measured yet and is held flat;
    the rest of its row is scaled without it. NaN weights stay NaN and count as 0.

    Parameters
    ----------
    annual : float
        Annualised volatility as a decimal, positive.
    window : int
        Rows, at least 2.
    max_gross : float
        Largest sum of absolute weights, positive.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by_row: ClassVar[bool] = True
    annual: float
    window: int = 63
    max_gross: float = 2.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("annual", "max_gross"):
            value = getattr(self, name)
            check(is_finite(value) and value > 0.0, f"VolatilityTarget.{name}", "be a finite number above 0", value)
        rule = "be a whole number of rows, at least 2"
        check(is_whole(self.window, least=2), "VolatilityTarget.window", rule, self.window)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Scale the weights so far.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        weights, bars = weights_for(self, inputs), context.bars
        returns = np.ascontiguousarray(bars.returns().to_numpy(dtype=np.float64))
        first = np.where(bars.traded.any(axis=0), np.argmax(bars.traded, axis=0), len(bars)).astype(np.int64)
        deviation = float(self.annual) / float(np.sqrt(bars.periods_per_year))
        scaled = _scaled(weights.values, returns, first, int(self.window), deviation, float(self.max_gross))
        return context.weights(scaled)


@kernel(types.float64[:, ::1](F2, F2, I1, types.int64, types.float64, types.float64))
def _scaled(
    weights: NDArray[np.float64],
    returns: NDArray[np.float64],
    first: NDArray[np.int64],
    window: int,
    deviation: float,
    max_gross: float,
) -> NDArray[np.float64]:
    """Scale rows to a standard deviation per row of the clock; `first` is the row of each column's first bar."""
    rows, columns = weights.shape
    scaled = weights.copy()
    earned = np.empty(window)
    for row in range(rows):
        gross = 0.0
        for column in range(columns):
            if np.isnan(scaled[row, column]):
                continue
            if row - first[column] < window:
                scaled[row, column] = 0.0
            gross += abs(scaled[row, column])
        if gross == 0.0:
            continue
        total = 0.0
        for back in range(window):
            earned[back] = 0.0
            for column in range(columns):
                part = scaled[row, column] * returns[row - back, column]
                if not np.isnan(part):
                    earned[back] += part
            total += earned[back]
        squares = 0.0
        for back in range(window):
            squares += (earned[back] - total / window) ** 2
        measured = np.sqrt(squares / (window - 1))
        scale = max_gross / gross
        if measured * scale > deviation:
            scale = deviation / measured
        for column in range(columns):
            scaled[row, column] *= scale
    return scaled
