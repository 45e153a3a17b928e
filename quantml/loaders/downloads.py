"""What a source of bars is, and what every download must look like before anything else is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import pandas as pd

from quantml import panel
from quantml.calendars import RESOLUTION, Calendar
from quantml.errors import DataError

PRICES: Final = ("open", "high", "low", "close")
FIELDS: Final = (*PRICES, "volume", "split", "dividend")


@dataclass(frozen=True)
class Quotation:
    """In what and where a symbol is quoted: its currency and the calendar of its exchange, None where not known."""

    currency: str | None = None
    calendar: str | None = None


class Known(NamedTuple):
    """Calendar and currencies of a panel, as `Bars.from_frame` takes them; None where they are not known of all."""

    calendar: Calendar | None
    currencies: Mapping[str, str] | None


def known_of(quotations: Mapping[str, Quotation]) -> Known:
    """Put together what is known of every symbol.

    Examples
    --------
    >>> dollars, pence = Quotation("USD", "XNYS"), Quotation("GBp", "XLON")
    >>> known_of({"AAPL": dollars, "MSFT": dollars})
    Known(calendar='XNYS', currencies={'AAPL': 'USD', 'MSFT': 'USD'})
    >>> known_of({"AAPL": dollars, "VOD.L": pence}).calendar
    {'AAPL': 'XNYS', 'VOD.L': 'XLON'}
    >>> known_of({"AAPL": dollars, "GC=F": Quotation("USD")}).calendar is None
    True
    """
    calendars = {symbol: one.calendar for symbol, one in quotations.items() if one.calendar is not None}
    currencies = {symbol: one.currency for symbol, one in quotations.items() if one.currency is not None}
    calendar: Calendar = calendars if len(set(calendars.values())) > 1 else next(iter(calendars.values()), "")
    return Known(
        calendar if len(calendars) == len(quotations) else None,
        currencies if len(currencies) == len(quotations) else None,
    )


def finished_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out the newest row where it lacks a price that other rows have: that bar is still being made."""
    needed = [name for name in PRICES if name == "close" or rows[name].notna().any()]
    return rows.iloc[:-1] if len(rows) and rows[needed].iloc[-1].isna().any() else rows


class Source(Protocol):
    """A place that raw bars are downloaded from.

    A source may also have ``start`` and ``end`` (first and last date wanted, both included), ``calendar``,
    ``periods_per_year`` and ``currencies`` (as `Bars.from_frame` takes them) and ``notes`` (sentences for a report);
    None, or none at all, where it has no opinion. One that learns a symbol's currency and calendar as it downloads it
    has ``quotations``, a mapping from symbols to `Quotation`.
    """

    @property
    def name(self) -> str:
        """What its folder in a store is called, such as ``"yahoo-1d"``: letters, digits, dots, dashes."""

    @property
    def symbols(self) -> Sequence[str]:
        """What is wanted of it, in the order of the bars' columns."""

    def fetch(self, symbol: str, *, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        """Download the raw, finished bars of one symbol from `start` to `end`, both included.

        Returns
        -------
        DataFrame
            Increasing unique times (sessions tz-naive at midnight, intraday bars in UTC); float64 columns open, high,
            low, close, volume, split (1.0 where nothing happened) and dividend (0.0). No rows where there are none.

        Raises
        ------
        Unreachable
            If the source does not answer now.
        DataError
            If it never will: there is no such symbol.
        """


def no_rows() -> pd.DataFrame:
    """Return a download without rows."""
    return pd.DataFrame(np.empty((0, len(FIELDS))), pd.DatetimeIndex([]).as_unit(RESOLUTION), list(FIELDS))


def read_download(frame: pd.DataFrame, symbol: str) -> pd.DataFrame:
    """Check a download's form, and return it as a store keeps it: `FIELDS` in order, float64, one kind of NaN.

    Prices are not judged here: a store keeps what it saw.

    Raises
    ------
    DataError
        If times are not a clock, or a column is missing, unknown or not of numbers.
    """
    if len(frame.columns) != len(FIELDS) or set(frame.columns) != set(FIELDS):
        raise DataError("a download", must=f"have the columns {', '.join(FIELDS)}", got=list(frame.columns),
                        where=symbol)  # fmt: skip
    if len(frame) == 0:
        return no_rows()
    panel.check_clock(frame.index, where=symbol)
    try:
        values = frame[list(FIELDS)].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("a download", must="hold numbers", got=str(error), where=symbol) from error
    # Equal numbers become equal bytes: NaN has many bit patterns, and zero two.
    plain = np.where(np.isnan(values), np.nan, values + 0.0)
    clock = pd.DatetimeIndex(frame.index, freq=None).as_unit(RESOLUTION).rename(None)
    return pd.DataFrame(plain, clock, list(FIELDS))
