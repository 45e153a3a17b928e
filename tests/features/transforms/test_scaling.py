"""Scaling against hand calculation, NumPy and scikit-learn on the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import RobustScaler, StandardScaler

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import PerDate, PerSymbol, Pooled, RankScale, RobustScale, Standardise, Winsorise
from tests.features.transforms.worlds import make_world, to_forecast, training

NAN = np.nan
COLUMN = [[1.0], [2.0], [3.0], [NAN], [6.0]]
TWO_SYMBOLS = {"time": [0, 0, 1, 1, 2, 2], "symbol": [0, 1, 0, 1, 0, 1]}
PANEL = [[1.0], [10.0], [3.0], [30.0], [5.0], [NAN]]


def test_standardise_by_hand() -> None:
    # mean 3, variance ((-2)^2 + 1 + 0 + 9) / 4 = 3.5
    train = training(COLUMN)
    fitted = Standardise().fit(train)
    assert fitted.statistics.values.tolist() == [[3.0], [np.sqrt(3.5)]]
    test = to_forecast(train, [[3.0], [10.0], [NAN]])
    np.testing.assert_array_equal(fitted.transform(test).x[:, 0], [0.0, 7.0 / np.sqrt(3.5), NAN])


def test_statistics_are_exactly_those_of_the_training_rows_and_not_of_all() -> None:
    world = make_world()
    train, test = world.train(), world.test()
    mean, deviation = Standardise().fit(train).statistics.values
    np.testing.assert_allclose(mean, np.nanmean(train.x, axis=0), rtol=1e-14)
    np.testing.assert_allclose(deviation, np.nanstd(train.x, axis=0), rtol=1e-14)
    low, high = Winsorise(0.05, 0.9).fit(train).statistics.values
    np.testing.assert_array_equal([low, high], np.nanquantile(train.x, [0.05, 0.9], axis=0))
    both = np.concatenate([train.x, test.x])
    assert (np.abs(mean - np.nanmean(both, axis=0)) > 1e-3).all()
    assert (low[:3] != np.nanquantile(both, 0.05, axis=0)[:3]).all()


@pytest.mark.parametrize(("declared", "peer"), [(Standardise(), StandardScaler()), (RobustScale(), RobustScaler())])
def test_scalers_agree_with_scikit_learn(declared: Any, peer: Any) -> None:
    world = make_world()
    train, test = world.train(), world.test()
    peer.fit(train.x)
    np.testing.assert_allclose(declared.fit(train).transform(test).x, peer.transform(test.x), rtol=1e-12, atol=1e-13)


def test_robust_scale_by_hand() -> None:
    # 1 2 3 6: median 2.5, quartiles 1.75 and 3.75
    train = training(COLUMN)
    test = to_forecast(train, [[2.5], [6.5]])
    assert RobustScale().fit(train).transform(test).x.tolist() == [[0.0], [2.0]]


def test_winsorise_by_hand() -> None:
    # 1 2 3 6: the quantiles at 1/6 and 5/6 stand at 0.5 and 2.5 steps, which is 1.5 and 4.5
    train = training(COLUMN)
    test = to_forecast(train, [[-9.0], [2.0], [9.0], [NAN]])
    np.testing.assert_allclose(Winsorise(1 / 6, 5 / 6).fit(train).transform(test).x[:, 0], [1.5, 2.0, 4.5, NAN])


def test_rank_scale_by_hand() -> None:
    # of 1 2 2 5: nothing below 1; 2 has one below and one above; 3 has three below and one above
    train = training([[2.0], [1.0], [NAN], [5.0], [2.0]])
    test = to_forecast(train, [[1.0], [2.0], [3.0], [0.0], [9.0], [NAN]])
    np.testing.assert_array_equal(RankScale().fit(train).transform(test).x[:, 0], [-0.75, 0.0, 0.5, -1.0, 1.0, NAN])


def test_rank_per_date_is_the_cross_section() -> None:
    train = training([[4.0], [2.0], [9.0], [8.0], [5.0]], time=[0] * 5, symbol=range(5))
    ranks = RankScale(per=PerDate()).fit(train).transform(train).x[:, 0]
    np.testing.assert_allclose(ranks, [-0.4, -0.8, 0.8, 0.4, 0.0], rtol=1e-15)


def test_per_symbol_uses_each_symbols_training_rows() -> None:
    # A: 1 3 5, mean 3, variance 8/3; B: 10 30, mean 20, deviation 10; a third symbol has none
    train = training(PANEL, **TWO_SYMBOLS)
    test = to_forecast(train, [[3.0 + np.sqrt(8 / 3)], [35.0], [1.0]], symbol=[0, 1, 2], time=[5, 5, 5])
    scaled = Standardise(per=PerSymbol()).fit(train).transform(test).x[:, 0]
    np.testing.assert_allclose(scaled, [1.0, 1.5, NAN], rtol=1e-15)


def test_per_date_uses_the_dates_rows_alone() -> None:
    train = training(PANEL, **TWO_SYMBOLS)
    test = to_forecast(train, [[1.0], [5.0], [7.0], [NAN], [4.0]], symbol=[0, 1, 0, 1, 0], time=[5, 5, 6, 6, 7])
    np.testing.assert_array_equal(
        Standardise(per=PerDate()).fit(train).transform(test).x[:, 0], [-1.0, 1.0, 0.0, NAN, 0.0]
    )


@pytest.mark.parametrize("declared", [Standardise(), RobustScale()])
def test_a_constant_column_is_not_divided(declared: Any) -> None:
    train = training([[0.1]] * 7)
    np.testing.assert_allclose(declared.fit(train).transform(to_forecast(train, [[0.1], [1.1]])).x[:, 0], [0.0, 1.0],
                               atol=1e-15)  # fmt: skip


def test_only_the_named_columns_are_touched() -> None:
    train = training([[1.0, 1.0], [3.0, 3.0]])
    np.testing.assert_array_equal(Standardise(columns=["f1"]).fit(train).transform(train).x, [[1.0, -1.0], [3.0, 1.0]])


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(
        FeatureError,
        match=r"a column of Standardise must be among the features; got 'momentun'. Did you mean 'momentum'\?",
    ):
        Standardise(columns=["momentun"]).fit(make_world().train())


def test_a_column_without_a_training_value_is_named() -> None:
    train = training([[1.0, NAN], [2.0, NAN]])
    text = r"the columns of Standardise must have values in training; got 'NaN on every row of f1' \(2 rows, 2024-01-01 to 2024-01-02\)"
    with pytest.raises(FeatureError, match=text):
        Standardise().fit(train)


def test_no_features_are_refused() -> None:
    with pytest.raises(FeatureError, match=r"Standardise must have features to transform; got 'none'. Add features"):
        Standardise().fit(training(np.empty((3, 0))))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Winsorise(0.9, 0.1), r"Winsorise must have lower < upper; got \(0.9, 0.1\)"),
        (lambda: Winsorise(-0.1), "Winsorise.lower must be a share from 0 to 1; got -0.1"),
        (lambda: Winsorise(0.1, 2), "Winsorise.upper must be a share from 0 to 1; got 2"),
        (lambda: Standardise(per=PerDate), "Standardise.per must be a scope; got .* Write per=Pooled"),  # type: ignore[arg-type]
        (lambda: Standardise(columns="spread"), "Standardise.columns must be a list of features' names"),  # type: ignore[arg-type]
        (lambda: Standardise(columns=["a", "a"]), "Standardise.columns must name each feature once"),  # type: ignore[arg-type]
    ],
)
def test_parameters_out_of_range_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        make()


def test_pooled_is_the_default() -> None:
    assert Standardise() == Standardise(per=Pooled())
