"""Rules: the first step of a signal, from a forecast or from the bars to weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import SignalError, check, is_finite, is_whole
from quantml.features.base import Feature, build_features
from quantml.forecasters.base import UNSIGNED
from quantml.kernels import F2, kernel
from quantml.signals.base import Context, Weights, forecast_for, nothing_for, while_closed
from quantml.space import Declaration


@dataclass(frozen=True)
class Sign(Declaration):
    """Hold 1/n where the forecast is above `threshold`, -1/n where it is below ``-threshold``, else nothing.

    n is the number of members of the universe with a bar on the row, so that gross exposure is at most 1; without a
    universe every symbol is a member. A direction's forecast is read as 2 * probability - 1.

    Parameters
    ----------
    threshold : float
        In the forecast's unit, at least 0.
    short : bool
        Whether falls are sold short; without, they are held flat.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by_row: ClassVar[bool] = True
    threshold: float = 0.0
    short: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a finite number of at least 0"
        check(is_finite(self.threshold) and self.threshold >= 0.0, "Sign.threshold", rule, self.threshold)
        check(isinstance(self.short, bool), "Sign.short", "be True or False", self.short)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the forecast into weights.

        Raises
        ------
        SignalError
            If there is no forecast, or it says nothing of which way prices go.
        """
        signed = signed_forecast(self, inputs)
        side = (signed > self.threshold).astype(np.float64)
        if self.short:
            side -= signed < -self.threshold
        return equal_parts(side, context)


@dataclass(frozen=True)
class Proportional(Declaration):
    """Hold ``scale * forecast / n`` of each symbol, n the number of members of the universe with a bar on the row.

    Gross exposure has no bound of its own: `Cap` gives it one. A direction's forecast is read as
    2 * probability - 1.

    Parameters
    ----------
    scale : float
        Weight per unit of forecast, positive.

    Raises
    ------
    ParameterError
        If `scale` is not positive.
    """

    by_row: ClassVar[bool] = True
    scale: float

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a finite number above 0"
        check(is_finite(self.scale) and self.scale > 0.0, "Proportional.scale", rule, self.scale)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the forecast into weights.

        Raises
        ------
        SignalError
            If there is no forecast, or it says nothing of which way prices go.
        """
        return equal_parts(self.scale * signed_forecast(self, inputs), context)


@dataclass(frozen=True)
class RankLongShort(Declaration):
    """Hold the top `fraction` of each row's cross-section long and the bottom short, in equal weights.

    Gross exposure is 1: 0.5 long and 0.5 short, or 1.0 long without `short`. Of m ranked symbols, ``fraction * m``
    rounded down, at least one, are on each side. Of equal scores the earlier symbol of the panel ranks higher. A row
    on which fewer than two symbols have both a score and a bar is flat. Only members of the universe are ranked.

    Parameters
    ----------
    fraction : float
        Above 0 and at most 0.5, or at most 1 without `short`.
    by : feature, optional
        ``f(bars) -> frame`` to rank by in a study without a forecaster; the forecast is ranked without it.
    short : bool
        Whether the bottom is sold short.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by_row: ClassVar[bool] = True
    fraction: float = 0.2
    by: Feature | None = None
    short: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(isinstance(self.short, bool), "RankLongShort.short", "be True or False", self.short)
        most = 0.5 if self.short else 1.0
        rule = f"be above 0 and at most {most}"
        check(is_finite(self.fraction) and 0.0 < self.fraction <= most, "RankLongShort.fraction", rule, self.fraction)
        check(self.by is None or callable(self.by), "RankLongShort.by", "be a feature, f(bars) -> frame", self.by)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the forecast, or the feature `by`, into weights.

        Raises
        ------
        SignalError
            If the panel has a single symbol; without `by`, if there is no forecast or it says nothing of which
            way prices go; with `by`, if there is a forecast.
        """
        scores = ranked_scores(self, self.by, inputs, context)
        ranked = np.sum(~np.isnan(scores), axis=1, keepdims=True)
        side = np.maximum(np.floor(self.fraction * ranked + 1e-9), 1.0)  # 0.29 * 100 is 28.999999999999996
        rank = ranks(scores)
        long = (rank < side).astype(np.float64) / side
        short = ((rank >= ranked - side) & (rank < ranked)) / side
        values = 0.5 * long - 0.5 * short if self.short else long
        return context.weights(np.where(ranked >= 2, values, 0.0))


