"""Selections against planted truth and scikit-learn on the training rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.feature_selection import RFE, f_classif, f_regression, mutual_info_regression
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import (
    MutualInformation,
    SelectLasso,
    SelectPermutation,
    SelectRecursive,
    SelectUnivariate,
    Standardise,
)
from tests.features.transforms.worlds import make_world, training

SELECTORS: list[Any] = [
    SelectUnivariate(1),
    SelectUnivariate(1, MutualInformation()),
    SelectLasso(0.5),
    SelectRecursive(1, LinearRegression()),
    SelectPermutation(1, LinearRegression()),
]


def planted(kind: str = "return") -> Any:
    """The third of five columns makes the target; the fourth is constant."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 5))
    x[:, 3] = 1.0
    y = x[:, 2] + 0.3 * rng.normal(size=200)
    return training(x, (y > 0.0).astype(float) if kind == "direction" else y, kind=kind)


def complete() -> Any:
    train = make_world().train()
    return train.where(~np.isnan(train.x).any(axis=1))


@pytest.mark.parametrize("declared", SELECTORS, ids=repr)
def test_the_planted_column_is_found(declared: Any) -> None:
    assert declared.fit(planted()).transform(planted()).names == ("f2",)


@pytest.mark.parametrize(
    "declared", [SelectUnivariate(1), SelectUnivariate(1, MutualInformation()), SelectLasso(0.5),
                 SelectRecursive(1, LogisticRegression()), SelectPermutation(1, LogisticRegression())], ids=repr
)  # fmt: skip
def test_the_planted_column_is_found_for_a_direction(declared: Any) -> None:
    assert declared.fit(planted("direction")).names == ("f2",)


def test_f_statistics_are_scikit_learns_on_rows_without_nan() -> None:
    rows = complete()
    scores = SelectUnivariate(2).fit(make_world().train()).scores
    np.testing.assert_array_equal(list(scores.values()), f_regression(rows.x, rows.y)[0])


def test_f_statistics_of_a_direction_are_by_class_and_a_constant_scores_nothing() -> None:
    rows = planted("direction")
    scores = list(SelectUnivariate(2).fit(rows).scores.values())
    np.testing.assert_allclose(np.delete(scores, 3), f_classif(np.delete(rows.x, 3, axis=1), rows.y)[0], rtol=1e-12)
    assert scores[3] == 0.0


def test_f_statistics_of_three_classes_are_by_class() -> None:
    # the third column is far from 0 in the classes -1 and 1 alike: no regression sees it, their means by class do
    rng = np.random.default_rng(6)
    y = rng.integers(-1, 2, 300).astype(float)
    x = np.stack([rng.normal(size=300), y + 9.0 * rng.normal(size=300), 5.0 * np.abs(y) + rng.normal(size=300)], axis=1)
    fitted = SelectUnivariate(1).fit(training(x, y, kind="class"))
    assert fitted.names == ("f2",)
    np.testing.assert_array_equal(list(fitted.scores.values()), f_classif(x, y)[0])


def test_mutual_information_is_scikit_learns() -> None:
    rows = complete()
    seed = rows.integers(1)[0]
    expected = mutual_info_regression(rows.x, rows.y, n_neighbors=4, random_state=seed)
    scores = SelectUnivariate(2, MutualInformation(4)).fit(rows).scores
    np.testing.assert_array_equal(list(scores.values()), expected)


def test_lasso_keeps_what_scikit_learns_lasso_keeps() -> None:
    rows = complete()
    x, y = StandardScaler().fit_transform(rows.x), (rows.y - rows.y.mean()) / rows.y.std()
    largest = max(abs(np.corrcoef(column, y)[0, 1]) for column in x.T)
    expected = np.abs(Lasso(alpha=0.2 * largest).fit(x, y).coef_)
    scores = SelectLasso(0.2).fit(rows).scores
    np.testing.assert_allclose(list(scores.values()), expected, atol=1e-3)
    assert [score > 0.0 for score in scores.values()] == (expected > 0.0).tolist()


@pytest.mark.parametrize("penalty", [0.01, 0.5, 0.999])
def test_lasso_always_keeps_something(penalty: float) -> None:
    kept = SelectLasso(penalty).fit(complete()).names
    assert 1 <= len(kept) <= 4
    assert "spread" in kept  # of deviation 0.008 in the target, beside 0.004 and a noise of 0.01


