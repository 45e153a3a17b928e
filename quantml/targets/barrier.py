"""Which of three barriers a price will touch first."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.kernels import F2, I2, kernel
from quantml.listings import OwnBars
from quantml.targets.base import Ahead, Held, Target, check_count, check_positive, make_target
from quantml.targets.trailing import trailing_deviation
from quantml.timing import UNKNOWN, Fill

__all__ = ["TripleBarrier"]


class _Outcome(NamedTuple):
    """How each path ends: where the price stands then beside its start, and when; shape (T, N).

    `touched` is 1.0 at the upper barrier, -1.0 at the lower one, 0.0 at neither.
    """

    touched: NDArray[np.float64]
    price: NDArray[np.float64]
    start: NDArray[np.float64]
    label_end: NDArray[np.int64]


@dataclass(frozen=True)
class TripleBarrier(Ahead):
    """Which barrier the price touches first: 1.0 the upper, -1.0 the lower, 0.0 neither within `horizon` bars.

    A position is entered at the price P at which the target starts. The upper barrier is at ``P * (1 + take_profit *
    unit)``, the lower one at ``P * (1 - stop_loss * unit)``. The unit is the standard deviation (ddof=1) of the last
    `window` one-bar simple returns of the symbol at the decision, so that `take_profit` and `stop_loss` are multiples
    of it; without a `window` it is 1, and they are returns.

    The highs and lows of the `horizon` bars that follow the start can touch; with a fill at the open, the bar of the
    fill is the first of them. Reaching a barrier touches it. A bar that reaches both touched the one first that it
    opened at or beyond; where it opened between them, it is read as the worse of the two: the stop came first. The
    label ends at the bar that touches, or at the last of the `horizon` bars, whose close is the time-out. Past the end
    of a delisted symbol, what its holders are paid can touch too, and is otherwise the time-out.

    There is no value where neither barrier is touched by the end of the bars and the time-out is still ahead; until
    there are `window` returns, or where they are all equal; and for a decision on a delisted symbol's last bar that
    would be filled on the next one.

    Parameters
    ----------
    horizon : int
        Bars of the symbol until the time-out, at least 1.
    start : {"fill", "close"}
    take_profit, stop_loss : float or None
        Distances of the barriers from the start, above 0; None for no barrier on that side.
    window : int or None
        Returns that the standard deviation is of, at least 2; None where the barriers are returns.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or there is no barrier.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, section 3.4, with closes there.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> prices = pd.DataFrame({"A": [100.0, 101.0, 103.0, 99.0]}, index=days)
    >>> bars = Bars.from_frame(pd.concat(dict.fromkeys(["open", "high", "low", "close"], prices), axis=1))
    >>> labels = TripleBarrier(2, "close", take_profit=0.02, stop_loss=0.02, window=None).build(bars, Fill.NEXT_CLOSE)
    >>> labels.frame["A"].tolist(), labels.label_end[:3, 0].tolist()
    ([1.0, 0.0, -1.0, nan], [2, 3, 3])
    """

    horizon: int = 10
    _: KW_ONLY
    take_profit: float | None = 2.0
    stop_loss: float | None = 2.0
    window: int | None = 63

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        super().validate()
        barriers = {"take_profit": self.take_profit, "stop_loss": self.stop_loss}
        for name, distance in barriers.items():
            if distance is not None:
                check_positive(f"TripleBarrier.{name}", distance)
        if self.take_profit is None and self.stop_loss is None:
            raise ParameterError("TripleBarrier", must="have a take_profit or a stop_loss", got="neither")
        if self.window is not None:
            check_count("TripleBarrier.window", self.window, 2, "returns")

    def build(self, bars: Bars, fill: Fill) -> Target:
        """Compute the labels; see `TargetRule.build`.

        Raises
        ------
        DataError
            If the bars have no highs and lows, or no opens to start at.
        """
        end = self._outcome(bars, fill, np.ones(bars.traded.shape))
        return make_target(self, bars, end.touched, end.label_end, "class", f"triple_barrier_{self.horizon}")

    def earned(self, bars: Bars, fill: Fill, side: NDArray[np.float64]) -> Held:
        """Compute what taking each side earns: 1.0 long, -1.0 short, NaN neither; shape (T, N).

        A short takes its profit at the lower barrier and stops at the upper one. At a barrier the return is its
        distance, at the time-out that of the last close.
        """
        end = self._outcome(bars, fill, side)
        opened = np.where(np.isnan(end.touched), UNKNOWN, OwnBars.of(bars).ahead(self.origin(bars, fill)[1]))
        return Held(side * (end.price / end.start - 1.0), opened, end.label_end)

    def _outcome(self, bars: Bars, fill: Fill, side: NDArray[np.float64]) -> _Outcome:
        """Follow the path of each decision on its side to its end."""
        high, low, close = (bars.array(field) for field in ("high", "low", "close"))
        opens = bars.array("open")
        own = OwnBars.of(bars)
        start, first = self.entry(own, bars, fill)
        upper, lower = self._barriers(bars, start, side)
        touched, row = _first_touch(opens, high, low, own.last, upper, lower, side, first, int(self.horizon))
        final, timed_out = own.price_ahead(close, close, first + self.horizon - 1)
        free = np.isnan(touched) & ~np.isnan(upper) & (timed_out != UNKNOWN)
        touched = np.where(free, 1.0 * (final >= upper) - (final <= lower), touched)
        price = np.where(touched == 1.0, upper, np.where(touched == -1.0, lower, final))
        return _Outcome(touched, np.where(free, final, price), start, np.where(free, timed_out, row))

    def _barriers(
        self, bars: Bars, start: NDArray[np.float64], side: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the upper and lower barriers, infinite where there is none; both NaN where there is no path."""
        unit = np.ones_like(start) if self.window is None else trailing_deviation(bars, self.window)
        profit, loss = (np.inf if part is None else part for part in (self.take_profit, self.stop_loss))
        above, below = np.where(side > 0.0, profit, loss), np.where(side > 0.0, loss, profit)
        path = ~np.isnan(start * unit * side)
        upper, lower = start * (1.0 + above * unit), start * (1.0 - below * unit)
        return np.where(path, upper, np.nan), np.where(path, lower, np.nan)


