from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.features import (
    ATR,
    NATR,
    EwmaVolatility,
    GarmanKlass,
    Parkinson,
    RealisedVolatility,
    RogersSatchell,
    TALib,
    VolatilityOfVolatility,
    YangZhang,
    build_features,
)

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)


def test_realised_volatility_by_hand() -> None:
    close = pd.DataFrame({"A": np.exp([0.0, 0.01, 0.03, 0.02, 0.05, 0.05])}, index=DAYS)
    result = RealisedVolatility(3)(Bars.from_close(close, periods_per_year=4))["A"]
    # log returns 1, 2, -1, 3, 0 %; sums of squared deviations from the mean 14/3, 26/3, 26/3; sqrt(4) = 2
    expected = [NAN, NAN, NAN, *(0.01 * 2.0 * np.sqrt(np.array([14.0, 26.0, 26.0]) / 3.0 / 2.0))]
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@pytest.fixture(scope="module")
def ranged() -> Bars:
    """Bars whose logarithms are whole per cents; without a gap but for the 2 per cent before the fourth bar."""
    logs = {
        "open": [0.00, 0.01, 0.03, 0.04, 0.05, 0.05],
        "high": [0.02, 0.04, 0.03, 0.06, 0.05, 0.07],
        "low": [-0.01, 0.00, 0.01, 0.03, 0.04, 0.05],
        "close": [0.01, 0.03, 0.02, 0.05, 0.05, 0.06],
    }
    data = pd.concat({name: pd.DataFrame({"A": np.exp(v)}, index=DAYS) for name, v in logs.items()}, axis=1)
    return Bars.from_frame(data, periods_per_year=4)


LOG2 = np.log(2.0)
# squares in units of 1e-4: ranges 9, 16, 4, 9, 1, 4; open to close 1, 4, 1, 1, 0, 1
RANGES, BODIES = np.array([9.0, 16.0, 4.0, 9.0, 1.0, 4.0]), np.array([1.0, 4.0, 1.0, 1.0, 0.0, 1.0])
# (high - open) (high - close) + (low - open) (low - close): 2 x 1 + 1 x 2, 3 x 1 + 1 x 3, 0 x 1 + 2 x 1, 2 x 1 + 1 x 2,
# 0 x 0 + 1 x 1, 2 x 1 + 0 x 1
BOTH = np.array([4.0, 6.0, 2.0, 4.0, 1.0, 2.0])


def annualised(variances: Any) -> Any:
    return 2.0 * 0.01 * np.sqrt(variances)


def means(values: Any) -> Any:
    return [NAN, *((values[1:] + values[:-1]) / 2.0)]


@pytest.mark.parametrize(
    ("feature", "variances"),
    [
        (Parkinson(1), RANGES / (4.0 * LOG2)),
        (Parkinson(2), np.divide(means(RANGES), 4.0 * LOG2)),
        (GarmanKlass(1), RANGES / 2.0 - (2.0 * LOG2 - 1.0) * BODIES),
        (GarmanKlass(2), means(RANGES / 2.0 - (2.0 * LOG2 - 1.0) * BODIES)),
        (RogersSatchell(1), BOTH),
        (RogersSatchell(2), means(BOTH)),
        # gaps -, 0, 0, 2, 0, 0: variances of neighbours are half the squared difference; open to close 1, 2, -1, 1, 0, 1
        (YangZhang(2), [NAN, NAN, *(np.array([0.0, 2.0, 2.0, 0.0]) + 0.34 / 4.34 * np.array([4.5, 2.0, 0.5, 0.5])
                                    + 4.0 / 4.34 * np.array([4.0, 3.0, 2.5, 1.5]))]),
    ],
    ids=str,
)  # fmt: skip
def test_ranges_by_hand(feature: Any, variances: Any, ranged: Bars) -> None:
    np.testing.assert_allclose(feature(ranged)["A"], annualised(variances), rtol=1e-12)


def test_an_exponential_average_by_hand() -> None:
    # a half-life of 0.3 looks back three returns, each with 0.5 ** (1 / 0.3) of the weight of the next
    close = pd.DataFrame({"A": np.exp([0.0, 0.01, 0.03, 0.02, 0.05, 0.05])}, index=DAYS)
    feature = EwmaVolatility(0.3)
    weights = np.array([1.0, 2.0 ** (-10 / 3), 2.0 ** (-20 / 3)])
    squares = [weights @ [1.0, 4.0, 1.0], weights @ [9.0, 1.0, 4.0], weights @ [0.0, 9.0, 1.0]]
    assert feature.warmup == 3
    result = feature(Bars.from_close(close, periods_per_year=4))["A"]
    np.testing.assert_allclose(result, [NAN, NAN, NAN, *annualised(np.array(squares) / weights.sum())], rtol=1e-12)


