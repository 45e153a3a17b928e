"""What is forecast: each target's values, and the bar at whose close each value is known.

A target counts its horizon in the symbol's own bars, so that a pause is no return; where its label ends is told
on the panel clock. With ``start="fill"`` it is measured from the price at which a decision at t is executed, with
``start="close"`` from the close of t. What is not yet known is NaN, never a default class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check, did_you_mean
from quantml.space import Declaration
from quantml.timing import UNKNOWN, Fill

__all__ = ["Direction", "ForwardReturn", "RealisedVolatility", "Target", "TargetRule", "latest_known"]

STARTS: Final = ("fill", "close")


@dataclass(frozen=True, eq=False)
class Target(ReadOnly):
    """The values of a target and where each one's label ends.

    Attributes
    ----------
    clock : DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    values : ndarray of float64, shape (T, N)
        NaN where the symbol has no bar, or the value is not known inside the panel.
    label_end : ndarray of int64, shape (T, N)
        Clock position of the bar at whose close the value is known; `quantml.timing.UNKNOWN` where it is NaN.
    horizon : int
        Length in the symbol's own bars.
    start : str
        ``"fill"`` or ``"close"``.
    kind : str
        ``"return"`` (decimal), ``"direction"`` (1.0 up, 0.0 not) or ``"volatility"`` (annualised, decimal).
    name : str
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: NDArray[np.float64]
    label_end: NDArray[np.int64]
    horizon: int
    start: str
    kind: str
    name: str

    @property
    def frame(self) -> pd.DataFrame:
        """The values as a fresh frame, time x symbol."""
        return frame(self.values, self.clock, self.symbols)


class TargetRule(Protocol):
    """Anything that makes a target: the classes of this module, or a user's own."""

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the target on bars.

        The value of a row may use bars up to its label_end and none after it.

        Parameters
        ----------
        bars : Bars
        fill : Fill
            How a decision is executed; it moves a target only with ``start="fill"``.

        Raises
        ------
        DataError
            If the target starts at a fill at the next open, and the bars have no opens.
        """


@dataclass(frozen=True)
class _Horizon(Declaration):
    """What the targets of this module share: a length in bars, and where it starts."""

    horizon: int = 1
    start: str = "fill"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        _check_horizon(self, 1)


@dataclass(frozen=True)
class ForwardReturn(_Horizon):
    """Simple return over the next `horizon` bars of the symbol.

    With the symbol's bars numbered k and P the fill's price (open or close), a decision on bar k has

    - ``start="fill"``: P[k + 1 + horizon] / P[k + 1] - 1 (with `Fill.PERIOD` close[k + horizon] / close[k] - 1),
    - ``start="close"``: close[k + horizon] / close[k] - 1,

    and its label ends at the later of the two bars.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}
        ``"fill"`` is what a position taken on the forecast earns; ``"close"`` is what ARIMA and most papers forecast.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, 121.0, 133.1]}, index=days))
    >>> ForwardReturn(1).build(bars, Fill.NEXT_CLOSE).frame["A"].round(6).tolist()
    [0.1, 0.1, nan, nan]
    """

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the forward returns; see `TargetRule.build`."""
        returns, label_end = _forward_returns(self, bars, fill)
        return _target(self, bars, returns, label_end, "return", f"forward_return_{self.horizon}")


@dataclass(frozen=True)
class Direction(_Horizon):
    """Whether the `ForwardReturn` of the same horizon and start is positive: 1.0, else 0.0; NaN where not known.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 1.
    start : {"fill", "close"}

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the directions; see `TargetRule.build`."""
        returns, label_end = _forward_returns(self, bars, fill)
        values = np.where(np.isnan(returns), np.nan, (returns > 0.0).astype(np.float64))
        return _target(self, bars, values, label_end, "direction", f"direction_{self.horizon}")


@dataclass(frozen=True)
class RealisedVolatility(_Horizon):
    r"""Annualised realised volatility of the next `horizon` bars of the symbol.

    .. math:: \sqrt{\frac{A}{h} \sum_{i=1}^{h} r_{k+d+i}^2}

    with r the one-bar log returns of adjusted closes, A the periods per year, and the mean taken as zero
    (Andersen, Bollerslev, Diebold and Labys 2003, Econometrica 71, section 2). d is 0 with ``start="close"`` and
    with `Fill.PERIOD`; with ``start="fill"`` it is 1: the first return runs from the close of the bar of the fill,
    at whichever of its prices the fill is. The label ends at the last bar used.

    Parameters
    ----------
    horizon : int
        Bars of the symbol, at least 2.
    start : {"fill", "close"}

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    horizon: int = 21
    start: str = "close"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        _check_horizon(self, 2)

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the realised volatilities; see `TargetRule.build`."""
        _, delay = _origin(self, bars, fill)
        own = _OwnBars.of(bars)
        variance = own.mean_square_return(bars.array("close"), delay, self.horizon)
        values = np.sqrt(bars.periods_per_year * variance)
        label_end = own.ahead(delay + self.horizon)
        return _target(self, bars, values, label_end, "volatility", f"realised_volatility_{self.horizon}")


