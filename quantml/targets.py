"""What is forecast: each target's values, and the bar at whose close each value is known.

A target counts its horizon in the symbol's own bars, so that a pause is no return, or in the periods of an outside
table; where its label ends is told on the panel clock. With ``start="fill"`` it is measured from the price at which
a decision at t is executed, with ``start="close"`` from the close of t. What is not yet known is NaN, never a
default class.

A target that reaches past the end of a delisted symbol takes the price at which what is held of it is closed, and its
label ends there: on the first row without a bar at or after the recorded delisting, at the last close times one plus
the delisting return, or `quantml.universe.DELIST_AFTER` sessions after the last bar at the last close, whichever comes
first. Bars that return later belong to another listing.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, TargetError, check, did_you_mean, is_whole
from quantml.exogenous import Exogenous
from quantml.listings import OwnBars
from quantml.space import Declaration
from quantml.timing import UNKNOWN, Fill

__all__ = ["Column", "Direction", "ForwardReturn", "RealisedVolatility", "Target", "TargetRule", "latest_known"]

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
        Length in the symbol's own bars, or in an outside table's periods.
    start : str
        ``"fill"`` or ``"close"``.
    kind : str
        ``"return"`` (decimal), ``"direction"`` (1.0 up, 0.0 not), ``"volatility"`` (annualised, decimal) or
        ``"column"`` (in the unit of an outside table's column).
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

    and its label ends at the later of the two bars. Past the end of a delisted symbol, the price is what its holders
    are paid; a decision on its last bar that would be filled on the next one has no value.

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

    with r the one-bar log returns of adjusted closes, A the bars of the symbol per year, and the mean taken as zero
    (Andersen, Bollerslev, Diebold and Labys 2003, Econometrica 71, section 2). d is 0 with ``start="close"`` and
    with `Fill.PERIOD`; with ``start="fill"`` it is 1: the first return runs from the close of the bar of the fill,
    at whichever of its prices the fill is. The label ends at the last bar used. Past the end of a delisted symbol, the
    price stays at what its holders are paid; with a total loss among the returns there is no value.

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
        own, close = OwnBars.of(bars), bars.array("close")
        values = np.sqrt(bars.own_periods_per_year * own.mean_square_return(close, delay, self.horizon))
        _, known = own.price_ahead(close, close, delay + self.horizon)
        label_end = np.where(np.isnan(values), UNKNOWN, known)
        return _target(self, bars, values, label_end, "volatility", f"realised_volatility_{self.horizon}")


@dataclass(frozen=True)
class Column(Declaration):
    """The value of an outside table's column some periods ahead: what a study without prices forecasts.

    A decision at t stands on the table's newest period whose own time is at or before t, whether it is known yet or
    not. The target is what was first said of the period `horizon` later, before any revision. Its label ends at the
    first bar at or after the time at which that became available. A table that names symbols is read for each of them,
    any other has one value for all. A missing value is NaN.

    Parameters
    ----------
    name : str
        One of the table's columns.
    horizon : int
        Periods of the table, at least 1.
    table : str, optional
        Name of a table that the bars carry; where they carry one only, it need not be named.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> table = Exogenous(pd.DataFrame({"rv": [1.0, 2.0, 3.0, 4.0]}, index=days), name="spx", lag="1d")
    >>> target = Column("rv").build(Bars.from_table(table), Fill.NEXT_CLOSE)
    >>> target.frame["spx"].tolist(), target.label_end[:2, 0].tolist()
    ([2.0, 3.0, nan, nan], [2, 3])
    """

    name: str
    horizon: int = 1
    _: KW_ONLY
    table: str | None = None
    start: ClassVar[str] = "close"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(isinstance(self.name, str), "Column.name", "be the name of a column", self.name)
        _check_count("Column.horizon", self.horizon, 1, "periods")

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Look the values up; see `TargetRule.build`. How a decision is executed does not move them.

        Raises
        ------
        TargetError
            If the bars have no such table, it has no such column, its periods and the clock are not both of sessions
            or both in UTC, or a period became available before an earlier one.
        """
        table = self._find(bars)
        owners = bars.symbols if table.symbols else ("",)
        answers = [self._answers(table, owner, bars.clock) for owner in owners]
        values, known = (np.column_stack(part) for part in zip(*answers, strict=True))
        told = bars.traded & (known < len(bars)) & ~np.isnan(values)
        values, label_end = np.where(told, values, np.nan), np.where(told, known, UNKNOWN)
        return _target(self, bars, values, label_end, "column", f"{self.name}_{self.horizon}")

    def _answers(
        self, table: Exogenous, owner: str, clock: pd.DatetimeIndex
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return what answers each decision, NaN where nothing does, and the position at which it is known."""
        rows = self._first_vintages(table, owner)
        values = np.append(table.values[rows, table.columns.index(self.name)], np.nan)
        released = np.append(clock.searchsorted(table.available[rows]), UNKNOWN)
        period = np.asarray(table.period[rows].searchsorted(clock, side="right")) - 1
        ahead = np.where((period < 0) | (period + self.horizon >= len(rows)), -1, period + self.horizon)
        # What was published ahead of its own time may be older than the decision; no answer comes before its question.
        return values[ahead], np.maximum(released[ahead], np.arange(len(clock)))

    def _first_vintages(self, table: Exogenous, owner: str) -> NDArray[np.int64]:
        rows = np.array([row for row in range(len(table)) if not owner or table.symbols[row] == owner], dtype=np.int64)
        period = table.period.asi8[rows]
        rows = np.asarray(rows[np.diff(period, prepend=period[:1] - 1) > 0], dtype=np.int64)
        early = np.flatnonzero(np.diff(table.available.asi8[rows]) < 0)
        if early.size:
            first, second = table.period[rows[early[0] :][:2]]
            got = f"{second} before {first}"
            must = "become available in the order of its periods"
            raise TargetError(f"the table {table.name!r} of a Column", must=must, got=got)
        return rows

    def _find(self, bars: Bars) -> Exogenous:
        if self.table is None and len(bars.tables) != 1:
            got = ", ".join(bars.tables) or "no table"
            raise TargetError("Column.table", must="name the table where the bars do not carry exactly one", got=got)
        name = self.table or next(iter(bars.tables))
        if name not in bars.tables:
            hint = did_you_mean(name, bars.tables) if bars.tables else "The bars carry none."
            raise TargetError("Column.table", must="be an outside table of the bars", got=name, hint=hint)
        table = bars.tables[name]
        if self.name not in table.columns:
            hint = did_you_mean(self.name, table.columns)
            raise TargetError("Column.name", must=f"be a column of the table {name!r}", got=self.name, hint=hint)
        if (table.period.tz is None) != (bars.clock.tz is None):
            must = "have times in UTC or of sessions, as the clock does"
            raise TargetError(f"the table {name!r} of a Column", must=must, got=str(table.period.tz))
        return table


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
    name, start = type(declared).__name__, declared.start
    _check_count(f"{name}.horizon", declared.horizon, least, "bars")
    if start not in STARTS:
        hint = did_you_mean(str(start), STARTS)
        raise ParameterError(f"{name}.start", must="be 'fill' or 'close'", got=start, hint=hint)


def _check_count(subject: str, value: Any, least: int, of: str) -> None:
    check(is_whole(value, least), subject, f"be a whole number of {of}, at least {least}", value)


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
    own, price, close = OwnBars.of(bars), bars.array(field), bars.array("close")
    start, _ = own.price_ahead(price, close, delay)
    end, known = own.price_ahead(price, close, delay + declared.horizon)
    returns = end / np.where(own.outlived(delay), np.nan, start) - 1.0  # what is never filled has none
    return returns, np.where(np.isnan(returns), UNKNOWN, known)


def _target(
    declared: _Horizon | Column,
    bars: Bars,
    values: NDArray[np.float64],
    label_end: NDArray[np.int64],
    kind: str,
    name: str,
) -> Target:
    return Target(bars.clock, bars.symbols, values, label_end, int(declared.horizon), declared.start, kind, name)
