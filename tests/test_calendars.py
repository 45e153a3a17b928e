"""Sessions and periods per year."""

import pandas as pd
import pytest

from quantml.calendars import infer_periods_per_year, missing_sessions, next_session, sessions
from quantml.errors import DataError


def test_new_york_was_closed_after_september_11_2001():
    # NYSE holidays and special closings: closed 11-14 September 2001
    found = sessions("XNYS", pd.Timestamp("2001-09-07"), pd.Timestamp("2001-09-18"))
    assert [f"{day:%m-%d}" for day in found] == ["09-07", "09-10", "09-17", "09-18"]


def test_next_session_skips_a_long_weekend():
    assert next_session("XNYS", pd.Timestamp("2018-12-31")) == pd.Timestamp("2019-01-02")


def test_missing_sessions_are_those_that_the_exchange_had():
    clock = pd.DatetimeIndex(["2001-09-10", "2001-09-18"]).as_unit("us")
    assert missing_sessions(clock, "XNYS").tolist() == [pd.Timestamp("2001-09-17")]


def test_an_unknown_exchange_is_named_with_a_near_one():
    with pytest.raises(DataError, match=r"calendar must name an exchange; got 'NYSY'. Did you mean 'XNYS'\?"):
        next_session("NYSY", pd.Timestamp("2018-12-31"))


@pytest.mark.parametrize(
    ("frequency", "periods"), [("B", 252.0), ("D", 365.0), ("W", 52.0), ("ME", 12.0), ("QE", 4.0), ("YE", 1.0)]
)
def test_usual_clocks(frequency, periods):
    assert infer_periods_per_year(pd.date_range("2000-01-01", periods=40, freq=frequency)) == periods