def _first_touch(
    opens: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    last: NDArray[np.int64],
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    side: NDArray[np.float64],
    first: int,
    horizon: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the first of `horizon` bars from `first` on that touches a barrier, and which; NaN and UNKNOWN if none."""
    touched, row = np.full(high.shape, np.nan), np.full(high.shape, UNKNOWN)
    _walk(opens, high, low, last, upper, lower, side, first, horizon, touched, row)
    return touched, row


@kernel(
    types.void(
        F2, F2, F2, I2, F2, F2, F2, types.int64, types.int64, types.float64[:, ::1], types.int64[:, ::1]
    )
)  # fmt: skip
def _walk(
    opens: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    last: NDArray[np.int64],
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    side: NDArray[np.float64],
    first: int,
    horizon: int,
    touched: NDArray[np.float64],
    touching: NDArray[np.int64],
) -> None:
    rows, columns = high.shape
    highs, lows, stand = np.empty(rows), np.empty(rows), np.empty(rows, dtype=np.int64)
    for column in range(columns):
        count = 0
        for row in range(rows):
            if not math.isnan(high[row, column]):
                highs[count], lows[count], stand[count] = high[row, column], low[row, column], row
                count += 1
        for k in range(count):
            row = stand[k]
            top, bottom = upper[row, column], lower[row, column]
            if math.isnan(top):
                continue
            for bar in range(k + first, min(k + first + horizon, count)):
                if bar > last[row, column]:
                    break
                above, below = highs[bar] >= top, lows[bar] <= bottom
                if above or below:
                    touching[row, column] = stand[bar]
                    if above and below:
                        opened = opens[stand[bar], column]
                        above, below = opened >= top, opened <= bottom
                    touched[row, column] = (1.0 if above else -1.0) if above != below else -side[row, column]
                    break
