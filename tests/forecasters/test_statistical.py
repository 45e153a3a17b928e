import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.arima.model import ARIMA as Model  # noqa: N811

from quantml.bars import Bars
from quantml.errors import ForecastError, ParameterError
from quantml.forecasters import ARIMA
from quantml.forecasters.statistical import FittedARIMA


def bars_of(**closes: Any) -> Any:
    clock = pd.bdate_range("2024-01-01", periods=len(next(iter(closes.values()))))
    return Bars.from_close(pd.DataFrame(closes, clock, dtype=float), periods_per_year=252)


def returns_of(bars: Any, symbol: str, first: Any, last: int) -> Any:
    """Returns in percent of the symbol's own bars from row `first` to row `last`, by pandas."""
    return 100.0 * bars.close[symbol].iloc[first : last + 1].dropna().pct_change().dropna().to_numpy()


@pytest.mark.filterwarnings("ignore:Non-(stationary|invertible) starting")
@pytest.mark.parametrize(
    ("order", "trend"), [((1, 0, 0), "c"), ((1, 0, 1), "c"), ((0, 0, 2), "n"), ((1, 1, 1), "n"), ((0, 0, 0), "c")]
)
@pytest.mark.parametrize("symbol", ["A", "B"])
def test_one_step_forecasts_equal_statsmodels_append(world: Any, order: Any, trend: str, symbol: Any) -> None:
    made = world()
    test = made.test(160, 199)
    forecast = ARIMA(order, trend).fit(made.train(160, start=10)).predict(test)
    own = test.symbol == made.bars.symbols.index(symbol)

    before, after = returns_of(made.bars, symbol, 10, 160), returns_of(made.bars, symbol, 160, 199)
    fitted = Model(before, order=order, trend=trend).fit(method_kwargs={"maxiter": 200})
    peer = fitted.append(after, refit=False).get_prediction(start=len(before), end=len(before) + len(after))

    np.testing.assert_allclose(100.0 * forecast.mean[own], peer.predicted_mean, rtol=1e-10, atol=1e-12)
    assert forecast.variance is not None
    np.testing.assert_allclose(1e4 * forecast.variance[own], peer.var_pred_mean, rtol=1e-9)


@pytest.mark.parametrize(("order", "trend"), [((2, 0, 1), "c"), ((0, 1, 1), "n")])
def test_longer_horizons_compound_statsmodels_forecasts(world: Any, order: Any, trend: str) -> None:
    made = world(horizon=5)
    forecast = ARIMA(order, trend).fit(made.train(160)).predict(made.test(160, 170))
    fitted = Model(returns_of(made.bars, "A", 0, 160), order=order, trend=trend).fit(method_kwargs={"maxiter": 200})
    for row, last in ((0, 160), (6, 163)):
        known = fitted.apply(returns_of(made.bars, "A", 0, last))
        expected = np.prod(1.0 + known.forecast(5) / 100.0) - 1.0
        np.testing.assert_allclose(forecast.mean[row], expected, rtol=1e-10)
    assert forecast.variance is None


def fixed(parameters: Any, order: Any = (1, 0, 0), start: int = 0) -> Any:
    return FittedARIMA(ARIMA(order), {0: np.array(parameters)}, start, ())


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        # mean 0.1 %, phi 0.5: the last return of 1 % gives 0.1 + 0.5 x 0.9 = 0.55 %, then 0.1 + 0.25 x 0.9 = 0.325 %
        (1, [0.001, -0.0095, 0.0055]),
        (2, [0.001 + 0.001 + 1e-6, 0.9905 * 0.99575 - 1.0, 1.0055 * 1.00325 - 1.0]),
    ],
)
def test_an_autoregression_by_hand(world: Any, horizon: int, expected: Any) -> None:
    bars = bars_of(A=[100.0, 98.0, 98.98])
    test = replace(
        world().test(160, 160), x=np.zeros((3, 3)), time=np.arange(3), symbol=np.zeros(3, dtype=int), bars=bars
    )
    test = replace(test, question=replace(test.question, horizon=horizon))
    forecast = fixed([0.1, 0.5, 2.0]).predict(test)
    np.testing.assert_allclose(forecast.mean, expected, rtol=1e-9)
    if horizon == 1:  # before any return the variance is the unconditional one, 2 / (1 - 0.25)
        np.testing.assert_allclose(forecast.variance, np.array([2.0 / 0.75, 2.0, 2.0]) / 1e4, rtol=1e-9)


def test_rows_before_the_window_without_a_bar_or_of_other_symbols_have_no_forecast(world: Any) -> None:
    bars = bars_of(A=[100.0, 98.0, np.nan, 98.98], B=[1.0, 2.0, 3.0, 4.0])
    test = replace(world().test(160, 160), time=np.array([0, 1, 2, 3, 3]), symbol=np.array([0, 0, 0, 0, 1]), bars=bars)
    forecast = fixed([0.1, 0.5, 2.0], start=1).predict(test)
    np.testing.assert_allclose(forecast.mean, [np.nan, 0.001, np.nan, 0.0055, np.nan], rtol=1e-9)


def test_it_sees_the_window_and_the_bar_that_opens_the_block_only(world: Any) -> None:
    made = world()
    fitted = ARIMA().fit(made.train(160, start=40))
    expected = Model(returns_of(made.bars, "A", 40, 160), order=(1, 0, 0)).fit().params
    np.testing.assert_allclose(fitted.parameters[0], expected, rtol=1e-8)


