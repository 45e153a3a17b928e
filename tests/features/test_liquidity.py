from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.exogenous import Exogenous
from quantml.features import (
    Amihud,
    CorwinSchultzSpread,
    DollarVolume,
    RelativeVolume,
    RollSpread,
    Turnover,
    build_features,
)

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)
CLOSE = [100.0, 110.0, 99.0, 108.9, 98.01, 117.612]  # 10, -10, 10, -10, 20 %
VOLUME = [10.0, 20.0, 0.0, 40.0, 10.0, 30.0]


def traded(close: list[float], volume: list[float], **fields: list[float]) -> Bars:
    columns = {"close": close, "volume": volume, **fields}
    data = pd.concat({name: pd.DataFrame({"A": v}, index=DAYS[: len(close)]) for name, v in columns.items()}, axis=1)
    return Bars.from_frame(data, periods_per_year=252)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (DollarVolume(1), [1000.0, 2200.0, 0.0, 4356.0, 980.1, 3528.36]),
        (DollarVolume(3), [NAN, NAN, 3200 / 3, 6556 / 3, 5336.1 / 3, 8864.46 / 3]),
        # the bar without volume does not count: of the second window only the fourth bar does
        (Amihud(1), [NAN, 1e5 / 2200, NAN, 1e5 / 4356, 1e5 / 980.1, 2e5 / 3528.36]),
        (Amihud(2), [NAN, NAN, 1e5 / 2200, 1e5 / 4356, (1e5 / 4356 + 1e5 / 980.1) / 2,
                     (1e5 / 980.1 + 2e5 / 3528.36) / 2]),
        (RelativeVolume(2), [NAN, NAN, -1.0, 3.0, -0.5, 0.2]),
        (RelativeVolume(1), [NAN, 1.0, -1.0, NAN, -0.75, 2.0]),
    ],
    ids=str,
)  # fmt: skip
def test_volume_by_hand(feature: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(feature(traded(CLOSE, VOLUME))["A"], expected, rtol=1e-12)


def test_traded_value_knows_no_splits_and_relative_volume_does() -> None:
    # 10 shares at 100 before a split in two, 20 at 50 after it
    bars = traded([100.0, 100.0, 50.0, 50.0], [10.0, 10.0, 20.0, 20.0], split=[1.0, 1.0, 2.0, 1.0])
    np.testing.assert_allclose(DollarVolume(1)(bars)["A"], 1000.0, rtol=1e-15)
    np.testing.assert_allclose(RelativeVolume(2)(bars)["A"], [NAN, NAN, 0.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(Amihud(2)(bars)["A"], [NAN, NAN, 0.0, 0.0], atol=1e-15)


def test_turnover_by_hand() -> None:
    shares = pd.DataFrame({"shares": [100.0, 200.0]}, index=DAYS[[0, 2]])
    bars = traded(CLOSE, VOLUME).with_tables(Exogenous(shares, name="shares", lag="1d"))
    # shares are known from the second day, and are 200 from the fourth
    expected = [NAN, NAN, (0.2 + 0.0) / 2, (0.0 + 0.2) / 2, (0.2 + 0.05) / 2, (0.05 + 0.15) / 2]
    np.testing.assert_allclose(Turnover(2)(bars)["A"], expected, rtol=1e-14)
    none = traded(CLOSE, VOLUME).with_tables(Exogenous(-shares, name="shares", lag="1d"))
    assert Turnover(1)(none)["A"].isna().all()
    with pytest.raises(FeatureError, match="must be an outside table of the bars; got 'count'. Did you mean"):
        build_features([Turnover(2, table="count")], bars.with_tables(Exogenous(shares, name="counts", lag="1d")))


def test_a_price_between_bid_and_ask_has_the_spread_of_roll() -> None:
    # log returns 2, -2, 2, -2, 2 %: of any two pairs in a row products of deviations are -2 x 2, twice; ddof=1
    bars = traded(list(np.exp([0.0, 0.02, 0.0, 0.02, 0.0, 0.02])), VOLUME)
    np.testing.assert_allclose(RollSpread(2)(bars)["A"], [NAN, NAN, NAN, *[2 * np.sqrt(8e-4)] * 3], rtol=1e-12)


def test_a_roll_spread_equals_pandas_covariance(bars: Bars) -> None:
    own = np.log(bars.close["pause"].dropna()).diff()
    covariance = own.rolling(30).cov(own.shift(1))
    expected = 2.0 * np.sqrt(-covariance.where(covariance < 0.0, 0.0))
    assert (expected == 0.0).sum() > 5  # a covariance above 0 has no spread
    assert (expected > 0.0).sum() > 5
    result = RollSpread(30)(bars)["pause"].reindex(expected.index)
    np.testing.assert_allclose(result[31:], expected[31:].mask(covariance[31:].isna()), rtol=1e-9, atol=1e-12)


def hand_spread(first: float, second: float, both: float) -> float:
    """Two-bar spread from the logarithms of the two ranges and of the range of both, as Corwin and Schultz print it."""
    beta, gamma, k = first**2 + second**2, both**2, 3.0 - 2.0 * np.sqrt(2.0)
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / k - np.sqrt(gamma / k)
    return float(2.0 * (np.exp(alpha) - 1.0) / (1.0 + np.exp(alpha)))


def test_a_corwin_schultz_spread_by_hand() -> None:
    high, low = np.array([102.0, 102.0, 110.0, 103.0, 95.0, 99.0]), np.array([100.0, 100.0, 108.0, 102.0, 92.0, 94.0])
    close = [101.0, 102.0, 109.0, 102.0, 94.0, 95.0]
    opens = [101.0, 100.0, 108.0, 103.0, 95.0, 99.0]
    result = CorwinSchultzSpread(1)(traded(close, VOLUME, open=opens, high=list(high), low=list(low)))["A"]
    expected = [
        hand_spread(np.log(1.02), np.log(1.02), np.log(1.02)),  # equal ranges: all of it spread
        # lies 6 above the close of 102: down to 104 and 102
        hand_spread(np.log(1.02), np.log(104 / 102), np.log(104 / 100)),
        # lies 6 below the close of 109: up to 109 and 108
        hand_spread(np.log(110 / 108), np.log(109 / 108), np.log(110 / 108)),
        # lies 7 below the close of 102: up to 102 and 99
        hand_spread(np.log(103 / 102), np.log(102 / 99), np.log(103 / 99)),
        hand_spread(np.log(95 / 92), np.log(99 / 94), np.log(99 / 92)),
    ]
    assert expected[1] < 0.0 < expected[0]
    np.testing.assert_allclose(result, [NAN, *np.maximum(expected, 0.0)], rtol=1e-10)


def test_a_corwin_schultz_spread_is_a_mean_over_the_window() -> None:
    ranges: dict[str, list[float]] = {"open": [101.0] * 6, "high": [102.0, 102.0, 103.0, 103.0, 104.0, 104.0]}
    bars = traded([101.0] * 6, VOLUME, low=[100.0, 100.0, 99.0, 100.0, 100.0, 98.0], **ranges)
    single = CorwinSchultzSpread(1)(bars)["A"]
    np.testing.assert_allclose(CorwinSchultzSpread(3)(bars)["A"], single.rolling(3).mean(), rtol=1e-13)


@pytest.mark.parametrize("feature", [DollarVolume(2), Amihud(2), RelativeVolume(2), Turnover(2)], ids=str)
def test_bars_without_volume_are_an_error_that_names_the_feature(feature: Any) -> None:
    bars = Bars.from_close(pd.DataFrame({"A": CLOSE}, index=DAYS), periods_per_year=252)
    with pytest.raises(FeatureError, match=f"^feature {type(feature).__name__}.2.: bars must have the field 'volume'"):
        build_features([feature], bars)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DollarVolume(0), "DollarVolume.window must be at least 1; got 0."),
        (lambda: Amihud(0), "Amihud.window must be at least 1; got 0."),
        (lambda: RelativeVolume(0), "RelativeVolume.window must be at least 1; got 0."),
        (lambda: Turnover(0), "Turnover.window must be at least 1; got 0."),
        (lambda: RollSpread(1), "RollSpread.window must be at least 2; got 1."),
        (lambda: CorwinSchultzSpread(0), "CorwinSchultzSpread.window must be at least 1; got 0."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
