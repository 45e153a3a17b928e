"""Sessions, trading hours and periods per year; and panels whose symbols trade on different calendars."""

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.calendars import (
    describe,
    infer_periods_per_year,
    missing_sessions,
    next_session,
    open_rows,
    periods_per_year,
    planned_sessions,
    session_days,
    sessions,
    sessions_per_year,
)
from quantml.errors import DataError
from quantml.features import Momentum, RealisedVolatility, Returns
from quantml.forecasters.base import Forecast
from quantml.signals import (
    Context,
    MovingAverageCross,
    Proportional,
    RankLongShort,
    Sign,
    VolatilityTarget,
    apply_steps,
)
from quantml.simulation import simulate
from quantml.targets import ForwardReturn
from quantml.targets import RealisedVolatility as FutureVolatility
from quantml.timing import Fill

# ------------------------------------------------------------------- sessions


def test_new_york_was_closed_after_september_11_2001():
    # NYSE holidays and special closings: closed 11-14 September 2001
    found = sessions("XNYS", pd.Timestamp("2001-09-07"), pd.Timestamp("2001-09-18"))
    assert [f"{day:%m-%d}" for day in found] == ["09-07", "09-10", "09-17", "09-18"]


def test_a_closing_that_nobody_planned_is_a_planned_session():
    # New York closed in September 2001 for four days and on 2018-12-05 for a funeral; Thanksgiving was planned
    planned = planned_sessions("XNYS", pd.Timestamp("2001-09-07"))
    assert [f"{day:%m-%d}" for day in planned[:4]] == ["09-07", "09-10", "09-11", "09-12"]
    assert pd.Timestamp("2018-12-05") in planned
    assert pd.Timestamp("2018-11-22") not in planned
    held = sessions("XNYS", planned[0], planned[-1])
    assert held.difference(planned).empty
    assert set(planned.difference(held).day_of_week) <= {0, 1, 2, 3, 4}


def test_an_intraday_bar_belongs_to_the_session_that_opened_last():
    # New York opens at 14:30 UTC in winter
    clock = pd.DatetimeIndex(["2024-01-05 14:30", "2024-01-05 21:00", "2024-01-08 14:29", "2024-01-08 14:30"], tz="UTC")
    assert [f"{day:%m-%d}" for day in session_days(clock, "XNYS")] == ["01-05", "01-05", "01-05", "01-08"]


def test_a_calendar_lists_nothing_before_it_begins():
    # exchange_calendars knows Tokyo from 1997 on
    found = sessions("XTKS", pd.Timestamp("1990-01-01"), pd.Timestamp("1997-01-07"))
    assert found.tolist() == [pd.Timestamp("1997-01-06"), pd.Timestamp("1997-01-07")]


def test_next_session_skips_a_long_weekend():
    assert next_session("XNYS", pd.Timestamp("2018-12-31")) == pd.Timestamp("2019-01-02")


def test_missing_sessions_are_those_that_the_exchange_had():
    clock = pd.DatetimeIndex(["2001-09-10", "2001-09-18"]).as_unit("us")
    assert missing_sessions(clock, "XNYS").tolist() == [pd.Timestamp("2001-09-17")]


def test_a_month_misses_no_sessions():
    assert len(missing_sessions(pd.date_range("2018-01-31", periods=12, freq="ME"), "XNYS")) == 0


def test_an_unknown_exchange_is_named_with_a_near_one():
    with pytest.raises(DataError, match=r"calendar must name an exchange; got 'NYSY'. Did you mean 'XNYS'\?"):
        next_session("NYSY", pd.Timestamp("2018-12-31"))


# ----------------------------------------------------------- periods per year


@pytest.mark.parametrize(
    ("frequency", "periods"), [("B", 252.0), ("D", 365.0), ("W", 52.0), ("ME", 12.0), ("QE", 4.0), ("YE", 1.0)]
)
def test_usual_clocks(frequency, periods):
    clock = pd.date_range("2000-01-01", periods=40, freq=frequency)
    assert infer_periods_per_year(clock) == periods
    assert periods_per_year(clock, None) == periods


@pytest.mark.parametrize(("frequency", "periods"), [("W", 52.0), ("ME", 12.0), ("QE", 4.0)])
def test_bars_longer_than_a_session_are_counted_by_their_spacing(frequency, periods):
    assert periods_per_year(pd.date_range("2000-01-01", periods=40, freq=frequency), "XTKS") == periods


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XTKS", "XASX", "24/5"])
def test_sessions_of_a_year_are_the_mean_of_twenty(name):
    whole = exchange_calendars.get_calendar(name, start="2000-01-01", end="2019-12-31")
    assert sessions_per_year(name) == round(len(whole.sessions) / 20)


