"""Features of the date itself, known before any price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.features.own_bars import on_panel
from quantml.space import Declaration

__all__ = ["DayOfWeek", "Month"]


@dataclass(frozen=True)
class DayOfWeek(Declaration):
    """Day of the week of each bar: 0.0 on Monday to 6.0 on Sunday (in UTC for intraday bars); NaN where no bar is."""

    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Read the days off the clock, time x symbol."""
        return _where_traded(bars.clock.day_of_week, bars)


@dataclass(frozen=True)
class Month(Declaration):
    """Month of each bar: 1.0 in January to 12.0 in December (in UTC for intraday bars); NaN where no bar is."""

    warmup: ClassVar[int] = 0

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Read the months off the clock, time x symbol."""
        return _where_traded(bars.clock.month, bars)


def _where_traded(numbers: pd.Index, bars: Bars) -> pd.DataFrame:
    return on_panel(np.where(bars.traded, numbers.to_numpy(dtype=np.float64)[:, None], np.nan), bars)
