"""What cash earns on each bar: the rate behind excess returns, interest and margin loans.

The rate of a bar is the one that was known at the close of the bar before, as a simple rate per year over
`Bars.periods_per_year`: every bar counts alike, however many days lie between two. Interest is credited on every bar,
and so compounds. The first bar has none before it and earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, check, did_you_mean, is_finite
from quantml.space import Declaration

__all__ = ["CashRate", "cash_returns", "check_cash"]


@dataclass(frozen=True)
class CashRate(Declaration):
    """A rate on cash that an outside table of the bars holds, read as of each bar.

    Parameters
    ----------
    table : str
        Name of a table that the bars carry (`Bars.tables`, or a study's ``exogenous``).
    column : str
        One of its columns: simple rates as decimals, 0.05 for 5 %.
    periods_per_year : float
        How many of the rate's periods a year has: 1 for rates per year such as a bill's yield, 12 for returns per
        month such as the ``RF`` of Fama and French.

    Raises
    ------
    ParameterError
        If `periods_per_year` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> from quantml.exogenous import Exogenous
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    >>> bills = Exogenous(pd.DataFrame({"yield": [0.0504, 0.0252]}, index=days[:2]), name="bills", lag="0d")
    >>> bars = Bars.from_close(pd.DataFrame({"A": 1.0}, index=days), periods_per_year=252).with_tables(bills)
    >>> cash_returns(CashRate("bills", "yield"), bars).tolist()
    [0.0, 0.0002, 0.0001]
    """

    table: str
    column: str
    periods_per_year: float = 1.0

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        held = isinstance(self.periods_per_year, (int, float, np.number)) and 0.0 < self.periods_per_year < np.inf
        check(held, "CashRate.periods_per_year", "be a finite number above 0", self.periods_per_year)

    def annual(self, bars: Bars) -> NDArray[np.float64]:
        """Return the simple rate per year that was known at each bar, shape (T,); NaN before the first."""
        if self.table not in bars.tables:
            join = "There are none; join some with Study(exogenous=...) or bars.with_tables(...)."
            hint = did_you_mean(self.table, bars.tables) if bars.tables else join
            raise DataError("CashRate.table", must="be an outside table of the bars", got=self.table, hint=hint)
        return bars.tables[self.table].read(self.column, bars.clock) * self.periods_per_year


def cash_returns(cash: float | CashRate | None, bars: Bars, first: int = 0) -> NDArray[np.float64]:
    """Return what cash earns on each bar from row `first` on, a decimal; shape (T - first,).

    Parameters
    ----------
    cash : float, CashRate or None
        A simple rate per year, a table's, or none: cash earns nothing.
    bars : Bars
    first : int
        The row that earns nothing, on which an account is opened.

    Raises
    ------
    DataError
        If the rate of a bar was not known at the one before, or is 100 % a year or more in size; if the bars have no
        such table or column.
    """
    earned = np.zeros(len(bars) - first)
    if cash is None or len(earned) < 2:
        return earned
    known = cash.annual(bars)[first:-1] if isinstance(cash, CashRate) else np.full(len(earned) - 1, float(cash))
    bad = np.flatnonzero(~(np.abs(known) < 1.0))
    if bad.size:
        rule, hint = "be known, and below 1.0 in size", "Rates are decimals a year; a table must begin before the bars."
        where = f"{bars.clock[first + bad[0]]}".removesuffix(" 00:00:00")
        raise DataError("the rate on cash", must=rule, got=float(known[bad[0]]), where=where, hint=hint)
    earned[1:] = known / bars.periods_per_year
    return earned


def check_cash(cash: Any) -> None:
    """Raise `ParameterError` unless `cash` is None, a `CashRate`, or a rate per year as a decimal."""
    if cash is None or isinstance(cash, CashRate):
        return
    if not (is_finite(cash) and abs(cash) < 1.0):
        hint = "Write 0.05 for 5 % a year, or CashRate('table', 'column')."
        raise ParameterError("cash", must="be a simple rate per year as a decimal, or a CashRate", got=cash, hint=hint)
