from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import WalkForward
from quantml.bars import Bars
from quantml.errors import ForecastError
from quantml.forecasters import HistoricalMean, Naive
from quantml.targets import ForwardReturn


def small(train: Any, y: Any, symbol: Any, weight: Any = None) -> Any:
    rows = len(y)
    cut = train.where(np.arange(len(train.y)) < rows)
    return replace(cut, y=np.array(y), symbol=np.array(symbol), weight=weight)


def test_the_mean_and_variance_are_each_symbols_own(world: Any) -> None:
    train = small(world().train(), [0.01, 0.05, 0.03, 0.05, 0.02], [0, 1, 0, 1, 0])
    forecast = HistoricalMean().fit(train).predict(world().test(168, 170))
    np.testing.assert_allclose(forecast.mean, [0.02, 0.05, 0.02, 0.05, 0.02], rtol=1e-15)  # B pauses at 170
    assert forecast.variance is not None
    np.testing.assert_allclose(forecast.variance, [1e-4, 0.0, 1e-4, 0.0, 1e-4], rtol=1e-12, atol=1e-30)
    assert forecast.probability is None


def test_the_probability_of_a_direction_is_the_share_of_ups(world: Any) -> None:
    train = small(world("direction").train(), [1.0, 0.0, 1.0, 1.0, 1.0], [0, 1, 0, 1, 0])
    forecast = HistoricalMean().fit(train).predict(world("direction").test(168, 168))
    np.testing.assert_array_equal(forecast.mean, [1.0, 0.5])
    np.testing.assert_array_equal(forecast.probability, [1.0, 0.5])


def test_a_single_row_has_no_variance_and_an_unseen_symbol_no_mean(world: Any) -> None:
    first, second = small(world().train(), [0.1, 0.2], [0, 0]), small(world().train(), [0.1, 0.2, 0.3], [0, 0, 1])
    np.testing.assert_allclose(HistoricalMean().fit(first).predict(world().test(168, 168)).mean, [0.15, np.nan])
    variance = HistoricalMean().fit(second).predict(world().test(168, 168)).variance
    assert variance is not None
    np.testing.assert_allclose(variance, [0.005, np.nan])


def test_weights_weight_the_mean(world: Any) -> None:
    train = small(world().train(), [0.1, 0.2], [0, 0], weight=np.array([3.0, 1.0]))
    forecast = HistoricalMean().fit(train).predict(world().test(168, 168))
    np.testing.assert_allclose(forecast.mean[0], 0.125, rtol=1e-14)
    assert forecast.variance is not None
    # (3 x 0.025^2 + 1 x 0.075^2) / 4 x 2 / 1
    np.testing.assert_allclose(forecast.variance[0], 0.00375, rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "message"), [([], "got 0 rows left after purge and warm-up"), ([0.1, 0.1], "got a constant target, 0.1")]
)
def test_a_mean_of_nothing_or_of_a_constant_is_refused(world: Any, y: Any, message: str) -> None:
    with pytest.raises(ForecastError, match=f"HistoricalMean must .*{message}"):
        HistoricalMean().fit(small(world().train(), y, np.zeros(len(y), dtype=np.int64)))


def test_naive_repeats_the_newest_known_value(world: Any) -> None:
    latest = np.array([0.01, np.nan, -0.02])
    forecast = Naive().fit(world().train()).predict(world().test(169, 170, latest=latest))
    np.testing.assert_array_equal(forecast.mean, latest)
    assert (forecast.probability, forecast.variance) == (None, None)


def test_naive_is_sure_of_a_direction(world: Any) -> None:
    latest = np.array([1.0, 0.0])
    forecast = Naive().fit(world("direction").train()).predict(world("direction").test(169, 169, latest=latest))
    np.testing.assert_array_equal(forecast.probability, [1.0, 0.0])


def test_naive_needs_no_training_rows(world: Any) -> None:
    forecast = Naive().fit(small(world().train(), [], [])).predict(world().test(168, 168))
    np.testing.assert_array_equal(forecast.mean, world().y[167])


def test_the_window_that_is_advised_allows_for_the_embargo() -> None:
    """Two rows of a window of W bars have labels 5 bars ahead that end 30 bars before its end if W is 36."""
    prices = 100.0 + np.random.default_rng(1).standard_normal(200).cumsum()
    bars = Bars.from_close(pd.DataFrame({"A": prices}, pd.bdate_range("2024-01-01", periods=200)), periods_per_year=252)

    def forecast(train: int) -> Any:
        target = ForwardReturn(5, start="close")
        folds = WalkForward(train=train, test=50, embargo=30)
        return qm.run(qm.Study(data=bars, target=target, forecaster=HistoricalMean(), validation=folds))

    hint = r"got 0 rows of 20 left after purge and embargo .* Lengthen train by 16 rows, or shorten the embargo\."
    with pytest.raises(ForecastError, match=hint):
        forecast(20)
    assert forecast(36).folds["rows"].min() == 2
