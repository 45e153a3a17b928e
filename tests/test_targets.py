"""Targets against values worked by hand, a loop over bars, and futures that must not matter."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quantml import targets
from quantml.bars import Bars
from quantml.errors import DataError, ParameterError, TargetError
from quantml.exogenous import Exogenous
from quantml.space import Choice
from quantml.targets import Column, Direction, ForwardReturn, RealisedVolatility, Target, TargetRule, latest_known
from quantml.timing import UNKNOWN, Fill
from quantml.universe import Membership

NAN = float("nan")
NO = int(UNKNOWN)
ALL = [
    *(kind(horizon, start) for kind in (ForwardReturn, Direction) for horizon in (1, 3) for start in ("fill", "close")),
    *(RealisedVolatility(horizon, start) for horizon in (2, 4) for start in ("fill", "close")),
    *(Column("x", horizon) for horizon in (1, 3)),
]


def priced() -> Bars:
    """A trades throughout, B pauses on row 3, C starts on row 2."""
    opens = {"A": [100, 104, 110, 120, 125, 100], "B": [10, 10, 12, NAN, 15, 20], "C": [NAN, NAN, 50, 40, 60, 50]}
    closes = {"A": [100, 110, 100, 125, 100, 120], "B": [10, 12, 15, NAN, 20, 10], "C": [NAN, NAN, 50, 60, 40, 80]}
    clock = pd.bdate_range("2024-01-01", periods=6)
    first, last = pd.DataFrame(opens, clock, dtype=float), pd.DataFrame(closes, clock, dtype=float)
    high, low = first.where(first > last, last), first.where(first < last, last)
    fields = {"open": first, "high": high, "low": low, "close": last}
    return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)


def table(**columns: list[float]) -> NDArray[np.float64]:
    return np.array(list(columns.values()), dtype=np.float64).T


def ends(**columns: list[int]) -> NDArray[np.int64]:
    return np.array(list(columns.values()), dtype=np.int64).T


def test_returns_from_the_next_open() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_OPEN)
    expected = table(
        A=[110 / 104 - 1, 120 / 110 - 1, 125 / 120 - 1, 100 / 125 - 1, NAN, NAN],
        B=[12 / 10 - 1, 15 / 12 - 1, 20 / 15 - 1, NAN, NAN, NAN],
        C=[NAN, NAN, 60 / 40 - 1, 50 / 60 - 1, NAN, NAN],
    )
    np.testing.assert_array_equal(built.values, expected)
    expected_ends = ends(A=[2, 3, 4, 5, NO, NO], B=[2, 4, 5, NO, NO, NO], C=[NO, NO, 4, 5, NO, NO])
    np.testing.assert_array_equal(built.label_end, expected_ends)
    assert (built.kind, built.horizon, built.start, built.name) == ("return", 1, "fill", "forward_return_1")


def test_returns_from_the_next_close() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_CLOSE)
    expected = table(
        A=[100 / 110 - 1, 125 / 100 - 1, 100 / 125 - 1, 120 / 100 - 1, NAN, NAN],
        B=[15 / 12 - 1, 20 / 15 - 1, 10 / 20 - 1, NAN, NAN, NAN],
        C=[NAN, NAN, 40 / 60 - 1, 80 / 40 - 1, NAN, NAN],
    )
    np.testing.assert_array_equal(built.values, expected)
    expected_ends = ends(A=[2, 3, 4, 5, NO, NO], B=[2, 4, 5, NO, NO, NO], C=[NO, NO, 4, 5, NO, NO])
    np.testing.assert_array_equal(built.label_end, expected_ends)


FROM_CLOSE = [("fill", Fill.PERIOD), *(("close", fill) for fill in Fill)]


@pytest.mark.parametrize(("start", "fill"), FROM_CLOSE)
def test_returns_from_the_close_of_the_decision(start: str, fill: Fill) -> None:
    built = ForwardReturn(1, start).build(priced(), fill)
    expected = table(
        A=[110 / 100 - 1, 100 / 110 - 1, 125 / 100 - 1, 100 / 125 - 1, 120 / 100 - 1, NAN],
        B=[12 / 10 - 1, 15 / 12 - 1, 20 / 15 - 1, NAN, 10 / 20 - 1, NAN],
        C=[NAN, NAN, 60 / 50 - 1, 40 / 60 - 1, 80 / 40 - 1, NAN],
    )
    np.testing.assert_array_equal(built.values, expected)
    expected_ends = ends(A=[1, 2, 3, 4, 5, NO], B=[1, 2, 4, NO, 5, NO], C=[NO, NO, 3, 4, 5, NO])
    np.testing.assert_array_equal(built.label_end, expected_ends)


def test_a_longer_horizon_counts_own_bars() -> None:
    built = ForwardReturn(2).build(priced(), Fill.NEXT_OPEN)
    expected = table(
        A=[120 / 104 - 1, 125 / 110 - 1, 100 / 120 - 1, NAN, NAN, NAN],
        B=[15 / 10 - 1, 20 / 12 - 1, NAN, NAN, NAN, NAN],
        C=[NAN, NAN, 50 / 40 - 1, NAN, NAN, NAN],
    )
    np.testing.assert_array_equal(built.values, expected)
    expected_ends = ends(A=[3, 4, 5, NO, NO, NO], B=[4, 5, NO, NO, NO, NO], C=[NO, NO, 5, NO, NO, NO])
    np.testing.assert_array_equal(built.label_end, expected_ends)


@pytest.mark.parametrize(
    ("start", "fill", "expected"),
    [
        ("fill", Fill.NEXT_OPEN, {"A": [1, 1, 1, 0, NAN, NAN], "B": [1, 1, 1, NAN, NAN, NAN],
                                  "C": [NAN, NAN, 1, 0, NAN, NAN]}),
        ("fill", Fill.NEXT_CLOSE, {"A": [0, 1, 0, 1, NAN, NAN], "B": [1, 1, 0, NAN, NAN, NAN],
                                   "C": [NAN, NAN, 0, 1, NAN, NAN]}),
        *((start, fill, {"A": [1, 0, 1, 0, 1, NAN], "B": [1, 1, 1, NAN, 0, NAN], "C": [NAN, NAN, 1, 0, 1, NAN]})
          for start, fill in FROM_CLOSE),
    ],
)  # fmt: skip
def test_directions(start: str, fill: Fill, expected: dict[str, list[float]]) -> None:
    built = Direction(1, start).build(priced(), fill)
    np.testing.assert_array_equal(built.values, table(**expected))
    np.testing.assert_array_equal(built.label_end, ForwardReturn(1, start).build(priced(), fill).label_end)
    assert (built.kind, built.horizon, built.start, built.name) == ("direction", 1, start, "direction_1")


def test_a_return_of_zero_is_not_up() -> None:
    built = Direction(2, "close").build(priced(), Fill.NEXT_OPEN)
    np.testing.assert_array_equal(built.values[:, 0], [0, 1, 0, 0, NAN, NAN])  # A closes at 100 on rows 0, 2 and 4


def drifting() -> Bars:
    """Closes whose log returns, in percent, are A: 3 4 0 -5 12; B, paused on row 2: 5 12 -16 12; C, from row 3: 3 4."""
    logs = {"A": [0, 3, 7, 7, 2, 14], "B": [0, 5, NAN, 17, 1, 13], "C": [NAN, NAN, NAN, 0, 3, 7]}
    clock = pd.date_range("2024-01-31", periods=6, freq="ME")
    return Bars.from_close(np.exp(pd.DataFrame(logs, clock) / 100), periods_per_year=2)


@pytest.mark.parametrize(("start", "fill"), FROM_CLOSE)
def test_volatilities_from_the_close_of_the_decision(start: str, fill: Fill) -> None:
    built = RealisedVolatility(2, start).build(drifting(), fill)
    # two periods a year and a horizon of two: the root of the sum of two squares, 3 and 4 to 5 and so on
    expected = table(
        A=[0.05, 0.04, 0.05, 0.13, NAN, NAN], B=[0.13, 0.20, NAN, 0.20, NAN, NAN], C=[NAN, NAN, NAN, 0.05, NAN, NAN]
    )
    np.testing.assert_allclose(built.values, expected, rtol=1e-12)
    expected_ends = ends(A=[2, 3, 4, 5, NO, NO], B=[3, 4, NO, 5, NO, NO], C=[NO, NO, NO, 5, NO, NO])
    np.testing.assert_array_equal(built.label_end, expected_ends)
    assert (built.kind, built.horizon, built.start) == ("volatility", 2, start)
    assert built.name == "realised_volatility_2"


def test_volatilities_from_the_close_of_the_fill() -> None:
    built = RealisedVolatility(2, "fill").build(drifting(), Fill.NEXT_CLOSE)
    expected = table(A=[0.04, 0.05, 0.13, NAN, NAN, NAN], B=[0.20, 0.20, NAN, NAN, NAN, NAN], C=[NAN] * 6)
    np.testing.assert_allclose(built.values, expected, rtol=1e-12)
    expected_ends = ends(A=[3, 4, 5, NO, NO, NO], B=[4, 5, NO, NO, NO, NO], C=[NO] * 6)
    np.testing.assert_array_equal(built.label_end, expected_ends)


def test_volatility_at_a_fill_at_the_open_is_measured_between_closes() -> None:
    at_open = RealisedVolatility(2, "fill").build(priced(), Fill.NEXT_OPEN)
    expected = np.sqrt(252 / 2 * (np.log(100 / 110) ** 2 + np.log(125 / 100) ** 2))
    assert at_open.values[0, 0] == pytest.approx(expected, rel=1e-12)
    assert at_open.label_end[0, 0] == 3


def test_a_split_is_no_return() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [100.0, 50.0, 50.0, 55.0]}, clock)
    splits = pd.DataFrame({"A": [NAN, 2.0, NAN, NAN]}, clock)
    long = closes.rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="close")
    bars = Bars.from_frame(long, splits=splits, periods_per_year=252)
    built = ForwardReturn(1, "close").build(bars, Fill.NEXT_CLOSE)
    np.testing.assert_allclose(built.values[:, 0], [0, 0, 0.1, NAN], atol=1e-15)


def test_latest_known_is_the_newest_label_that_has_ended() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_OPEN)
    a, b, c = built.values.T
    expected = table(
        A=[NAN, NAN, a[0], a[1], a[2], a[3]], B=[NAN, NAN, b[0], b[0], b[1], b[2]], C=[NAN, NAN, NAN, NAN, c[2], c[3]]
    )
    np.testing.assert_array_equal(latest_known(built), expected)


def test_latest_known_prefers_the_later_decision_where_labels_overlap() -> None:
    # the first decision's label ends last, and the second and third end together
    label_end = np.array([[3], [2], [2], [NO]])
    values = np.array([[1.0], [2.0], [3.0], [NAN]])
    clock = pd.bdate_range("2024-01-01", periods=4)
    target = Target(clock, ("A",), values, label_end, 1, "fill", "return", "barrier")
    np.testing.assert_array_equal(latest_known(target)[:, 0], [NAN, NAN, 3.0, 3.0])


def months(**changes: Any) -> Exogenous:
    """Three months, each published some time after its end; the second without a value."""
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-04", "2024-01-08"])
    released = pd.DatetimeIndex(["2024-01-04", "2024-01-07", "2024-01-09"])  # 2024-01-07 is a Sunday
    values = pd.DataFrame({"x": [1.0, NAN, 3.0], "y": [4.0, 5.0, 6.0], "released": released}, index=index)
    return Exogenous(values, name="macro", available_at="released", **changes)


def test_a_column_some_rows_ahead() -> None:
    # Bars: 1 Jan (Monday) to 8 Jan. The decisions stand on no row, row 0, 0, 1, 1, 2.
    bars = priced().with_tables(months())
    built = Column("y").build(bars, Fill.NEXT_OPEN)
    np.testing.assert_array_equal(built.values[:, 0], [NAN, 5.0, 5.0, NAN, NAN, NAN])
    np.testing.assert_array_equal(built.label_end[:, 0], [NO, 5, 5, NO, NO, NO])
    np.testing.assert_array_equal(built.values[:, 2], [NAN, NAN, 5.0, NAN, NAN, NAN])
    assert (built.kind, built.horizon, built.start, built.name) == ("column", 1, "close", "y_1")
    longer = Bars.from_close(pd.DataFrame({"A": 1.0}, pd.bdate_range("2024-01-01", periods=9)), periods_per_year=252)
    built = Column("x", 2, table="macro").build(longer.with_tables(months()), Fill.PERIOD)
    np.testing.assert_array_equal(built.values[:, 0], [NAN, 3.0, 3.0, *[NAN] * 6])
    np.testing.assert_array_equal(built.label_end[:, 0], [NO, 6, 6, *[NO] * 6])


def test_a_column_is_what_was_first_said_of_a_period() -> None:
    quarters = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-04"])
    released = pd.DatetimeIndex(["2024-01-01", "2024-01-03", "2024-01-05", "2024-01-05"])
    revised = pd.DataFrame({"gdp": [1.0, 2.0, 2.5, 3.0], "released": released}, index=quarters)
    bars = priced().with_tables(Exogenous(revised, name="gdp", available_at="released"))
    built = Column("gdp").build(bars, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [2.0, 3.0, 3.0, NAN, NAN, NAN], [2, 4, 4, NO, NO, NO])


def test_a_column_of_a_table_that_names_symbols() -> None:
    owners, days = ["A", "B", "A", "A"], pd.DatetimeIndex(["2024-01-01", "2024-01-01", "2024-01-03", "2024-01-04"])
    sales = pd.DataFrame({"sales": [1.0, 2.0, 3.0, 4.0], "who": owners}, index=days)
    bars = priced().with_tables(Exogenous(sales, name="sales", lag="1d", symbol="who"))
    built = Column("sales").build(bars, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [3.0, 3.0, 4.0, NAN, NAN, NAN], [3, 3, 4, NO, NO, NO])
    assert np.isnan(built.values[:, 1:]).all()


def assert_columns(built: Target, symbol: int, values: list[float], label_end: list[int]) -> None:
    np.testing.assert_array_equal(built.values[:, symbol], values)
    np.testing.assert_array_equal(built.label_end[:, symbol], label_end)


def test_periods_of_a_column_s_table_must_become_available_in_order() -> None:
    days = pd.DatetimeIndex(["2024-01-01", "2024-01-02"])
    late = pd.DataFrame({"x": [1.0, 2.0], "told": days[::-1]}, index=days)
    with pytest.raises(TargetError) as caught:
        Column("x").build(priced().with_tables(Exogenous(late, name="t", available_at="told")), Fill.NEXT_CLOSE)
    assert str(caught.value) == (
        "the table 't' of a Column must become available in the order of its periods;"
        " got '2024-01-02 00:00:00 before 2024-01-01 00:00:00'."
    )


def test_a_column_published_ahead_of_its_time_answers_no_decision_before_it_is_asked() -> None:
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-08"])
    early = pd.DataFrame({"x": [1.0, 2.0], "told": pd.DatetimeIndex(["2024-01-01", "2024-01-02"])}, index=index)
    bars = priced().with_tables(Exogenous(early, name="fixed", available_at="told"))
    assert Column("x").build(bars, Fill.NEXT_CLOSE).label_end[:, 0].tolist() == [1, 1, 2, 3, 4, NO]


@pytest.mark.parametrize(
    ("tables", "rule", "text"),
    [
        ([], Column("x"), "Column.table must name the table where the bars do not carry exactly one; got 'no table'."),
        (
            [],
            Column("x", table="m"),
            "Column.table must be an outside table of the bars; got 'm'. The bars carry none.",
        ),
        ([months()], Column("x", table="marco"), "got 'marco'. Did you mean 'macro'?"),
        ([months()], Column("xx"), "Column.name must be a column of the table 'macro'; got 'xx'. Did you mean 'x'?"),
        ([months()], Column("released"), "Column.name must be a column of the table 'macro'; got 'released'."),
    ],
)
def test_a_column_must_be_found(tables: list[Exogenous], rule: Column, text: str) -> None:
    with pytest.raises(TargetError) as caught:
        rule.build(priced().with_tables(*tables), Fill.NEXT_CLOSE)
    assert text in str(caught.value)


# ------------------------------------------------------------------ properties


def world(seed: int, change_after: int | None = None) -> Bars:
    """Random bars with pauses, late starts and splits; other bars after the row `change_after`."""
    rows, columns = 30, 3
    drawn = _draw(np.random.default_rng(seed), rows, columns)
    if change_after is not None:
        other = _draw(np.random.default_rng(seed + 10**6), rows, columns)
        for mine, theirs in zip(drawn, other, strict=True):
            mine[change_after + 1 :] = theirs[change_after + 1 :]
    opens, closes, splits = drawn
    clock, names = pd.bdate_range("2024-01-01", periods=rows), list("ABC")
    delistings = _delist(seed, clock, drawn, change_after)
    first, last = pd.DataFrame(opens, clock, names), pd.DataFrame(closes, clock, names)
    fields = {"open": first, "high": first.where(first > last, last), "low": first.where(first < last, last),
              "close": last, "split": pd.DataFrame(splits, clock, names)}  # fmt: skip
    outside = _outside(seed, clock, change_after)
    bars = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252).with_tables(outside)
    spells = pd.DataFrame({"symbol": names, "start": clock[0], "end": pd.NaT})
    return bars.with_membership(Membership(spells, delistings=delistings))


def _delist(
    seed: int, clock: pd.DatetimeIndex, drawn: tuple[NDArray[np.float64], ...], change_after: int | None
) -> pd.DataFrame:
    """Take B's bars away after some row and record its delisting soon or late; another one where it was not known."""
    last, date, returned = _end(seed, clock)
    if change_after is not None and date > clock[change_after]:
        for values in drawn:
            values[last + 1 : change_after + 1, 1] = NAN
        last, date, returned = _end(seed + 10**6, clock)
        if date <= clock[change_after]:
            return pd.DataFrame({"symbol": [], "date": pd.DatetimeIndex([])})
        last = max(last, change_after)
    for values in drawn:
        values[last + 1 :, 1] = NAN
    return pd.DataFrame({"symbol": ["B"], "date": [date], "delisting_return": [returned]})


