"""Frames that no bars can be made of: one finding each, and the rules on bars over what is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from quantml.bars import Bars
from quantml.errors import DataError
from quantml.loaders import Sample
from quantml.loaders.quality import check_frame, check_quality

DAYS = pd.bdate_range("2024-01-02", periods=6)


def frame(**columns: object) -> pd.DataFrame:
    """Return six sessions of one symbol that nothing is wrong with, but what `columns` replace."""
    base = {
        "symbol": "A",
        "open": [10.0, 10.2, 10.1, 10.4, 10.3, 10.5],
        "high": [10.4, 10.5, 10.6, 10.7, 10.8, 10.9],
        "low": [9.9, 10.0, 10.0, 10.1, 10.2, 10.3],
        "close": [10.3, 10.1, 10.5, 10.2, 10.6, 10.4],
        "volume": [1e6, 2e6, 1e6, 2e6, 1e6, 2e6],
    }
    return pd.DataFrame(base | columns, index=DAYS)


def cell(field: str, value: float) -> pd.DataFrame:
    data = frame()
    data.loc[DAYS[2], field] = value
    return data


def told(data: pd.DataFrame) -> list[str]:
    return [str(one) for one in check_frame(data)]


def test_nothing_is_said_of_sound_rows_and_they_stay_as_they_are() -> None:
    data = frame()
    assert told(data) == []
    assert_frame_equal(data, frame())


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (cell("low", 0.0), "error: A, 2024-01-04: not positive: The low is 0."),
        (cell("close", -10.5), "error: A, 2024-01-04: not positive: The close is -10.5."),
        (cell("volume", -1.0), "error: A, 2024-01-04: not positive: The volume is -1."),
        (cell("open", np.nan), "error: A, 2024-01-04: incomplete: The bar has no open."),
        (cell("close", np.nan), "error: A, 2024-01-04: incomplete: The bar has no close."),
        (cell("high", np.inf), "error: A, 2024-01-04: incomplete: The bar has no high."),
        (
            cell("high", 10.45),
            "error: A, 2024-01-04: inconsistent prices: The high is below another price: open 10.1, high 10.45,"
            " low 10, close 10.5.",
        ),
        (
            cell("low", 10.2),
            "error: A, 2024-01-04: inconsistent prices: The low is above another price: open 10.1, high 10.6,"
            " low 10.2, close 10.5.",
        ),
        (
            frame(split=[1.0, 1.0, 0.0, 1.0, 1.0, 1.0]),
            "error: A, 2024-01-04: impossible split or dividend: A split of 0 and a dividend of 0 are recorded at a"
            " close of 10.5.",
        ),
        (
            frame(dividend=[0.0, 0.0, 10.1, 0.0, 0.0, 0.0]),
            "error: A, 2024-01-04: impossible split or dividend: A split of 1 and a dividend of 10.1 are recorded at a"
            " close of 10.5.",
        ),
    ],
)
def test_one_finding_per_broken_row(data: pd.DataFrame, finding: str) -> None:
    assert told(data) == [finding]
    with pytest.raises(DataError):
        Bars.from_frame(data)


def test_two_rows_for_a_session() -> None:
    other = frame().iloc[[2]].assign(close=10.45)
    text = "error: A, 2024-01-04: duplicate: 2 different rows, with closes 10.5 and 10.45."
    assert told(pd.concat([frame(), other]).sort_index()) == [text]
    same = pd.concat([frame(), frame().iloc[[2]]]).sort_index()
    assert told(same) == ["warning: A, 2024-01-04: duplicate: 2 equal rows."]


@pytest.mark.parametrize(
    ("order", "late"),
    [([0, 2, 1, 3, 4, 5], ["2024-01-03"]), ([0, 4, 1, 2, 3, 5], ["2024-01-08"]), ([1, 2, 3, 0, 4, 5], ["2024-01-02"])],
)
def test_the_row_that_moved_is_named(order: list[int], late: list[str]) -> None:
    found = list(check_frame(frame().iloc[order]))
    assert [(str(one.date.date()), one.rule) for one in found] == [(day, "out of order") for day in late]


def test_a_file_from_new_to_old_is_one_finding() -> None:
    days = pd.bdate_range("2024-01-02", periods=30)
    data = pd.DataFrame({"symbol": "A", "close": 10.0 + np.arange(30) % 7}, index=days)[::-1]
    assert told(data) == ["error: A, 2024-01-02 to 2024-02-09: out of order: 29 rows are out of order."]


def test_a_session_with_a_time_of_day() -> None:
    days = DAYS.to_series()
    days.iloc[2] -= pd.Timedelta(hours=1)
    found = check_frame(frame().set_axis(pd.DatetimeIndex(days))).by("time of day")
    assert [one.evidence for one in found] == ["The session is stamped 23:00:00, without a time zone."]


def test_a_row_set_aside_is_not_missing_as_well() -> None:
    assert [one.rule for one in check_frame(cell("close", 0.0), calendar="XNYS")] == ["not positive"]
    assert [one.rule for one in check_frame(frame().drop(DAYS[2]), calendar="XNYS")] == ["missing session"]


def test_the_rules_on_bars_look_at_the_rest() -> None:
    sample = Sample("stocks", symbols=["AAPL"]).load()
    data = sample.to_frame()
    data.loc["2005-01-03", ("high", "AAPL")] = 1.0
    rules = [one.rule for one in check_frame(data, calendar="XNYS")]
    assert rules == ["repeated bar", "inconsistent prices"]
    assert [str(one) for one in check_frame(sample.to_frame(), calendar="XNYS")] == list(
        map(str, check_quality(sample))
    )


def test_every_row_may_be_broken() -> None:
    assert len(check_frame(frame(close=0.0))) == 6


def test_columns_in_either_order_and_rows_without_prices() -> None:
    wide = pd.concat({"A": frame().drop(columns="symbol"), "B": frame().drop(columns="symbol")}, axis=1)
    wide.loc[DAYS[3], "B"] = np.nan
    assert len(check_frame(wide)) == 0
    assert len(check_frame(wide.swaplevel(axis=1))) == 0
    assert len(check_frame(wide, calendar="XNYS").by("missing session").for_symbol("B")) == 1


def test_future_rows() -> None:
    (found,) = check_frame(frame(), as_of="2024-01-08")
    assert (found.rule, str(found.date.date()), found.evidence) == (
        "future bar", "2024-01-09", "1 bars after 2024-01-08.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (frame().drop(columns="symbol"), "a frame of bars must have a column 'symbol', or (field, symbol) columns"),
        (frame().drop(columns="close"), "a frame of bars must have a close"),
        (frame(close="high"), "prices must be numbers"),
        (frame().set_axis(list("abcdef")), "times must all be dates in one time zone"),
        (frame().set_axis([*DAYS[:5], pd.NaT]), "times must all be dates in one time zone; got 'a missing time'"),
    ],
)
def test_what_is_no_frame_of_bars_is_an_error(data: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_frame(data)
    assert str(caught.value).startswith(message)


def test_a_row_of_the_future_makes_nothing_before_it_look_missing() -> None:
    # A's last row is misdated by a month; without a calendar and with one, only that is wrong.
    late = frame().set_axis([*DAYS[:5], pd.Timestamp("2024-02-09")])
    for calendar in (None, "XNYS"):
        (found,) = check_frame(late, calendar=calendar, as_of="2024-01-10")
        assert str(found) == "error: A, 2024-02-09: future bar: 1 bars after 2024-01-10."


def test_bars_that_are_all_of_the_future_are_that_alone() -> None:
    (found,) = check_frame(frame(), as_of="2023-12-01")
    assert found.rule == "future bar"
