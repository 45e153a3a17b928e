from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.features.own_bars import on_own_bars

NAN = np.nan


def test_an_indicator_sees_no_row_without_a_bar() -> None:
    days = pd.bdate_range("2024-01-01", periods=4)
    close = pd.DataFrame({"A": [1.0, NAN, 2.0, 4.0], "B": [NAN, 3.0, 9.0, NAN]}, index=days)
    seen: list[list[float]] = []

    def running(own: NDArray[np.float64], times: float) -> NDArray[np.float64]:
        seen.append(own.tolist())
        return times * np.cumsum(own)

    bars = Bars.from_close(close, periods_per_year=252)
    result = on_own_bars(running, bars, ("close",), 10.0)
    assert seen == [[1.0, 2.0, 4.0], [3.0, 9.0]]
    expected = pd.DataFrame({"A": [10.0, NAN, 30.0, 70.0], "B": [NAN, 30.0, 120.0, NAN]}, index=bars.clock)
    pd.testing.assert_frame_equal(result, expected, check_column_type=False, check_freq=False)
