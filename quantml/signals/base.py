"""What a signal is made of: steps that turn a forecast into weights, and the context that they may use.

A signal is a sequence of steps ``(inputs, context) -> weights``. The first receives the `Forecast`, or None in a
study without a forecaster; every later one receives the `Weights` so far. A step may return `Weights` or a frame,
time x symbol, on the clock and symbols of ``context.bars``; its row t may use rows at or before t only.

A weight is the signed fraction of equity wanted in a symbol after the close of t. Three kinds of cell differ:

- a number is a decision; 0.0 is one too: hold nothing,
- a row that is NaN throughout is no decision: positions drift,
- a NaN beside numbers is no order, and the simulator refuses it where the symbol is held.

The rules of this package therefore write an explicit 0.0 wherever a symbol has no forecast or no bar on the row: one
that pauses while held is sold at its next bar. It is no pause where bars name the exchange of each symbol and its own
has no session: there the symbol keeps its forecast and its place among the others.

A step states ``by_row = True`` if row t of its weights hangs on row t of what it receives, on the bars and on the
features alone, not on earlier forecasts or weights. Where all steps do, the newest decision needs no other fold than
the last; where one does not say so, every fold is run for it.

In a universe (`Bars.membership`) every step's weights of symbols that are no members on a row are made 0.0 there,
whatever the step returned, so that what leaves the universe is sold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import ReadOnly, frame
from quantml.bars import Bars
from quantml.cash import CashRate
from quantml.errors import QuantmlError, SignalError, check
from quantml.forecasters.base import Forecast
from quantml.source import cause_of, raised_at
from quantml.timing import Fill

Scalar = TypeVar("Scalar", bound=np.generic)

if TYPE_CHECKING:
    from quantml.features.base import Features
    from quantml.simulation.costs import Costs


@dataclass(frozen=True, eq=False)
class Weights(ReadOnly):
    """Signed fractions of equity wanted at each close.

    Attributes
    ----------
    clock : DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    values : ndarray of float64, shape (T, N)
        NaN throughout a row that is no decision.

    Raises
    ------
    SignalError
        If the shape is not (T, N), or a weight is infinite.
    """

    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.clock), len(self.symbols))
        check(self.values.shape == shape, "weights", f"have the shape {shape}", self.values.shape, error=SignalError)
        infinite = np.isinf(self.values)
        if infinite.any():
            row, column = np.argwhere(infinite)[0]
            where = f"{self.symbols[column]}, {self.clock[row]}".removesuffix(" 00:00:00")
            raise SignalError("a weight", must="be finite", got=float(self.values[row, column]), where=where)
        self._freeze()

    @property
    def frame(self) -> pd.DataFrame:
        """The weights as a fresh frame, time x symbol."""
        return frame(self.values, self.clock, self.symbols)


@dataclass(frozen=True, eq=False)
class Context:
    """What a signal step may use.

    Attributes
    ----------
    bars : Bars
    features : Features or None
        The study's features, on the bars' clock.
    forecast : Forecast or None
        The forecaster's forecasts, on the bars' clock; NaN where there is none.
    costs : Costs or None
        What trading costs.
    fill : Fill or None
        When decisions are executed.
    cash : float, CashRate or None
        What cash earns.
    primary : tuple of steps
        The rule whose success is forecast, where the study's target is a `quantml.targets.MetaLabel`; else empty.
    """

    bars: Bars
    features: Features | None = None
    forecast: Forecast | None = None
    costs: Costs | None = None
    fill: Fill | None = None
    cash: float | CashRate | None = None
    primary: tuple[Step, ...] = ()

    @property
    def universe(self) -> NDArray[np.bool_]:
        """Where a symbol may be held, shape (T, N): it is a member of the universe, if there is one, and has a bar.

        Where its own exchange has no session, it is as on the row before.
        """
        return while_closed(self.bars.traded, self.bars) & self.bars.members

    def weights(self, values: NDArray[np.float64]) -> Weights:
        """Make weights on the bars' clock and symbols from an array of shape (T, N)."""
        return Weights(self.bars.clock, self.bars.symbols, values)


class Step(Protocol):
    """One step of a signal: a function, or an object that is called."""

    def __call__(self, inputs: Any, context: Context, /) -> pd.DataFrame | Weights:
        """Return weights on the bars' clock and symbols.

        Parameters
        ----------
        inputs : Forecast, Weights or None
            The forecast (None without a forecaster) in a first step, the weights so far in a later one.
        context : Context
        """


