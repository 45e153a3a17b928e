"""The last stretch of a study's data, kept from it until it is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from quantml.errors import DataError, ParameterError
from quantml.panel import read_moment
from quantml.timing import Span


@dataclass(frozen=True)
class Lockbox:
    """Where the sealed stretch at the end of the data begins.

    Parameters
    ----------
    since : str or Span
        An ISO date, or the length of the stretch: a number of rows or a duration back from the last bar.
    """

    since: str | Span

    @classmethod
    def parse(cls, value: object) -> Lockbox:
        """Read ``"2017-01-01"``, ``"1y"`` or ``252``.

        Raises
        ------
        ParameterError
            If `value` is none of these.
        """
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            if pd.isna(pd.to_datetime(value, format="%Y-%m-%d", errors="coerce")):
                raise ParameterError("Study.lockbox", must="be a date that there is", got=value)
            return cls(value)
        try:
            return cls(Span.parse(value, "Study.lockbox"))  # type: ignore[arg-type]
        except ParameterError as error:
            rule = "be a date such as '2017-01-01', a duration such as '1y', or a number of rows"
            raise ParameterError("Study.lockbox", must=rule, got=value) from error

    def start(self, clock: pd.DatetimeIndex) -> pd.Timestamp:
        """Return the first sealed time of a clock.

        Raises
        ------
        DataError
            If nothing would be sealed, or nothing be left before it.

        Examples
        --------
        >>> clock = pd.bdate_range("2020-01-01", "2020-12-31")
        >>> [f"{Lockbox.parse(since).start(clock):%Y-%m-%d}" for since in ("2020-11-01", "1m", 5)]
        ['2020-11-02', '2020-12-01', '2020-12-25']
        """
        place = self._place(clock)
        if not 0 < place < len(clock):
            span = f"{clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}" if len(clock) else "no bars"
            rule = "begin inside the data, after the first bar"
            raise DataError("Study.lockbox", must=rule, got=f"{self} on {span}")
        return clock[place]

    def _place(self, clock: pd.DatetimeIndex) -> int:
        if not isinstance(self.since, Span):
            return int(clock.searchsorted(read_moment(self.since, clock), side="left"))
        if self.since.unit == "rows" or not len(clock):
            return len(clock) - self.since.count
        return int(clock.searchsorted(self.since.before(clock[-1]), side="right"))

    def __str__(self) -> str:
        return str(self.since)