def test_crypto_has_365_days_and_new_york_252():
    assert (sessions_per_year("24/7"), sessions_per_year("XNYS")) == (365.0, 252.0)
    days = pd.date_range("2021-01-01", periods=30, tz="UTC")
    assert Bars.from_close(pd.DataFrame({"BTC": 1.0}, index=days)).periods_per_year == 365.0
    assert Bars.from_close(pd.DataFrame({"BTC": 1.0}, index=days), calendar="24/7").periods_per_year == 365.0


def test_new_bars_change_no_number_of_periods():
    days = sessions("XNYS", pd.Timestamp("2018-01-01"), pd.Timestamp("2023-12-29"))
    assert {periods_per_year(days[:rows], "XNYS") for rows in (30, 251, 503, 1200)} == {252.0}


def test_a_calendar_that_is_too_young_to_count_is_an_error():
    with pytest.raises(DataError, match="periods_per_year must be given for bars of XSAU; got 'a calendar that begins"):
        sessions_per_year("XSAU")


# ------------------------------------------------------------------- intraday


def utc(*spans, every="1min"):
    """Beginnings of bars from the first to before the last moment of each span."""
    parts = [pd.date_range(first, last, freq=every, inclusive="left", tz="UTC") for first, last in spans]
    return parts[0].append(parts[1:]).as_unit("us")


THANKSGIVING = (  # New York 2018: closed on Thursday the 22nd, 13:00 on Friday the 23rd
    ("2018-11-21 14:30", "2018-11-21 21:00"),
    ("2018-11-23 14:30", "2018-11-23 18:00"),
    ("2018-11-26 14:30", "2018-11-26 21:00"),
)


def test_minute_bars_are_counted_with_early_closes():
    clock = utc(*THANKSGIVING)
    assert len(clock) == 390 + 210 + 390
    whole = exchange_calendars.get_calendar("XNYS", start="2000-01-01", end="2019-12-31")
    in_a_session = len(whole.minutes) / len(whole.sessions)
    assert 388.0 < in_a_session < 389.0  # 390, but for three early closes in most years
    bars = Bars.from_close(pd.DataFrame({"A": 1.0}, index=clock), calendar="XNYS")
    assert bars.periods_per_year == round(in_a_session * 252)


@pytest.mark.parametrize(
    ("name", "every", "bars_in_a_session"),
    [
        ("24/7", "5min", 288),
        ("XTKS", "30min", 10),  # 9:00 to 11:30 and 12:30 to 15:00, without early closes until 2019
        ("XTKS", "1h", 6),  # three and three, the third of each half an hour long
        ("XSHG", "1h", 4),  # 9:30 to 11:30 and 13:00 to 15:00
    ],
)
def test_bars_before_and_after_a_session_break(name, every, bars_in_a_session):
    clock = pd.date_range("2019-06-03 01:00", periods=6, freq=every, tz="UTC")
    assert periods_per_year(clock, name) == bars_in_a_session * sessions_per_year(name)


def test_intraday_bars_of_several_exchanges_need_a_number():
    clock = utc(*THANKSGIVING)
    with pytest.raises(DataError, match="periods_per_year must be given for intraday bars of several exchanges"):
        Bars.from_close(pd.DataFrame({"A": 1.0, "B": 1.0}, index=clock), calendar={"A": "XNYS", "B": "XLON"})


def test_a_missing_session_of_intraday_bars():
    clock = utc(*THANKSGIVING)
    assert len(missing_sessions(clock, "XNYS")) == 0
    without_friday = utc(THANKSGIVING[0], THANKSGIVING[2])
    assert missing_sessions(without_friday, "XNYS").tolist() == [pd.Timestamp("2018-11-23")]


@pytest.mark.parametrize(
    ("last", "step", "session"),
    [
        ("2018-11-23 17:58", "1min", "2018-11-23"),  # one more minute of the short session is to come
        ("2018-11-23 17:59", "1min", "2018-11-26"),
        ("2018-11-21 20:55", "5min", "2018-11-23"),
        ("2018-11-21 20:30", "1h", "2018-11-23"),
        ("2018-11-21 13:00", "1min", "2018-11-21"),
    ],
)
def test_the_session_of_the_next_intraday_bar(last, step, session):
    found = next_session("XNYS", pd.Timestamp(last, tz="UTC"), step=pd.Timedelta(step))
    assert found == pd.Timestamp(session)


def test_a_session_goes_on_after_its_break():
    noon = pd.Timestamp("2019-06-03 03:59", tz="UTC")  # 11:59 in Hong Kong, which rests from 12 to 13
    assert next_session("XHKG", noon, step=pd.Timedelta("1min")) == pd.Timestamp("2019-06-03")
    moments = pd.DatetimeIndex([f"2019-06-03 {at}" for at in ("01:29", "01:30", "04:30", "05:00", "07:59", "08:01")])
    assert open_rows(moments.tz_localize("UTC"), "XHKG").tolist() == [False, True, False, True, True, False]