def test_an_exponential_average_is_pandas_up_to_what_lies_before_ten_half_lives() -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, 1000)
    close = pd.DataFrame({"A": np.exp(np.cumsum(returns))}, index=pd.bdate_range("2020-01-01", periods=1000))
    result = EwmaVolatility(11.2)(Bars.from_close(close, periods_per_year=1))["A"]
    recursive = np.sqrt((np.log(close["A"]).diff() ** 2).ewm(halflife=11.2).mean())
    assert EwmaVolatility(11.2).warmup == 112
    np.testing.assert_allclose(result[200:], recursive[200:], rtol=1e-2)
    assert 0.5 ** (1 / EwmaVolatility().half_life) == pytest.approx(0.94, abs=1e-4)


def test_volatility_of_volatility_by_hand() -> None:
    # log returns 2, 4, 4, 8, 4 %: deviations of pairs |difference| / sqrt(2), so 2, 0, 4, 4 over sqrt(2)
    close = pd.DataFrame({"A": np.exp(np.cumsum([0.0, 0.02, 0.04, 0.04, 0.08, 0.04]))}, index=DAYS)
    result = VolatilityOfVolatility(3, inner=2)(Bars.from_close(close, periods_per_year=252))["A"]
    # of 2, 0, 4: deviation 2, mean 2; of 0, 4, 4: deviation sqrt(16/3), mean 8/3
    np.testing.assert_allclose(result, [NAN, NAN, NAN, NAN, 1.0, np.sqrt(3.0) / 2.0], rtol=1e-11)


def test_a_price_that_stands_still() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": 5.0}, index=DAYS), periods_per_year=252)
    np.testing.assert_array_equal(EwmaVolatility(0.1)(bars)["A"], [NAN, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert VolatilityOfVolatility(2, inner=2)(bars)["A"].isna().all()


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
    every = {"timeperiod": 2, "unstable_period": 0}
    np.testing.assert_allclose(TALib("ATR", **every)(bars)["A"], expected, rtol=1e-14)
    np.testing.assert_allclose(TALib("NATR", **every)(bars)["A"], 100.0 * expected / fields["close"], rtol=1e-14)
    np.testing.assert_allclose(ATR(1)(bars)["A"], [NAN, 2.0, 2.0, 3.0, 4.0, 0.0], rtol=1e-14)


@pytest.mark.parametrize("window", [2, 5, 14])
@pytest.mark.parametrize(("feature", "function"), [(ATR, talib.ATR), (NATR, talib.NATR)])
def test_equals_talib(bars: Bars, feature: Any, function: Any, window: int) -> None:
    result = feature(window)(bars)
    for symbol in bars.symbols:
        own = {name: getattr(bars, name)[symbol].dropna().to_numpy() for name in ("high", "low", "close")}
        expected = function(own["high"], own["low"], own["close"], timeperiod=window)
        expected[: feature(window).warmup] = NAN  # until the beginning of the data is forgotten
        np.testing.assert_array_equal(result[symbol][bars.close[symbol].notna()], expected)


@pytest.mark.parametrize(
    ("feature", "field"),
    [
        (ATR(2), "high"),
        (Parkinson(2), "high"),
        (GarmanKlass(2), "high"),
        (RogersSatchell(2), "open"),
        (YangZhang(2), "open"),
    ],
    ids=str,
)
def test_bars_without_ranges_are_an_error_that_names_the_feature(feature: Any, field: str) -> None:
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(1.0, 7.0)}, index=DAYS), periods_per_year=252)
    with pytest.raises(FeatureError) as caught:
        build_features([feature], bars)
    assert str(caught.value) == (
        f"feature {type(feature).__name__}(2): bars must have the field '{field}'; got 'close'. Use bars that have it."
    )


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
        (lambda: EwmaVolatility(0.0), "EwmaVolatility.half_life must be a positive number; got 0.0."),
        (lambda: Parkinson(0), "Parkinson.window must be at least 1; got 0."),
        (lambda: GarmanKlass(0), "GarmanKlass.window must be at least 1; got 0."),
        (lambda: RogersSatchell(0), "RogersSatchell.window must be at least 1; got 0."),
        (lambda: YangZhang(1), "YangZhang.window must be at least 2; got 1."),
        (lambda: VolatilityOfVolatility(1), "VolatilityOfVolatility.window must be at least 2; got 1."),
        (lambda: VolatilityOfVolatility(5, inner=1), "VolatilityOfVolatility.inner must be at least 2; got 1."),
        (lambda: ATR(0), "ATR.window must be at least 1; got 0."),
        (lambda: NATR(1), "NATR.window must be at least 2; got 1."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