def _end(seed: int, clock: pd.DatetimeIndex) -> tuple[int, pd.Timestamp, float]:
    generator = np.random.default_rng(seed + 10**8)
    last = int(generator.integers(10, 40))
    date = pd.Timestamp(clock[0] + pd.offsets.BDay(last + int(generator.integers(0, 14))))
    return last, date, float(generator.choice([-1.0, -0.4, NAN, 0.3]))


def _outside(seed: int, clock: pd.DatetimeIndex, change_after: int | None) -> Exogenous:
    """A table with gaps, published late; other values where they become available after a row of the clock."""
    generator = np.random.default_rng(seed + 10**7)
    days = np.cumsum(generator.integers(1, 4, 15))
    released = np.maximum.accumulate(days + generator.integers(0, 6, 15))
    values = np.where(generator.random(15) < 0.2, NAN, generator.uniform(size=15))
    index, told = (clock[0] + pd.to_timedelta(each, unit="D") for each in (days, released))
    index, told = index.repeat(2), told.repeat(2) + pd.to_timedelta(np.tile([0, 2], 15), unit="D")
    values = np.repeat(values, 2) + np.tile([0.0, 1.0], 15)  # each period is revised two days later
    if change_after is not None:
        values = np.where(told > clock[change_after], generator.uniform(size=30), values)
    return Exogenous(pd.DataFrame({"x": values, "told": told}, index=index), name="outside", available_at="told")


