from __future__ import annotations

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.features import DayOfWeek, Month

NAN = np.nan


def test_days_and_months_where_there_is_a_bar() -> None:
    # Thursday, Friday, Monday, Sunday by any wall calendar
    days = pd.DatetimeIndex(["2024-02-29", "2024-03-01", "2024-03-04", "2024-12-01"])
    close = pd.DataFrame({"A": [1.0, 1.0, 1.0, 1.0], "B": [NAN, 1.0, NAN, NAN]}, index=days)
    bars = Bars.from_close(close, periods_per_year=365)
    np.testing.assert_array_equal(DayOfWeek()(bars), [[3.0, NAN], [4.0, 4.0], [0.0, NAN], [6.0, NAN]])
    np.testing.assert_array_equal(Month()(bars), [[2.0, NAN], [3.0, 3.0], [3.0, NAN], [12.0, NAN]])