@dataclass(frozen=True)
class MovingAverageCross(Declaration):
    """Hold 1/n of each symbol whose fast moving average is above its slow one; a rule without a forecaster.

    The averages are of adjusted closes over the symbol's own bars; n is the number of members of the universe with a
    bar on the row. A symbol is flat until it has `slow` bars, and where its averages are equal.

    Parameters
    ----------
    fast, slow : int
        Bars in each average, ``1 <= fast < slow``.
    short : bool
        Whether -1/n is held where the fast average is below the slow one.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by_row: ClassVar[bool] = True
    fast: int
    slow: int
    short: bool = False

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("fast", "slow"):
            value, rule = getattr(self, name), "be a whole number of bars, at least 1"
            check(is_whole(value, least=1), f"MovingAverageCross.{name}", rule, value)
        check(self.fast < self.slow, "MovingAverageCross.fast", f"be less than slow, {self.slow}", self.fast)
        check(isinstance(self.short, bool), "MovingAverageCross.short", "be True or False", self.short)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Compute the weights from the bars.

        Raises
        ------
        SignalError
            If there is a forecast, or this is not the first step.
        """
        nothing_for(self, inputs)
        gap = _moving_average_gap(context.bars.array("close"), int(self.fast), int(self.slow))
        side = (gap > 0.0).astype(np.float64)
        if self.short:
            side -= gap < 0.0
        return equal_parts(side, context)


def ranked_scores(step: object, by: Feature | None, inputs: Any, context: Context) -> NDArray[np.float64]:
    """Return what a step ranks by, the feature `by` or else the forecast; NaN where a symbol is no candidate."""
    if len(context.bars.symbols) < 2:
        hint = "Use Sign() on a single symbol."
        raise SignalError("a one-symbol cross-section has no rank", got=context.bars.symbols[0], hint=hint)
    if by is None:
        scores = signed_forecast(step, inputs)
    else:
        nothing_for(step, inputs)
        scores = build_features((by,), context.bars).values[:, :, 0]
    return np.where(context.universe, while_closed(scores, context.bars), np.nan)


def signed_forecast(step: object, inputs: Any) -> NDArray[np.float64]:
    """Return the forecast as a number whose sign says up or down; raise `SignalError` where it has none."""
    forecast = forecast_for(step, inputs)
    if forecast.kind in UNSIGNED:
        hint = "Forecast a return or a direction; VolatilityTarget sizes weights by volatility."
        if forecast.kind == "success":
            hint = "Use Follow(), which trades the primary rule of the MetaLabel."
        got = f"a {forecast.kind}"
        raise SignalError(type(step).__name__, must="receive a forecast with a sign", got=got, hint=hint)
    return np.asarray(forecast.signed, dtype=np.float64)


def equal_parts(exposure: NDArray[np.float64], context: Context) -> Weights:
    """Divide each row by its number of candidates; 0.0 where a symbol has no exposure or is none."""
    universe, exposure = context.universe, while_closed(exposure, context.bars)
    known = universe & ~np.isnan(exposure)
    return context.weights(np.where(known, exposure, 0.0) / np.maximum(universe.sum(axis=1, keepdims=True), 1))


def ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number each row's scores from the highest, 0; of equal ones the earlier column first, NaN last."""
    order = np.argsort(-scores, axis=1, kind="stable")
    rank = np.empty(scores.shape, dtype=np.int64)
    np.put_along_axis(rank, order, np.arange(scores.shape[1])[None, :], axis=1)
    return rank


@kernel(types.float64[:, ::1](F2, types.int64, types.int64))
def _moving_average_gap(close: NDArray[np.float64], fast: int, slow: int) -> NDArray[np.float64]:
    """Fast moving average less slow one over each column's own bars; NaN on other rows and until `slow` bars.

    Both average distances from the latest close, so that they are exactly equal where prices stand still.
    """
    rows, columns = close.shape
    gap = np.full((rows, columns), np.nan)
    own = np.empty(rows)
    for column in range(columns):
        count = 0
        for row in range(rows):
            latest = close[row, column]
            if np.isnan(latest):
                continue
            own[count] = latest
            count += 1
            if count < slow:
                continue
            total = 0.0
            for back in range(1, fast + 1):
                total += own[count - back] - latest
            quick = total / fast
            for back in range(fast + 1, slow + 1):
                total += own[count - back] - latest
            gap[row, column] = quick - total / slow
    return gap
