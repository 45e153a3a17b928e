"""Reductions against hand calculation and scikit-learn on the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import ClusterFeatures, PrincipalComponents
from tests.features.transforms.worlds import make_world, to_forecast, training

NAN = np.nan


def test_the_component_of_a_line_by_hand() -> None:
    # rows on the line y = -2x: one direction, (-1, 2) / sqrt(5), its larger number positive
    train = training([[-1.0, 2.0], [0.0, 0.0], [1.0, -2.0]])
    fitted = PrincipalComponents(1).fit(train)
    np.testing.assert_allclose(fitted.coefficients[:, 0], np.array([-1.0, 2.0]) / np.sqrt(5.0), rtol=1e-15)
    np.testing.assert_allclose(fitted.variance, [5.0], rtol=1e-15)
    reduced = fitted.transform(to_forecast(train, [[-2.0, 4.0], [2.0, 1.0], [NAN, 1.0]]))
    assert reduced.names == ("component 1",)
    np.testing.assert_allclose(reduced.x[:, 0], [np.sqrt(20.0), 0.0, NAN], atol=1e-15)


def test_components_agree_with_scikit_learn() -> None:
    world = make_world()
    train, test = world.train(), world.test()
    complete = train.x[~np.isnan(train.x).any(axis=1)]
    peer = PCA(3).fit(complete)
    known = ~np.isnan(test.x).any(axis=1)
    given = PrincipalComponents(3).fit(train).transform(test).x
    np.testing.assert_allclose(np.abs(given[known]), np.abs(peer.transform(test.x[known])), rtol=1e-9, atol=1e-10)
    assert np.isnan(given[~known]).all()


def test_the_fewest_components_that_explain_the_share_are_kept() -> None:
    # variances 8/3, 2/3, 0 of three rows: the first explains 80 %
    train = training([[-2.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, -1.0, 1.0], [0.0, 1.0, 1.0]])
    assert [len(PrincipalComponents(share).fit(train).coefficients.T) for share in (0.79, 0.81, 0.99)] == [1, 2, 2]


def test_more_components_than_columns_that_vary_are_refused() -> None:
    train = training([[1.0, 2.0, 5.0], [2.0, 4.0, 5.0], [4.0, 8.0, 5.0]])
    with pytest.raises(FeatureError, match="PrincipalComponents.keep must be at most 1, the columns that vary apart"):
        PrincipalComponents(2).fit(train)


def test_columns_that_are_not_named_stay_before_the_components() -> None:
    train = training([[1.0, 2.0, 5.0], [2.0, 5.0, 7.0], [4.0, 8.0, 5.0]])
    assert PrincipalComponents(1, ("f0", "f2")).fit(train).transform(train).names == ("f1", "component 1")


def test_no_row_free_of_nan_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        FeatureError, match=r"must have training rows with a value of every column; .* Put Impute\(\) before it"
    ):
        PrincipalComponents(1).fit(training([[1.0, NAN], [NAN, 2.0]]))


def test_columns_that_move_together_are_averaged() -> None:
    # f0 and f2 are one line, standardised by (2, 1) and (30, 10): f1 goes with neither, f3 mirrors f0, f4 is constant
    x = np.array(
        [
            [1.0, 1.0, 20.0, -1.0, 4.0],
            [3.0, 1.0, 40.0, -3.0, 4.0],
            [1.0, 2.0, 20.0, -1.0, 4.0],
            [3.0, 2.0, 40.0, -3.0, 4.0],
        ]
    )
    train = training(x)
    fitted = ClusterFeatures(0.9).fit(train)
    assert fitted.groups == (("f0", "f2"),)
    joined = fitted.transform(to_forecast(train, [[4.0, 7.0, 30.0, 9.0, 4.0], [NAN, 7.0, 30.0, 9.0, 4.0]]))
    assert joined.names == ("f1", "f3", "f4", "mean(f0, f2)")
    np.testing.assert_allclose(joined.x, [[7.0, 9.0, 4.0, 1.0], [7.0, 9.0, 4.0, NAN]], rtol=1e-15)


@pytest.mark.parametrize(("correlation", "groups"), [(0.98, (("momentum", "twin"),)), (0.999, ())])
def test_the_planted_pair_is_joined_at_its_correlation(correlation: float, groups: Any) -> None:
    # twin = 2 momentum + 0.3 noise: correlation 2 / sqrt(4.09) = 0.989
    assert ClusterFeatures(correlation).fit(make_world().train()).groups == groups


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: PrincipalComponents(0), "PrincipalComponents.keep must be a whole number of at least 1, or between"),
        (lambda: PrincipalComponents(1.5), "PrincipalComponents.keep must be .*; got 1.5"),
        (lambda: ClusterFeatures(1.0), "ClusterFeatures.correlation must be between 0.0 and 1.0; got 1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        make()