def _draw(generator: np.random.Generator, rows: int, columns: int) -> tuple[NDArray[np.float64], ...]:
    opens, closes = generator.uniform(50, 150, (2, rows, columns))
    absent = generator.random((rows, columns)) < 0.3
    absent[: generator.integers(10), 1] = True
    absent[slice(*sorted(generator.integers(0, 60, 2))), 2] = True
    absent[:, 0] = absent[-1] = absent[9, 1] = False
    splits = np.where(generator.random((rows, columns)) < 0.1, 2.0, NAN)
    for values in (opens, closes, splits):
        values[absent] = NAN
    return opens, closes, splits


def loop(rule: TargetRule, bars: Bars, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute a target bar by bar, as its definition reads."""
    if isinstance(rule, Column):
        return loop_over_rows(rule, bars)
    assert isinstance(rule, (ForwardReturn, Direction, RealisedVolatility))
    values = np.full(bars.traded.shape, NAN)
    label_end = np.full(bars.traded.shape, UNKNOWN)
    at_fill = rule.start == "fill" and fill is not Fill.PERIOD
    closes = bars.array("close")
    prices = bars.array("open") if at_fill and fill is Fill.NEXT_OPEN else closes
    for n, own, closed, payoff in listings(bars):
        paid = closes[own[-1], n] * payoff
        for k, t in enumerate(own):
            path = own[k + at_fill : k + at_fill + rule.horizon + 1]
            short = rule.horizon + 1 - len(path)  # steps that lie past the end
            if not path or (short and closed is None):
                continue
            end, last = (closed, paid) if short else (path[-1], prices[path[-1], n])
            value = last / prices[path[0], n] - 1
            if isinstance(rule, Direction):
                value = float(value > 0)
            if isinstance(rule, RealisedVolatility):
                if short and payoff == 0.0:
                    continue
                steps = pairwise([*closes[path, n], *[paid] * short])
                value = np.sqrt(bars.periods_per_year * np.mean([np.log(b / a) ** 2 for a, b in steps]))
            values[t, n], label_end[t, n] = value, end
    return values, label_end


def listings(bars: Bars) -> Iterator[tuple[int, list[int], int | None, float]]:
    """Walk through time as an account does: each symbol's bars until it is closed, the row of that, what is paid."""
    known = pd.DataFrame() if bars.membership is None else bars.membership.delistings
    recorded = {} if known is None or known.empty else known.set_index("symbol").T.to_dict()
    for n, symbol in enumerate(bars.symbols):
        own: list[int] = []
        for t, moment in enumerate(bars.clock):
            gone = symbol in recorded and moment >= recorded[symbol]["date"]
            if bars.traded[t, n]:
                own.append(t)
            elif own and (gone or t - own[-1] == 10):
                yield n, own, t, 1 + np.nan_to_num(recorded[symbol]["delisting_return"]) if gone else 1.0
                own = []
        if own:
            yield n, own, None, NAN


def loop_over_rows(rule: Column, bars: Bars) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    table = bars.tables["outside"]
    values, label_end = np.full(bars.traded.shape, NAN), np.full(bars.traded.shape, UNKNOWN)
    for t, moment in enumerate(bars.clock):
        periods = list(dict.fromkeys(table.period))
        past = [i for i, time in enumerate(periods) if time <= moment]
        if not past or past[-1] + rule.horizon >= len(periods):
            continue
        row = list(table.period).index(periods[past[-1] + rule.horizon])
        after = [k for k, bar in enumerate(bars.clock) if bar >= table.available[row]]
        if after and np.isfinite(table.values[row, 0]):
            values[t, bars.traded[t]] = table.values[row, 0]
            label_end[t, bars.traded[t]] = after[0]
    return values, label_end


def test_the_list_of_targets_is_complete() -> None:
    assert {type(rule).__name__ for rule in ALL} == set(targets.__all__) - {"Target", "TargetRule", "latest_known"}


@pytest.mark.parametrize("fill", Fill)
@pytest.mark.parametrize("rule", ALL, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**5))
def test_targets_equal_a_loop_over_bars(rule: TargetRule, fill: Fill, seed: int) -> None:
    bars = world(seed)
    built = rule.build(bars, fill)
    values, label_end = loop(rule, bars, fill)
    np.testing.assert_allclose(built.values, values, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(built.label_end, label_end)
    rows = np.arange(len(bars))[:, None]
    assert np.all(built.label_end > rows)
    np.testing.assert_array_equal(np.isnan(built.values), built.label_end == UNKNOWN)


@pytest.mark.parametrize("fill", Fill)
@pytest.mark.parametrize("rule", ALL, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**5), row=st.integers(0, 28))
def test_the_future_changes_no_target_that_is_known(rule: TargetRule, fill: Fill, seed: int, row: int) -> None:
    bars = world(seed)
    whole, changed = rule.build(bars, fill), rule.build(world(seed, change_after=row), fill)
    cut = rule.build(bars.until(bars.clock[row]), fill)
    known = whole.label_end <= row
    for other in (changed, cut):
        rows = len(other.values)
        np.testing.assert_array_equal(other.label_end <= row, known[:rows])
        np.testing.assert_array_equal(other.label_end[known[:rows]], whole.label_end[:rows][known[:rows]])
    assert changed.values[known].tobytes() == whole.values[known].tobytes()
    assert latest_known(changed)[: row + 1].tobytes() == latest_known(whole)[: row + 1].tobytes()
    np.testing.assert_allclose(cut.values[known[: row + 1]], whole.values[known], rtol=1e-10, atol=0)
    np.testing.assert_allclose(latest_known(cut), latest_known(whole)[: row + 1], rtol=1e-10, atol=0)


