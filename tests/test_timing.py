"""Spans and calendar blocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.timing import Fill, Span, block_number


@pytest.mark.parametrize(
    ("span", "moment", "start"),
    [
        ("3m", "2020-05-17", "2020-04-01"),  # quarters
        ("6m", "2020-07-01", "2020-07-01"),
        ("1y", "2020-12-31", "2020-01-01"),
        ("1w", "2020-05-17", "2020-05-11"),  # a Sunday belongs to the week of the Monday before
        ("1d", "2020-05-17", "2020-05-17"),
    ],
)
def test_floor_is_calendar_aligned(span, moment, start):
    assert Span.parse(span, "test").floor(pd.Timestamp(moment)) == pd.Timestamp(start)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "3", "m", "0m", "3 m", "3q", None])
def test_parse_refuses(value):
    with pytest.raises(ParameterError, match="WalkForward.test must be a positive number of rows, or a duration"):
        Span.parse(value, "WalkForward.test")


@given(
    st.sampled_from(["1d", "2d", "1w", "3w", "1m", "3m", "5m", "1y", "2y"]),
    st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2050-01-01").date()),
)
def test_rows_of_one_block_share_their_floor(text, first):
    clock = pd.date_range(first, periods=200, freq="3D", unit="us")
    span = Span.parse(text, "span")
    numbers = block_number(clock, span)
    floors = np.array([span.floor(moment).value for moment in clock])
    assert np.array_equal(np.diff(numbers) != 0, np.diff(floors) != 0)


@pytest.mark.parametrize("zone", ["America/New_York", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe"])
@pytest.mark.parametrize("text", ["1d", "2d", "1w", "1m"])
def test_blocks_are_those_of_the_local_calendar(zone, text):
    # in 2018 Sao Paulo skipped the hour of a midnight, and Havana had one twice
    clock, span = pd.date_range("2018-01-01", "2018-12-31", freq="6h", tz=zone), Span.parse(text, "span")
    floors = np.array([span.floor(moment).value for moment in clock])
    assert np.array_equal(np.diff(block_number(clock, span)) != 0, np.diff(floors) != 0)


def test_a_duration_is_of_the_wall_clock():
    moment, week = pd.Timestamp("2023-03-13", tz="America/New_York"), Span.parse("1w", "span")
    assert week.before(moment) == pd.Timestamp("2023-03-06", tz="America/New_York")  # 167 hours
    assert week.after(week.before(moment)) == moment
    assert Span.parse("1d", "span").after(pd.Timestamp("2018-11-03", tz="America/Sao_Paulo")) == pd.Timestamp(
        "2018-11-04 01:00", tz="America/Sao_Paulo"
    )


def test_fill_says_its_price_and_delay():
    assert [(fill.field, fill.delay) for fill in Fill] == [("open", 1), ("close", 1), ("close", 0)]
