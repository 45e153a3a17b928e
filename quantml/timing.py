"""The panel clock: when a decision is made, when it is filled, and when a label is known.

A decision stamped ``t`` is made at the close of bar ``t`` from rows at or before ``t``. It is filled on the next
bar at which its symbol trades (`Fill`). Nothing else in the package shifts time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import ParameterError, is_whole

UNKNOWN: Final = np.iinfo(np.int64).max
"""The `label_end` of a row whose target is not known inside the panel: later than every bar."""


class Fill(Enum):
    """The price at which a decision made at the close of bar t is executed."""

    NEXT_OPEN = "next_open"
    """The open of the symbol's next bar; the default where there are opens."""
    NEXT_CLOSE = "next_close"
    """The close of the symbol's next bar."""
    PERIOD = "period"
    """The close of t itself, so that the decision earns t to t+1: for published tables of closes or returns."""

    @property
    def delay(self) -> int:
        """Bars of the symbol between the decision and its fill."""
        return 0 if self is Fill.PERIOD else 1

    @property
    def field(self) -> str:
        """The price field that fills use."""
        return "open" if self is Fill.NEXT_OPEN else "close"


@dataclass(frozen=True)
class Span:
    """A length of time on the panel clock: a number of rows, or a duration.

    Parameters
    ----------
    count : int
        How many units.
    unit : str
        ``"rows"``, or ``"d"``, ``"w"``, ``"m"``, ``"y"`` for calendar days, weeks, months and years.
    """

    count: int
    unit: str

    @classmethod
    def parse(cls, value: int | str, name: str) -> Span:
        """Read ``63`` as rows and ``"3m"`` as a duration.

        Raises
        ------
        ParameterError
            If `value` is neither a positive int nor a number followed by d, w, m or y.
        """
        if is_whole(value, least=1):
            return cls(int(value), "rows")
        match = re.fullmatch(r"([1-9]\d*)([dwmy])", value) if isinstance(value, str) else None
        if match is None:
            rule = "be a positive number of rows, or a duration such as '21d', '4w', '3m' or '2y'"
            raise ParameterError(name, must=rule, got=value)
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.count} rows" if self.unit == "rows" else f"{self.count}{self.unit}"

    def before(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the moment one span earlier on the wall clock; only for durations."""
        return _localised(moment.tz_localize(None) - self.offset, moment)

    def after(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the moment one span later on the wall clock; only for durations."""
        return _localised(moment.tz_localize(None) + self.offset, moment)

    @property
    def offset(self) -> pd.DateOffset:
        """The duration as pandas writes it."""
        if self.unit == "rows":
            raise ParameterError("a number of rows has no calendar length", got=self.count)
        return pd.DateOffset(**{{"d": "days", "w": "weeks", "m": "months", "y": "years"}[self.unit]: self.count})

    def floor(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the start of the calendar block of this length that holds `moment`.

        Blocks of months and years are counted from January of year 1, so that ``3m`` blocks are quarters; blocks
        of days and weeks from Monday, 1970-01-05. Days are those of the moment's own time zone, however long.
        """
        day = moment.tz_localize(None).normalize()
        if self.unit in ("m", "y"):
            months = self.count * (12 if self.unit == "y" else 1)
            index = (day.year - 1) * 12 + day.month - 1
            index -= index % months
            return _localised(pd.Timestamp(year=index // 12 + 1, month=index % 12 + 1, day=1), moment)
        days = self.count * (7 if self.unit == "w" else 1)
        origin = pd.Timestamp("1970-01-05")
        return _localised(origin + pd.Timedelta(days=(day - origin).days // days * days), moment)


def _localised(wall: pd.Timestamp, like: pd.Timestamp) -> pd.Timestamp:
    """Place a wall time in the time zone of `like`; the next where it is skipped, the first where it comes twice."""
    return wall.tz_localize(like.tz, ambiguous=True, nonexistent="shift_forward")


def block_number(clock: pd.DatetimeIndex, every: Span) -> NDArray[np.int64]:
    """Number the calendar blocks (or runs of rows) of length `every` that the rows of `clock` fall into.

    A row starts a new block exactly when its number differs from the previous row's, which is known at that row.

    Examples
    --------
    >>> block_number(pd.DatetimeIndex(["2020-01-30", "2020-01-31", "2020-02-03"]), Span.parse("1m", "every"))
    array([24228, 24228, 24229])
    """
    if every.unit == "rows":
        return np.arange(len(clock), dtype=np.int64) // every.count
    if every.unit in ("m", "y"):
        months = (np.asarray(clock.year, dtype=np.int64) - 1) * 12 + np.asarray(clock.month, dtype=np.int64) - 1
        return np.asarray(months // (every.count * (12 if every.unit == "y" else 1)), dtype=np.int64)
    days = clock.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64) - 4
    return np.asarray(days // (every.count * (7 if every.unit == "w" else 1)), dtype=np.int64)