# ------------------------------------------------------------ mixed calendars

CALENDAR = {"US": "XNYS", "UK": "XLON"}
DAYS = pd.bdate_range("2018-05-21", "2018-09-07")
US_ONLY = pd.DatetimeIndex(["2018-08-27"])  # the summer bank holiday; 28 May was a holiday in both
UK_ONLY = pd.DatetimeIndex(["2018-07-04", "2018-09-03"])


def mixed(seed=1, copies=1):
    """Random closes of `copies` American and as many British symbols, on the sessions of each."""
    days = DAYS.drop("2018-05-28")
    names = [f"{place}{n}" for place in CALENDAR for n in range(copies)]
    moves = np.random.default_rng(seed).normal(0.0, 0.02, (len(days), len(names)))
    close = pd.DataFrame(100.0 * np.exp(np.cumsum(moves, axis=0)), days, names)
    close.loc[UK_ONLY, [name for name in names if name.startswith("US")]] = np.nan
    close.loc[US_ONLY, [name for name in names if name.startswith("UK")]] = np.nan
    return close, {name: CALENDAR[name[:2]] for name in names}


def test_closed_is_where_the_own_exchange_has_no_session():
    close, calendar = mixed()
    close.loc["2018-06-05", "US0"] = np.nan  # a gap on a session
    bars = Bars.from_close(close, calendar=calendar)
    found = {symbol: bars.clock[bars.closed[:, n]].tolist() for n, symbol in enumerate(bars.symbols)}
    assert found == {"US0": UK_ONLY.tolist(), "UK0": US_ONLY.tolist()}
    assert not bars.until("2018-07-03").closed.any()
    assert bars.until("2018-07-04").closed[-1].tolist() == [True, False]
    assert not Bars.from_close(close, calendar="XNYS").closed.any()


def test_each_symbol_has_the_bars_per_year_of_its_own_exchange():
    days = pd.date_range("2021-01-01", periods=40)
    close = pd.DataFrame({"BTC": 1.0, "AAPL": np.where(open_rows(days, "XNYS"), 1.0, np.nan)}, index=days)
    bars = Bars.from_close(close, calendar={"BTC": "24/7", "AAPL": "XNYS"})
    assert bars.periods_per_year == 365.0
    assert bars.own_periods_per_year.tolist() == [365.0, 252.0]
    assert describe(bars.calendar) == "24/7 (BTC), XNYS (AAPL)"
    assert len(missing_sessions(bars.clock, bars.calendar)) == 0
    assert next_session(bars.calendar, pd.Timestamp("2021-01-15")) == pd.Timestamp("2021-01-16")


def test_a_calendar_by_symbol_names_every_symbol():
    close, _ = mixed()
    for calendar in ({"US0": "XNYS"}, {"US0": "XNYS", "UK0": "XLON", "FR0": "XPAR"}):
        with pytest.raises(
            DataError, match="calendar must name every symbol of the bars and no other; got '(UK0|FR0)'"
        ):
            Bars.from_close(close, calendar=calendar)


@pytest.mark.parametrize("symbol", ["US0", "UK0"])
def test_features_and_targets_of_a_symbol_are_those_that_it_has_alone(symbol):
    close, calendar = mixed()
    both = Bars.from_close(close, calendar=calendar)
    alone = Bars.from_close(close[[symbol]].dropna(), calendar=calendar[symbol])
    made = [feature(bars)[symbol].dropna() for feature in (Returns(3), Momentum(10), RealisedVolatility(5))
            for bars in (both, alone)]  # fmt: skip
    made += [rule.build(bars, Fill.NEXT_CLOSE).frame[symbol].dropna()
             for rule in (ForwardReturn(horizon=4), FutureVolatility(horizon=4)) for bars in (both, alone)]  # fmt: skip
    for panel, own in zip(made[::2], made[1::2], strict=True):
        pd.testing.assert_series_equal(panel, own, check_freq=False, rtol=1e-12)


def context_of(bars, seed=2):
    means = np.random.default_rng(seed).normal(size=bars.split.shape)
    means[~bars.traded] = np.nan
    return Context(bars, forecast=forecast_on(bars, means))


def forecast_on(bars, means):
    return Forecast(clock=bars.clock, symbols=bars.symbols, mean=means, probability=None, variance=None,
                    quantiles=None, kind="return", fold=np.zeros(len(bars), dtype=np.int64))  # fmt: skip


