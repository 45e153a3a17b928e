"""What holds for every built-in forecaster."""

import inspect
import pickle
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

import quantml.forecasters
from quantml.errors import ForecastError
from quantml.forecasters import (
    ARIMA,
    Combined,
    EqualWeights,
    Estimator,
    HistoricalMean,
    LastModels,
    LightGBM,
    Linear,
    Logistic,
    Naive,
    Ridge,
)

CASES = [
    (ARIMA((1, 0, 1)), "return"),
    (ARIMA((1, 1, 1), "n"), "return"),
    (Combined([Ridge(), LightGBM(n_estimators=5, subsample=0.5)], EqualWeights()), "return"),
    (Combined([Logistic(), HistoricalMean()]), "direction"),
    (Estimator(LinearRegression()), "return"),
    (Estimator(RandomForestRegressor(5)), "volatility"),
    (Estimator(LogisticRegression()), "direction"),
    (HistoricalMean(), "return"),
    (HistoricalMean(), "direction"),
    (LastModels(Ridge()), "return"),
    (LightGBM(n_estimators=20), "return"),
    (LightGBM(n_estimators=20, subsample=0.5), "direction"),
    (Linear(), "return"),
    (Logistic(), "direction"),
    (Naive(), "volatility"),
    (Naive(), "direction"),
    (Ridge(), "volatility"),
]
every = pytest.mark.parametrize(("forecaster", "kind"), CASES, ids=lambda part: part if isinstance(part, str) else None)


def arrays(forecast: Any) -> Any:
    return {name: array for name, array in vars(forecast).items() if array is not None}


def assert_same(first: Any, second: Any, rows: Any = slice(None)) -> None:
    assert set(arrays(first)) == set(arrays(second))
    for name, array in arrays(first).items():
        np.testing.assert_array_equal(array[rows], arrays(second)[name][rows])


def test_every_public_forecaster_is_covered() -> None:
    public: list[Any] = [getattr(quantml.forecasters, name) for name in quantml.forecasters.__all__]
    built_in = {part for part in public if is_dataclass(part) and hasattr(part, "fit") and not inspect.isabstract(part)}
    covered: set[Any] = {type(forecaster) for forecaster, _ in CASES}
    assert covered == built_in


@every
def test_sample_weights_count_or_are_refused(forecaster: Any, kind: str, world: Any) -> None:
    train, test = world(kind).train(), world(kind).test()
    weighted = replace(train, weight=np.linspace(0.1, 1.9, len(train.y)))
    if isinstance(forecaster, ARIMA):
        with pytest.raises(ForecastError, match="without sample weights"):
            forecaster.fit(weighted)
        return
    plain, own = (forecaster.fit(part).predict(test).mean for part in (train, weighted))
    learns_nothing = isinstance(forecaster, Naive)
    assert np.array_equal(plain, own, equal_nan=True) == learns_nothing


@every
def test_forecasts_vary_and_are_known_where_features_are(forecaster: Any, kind: str, world: Any) -> None:
    test = world(kind).test()
    mean = forecaster.fit(world(kind).train()).predict(test).mean
    assert np.isnan(mean).sum() <= 1
    assert np.nanstd(mean) > 0.0


@every
@pytest.mark.parametrize("last", [160, 164, 180])
def test_changing_the_future_leaves_the_past_bit_identical(forecaster: Any, kind: str, last: int, world: Any) -> None:
    true, other = world(kind), world(kind, change_after=last)
    first, second = (forecaster.fit(w.train()).predict(w.test()) for w in (true, other))
    before = true.test().time <= last
    assert_same(first, second, before)
    if not isinstance(forecaster, HistoricalMean):
        assert not np.array_equal(first.mean[~before], second.mean[~before], equal_nan=True)


@every
@pytest.mark.parametrize("last", [160, 164, 180])
def test_the_first_dates_are_forecast_as_in_the_whole_block(forecaster: Any, kind: str, last: int, world: Any) -> None:
    fitted = forecaster.fit(world(kind).train())
    block, part = world(kind).test(), world(kind).test(last=last)
    assert_same(fitted.predict(part), replace_rows(fitted.predict(block), block.time <= last))


@every
def test_one_date_alone_is_forecast_as_in_the_whole_block(forecaster: Any, kind: str, world: Any) -> None:
    fitted = forecaster.fit(world(kind).train())
    block, alone = world(kind).test(), world(kind).test(180, 180)
    assert_same(fitted.predict(alone), replace_rows(fitted.predict(block), block.time == 180))


def replace_rows(forecast: Any, keep: Any) -> Any:
    return replace(forecast, **{name: array[keep] for name, array in arrays(forecast).items()})


@every
def test_equal_seeds_give_equal_bytes(forecaster: Any, kind: str, world: Any) -> None:
    first, second = (forecaster.fit(world(kind).train()).predict(world(kind).test()) for _ in range(2))
    assert_same(first, second)


@every
def test_declarations_and_fitted_objects_pickle(forecaster: Any, kind: str, world: Any) -> None:
    fitted = forecaster.fit(world(kind).train())
    expected = fitted.predict(world(kind).test())
    again = pickle.loads(pickle.dumps(forecaster)).fit(pickle.loads(pickle.dumps(world(kind).train())))
    assert_same(again.predict(world(kind).test()), expected)
    assert_same(pickle.loads(pickle.dumps(fitted)).predict(pickle.loads(pickle.dumps(world(kind).test()))), expected)


@every
def test_fitting_leaves_the_declaration_as_it_was(forecaster: Any, kind: str, world: Any) -> None:
    before = repr(forecaster)
    forecaster.fit(world(kind).train())
    assert repr(forecaster) == before


@every
def test_the_training_rows_are_forecast_too(forecaster: Any, kind: str, world: Any) -> None:
    test = world(kind).test(0, 159)
    mean = forecaster.fit(world(kind).train()).predict(test).mean
    assert np.isnan(mean[test.time < 5]).sum() == np.isnan(mean).sum()


@every
def test_a_constant_target_is_refused_by_all_that_learn_from_it(forecaster: Any, kind: str, world: Any) -> None:
    train = world(kind).train()
    constant = replace(train, y=np.ones_like(train.y))
    if isinstance(forecaster, (Naive, ARIMA)):  # one learns nothing, the other from the bars
        forecaster.fit(constant)
        return
    with pytest.raises(ForecastError, match="got a constant target"):
        forecaster.fit(constant)


@every
def test_no_training_rows_are_refused_by_all_that_learn_from_them(forecaster: Any, kind: str, world: Any) -> None:
    train = world(kind).train()
    empty = train.where(np.zeros(len(train.y), dtype=bool))
    if isinstance(forecaster, (Naive, ARIMA)):
        forecaster.fit(empty)
        return
    with pytest.raises(ForecastError, match="must have rows to train on; got 0 rows left after purge and warm-up"):
        forecaster.fit(empty)
