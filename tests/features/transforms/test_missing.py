"""Imputation by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms import FlagMissing, Impute, Mean, Median, PerDate, PerSymbol
from tests.features.transforms.worlds import to_forecast, training

NAN = np.nan
PANEL = [[1.0], [NAN], [2.0], [NAN], [6.0], [40.0]]
WHERE = {"time": [0, 0, 1, 1, 2, 2], "symbol": [0, 1, 0, 1, 0, 1]}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (Impute(), 4.0),  # of 1 2 6 40
        (Impute(Mean()), 12.25),
        (Impute(per=PerSymbol()), 2.0),  # of 1 2 6
        (Impute(Mean(), per=PerSymbol()), 3.0),
    ],
)
def test_nan_becomes_the_training_statistic(declared: Any, expected: float) -> None:
    train = training(PANEL, **WHERE)
    test = to_forecast(train, [[NAN], [100.0]], time=[3, 4])
    np.testing.assert_array_equal(declared.fit(train).transform(test).x[:, 0], [expected, 100.0])


def test_per_date_takes_the_other_symbols_of_the_date() -> None:
    train = training(PANEL, **WHERE)
    test = to_forecast(train, [[1.0], [NAN], [5.0], [NAN], [7.0]], time=[3, 3, 3, 4, 5], symbol=[0, 1, 2, 0, 0])
    np.testing.assert_array_equal(Impute(per=PerDate()).fit(train).transform(test).x[:, 0], [1.0, 3.0, 5.0, NAN, 7.0])


def test_a_symbol_without_training_values_keeps_what_it_has() -> None:
    train = training(PANEL, **WHERE)
    test = to_forecast(train, [[NAN], [5.0]], symbol=[2, 2])
    np.testing.assert_array_equal(Impute(per=PerSymbol()).fit(train).transform(test).x[:, 0], [NAN, 5.0])


def test_flags_are_added_for_columns_that_were_missing_in_training() -> None:
    train = training([[1.0, 1.0], [NAN, 2.0]])
    flagged = FlagMissing().fit(train).transform(to_forecast(train, [[NAN, NAN], [5.0, 6.0]]))
    assert flagged.names == ("f0", "f1", "f0 is missing")
    np.testing.assert_array_equal(flagged.x, [[NAN, NAN, 1.0], [5.0, 6.0, 0.0]])


def test_nothing_is_flagged_where_nothing_was_missing() -> None:
    train = training([[1.0], [2.0]])
    assert FlagMissing().fit(train).transform(train).names == ("f0",)


def test_flagging_twice_is_refused() -> None:
    train = training([[1.0], [NAN]])
    once = FlagMissing().fit(train).transform(train)
    with pytest.raises(FeatureError, match="the columns of FlagMissing must have new names; got 'f0 is missing'"):
        FlagMissing().fit(once).transform(once)


def test_a_class_is_no_statistic() -> None:
    with pytest.raises(ParameterError, match=r"Impute.value must be a statistic; .* Write Median\(\) or Mean\(\)"):
        Impute(Median)  # type: ignore[arg-type]
