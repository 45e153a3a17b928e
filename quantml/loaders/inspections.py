"""Looking at data before they are studied: the rows as they are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from quantml.bars import Bars
from quantml.calendars import Calendar
from quantml.errors import DataError, did_you_mean
from quantml.loaders.downloads import FIELDS, Source
from quantml.loaders.quality.check import check_frame, check_quality
from quantml.loaders.quality.findings import Finding, Findings, Severity
from quantml.loaders.store import Store

__all__ = ["Inspection", "inspect_bars", "inspect_stored"]

EASTERNMOST: Final = pd.Timedelta(hours=14)
"""By how much the first place on earth to begin a date is ahead of UTC."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """Rows of prices as quoted, and what was found in them.

    Attributes
    ----------
    name : str
        Of the study or the source.
    rows : mapping of str to DataFrame
        By symbol, its own rows: open, high, low, close, volume, split and dividend, NaN for what it does not have.
    calendar : str, mapping of str to str, or None
    findings : Findings
    """

    name: str
    rows: Mapping[str, pd.DataFrame]
    calendar: Calendar | None
    findings: Findings

    def of(self, symbol: str) -> Inspection:
        """Keep one symbol; what was found by comparing it with the others stays.

        Raises
        ------
        DataError
            If it is not among those looked at.
        """
        if symbol not in self.rows:
            hint = did_you_mean(symbol, self.rows)
            raise DataError("a symbol", must=f"be among those of {self.name}", got=symbol, hint=hint)
        return replace(self, rows={symbol: self.rows[symbol]}, findings=self.findings.for_symbol(symbol))

    @property
    def alarms(self) -> bool:
        """Whether anything is worse than a note."""
        return any(one.severity is not Severity.NOTE for one in self.findings)


def inspect_bars(bars: Bars, name: str) -> Inspection:
    """Check bars that were loaded; later ones than now are errors.

    Raises
    ------
    DataError
        If they hold no prices.
    """
    bars.raw_array("close")  # says why there is nothing to look at
    whole = {"split": bars.split, "dividend": bars.dividend, **bars.quoted}
    rows = {}
    for column, symbol in enumerate(bars.symbols):
        traded = bars.traded[:, column]
        cells = {field: values[traded, column] for field, values in whole.items()}
        rows[symbol] = pd.DataFrame(cells, bars.clock[traded]).reindex(columns=list(FIELDS))
    return Inspection(name, rows, bars.calendar, check_quality(bars, as_of=_latest(bars.clock)))


def inspect_stored(store: Store, source: Source) -> Inspection:
    """Check what a store holds of a source's symbols, also rows that no bars can be made of; the source is not asked.

    Rows that were downloaded and not taken are a finding of the rule ``quarantine``.

    Raises
    ------
    DataError
        If a symbol has no rows in the store.
    StorageError
        If the store cannot be read.
    """
    calendar = store.found(source).calendar
    rows = {symbol: store.read(source, symbol) for symbol in source.symbols}
    whole = pd.concat([part.assign(symbol=symbol) for symbol, part in rows.items()]).dropna(axis=1, how="all")
    findings = check_frame(whole, calendar=calendar, as_of=_latest(whole.index))
    return Inspection(source.name, rows, calendar, findings + Findings(_quarantined(store, source)))


def _quarantined(store: Store, source: Source) -> Iterator[Finding]:
    for symbol in source.symbols:
        apart = store.quarantined(source, symbol)
        if len(apart):
            told = "A downloaded bar disagrees" if len(apart) == 1 else f"{len(apart)} downloaded bars disagree"
            yield Finding(
                symbol=symbol,
                date=apart.index[0],
                until=apart.index[-1],
                rule="quarantine",
                severity=Severity.WARNING,
                evidence=f"{told} with what was stored before; nothing of it was taken.",
            )


def _latest(clock: pd.DatetimeIndex) -> pd.Timestamp:
    """Return the moment after which nothing can have happened yet: a session may be tomorrow's in the east."""
    now = pd.Timestamp.now("UTC")
    return now if clock.tz is not None else (now + EASTERNMOST).tz_localize(None)
