"""What an allocation sees of a row: the returns of its candidates; and what becomes of rows that it cannot solve."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from quantml.errors import check, is_whole
from quantml.signals.base import Context
from quantml.signals.covariance import Matrix, Unsolvable, Vector
from quantml.space import Declaration

LOGGER: Final = logging.getLogger("quantml")


@dataclass(frozen=True, eq=False)
class Window:
    """The past of one decision.

    Attributes
    ----------
    row : int
        Position of the decision on the clock.
    columns : ndarray of int64, shape (n,)
        The candidates' column numbers.
    returns : ndarray, shape (window, n)
        Their simple returns over the last rows of the clock, the decision's included; 0.0 where there is none.
    """

    row: int
    columns: NDArray[np.intp]
    returns: Matrix


@dataclass(frozen=True)
class Windowed(Declaration, ABC):
    """Base of the steps that decide each row on the returns of the last `window` rows of the clock.

    A symbol earns its own-bar returns, and 0 on rows on which it has no bar. One whose first bar is fewer than
    `window` rows back cannot be measured yet and is no candidate. A row that cannot be solved is decided flat; how many
    there are is logged as a warning, with the reasons.
    """

    by_row: ClassVar[bool] = True
    window: int = 120

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        rule = "be a whole number of rows, at least 2"
        check(is_whole(self.window, least=2), f"{type(self).__name__}.window", rule, self.window)

    @abstractmethod
    def solve(self, window: Window, inputs: Any) -> Vector:
        """Return the weights of one row's candidates, shape (n,).

        Parameters
        ----------
        window : Window
        inputs : Any
            What `solve_rows` was given.

        Raises
        ------
        Unsolvable
            If there are none; the text says why.
        """

    def solve_rows(self, wanted: NDArray[np.bool_], asked: NDArray[np.bool_], inputs: Any, context: Context) -> Matrix:
        """Solve each row that is asked for, shape (T,), among those that are wanted, shape (T, N); 0.0 elsewhere.

        Rows on which no symbol at all is old enough to be measured are flat without a warning.
        """
        returns, old = measured(context, int(self.window))
        solved, reasons = np.zeros(wanted.shape), Counter[str]()
        for row in np.flatnonzero(asked & old.any(axis=1)):
            columns = np.flatnonzero(wanted[row] & old[row])
            past = returns[row - self.window + 1 : row + 1, columns]
            try:
                if columns.size == 0:
                    raise Unsolvable("no candidate")
                solved[row, columns] = self.solve(Window(int(row), columns, past), inputs)
            except Unsolvable as reason:
                reasons[str(reason)] += 1
        warn_of_flats(self, reasons, int(asked.sum()))
        return solved


def measured(context: Context, window: int) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the panel's returns, 0.0 where there is none, and where a symbol's first bar is `window` rows back."""
    bars = context.bars
    returns = np.nan_to_num(bars.returns().to_numpy(dtype=np.float64), nan=0.0)
    first = np.where(bars.traded.any(axis=0), np.argmax(bars.traded, axis=0), len(bars))
    return np.ascontiguousarray(returns), np.arange(len(bars))[:, None] - first >= window


def warn_of_flats(step: object, reasons: Counter[str], decisions: int) -> None:
    """Log how many decisions are flat because a step could not produce their weights."""
    if reasons:
        told = ", ".join(f"{count} with {reason}" for reason, count in sorted(reasons.items()))
        LOGGER.warning("%s decides flat on %d of %d rows: %s.", type(step).__name__, reasons.total(), decisions, told)
