"""Bars: what they refuse, adjustment forward from the first bar, cutting, identity."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.errors import DataError
from quantml.exogenous import Exogenous

DAYS = pd.bdate_range("2020-01-01", periods=4)


def frame(**changes):
    """Four sessions of one symbol, with some cells changed: field=(row, value)."""
    fields = {
        "open": [10.0, 11.0, 12.0, 13.0],
        "high": [11.0, 12.0, 13.0, 14.0],
        "low": [9.0, 10.0, 11.0, 12.0],
        "close": [10.5, 11.5, 12.5, 13.5],
        "volume": [100.0, 100.0, 100.0, 100.0],
    }
    for name, (row, value) in changes.items():
        fields[name][row] = value
    return pd.DataFrame({"symbol": "A", **fields}, index=DAYS)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (frame(close=(1, 0.0)), "the bar's close must be positive; got 0.0 (A, 2020-01-02)"),
        (frame(open=(1, -1.0)), "the bar's open must be positive; got -1.0 (A, 2020-01-02)"),
        (frame(high=(2, 10.0)), "high must be at or above low; got 10.0 (A, 2020-01-03)"),
        (frame(high=(2, 12.2)), "high must be at or above close; got 12.2 (A, 2020-01-03)"),
        (frame(low=(0, 10.2)), "low must be at or below open; got 10.2 (A, 2020-01-01)"),
        (frame(high=(3, np.nan)), "the bar's high must be given exactly where its close is; got nan (A, 2020-01-06)"),
        (frame(high=(3, np.inf)), "the bar's high must be finite; got inf (A, 2020-01-06)"),
        (frame(volume=(3, -1.0)), "the bar's volume must not be negative; got -1.0 (A, 2020-01-06)"),
        (frame().iloc[[0, 2, 1]], "times must increase (A, 2020-01-02 00:00:00 follows 2020-01-03 00:00:00)"),
        (frame().iloc[[0, 0]], "times must be unique (A, 2020-01-01 00:00:00 stands twice)"),
        (frame().iloc[:0], "bars must have at least one row"),
        (frame().rename(columns={"close": "clsoe"}), "Did you mean 'close'?"),
        (frame().assign(adj_close=1.0), "leave adjusted closes out"),
        (frame().drop(columns="symbol"), "columns must be (field, symbol) pairs, or hold a column 'symbol'"),
        (frame().drop(columns="high"), "bars must have open, high, low and close, or close alone"),
        (frame().tz_localize("Asia/Tokyo"), "times must be tz-naive sessions or intraday UTC"),
        (frame().set_axis(DAYS + pd.Timedelta(hours=1)), "tz-naive times must be sessions at midnight"),
        (frame().reset_index(drop=True), "times must be a DatetimeIndex"),
    ],
)
def test_refuses(data, text):
    with pytest.raises(DataError) as caught:
        Bars.from_frame(data)
    assert text in str(caught.value)


CLOSES = pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0]}, index=DAYS)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "bars must be made from a DataFrame; got 'NoneType'."),
        ({"A": [1.0]}, "bars must be made from a DataFrame; got 'dict'."),
        (CLOSES["A"], "bars must be made from a DataFrame; got 'Series'. Make one of a Series with series.to_frame('symbol')."),
        (pd.DataFrame(), "bars must have at least one row. Widen the date range."),
        (CLOSES[[]], "bars must have at least one symbol; got 'a frame without columns'."),
        (CLOSES.astype(str), "close must hold numbers; got '1.0' (A, 2020-01-01)."),
        (CLOSES.astype(object).replace(3.0, "x"), "close must hold numbers; got 'x' (A, 2020-01-03)."),
        (pd.DataFrame({"A": DAYS}, index=DAYS), "close must hold numbers; got 'Timestamp' (A, 2020-01-01)."),
        (CLOSES * 1j, "close must hold numbers; got 'complex128' (A, 2020-01-01)."),
        (CLOSES[["A", "A"]], "symbols must be unique; got 'A'."),
        (CLOSES.reset_index(drop=True), "times must be a DatetimeIndex; got 'RangeIndex'. Read them with pd.to_datetime."),
        (pd.concat({"close": CLOSES}, axis=1), "the columns of close must be symbols; got ('close', 'A'). Columns of (field, symbol) pairs go to Bars.from_frame."),
    ],
)  # fmt: skip
def test_from_close_refuses_what_is_no_table_of_closes(data, text):
    with pytest.raises(DataError) as caught:
        Bars.from_close(data)
    assert str(caught.value) == text


@pytest.mark.parametrize("make", [Bars.from_frame, lambda data: Bars.from_returns(data, base="2019-12-31")])
def test_every_way_to_make_bars_refuses_what_is_no_frame(make):
    with pytest.raises(DataError, match="bars must be made from a DataFrame; got 'ndarray'"):
        make(CLOSES.to_numpy())


def test_refuses_a_session_without_any_bar():
    with pytest.raises(DataError, match="a session must have a bar for some symbol; got 'NaN for every symbol'"):
        Bars.from_close(pd.DataFrame({"A": [1.0, np.nan, 2.0, 3.0]}, index=DAYS))


def test_refuses_a_symbol_without_any_bar():
    with pytest.raises(DataError, match="a symbol must have at least one bar; got 'none' .B."):
        Bars.from_close(pd.DataFrame({"A": 1.0, "B": np.nan}, index=DAYS))


def test_refuses_unknown_spacing():
    index = pd.date_range("2020-01-01", periods=5, freq="h", tz="UTC")
    with pytest.raises(DataError, match="periods_per_year must be given for this clock; got 'a bar every 0.0417 days'"):
        Bars.from_close(pd.DataFrame({"A": 1.0}, index=index))


def test_split_and_dividend_adjust_forward_from_the_first_bar():
    # Worked by hand: 2:1 on the 2nd bar; 1.0 per share on the 4th, paid from a previous close of 5.0.
    data = pd.DataFrame({"A": [10.0, 5.0, 5.0, 4.0]}, index=DAYS)
    columns = {("close", "A"): data["A"], ("split", "A"): [1.0, 2.0, 1.0, 1.0], ("dividend", "A"): [0.0, 0.0, 0.0, 1.0]}
    bars = Bars.from_frame(pd.DataFrame(columns))
    assert bars.close["A"].tolist() == [10.0, 10.0, 10.0, 10.0]  # 4 + 1 paid = 5: nobody gained or lost
    assert bars.raw.close["A"].tolist() == [10.0, 5.0, 5.0, 4.0]
    assert bars.until(DAYS[1]).close["A"].tolist() == [10.0, 10.0]


def test_an_action_on_the_first_bar_of_a_slice_adjusts_nothing():
    data = frame().assign(split=[1.0, 2.0, 1.0, 1.0], dividend=[0.0, 0.0, 1.0, 0.0])
    bars = Bars.from_frame(data)
    assert bars.between(DAYS[1], DAYS[1]).close["A"].tolist() == [11.5]
    assert bars.between(DAYS[2], DAYS[3]).close["A"].tolist() == [12.5, 13.5]
    assert bars.between(DAYS[1], DAYS[3]).volume["A"].tolist() == [100.0, 100.0, 100.0]


def test_actions_are_checked():
    data = {("close", "A"): pd.Series([10.0, 5.0, 5.0, 4.0], DAYS), ("dividend", "A"): [0.0, 0.0, 5.0, 0.0]}
    with pytest.raises(DataError, match="a dividend must be below the previous close; got 5.0 .A, 2020-01-03"):
        Bars.from_frame(pd.DataFrame(data))


def test_volume_is_adjusted_for_splits_only():
    data = frame().assign(split=[1.0, 2.0, 1.0, 1.0], dividend=[0.0, 0.0, 1.0, 0.0])
    assert Bars.from_frame(data).volume["A"].tolist() == [100.0, 50.0, 50.0, 50.0]


def test_yfinance_columns_of_either_order_are_read():
    wide = Bars.from_frame(frame()).to_frame()
    assert Bars.from_frame(wide.swaplevel(axis=1)).fingerprint == Bars.from_frame(wide).fingerprint


def test_a_late_symbol_has_no_bar_before():
    both = pd.concat([frame(), frame().iloc[2:].assign(symbol="B")])
    bars = Bars.from_frame(both)
    assert bars.symbols == ("A", "B")
    assert bars.traded.tolist() == [[True, False], [True, False], [True, True], [True, True]]


def test_returns_skip_a_pause():
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, np.nan, 1.5, 3.0], "B": [1.0, 1.0, 1.0, 1.0]}, index=DAYS))
    assert bars.returns()["A"].tolist()[2:] == [0.5, 1.0]
    assert bars.returns()["A"].iloc[:2].isna().all()


def test_from_returns_earns_each_return():
    returns = pd.DataFrame({"A": [0.1, -0.5]}, index=pd.to_datetime(["2020-02-29", "2020-03-31"]))
    bars = Bars.from_returns(returns, base="2020-01-31")
    assert np.allclose(bars.returns()["A"].iloc[1:], [0.1, -0.5], atol=1e-15)
    assert bars.periods_per_year == 12.0


def test_frames_and_arrays_cannot_change_the_bars():
    bars = Bars.from_frame(frame())
    handed_out = bars.close
    handed_out.iloc[0, 0] = 99.0
    assert bars.close.iloc[0, 0] == 10.5
    for copy in (bars, pickle.loads(pickle.dumps(bars))):
        with pytest.raises(ValueError, match="read-only"):
            copy.array("close")[0, 0] = 1.0
        with pytest.raises(TypeError):
            copy.quoted["close"] = 1


def test_adjusted_prices_survive_a_pickle_before_and_after_they_were_used():
    bars = Bars.from_frame(frame().assign(split=[1.0, 2.0, 1.0, 1.0]))
    fresh = pickle.loads(pickle.dumps(bars))
    assert bars.close["A"].tolist() == [10.5, 23.0, 25.0, 27.0]
    used = pickle.loads(pickle.dumps(bars))
    for copy in (fresh, used):
        assert copy.close["A"].tolist() == [10.5, 23.0, 25.0, 27.0]
        assert copy.open["A"].tolist() == [10.0, 22.0, 24.0, 26.0]


def test_source_frame_stays_apart():
    data = pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0]}, index=DAYS)
    bars = Bars.from_close(data)
    data.iloc[0, 0] = 9.0
    assert bars.close.iloc[0, 0] == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(0, 1))
def test_fingerprint_sees_every_price(row, change):
    changed = frame(close=(row, frame()["close"].iloc[row] + 0.25 * change))
    assert (Bars.from_frame(changed).fingerprint == Bars.from_frame(frame()).fingerprint) == (change == 0)


def test_to_frame_round_trips_with_actions():
    bars = Bars.from_frame(frame().assign(split=[1.0, 2.0, 1.0, 1.0]))
    assert Bars.from_frame(bars.to_frame()).fingerprint == bars.fingerprint


def test_between_and_until_include_their_ends():
    bars = Bars.from_frame(frame())
    assert len(bars.until("2020-01-02")) == 2
    assert bars.between("2020-01-02", "2020-01-03").clock.tolist() == DAYS[1:3].tolist()


def test_missing_field_is_named():
    with pytest.raises(DataError, match="bars must have the field 'open'; got 'close'"):
        Bars.from_close(pd.DataFrame({"A": [1.0] * 4}, index=DAYS)).array("open")


def test_an_outside_value_is_unknown_until_it_is_available():
    table = Exogenous(pd.DataFrame({"x": [1.0, 2.0]}, index=DAYS[[0, 1]]), name="macro", lag="1d")
    assert table.as_of(DAYS)["x"].tolist()[1:] == [1.0, 2.0, 2.0]
    assert np.isnan(table.as_of(DAYS)["x"].iloc[0])
    bars = Bars.from_frame(frame()).with_tables(table)
    assert len(bars.until(DAYS[1]).tables["macro"].frame) == 1


def test_an_outside_table_says_when_it_was_available():
    with pytest.raises(DataError, match="must have either lag or available_at .table 'macro'."):
        Exogenous(pd.DataFrame({"x": [1.0]}, index=DAYS[:1]), name="macro")


@pytest.mark.parametrize(
    ("moment", "rule"),
    [
        ("soon", "be a date such as 2018-06-29; got 'soon'"),
        ("", "be a date such as 2018-06-29; got ''"),
        ("nat", "be a date such as 2018-06-29; got 'nat'"),
        ("2001-01-02T10:00+02:00", "have no time zone; got '2001-01-02T10:00+02:00'"),
    ],
)
def test_what_is_no_time_of_the_clock_is_refused(moment, rule):
    with pytest.raises(DataError, match=re.escape(f"a time must {rule}")):
        Bars.from_frame(frame()).until(moment)


MONTHS = pd.to_datetime(["2020-01-31", "2020-02-29", "2020-03-31"])


def test_a_symbol_begins_before_its_own_first_return_and_ends_with_its_last():
    # By hand: B stands at 1.0 on the row before its first return, then 1.5 and 3.0; C ends after 1.1.
    nan = np.nan
    returns = pd.DataFrame({"A": [0.5, 0.0, 1.0], "B": [nan, 0.5, 1.0], "C": [0.1, nan, nan]}, index=MONTHS)
    close = Bars.from_returns(returns, base="2019-12-31").close
    np.testing.assert_allclose(
        close.to_numpy(), [[1.0, nan, 1.0], [1.5, 1.0, 1.1], [1.5, 1.5, nan], [3.0, 3.0, nan]], rtol=1e-15
    )
    assert close.index[0] == pd.Timestamp("2019-12-31")


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        (
            {"A": [0.0, 0.0, 0.0], "B": [0.1, np.nan, 0.3]},
            "a return must be given between the symbol's first and last; got nan (B, 2020-02-29). Give 0.0 where"
            " nothing was earned, or prices to Bars.from_close.",
        ),
        (
            {"A": [np.nan, 0.0, 0.0]},
            "the first row of returns must have one for some symbol; got 'NaN for every symbol' (2020-01-31).",
        ),
        ({"A": [0.0, 0.0, 0.0], "B": np.nan}, "a symbol must have at least one bar; got 'none' (B)."),
    ],
)
def test_from_returns_refuses_what_is_missing_inside(returns, text):
    with pytest.raises(DataError) as caught:
        Bars.from_returns(pd.DataFrame(returns, index=MONTHS), base="2019-12-31")
    assert str(caught.value).startswith(text)
