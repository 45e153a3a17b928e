"""What a target is, what a rule that makes one must do, and what the rules of this package share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check, did_you_mean, is_whole
from quantml.listings import OwnBars
from quantml.space import Declaration
from quantml.timing import UNKNOWN, Fill

__all__ = ["Ahead", "Held", "Target", "TargetRule", "check_count", "check_positive", "latest_known", "make_target"]

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
        - ``"return"``: of holding the symbol, a decimal,
        - ``"excess"``: a return beyond that of something else, a decimal,
        - ``"scaled"``: a return in standard deviations,
        - ``"rank"``: from -1.0, the lowest of the date, to 1.0, the highest,
        - ``"direction"``: 1.0 up, 0.0 not,
        - ``"success"``: 1.0 where following a primary rule pays, 0.0 where not,
        - ``"class"``: 1.0 up, -1.0 down, 0.0 neither,
        - ``"volatility"``: annualised, a decimal,
        - ``"drawdown"``: at most 0.0, a decimal,
        - ``"column"``: in the unit of an outside table's column.
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
    """Anything that makes a target: the classes of this package, or a user's own."""

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


class Held(NamedTuple):
    """What holding each symbol over a target's horizon earns; each array has shape (T, N).

    Attributes
    ----------
    returns : ndarray of float64
        Simple returns; NaN where not known.
    opened : ndarray of int64
        Clock position of the bar at whose price they start; UNKNOWN where not known.
    label_end : ndarray of int64
        Clock position of the bar at whose close they are known; UNKNOWN where they are not.
    """

    returns: NDArray[np.float64]
    opened: NDArray[np.int64]
    label_end: NDArray[np.int64]


class Entry(NamedTuple):
    """Where the path of each decision begins.

    Attributes
    ----------
    price : ndarray of float64, shape (T, N)
        NaN where not known.
    first : int
        Own bars from the decision to the first bar that can move the path: the bar of the fill itself where the fill
        is at its open, the one after it where the fill is at its close.
    """

    price: NDArray[np.float64]
    first: int


@dataclass(frozen=True)
class Ahead(Declaration):
    """What targets of prices share: a length in the symbol's own bars, and where it starts."""

    horizon: int = 1
    start: str = "fill"
    least: ClassVar[int] = 1

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_count(f"{type(self).__name__}.horizon", self.horizon, self.least, "bars")
        if self.start not in STARTS:
            hint = did_you_mean(str(self.start), STARTS)
            subject = f"{type(self).__name__}.start"
            raise ParameterError(subject, must="be 'fill' or 'close'", got=self.start, hint=hint)

    def origin(self, bars: Bars, fill: Fill) -> tuple[str, int]:
        """Say which price the target is measured on, and how many bars after its decision it starts."""
        if self.start == "close":
            return "close", 0
        if not bars.has(fill.field):
            hint = "Use Fill.NEXT_CLOSE, or bars with opens."
            subject = f"bars of a {type(self).__name__} that starts at Fill.{fill.name}"
            raise DataError(subject, must=f"have the field {fill.field!r}", got=", ".join(bars.quoted), hint=hint)
        return fill.field, fill.delay

    def held(self, bars: Bars, fill: Fill) -> Held:
        """Compute what holding a symbol from the target's start over its horizon earns."""
        field, delay = self.origin(bars, fill)
        own, price, close = OwnBars.of(bars), bars.array(field), bars.array("close")
        end, known = own.price_ahead(price, close, delay + self.horizon)
        returns = end / start_prices(own, price, close, delay) - 1.0
        unknown = np.isnan(returns)
        opened = np.where(unknown, UNKNOWN, own.ahead(delay))
        return Held(returns, opened, np.where(unknown, UNKNOWN, known))

    def entry(self, own: OwnBars, bars: Bars, fill: Fill) -> Entry:
        """Find where the path of each decision begins."""
        field, delay = self.origin(bars, fill)
        price = start_prices(own, bars.array(field), bars.array("close"), delay)
        return Entry(price, delay if field == "open" else delay + 1)


def start_prices(
    own: OwnBars, price: NDArray[np.float64], close: NDArray[np.float64], delay: int
) -> NDArray[np.float64]:
    """Return the price at which each decision starts; NaN where not known, or where it is never filled."""
    start, _ = own.price_ahead(price, close, delay)
    return np.where(own.outlived(delay), np.nan, start)


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


class _Declared(Protocol):
    @property
    def horizon(self) -> int: ...
    @property
    def start(self) -> str: ...


def make_target(
    declared: _Declared,
    bars: Bars,
    values: NDArray[np.float64],
    label_end: NDArray[np.int64],
    kind: str,
    name: str,
) -> Target:
    """Put values and label ends, shape (T, N), on the bars' clock and symbols."""
    return Target(bars.clock, bars.symbols, values, label_end, int(declared.horizon), declared.start, kind, name)


def check_count(subject: str, value: Any, least: int, of: str) -> None:
    """Raise `ParameterError` unless `value` is a whole number from `least`."""
    check(is_whole(value, least), subject, f"be a whole number of {of}, at least {least}", value)


def check_positive(subject: str, value: Any) -> None:
    """Raise `ParameterError` unless `value` is a finite number above 0."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    check(number and 0.0 < value < np.inf, subject, "be a finite number above 0", value)
