"""Outside tables: what is known when, revisions, and that no study uses a value before it was available."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import Fill, Study, WalkForward
from quantml.bars import Bars
from quantml.errors import DataError, StudyError
from quantml.exogenous import Exogenous
from quantml.features import Outside
from quantml.forecasters import LightGBM, Linear
from quantml.loaders import Published
from quantml.signals import Proportional
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward

NAN = np.nan


def days(*written):
    return pd.DatetimeIndex([f"2024-{day}" for day in written])


# ------------------------------------------------------------------ as it was


def test_a_period_is_read_in_its_newest_vintage():
    # US growth of 2024, per cent a year: advance estimates and later ones, as released
    released = days("04-25", "05-30", "06-27", "07-25", "09-26")
    values = pd.DataFrame({"growth": [1.6, 1.3, 1.4, 2.8, 3.0], "released": released})
    table = Exogenous(values.set_index(days("03-31", "03-31", "03-31", "06-30", "06-30")), name="gdp",
                      available_at="released")  # fmt: skip
    asked = days("04-24", "04-25", "05-29", "05-30", "07-01", "07-25", "09-25", "12-31")
    np.testing.assert_array_equal(table.read("growth", asked), [NAN, 1.6, 1.6, 1.3, 1.4, 2.8, 2.8, 3.0])
    assert table.until(pd.Timestamp("2024-06-01")).frame["growth"].tolist() == [1.6, 1.3]
    assert table.since(asked)[[0, -1]].tolist() == [pd.NaT, pd.Timestamp("2024-09-26")]


def test_a_late_revision_of_an_old_period_stands_behind_the_newer_period():
    table = Exogenous(pd.DataFrame({"x": [1.0, 1.5, 2.0], "known": days("02-10", "06-01", "03-10")},
                                   index=days("01-31", "01-31", "02-29")), name="t", available_at="known")  # fmt: skip
    assert table.read("x", days("02-10", "03-10", "06-01")).tolist() == [1.0, 2.0, 2.0]


def test_a_missing_value_is_not_an_older_one():
    table = Exogenous(
        pd.DataFrame({"x": [1.0, NAN], "y": [1.0, 2.0]}, index=days("01-31", "02-29")), name="t", lag="1d"
    )
    np.testing.assert_array_equal(table.as_of(days("02-01", "03-01")), [[1.0, 1.0], [NAN, 2.0]])


def test_a_lag_is_counted_from_the_index():
    table = Exogenous(pd.DataFrame({"x": [1.0, 2.0]}, index=days("01-31", "02-29")), name="t", lag="1m")
    assert table.available.tolist() == days("02-29", "03-29").tolist()


def test_irregular_and_quarterly_rows_need_nothing_else():
    table = Exogenous(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=days("01-02", "01-03", "09-30")), name="t", lag="2w")
    np.testing.assert_array_equal(table.read("x", days("01-15", "01-16", "01-17", "10-14")), [NAN, 1.0, 2.0, 3.0])


def test_each_symbol_has_rows_of_its_own():
    rows = pd.DataFrame({"ticker": ["A", "B", "A", "A"], "eps": [1.0, 7.0, 1.2, 2.0],
                         "filed": days("04-20", "05-05", "06-10", "07-20")},
                        index=days("03-31", "03-31", "03-31", "06-30"))  # fmt: skip
    table = Exogenous(rows, name="income", available_at="filed", symbol="ticker")
    clock = days("04-19", "04-22", "05-06", "06-10", "07-22")
    close = pd.DataFrame({"A": 1.0, "B": 1.0, "C": [NAN, 1.0, 1.0, 1.0, 1.0]}, index=clock)
    bars = Bars.from_close(close, periods_per_year=252).with_tables(table)
    expected = [[NAN, NAN, NAN], [1.0, NAN, NAN], [1.0, 7.0, NAN], [1.2, 7.0, NAN], [2.0, 7.0, NAN]]
    np.testing.assert_array_equal(Outside("income", "eps")(bars), expected)
    np.testing.assert_array_equal(Outside("income", "eps")(bars.until(clock[2])), expected[:3])


def test_a_time_of_day_counts_on_an_intraday_clock_to_the_minute():
    # Payrolls of January 2024: 8:30 in New York on 2 February
    released = pd.DatetimeIndex(["2024-02-02 08:30"]).tz_localize("America/New_York")
    table = Exogenous(pd.DataFrame({"jobs": [353.0], "at": released}, index=days("01-31")), name="t", available_at="at")
    clock = pd.date_range("2024-02-02 13:28", periods=4, freq="min", tz="UTC")
    np.testing.assert_array_equal(table.read("jobs", clock), [NAN, NAN, 353.0, 353.0])
    bars = Bars.from_close(pd.DataFrame({"A": 1.0}, index=clock), periods_per_year=98_000).with_tables(table)
    assert len(bars.until("2024-02-02 13:29").tables["t"]) == 0


def test_a_time_of_day_waits_for_the_next_session():
    table = Exogenous(pd.DataFrame({"x": [1.0], "at": [pd.Timestamp("2024-02-01 08:30")]}, index=days("01-31")), name="t",
                      available_at="at")  # fmt: skip
    np.testing.assert_array_equal(table.read("x", days("02-01", "02-02")), [NAN, 1.0])


@st.composite
def histories(draw):
    """Rows of a few periods, in order, with growing times of availability within each."""
    rows = []
    for period in range(draw(st.integers(1, 5))):
        known = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=4)))
        rows += [(period, at, float(len(rows) + n)) for n, at in enumerate(known)]
    return rows


@settings(max_examples=60, deadline=None)
@given(rows=histories(), cut=st.integers(0, 31))
def test_reading_is_the_newest_vintage_of_the_newest_period(rows, cut):
    origin = pd.Timestamp("2024-01-01")
    period, known, value = zip(*rows, strict=True)
    frame = pd.DataFrame({"x": value, "at": origin + pd.to_timedelta(known, unit="D")},
                         index=origin + pd.to_timedelta(period, unit="D"))  # fmt: skip
    table, clock = Exogenous(frame, name="t", available_at="at"), pd.date_range(origin, periods=32)
    expected = [max((row for row in rows if row[1] <= t), default=(0, 0, NAN))[2] for t in range(32)]
    np.testing.assert_array_equal(table.read("x", clock), expected)
    early = table.until(clock[cut])
    np.testing.assert_array_equal(early.read("x", clock[: cut + 1]), expected[: cut + 1])


# ------------------------------------------------------------------ read-only


def test_no_one_can_change_a_table():
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=days("01-31", "02-29"))
    table = Exogenous(frame, name="t", lag="0d")
    frame.iloc[0, 0] = 9.0
    for handed in (table.frame, table.as_of(table.period)):
        handed.iloc[0, 0] = 9.0
    assert table.frame["x"].tolist() == [1.0, 2.0]
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=table.period)).with_tables(table)
    for copy in (bars, pickle.loads(pickle.dumps(bars)), bars.until("2024-02-29"), replace(bars, periods_per_year=1.0)):
        with pytest.raises(TypeError):
            copy.tables["t"] = table
        with pytest.raises(ValueError, match="read-only"):
            copy.tables["t"].values[0, 0] = 9.0
        assert copy.tables["t"].fingerprint == table.fingerprint


def test_the_fingerprint_sees_values_times_and_availability():
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=days("01-31", "02-29"))
    made = [Exogenous(frame, name="t", lag="1d"), Exogenous(frame, name="t", lag="2d"), Exogenous(frame, name="u", lag="1d"),
            Exogenous(frame * 2, name="t", lag="1d"), Exogenous(frame.rename(columns={"x": "y"}), name="t", lag="1d"),
            Exogenous(frame.assign(of=["A", "B"]), name="t", lag="1d", symbol="of")]  # fmt: skip
    assert len({table.fingerprint for table in made}) == len(made)
    assert Exogenous(frame.copy(), name="t", lag="1d").fingerprint == made[0].fingerprint


# --------------------------------------------------------------------- errors

GOOD = pd.DataFrame({"x": [1.0, 2.0], "at": days("02-10", "03-10")}, index=days("01-31", "02-29"))


@pytest.mark.parametrize(
    ("frame", "how", "text"),
    [
        (GOOD, {}, "an outside table must have either lag or available_at (table 't')"),
        (GOOD, {"lag": "1d", "available_at": "at"}, "an outside table must have either lag or available_at"),
        (GOOD, {"available_at": "att"}, "an outside table must have the column 'att' (table 't'). Did you mean 'at'?"),
        (GOOD, {"available_at": "x"}, "the column 'x' must hold times; got 'float64' (table 't')"),
        (GOOD, {"lag": "1d"}, "the column 'at' must hold numbers; got 'Timestamp' (table 't', 2024-01-31)"),
        (GOOD, {"available_at": "at", "symbol": "who"}, "an outside table must have the column 'who'"),
        (GOOD.drop(columns="at"), {"lag": "soon"}, "lag must be a positive number of rows, or a duration"),
        (GOOD.reset_index(drop=True), {"available_at": "at"}, "an outside table's index must be a DatetimeIndex"),
        (GOOD.iloc[:0], {"available_at": "at"}, "an outside table must have at least one row (table 't')"),
        (GOOD.iloc[::-1], {"available_at": "at"}, "the rows of an outside table must be in the order of their times; got "
         "'2024-01-31 00:00:00 after 2024-02-29 00:00:00' (table 't')"),
        (GOOD.iloc[[0, 0]], {"available_at": "at"}, "two rows of the same time must have become available one after the "
         "other"),
        (GOOD.assign(x=["a", "b"]), {"available_at": "at"}, "the column 'x' must hold numbers; got 'a' (table 't', "
         "2024-01-31)"),
        (GOOD.assign(x=["1", "2"]), {"available_at": "at"}, "the column 'x' must hold numbers; got '1' (table 't', "),
        (GOOD.assign(x=[1.0, "b"]), {"available_at": "at"}, "must hold numbers; got 'b' (table 't', 2024-02-29)"),
        (GOOD.assign(x=[1.0, 2.0j]), {"available_at": "at"}, "must hold numbers; got 'complex128' (table 't', "),
        (GOOD.assign(x=[[1.0], [2.0]]), {"available_at": "at"}, "must hold numbers; got 'list' (table 't', "),
        (GOOD[["at"]], {"available_at": "at"}, "an outside table must have at least one column of numbers (table 't')"),
        (GOOD[["x"]], {"lag": 3}, "lag must be a duration such as '1m' or '45d'; got 3 (table 't')"),
        (pd.concat({"x": GOOD[["x"]]}, axis=1), {"lag": "1d"}, "columns must have one name each; got ('x', 'x')"),
        (GOOD.assign(x=[1.0, np.inf]), {"available_at": "at"}, "an outside value must be finite or NaN; got inf (table "
         "'t', x, 2024-02-29 00:00:00)"),
        (GOOD.assign(at=[pd.NaT, GOOD["at"].iloc[1]]), {"available_at": "at"}, "the column 'at' must all be given; got "
         "'NaT'"),
        (pd.DataFrame([[1.0, 2.0]], days("01-31"), ["x", "x"]), {"lag": "1d"}, "an outside table's columns must be "
         "unique; got 'x'"),
    ],
)  # fmt: skip
def test_refuses(frame, how, text):
    with pytest.raises(ValueError, match="must") as caught:
        Exogenous(frame, name="t", **how)
    assert text in str(caught.value)


def test_missing_values_and_whole_numbers_of_any_kind_are_numbers():
    held = GOOD.assign(x=pd.array([1, None], dtype="Int64"), y=pd.Series([None, 2], dtype=object).to_numpy())
    assert np.isnan(Exogenous(held, name="t", available_at="at").values).tolist() == [[False, True], [True, False]]


def test_a_name_is_text():
    with pytest.raises(DataError, match="an outside table's name must be text; got 3"):
        Exogenous(GOOD[["x"]], name=3, lag="1d")


def test_time_zones_must_go_with_the_clock():
    plain, zoned = (
        Exogenous(GOOD[["x"]], name="t", lag="1d"),
        Exogenous(GOOD[["x"]].tz_localize("UTC"), name="t", lag="1d"),
    )
    sessions = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=GOOD.index))
    minutes = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=GOOD.index.tz_localize("UTC")))
    with pytest.raises(
        DataError, match="times of availability must be dates of sessions, as the clock is; got 'UTC' .*'t'"
    ):
        sessions.with_tables(zoned)
    with pytest.raises(
        DataError, match="times of availability must have a time zone, as the clock does; got 'None' .*'t'"
    ):
        minutes.with_tables(plain)


def test_what_a_table_does_not_have_is_named():
    table = Exogenous(GOOD, name="macro", available_at="at")
    with pytest.raises(DataError, match="a column must be in the table 'macro'; got 'z'. Known: x"):
        table.read("z", GOOD.index)
    with pytest.raises(DataError, match="the table 'macro' must be read without a symbol; got 'A'"):
        table.read("x", GOOD.index, symbol="A")
    with pytest.raises(StudyError, match="outside tables must have different names; got \"'macro' twice\""):
        study(exogenous=[table, table]).load_bars()


# ------------------------------------------------------- whole monthly studies

MONTHS = pd.date_range("2000-01-31", periods=144, freq="ME")
GENERATOR = np.random.default_rng(5)
PREDICTOR = GENERATOR.normal(size=144)
RETURNS = np.concatenate([[0.0, 0.0], 0.03 * PREDICTOR[:-2]]) + GENERATOR.normal(0.0, 0.02, 144)
BARS = Bars.from_returns(pd.DataFrame({"A": RETURNS}, index=MONTHS), base="1999-12-31")


def macro(values=PREDICTOR, **available):
    """The predictor of month m, available at the end of month m + 1 unless said otherwise by month."""
    known = pd.Series(MONTHS + pd.offsets.MonthEnd(1), index=MONTHS)
    for month, moment in available.items():
        known.loc[MONTHS[int(month.removeprefix("m"))]] = moment
    return Exogenous(
        pd.DataFrame({"x": values, "known": known.array}, index=MONTHS), name="macro", available_at="known"
    )


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Outside("macro", "x")],
        "target": ForwardReturn(horizon=1),
        "forecaster": Linear(),
        "signal": Proportional(10.0),
        "fill": Fill.PERIOD,
        "validation": WalkForward(train="5y", test="1y"),
        "exogenous": [macro()],
    }
    return Study(**{**parts, **changes})


def forecasts(table, **changes):
    declared = study(exogenous=[table], **changes)
    return walk_forward(declared, declared.load_bars())


def test_a_monthly_study_forecasts_by_least_squares_on_what_was_known():
    result = forecasts(macro())
    assert BARS.periods_per_year == 12.0
    assert [(fold.fold.start, len(fold.fold.test)) for fold in result.folds][:2] == [(61, 12), (73, 12)]
    known = np.concatenate([[NAN, NAN], PREDICTOR[:-1]])  # at row t, the month before last's; row 0 is the base
    for fold in result.folds:
        start = fold.fold.start
        rows = np.arange(start - 60, start)  # the label of the last one ends at the first decision, and is known there
        rows = rows[~np.isnan(known[rows])]
        design = np.column_stack([np.ones(len(rows)), known[rows]])
        intercept, slope = np.linalg.lstsq(design, RETURNS[rows], rcond=None)[0]  # RETURNS[t] is earned after row t
        expected = intercept + slope * known[fold.fold.test]
        np.testing.assert_allclose(result.forecast.mean[fold.fold.test, 0], expected, rtol=1e-9)


def test_one_month_is_one_row_of_a_monthly_clock():
    result = forecasts(macro(), validation=WalkForward(train=60, test="1m"))
    assert {len(fold.fold.test) for fold in result.folds} == {1}
    assert len(result.folds) == len(BARS) - 60


@pytest.mark.parametrize("month", [3, 58, 90, 140])
@pytest.mark.parametrize(
    "forecaster", [Linear(), LightGBM(n_estimators=10, num_leaves=3, min_child_samples=5)], ids=str
)
def test_a_value_is_never_used_before_it_was_available(month, forecaster):
    changed = PREDICTOR.copy()
    changed[month] += 3.0
    before, after = (forecasts(macro(values), forecaster=forecaster) for values in (PREDICTOR, changed))
    first = month + 2  # the row of the month's end plus one month; row 0 is the base
    assert before.forecast.mean[:first].tobytes() == after.forecast.mean[:first].tobytes()
    assert before.weights.values[:first].tobytes() == after.weights.values[:first].tobytes()
    if first >= before.first and isinstance(forecaster, Linear):
        assert before.forecast.mean[first, 0] != after.forecast.mean[first, 0]


@pytest.mark.parametrize("row", [134, 137, 143])
def test_a_value_that_comes_a_day_later_moves_one_forecast(row):
    """Row `row` is in the last block, so that no model is trained on it."""
    month, decision = row - 2, BARS.clock[row]
    day = pd.Timedelta("1D")
    early, at_the_close, later = (forecasts(macro(**{f"m{month}": decision + wait})) for wait in (-day, 0 * day, day))
    assert early.forecast.mean.tobytes() == at_the_close.forecast.mean.tobytes()
    moved = np.flatnonzero(~np.isclose(at_the_close.forecast.mean, later.forecast.mean, rtol=0, atol=0, equal_nan=True))
    assert moved.tolist() == [row]
    bet = np.flatnonzero(~np.isclose(at_the_close.weights.values, later.weights.values, rtol=0, atol=0, equal_nan=True))
    assert bet.tolist() == [row]
    # A day late, the decision is made on the month before.
    fold = later.folds[-1].fold.test
    slope = np.diff(early.forecast.mean[fold[:2], 0])[0] / (PREDICTOR[fold[1] - 2] - PREDICTOR[fold[0] - 2])
    gap = later.forecast.mean[row, 0] - at_the_close.forecast.mean[row, 0]
    assert gap == pytest.approx(slope * (PREDICTOR[month - 1] - PREDICTOR[month]), rel=1e-6)


def test_quarterly_closes_run_as_naturally():
    quarters = pd.date_range("1990-03-31", periods=80, freq="QE")
    close = pd.DataFrame({"A": 100.0 * np.cumprod(1.0 + GENERATOR.normal(0.01, 0.05, 80))}, index=quarters)
    table = Exogenous(pd.DataFrame({"x": GENERATOR.normal(size=80)}, index=quarters), name="macro", lag="6w")
    result = forecasts(table, data=Bars.from_close(close), validation=WalkForward(train="8y", test="2y"))
    assert result.problem.bars.periods_per_year == 4.0
    assert not np.isnan(result.forecast.mean[result.first :]).any()


def test_published_factors_drive_a_monthly_study_on_returns_alone():
    factors = Published("fama_french").load()
    market = factors.frame[["Mkt-RF"]].loc["1990":"2018"]
    bars = Bars.from_returns(market, base="1989-12-31")
    declared = study(data=bars, features=[Outside("fama_french", "HML")], exogenous=[Published("fama_french")])
    result = walk_forward(declared, declared.load_bars())
    assert not np.isnan(result.forecast.mean[result.first :]).any()
    feature = result.problem.features({}).frame("Outside('fama_french', 'HML')")["Mkt-RF"]
    # Published two months after the end of its month: what is read at the end of March is January's
    assert feature.loc["2010-03-31"] == factors.frame.loc["2010-01-31", "HML"]


def test_bars_with_another_table_are_other_bars():
    clock = days("01-31", "02-29")
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=clock))
    tables = [Exogenous(pd.DataFrame({"x": [1.0, last]}, index=clock), name="t", lag="0d") for last in (2.0, 3.0)]
    assert len({bars.fingerprint, *(bars.with_tables(table).fingerprint for table in tables)}) == 3
