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
        ({"early_stopping": 0}, "early_stopping must be None or a whole number of at least 1; got 0"),
        ({"early_stopping": True}, "early_stopping must be None or a whole number of at least 1; got True"),
        ({"min_child_weight": -1}, "min_child_weight must be a finite number of at least 0; got -1"),
    ],
)
def test_parameters_out_of_range_are_named(given: Any, rule: str) -> None:
    with pytest.raises(ParameterError, match=f"LightGBM.{rule}"):
        LightGBM(**given)


@pytest.mark.parametrize("kind", ["return", "direction"])
def test_early_stopping_finds_the_rounds_on_the_last_dates_and_fits_all_rows_with_them(world: Any, kind: str) -> None:
    made = world(kind, horizon=5)
    train, test = made.train(embargo=2, weight=np.linspace(0.5, 1.5, len(made.train().y))), made.test()
    # 156 dates: the last fifth are 31, from date 125 on; labels known two bars earlier end at 123 and begin at 118
    early, late = train.time <= 118, train.time >= 125
    assert len(np.unique(train.time[late])) == 31
    given = {"objective": "regression" if kind == "return" else "binary", "learning_rate": 0.1, "num_leaves": 7,
             "seed": train.integers(1)[0], **FIXED}  # fmt: skip
    data = lightgbm.Dataset(train.x[early], train.y[early], weight=train.weight[early] / train.weight[early].mean())
    held = data.create_valid(train.x[late], train.y[late], weight=train.weight[late] / train.weight[late].mean())
    losses: dict[str, Any] = {}
    lightgbm.train(given, data, 200, [held], callbacks=[lightgbm.record_evaluation(losses)])
    rounds = int(np.argmin(next(iter(losses["valid_0"].values())))) + 1
    assert 1 < rounds < 150
    bare = lightgbm.train(given, lightgbm.Dataset(train.x, train.y, weight=train.weight), rounds)
    fitted = LightGBM(learning_rate=0.1, num_leaves=7, early_stopping=50).fit(train)
    assert fitted.model.booster.num_trees() == rounds
    assert fitted.rows_used == len(train.y)
    np.testing.assert_array_equal(fitted.predict(test).mean, bare.predict(test.x))
    again = LightGBM(learning_rate=0.1, num_leaves=7, early_stopping=50).fit(train)
    np.testing.assert_array_equal(fitted.predict(test).mean, again.predict(test).mean)


def test_early_stopping_of_classes_knows_them_all(world: Any) -> None:
    train = world().train()
    y = np.where(train.time < 20, 1.0, np.where(train.y > 0.0, 0.0, -1.0))  # 1.0 is none of the last dates' classes
    asked = replace(train, y=y, question=replace(train.question, kind="class"))
    fitted = LightGBM(num_leaves=7, early_stopping=10).fit(asked)
    assert fitted.model.classes.tolist() == [-1.0, 0.0, 1.0]
    assert 3 <= fitted.model.booster.num_trees() < 600


def test_early_stopping_wants_rows_before_those_that_it_validates_on(world: Any) -> None:
    train = world(horizon=5).train()
    few = train.where(train.time < 24)  # 48 rows less two that pause; 4 dates are held, the 4 before them purged
    assert len(few.y) == 46
    with pytest.raises(ForecastError) as caught:
        LightGBM(early_stopping=5).fit(few)
    said = str(caught.value)
    assert "LightGBM must have 40 rows or more, 2 x min_child_samples, before the dates that early stopping" in said
    assert "got 32 (training window" in said
    assert "That is 8 too few: lengthen train, lower min_child_samples, or leave early_stopping out." in said
    up = world("direction").train()
    one = replace(up, y=np.where(up.time < 130, 1.0, up.y))
    with pytest.raises(
        ForecastError, match="before the rows that early stopping validates on, must see both directions"
    ):
        LightGBM(early_stopping=5).fit(one)
