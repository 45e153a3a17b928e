"""Mean and variance by hand, and Black-Litterman against the paper."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SignalError
from quantml.signals import BlackLitterman, Context, MeanVariance, Sign, apply_steps
from quantml.signals.utility import posterior

NAN = float("nan")


def diagonal(*variances: float) -> Any:
    """Make a covariance without correlation, whatever the returns were; too many variances are cut."""
    return lambda returns: np.diag(variances[: returns.shape[1]])


def of_two(panel: Any, **columns: list[float]) -> Bars:
    made: Bars = panel(**(columns or {"A": [1, 1.1, 1.2, 1.1], "B": [2, 2.2, 2.1, 2.0]}))
    return made


def test_forecasts_by_hand(panel: Any, forecast: Any) -> None:
    bars = of_two(panel)
    context = Context(bars, forecast=forecast(bars, [[0.02, 0.03]] * 2 + [[0.02, 0.03], [NAN, 0.03]]))

    def made(**parameters: Any) -> Any:
        step = MeanVariance(window=2, covariance=diagonal(0.04, 0.09), **parameters)
        return apply_steps([step], context).values

    # m / v is 1/2 and 1/3; the price of adding up to 1 is -0.06 / 13
    np.testing.assert_allclose(made(budget=None), [[0, 0], [0, 0], [1 / 2, 1 / 3], [0, 0.03 / 0.04]], rtol=1e-12)
    np.testing.assert_allclose(made()[2:], [[8 / 13, 5 / 13], [0, 1]], rtol=1e-12)
    np.testing.assert_allclose(made(budget=None, risk_aversion=2.0, horizon=5)[2], [1 / 20, 1 / 30], rtol=1e-12)
    np.testing.assert_allclose(made(budget=None, upper=0.4)[2], [0.4, 1 / 3], rtol=1e-12)
    np.testing.assert_allclose(made(lower=0.45)[2], [0.55, 0.45], rtol=1e-12)


def test_means_of_returns_less_cash_by_hand(panel: Any) -> None:
    bars = of_two(panel, A=[100, 110, 99, 118.8], B=[100, 100, 120, 120])
    step = MeanVariance(window=2, covariance=diagonal(0.5, 0.5), budget=None)
    # returns 0.1 -0.1 0.2 and 0 0.2 0: means of the last two are 0, 0.05 and 0.1, 0.1
    np.testing.assert_allclose(
        apply_steps([step], Context(bars)).values, [[0, 0], [0, 0], [0, 0.2], [0.1, 0.2]], atol=1e-15
    )
    with_cash = apply_steps([step], Context(bars, cash=0.0252)).values  # 1e-4 a bar
    np.testing.assert_allclose(with_cash[3], [0.0998, 0.1998], rtol=1e-10)


def test_the_closed_form_of_a_sample(panel: Any) -> None:
    generator = np.random.default_rng(3)
    clock = pd.bdate_range("2024-01-01", periods=31)
    bars = Bars.from_close(
        pd.DataFrame(100 * np.exp(np.cumsum(0.01 * generator.standard_normal((31, 3)), axis=0)), clock, list("ABC")),
        periods_per_year=252,
    )
    returns = bars.returns().to_numpy()[1:]
    expected = np.linalg.solve(np.cov(returns, rowvar=False), returns.mean(axis=0)) / 4
    made = apply_steps([MeanVariance(window=30, risk_aversion=4.0, budget=None)], Context(bars)).values
    np.testing.assert_allclose(made[30], expected, rtol=1e-10)


# --------------------------------------------------------- Black and Litterman

CORRELATION = [
    [1.000, 0.488, 0.478, 0.515, 0.439, 0.512, 0.491],
    [0.488, 1.000, 0.664, 0.655, 0.310, 0.608, 0.779],
    [0.478, 0.664, 1.000, 0.861, 0.355, 0.783, 0.668],
    [0.515, 0.655, 0.861, 1.000, 0.354, 0.777, 0.653],
    [0.439, 0.310, 0.355, 0.354, 1.000, 0.405, 0.306],
    [0.512, 0.608, 0.783, 0.777, 0.405, 1.000, 0.652],
    [0.491, 0.779, 0.668, 0.653, 0.306, 0.652, 1.000],
]  # Australia, Canada, France, Germany, Japan, United Kingdom, United States
DEVIATION = np.array([0.160, 0.203, 0.248, 0.271, 0.210, 0.200, 0.187])
MARKET = np.array([0.016, 0.022, 0.052, 0.055, 0.116, 0.124, 0.615])


def test_he_and_litterman() -> None:
    # He and Litterman (1999), tables 1 to 4: Germany beats France and the United Kingdom by 5 % a year
    covariance = np.array(CORRELATION) * np.outer(DEVIATION, DEVIATION)
    prior = 2.5 * covariance @ MARKET
    np.testing.assert_allclose(100 * prior, [3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6], atol=0.05)
    pick = np.array([[0, 0, -0.295, 1.0, 0, -0.705, 0]])
    doubt = 0.05 * pick @ covariance @ pick.T
    mean, extra = posterior(prior, 0.05 * covariance, pick, np.array([0.05]), doubt)
    np.testing.assert_allclose(100 * mean, [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1], atol=0.06)
    weights = np.linalg.solve(2.5 * (covariance + extra), mean)
    np.testing.assert_allclose(100 * weights, [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6], atol=0.06)


def value(bars: Bars) -> pd.DataFrame:
    """Weigh B three times as much as A."""
    return bars.close * 0.0 + [1.0, 3.0]


def test_without_views_the_market_is_held(panel: Any, forecast: Any) -> None:
    bars = of_two(panel)
    rows = [[NAN, NAN], [0.0, NAN], [0.5 * 2.0 * 0.04, NAN], [NAN, NAN]]
    context = Context(bars, forecast=forecast(bars, rows))
    step = BlackLitterman(window=2, risk_aversion=2.0, covariance=diagonal(0.04, 0.08), budget=None, tau=0.25)
    # the third row's view is what the market implies already: it only makes A less uncertain, by half of tau
    made = apply_steps([step], context).values
    np.testing.assert_allclose(made, [[0, 0], [0, 0], [0.5 / 1.125, 0.4], [0.4, 0.4]], rtol=1e-12)
    sized = BlackLitterman(window=2, covariance=diagonal(0.04, 0.08), market=value, budget=None)
    np.testing.assert_allclose(apply_steps([sized], context).values[3], [0.25 / 1.05, 0.75 / 1.05], rtol=1e-12)


def test_what_was_forecast_before_does_not_matter(panel: Any, forecast: Any) -> None:
    # the last row of a fold that has no forecast holds the market, whether or not there was one earlier
    bars = of_two(panel)
    step = BlackLitterman(window=2, covariance=diagonal(0.04, 0.08), market=value, budget=None)
    for earlier in (NAN, 0.1):
        made = forecast(bars, [[earlier, earlier]] * 3 + [[NAN, NAN]])
        np.testing.assert_allclose(
            apply_steps([step], Context(bars, forecast=made)).values[3], [0.25 / 1.05, 0.75 / 1.05], rtol=1e-12
        )
    outside = replace(made, fold=np.array([-1, -1, 0, 0]))
    assert apply_steps([step], Context(bars, forecast=outside)).values.any(axis=1).tolist() == [
        False,
        False,
        True,
        True,
    ]
    outside = replace(made, fold=np.array([-1, -1, -1, 0]))
    assert apply_steps([step], Context(bars, forecast=outside)).values.any(axis=1).tolist() == [False] * 3 + [True]


def test_a_view_by_hand(panel: Any, forecast: Any) -> None:
    # the prior of A is 2 * 0.04 * 0.5 = 0.04; a view of 0.10 with a confidence of 3/4 moves it to 0.085 and leaves a
    # quarter of its uncertainty of 0.01: 0.085 / (2 * 0.0425)
    bars = of_two(panel)
    context = Context(bars, forecast=forecast(bars, [[0.1, NAN]] * 4))
    step = BlackLitterman(
        window=2, risk_aversion=2.0, covariance=diagonal(0.04, 0.08), budget=None, tau=0.25, confidence=0.75
    )
    np.testing.assert_allclose(apply_steps([step], context).values[3], [1.0, 0.4], rtol=1e-12)


# ------------------------------------------------------------------- the rest


def test_rows_without_a_forecast_count_from_the_first(
    panel: Any, forecast: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bars = panel(A=[1, 2, 1, 2, 1, 2], B=[1, 3, 1, 3, 2, 1])
    rows = [[NAN, NAN]] * 3 + [[0.1, 0.1], [NAN, NAN], [0.1, 0.1]]
    with caplog.at_level(logging.WARNING, "quantml"):
        made = apply_steps(
            [MeanVariance(window=2, covariance=diagonal(1, 1))], Context(bars, forecast=forecast(bars, rows))
        )
    assert made.values.any(axis=1).tolist() == [False, False, False, True, False, True]
    assert caplog.messages == ["MeanVariance decides flat on 1 of 3 rows: 1 with no candidate."]


@pytest.mark.parametrize("step", [MeanVariance(), BlackLitterman()])
def test_a_direction_is_no_return(panel: Any, forecast: Any, step: Any) -> None:
    bars = of_two(panel)
    with pytest.raises(SignalError) as caught:
        apply_steps([step], Context(bars, forecast=forecast(bars, [[0.5, 0.5]] * 4, kind="direction")))
    assert str(caught.value) == (
        f"{type(step).__name__} must receive a forecast of a return; got 'a forecast of a direction'. Forecast a "
        "ForwardReturn, or use a rule such as Sign()."
    )
    with pytest.raises(SignalError, match="must receive"):
        apply_steps([Sign(), step], Context(bars, forecast=forecast(bars, [[0.5, 0.5]] * 4)))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: MeanVariance(risk_aversion=0.0), "MeanVariance.risk_aversion must be a finite number above 0; got 0.0."),
        (lambda: MeanVariance(horizon=0), "MeanVariance.horizon must be a whole number of at least 1; got 0."),
        (lambda: MeanVariance(budget="1"),  # type: ignore[arg-type]
         "MeanVariance.budget must be a finite number, or None; got '1'."),
        (lambda: MeanVariance(lower=1.0, upper=0.0), "MeanVariance.lower must be below upper, 0.0; got 1.0."),
        (lambda: BlackLitterman(tau=-1.0), "BlackLitterman.tau must be a finite number above 0; got -1.0."),
        (lambda: BlackLitterman(confidence=1.0), "BlackLitterman.confidence must be above 0 and below 1; got 1.0."),
        (lambda: BlackLitterman(window=1), "BlackLitterman.window must be a whole number of rows, at least 2; got 1."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
