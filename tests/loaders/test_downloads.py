from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.errors import DataError
from quantml.loaders.downloads import FIELDS, read_download
from tests.loaders.feed import prices

ROWS = prices(5, seed=0)


def test_columns_come_in_order_at_one_resolution_and_without_a_name() -> None:
    given = ROWS[list(reversed(FIELDS))].set_axis(ROWS.index.as_unit("s").rename("Date"))
    pd.testing.assert_frame_equal(read_download(given, "A"), ROWS)


def test_equal_numbers_become_equal_bytes() -> None:
    given = ROWS.copy()
    other_nan = np.array([0xFFF8000000000001], dtype=np.uint64).view(np.float64)[0]
    given.iloc[0, :2] = [-0.0, other_nan]
    values = read_download(given, "A").to_numpy()[0, :2]
    assert values.view(np.uint64).tolist() == [0, 0x7FF8000000000000]


def test_a_download_may_have_no_rows() -> None:
    assert read_download(ROWS.iloc[:0], "A").shape == (0, 7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ROWS.drop(columns="split"), r"a download must have the columns open, high, low, close, volume, split, .* \(A\)"),
        (ROWS.assign(adjusted=1.0), "a download must have the columns"),
        (ROWS.iloc[[0, 1, 1, 2]], r"times must be unique \(A, 2020-01-02 00:00:00 stands twice\)"),
        (ROWS.iloc[[0, 2, 1]], r"times must increase \(A, 2020-01-02 00:00:00 follows 2020-01-03 00:00:00\)"),
        (ROWS.reset_index(drop=True), "times must be a DatetimeIndex"),
        (ROWS.tz_localize("America/New_York"), "times must be tz-naive sessions or intraday UTC; got 'America/New_York'"),
        (ROWS.astype({"close": object}).replace({"close": {ROWS["close"].iloc[0]: "n/a"}}), "must hold numbers.*n/a"),
    ],
)  # fmt: skip
def test_a_download_that_cannot_be_read_is_refused_by_name(given: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_download(given, "A")
