"""How times are written: sessions, moments in a stated zone, or numbers since 1970."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, cast
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.calendars import RESOLUTION
from quantml.errors import DataError, ParameterError, check, did_you_mean
from quantml.loaders.files.cells import Cells, Csv
from quantml.space import Declaration

__all__ = ["Epoch", "Intraday", "Sessions", "Times"]

ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?", re.ASCII)
OFFSET: Final = re.compile(r"(.*:\d{2}(?:\.\d+)?)\s*(Z|[+-]\d{2}:?\d{2})")
Minutes = NDArray[np.int64]
FARTHEST: Final = pd.Timedelta(hours=14)
"""How far ahead of UTC the earliest time zone is."""


@dataclass(frozen=True)
class Times(Declaration, ABC):
    """Base of what says how times are written.

    Parameters
    ----------
    newest_first : bool
        Whether a symbol's rows go backward in time.
    """

    newest_first: bool = field(default=False, kw_only=True)

    @abstractmethod
    def clock(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read the times of a table's rows.

        Raises
        ------
        DataError
            If one cannot be read without guessing; the text names its line.
        """

    def moments(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read times of any hour, on the same footing as `clock`."""
        return self.clock(cells, values)

    def today(self) -> pd.Timestamp:
        """Return the latest time that can have happened by now."""
        return pd.Timestamp.now("UTC")


@dataclass(frozen=True)
class Sessions(Times):
    """Dates: each row is a session, or the last session of a week, a month or a longer period.

    Parameters
    ----------
    format : str, optional
        How dates are written, in the codes of `datetime.strptime`, such as ``"%d/%m/%Y"``. Without it they must be ISO
        dates such as ``2005-01-31``: what ``03/04/2020`` means is not guessed.
    zone : str, optional
        Time zone of the exchange, needed where dates come as moments with a time zone, which must then be midnights
        there.
    newest_first : bool
        Whether a symbol's rows go backward in time.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    format: str | None = None
    zone: str | None = None

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        _check_format("Sessions.format", self.format)
        if self.zone is not None:
            _check_zone("Sessions.zone", self.zone)

    def clock(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read the sessions; see `Times.clock`."""
        found = self.moments(cells, values)
        hour = found != found.normalize()
        if hour.any():
            row = int(np.argmax(hour))
            hint = "Say times=Intraday(zone=...) for bars within a day."
            raise DataError("a session", must="be a date", got=str(values.iloc[row]), where=cells.place(row), hint=hint)
        return found

    def moments(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read times of any hour, as the clocks of the exchange show them."""
        found, offsets = _read(cells, values, self.format)
        if found.tz is None:
            return found
        if self.zone is None:
            hint = "Say times=Sessions(zone='America/New_York') or the exchange's zone, or times=Intraday(zone=...)."
            raise DataError("dates with a time zone", must="come with the exchange's zone", got=str(values.iloc[0]),
                            where=cells.place(0), hint=hint)  # fmt: skip
        _check_offsets(cells, values, found, offsets, self.zone)
        return found.tz_convert(self.zone).tz_localize(None)

    def today(self) -> pd.Timestamp:
        """Return today's date where it is latest."""
        return (pd.Timestamp.now("UTC") + FARTHEST).tz_localize(None).normalize()


@dataclass(frozen=True)
class Intraday(Times):
    """Moments within days, in a stated time zone.

    Parameters
    ----------
    zone : str
        Time zone in which the moments are written, such as ``"America/New_York"`` or ``"UTC"``. Where they carry
        offsets of their own, these must be the zone's.
    format : str, optional
        How moments are written, in the codes of `datetime.strptime`; without it they must be ISO 8601.
    newest_first : bool
        Whether a symbol's rows go backward in time.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    zone: str
    format: str | None = None

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        _check_zone("Intraday.zone", self.zone)
        _check_format("Intraday.format", self.format)

    def clock(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read the moments, in UTC; see `Times.clock`."""
        found, offsets = _read(cells, values, self.format)
        if found.tz is not None:
            _check_offsets(cells, values, found, offsets, self.zone)
            return found.tz_convert("UTC")
        local = found.tz_localize(self.zone, ambiguous="NaT", nonexistent="NaT")
        if local.hasnans:
            row = int(np.argmax(local.isna()))
            hint = "Clocks change then: write times with their offset, or in UTC."
            raise DataError(f"a local time in {self.zone}", must="be one moment", got=str(values.iloc[row]),
                            where=cells.place(row), hint=hint)  # fmt: skip
        return local.tz_convert("UTC")


@dataclass(frozen=True)
class Epoch(Times):
    """Numbers since 1970-01-01 in UTC, as exchanges of crypto currencies write moments.

    Parameters
    ----------
    unit : str
        ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.
    newest_first : bool
        Whether a symbol's rows go backward in time.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    unit: str

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        check(self.unit in ("s", "ms", "us", "ns"), "Epoch.unit", "be 's', 'ms', 'us' or 'ns'", self.unit)

    def clock(self, cells: Cells, values: pd.Series) -> pd.DatetimeIndex:
        """Read the moments; see `Times.clock`."""
        numbers = Cells(values.to_frame("time"), cells.source, cells.lines).numbers("time", Csv())
        found = pd.to_datetime(pd.Series(numbers), unit=self.unit, utc=True, errors="coerce")
        _check_read(cells, values.tolist(), found, f"a number of {self.unit} since 1970")
        return pd.DatetimeIndex(found).as_unit(RESOLUTION)


def _read(cells: Cells, values: pd.Series, written: str | None) -> tuple[pd.DatetimeIndex, Minutes | None]:
    """Read times: tz-naive where they carry no time zone, and UTC where they do; also the offsets, where written."""
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        _check_read(cells, values.tolist(), values, "given")
        found = pd.DatetimeIndex(values)
        return (found if found.tz is None else found.tz_convert("UTC")).as_unit(RESOLUTION), None
    listed = values.tolist()
    if all(isinstance(value, date) for value in listed):
        return _from_objects(cells, listed), None
    return _from_text(cells, ["" if value is None else str(value).strip() for value in listed], written)


def _from_objects(cells: Cells, listed: list[Any]) -> pd.DatetimeIndex:
    aware = np.array([isinstance(value, datetime) and value.tzinfo is not None for value in listed])
    _check_alike(cells, listed, aware)
    return pd.DatetimeIndex(pd.to_datetime(listed, utc=bool(aware[0]))).as_unit(RESOLUTION)


def _from_text(cells: Cells, texts: list[str], written: str | None) -> tuple[pd.DatetimeIndex, Minutes | None]:
    found = [OFFSET.fullmatch(text) for text in texts]
    aware = np.array([match is not None for match in found])
    _check_alike(cells, texts, aware)
    bodies = [text if match is None else match[1] for text, match in zip(texts, found, strict=True)]
    strange = next((row for row, body in enumerate(bodies) if not ISO.fullmatch(body)), None)
    if written is None and strange is not None:
        raise _ambiguous(cells, texts[strange], strange)
    read = pd.to_datetime(pd.Series(bodies), format=written or "ISO8601", errors="coerce")
    _check_read(cells, texts, read, f"written as {written}" if written else "a date that exists")
    clock = pd.DatetimeIndex(read).as_unit(RESOLUTION)
    if not aware[0]:
        return clock, None
    offsets = np.array([_minutes(match[2]) for match in found if match is not None], dtype=np.int64)
    return (clock - pd.to_timedelta(offsets, unit="min")).tz_localize("UTC").as_unit(RESOLUTION), offsets


def _minutes(offset: str) -> int:
    """Read an offset such as Z, -05:00 or +0530."""
    if offset == "Z":
        return 0
    sign = -1 if offset[0] == "-" else 1
    return sign * (int(offset[1:3]) * 60 + int(offset[-2:]))


def _ambiguous(cells: Cells, text: str, row: int) -> DataError:
    hint = "Say how dates are written, for instance times=Sessions('%d/%m/%Y') or times=Sessions('%m/%d/%Y')."
    must = "be ISO, such as 2005-01-31 or 2005-01-31 15:30, where no format is stated"
    return DataError("a time", must=must, got=text, where=cells.place(row), hint=hint)


def _check_read(cells: Cells, values: Sequence[Any], found: pd.Series, must: str) -> None:
    absent = found.isna().to_numpy()
    if absent.any():
        row = int(np.argmax(absent))
        raise DataError("a time", must=f"be {must}", got=str(values[row]), where=cells.place(row))


def _check_alike(cells: Cells, values: list[Any], aware: Any) -> None:
    """Raise where some times carry a time zone and others do not."""
    if aware.any() != aware.all():
        row = int(np.argmax(aware != aware[0]))
        raise DataError("times", must="all carry a time zone, or none", where=cells.place(row),
                        got=f"{values[0]} and {values[row]}")  # fmt: skip


def _check_offsets(
    cells: Cells, values: pd.Series, found: pd.DatetimeIndex, offsets: Minutes | None, zone: str
) -> None:
    """Raise where a time was written with another offset than the stated zone had then."""
    if offsets is None:
        return
    there = (found.tz_convert(zone).tz_localize(None) - found.tz_localize(None)) / pd.Timedelta(minutes=1)
    wrong = np.asarray(there) != offsets
    if wrong.any():
        row = int(np.argmax(wrong))
        hint = "Times of several zones are mixed, or another zone is meant; write them in one, for instance UTC."
        raise DataError("a time's offset", must=f"be that of the stated zone {zone}", got=str(values.iloc[row]),
                        where=cells.place(row), hint=hint)  # fmt: skip


def _check_format(subject: str, written: str | None) -> None:
    held = written is None or (isinstance(written, str) and "%" in written and "%z" not in written.lower())
    check(held, subject, "be in the codes of strptime, such as '%d/%m/%Y', without the offset", written)


def _check_zone(subject: str, zone: str) -> None:
    if not _is_zone(zone):
        hint = did_you_mean(str(zone), available_timezones()) if isinstance(zone, str) else ""
        hint = hint if hint.startswith("Did") else "Such as 'America/New_York' or 'UTC'."
        raise ParameterError(subject, must="name a time zone", got=zone, hint=hint)


@lru_cache(maxsize=64)
def _is_zone(zone: object) -> bool:
    try:
        return bool(ZoneInfo(cast(str, zone)).key)
    except (KeyError, ValueError, TypeError, OSError):
        return False
