"""Outliers of training rows, by hand and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import DropOutliers, Isolation, RobustZ
from tests.features.transforms.worlds import make_world, to_forecast, training

NAN = np.nan
# 0 to 6: median 3, distances 3 2 1 0 1 2 3 with median 2; NaN is no outlier
LINE = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]


@pytest.mark.parametrize(("limit", "kept"), [(3.01 / 2 / 1.4826, 7), (2.99 / 2 / 1.4826, 5), (1.99 / 2 / 1.4826, 3)])
def test_rows_beyond_the_limit_are_left_out(limit: float, kept: int) -> None:
    train = training(LINE)
    left = DropOutliers(RobustZ(limit)).fit(train).transform(train)
    assert len(left.y) == len(left.x) == len(left.time) == kept


def test_rows_to_forecast_all_stay() -> None:
    train = training(LINE)
    test = to_forecast(train, [[1e9], [NAN]])
    np.testing.assert_array_equal(DropOutliers(RobustZ(1.0)).fit(train).transform(test).x, test.x)


def test_nan_is_no_outlier_and_a_column_mostly_of_one_value_is_not_judged() -> None:
    train = training([[NAN, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [900.0, 9.0]])
    left = DropOutliers(RobustZ(5.0)).fit(train).transform(train)
    assert left.time.tolist() == [0, 1, 2, 3]
    assert len(DropOutliers(RobustZ(5.0), ["f1"]).fit(train).transform(train).y) == 5


def test_isolation_is_scikit_learns_forest() -> None:
    train = make_world().train()
    complete = ~np.isnan(train.x).any(axis=1)
    forest = IsolationForest(n_estimators=20, contamination=0.05, random_state=train.integers(1)[0]).fit(
        train.x[complete]
    )
    expected = train.time[complete][forest.predict(train.x[complete]) == 1]
    left = DropOutliers(Isolation(0.05, trees=20)).fit(train).transform(train)
    np.testing.assert_array_equal(left.time[~np.isnan(left.x).any(axis=1)], expected)
    assert (~complete).sum() == np.isnan(left.x).any(axis=1).sum()


def test_leaving_out_every_row_is_refused() -> None:
    train = training([[0.0, 9.0], [1.0, 0.0], [2.0, 1.0], [9.0, 2.0]])
    with pytest.raises(FeatureError, match="DropOutliers must leave some training rows; got 0 .* Raise the limit"):
        DropOutliers(RobustZ(0.01)).fit(train).transform(train)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RobustZ(0), "RobustZ.limit must be a finite number above 0; got 0"),
        (lambda: Isolation(0.6), "Isolation.share must be above 0.0 and at most 0.5; got 0.6"),
        (lambda: Isolation(trees=0), "Isolation.trees must be at least 1; got 0"),
        (lambda: DropOutliers(RobustZ), r"DropOutliers.rule must be a rule; .* Write RobustZ\(\)"),  # type: ignore[arg-type]
    ],
)
def test_parameters_out_of_range_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        make()
