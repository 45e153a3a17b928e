"""Encodings by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import OneHot, TargetEncode
from tests.features.transforms.worlds import to_forecast, training

NAN = np.nan


def test_one_hot_by_hand() -> None:
    train = training([[7.0, 3.0], [8.0, 1.0], [9.0, 3.0]], names=("level", "sector"))
    coded = OneHot("sector").fit(train).transform(to_forecast(train, [[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [4.0, NAN]]))
    assert coded.names == ("level", "sector=1", "sector=3")
    np.testing.assert_array_equal(coded.x, [[1, 1, 0], [2, 0, 1], [3, 0, 0], [4, NAN, NAN]])


def test_categories_of_many_digits_have_names_of_their_own() -> None:
    # codes of a sub-industry classification have 8 digits, of which 6 are alike
    train = training([[45102010.0], [45102011.0], [-0.5], [1e-7]], names=("industry",))
    names = OneHot("industry").fit(train).transform(train).names
    assert names == ("industry=-0.5", "industry=1e-07", "industry=45102010", "industry=45102011")


def test_a_number_is_no_category() -> None:
    with pytest.raises(FeatureError, match="the column f0 of OneHot must have at most 100 categories; got 101"):
        OneHot("f0").fit(training(np.arange(101.0)[:, None]))


def test_target_means_of_rows_to_forecast_by_hand() -> None:
    # category 1: (1 + 3) of 2 rows; category 2: 8 of 1 row; mean of all 4; smoothing 2
    train = training([[1.0], [1.0], [2.0]], [1.0, 3.0, 8.0])
    coded = TargetEncode("f0", smoothing=2.0).fit(train).transform(to_forecast(train, [[1.0], [2.0], [5.0], [NAN]]))
    np.testing.assert_allclose(coded.x[:, 0], [(4 + 8) / 4, (8 + 8) / 3, 4.0, NAN], rtol=1e-15)


def test_training_rows_see_only_labels_that_were_known_at_their_decision() -> None:
    # labels are known two bars after each decision: the first two rows know none, the third knows the first
    train = training([[1.0], [1.0], [1.0], [2.0], [1.0]], [1.0, 3.0, 8.0, 5.0, 7.0], label_end=[2, 3, 4, 5, 6])
    coded = TargetEncode("f0", smoothing=2.0).fit(train).transform(train).x[:, 0]
    known = [NAN, NAN, (1 + 2 * 1) / 3, (0 + 2 * 2) / 2, (1 + 3 + 8 + 2 * 4) / 5]
    np.testing.assert_allclose(coded, known, rtol=1e-15)


def test_no_training_row_hangs_on_its_own_label_or_on_later_ones() -> None:
    x = [[1.0], [2.0]] * 10
    y = np.random.default_rng(0).normal(size=20)
    other = np.where(np.arange(20) >= 12, y + 100.0, y)
    first, second = (TargetEncode("f0").fit(rows).transform(rows).x for rows in (training(x, y), training(x, other)))
    np.testing.assert_array_equal(first[:13], second[:13])
    assert (first[13:] != second[13:]).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: OneHot(3), "OneHot.column must be the name of a feature; got 3"),  # type: ignore[arg-type]
        (lambda: TargetEncode("f0", 0.0), "TargetEncode.smoothing must be a finite number above 0; got 0.0"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        make()


@pytest.mark.parametrize("declared", [OneHot("sectr"), TargetEncode("sectr")])
def test_the_nearest_column_is_suggested(declared: Any) -> None:
    with pytest.raises(FeatureError, match=r"got 'sectr'. Did you mean 'sector'\?"):
        declared.fit(training([[1.0], [2.0]], names=("sector",)))
