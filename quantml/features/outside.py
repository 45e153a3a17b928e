"""Features read from outside tables, by when each row became available."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.errors import FeatureError, did_you_mean
from quantml.exogenous import Exogenous
from quantml.features.own_bars import on_panel
from quantml.space import Declaration

__all__ = ["Outside"]


@dataclass(frozen=True)
class Outside(Declaration):
    """The newest value of an outside table that was available at each decision; NaN where a symbol has no bar.

    A row is used from the first bar whose time is at or after its time of availability; NaN before the first row. A
    table that names symbols is read for each of them, any other has one value for all.

    Parameters
    ----------
    table : str
        Name of a table that the bars carry (`Bars.tables`, or a study's ``exogenous``).
    column : str
        One of the table's columns.

    Raises
    ------
    FeatureError
        When called on bars that have no such table, or a table without such a column.

    Examples
    --------
    >>> months = pd.DatetimeIndex(["2024-01-01", "2024-02-01"])
    >>> rate = Exogenous(pd.DataFrame({"rate": [5.0, 4.0]}, index=months), name="cash", lag="1d")
    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-02"])
    >>> bars = Bars.from_close(pd.DataFrame({"A": [1.0, 1.1, 1.2]}, index=days)).with_tables(rate)
    >>> Outside("cash", "rate")(bars)["A"].tolist()
    [5.0, 5.0, 4.0]
    """

    table: str
    column: str
    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Look the values up, time x symbol."""
        table = self._find(bars)
        owners = bars.symbols if table.symbols else (None,)
        values = np.column_stack([table.read(self.column, bars.clock, symbol=owner) for owner in owners])
        return on_panel(np.where(bars.traded, values, np.nan), bars)

    def _find(self, bars: Bars) -> Exogenous:
        if self.table not in bars.tables:
            join = "There are none; join some with Study(exogenous=...) or bars.with_tables(...)."
            hint = did_you_mean(self.table, bars.tables) if bars.tables else join
            raise FeatureError("Outside.table", must="be an outside table of the bars", got=self.table, hint=hint)
        table = bars.tables[self.table]
        if self.column not in table.columns:
            hint = did_you_mean(self.column, table.columns)
            must = f"be a column of the table {self.table!r}"
            raise FeatureError("Outside.column", must=must, got=self.column, hint=hint)
        return table
