"""Any scikit-learn transformer inside a fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import Standardise, Transformer, as_transform
from tests.features.transforms.worlds import make_world, to_forecast, training

NAN = np.nan


def test_a_clone_is_fitted_on_training_rows_and_the_declaration_never() -> None:
    world, declared = make_world(), StandardScaler()
    train, test = world.train(), world.test()
    fitted = Transformer(declared).fit(train)
    np.testing.assert_array_equal(fitted.model.mean_, StandardScaler().fit(train.x).mean_)
    np.testing.assert_array_equal(fitted.transform(test).x, StandardScaler().fit(train.x).transform(test.x))
    assert fitted.transform(test).names == test.names
    assert not hasattr(declared, "mean_")


def test_rows_with_nan_are_nan_where_a_transformer_takes_none() -> None:
    train = training([[1.0, 2.0], [3.0, 5.0], [NAN, 1.0], [4.0, 1.0]])
    reduced = Transformer(PCA(1)).fit(train).transform(to_forecast(train, [[1.0, NAN], [1.0, 2.0]]))
    assert reduced.names == ("pca0",)
    assert np.isnan(reduced.x[:, 0]).tolist() == [True, False]
    peer = PCA(1).fit([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]])
    np.testing.assert_allclose(reduced.x[1], peer.transform([[1.0, 2.0]])[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("composed", "takes"),
    [
        (make_pipeline(SimpleImputer(), PCA(1)), True),
        (make_pipeline(StandardScaler(), SimpleImputer(), PCA(1)), True),
        (make_pipeline(StandardScaler(), PCA(1)), False),
        (make_pipeline(PCA(1), SimpleImputer()), False),
        (make_pipeline("passthrough", StandardScaler()), True),
        (make_union(SimpleImputer(), StandardScaler()), True),
        (make_union(SimpleImputer(), PCA(1)), False),
        (ColumnTransformer([("scaled", StandardScaler(), [0])], remainder="passthrough"), True),
        (ColumnTransformer([("scaled", StandardScaler(), [0])], remainder=PCA(1)), False),
    ],
    ids=str,
)
def test_a_composed_transformer_takes_nan_as_its_parts_do(composed: Any, takes: bool) -> None:
    train = training([[1.0, 2.0], [3.0, 5.0], [NAN, 1.0], [4.0, 1.0]])
    made = Transformer(composed).fit(train).transform(to_forecast(train, [[NAN, 2.0], [1.0, 2.0]])).x
    shown = train.x if takes else train.x[[0, 1, 3]]
    peer = clone(composed).fit(shown)
    np.testing.assert_allclose(made[1], peer.transform(np.array([[1.0, 2.0]]))[0], rtol=1e-12)
    expected = peer.transform(np.array([[NAN, 2.0]]))[0] if takes else np.full(made.shape[1], NAN)
    np.testing.assert_allclose(made[0], expected, rtol=1e-12)


def test_names_come_from_the_transformer_and_its_target_from_the_rows() -> None:
    train = training([[1.0, 5.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0]], [1.0, 2.0, 3.0, 4.1])
    assert Transformer(SelectKBest(f_regression, k=1)).fit(train).transform(train).names == ("f0",)


def test_sparse_columns_are_laid_out_in_full_and_others_stay_before_them() -> None:
    train = training([[1.0, 5.0], [2.0, 6.0]])
    coded = Transformer(OneHotEncoder(), ["f0"]).fit(train).transform(train)
    assert coded.names == ("f1", "f0_1.0", "f0_2.0")
    np.testing.assert_array_equal(coded.x, [[5.0, 1.0, 0.0], [6.0, 0.0, 1.0]])


def test_seeds_that_are_none_are_set_from_the_rows_and_threads_to_one() -> None:
    train = training(np.random.default_rng(0).normal(size=(9, 3)))
    model = Transformer(make_pipeline(GaussianRandomProjection(2), PCA(1, random_state=5))).fit(train).model
    parameters = model.get_params()
    assert parameters["gaussianrandomprojection__random_state"] == train.integers(1)[0]
    assert parameters["pca__random_state"] == 5


class Nameless(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Returns one column more than it is given, without names."""

    def fit(self, x: Any, y: Any = None) -> Any:
        self.fitted_ = True
        return self

    def transform(self, x: Any) -> Any:
        return np.column_stack([x, x[:, :1]])


def test_columns_without_names_are_refused() -> None:
    with pytest.raises(
        FeatureError, match=r"the columns of Nameless must have names, 3 of them; got 2 .* get_feature_names_out"
    ):
        Transformer(Nameless()).fit(training([[1.0, 2.0], [3.0, 4.0]]))


def test_a_transformer_that_returns_other_rows_is_refused() -> None:
    shrinking = FunctionTransformer(lambda x: x[:1], feature_names_out="one-to-one")
    train = training([[1.0], [2.0]], time=[0, 0], symbol=[0, 1])
    with pytest.raises(FeatureError, match=r"FunctionTransformer must return 1 numbers for each row; got \(1, 1\)"):
        Transformer(shrinking).fit(train).transform(train)


def test_what_scikit_learn_refuses_is_an_error_that_names_it() -> None:
    with pytest.raises(FeatureError, match=r"PCA could not be fitted: n_components=3 must be between"):
        Transformer(PCA(3)).fit(training([[1.0], [2.0]]))


def test_what_is_a_transform_is_told_by_its_methods() -> None:
    assert as_transform(Standardise()) == Standardise()
    assert isinstance(as_transform(StandardScaler()), Transformer)
    with pytest.raises(ParameterError, match=r"a transform must be an object; got .* Write StandardScaler\(\)"):
        as_transform(StandardScaler)
    with pytest.raises(ParameterError, match=r"a transform must have a method fit\(train\); got 'scale'"):
        as_transform("scale")
    with pytest.raises(ParameterError, match="Transformer.transformer must be an object with a method 'transform'"):
        Transformer(Standardise())
