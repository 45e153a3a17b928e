from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import PolynomialFeatures

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.features import (
    RSI,
    Cosine,
    DayOfWeek,
    Difference,
    Lag,
    Momentum,
    Month,
    Power,
    Product,
    Returns,
    Sine,
    build_features,
    feature_name,
    polynomial,
)
from quantml.space import Choice, find_spaces, substitute

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)
CLOSE = pd.DataFrame({"A": [1.0, 2.0, NAN, 6.0, 3.0, NAN], "B": [5.0, 5.0, 5.0, 10.0, 10.0, 20.0]}, index=DAYS)
BARS = Bars.from_close(CLOSE, periods_per_year=252)


def close(bars: Bars) -> pd.DataFrame:
    return bars.close


def holed(bars: Bars) -> pd.DataFrame:
    return bars.close.where(bars.close != 2.0)


@pytest.mark.parametrize(
    ("feature", "a", "b"),
    [
        (Lag(close), [NAN, 1.0, NAN, 2.0, 6.0, NAN], [NAN, 5.0, 5.0, 5.0, 10.0, 10.0]),
        (Lag(close, 2), [NAN, NAN, NAN, 1.0, 2.0, NAN], [NAN, NAN, 5.0, 5.0, 5.0, 10.0]),
        (Lag(holed), [NAN, 1.0, NAN, NAN, 6.0, NAN], [NAN, 5.0, 5.0, 5.0, 10.0, 10.0]),  # a bar without value counts
        (Difference(close), [NAN, 1.0, NAN, 4.0, -3.0, NAN], [NAN, 0.0, 0.0, 5.0, 0.0, 10.0]),
        (Difference(close, 3), [NAN, NAN, NAN, NAN, 2.0, NAN], [NAN, NAN, NAN, 5.0, 5.0, 15.0]),
        (Product(close, Lag(close)), [NAN, 2.0, NAN, 12.0, 18.0, NAN], [NAN, 25.0, 25.0, 50.0, 100.0, 200.0]),
        (Power(Difference(close), 3), [NAN, 1.0, NAN, 64.0, -27.0, NAN], [NAN, 0.0, 0.0, 125.0, 0.0, 1000.0]),
        # Monday to Friday, Monday: 0 to 4 and 0 of 5
        (Sine(DayOfWeek(), 4), [0.0, 1.0, NAN, -1.0, 0.0, NAN], [0.0, 1.0, 0.0, -1.0, 0.0, 0.0]),
        (Cosine(DayOfWeek(), 4), [1.0, 0.0, NAN, 0.0, 1.0, NAN], [1.0, 0.0, -1.0, 0.0, 1.0, 1.0]),
        (Cosine(Month(), 12), [np.sqrt(0.75)] * 2 + [NAN] + [np.sqrt(0.75)] * 2 + [NAN], [np.sqrt(0.75)] * 6),
    ],
)
def test_by_hand(feature: Any, a: list[float], b: list[float]) -> None:
    np.testing.assert_allclose(feature(BARS), np.column_stack([a, b]), rtol=1e-14, atol=1e-14)


def test_december_lies_beside_january() -> None:
    days = pd.date_range("2023-01-15", periods=12, freq="MS")
    bars = Bars.from_close(pd.DataFrame({"A": np.ones(12)}, index=days))
    circle = np.column_stack([Sine(Month(), 12)(bars)["A"], Cosine(Month(), 12)(bars)["A"]])
    steps = np.linalg.norm(circle - np.roll(circle, 1, axis=0), axis=1)
    np.testing.assert_allclose(steps, 2.0 * np.sin(np.pi / 12))  # the chord of a twelfth


def test_polynomial_terms_are_those_of_scikit_learn(bars: Bars) -> None:
    parts = [Returns(2), RSI(6), Momentum(9)]
    built = build_features(polynomial(parts, 3), bars).values.reshape(-1, 19)
    plain = build_features(parts, bars).values.reshape(-1, 3)
    known = ~np.isnan(plain).any(axis=1)
    expected = PolynomialFeatures(3, include_bias=False).fit_transform(plain[known])
    np.testing.assert_allclose(built[known], expected, rtol=1e-12)


def test_warm_ups_add_up_and_names_nest() -> None:
    nested = Difference(Lag(Product(Momentum(20), Momentum(7)), 3), 5)
    assert nested.warmup == 20 + 3 + 5
    assert feature_name(nested) == "Difference(Lag(Product(Momentum(20), Momentum(7)), 3), 5)"
    assert feature_name(Lag(close, 2)) == "Lag(close, 2)"
    assert (Lag(close, 2).warmup, Power(Returns(7)).warmup, Sine(Returns(7), 2).warmup) == (2, 7, 7)


def test_search_spaces_inside_are_found_and_filled() -> None:
    declared = Lag(Choice(Momentum(5), RSI(Choice(5, 7))), Choice(1, 2))
    assert [*find_spaces(declared)] == ["feature", "n"]
    assert substitute(declared, {"feature": Momentum(5), "n": 2}) == Lag(Momentum(5), 2)
    assert find_spaces(Lag(Product(Momentum(Choice(5, 9)), RSI()))) == {"feature.first.window": Choice(5, 9)}
    with pytest.raises(ParameterError, match="Lag.n must be at least 1; got 0"):
        Lag(Momentum(5), Choice(1, 0))


def test_what_is_inside_is_named_when_it_fails() -> None:
    def infinite(bars: Bars) -> pd.DataFrame:
        return bars.close / 0.0

    with pytest.raises(FeatureError) as caught:
        build_features([Lag(infinite)], BARS)
    assert str(caught.value) == (
        "feature Lag(infinite): feature infinite must be finite or NaN; got inf (A, 2024-01-01)."
    )

    def shorter(bars: Bars) -> pd.DataFrame:
        return bars.close.iloc[1:]

    with pytest.raises(
        FeatureError, match=r"feature Power\(shorter\): feature shorter must keep the clock of the bars"
    ):
        build_features([Power(shorter)], BARS)


def test_a_power_that_overflows_is_an_error() -> None:
    def huge(bars: Bars) -> pd.DataFrame:
        return bars.close * 1e200

    with np.errstate(over="ignore"), pytest.raises(FeatureError, match=r"Power\(huge\) must be finite or NaN; got inf"):
        build_features([Power(huge)], BARS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lag(Returns(), 0), "Lag.n must be at least 1; got 0."),
        (lambda: Difference(Returns(), 1.5), "Difference.n must be a whole number; got 1.5."),
        (lambda: Lag(5), "Lag.feature must be a feature; got 5."),
        (lambda: Product(Returns(), RSI), "Product.second must be a feature, not a class; got 'RSI'. Write RSI(...)."),
        (lambda: Power(Returns(), 1), "Power.n must be at least 2; got 1."),
        (lambda: Sine(Month(), 0.0), "Sine.period must be a positive number; got 0.0."),
        (lambda: Cosine(Month(), np.inf), "Cosine.period must be a positive number; got inf."),
        (lambda: polynomial([RSI()], 0), "degree must be at least 1; got 0."),
    ],
)
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