@pytest.mark.parametrize("rule", [Sign(), Proportional(5.0), RankLongShort(0.25)], ids=str)
def test_a_holiday_ages_no_forecast(rule):
    close, calendar = mixed(copies=4)
    bars = Bars.from_close(close, calendar=calendar)
    context = context_of(bars)
    # What the rule does on a panel on which everyone trades every day, and repeats the forecast over a day off.
    everyone = Bars.from_close(close.ffill(), periods_per_year=252)
    repeated = pd.DataFrame(context.forecast.mean).ffill().to_numpy()
    expected = apply_steps([rule], Context(everyone, forecast=forecast_on(everyone, repeated))).values
    np.testing.assert_array_equal(apply_steps([rule], context).values, expected)
    assert np.abs(expected).sum() > 0


def test_a_holiday_ages_no_average():
    close, calendar = mixed(copies=4)
    bars = Bars.from_close(close, calendar=calendar)
    values = pd.DataFrame(apply_steps([MovingAverageCross(2, 5)], Context(bars)).values, bars.clock, list(bars.symbols))
    us = [name for name in bars.symbols if name.startswith("US")]
    assert values.loc["2018-07-04", us].tolist() == values.loc["2018-07-03", us].tolist()
    assert set(values.loc["2018-07-04"]) == {0.0, 1 / 8}


def test_a_gap_on_a_session_still_ends_a_signal():
    close, calendar = mixed()
    close.loc["2018-07-03", "US0"] = np.nan  # and stays closed on the 4th
    bars = Bars.from_close(close, calendar=calendar)
    values = pd.DataFrame(apply_steps([Sign()], context_of(bars)).values, bars.clock, list(bars.symbols))
    assert values.loc["2018-07-03":"2018-07-04", "US0"].tolist() == [0.0, 0.0]
    assert abs(values.loc["2018-07-04", "UK0"]) == 1.0  # it alone counts


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**5), row=st.integers(20, 70))
def test_closed_rows_know_nothing_of_the_future(seed, row):
    close, calendar = mixed(seed, copies=2)
    bars = Bars.from_close(close, calendar=calendar)
    context = context_of(bars, seed)
    early = bars.until(bars.clock[row])
    cut = Context(early, forecast=forecast_on(early, context.forecast.mean[: row + 1]))
    for steps in ([Sign()], [RankLongShort(0.5)], [Sign(), VolatilityTarget(0.1, window=10)]):
        whole = apply_steps(steps, context).values[: row + 1]
        np.testing.assert_allclose(apply_steps(steps, cut).values, whole, rtol=1e-10)


@pytest.mark.parametrize("own", [True, False])
def test_a_holiday_trades_nothing_and_sells_nothing(own):
    close, calendar = mixed()
    bars = Bars.from_close(close, calendar=calendar if own else "XLON", periods_per_year=252)
    means = np.where(bars.traded, 1.0, np.nan)
    done = simulate(apply_steps([Sign()], Context(bars, forecast=forecast_on(bars, means))), bars, fill=Fill.NEXT_CLOSE)
    fills = done.fills[done.fills["symbol"] == "US0"]
    assert not fills["time"].isin(UK_ONLY).any()
    # Without a calendar of its own, the day off is a pause, and what pauses is sold at its next bar.
    assert (done.positions.loc["2018-07-05", "US0"] > 0.0) == own


def test_a_long_holiday_is_no_delisting():
    # Shanghai was closed from 24 January to 2 February 2020, ten days in a row
    days = pd.date_range("2020-01-06", "2020-02-14")
    closed = ~open_rows(days, "XSHG")
    assert closed[18:28].all()
    close = pd.DataFrame({"BTC": 10.0, "MAOTAI": np.where(closed, np.nan, 10.0)}, index=days)
    kinds = {}
    for calendar in ({"BTC": "24/7", "MAOTAI": "XSHG"}, "24/7"):
        bars = Bars.from_close(close, calendar=calendar)
        held = simulate(pd.DataFrame({"MAOTAI": [1.0]}, index=days[:1]), bars, fill=Fill.PERIOD)
        kinds[str(calendar)] = held.fills["kind"].tolist()
    assert list(kinds.values()) == [["ordered"], ["ordered", "delisted"]]


def test_volatility_is_measured_on_rows_without_a_bar_as_no_move():
    # By hand: US0 moves by +-10 % on its sessions and not at all on 4 July
    days = pd.DatetimeIndex(["2018-07-02", "2018-07-03", "2018-07-04", "2018-07-05"])
    close = pd.DataFrame({"US0": [100.0, 110.0, np.nan, 99.0], "UK0": [1.0] * 4}, index=days)
    bars = Bars.from_close(close, calendar={"US0": "XNYS", "UK0": "XLON"}, periods_per_year=1)
    weights = apply_steps([Sign(), VolatilityTarget(0.05, window=3)], Context(bars, forecast=forecast_on(bars, np.array(
        [[1.0, np.nan], [1.0, np.nan], [np.nan, np.nan], [1.0, np.nan]]))))  # fmt: skip
    moved = np.std([0.1, 0.0, -0.1], ddof=1)
    np.testing.assert_allclose(weights.values[3], [0.05 / moved, 0.0])
