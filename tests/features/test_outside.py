from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.exogenous import Exogenous
from quantml.features import Outside, build_features

NAN = np.nan
DAYS = pd.DatetimeIndex(["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05", "2024-02-06"])


@pytest.fixture
def bars() -> Bars:
    close = pd.DataFrame({"A": np.arange(1.0, 7.0), "B": [1.0, 1.0, NAN, 1.0, 1.0, 1.0]}, index=DAYS)
    released = pd.DatetimeIndex(["2024-01-31", "2024-02-03 14:30"])
    months = pd.DatetimeIndex(["2023-12-01", "2024-01-01"])
    inflation = pd.DataFrame({"rate": [3.4, 3.1], "released": released}, index=months)
    tables = Exogenous(inflation, name="inflation", available_at="released")
    return Bars.from_close(close, periods_per_year=252).with_tables(tables)


def test_the_newest_value_available_at_each_decision(bars: Bars) -> None:
    expected = [[NAN, NAN], [3.4, 3.4], [3.4, NAN], [3.4, 3.4], [3.1, 3.1], [3.1, 3.1]]
    np.testing.assert_array_equal(Outside("inflation", "rate")(bars), expected)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Outside("inflatoin", "rate"), "feature Outside('inflatoin', 'rate'): Outside.table must be an outside table "
                                       "of the bars; got 'inflatoin'. Did you mean 'inflation'?"),
        (Outside("inflation", "rat"), "feature Outside('inflation', 'rat'): Outside.column must be a column of the "
                                      "table 'inflation'; got 'rat'. Did you mean 'rate'?"),
    ],
)  # fmt: skip
def test_an_unknown_table_or_column_suggests_the_near_one(bars: Bars, feature: Outside, message: str) -> None:
    with pytest.raises(FeatureError) as caught:
        build_features([feature], bars)
    assert str(caught.value) == message


def test_bars_without_outside_tables_say_how_to_join_one() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": np.ones(6)}, index=DAYS), periods_per_year=252)
    with pytest.raises(FeatureError, match=r"There are none; join some with Study\(exogenous=...\)"):
        Outside("inflation", "rate")(bars)


def test_a_table_that_starts_after_the_bars_is_an_error(bars: Bars) -> None:
    late = Exogenous(pd.DataFrame({"x": [1.0]}, index=[pd.Timestamp("2024-02-06")]), name="late", lag="1d")
    with pytest.raises(FeatureError, match=r"must have a value somewhere; got 'NaN throughout' \(the longest history"):
        build_features([Outside("late", "x")], bars.with_tables(late))
