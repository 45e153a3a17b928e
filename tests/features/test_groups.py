from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from quantml.bars import Bars
from quantml.canonical import digest
from quantml.errors import FeatureError, ParameterError
from quantml.features import Category, InCategory, build_features, feature_name, one_hot

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=2)
CLOSE = pd.DataFrame({"AAPL": [1.0, 1.0], "JPM": [NAN, 1.0], "MSFT": [1.0, 1.0], "XOM": [1.0, NAN]}, index=DAYS)
BARS = Bars.from_close(CLOSE, periods_per_year=252)
SECTORS = {"XOM": "energy", "AAPL": "technology", "MSFT": "technology", "JPM": "financials", "PFE": "health"}


def test_labels_become_their_places_in_the_alphabet() -> None:
    # energy 0, financials 1, health 2, technology 3
    expected = [[3.0, NAN, 3.0, 0.0], [3.0, 1.0, 3.0, NAN]]
    np.testing.assert_array_equal(Category(SECTORS)(BARS), expected)
    encoder = OrdinalEncoder().fit(np.array([*SECTORS.values()])[:, None])
    coded = encoder.transform([[SECTORS[symbol]] for symbol in BARS.symbols])[:, 0]
    np.testing.assert_array_equal(Category(SECTORS)(BARS).bfill().iloc[0, :3], coded[:3])


def test_one_hot_makes_a_column_for_each_label() -> None:
    columns = one_hot(SECTORS, "sector")
    assert [feature_name(column) for column in columns] == [
        "InCategory(sector, energy)",
        "InCategory(sector, financials)",
        "InCategory(sector, health)",
        "InCategory(sector, technology)",
    ]
    encoder = OneHotEncoder(sparse_output=False).fit(np.array([*SECTORS.values()])[:, None])
    coded = encoder.transform([[SECTORS[symbol]] for symbol in BARS.symbols])
    built = build_features(columns, BARS).values
    np.testing.assert_array_equal(built[1, :3], coded[:3])
    assert np.isnan(built[1, 3]).all()


def test_a_category_is_a_declaration() -> None:
    feature = Category(SECTORS, "sector")
    assert (feature_name(feature), feature.warmup) == ("Category(sector)", 0)
    again = Category(dict(sorted(SECTORS.items())), "sector")
    assert feature == again
    assert hash(feature) == hash(pickle.loads(pickle.dumps(again)))
    assert digest(feature) == digest(again)
    assert digest(feature) != digest(Category({**SECTORS, "XOM": "oil"}, "sector"))


def test_a_mapping_given_to_a_category_may_change_afterwards() -> None:
    labels = dict(SECTORS)
    feature = Category(labels)
    labels["XOM"] = "oil"
    assert feature.labels["XOM"] == "energy"


@pytest.mark.parametrize("make", [Category, lambda labels: InCategory(labels, label="energy")])
def test_a_symbol_without_a_label_is_an_error(make: Any) -> None:
    labels = {symbol: sector for symbol, sector in SECTORS.items() if symbol != "MSFT"} | {"MSFTX": "technology"}
    with pytest.raises(FeatureError) as caught:
        build_features([make(labels)], BARS)
    text = str(caught.value)
    assert "labels must have every symbol of the bars; got 'MSFT'. Did you mean 'MSFTX'?" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Category({}), "Category.labels must map symbols to labels; got {}."),
        (lambda: Category(["x"]), "Category.labels must map symbols to labels; got ['x']."),
        (lambda: Category({"A": 3}), "Category.labels must be texts; got 3 (A)."),
        (lambda: InCategory(SECTORS, label="enrgy"), "InCategory.label must be one of the labels; got 'enrgy'. "
                                                     "Did you mean 'energy'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
