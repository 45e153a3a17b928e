"""Closes 100, 110, 99, 108.9, 98.01, 117.612: each is 1.1, 0.9, 1.1, 0.9, 1.2 times the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.features import (
    DistanceToHigh,
    DistanceToLow,
    LogReturns,
    Momentum,
    MovingAverageRatio,
    Returns,
    TrendTStatistic,
)

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
        (DistanceToHigh(3), [NAN, NAN, 99 / 110 - 1, 108.9 / 110 - 1, 98.01 / 108.9 - 1, 0.0]),
        (DistanceToLow(3), [NAN, NAN, 0.0, 0.1, 0.0, 0.2]),
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


def test_a_trend_by_hand() -> None:
    # logarithms 0, 2, 1, 3, 3, 3 about time. Of 0, 2, 1: slope 1/2, residuals -1/2, 1, -1/2, sum of squares 3/2 on one
    # degree of freedom, sum of squared times 2, t = 0.5 / sqrt(1.5 / 2). Of 2, 1, 3 the same. Of 1, 3, 3: slope 1,
    # residuals -1/3, 2/3, -1/3, t = 1 / sqrt(2/3 / 2). A price that stands still has none.
    close = pd.DataFrame({"A": np.exp([0.0, 2.0, 1.0, 3.0, 3.0, 3.0])}, index=DAYS)
    result = TrendTStatistic(3)(Bars.from_close(close, periods_per_year=252))["A"]
    expected = [NAN, NAN, 0.5 / np.sqrt(0.75), 0.5 / np.sqrt(0.75), np.sqrt(3.0), NAN]
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@pytest.mark.parametrize("window", [3, 10, 63])
def test_a_trend_equals_least_squares(bars: Bars, window: int) -> None:
    result = TrendTStatistic(window)(bars)
    for symbol in bars.symbols:
        own = np.log(bars.close[symbol].dropna())
        for last in (window - 1, window, 2 * window, len(own) - 1):
            inside = own.iloc[last - window + 1 : last + 1] if last < len(own) else own[:window]
            fit = sm.OLS(inside.to_numpy(), sm.add_constant(np.arange(float(window)))).fit()
            assert result.loc[inside.index[-1], symbol] == pytest.approx(fit.tvalues[1], rel=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DistanceToHigh(0), "DistanceToHigh.window must be at least 1; got 0."),
        (lambda: DistanceToLow(0), "DistanceToLow.window must be at least 1; got 0."),
        (lambda: TrendTStatistic(2), "TrendTStatistic.window must be at least 3; got 2."),
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
