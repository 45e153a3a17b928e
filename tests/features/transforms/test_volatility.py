"""GARCH volatility against arch, called by itself, and against the recursion by hand."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from arch import arch_model

from quantml.bars import Bars
from quantml.features.transforms import GarchVolatility
from quantml.loaders import Garch
from tests.features.transforms.worlds import OPENS, make_world, to_forecast, training

WORLD = make_world()


@pytest.mark.parametrize("symbol", [0, 1])
def test_volatility_is_that_which_arch_forecasts_with_parameters_of_the_training_returns(symbol: int) -> None:
    close = WORLD.bars.close.iloc[:, symbol].dropna()
    returns, place = close.pct_change().iloc[1:].to_numpy(), WORLD.bars.clock.get_indexer(close.index)[1:]
    count = int((place <= OPENS).sum())
    scale = returns[:count].std()
    model = arch_model(returns / scale, rescale=False)
    result = model.fit(disp="off", backcast=1.0, last_obs=count)
    variance = result.forecast(horizon=1, start=count - 1).variance.to_numpy()[:, 0]
    fitted = GarchVolatility().fit(WORLD.train())
    given = fitted.transform(WORLD.test())
    mine = given.x[given.symbol == symbol, -1]
    assert given.names[-1] == "GarchVolatility()"
    np.testing.assert_allclose(mine, scale * np.sqrt(variance * 252.0), rtol=1e-10)


def test_the_recursion_by_hand() -> None:
    # mu 0.01, omega 0.0001, alpha 0.1, beta 0.8, from a variance of 0.0004; returns 0.03 and -0.01
    given = GarchVolatility().run(np.array([0.03, -0.01]), np.array([0.01, 0.0001, 0.1, 0.8, 0.0004]), 100.0)
    first = 0.0001 + 0.1 * 0.0004 + 0.8 * (0.0001 + 0.9 * 0.0004)
    # before the first return 0.0001 + 0.9 x 0.0004 = 0.00046; then 0.000508 and 0.0005464
    assert first == pytest.approx(0.000508)
    np.testing.assert_allclose(given[:, 0], 10.0 * np.sqrt([0.000508, 0.0005464]), rtol=1e-12)


def test_the_parameters_of_a_garch_world_are_found() -> None:
    bars = Garch(sessions=4000, symbols=1, alpha=0.08, beta=0.9, seed=3).load()
    train = training(np.zeros((4000, 1)), bars=bars)
    _, _, alpha, beta, _ = GarchVolatility().fit(train).parameters[0]
    assert alpha == pytest.approx(0.08, abs=0.03)
    assert beta == pytest.approx(0.9, abs=0.05)


def test_rows_before_the_window_and_young_symbols_are_nan(caplog: pytest.LogCaptureFixture) -> None:
    close = WORLD.bars.close[["A", "B"]]
    close.loc[close.index[:120], "B"] = np.nan
    train = training(np.zeros((200, 1)), bars=Bars.from_close(close, periods_per_year=252), start=50)
    with caplog.at_level(logging.WARNING, "quantml"):
        fitted = GarchVolatility().fit(train)
    assert "GarchVolatility() is NaN for B: 138 returns" not in caplog.text
    rows = to_forecast(train, np.zeros((3, 1)), time=[49, 50, 51])
    given = fitted.transform(rows).x[:, 1]
    assert np.isnan(given).tolist() == [True, True, False]
    mu, omega, alpha, beta, variance = fitted.parameters[0]
    seen = close["A"].iloc[51] / close["A"].iloc[50] - 1.0  # the first return of the window
    then = omega + alpha * (seen - mu) ** 2 + beta * (omega + (alpha + beta) * variance)
    assert given[2] == pytest.approx(np.sqrt(252.0 * then), rel=1e-12)
    early = training(np.zeros((200, 1)), bars=train.bars.until(pd.Timestamp(train.bars.clock[200])), start=50)
    with caplog.at_level(logging.WARNING, "quantml"):
        assert list(GarchVolatility().fit(early).parameters) == [0]
    assert "GarchVolatility() is NaN for B: 79 returns, fewer than 100 (2024-03-11 to 2024-10-07)" in caplog.text
