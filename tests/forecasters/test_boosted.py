from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest

from quantml.errors import ForecastError, ParameterError
from quantml.forecasters import LightGBM

FIXED = {"num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "objective"), [("return", "regression"), ("volatility", "l2"), ("direction", "binary")]
)
def test_it_equals_a_bare_call_of_lightgbm_to_the_bit(world: Any, kind: str, objective: str, weighted: bool) -> None:
    train, test = world(kind).train(), world(kind).test()
    train = replace(train, weight=np.linspace(0.5, 2.0, len(train.y)) if weighted else None)
    given = {"objective": objective, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 10, "lambda_l2": 0.5}
    bare = lightgbm.train(given | FIXED, lightgbm.Dataset(train.x, train.y, weight=train.weight), 30)
    declared = LightGBM(n_estimators=30, learning_rate=0.1, num_leaves=7, min_child_samples=10, reg_lambda=0.5)
    forecast = declared.fit(train).predict(test)
    np.testing.assert_array_equal(forecast.mean, bare.predict(test.x))
    assert np.ptp(forecast.mean) > 0.0
    assert (forecast.probability is not None) == (kind == "direction")


@pytest.mark.parametrize("classes", [(-1.0, 0.0, 1.0), (-1.0, 1.0)])
def test_of_classes_it_forecasts_the_expected_one(world: Any, classes: tuple[float, ...]) -> None:
    train, test = world().train(), world().test()
    y = np.array(classes)[np.searchsorted(np.quantile(train.y, np.arange(1, len(classes)) / len(classes)), train.y)]
    asked = replace(train.question, kind="class")
    weight = np.linspace(0.5, 2.0, len(y))
    given = {"learning_rate": 0.1, "num_leaves": 7, "n_jobs": 1, "objective": "multiclass", "num_class": len(classes)}
    bare = lightgbm.LGBMClassifier(
        n_estimators=30, **{name: value for name, value in (given | FIXED).items() if name != "num_threads"}
    ).fit(train.x, y, sample_weight=weight)
    declared = LightGBM(n_estimators=30, learning_rate=0.1, num_leaves=7)
    forecast = declared.fit(replace(train, y=y, weight=weight, question=asked)).predict(test)
    shares = bare.booster_.predict(test.x)
    np.testing.assert_array_equal(forecast.mean, shares[:, -1] - shares[:, 0])
    assert forecast.probability is None
    assert -1.0 < forecast.mean.min() < -0.2 < 0.2 < forecast.mean.max() < 1.0


def test_the_success_of_a_rule_is_a_probability(world: Any) -> None:
    train, test = world("direction").train(), world("direction").test()
    asked = replace(train.question, kind="success")
    forecast = LightGBM(5).fit(replace(train, question=asked)).predict(replace(test, question=asked))
    as_direction = LightGBM(5).fit(train).predict(test)
    assert forecast.probability is not None
    np.testing.assert_array_equal(forecast.probability, as_direction.probability)


def test_subsampling_draws_with_the_fits_seed_as_a_bare_call_does(world: Any) -> None:
    train, test = world().train(), world().test()
    seed = train.integers(1)[0]
    given = {"objective": "regression", "learning_rate": 0.05, "bagging_fraction": 0.5, "bagging_freq": 1,
             "feature_fraction": 0.7, "seed": seed}  # fmt: skip
    bare = lightgbm.train(given | FIXED, lightgbm.Dataset(train.x, train.y), 20)
    declared = LightGBM(n_estimators=20, subsample=0.5, colsample_bytree=0.7)
    np.testing.assert_array_equal(declared.fit(train).predict(test).mean, bare.predict(test.x))
    other = declared.fit(replace(train, seed=np.random.SeedSequence(8))).predict(test)
    assert not np.array_equal(other.mean, bare.predict(test.x))


def test_the_defaults_are_lightgbms_own_but_for_two(world: Any) -> None:
    train, test = world().train(), world().test()
    declared = LightGBM(n_estimators=100, learning_rate=0.1)
    bare = lightgbm.LGBMRegressor(n_jobs=1, deterministic=True, force_row_wise=True, verbosity=-1)
    np.testing.assert_array_equal(declared.fit(train).predict(test).mean, bare.fit(train.x, train.y).predict(test.x))


def test_missing_features_are_forecast_from(world: Any) -> None:
    forecast = LightGBM(n_estimators=5).fit(world().train()).predict(world().test())
    assert not np.isnan(forecast.mean).any()


def test_too_few_rows_to_split_are_refused(world: Any) -> None:
    train = world().train()
    few = train.where(np.arange(len(train.y)) < 39)
    with pytest.raises(ForecastError, match="must have 40 training rows or more, 2 x min_child_samples.*; got 39"):
        LightGBM().fit(few)
    assert LightGBM(min_child_samples=19).fit(few).rows_used == 39


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"n_estimators": 0}, "n_estimators must be a whole number of at least 1; got 0"),
        ({"n_estimators": 10.0}, "n_estimators must be a whole number of at least 1; got 10.0"),
        ({"num_leaves": 1}, "num_leaves must be a whole number of at least 2; got 1"),
        ({"num_leaves": True}, "num_leaves must be a whole number of at least 2; got True"),
        ({"max_depth": 0}, "max_depth must be -1 or a whole number of at least 1; got 0"),
        ({"min_child_samples": 0}, "min_child_samples must be a whole number of at least 1; got 0"),
        ({"max_bin": 1}, "max_bin must be a whole number of at least 2; got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be a finite number above 0; got 0.0"),
        ({"learning_rate": np.inf}, "learning_rate must be a finite number above 0; got inf"),
        ({"subsample": 1.5}, "subsample must be above 0 and at most 1; got 1.5"),
        ({"colsample_bytree": 0}, "colsample_bytree must be above 0 and at most 1; got 0"),
        ({"reg_alpha": -1.0}, "reg_alpha must be a finite number of at least 0; got -1.0"),
        ({"reg_lambda": "1"}, "reg_lambda must be a finite number of at least 0; got '1'"),
        ({"min_split_gain": np.nan}, "min_split_gain must be a finite number of at least 0; got nan"),
        ({"min_child_weight": -1}, "min_child_weight must be a finite number of at least 0; got -1"),
    ],
)
def test_parameters_out_of_range_are_named(given: Any, rule: str) -> None:
    with pytest.raises(ParameterError, match=f"LightGBM.{rule}"):
        LightGBM(**given)