def latest_known(target: Target) -> NDArray[np.float64]:
    """Return, for each decision row and symbol, the newest value of the target that is known at its close.

    Newest means of the latest decision among those with label_end at or before the row; NaN before the first.
    This is what a naive forecast repeats.

    Returns
    -------
    ndarray, shape (T, N)
    """
    rows, columns = np.nonzero(target.label_end != UNKNOWN)
    newest = np.full(target.values.shape, -1, dtype=np.int64)
    np.maximum.at(newest, (target.label_end[rows, columns], columns), rows)
    newest = np.maximum.accumulate(newest, axis=0)
    values = np.take_along_axis(target.values, np.maximum(newest, 0), axis=0)
    return np.where(newest < 0, np.nan, values)


def _check_horizon(declared: _Horizon, least: int) -> None:
    name, horizon, start = type(declared).__name__, declared.horizon, declared.start
    whole = isinstance(horizon, (int, np.integer)) and not isinstance(horizon, bool)
    check(whole and horizon >= least, f"{name}.horizon", f"be a whole number of bars, at least {least}", horizon)
    if start not in STARTS:
        hint = did_you_mean(str(start), STARTS)
        raise ParameterError(f"{name}.start", must="be 'fill' or 'close'", got=start, hint=hint)


def _origin(declared: _Horizon, bars: Bars, fill: Fill) -> tuple[str, int]:
    """Say which price a target is measured on, and how many bars after its decision it starts."""
    if declared.start == "close":
        return "close", 0
    if not bars.has(fill.field):
        hint = "Use Fill.NEXT_CLOSE, or bars with opens."
        subject = f"bars of a {type(declared).__name__} that starts at Fill.{fill.name}"
        raise DataError(subject, must=f"have the field {fill.field!r}", got=", ".join(bars.quoted), hint=hint)
    return fill.field, fill.delay


def _forward_returns(declared: _Horizon, bars: Bars, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    field, delay = _origin(declared, bars, fill)
    own, price = _OwnBars.of(bars), bars.array(field)
    label_end = own.ahead(delay + declared.horizon)
    return _at(price, label_end) / _at(price, own.ahead(delay)) - 1.0, label_end


def _at(values: NDArray[np.float64], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Read `values` at clock positions, column by column; NaN where a position is unknown."""
    known = positions != UNKNOWN
    return np.where(known, np.take_along_axis(values, np.where(known, positions, 0), axis=0), np.nan)


@dataclass(frozen=True, eq=False)
class _OwnBars:
    """Each symbol's own bars, numbered 0, 1, 2, ... from its first, and where they stand on the panel clock.

    ``position[k, n]`` is the row of bar k of symbol n, followed past its last bar by the rows on which it has none;
    ``number[t, n]`` is the number of the bar that stands on row t.
    """

    traded: NDArray[np.bool_]
    position: NDArray[np.int64]
    number: NDArray[np.int64]

    @classmethod
    def of(cls, bars: Bars) -> _OwnBars:
        position = np.argsort(~bars.traded, axis=0, kind="stable")
        return cls(bars.traded, position, np.cumsum(bars.traded, axis=0, dtype=np.int64) - 1)

    def ahead(self, steps: int) -> NDArray[np.int64]:
        """Return where the bar `steps` after the one on each row stands; UNKNOWN where there is none of either."""
        bar = self.number + steps
        known = self.traded & (bar < self.traded.sum(axis=0))
        position = np.take_along_axis(self.position, np.where(known, bar, 0), axis=0)
        return np.where(known, position, UNKNOWN)

    def mean_square_return(self, close: NDArray[np.float64], delay: int, horizon: int) -> NDArray[np.float64]:
        """Average the squared log returns of the `horizon` bars that follow the bar `delay` after each row's."""
        prices = np.take_along_axis(close, self.position, axis=0)
        squares = np.full((len(prices) + delay + horizon, prices.shape[1]), np.nan)
        squares[: len(prices) - 1] = np.diff(np.log(prices), axis=0) ** 2
        total = np.zeros_like(prices)
        for step in range(delay, delay + horizon):
            total += squares[step : step + len(prices)]
        mean = np.take_along_axis(total, np.maximum(self.number, 0), axis=0) / horizon
        return np.where(self.traded, mean, np.nan)


def _target(
    declared: _Horizon,
    bars: Bars,
    values: NDArray[np.float64],
    label_end: NDArray[np.int64],
    kind: str,
    name: str,
) -> Target:
    return Target(bars.clock, bars.symbols, values, label_end, int(declared.horizon), declared.start, kind, name)