def apply_steps(steps: Sequence[Step], context: Context) -> Weights:
    """Pass the context's forecast through the steps of a signal, and check what each of them returns.

    Raises
    ------
    SignalError
        If there is no step; if a step fails, or returns anything but finite or NaN weights on the bars' clock and
        symbols. The text names the step. Errors of quantml's own that a step raises pass through.
    """
    check(len(steps) > 0, "a signal", "have at least one step", len(steps), error=SignalError)
    if context.forecast is not None:
        _check_panel("the forecast", context.forecast.clock, context.forecast.symbols, context.bars)
    weights = _of_members(_apply(steps[0], 1, context.forecast, context), context)
    for number, step in enumerate(steps[1:], start=2):
        weights = _of_members(_apply(step, number, weights, context), context)
    return weights


def _of_members(weights: Weights, context: Context) -> Weights:
    """Decide to hold nothing of symbols that are no members; a row that is no decision stays none."""
    if context.bars.membership is None:
        return weights
    decides = ~np.isnan(weights.values).all(axis=1, keepdims=True)
    return context.weights(np.where(decides & ~context.bars.members, 0.0, weights.values))


def while_closed(values: NDArray[Scalar], bars: Bars) -> NDArray[Scalar]:
    """Let a symbol keep its value, shape (T, N), over the rows on which its own exchange has no session."""
    if not bars.closed.any():
        return values
    rows = np.where(bars.closed, 0, np.arange(len(bars))[:, None])
    return np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)


def forecast_for(step: object, inputs: Any) -> Forecast:
    """Return `inputs` as the forecast that the first step of a signal needs; raise `SignalError` otherwise."""
    if isinstance(inputs, Forecast):
        return inputs
    hint = "Make it the first step." if isinstance(inputs, Weights) else "Give the study a forecaster."
    raise SignalError(type(step).__name__, must="receive a forecast", got=_kind(inputs), hint=hint)


def weights_for(step: object, inputs: Any) -> Weights:
    """Return `inputs` as the weights that a later step needs; raise `SignalError` otherwise."""
    if isinstance(inputs, Weights):
        return inputs
    hint = "Put a rule that makes weights before it, such as Sign() or RankLongShort()."
    raise SignalError(type(step).__name__, must="receive weights", got=_kind(inputs), hint=hint)


def nothing_for(step: object, inputs: Any) -> None:
    """Raise `SignalError` unless `inputs` is None, as it is in the first step of a study without a forecaster."""
    if inputs is not None:
        hint = "Make it the first step." if isinstance(inputs, Weights) else "Leave the study's forecaster out."
        raise SignalError(type(step).__name__, must="receive no forecast or weights", got=_kind(inputs), hint=hint)


def _kind(inputs: Any) -> str:
    return "None" if inputs is None else type(inputs).__name__


def _apply(step: Step, number: int, inputs: Any, context: Context) -> Weights:
    name = f"signal step {number} ({getattr(step, '__name__', type(step).__name__)})"
    try:
        made = step(inputs, context)
    except QuantmlError:
        raise
    except (Exception, SystemExit) as error:
        raise SignalError(f"{name} failed: {cause_of(error)}", where=raised_at(error)) from error
    if isinstance(made, Weights):
        _check_panel(name, made.clock, made.symbols, context.bars)
        return made
    if not isinstance(made, pd.DataFrame):
        raise SignalError(name, must="return a DataFrame or Weights", got=type(made).__name__)
    _check_panel(name, made.index, tuple(made.columns), context.bars)
    try:
        return context.weights(np.array(made.to_numpy(dtype=np.float64, na_value=np.nan), order="C"))
    except SignalError as error:
        raise SignalError.with_text(f"{name}: {error}") from error
    except (TypeError, ValueError) as error:
        raise SignalError(name, must="return numbers", got=str(error)) from error


def _check_panel(name: str, clock: pd.Index, symbols: tuple[Any, ...], bars: Bars) -> None:
    """Raise unless a table has exactly the rows and columns of the bars, in their order."""
    if symbols != bars.symbols:
        raise SignalError(name, must=f"have the bars' symbols {list(bars.symbols)}", got=list(symbols))
    if len(clock) != len(bars):
        raise SignalError(name, must=f"have the bars' {len(bars)} rows", got=len(clock))
    odd = np.flatnonzero(np.asarray(clock != bars.clock))
    if odd.size:
        raise SignalError(name, must=f"have the bars' time {bars.clock[odd[0]]}", got=str(clock[odd[0]]),
                          where=f"row {odd[0]}")  # fmt: skip
