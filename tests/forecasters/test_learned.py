import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.linear_model as sk
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quantml.errors import ForecastError, ParameterError
from quantml.forecasters import Linear, Logistic, Ridge


@pytest.fixture(params=[False, True], ids=["plain", "weighted"])
def rows(request: Any, world: Any) -> Any:
    """Training rows, their complete part, and test rows that are complete."""

    def make(kind: str = "return") -> Any:
        train = world(kind).train()
        weight = np.random.default_rng(0).uniform(0.5, 2.0, len(train.y)) if request.param else None
        train = replace(train, weight=weight)
        return train, train.where(~np.isnan(train.x).any(axis=1)), world(kind).test(171, 199)

    return make


def test_linear_equals_least_squares_by_numpy(rows: Any) -> None:
    train, complete, test = rows()
    root = np.ones(len(complete.y)) if complete.weight is None else np.sqrt(complete.weight)
    design = np.column_stack([np.ones(len(complete.y)), complete.x])
    solved = np.linalg.lstsq(design * root[:, None], complete.y * root)[0]
    expected = solved[0] + test.x @ solved[1:]
    np.testing.assert_allclose(Linear().fit(train).predict(test).mean, expected, rtol=1e-10)


def test_linear_finds_an_exact_line(world: Any) -> None:
    train = world().train()
    line = 0.5 + train.x @ [0.01, -0.03, 0.002]
    test = world().test(171, 199)
    fitted = Linear().fit(replace(train, y=np.where(np.isnan(line), 0.0, line)))
    np.testing.assert_allclose(fitted.predict(test).mean, 0.5 + test.x @ [0.01, -0.03, 0.002], rtol=1e-12)


def test_collinear_and_constant_features_of_any_size_change_nothing(world: Any) -> None:
    train, test = world().train(), world().test(171, 199)
    names = (*train.names, "again", "same")
    wide = [np.column_stack([part.x, 1e9 * part.x[:, 0], np.full(len(part.x), 0.1)]) for part in (train, test)]
    more = Linear().fit(replace(train, x=wide[0], names=names)).predict(replace(test, x=wide[1], names=names))
    np.testing.assert_allclose(more.mean, Linear().fit(train).predict(test).mean, rtol=1e-9)


def test_linear_needs_more_rows_than_features(world: Any) -> None:
    train = world().train()
    few = train.where(np.arange(len(train.y)) >= len(train.y) - 3)
    with pytest.raises(ForecastError, match="must have more training rows than its 3 features; got 3 .*use Ridge"):
        Linear().fit(few)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 300])
def test_ridge_equals_scaler_and_ridge_of_scikit_learn(rows: Any, alpha: float) -> None:
    train, complete, test = rows()
    peer = make_pipeline(StandardScaler(), sk.Ridge(alpha))
    weights = {"standardscaler__sample_weight": complete.weight, "ridge__sample_weight": complete.weight}
    expected = peer.fit(complete.x, complete.y, **weights).predict(test.x)
    np.testing.assert_allclose(Ridge(alpha=alpha).fit(train).predict(test).mean, expected, rtol=1e-10)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_logistic_equals_scaler_and_logistic_regression_of_scikit_learn(rows: Any, C: float) -> None:
    train, complete, test = rows("direction")
    peer = make_pipeline(StandardScaler(), sk.LogisticRegression(C=C, solver="lbfgs", tol=1e-10, max_iter=1000))
    weights = {"standardscaler__sample_weight": complete.weight, "logisticregression__sample_weight": complete.weight}
    expected = peer.fit(complete.x, complete.y, **weights).predict_proba(test.x)[:, 1]
    forecast = Logistic(C=C).fit(train).predict(test)
    assert forecast.probability is not None
    np.testing.assert_allclose(forecast.probability, expected, rtol=1e-6)
    np.testing.assert_array_equal(forecast.mean, forecast.probability)


def test_an_optimiser_that_gives_up_is_logged(world: Any, caplog: Any, monkeypatch: Any) -> None:
    short = sk.LogisticRegression
    monkeypatch.setattr(sk, "LogisticRegression", lambda **given: short(**(given | {"max_iter": 1})))
    with caplog.at_level(logging.WARNING, "quantml"):
        Logistic().fit(world("direction").train())
    assert "Logistic (training window 2024-01-01 to 2024-08-12)" in caplog.text
    assert "did not converge" in caplog.text


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan, "1", True, None])
@pytest.mark.parametrize(("declared", "name"), [(Ridge, "alpha"), (Logistic, "C")])
def test_penalties_are_positive_numbers(declared: Any, name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"{declared.__name__}.{name} must be a finite number above 0; got"):
        declared(**{name: value})


def test_each_kind_of_question_has_its_forecasters(world: Any) -> None:
    for forecaster in (Linear(), Ridge()):
        assert forecaster.fit(world("volatility").train()).predict(world("volatility").test()).probability is None
        with pytest.raises(ForecastError, match="must be asked for a return or a volatility; got 'direction'"):
            forecaster.fit(world("direction").train())
    for kind in ("return", "volatility"):
        with pytest.raises(ForecastError, match=f"Logistic must be asked for a direction; got '{kind}'"):
            Logistic().fit(world(kind).train())


def test_three_classes_are_not_one_probability(world: Any) -> None:
    train = world("direction").train()
    with pytest.raises(ForecastError, match="got 'class'. Use LightGBM or a scikit-learn classifier for three classes"):
        Logistic().fit(replace(train, question=replace(train.question, kind="class")))


def test_the_success_of_a_rule_is_a_probability(world: Any) -> None:
    train, test = world("direction").train(), world("direction").test()
    asked = replace(train.question, kind="success")
    of_success = Logistic().fit(replace(train, question=asked)).predict(replace(test, question=asked))
    np.testing.assert_array_equal(of_success.probability, Logistic().fit(train).predict(test).probability)
    with pytest.raises(
        ForecastError, match="must see both success and failure in training; got a constant target, success"
    ):
        Logistic().fit(replace(train, question=asked, y=np.ones(len(train.y))))