def test_recursive_elimination_is_scikit_learns() -> None:
    rows = Standardise().fit(complete()).transform(complete())
    expected = RFE(LinearRegression(), n_features_to_select=2).fit(rows.x, rows.y)
    fitted = SelectRecursive(2, LinearRegression()).fit(rows)
    assert fitted.names == tuple(np.array(rows.names)[expected.support_])
    assert list(fitted.scores.values()) == (1.0 - expected.ranking_).tolist()


def test_permutation_is_scikit_learns_on_later_rows() -> None:
    rows, expected = complete(), []
    decisions = np.unique(rows.time)
    size = len(decisions) // 4  # two folds: the first half of the decisions trains, the second is held out in two
    for first, stop, seed in zip((-2 * size, -size), (-size, None), rows.integers(2), strict=True):
        held = decisions[first:stop]
        earlier, later = rows.time + 1 <= held[0], np.isin(rows.time, held)  # labels end one bar after their decision
        model = LinearRegression().fit(rows.x[earlier], rows.y[earlier])
        harm = permutation_importance(model, rows.x[later], rows.y[later], n_repeats=5, random_state=seed)
        expected.append(harm.importances_mean)
    scores = SelectPermutation(2, LinearRegression(), folds=2).fit(rows).scores
    np.testing.assert_array_equal(list(scores.values()), np.mean(expected, axis=0))


def test_permutation_purges_by_label_end_and_embargo() -> None:
    # 8 decisions, of which 4 and 5 are held out, then 6 and 7; labels take 3 bars
    train = training(np.arange(8.0)[:, None], label_end=np.arange(8) + 3)
    declared = SelectPermutation(1, LinearRegression(), folds=2)
    parts = [(earlier.time.tolist(), later.time.tolist()) for earlier, later in declared.splits(train)]
    assert parts == [([0, 1], [4, 5]), ([0, 1, 2, 3], [6, 7])]
    embargoed = declared.splits(replace(train, embargo=1))
    assert [earlier.time.tolist() for earlier, _ in embargoed] == [[0], [0, 1, 2]]


def test_inner_folds_need_two_decisions_each() -> None:
    with pytest.raises(FeatureError, match="must have at least 6 decisions for its inner folds; got 5"):
        SelectPermutation(1, LinearRegression()).fit(training(np.arange(5.0)[:, None]))


def test_a_purge_that_leaves_nothing_is_refused() -> None:
    train = training(np.arange(8.0)[:, None], label_end=np.full(8, 9))
    with pytest.raises(
        FeatureError, match="must have rows of every target to fit to, after the purge; got '0 rows before"
    ):
        SelectPermutation(1, LinearRegression()).fit(train)


def test_columns_stay_in_their_order_and_the_first_of_equals_is_kept() -> None:
    x = np.array([[1.0, 4.0, 1.0], [2.0, 1.0, 2.0], [3.0, 3.0, 3.0], [5.0, 2.0, 5.0]])
    assert SelectUnivariate(1).fit(training(x)).names == ("f0",)
    assert SelectUnivariate(2).fit(training(x)).names == ("f0", "f2")


@pytest.mark.parametrize("declared", [SelectUnivariate(9), SelectRecursive(9, LinearRegression())])
def test_more_columns_than_there_are_cannot_be_kept(declared: Any) -> None:
    with pytest.raises(FeatureError, match="keep must be at most 5, the number of features; got 9"):
        declared.fit(planted())


@pytest.mark.parametrize("declared", SELECTORS, ids=repr)
def test_a_constant_target_is_refused(declared: Any) -> None:
    with pytest.raises(FeatureError, match="must see a target that varies in training; got 'a constant 1'"):
        declared.fit(training(np.arange(6.0)[:, None], np.ones(6)))


def test_what_scikit_learn_refuses_is_an_error_that_names_the_estimator() -> None:
    with pytest.raises(FeatureError, match=r"RFE could not be fitted: .*\(200 rows, 2024"):
        SelectRecursive(1, LogisticRegression()).fit(planted())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SelectUnivariate(0), "SelectUnivariate.keep must be at least 1; got 0"),
        (lambda: SelectUnivariate(1, MutualInformation), "SelectUnivariate.by must be a score"),  # type: ignore[arg-type]
        (lambda: SelectLasso(1.0), "SelectLasso.penalty must be between 0.0 and 1.0; got 1.0"),
        (
            lambda: SelectPermutation(1, LinearRegression),
            "SelectPermutation.estimator must be a scikit-learn estimator",
        ),
        (lambda: SelectPermutation(1, LinearRegression(), 0), "SelectPermutation.folds must be at least 1; got 0"),
        (lambda: SelectRecursive(1, None), "SelectRecursive.estimator must be a scikit-learn estimator; got None"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        make()
