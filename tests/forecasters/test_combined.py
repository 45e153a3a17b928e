"""Several forecasters side by side, and what averages over time are declared as."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from quantml import Choice
from quantml.errors import ForecastError, ParameterError
from quantml.forecasters import Combined, HistoricalMean, InverseErrors, LastModels, LightGBM, Linear, Logistic, Ridge
from quantml.space import find_spaces
from tests.forecasters.conftest import make_world


def forecast(forecaster, kind="return"):
    world = make_world(kind)
    return forecaster.fit(world.train()).predict(world.test())


def same(first, second):
    return np.array_equal(first, second, equal_nan=True)


def test_members_are_fitted_side_by_side():
    both = forecast(Combined([Linear(), LinearRegression(), HistoricalMean()]))
    alone = [forecast(part) for part in (Linear(), HistoricalMean())]
    assert same(both.members[:, 0], alone[0].mean)
    assert same(both.members[:, 2], alone[1].mean)
    assert both.members[:, 1] == pytest.approx(both.members[:, 0], nan_ok=True)  # ordinary least squares both
    there = ~np.isnan(both.members[:, 0])
    assert both.mean[there] == pytest.approx(both.members[there].mean(axis=1))
    assert same(both.mean[~there], alone[1].mean[~there])  # who has a forecast makes it
    assert both.variance is None


def test_one_member_is_what_it_is_alone_with_the_same_seed():
    for part, kind in ((LightGBM(n_estimators=5, subsample=0.5), "return"), (Logistic(), "direction"),
                       (HistoricalMean(), "return")):  # fmt: skip
        both, alone = forecast(Combined([part]), kind), forecast(part, kind)
        for name in ("mean", "probability", "variance"):
            one, other = getattr(both, name), getattr(alone, name)
            assert (one is None) == (other is None)
            assert one is None or one.tobytes() == other.tobytes()


def test_members_alike_draw_by_seeds_of_their_own():
    drawn = forecast(Combined([LightGBM(n_estimators=5, subsample=0.5)] * 2)).members
    assert not same(drawn[:, 0], drawn[:, 1])


def test_probabilities_are_averaged():
    both = forecast(Combined([Logistic(), HistoricalMean()]), "direction")
    assert same(both.probability, both.mean)
    assert (both.mean[~np.isnan(both.mean)] > 0.0).all()
    assert (both.mean[~np.isnan(both.mean)] < 1.0).all()


@dataclass(frozen=True)
class Broken:
    when: str = "fit"

    def fit(self, train):
        if self.when == "fit":
            raise ZeroDivisionError("no luck")
        return self

    def predict(self, test):
        return 1 / 0 if self.when == "predict" else np.zeros(3)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("fit", r"Broken.fit failed: ZeroDivisionError: no luck"),
        ("predict", r"Broken.predict failed: ZeroDivisionError"),
        ("answers", r"Broken.predict must return a RowForecast"),
    ],
)
def test_a_member_that_fails_is_named(when, text):
    with pytest.raises(ForecastError, match=text):
        forecast(Combined([Ridge(), Broken(when)]))


def test_a_member_that_cannot_answer_says_so():
    with pytest.raises(ForecastError, match="Logistic must be asked for a direction"):
        forecast(Combined([Ridge(), Logistic()]))


def test_search_spaces_stand_anywhere_inside():
    declared = LastModels(Combined([Ridge(alpha=Choice(1.0, 2.0)), Choice(Linear(), HistoricalMean())],
                                   InverseErrors(discount=Choice(0.9, 1.0))), count=2)  # fmt: skip
    assert list(find_spaces(declared)) == ["forecaster.members.0.alpha", "forecaster.members.1",
                                           "forecaster.weighting.discount"]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Combined([]), "Combined.members must list at least one forecaster"),
        (lambda: Combined(Ridge()), "Combined.members must list at least one forecaster"),
        (lambda: Combined([Ridge]), "a forecaster must be an object"),
        (lambda: Combined([Combined([Ridge()])]), "must forecast by itself; got 'Combined'. List its members here"),
        (lambda: Combined([Choice(Ridge(), LastModels(Ridge()))]), "got 'LastModels'. Write LastModels(Combined("),
        (lambda: Combined([Ridge()], InverseErrors), "Combined.weighting must have a method 'weigh'"),
        (lambda: Combined([Ridge()], "equal"), "Combined.weighting must have a method 'weigh'; got 'equal'"),
        (lambda: LastModels(Ridge(), count=0), "LastModels.count must be a whole number of at least 1; got 0"),
        (lambda: LastModels(Ridge(), count=Choice(1, 2)), "LastModels.count must hold no search space"),
        (lambda: LastModels(LastModels(Ridge())), "LastModels.forecaster must be another forecaster"),
    ],
)  # fmt: skip
def test_refuses(make, text):
    with pytest.raises(ParameterError) as caught:
        make()
    assert text in str(caught.value)
