"""Hedges: how much of one symbol stands against another, learned from training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import check, is_finite
from quantml.kernels import F1, kernel
from quantml.signals.covariance import Unsolvable
from quantml.space import Declaration

Vector = NDArray[np.float64]

SETTLED = 20
"""Bars after which a filter that started without knowing anything is scored."""


class Spread(NamedTuple):
    """What a hedge says on each row, shape (T,); NaN where either symbol has no bar.

    Attributes
    ----------
    level : ndarray
        The spread in standard deviations.
    ratio : ndarray
        Money in x against one unit of money in y.
    """

    level: Vector
    ratio: Vector


class FittedHedge(Protocol):
    """A hedge with its parameters."""

    def spread(self, y: Vector, x: Vector, /) -> Spread:
        """Return the spread between log closes from the first training row on; row t uses those until t."""


class Hedge(Protocol):
    """How a hedge is estimated."""

    def fit(self, y: Vector, x: Vector, /) -> FittedHedge:
        """Estimate on log closes of the training rows, NaN where there is no bar; raise `Unsolvable` if in vain."""


class Line(NamedTuple):
    """A straight line through training rows: y = intercept + ratio (x - centre), with residuals' variance."""

    centre: float
    intercept: float
    ratio: float
    variance: float
    width: float


def fit_line(y: Vector, x: Vector) -> Line:
    """Fit by least squares on the rows that both have, ddof=2; raise `Unsolvable` where there is no line or spread."""
    both = ~np.isnan(y) & ~np.isnan(x)
    y, x = y[both], x[both]
    width = float(np.var(x)) if x.size > 2 else 0.0
    if width <= 1e-20:
        raise Unsolvable("a symbol that does not move")
    centre, intercept = float(x.mean()), float(y.mean())
    ratio = float(np.mean((x - centre) * (y - intercept)) / width)
    variance = float(np.sum((y - intercept - ratio * (x - centre)) ** 2) / (x.size - 2))
    if variance <= 1e-20:
        raise Unsolvable("two symbols that are one")
    return Line(centre, intercept, ratio, variance, width)


@dataclass(frozen=True)
class OlsHedge(Declaration):
    """The ratio of the training rows' least-squares line of log close y on log close x; it stays as it is.

    The spread is the residual over its standard deviation in training, ddof=2.
    """

    def fit(self, y: Vector, x: Vector, /) -> FittedOls:
        """Estimate on log closes of the training rows."""
        return FittedOls(fit_line(y, x))


@dataclass(frozen=True)
class FittedOls:
    """A line that stays as it is."""

    line: Line

    def spread(self, y: Vector, x: Vector, /) -> Spread:
        """Return the spread between log closes; row t uses those at t."""
        line = self.line
        level = (y - line.intercept - line.ratio * (x - line.centre)) / np.sqrt(line.variance)
        return Spread(level, np.where(np.isnan(level), np.nan, line.ratio))


@dataclass(frozen=True)
class KalmanHedge(Declaration):
    """A ratio that moves: intercept and ratio are random walks, filtered from the first training row on.

    The variance of the spread is that of the least-squares residuals in training; each bar moves intercept and ratio by
    `drift` of it, the ratio per variance of log close x. The spread is the error of the filter's one-bar forecast of y
    over its standard deviation, scaled to 1 over the training rows. The filter goes on through later rows with what is
    known until each of them.

    Parameters
    ----------
    drift : float
        Above 0 and below 1; the larger, the faster the ratio moves.

    Raises
    ------
    ParameterError
        If `drift` is out of range.

    References
    ----------
    Chan (2013), Algorithmic Trading, chapter 3, equations 3.5 to 3.13; Harvey (1989), Forecasting, structural time
    series models and the Kalman filter, section 3.2.
    """

    drift: float = 1e-4

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = is_finite(self.drift) and 0.0 < self.drift < 1.0
        check(held, "KalmanHedge.drift", "be above 0 and below 1", self.drift)

    def fit(self, y: Vector, x: Vector, /) -> FittedKalman:
        """Estimate on log closes of the training rows."""
        line = fit_line(y, x)
        raw = FittedKalman(line, float(self.drift), 1.0).spread(y, x).level
        scored = raw[~np.isnan(raw)][SETTLED:]
        scale = float(scored.std(ddof=1)) if scored.size > 2 else 0.0
        if scale <= 0.0:
            raise Unsolvable("too few bars for a filter")
        return FittedKalman(line, float(self.drift), scale)


@dataclass(frozen=True)
class FittedKalman:
    """A filter with its noise; it starts from nothing at the first training row."""

    line: Line
    drift: float
    scale: float

    def spread(self, y: Vector, x: Vector, /) -> Spread:
        """Return the spread between log closes; row t uses those until t."""
        line = self.line
        noise = self.drift * line.variance
        x, y = np.ascontiguousarray(x - line.centre), np.ascontiguousarray(y - line.intercept)
        level, ratio = _filtered(y, x, line.variance, noise, noise / line.width, line.width)
        return Spread(level / self.scale, ratio)


@kernel(types.UniTuple(types.float64[::1], 2)(F1, F1, *[types.float64] * 4))
def _filtered(y: Vector, x: Vector, variance: float, moves: float, turns: float, width: float) -> tuple[Vector, Vector]:
    """Filter intercept and ratio; return standardised one-bar errors and the ratio after each bar."""
    level, ratio = np.full(len(y), np.nan), np.full(len(y), np.nan)
    a, b = 0.0, 0.0
    paa, pab, pbb = 1e6 * variance, 0.0, 1e6 * variance / width
    for row in range(len(y)):
        if np.isnan(y[row]) or np.isnan(x[row]):
            continue
        paa += moves
        pbb += turns
        ga, gb = paa + pab * x[row], pab + pbb * x[row]
        total = ga + gb * x[row] + variance
        error = y[row] - a - b * x[row]
        level[row] = error / np.sqrt(total)
        a += ga / total * error
        b += gb / total * error
        paa, pab, pbb = paa - ga * ga / total, pab - ga * gb / total, pbb - gb * gb / total
        ratio[row] = b
    return level, ratio
