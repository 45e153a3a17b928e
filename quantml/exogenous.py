"""Outside tables: any predictor that is not a price, joined to the panel clock by when it was available."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from quantml.calendars import RESOLUTION
from quantml.errors import DataError
from quantml.timing import Span


@dataclass(frozen=True, eq=False)
class Exogenous:
    """A table of outside values, each with the time at which it became available.

    Parameters
    ----------
    frame : DataFrame
        One row per period, indexed by the period's time, increasing and unique.
    name : str
        What features call it by.
    lag : str, optional
        How long after its period's time a row became available, such as ``"1m"`` or ``"45d"``; ``"0d"`` where the
        index already is the time of availability.
    available_at : str, optional
        A column that holds each row's time of availability, instead of `lag`.

    Raises
    ------
    DataError
        If neither or both of `lag` and `available_at` are given, or times are unsorted, duplicate or missing.
    """

    frame: pd.DataFrame = field(repr=False)
    name: str = field(kw_only=True)
    lag: str | None = field(default=None, kw_only=True)
    available_at: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        where = f"table {self.name!r}"
        if (self.lag is None) == (self.available_at is None):
            hint = "Say when its rows became available, for instance lag='1m'."
            raise DataError("an outside table", must="have either lag or available_at", where=where, hint=hint)
        if not isinstance(self.frame.index, pd.DatetimeIndex):
            raise DataError("an outside table's index", must="be a DatetimeIndex", got=type(self.frame.index).__name__)
        if not (self.frame.index.is_monotonic_increasing and self.frame.index.is_unique):
            raise DataError("an outside table's times", must="increase and be unique", where=where)
        object.__setattr__(self, "frame", self.frame.copy())
        if self.available.hasnans or not self.available.is_monotonic_increasing:
            raise DataError("times of availability", must="increase and have no gaps", where=where)

    @cached_property
    def available(self) -> pd.DatetimeIndex:
        """When each row became available."""
        if self.available_at is not None:
            return pd.DatetimeIndex(self.frame[self.available_at]).as_unit(RESOLUTION)
        if self.lag == "0d":
            return self.frame.index.as_unit(RESOLUTION)
        return (self.frame.index + Span.parse(self.lag or "", "lag").offset).as_unit(RESOLUTION)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the table's values."""
        return tuple(str(name) for name in self.frame.columns if name != self.available_at)

    def as_of(self, clock: pd.DatetimeIndex) -> pd.DataFrame:
        """Return, for each time of `clock`, the newest row available by then; NaN before the first."""
        rows = np.asarray(self.available.searchsorted(clock, side="right")) - 1
        values = self.frame[list(self.columns)].to_numpy(dtype=np.float64)
        known = np.where((rows >= 0)[:, None], values[np.maximum(rows, 0)], np.nan)
        return pd.DataFrame(known, index=clock, columns=list(self.columns))

    def until(self, moment: pd.Timestamp) -> Exogenous:
        """Return the rows that were available at or before `moment`."""
        return replace(self, frame=self.frame[np.asarray(self.available <= moment)])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the values, their times and when they became available."""
        digest = hashlib.sha256(repr((self.name, self.columns, self.lag)).encode())
        digest.update(self.available.asi8.tobytes() + self.frame.index.as_unit(RESOLUTION).asi8.tobytes())
        digest.update(np.ascontiguousarray(self.frame[list(self.columns)].to_numpy(dtype=np.float64)).tobytes())
        return digest.hexdigest()
