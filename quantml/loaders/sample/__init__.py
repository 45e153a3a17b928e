"""Sample prices that come with the package, so that a study runs without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from importlib.resources import files
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check, did_you_mean
from quantml.loaders.dates import check_dates
from quantml.loaders.sample.notes import NOTES
from quantml.loaders.seen import seen
from quantml.space import Declaration

__all__ = ["Sample"]

CALENDAR: Final = "XNYS"
PERIODS_PER_YEAR: Final = 252


@dataclass(frozen=True)
class Sample(Declaration):
    """One of the samples that come with the package.

    ============== ================================================== ========================
    name           symbols                                            sessions
    ============== ================================================== ========================
    ``stocks``     AAPL, IBM, MSFT, GOOG: prices and volume as        2000-03-01 to 2013-03-01
                   quoted, splits and dividends apart
    ``indices``    ^GSPC, ^IXIC: open, high, low, close, volume       1999-01-04 to 2018-12-31
    ``large_caps`` 20 US stocks: adjusted closes alone                1990-01-02 to 2022-12-28
    ============== ================================================== ========================

    All three are lists of survivors; `notes` says what else is wrong with each.

    Parameters
    ----------
    name : str
        ``"stocks"``, ``"indices"`` or ``"large_caps"``.
    start, end : str, optional
        First and last date to keep, both included, such as ``"2005-01-31"``.
    symbols : sequence of str, optional
        Symbols to keep, in this order.

    Raises
    ------
    ParameterError
        If there is no such sample, a date is not an ISO date, `start` is after `end`, or `symbols` is empty or
        repeats itself.

    Examples
    --------
    >>> Sample("indices", start="1999-01-04", end="1999-01-06", symbols=["^GSPC"]).load().close["^GSPC"].tolist()
    [1228.1, 1244.78, 1272.34]
    """

    name: str
    _: KW_ONLY
    start: str | None = None
    end: str | None = None
    symbols: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.symbols, Sequence) and not isinstance(self.symbols, str):
            object.__setattr__(self, "symbols", tuple(self.symbols))
        super().__post_init__()

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        if self.name not in NOTES:
            hint = did_you_mean(str(self.name), NOTES)
            raise ParameterError("Sample.name", must="name a sample", got=self.name, hint=hint)
        check_dates("Sample", self.start, self.end)
        if self.symbols is not None:
            listed = isinstance(self.symbols, tuple) and 0 < len(self.symbols) == len(set(self.symbols))
            check(listed, "Sample.symbols", "be a list of different symbols", self.symbols)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: provenance, survivorship, known defects."""
        return NOTES[self.name]

    @seen
    def load(self) -> Bars:
        """Read the sample.

        Returns
        -------
        Bars
            On the calendar of the New York Stock Exchange, 252 periods per year.

        Raises
        ------
        DataError
            If the sample lacks one of `symbols`, or one of them has no bar from `start` to `end`.
        """
        rows = self._in_range(self._of_symbols(_read(self.name)))
        return Bars.from_frame(_begin(rows), calendar=CALENDAR, periods_per_year=PERIODS_PER_YEAR)

    def _of_symbols(self, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
        held = {str(symbol): part for symbol, part in rows.groupby("symbol", sort=False)}
        for symbol in self.symbols or ():
            if symbol not in held:
                raise DataError(
                    f"sample {self.name!r}",
                    must="hold every symbol asked for",
                    got=symbol,
                    hint=did_you_mean(str(symbol), held),
                )
        return {symbol: held[symbol] for symbol in self.symbols or held}

    def _in_range(self, held: dict[str, pd.DataFrame]) -> pd.DataFrame:
        first, last = pd.Timestamp(self.start or pd.Timestamp.min), pd.Timestamp(self.end or pd.Timestamp.max)
        kept = {symbol: part[part["date"].between(first, last)] for symbol, part in held.items()}
        absent = [symbol for symbol, part in kept.items() if part.empty]
        if absent:
            lacking = pd.concat([held[symbol]["date"] for symbol in absent])
            raise DataError(
                f"sample {self.name!r} must have bars of each symbol from {self.start or 'its start'}"
                f" to {self.end or 'its end'}",
                got=f"none of {', '.join(absent)}",
                hint=f"Choose dates from {lacking.min():%Y-%m-%d} to {lacking.max():%Y-%m-%d}, or other symbols.",
            )
        return pd.concat(kept.values())


def _read(name: str) -> pd.DataFrame:
    with files(__name__).joinpath(f"{name}.parquet").open("rb") as file:
        return pq.read_table(file).to_pandas()


def _begin(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop the split and dividend of each symbol's first bar: nothing was held, or quoted, before it."""
    if "split" not in rows:
        return rows
    first = ~rows["symbol"].duplicated().to_numpy()
    split = np.where(first, 1.0, rows["split"])
    return rows.assign(split=split, dividend=np.where(first, 0.0, rows["dividend"]))
