"""Scaling: rows of weights brought to an exposure, or laid over a benchmark."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ParameterError, check, is_finite
from quantml.features.base import Feature
from quantml.signals.base import Context, Weights, weights_for
from quantml.signals.utility import market_sizes
from quantml.signals.windows import warn_of_flats
from quantml.space import Declaration

CANCELS = 1e-12
"""Net exposure, as a share of the gross one, below which a row has none."""


@dataclass(frozen=True)
class Exposure(Declaration):
    """Scale each row to an exposure, in either direction; `Cap` only scales down.

    A row without weights stays as it is. To a net exposure a row is scaled by the absolute sum of its weights, so that
    sides stay as they are; one whose longs and shorts cancel is decided flat, and counted in a warning. NaN weights
    stay NaN and count as 0.

    Parameters
    ----------
    gross : float, optional
        Sum of absolute weights, positive.
    net : float, optional
        Absolute sum of weights, positive. Give one of the two.

    Raises
    ------
    ParameterError
        If none or both are given, or one is not positive.
    """

    by_row: ClassVar[bool] = True
    gross: float | None = None
    net: float | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("gross", "net"):
            value = getattr(self, name)
            held = value is None or (is_finite(value) and value > 0.0)
            check(held, f"Exposure.{name}", "be a finite number above 0", value)
        if (self.gross is None) == (self.net is None):
            raise ParameterError("Exposure", must="have either gross or net", got=(self.gross, self.net))

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Scale the weights so far.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        values = weights_for(self, inputs).values
        gross = np.nansum(np.abs(values), axis=1, keepdims=True)
        measure = gross if self.gross is not None else np.abs(np.nansum(values, axis=1, keepdims=True))
        none = (measure <= CANCELS * gross) & (gross > 0.0)
        scale = np.divide(self.gross or self.net or 0.0, measure, out=np.ones_like(measure), where=measure > 0.0)
        reasons = Counter({"longs and shorts that cancel": int(none.sum())} if none.any() else {})
        warn_of_flats(self, reasons, int((~np.isnan(values).all(axis=1)).sum()))
        return context.weights(np.where(none, np.where(np.isnan(values), np.nan, 0.0), values * scale))


@dataclass(frozen=True)
class BenchmarkRelative(Declaration):
    """Read the weights so far as bets against a benchmark, and hold the benchmark and the bets.

    A row's bets are made to add up to 0 by selling the benchmark for them in its own proportions; benchmark and bets
    together add up to 1. With `long_only` bets against what is not in the benchmark are left out, and the others of a
    row are scaled down, all alike, until no weight is negative. A target for the volatility of the bets is one for the
    tracking error: put `VolatilityTarget` before this step.
    On a row without a benchmark nothing is held, and it is counted in a warning.

    Parameters
    ----------
    benchmark : feature, optional
        ``f(bars) -> frame`` in proportion to the benchmark's weights, such as a market value: positive, or else the
        symbol is none of the benchmark. The universe in equal weights without it.
    long_only : bool
        Whether no weight may be negative.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    References
    ----------
    Grinold and Kahn (2000), Active Portfolio Management, 2nd edition, chapter 4.
    """

    by_row: ClassVar[bool] = True
    benchmark: Feature | None = None
    long_only: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = self.benchmark is None or callable(self.benchmark)
        check(held, "BenchmarkRelative.benchmark", "be a feature, f(bars) -> frame", self.benchmark)
        check(isinstance(self.long_only, bool), "BenchmarkRelative.long_only", "be True or False", self.long_only)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Lay the weights so far over the benchmark.

        Raises
        ------
        SignalError
            If this is the first step.
        """
        values = weights_for(self, inputs).values
        decides = ~np.isnan(values).all(axis=1, keepdims=True)
        sizes = np.nan_to_num(market_sizes(self.benchmark, context))
        total = sizes.sum(axis=1, keepdims=True)
        base = sizes / np.where(total > 0.0, total, 1.0)
        bets = np.nan_to_num(values)
        if self.long_only:
            bets = np.where(base > 0.0, bets, np.maximum(bets, 0.0))
        bets = bets - base * bets.sum(axis=1, keepdims=True)
        held = np.maximum(base + bets * _room(base, bets), 0.0) if self.long_only else base + bets
        without = (decides & (total == 0.0)).sum()
        reasons = Counter({"no symbol in the benchmark": int(without)} if without else {})
        warn_of_flats(self, reasons, int(decides.sum()))
        return context.weights(np.where(decides, np.where(total > 0.0, held, 0.0), np.nan))


def _room(base: NDArray[np.float64], bets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each row's bets, at most 1, that leaves no weight negative; shape (T, 1)."""
    with np.errstate(over="ignore"):  # the least of bets leave room without bound
        most = np.divide(base, -bets, out=np.ones_like(base), where=bets < 0.0)
    return np.asarray(np.minimum(most.min(axis=1, keepdims=True), 1.0), dtype=np.float64)