# ---------------------------------------------------------- objects and errors


def test_a_horizon_beyond_the_data_is_known_nowhere() -> None:
    for rule in (ForwardReturn(50), RealisedVolatility(50)):
        built = rule.build(priced(), Fill.NEXT_CLOSE)
        assert np.isnan(built.values).all()
        assert (built.label_end == UNKNOWN).all()


def test_a_target_is_read_only_also_after_a_pickle() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_OPEN)
    for target in (built, pickle.loads(pickle.dumps(built))):
        with pytest.raises(ValueError, match="read-only"):
            target.values[0, 0] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            target.label_end[0, 0] = 1
    frame = built.frame
    frame.iloc[0, 0] = 9.0
    assert built.frame.iloc[0, 0] == 110 / 104 - 1
    assert list(frame.columns) == ["A", "B", "C"]


@pytest.mark.parametrize("rule", [ForwardReturn(), Direction(), RealisedVolatility(2, "fill")], ids=str)
def test_a_start_at_the_open_needs_opens(rule: TargetRule) -> None:
    with pytest.raises(DataError) as caught:
        rule.build(drifting(), Fill.NEXT_OPEN)
    name = type(rule).__name__
    assert str(caught.value) == (
        f"bars of a {name} that starts at Fill.NEXT_OPEN must have the field 'open'; got 'close'. "
        "Use Fill.NEXT_CLOSE, or bars with opens."
    )


@pytest.mark.parametrize("kind", [ForwardReturn, Direction, RealisedVolatility])
def test_parameters_out_of_range(kind: Any) -> None:
    least = 2 if kind is RealisedVolatility else 1
    for horizon in (least - 1, -1, 1.5, True, "5"):
        with pytest.raises(ParameterError, match=f"horizon must be a whole number of bars, at least {least}; got"):
            kind(horizon)
    with pytest.raises(ParameterError) as caught:
        kind(5, "closes")
    text = f"{kind.__name__}.start must be 'fill' or 'close'; got 'closes'. Did you mean 'close'?"
    assert str(caught.value) == text


def test_a_column_s_parameters_out_of_range() -> None:
    with pytest.raises(ParameterError, match=r"Column\.horizon must be a whole number of periods, at least 1; got 0"):
        Column("x", 0)
    with pytest.raises(ParameterError, match=r"Column\.name must be the name of a column; got 1"):
        Column(1)  # type: ignore[arg-type]


def test_every_alternative_of_a_search_space_is_checked() -> None:
    assert ForwardReturn(Choice(1, 5)).horizon is not None
    with pytest.raises(ParameterError, match=r"ForwardReturn\.horizon must be"):
        ForwardReturn(Choice(5, 0))
