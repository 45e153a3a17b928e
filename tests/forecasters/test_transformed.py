"""Transforms before a forecaster: all fitted on training rows, in order, and used on rows to forecast."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quantml import Choice, Study, Tuning, WalkForward
from quantml.errors import FeatureError, ForecastError, ParameterError
from quantml.features import Momentum, RealisedVolatility
from quantml.features.transforms import DropOutliers, Impute, MutualInformation, RobustZ, SelectUnivariate, Standardise
from quantml.forecasters import Linear, Naive, Ridge
from quantml.forecasters.transformed import Transformed, transformed
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.validation.problem import Problem
from quantml.validation.walkforward import walk_forward


def test_without_transforms_the_forecaster_is_itself() -> None:
    forecaster = Ridge()
    assert transformed((), forecaster) is forecaster
    assert transformed([Standardise()], forecaster) == Transformed((Standardise(),), forecaster)


def test_forecasts_are_those_of_scikit_learns_pipeline_on_the_training_rows(world: Any) -> None:
    train, test = world().train(), world().test()
    complete, known = ~np.isnan(train.x).any(axis=1), ~np.isnan(test.x).any(axis=1)
    peer = make_pipeline(StandardScaler(), PCA(2), LinearRegression()).fit(train.x[complete], train.y[complete])
    fitted = transformed([StandardScaler(), PCA(2)], LinearRegression()).fit(train.where(complete))
    mean = fitted.predict(test).mean
    np.testing.assert_allclose(mean[known], peer.predict(test.x[known]), rtol=1e-9)
    assert np.isnan(mean[~known]).all()


def test_scaling_on_all_rows_would_forecast_otherwise(world: Any) -> None:
    train, test = world().train(), world().test()
    moved = replace(test, x=test.x + 5.0)
    fitted = transformed([Standardise()], Ridge(1.0)).fit(train)
    np.testing.assert_array_equal(
        fitted.transforms[0].statistics.values[0], Standardise().fit(train).statistics.values[0]
    )
    both = np.concatenate([train.x, moved.x])
    assert (np.abs(fitted.transforms[0].statistics.values[0] - np.nanmean(both, axis=0)) > 0.1).all()
    assert (fitted.transform(moved).x[:, 0] > fitted.transform(test).x[:, 0] + 4.0).all()


def test_each_transform_is_fitted_on_what_those_before_it_made(world: Any) -> None:
    train = world().train()
    first, second = transformed([Impute(), Standardise()], Linear()).fit(train).transforms
    imputed = np.where(np.isnan(train.x), np.nanmedian(train.x, axis=0), train.x)
    np.testing.assert_allclose(second.statistics.values[0], imputed.mean(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(first.statistics.values[0], np.nanquantile(train.x, 0.5, axis=0))


def test_the_rows_used_are_those_left(world: Any) -> None:
    train = world().train()
    rule = DropOutliers(RobustZ(2.0))
    left = rule.fit(train).transform(train)
    fitted = transformed([rule], Linear()).fit(train)
    assert fitted.rows_given == len(train.y) > len(left.y) == fitted.rows_left
    assert fitted.rows_used == (~np.isnan(left.x).any(axis=1)).sum() < fitted.rows_left
    assert transformed([rule], Naive()).fit(train).rows_used == fitted.rows_left
    assert len(fitted.predict(world().test()).mean) == len(world().test().time)


def test_each_transform_has_a_seed_of_its_own_and_the_forecaster_keeps_the_folds(world: Any) -> None:
    seen: list[tuple[int, ...]] = []

    @dataclass(frozen=True)
    class Spy:
        def fit(self, train: Any) -> Any:
            seen.append(train.integers(2))
            return self

    class Look:
        def fit(self, train: Any) -> Any:
            seen.append(train.integers(2))
            return Passing()

    train = world().train()
    transformed([Look(), Look()], Spy()).fit(train)
    assert len(set(seen)) == 3
    assert seen[2] == train.integers(2)


class Passing:
    """A fitted transform that does nothing."""

    def transform(self, rows: Any) -> Any:
        return rows


@dataclass(frozen=True)
class Losing:
    """Leaves out the first row of whatever it is given."""

    def fit(self, train: Any) -> Any:
        return LosingRows()


class LosingRows:
    def transform(self, rows: Any) -> Any:
        if hasattr(rows, "y"):
            return rows
        return replace(rows, x=rows.x[1:], time=rows.time[1:], symbol=rows.symbol[1:], latest=rows.latest[1:])


def test_a_transform_that_loses_rows_to_forecast_is_refused(world: Any) -> None:
    fitted = transformed([Losing()], Ridge()).fit(world().train())
    count = len(world().test().time)
    with pytest.raises(
        FeatureError, match=f"LosingRows must keep every row to forecast, in its order; got '{count - 1} of {count}'"
    ):
        fitted.predict(world().test())


def test_other_features_than_those_fitted_are_refused(world: Any) -> None:
    fitted = transformed([Standardise()], Ridge()).fit(world().train())
    with pytest.raises(ForecastError, match="the features of transforms must be those that they were fitted to"):
        fitted.predict(replace(world().test(), names=("level", "spread", "momentum")))


def test_what_is_no_transform_is_refused(world: Any) -> None:
    with pytest.raises(ParameterError, match="a transform must have a method fit"):
        transformed(["scale"], Ridge()).fit(world().train())


@pytest.mark.parametrize("last", [160, 170])
def test_changing_the_future_leaves_the_past_bit_identical(last: int, world: Any) -> None:
    declared = transformed([Impute(), Standardise(), SelectUnivariate(2, MutualInformation()), PCA(1)], Ridge())
    first, second = (declared.fit(w.train()).predict(w.test()).mean for w in (world(), world(change_after=last)))
    early = world().test().time <= last
    np.testing.assert_array_equal(first[early], second[early])
    assert (first[~early] != second[~early]).all()
    short = declared.fit(world().train()).predict(world().test(last=last)).mean
    np.testing.assert_array_equal(first[early], short)


def test_fitted_objects_pickle(world: Any) -> None:
    fitted = transformed([Impute(), PCA(2)], Ridge()).fit(world().train())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(world().test()).mean, fitted.predict(world().test()).mean)


# ------------------------------------------------------------------ whole studies

BARS = Synthetic(symbols=3, sessions=300, seed=5).load()


def study(**changes: Any) -> Study:
    parts = {
        "data": BARS,
        "features": [Momentum(5), Momentum(21), RealisedVolatility(10)],
        "target": ForwardReturn(3),
        "forecaster": LinearRegression(),
        "signal": Sign(),
        "validation": WalkForward(train=200, test=50),
    }
    return Study(**{**parts, **changes})


def test_scikit_learns_transformers_stand_plainly_in_a_study_and_are_tuned() -> None:
    parts = [make_pipeline(SimpleImputer(), StandardScaler()), SelectKBest(f_regression, k=2), PCA(Choice(1, 2))]
    declared = study(transforms=parts, tuning=Tuning(folds=2))
    result = walk_forward(declared, BARS)
    problem, whole = Problem.of(declared, BARS), result.forecast
    assert whole is not None
    for fold in result.folds:
        assert [candidate.values for candidate in fold.candidates] == [
            {"transforms.2.n_components": 1},
            {"transforms.2.n_components": 2},
        ]
        train = problem.train(fold.fold, fold.chosen)
        count = fold.chosen["transforms.2.n_components"]
        peer = make_pipeline(
            SimpleImputer(), StandardScaler(), SelectKBest(f_regression, k=2), PCA(count), LinearRegression()
        ).fit(train.x, train.y)
        today = problem.features(fold.chosen).values[fold.fold.test[7]]
        np.testing.assert_allclose(whole.mean[fold.fold.test[7]], peer.predict(today), rtol=1e-9)


@dataclass(frozen=True)
class LateOnly:
    """Weighs the decisions of the last hundred bars a billion times as much as those before."""

    def weigh(self, train: Any) -> Any:
        return np.where(train.time >= train.start + 100, 1.0, 1e-9)


def test_rows_that_weigh_nothing_might_as_well_be_left_out() -> None:
    declared = {"forecaster": Linear(), "transforms": [DropOutliers(RobustZ(8.0), columns=("Momentum(5)",))]}
    late = walk_forward(study(validation=WalkForward(train=100, test=50), **declared), BARS).forecast
    weighted = walk_forward(study(sample_weight=LateOnly(), **declared), BARS).forecast
    plain = walk_forward(study(**declared), BARS).forecast
    assert late is not None
    assert weighted is not None
    assert plain is not None
    np.testing.assert_allclose(weighted.mean[200:], late.mean[200:], rtol=1e-5)
    assert np.abs(plain.mean[200:] / late.mean[200:] - 1.0).max() > 0.1
