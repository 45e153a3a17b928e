import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from quantml.errors import ForecastError
from quantml.forecasters import Estimator, as_forecaster


@pytest.fixture
def rows(world: Any) -> Any:
    """A training set, its complete rows, and complete test rows."""

    def make(kind: str = "return") -> Any:
        train = world(kind).train()
        return train, train.where(~np.isnan(train.x).any(axis=1)), world(kind).test(171, 199)

    return make


def test_a_regressor_forecasts_what_it_predicts(rows: Any) -> None:
    train, complete, test = rows()
    peer = KNeighborsRegressor(7).fit(complete.x, complete.y)
    np.testing.assert_array_equal(Estimator(KNeighborsRegressor(7)).fit(train).predict(test).mean, peer.predict(test.x))


def test_a_classifier_forecasts_the_probability_of_up(rows: Any) -> None:
    train, complete, test = rows("direction")
    model = make_pipeline(StandardScaler(), LogisticRegression())
    forecast = as_forecaster(model).fit(train).predict(test)
    expected = model.fit(complete.x, complete.y).predict_proba(test.x)[:, 1]
    assert forecast.probability is not None
    np.testing.assert_allclose(forecast.probability, expected, rtol=1e-13)
    np.testing.assert_array_equal(forecast.mean, forecast.probability)


def test_a_pipeline_of_regressors_passes(rows: Any) -> None:
    train, complete, test = rows()
    model = make_pipeline(StandardScaler(), LinearRegression())
    expected = model.fit(complete.x, complete.y).predict(test.x)
    np.testing.assert_allclose(as_forecaster(model).fit(train).predict(test).mean, expected, rtol=1e-12)


def test_the_estimator_given_is_never_fitted(rows: Any) -> None:
    train, _, test = rows()
    model = LinearRegression()
    fitted = Estimator(model).fit(train)
    assert not hasattr(model, "coef_")
    assert fitted.predict(test).mean.std() > 0.0


class Median:
    """No scikit-learn estimator; remembers in a list whether it was fitted."""

    def __init__(self) -> None:
        self.fits: list[float] = []

    def fit(self, X: Any, y: Any) -> Any:
        self.fits.append(np.median(y))

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.fits[-1])


class Chance(Median):
    def predict_proba(self, X: Any) -> Any:
        return np.tile([0.25, 0.75], (len(X), 1))


def test_any_object_with_fit_and_predict_works_on_a_copy(rows: Any) -> None:
    train, complete, test = rows()
    model = Median()
    forecast = as_forecaster(model).fit(train).predict(test)
    np.testing.assert_array_equal(forecast.mean, np.median(complete.y))
    assert model.fits == []


def test_any_object_with_predict_proba_is_a_classifier(rows: Any) -> None:
    train, _, test = rows("direction")
    np.testing.assert_array_equal(as_forecaster(Chance()).fit(train).predict(test).probability, 0.75)


def seeds(model: Any) -> Any:
    return {name: value for name, value in model.get_params().items() if name.endswith("random_state")}


def test_random_states_that_are_none_are_set_from_the_seed(rows: Any) -> None:
    train, _, _ = rows()
    model = make_pipeline(BaggingRegressor(DecisionTreeRegressor(random_state=11), n_estimators=2))
    fitted: Any = Estimator(model).fit(train).model
    given = seeds(fitted.estimator)
    assert given == {"baggingregressor__random_state": train.integers(1)[0],
                    "baggingregressor__estimator__random_state": 11}  # fmt: skip
    nested = make_pipeline(BaggingRegressor(DecisionTreeRegressor(), n_estimators=2))
    fitted = Estimator(nested).fit(train).model
    both = seeds(fitted.estimator)
    assert sorted(both.values()) == sorted(train.integers(2))


def test_threads_of_its_own_are_taken_from_an_estimator(rows: Any) -> None:
    model = make_pipeline(BaggingRegressor(n_estimators=2, n_jobs=4))
    fitted = Estimator(model).fit(rows()[0])
    assert fitted.model.estimator.get_params()["baggingregressor__n_jobs"] == 1
    assert model.get_params()["baggingregressor__n_jobs"] == 4


@pytest.mark.parametrize("kind", ["return", "direction"])
def test_equal_seeds_give_equal_forecasts_and_other_seeds_others(rows: Any, kind: str) -> None:
    train, _, test = rows(kind)
    model = RandomForestRegressor(10) if kind == "return" else RandomForestClassifier(10)
    first, second = (Estimator(model).fit(train).predict(test).mean for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = Estimator(model).fit(replace(train, seed=np.random.SeedSequence(8))).predict(test).mean
    assert not np.array_equal(first, other)


def test_weights_reach_the_estimator(rows: Any) -> None:
    train, complete, test = rows()
    weight = np.linspace(0.1, 3.0, len(train.y))
    peer = LinearRegression().fit(complete.x, complete.y, sample_weight=weight[~np.isnan(train.x).any(axis=1)])
    forecast = Estimator(LinearRegression()).fit(replace(train, weight=weight)).predict(test)
    np.testing.assert_allclose(forecast.mean, peer.predict(test.x), rtol=1e-12)


class Column(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Any:
        return X[:, :1]


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (SGDRegressor(), "direction", "SGDRegressor must be asked for a return or a volatility; got 'direction'"),
        (LogisticRegression(), "return", "LogisticRegression must be asked for a direction; got 'return'"),
        (RidgeClassifier(), "direction", "RidgeClassifier must have predict_proba.*CalibratedClassifierCV"),
        (Chance(), "volatility", "Chance must be asked for a direction; got 'volatility'"),
        (Column(), "return", r"Column must forecast one number per row, shape \(2,\); got \(2, 1\)"),
    ],
)
def test_what_an_estimator_cannot_answer_is_refused(rows: Any, model: Any, kind: str, message: str) -> None:
    train, _, test = rows(kind)
    with pytest.raises(ForecastError, match=message):
        Estimator(model).fit(train).predict(test)


def test_a_classifier_forecasts_the_expected_class(rows: Any) -> None:
    train, complete, test = rows()

    def classes(part: Any) -> Any:
        return replace(part, y=np.sign(np.round(part.y, 2)), question=replace(part.question, kind="class"))

    assert set(classes(train).y) == {-1.0, 0.0, 1.0}
    weight = np.linspace(0.1, 3.0, len(train.y))
    forecast = Estimator(GaussianNB()).fit(replace(classes(train), weight=weight)).predict(test)
    kept = ~np.isnan(train.x).any(axis=1)
    peer = GaussianNB().fit(complete.x, classes(complete).y, sample_weight=weight[kept])
    down, _, up = peer.predict_proba(test.x).T
    np.testing.assert_allclose(forecast.mean, up - down, rtol=1e-9, atol=1e-12)
    assert forecast.probability is None


def test_weights_that_fit_does_not_take_are_refused(rows: Any) -> None:
    train, _, _ = rows()
    with pytest.raises(ForecastError, match=r"KNeighborsRegressor must take sample_weight in fit.*Leave the study's"):
        Estimator(KNeighborsRegressor()).fit(replace(train, weight=np.ones(len(train.y))))


def test_a_fitted_estimator_pickles(rows: Any) -> None:
    train, _, test = rows()
    fitted = Estimator(RandomForestRegressor(5)).fit(train)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(test).mean, fitted.predict(test).mean)
