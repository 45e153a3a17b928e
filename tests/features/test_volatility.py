from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.features import ATR, NATR, RealisedVolatility, build_features

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)


def test_realised_volatility_by_hand() -> None:
    close = pd.DataFrame({"A": np.exp([0.0, 0.01, 0.03, 0.02, 0.05, 0.05])}, index=DAYS)
    result = RealisedVolatility(3)(Bars.from_close(close, periods_per_year=4))["A"]
    # log returns 1, 2, -1, 3, 0 %; sums of squared deviations from the mean 14/3, 26/3, 26/3; sqrt(4) = 2
    expected = [NAN, NAN, NAN, *(0.01 * 2.0 * np.sqrt(np.array([14.0, 26.0, 26.0]) / 3.0 / 2.0))]
    np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_atr_by_hand() -> None:
    fields = {
        "open": [10.0, 10.0, 11.0, 15.0, 12.0, 12.0],
        "high": [11.0, 12.0, 13.0, 16.0, 13.0, 12.0],
        "low": [9.0, 10.0, 11.0, 14.0, 11.0, 12.0],
        "close": [10.0, 11.0, 13.0, 15.0, 12.0, 12.0],
    }
    data = pd.concat({name: pd.DataFrame({"A": v}, index=DAYS) for name, v in fields.items()}, axis=1)
    bars = Bars.from_frame(data, periods_per_year=252)
    # true ranges 2, 2, 3, 4, 0 from the second bar on; the first value is a mean, then Wilder's average
    expected = np.array([NAN, NAN, 2.0, 2.5, 3.25, 1.625])
    np.testing.assert_allclose(ATR(2)(bars)["A"], expected, rtol=1e-14)
    np.testing.assert_allclose(NATR(2)(bars)["A"], 100.0 * expected / fields["close"], rtol=1e-14)
    np.testing.assert_allclose(ATR(1)(bars)["A"], [NAN, 2.0, 2.0, 3.0, 4.0, 0.0], rtol=1e-14)


@pytest.mark.parametrize("window", [2, 14, 30])
@pytest.mark.parametrize(("feature", "function"), [(ATR, talib.ATR), (NATR, talib.NATR)])
def test_equals_talib(bars: Bars, feature: Any, function: Any, window: int) -> None:
    result = feature(window)(bars)
    for symbol in bars.symbols:
        own = {name: getattr(bars, name)[symbol].dropna().to_numpy() for name in ("high", "low", "close")}
        expected = function(own["high"], own["low"], own["close"], timeperiod=window)
        np.testing.assert_array_equal(result[symbol][bars.close[symbol].notna()], expected)


def test_bars_without_highs_are_an_error_that_names_the_feature() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(1.0, 7.0)}, index=DAYS), periods_per_year=252)
    with pytest.raises(FeatureError) as caught:
        build_features([ATR(2)], bars)
    assert str(caught.value) == (
        "feature ATR(2): bars must have the field 'high'; got 'close'. Use bars that have it."
    )  # fmt: skip


def test_a_feature_on_volume_without_volume_is_an_error_that_names_it() -> None:
    def dollar_volume(bars: Bars) -> pd.DataFrame:
        return bars.close * bars.volume

    bars = Bars.from_close(pd.DataFrame({"A": np.arange(1.0, 7.0)}, index=DAYS), periods_per_year=252)
    with pytest.raises(FeatureError, match="feature dollar_volume: bars must have the field 'volume'; got 'close'"):
        build_features([dollar_volume], bars)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RealisedVolatility(1), "RealisedVolatility.window must be at least 2; got 1."),
        (lambda: ATR(0), "ATR.window must be at least 1; got 0."),
        (lambda: NATR(1), "NATR.window must be at least 2; got 1."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
