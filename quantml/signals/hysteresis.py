"""Hysteresis: a position that is entered at one level and left at another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.errors import check, is_finite
from quantml.kernels import F2, kernel
from quantml.signals.base import Context, Weights, while_closed
from quantml.signals.rules import equal_parts, signed_forecast
from quantml.space import Declaration


@dataclass(frozen=True)
class Hysteresis(Declaration):
    """Enter 1/n where the forecast is above `enter`, and hold until it is at or below `leave`.

    Shorts mirror longs: they are entered below ``-enter`` and held until the forecast is at or above ``-leave``. With
    ``leave == enter`` this is `Sign`; the further apart the two are, the less is traded. n is the number of members of
    the universe with a bar on the row. A direction's forecast is read as 2 * probability - 1.

    A position is carried from row to row, over folds too: each fold's parameters go through the whole past of
    forecasts. A symbol without a forecast or a bar is flat, and enters anew; while its own exchange is closed it keeps
    its position.

    Parameters
    ----------
    enter : float
        In the forecast's unit, at least 0.
    leave : float
        At most `enter`; below 0, a position is held against a forecast of the other sign.
    short : bool
        Whether falls are sold short; without, they are held flat.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    enter: float
    leave: float = 0.0
    short: bool = True

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a finite number of at least 0"
        check(is_finite(self.enter) and self.enter >= 0.0, "Hysteresis.enter", rule, self.enter)
        rule = f"be a number from -{self.enter} to enter, {self.enter}"
        check(is_finite(self.leave) and abs(self.leave) <= self.enter, "Hysteresis.leave", rule, self.leave)
        check(isinstance(self.short, bool), "Hysteresis.short", "be True or False", self.short)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the forecast into weights.

        Raises
        ------
        SignalError
            If there is no forecast, or it says nothing of which way prices go.
        """
        signed = while_closed(signed_forecast(self, inputs), context.bars)
        level = np.where(context.universe, signed, np.nan)
        side = held_sides(level, float(self.enter), float(self.leave), np.inf)
        return equal_parts(side if self.short else np.maximum(side, 0.0), context)


@kernel(types.float64[:, ::1](F2, types.float64, types.float64, types.float64))
def held_sides(level: NDArray[np.float64], enter: float, leave: float, stop: float) -> NDArray[np.float64]:
    """Carry a side, 1.0, -1.0 or 0.0, down each column of levels; NaN is no side.

    A side is entered beyond `enter` in its direction and left at or within `leave`. Beyond `stop` against it, after
    which a side is not entered again before the level has come back within `leave`, it is given up too.
    """
    rows, columns = level.shape
    sides = np.zeros((rows, columns))
    for column in range(columns):
        side, stopped = 0.0, False
        for row in range(rows):
            value = level[row, column]
            if np.isnan(value):
                side, stopped = 0.0, False
                continue
            if abs(value) >= stop:
                side, stopped = 0.0, True
            elif abs(value) <= leave:
                stopped = False
            if side * value <= leave * abs(side):
                side = 0.0
            if side == 0.0 and not stopped and abs(value) > enter:
                side = 1.0 if value > 0.0 else -1.0
            sides[row, column] = side
    return sides
