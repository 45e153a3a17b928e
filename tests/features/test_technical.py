from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.features import ATR, MACD, NATR, RSI, BollingerPosition, MACDHistogram, MACDSignal, TALib

NAN = np.nan


def bollinger_position(close: NDArray[np.float64], window: int, width: float) -> NDArray[np.float64]:
    upper, _, lower = talib.BBANDS(close, timeperiod=window, nbdevup=width, nbdevdn=width)
    return (close - lower) / (upper - lower)


def macd(close: NDArray[np.float64], line: int, fast: int = 12, slow: int = 26, signal: int = 9) -> Any:
    return talib.MACD(close, fastperiod=fast, slowperiod=slow, signalperiod=signal)[line]


@pytest.mark.parametrize(
    ("feature", "function"),
    [
        (RSI(), lambda close: talib.RSI(close, timeperiod=14)),
        (RSI(2), lambda close: talib.RSI(close, timeperiod=2)),
        (MACD(), lambda close: macd(close, 0)),
        (MACDSignal(), lambda close: macd(close, 1)),
        (MACDHistogram(), lambda close: macd(close, 2)),
        (MACD(3, 7, 2), lambda close: macd(close, 0, 3, 7, 2)),
        (MACDSignal(3, 7, 1), lambda close: macd(close, 1, 3, 7, 1)),
    ],
)
def test_equals_talib(bars: Bars, feature: Any, function: Any) -> None:
    result = feature(bars)
    for symbol in bars.symbols:
        close = bars.close[symbol].dropna()
        expected = function(close.to_numpy())
        expected[: feature.warmup] = NAN  # until the beginning of the data is forgotten
        np.testing.assert_array_equal(result[symbol][close.index], expected)


@pytest.mark.parametrize("feature", [RSI(14), RSI(3), MACD(), MACDSignal(3, 7, 4), MACDHistogram(), ATR(9), NATR(14)])
def test_the_beginning_of_the_data_hardly_moves_values_after_the_warm_up(feature: Any) -> None:
    generator = np.random.default_rng(3)
    days, shape = pd.bdate_range("2020-01-01", periods=900), (900, 3)
    close = pd.DataFrame(50.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, shape), axis=0)), days, list("ABC"))
    fields = {"open": close, "high": close * 1.01, "low": close * 0.98, "close": close}
    long = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)
    whole = feature(long)
    usual = whole.diff(20).std()
    for start in (1, 7, 50, 333):
        later = long.between(long.clock[start], long.clock[-1])
        apart = (feature(later) - whole.iloc[start:]).iloc[feature.warmup :].abs().max()
        assert (apart < 0.003 * usual).all()  # measured elsewhere as a thousandth
        own = feature(later).iloc[feature.warmup :]
        assert own.notna().all().all()


@pytest.mark.parametrize(("window", "width"), [(20, 2.0), (5, 1.5), (2, 3.0)])
def test_bollinger_position_equals_talib(bars: Bars, window: int, width: float) -> None:
    result = BollingerPosition(window, width)(bars)
    for symbol in bars.symbols:
        close = bars.close[symbol].dropna()
        expected = bollinger_position(close.to_numpy(), window, width)
        np.testing.assert_allclose(result[symbol][close.index], expected, rtol=1e-9, atol=1e-9)


def test_by_hand() -> None:
    days = pd.bdate_range("2024-01-01", periods=6)
    close = pd.DataFrame({"A": [10.0, 11.0, 10.0, 12.0, 12.0, 12.0]}, index=days)
    bars = Bars.from_close(close, periods_per_year=252)
    # gains 1, 0, 2, 0, 0 and losses 0, 1, 0, 0, 0; first averages 0.5 and 0.5, then (previous + new) / 2
    rsi = TALib("RSI", timeperiod=2, unstable_period=0)
    np.testing.assert_allclose(rsi(bars)["A"], [NAN, NAN, 50.0, *[100.0 * 1.25 / 1.5] * 3], rtol=1e-14)
    # means of two 10.5, 10.5, 11, 12, 12 and deviations (ddof=0) 0.5, 0.5, 1, 0, 0
    position = [NAN, 0.75, 0.25, 0.75, NAN, NAN]
    np.testing.assert_allclose(BollingerPosition(2)(bars)["A"], position, rtol=1e-14)
    # averages of two, seeded with simple means: 10.5, 61/6, 205/18, 637/54, 1933/162 from the second bar on,
    # less simple and then exponential averages of three: 31/3, 67/6, 139/12, 283/24 from the third bar on
    slow = np.array([31 / 3, 67 / 6, 139 / 12, 283 / 24])
    fast = np.array([10.5, 11.5, 71 / 6, 215 / 18])  # TA-Lib seeds the fast average one bar later than it could
    periods = {"fastperiod": 2, "slowperiod": 3, "signalperiod": 1}
    line, rest = (TALib("MACD", output=name, unstable_period=0, **periods) for name in ("macd", "macdhist"))
    np.testing.assert_allclose(line(bars)["A"], [NAN, NAN, *(fast - slow)], rtol=1e-12)
    np.testing.assert_allclose(rest(bars)["A"], [NAN, NAN, 0.0, 0.0, 0.0, 0.0], atol=1e-14)


@pytest.mark.parametrize("level", [1e-9, 1.0, 1e9])
def test_bollinger_position_has_no_scale(bars: Bars, level: float) -> None:
    scaled = Bars.from_close(level * bars.close, periods_per_year=252)
    expected = BollingerPosition(5)(bars)
    np.testing.assert_allclose(BollingerPosition(5)(scaled), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RSI(1), "RSI.window must be at least 2; got 1."),
        (lambda: MACD(1, 26), "MACD.fast must be at least 2; got 1."),
        (lambda: MACDSignal(26, 12), "MACDSignal.fast must be below slow, 12; got 26."),
        (lambda: MACDHistogram(signal=0), "MACDHistogram.signal must be at least 1; got 0."),
        (lambda: BollingerPosition(1), "BollingerPosition.window must be at least 2; got 1."),
        (lambda: BollingerPosition(width=0.0), "BollingerPosition.width must be a positive number; got 0.0."),
        (lambda: BollingerPosition(width=NAN), "BollingerPosition.width must be a positive number; got nan."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
