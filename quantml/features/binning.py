"""Features cut into bins, by edges that are given or by a trailing window of each symbol's own values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import check
from quantml.features.base import Feature, check_inner, evaluate, stated_warmup
from quantml.features.own_bars import check_count, on_panel
from quantml.kernels import F2, kernel
from quantml.space import Declaration

__all__ = ["Bins", "QuantileBins"]


@dataclass(frozen=True)
class Bins(Declaration):
    """The number of the bin that a feature's value falls into: how many edges it is at or above.

    Parameters
    ----------
    feature : feature
    edges : sequence of float
        Finite and increasing; k edges make the bins 0.0 to k.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> from quantml.features import Returns
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 90.0, 90.0, 99.0]}, index=days))
    >>> Bins(Returns(), (-0.05, 0.0, 0.2))(bars)["A"].tolist()
    [nan, 0.0, 2.0, 2.0]
    """

    feature: Feature
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if isinstance(self.edges, (list, np.ndarray)):
            object.__setattr__(self, "edges", tuple(self.edges))
        super().__post_init__()

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        numbers = isinstance(self.edges, tuple) and all(
            isinstance(edge, (int, float, np.number)) for edge in self.edges
        )
        check(numbers and len(self.edges) > 0, "Bins.edges", "be a sequence of numbers", self.edges)
        edges = np.array(self.edges, dtype=np.float64)
        rising = bool(np.isfinite(edges).all() and (np.diff(edges) > 0.0).all())
        check(rising, "Bins.edges", "be finite and increase", self.edges)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return stated_warmup(self.feature)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Number the bins, time x symbol."""
        values = evaluate(self.feature, bars)
        numbers = np.searchsorted(np.array(self.edges), values, side="right").astype(np.float64)
        return on_panel(np.where(np.isnan(values), np.nan, numbers), bars)


@dataclass(frozen=True)
class QuantileBins(Declaration):
    """The number of the quantile bin that a value falls into among the last `window` of its symbol's own values.

    With b of the window's values below it, it is the whole part of ``bins * b / window``: 0.0 for the lowest to
    ``bins - 1`` for the highest. Equal values share the lowest bin of any of them. No value outside the window counts,
    so that neither the future nor the rest of the sample moves an edge.

    Parameters
    ----------
    feature : feature
    bins : int
        At least 2.
    window : int
        Own values, this one included; at least `bins`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    feature: Feature
    bins: int = 5
    window: int = 252

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        check_count(self, "bins", 2)
        check_count(self, "window", 1)
        check(self.window >= self.bins, "QuantileBins.window", f"be at least the bins, {self.bins}", self.window)

    @property
    def warmup(self) -> int:
        """Own bars before the first value."""
        return stated_warmup(self.feature) + self.window - 1

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Number the bins, time x symbol."""
        below = _count_below(np.ascontiguousarray(evaluate(self.feature, bars)), self.window)
        return on_panel(np.floor(below * self.bins / self.window), bars)


@kernel(types.float64[:, ::1](F2, types.int64))
def _count_below(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Count which of the last `window` own values are below each value; NaN before there are so many."""
    rows, symbols = values.shape
    counts = np.full((rows, symbols), np.nan)
    own = np.empty(rows)
    for symbol in range(symbols):
        seen = 0
        for row in range(rows):
            value = values[row, symbol]
            if math.isnan(value):
                continue
            own[seen] = value
            seen += 1
            if seen >= window:
                below = 0
                for k in range(seen - window, seen):
                    below += own[k] < value
                counts[row, symbol] = below
    return counts
