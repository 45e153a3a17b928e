"""Closes 100, 110, 99, 108.9, 98.01, 117.612: each is 1.1, 0.9, 1.1, 0.9, 1.2 times the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.features import LogReturns, Momentum, MovingAverageRatio, Returns

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)
CLOSE = pd.DataFrame({"A": [100.0, 110.0, 99.0, 108.9, 98.01, 117.612]}, index=DAYS)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Returns(), [NAN, 0.1, -0.1, 0.1, -0.1, 0.2]),
        (Returns(2), [NAN, NAN, -0.01, -0.01, -0.01, 0.08]),
        (LogReturns(), [NAN, *np.log([1.1, 0.9, 1.1, 0.9, 1.2])]),
        (LogReturns(3), [NAN, NAN, NAN, *np.log([1.089, 0.891, 1.188])]),
        (Momentum(3), [NAN, NAN, NAN, 0.089, -0.109, 0.188]),
        (Momentum(3, skip=1), [NAN, NAN, NAN, -0.01, -0.01, -0.01]),
        (Momentum(3, skip=2), [NAN, NAN, NAN, 0.1, -0.1, 0.1]),
        (MovingAverageRatio(1, 2), [NAN, 110 / 105 - 1, 99 / 104.5 - 1, 108.9 / 103.95 - 1, 98.01 / 103.455 - 1,
                                    117.612 / 107.811 - 1]),
        (MovingAverageRatio(2, 3), [NAN, NAN, 104.5 / 103 - 1, 103.95 / (317.9 / 3) - 1, 103.455 / 101.97 - 1,
                                    107.811 / (324.522 / 3) - 1]),
    ],
)  # fmt: skip
def test_by_hand(feature: Any, expected: list[float]) -> None:
    result = feature(Bars.from_close(CLOSE, periods_per_year=252))
    np.testing.assert_allclose(result["A"], expected, rtol=1e-12, atol=1e-13)


def test_a_split_and_a_dividend_are_no_returns() -> None:
    nothing = pd.DataFrame(NAN, index=DAYS, columns=["A"])
    splits, dividends = nothing.copy(), nothing.copy()
    splits.loc[DAYS[2], "A"], dividends.loc[DAYS[4], "A"] = 2.0, 5.0
    close = pd.DataFrame({"A": [50.0, 50.0, 25.0, 25.0, 20.0, 20.0]}, index=DAYS)
    data = pd.concat({"close": close}, axis=1)
    bars = Bars.from_frame(data, splits=splits, dividends=dividends, periods_per_year=252)
    np.testing.assert_allclose(Returns()(bars)["A"], [NAN, 0.0, 0.0, 0.0, 0.0, 0.0], atol=1e-15)


def test_a_pause_is_skipped() -> None:
    close = pd.DataFrame({"A": [100.0, NAN, NAN, 110.0, NAN, 121.0], "B": 1.0}, index=DAYS)
    bars = Bars.from_close(close, periods_per_year=252)
    np.testing.assert_allclose(Returns()(bars)["A"], [NAN, NAN, NAN, 0.1, NAN, 0.1], rtol=1e-12)
    np.testing.assert_allclose(Momentum(2)(bars)["A"], [NAN, NAN, NAN, NAN, NAN, 0.21], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Momentum(0), "Momentum.window must be at least 1; got 0."),
        (lambda: Momentum(5, skip=5), "Momentum.skip must be below the window, 5; got 5."),
        (lambda: Momentum(5, skip=-1), "Momentum.skip must be at least 0; got -1."),
        (lambda: Momentum(2.5), "Momentum.window must be a whole number; got 2.5."),  # type: ignore[arg-type]
        (lambda: Returns(True), "Returns.window must be a whole number; got True."),
        (lambda: Returns("5"), "Returns.window must be a whole number; got '5'."),  # type: ignore[arg-type]
        (lambda: LogReturns(-3), "LogReturns.window must be at least 1; got -3."),
        (lambda: MovingAverageRatio(0, 5), "MovingAverageRatio.fast must be at least 1; got 0."),
        (lambda: MovingAverageRatio(5, 5), "MovingAverageRatio.fast must be below slow, 5; got 5."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
