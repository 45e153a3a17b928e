import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from quantml.errors import ForecastError, ParameterError
from quantml.forecasters import Estimator, Forecast, Naive, RowForecast, as_forecaster
from quantml.space import Choice

DAYS = pd.bdate_range("2024-01-01", periods=2)


def forecast(kind: str = "return", **measures: Any) -> Any:
    mean = np.array([[0.01, -0.02], [np.nan, 0.0]])
    return Forecast(DAYS, ("A", "B"), mean, kind=kind, fold=np.array([0, 0]), **measures)


class TestForecast:
    def test_a_return_is_signed_by_its_mean(self) -> None:
        np.testing.assert_array_equal(forecast().signed, [[0.01, -0.02], [np.nan, 0.0]])

    def test_a_direction_is_signed_by_its_probability(self) -> None:
        up = np.array([[1.0, 0.25], [0.5, np.nan]])
        np.testing.assert_array_equal(forecast("direction", probability=up).signed, [[1.0, -0.5], [0.0, np.nan]])

    @pytest.mark.parametrize("kind", ["excess", "scaled", "rank", "class", "column"])
    def test_what_is_around_zero_is_signed_by_its_mean(self, kind: str) -> None:
        np.testing.assert_array_equal(forecast(kind).signed, [[0.01, -0.02], [np.nan, 0.0]])

    def test_what_has_no_sign_is_refused(self) -> None:
        for kind in ("volatility", "drawdown", "success"):
            with pytest.raises(ForecastError, match=f"must be of a return or a direction; got '{kind}'"):
                forecast(kind).signed  # noqa: B018
        with pytest.raises(ForecastError, match="must hold a probability; got None"):
            forecast("direction").signed  # noqa: B018

    def test_the_frame_is_fresh_and_the_arrays_are_read_only_after_a_pickle_too(self) -> None:
        first = forecast(quantiles={0.5: np.zeros((2, 2))})
        frame = first.frame
        frame.iloc[0, 0] = 9.0
        assert first.frame.iloc[0, 0] == 0.01
        for held in (first, pickle.loads(pickle.dumps(first))):
            for array in (held.mean, held.fold, held.quantiles[0.5]):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 1.0

    def test_rows_are_read_only(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            RowForecast(np.zeros(3)).mean[0] = 1.0


class TestTrain:
    def test_where_keeps_rows_of_every_array(self, world: Any) -> None:
        train = world().train(weight=np.arange(317.0))
        kept = train.where(train.symbol == 1)
        assert len(train.y) == 160 + 157
        for name in ("x", "y", "label_end", "time", "symbol"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(train, name)[train.symbol == 1])
        assert kept.bars is train.bars

    def test_the_weights_of_the_rows_kept_have_a_mean_of_one_again(self, world: Any) -> None:
        train = world().train(weight=np.arange(317.0))
        kept = train.where(np.isin(np.arange(317), (1, 2, 5, 8)))
        np.testing.assert_array_equal(kept.weight, [0.25, 0.5, 1.25, 2.0])
        assert train.where(np.zeros(317, dtype=bool)).weight.size == 0

    def test_integers_are_the_same_at_every_call_and_fit_31_bits(self, world: Any) -> None:
        drawn = world().train().integers(100)
        assert drawn == world().train().integers(100)
        assert len(set(drawn)) == 100
        assert 0 <= min(drawn) <= max(drawn) < 2**31


@dataclass(frozen=True)
class Own:
    def fit(self, train: Any) -> Any:
        return self

    def predict(self, test: Any) -> Any:
        return RowForecast(np.zeros(len(test.time)))


class Neighbour:
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


class TestAsForecaster:
    @pytest.mark.parametrize("forecaster", [Own(), Naive(), Estimator(Neighbour())])
    def test_a_forecaster_is_itself(self, forecaster: Any) -> None:
        assert as_forecaster(forecaster) is forecaster

    @pytest.mark.parametrize("estimator", [LinearRegression(), Neighbour()])
    def test_an_estimator_is_wrapped(self, estimator: Any) -> None:
        assert as_forecaster(estimator) == Estimator(estimator)

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (LinearRegression, r"must be an object; got <class .*LinearRegression'>\. Write LinearRegression\(\)\."),
            ("ridge", "a forecaster must have a method 'fit'; got 'ridge'"),
            (Choice(Neighbour(), Own()), "a forecaster must have a method 'fit'; got ChoiceSpace"),
        ],
    )
    def test_anything_else_is_refused(self, model: Any, message: str) -> None:
        with pytest.raises(ParameterError, match=message):
            as_forecaster(model)

    @pytest.mark.parametrize(("missing", "kept"), [("predict", "fit"), ("fit", "predict")])
    def test_an_estimator_needs_both_methods(self, missing: str, kept: str) -> None:
        half = type("Half", (), {kept: getattr(Neighbour, kept)})()
        with pytest.raises(ParameterError, match=f"must be an object with a method '{missing}'"):
            Estimator(half)
