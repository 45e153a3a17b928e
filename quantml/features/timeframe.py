"""Features of weekly or monthly bars, as known on each day."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.calendars import DAY, is_slow, planned_sessions
from quantml.errors import FeatureError
from quantml.features.base import Feature, check_inner, evaluate, stated_warmup
from quantml.features.own_bars import check_count, on_panel
from quantml.space import Declaration

__all__ = ["Monthly", "Weekly"]


@dataclass(frozen=True)
class _Coarser(Declaration, ABC):
    feature: Feature
    most: int
    word: ClassVar[str]
    periods_per_year: ClassVar[float]

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check_inner(self, "feature")
        check_count(self, "most", 1)

    @property
    def warmup(self) -> int:
        """Own bars before the first value: a first period that may be incomplete, and those the feature needs."""
        return (stated_warmup(self.feature) + 2) * self.most

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the feature on the longer bars and lay its values on the days, time x symbol."""
        complete = self._complete(bars)
        number = self._numbers(bars.clock, complete)
        self._check_most(bars, number)
        longer = _resampled(bars, number, self.periods_per_year)
        newest = _newest_own(longer.traded, number - ~complete)
        values = np.take_along_axis(evaluate(self.feature, longer), np.maximum(newest, 0), axis=0)
        own = np.cumsum(bars.traded, axis=0) - 1
        return on_panel(np.where(bars.traded & (own >= self.warmup) & (newest >= 0), values, np.nan), bars)

    @abstractmethod
    def _labels(self, clock: pd.DatetimeIndex) -> NDArray[np.int64]:
        """Return a number for each time of the clock, the same for those of one longer bar."""

    def _complete(self, bars: Bars) -> NDArray[np.bool_]:
        """Say on which rows the exchanges' calendars tell that no further session of the period comes; shape (T,)."""
        complete = np.zeros(len(bars), dtype=np.bool_)
        if bars.calendar is None or bars.clock.tz is not None or is_slow(bars.clock) or not len(bars):
            return complete
        complete[:] = True
        names = [bars.calendar] if isinstance(bars.calendar, str) else sorted(set(bars.calendar.values()))
        for name in names:
            planned = planned_sessions(name, bars.clock[0])
            place = planned.searchsorted(bars.clock, side="right")
            known = place < len(planned)
            following = planned[np.minimum(place, len(planned) - 1)]
            complete &= known & (self._labels(following) != self._labels(bars.clock))
        return complete

    def _numbers(self, clock: pd.DatetimeIndex, complete: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number the periods; what comes after a complete one begins another, whatever the calendar had said."""
        labels = self._labels(clock)
        begins = (np.diff(labels, prepend=labels[:1]) != 0) | np.append(False, complete[:-1])[: len(clock)]
        return np.cumsum(begins, dtype=np.int64)

    def _check_most(self, bars: Bars, number: NDArray[np.int64]) -> None:
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        held = np.add.reduceat(bars.traded, starts, axis=0, dtype=np.int64).max(axis=1) if len(starts) else starts
        if (held > self.most).any():
            worst = int(np.argmax(held))
            where = f"{held[worst]} from {bars.clock[starts[worst]]:%Y-%m-%d} on"
            hint = f"Write {type(self).__name__}(..., most={int(held.max())})."
            raise FeatureError(f"{type(self).__name__}.most", must=f"be at least the bars of a {self.word}",
                               got=self.most, where=where, hint=hint)  # fmt: skip


@dataclass(frozen=True)
class Weekly(_Coarser):
    """The value that a feature had on weekly bars, at the close of the last week that was complete by then.

    Weeks begin on Monday (in UTC for intraday bars). A week of daily bars is complete at the close of its last session
    where the bars have a calendar that tells it, and else with the first bar of the next; a week that is still running
    is never used. Weekly bars are made of adjusted prices: first open, highest high, lowest low, last close, summed
    volume. A symbol's first week is left out, since its beginning may be missing. Windows and warm-up of the inner
    feature count a symbol's own weeks, and 52 make a year.

    Parameters
    ----------
    feature : feature
        Computed on weekly bars: ``Weekly(Momentum(26))`` is the return over half a year of weeks.
    most : int
        The most bars that a symbol has in a week: 5 sessions, 7 where weekends trade, more for intraday bars. Values
        begin when so many bars of each week that is needed have passed.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars that have more than `most` in a week.

    Examples
    --------
    >>> from quantml.features import Returns
    >>> days = pd.bdate_range("2024-01-01", periods=17)  # a Monday
    >>> close = pd.DataFrame({"A": [100.0] * 5 + [110.0] * 5 + [132.0] * 5 + [150.0] * 2}, index=days)
    >>> Weekly(Returns())(Bars.from_close(close, calendar="XLON"))["A"].round(6).dropna().tolist()
    [0.2, 0.2]
    """

    most: int = 5
    word: ClassVar[str] = "week"
    periods_per_year: ClassVar[float] = 52.0

    def _labels(self, clock: pd.DatetimeIndex) -> NDArray[np.int64]:
        days = (clock.tz_localize(None) - pd.Timestamp(0)) // DAY
        return np.asarray((days + 3) // 7, dtype=np.int64)  # 1970 began on a Thursday


@dataclass(frozen=True)
class Monthly(_Coarser):
    """The value that a feature had on monthly bars, at the close of the last month that was complete by then.

    All is as in `Weekly`, with calendar months (in UTC for intraday bars), of which 12 make a year.

    Parameters
    ----------
    feature : feature
        Computed on monthly bars: ``Monthly(Momentum(12, skip=1))`` is the momentum of the asset-pricing literature.
    most : int
        The most bars that a symbol has in a month: 23 sessions, 31 where weekends trade, more for intraday bars.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    FeatureError
        When called on bars that have more than `most` in a month.
    """

    most: int = 23
    word: ClassVar[str] = "month"
    periods_per_year: ClassVar[float] = 12.0

    def _labels(self, clock: pd.DatetimeIndex) -> NDArray[np.int64]:
        return np.asarray(clock.year * 12 + clock.month, dtype=np.int64)


def _resampled(bars: Bars, number: NDArray[np.int64], periods_per_year: float) -> Bars:
    """Return bars of adjusted prices over the numbered periods, stamped with the last row of each."""
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    ends = np.append(starts[1:], len(number)) - 1 if len(starts) else starts
    shape = (len(starts), len(bars.symbols))
    quoted = _aggregated(bars, starts) if len(starts) else {name: np.empty(shape) for name in bars.quoted}
    return replace(
        bars,
        clock=bars.clock[ends],
        quoted=quoted,
        split=np.ones(shape),
        dividend=np.zeros(shape),
        periods_per_year=periods_per_year,
        closed=np.empty((0, 0), dtype=np.bool_),
        own_periods_per_year=np.empty(0),
    )


def _aggregated(bars: Bars, starts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Aggregate adjusted fields; NaN where a symbol has no bar in a period, and in its first."""
    rows = np.arange(len(bars))[:, None]
    first = np.minimum.reduceat(np.where(bars.traded, rows, len(bars)), starts, axis=0)
    last = np.maximum.reduceat(np.where(bars.traded, rows, -1), starts, axis=0)
    whole = (last >= 0) & (np.cumsum(last >= 0, axis=0) > 1)
    aggregate: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
        "open": lambda values: np.take_along_axis(values, np.minimum(first, len(bars) - 1), axis=0),
        "high": lambda values: np.fmax.reduceat(values, starts, axis=0),
        "low": lambda values: np.fmin.reduceat(values, starts, axis=0),
        "close": lambda values: np.take_along_axis(values, np.maximum(last, 0), axis=0),
        "volume": lambda values: np.add.reduceat(np.where(bars.traded, values, 0.0), starts, axis=0),
    }
    return {name: np.where(whole, aggregate[name](bars.array(name)), np.nan) for name in bars.quoted}


def _newest_own(traded: NDArray[np.bool_], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each symbol's newest own period up to the one known on each row, -1 before; shape (T, N)."""
    own = np.maximum.accumulate(np.where(traded, np.arange(len(traded))[:, None], -1), axis=0)
    return np.asarray(np.where(known[:, None] >= 0, own[np.maximum(known, 0)], -1), dtype=np.int64)