def test_an_embargo_is_kept_out_of_the_fit_and_its_bars_are_filtered(world: Any) -> None:
    made = world()
    fitted = ARIMA().fit(made.train(160, embargo=20))
    before, after = returns_of(made.bars, "A", 0, 140), returns_of(made.bars, "A", 140, 160)
    expected = Model(before, order=(1, 0, 0)).fit()
    np.testing.assert_allclose(fitted.parameters[0], expected.params, rtol=1e-8)
    forecast = fitted.predict(made.test(160, 160)).mean[0]
    np.testing.assert_allclose(100.0 * forecast, expected.append(after, refit=False).forecast(1)[0], rtol=1e-8)


def test_adjusted_closes_are_used(world: Any) -> None:
    made = world()
    split = made.bars.close.assign(A=made.bars.close["A"].where(np.arange(200) < 50, made.bars.close["A"] / 4.0))
    ratio = pd.DataFrame(1.0, split.index, split.columns)
    ratio.iloc[50, 0] = 4.0
    wide = pd.concat({"close": split}, axis=1)
    adjusted = replace(made, bars=Bars.from_frame(wide, splits=ratio, periods_per_year=252))
    first, second = (ARIMA().fit(w.train()).predict(w.test()).mean for w in (made, adjusted))
    np.testing.assert_allclose(second, first, rtol=1e-6)


def test_an_optimiser_that_does_not_converge_is_recorded_and_logged(world: Any, caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("quantml.forecasters.statistical.ITERATIONS", 1)
    with caplog.at_level(logging.WARNING, "quantml"):
        fitted = ARIMA((2, 0, 2)).fit(world().train())
    assert fitted.unconverged == ("A", "B")
    assert "ARIMA (B, training window 2024-01-01 to 2024-08-12): Maximum Likelihood" in caplog.text


def test_a_symbol_with_few_returns_is_logged_and_not_forecast_and_one_with_none_is_not(world: Any, caplog: Any) -> None:
    made = world()
    closes = made.bars.close.assign(New=np.nan, Later=np.nan)
    closes.iloc[150:, 2] = np.linspace(10.0, 11.0, 50) ** 2
    closes.iloc[165:, 3] = 5.0
    made = replace(
        made, bars=Bars.from_close(closes, periods_per_year=252), x=np.zeros((200, 4, 3)), y=np.zeros((200, 4))
    )
    with caplog.at_level(logging.WARNING, "quantml"):
        fitted = ARIMA().fit(made.train(160))
    assert [record.message for record in caplog.records] == [
        "ARIMA does not forecast New: 10 returns, fewer than 5 for each parameter "
        "(training window 2024-01-01 to 2024-08-12)"
    ]
    test = made.test(160, 169)
    np.testing.assert_array_equal(np.isnan(fitted.predict(test).mean), test.symbol >= 2)


def test_targets_that_it_does_not_forecast_are_refused(world: Any) -> None:
    hint = r'Use target=ForwardReturn\(start="close"\)\.'
    for question, got in (({"start": "fill"}, "a return that starts at the fill"),
                          ({"kind": "direction"}, "a direction that starts at the close")):  # fmt: skip
        train = world().train()
        with pytest.raises(
            ForecastError, match=f"ARIMA must forecast a return that starts at the close; got {got}. {hint}"
        ):
            ARIMA().fit(replace(train, question=replace(train.question, **question)))


def test_weights_are_refused(world: Any) -> None:
    train = world().train()
    with pytest.raises(ForecastError, match=r"ARIMA must be fitted without sample weights; got 'some'\. Leave"):
        ARIMA().fit(replace(train, weight=np.ones(len(train.y))))


def test_too_short_a_window_is_refused(world: Any) -> None:
    message = r"ARIMA must have at least 15 returns of a symbol to fit; got 14 \(training window .*Lengthen train"
    with pytest.raises(ForecastError, match=message):
        ARIMA().fit(world().train(14))


@pytest.mark.parametrize("growth", [0.0, 0.01])
def test_constant_returns_are_refused(world: Any, growth: float) -> None:
    made = world()
    closes = made.bars.close.assign(B=(1.0 + growth) ** np.arange(200.0))
    made = replace(made, bars=Bars.from_close(closes, periods_per_year=252))
    with pytest.raises(ForecastError, match=rf"must see returns that vary; got a constant {growth:g} \(B, training"):
        ARIMA().fit(made.train())


def test_a_model_that_cannot_be_fitted_is_named(world: Any, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise np.linalg.LinAlgError("Schur decomposition solver error.")

    monkeypatch.setattr(Model, "fit", fail)
    with pytest.raises(ForecastError, match=r"could not be fitted: Schur decomposition solver error.* \(A, training"):
        ARIMA().fit(world().train())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"order": (1, 0)}, r"ARIMA.order must be three whole numbers \(p, d, q\) of at least 0; got \(1, 0\)"),
        ({"order": (1, 0, -1)}, r"ARIMA.order must be .* got \(1, 0, -1\)"),
        ({"order": (1.0, 0, 1)}, r"ARIMA.order must be .* got \(1.0, 0, 1\)"),
        ({"trend": "ct"}, r"ARIMA.trend must be 'c' \(a mean\) or 'n' \(none\); got 'ct'"),
        ({"order": (1, 1, 0)}, "ARIMA.trend must be 'n' where order has d of 1 or more; got 'c'"),
    ],
)
def test_parameters_out_of_range_are_named(given: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ARIMA(**given)


def test_an_order_given_as_a_list_becomes_a_tuple() -> None:
    given: Any = [1, 0, 1]
    assert ARIMA(given) == ARIMA((1, 0, 1))
