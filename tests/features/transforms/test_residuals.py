"""Residuals of principal components against regression on the training rows, and by hand."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.features.transforms import PcaResiduals
from tests.features.transforms.worlds import OPENS, make_world, to_forecast, training

WORLD = make_world()


def test_residuals_are_those_of_scikit_learns_components_of_training_returns() -> None:
    returns = WORLD.bars.returns()[["A", "C", "D"]]
    bars = Bars.from_close(WORLD.bars.close[["A", "C", "D"]], periods_per_year=252)
    known = returns.iloc[1 : OPENS + 1]
    z = (returns - known.mean()) / known.std(ddof=0)
    model = PCA(1).fit(z.iloc[1 : OPENS + 1])
    left = (z.iloc[1:] - model.inverse_transform(model.transform(z.iloc[1:]))) * known.std(ddof=0)
    train = training(np.zeros((5, 1)), bars=bars.until(bars.clock[OPENS]))
    fitted = PcaResiduals(1).fit(train)
    rows = training(np.zeros((259, 1)), bars=bars, time=np.arange(1, 260), symbol=np.full(259, 2))
    given = fitted.transform(rows)
    assert given.names == ("f0", "PcaResiduals()")
    np.testing.assert_allclose(given.x[:, 1], left["D"], rtol=1e-9, atol=1e-14)


def test_the_common_factor_is_taken_out() -> None:
    given = PcaResiduals(1).fit(WORLD.train()).transform(WORLD.test())
    returns = WORLD.bars.returns().to_numpy()
    panel = np.full_like(returns, np.nan)
    panel[given.time, given.symbol] = given.x[:, -1]
    paired = [0, 2, 3]
    assert np.corrcoef(returns[OPENS:, paired].T)[0, 1:].min() > 0.5
    assert np.corrcoef(panel[OPENS:, paired].T)[0, 1:].max() < 0.2


def test_two_symbols_by_hand() -> None:
    """Standardised returns (1, 1), (-1, -1), (1, -1), (-1, 1), (1, 1), (-1, -1) go together: the factor is their sum."""
    z = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1], [1, 1], [-1, -1]])
    close = 100.0 * np.cumprod(1.0 + np.vstack([[0, 0], z * [0.01, 0.02]]), axis=0)
    bars = Bars.from_close(
        pd.DataFrame(close, pd.bdate_range("2024-01-01", periods=7), ["A", "B"]), periods_per_year=252
    )
    train = training(np.zeros((7, 1)), bars=bars)
    fitted = PcaResiduals(1).fit(train)
    np.testing.assert_allclose(fitted.vectors[:, 0], np.sqrt([0.5, 0.5]), rtol=1e-12)
    rows = to_forecast(train, np.zeros((4, 1)), time=[0, 1, 3, 3], symbol=[0, 0, 0, 1])
    np.testing.assert_allclose(fitted.transform(rows).x[:, 1], [np.nan, 0.0, 0.01, -0.02], atol=1e-15)


def test_a_symbol_with_few_returns_takes_no_part(caplog: pytest.LogCaptureFixture) -> None:
    close = WORLD.bars.close
    close.loc[close.index[:150], "C"] = np.nan
    bars = Bars.from_close(close, periods_per_year=252)
    train = training(np.zeros((5, 1)), bars=bars.until(bars.clock[OPENS]))
    with caplog.at_level(logging.WARNING, "quantml"):
        fitted = PcaResiduals(1).fit(train)
    assert fitted.columns.tolist() == [0, 1, 3]
    assert "PcaResiduals() is NaN for C: few returns, or constant ones (2024-01-01 to 2024-09-09)" in caplog.text
    rows = to_forecast(train, np.zeros((2, 1)), time=[OPENS, OPENS], symbol=[2, 3])
    assert np.isnan(fitted.transform(rows).x[:, 1]).tolist() == [True, False]


def test_as_many_components_as_symbols_leave_nothing() -> None:
    with pytest.raises(FeatureError, match=r"PcaResiduals\(4\) must have more symbols than components; got 4"):
        PcaResiduals(4).fit(WORLD.train())
