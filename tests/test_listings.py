"""Where a symbol's bars end, and what the targets of its last bars are, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.listings import find_listings
from quantml.simulation import simulate
from quantml.targets import Direction, ForwardReturn, RealisedVolatility, TargetRule, latest_known
from quantml.timing import UNKNOWN, Fill
from quantml.universe import DELIST_AFTER, Membership

NAN, NO = float("nan"), int(UNKNOWN)
CLOCK = pd.bdate_range("2024-01-01", periods=16)


def dying(returned: float = -0.6, *, recorded: int | None = 6) -> Bars:
    """A trades throughout; B closes at 10, 8, 5 on rows 1, 2 and 4 and never again; its delisting is on row 6."""
    opens = {"A": [100.0] * 16, "B": [NAN, 10, 10, NAN, 4, *[NAN] * 11]}
    closes = {"A": [100.0] * 16, "B": [NAN, 10, 8, NAN, 5, *[NAN] * 11]}
    first, last = pd.DataFrame(opens, CLOCK, dtype=float), pd.DataFrame(closes, CLOCK, dtype=float)
    high, low = first.where(first > last, last), first.where(first < last, last)
    fields = {"open": first, "high": high, "low": low, "close": last}
    bars = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)
    spells = pd.DataFrame({"symbol": ["A", "B"], "start": CLOCK[0], "end": pd.NaT})
    if recorded is None:
        return bars.with_membership(Membership(spells))
    gone = pd.DataFrame({"symbol": ["B"], "date": CLOCK[[recorded]], "delisting_return": [returned]})
    return bars.with_membership(Membership(spells, delistings=gone))


def of_b(rule: TargetRule, bars: Bars, fill: Fill) -> tuple[list[float], list[int]]:
    built = rule.build(bars, fill)
    rows = [1, 2, 4]
    elsewhere = np.delete(np.arange(16), rows)
    assert np.isnan(built.values[elsewhere, 1]).all()
    assert (built.label_end[elsewhere, 1] == UNKNOWN).all()
    return built.values[rows, 1].tolist(), built.label_end[rows, 1].tolist()


# B's holders get 5 x 0.4 = 2 on row 6.
BY_HAND: list[tuple[TargetRule, Fill, list[float], list[int]]] = [
    # fills at the opens 10 (row 2) and 4 (row 4); the last bar's decision is never filled
    (ForwardReturn(1), Fill.NEXT_OPEN, [4 / 10 - 1, 2 / 4 - 1, NAN], [4, 6, NO]),
    (ForwardReturn(2), Fill.NEXT_OPEN, [2 / 10 - 1, 2 / 4 - 1, NAN], [6, 6, NO]),
    (ForwardReturn(1), Fill.NEXT_CLOSE, [5 / 8 - 1, 2 / 5 - 1, NAN], [4, 6, NO]),
    (ForwardReturn(1), Fill.PERIOD, [8 / 10 - 1, 5 / 8 - 1, 2 / 5 - 1], [2, 4, 6]),
    (ForwardReturn(1, "close"), Fill.NEXT_OPEN, [8 / 10 - 1, 5 / 8 - 1, 2 / 5 - 1], [2, 4, 6]),
    (ForwardReturn(5, "close"), Fill.NEXT_OPEN, [2 / 10 - 1, 2 / 8 - 1, 2 / 5 - 1], [6, 6, 6]),
    (Direction(1, "close"), Fill.NEXT_OPEN, [0, 0, 0], [2, 4, 6]),
    (Direction(1), Fill.NEXT_OPEN, [0, 0, NAN], [4, 6, NO]),
    # the price stays at 2 once it is paid
    (RealisedVolatility(2), Fill.NEXT_OPEN,
     [np.sqrt(126 * (np.log(0.8) ** 2 + np.log(0.625) ** 2)), np.sqrt(126 * (np.log(0.625) ** 2 + np.log(0.4) ** 2)),
      np.sqrt(126 * np.log(0.4) ** 2)], [4, 6, 6]),
    (RealisedVolatility(2, "fill"), Fill.NEXT_CLOSE,
     [np.sqrt(126 * (np.log(0.625) ** 2 + np.log(0.4) ** 2)), np.sqrt(126 * np.log(0.4) ** 2), NAN], [6, 6, NO]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fill", "values", "label_end"), BY_HAND, ids=str)
def test_a_delisted_loser_keeps_its_last_labels(
    rule: TargetRule, fill: Fill, values: list[float], label_end: list[int]
) -> None:
    found, ends = of_b(rule, dying(), fill)
    np.testing.assert_allclose(found, values, rtol=1e-14)
    assert ends == label_end


def test_without_a_record_it_is_closed_at_the_last_price_ten_sessions_after_the_last_bar() -> None:
    # row 14 is the tenth after row 4; its price stays 5
    values, ends = of_b(ForwardReturn(1, "close"), dying(recorded=None), Fill.NEXT_OPEN)
    assert (values, ends) == ([8 / 10 - 1, 5 / 8 - 1, 0], [2, 4, 14])
    assert of_b(ForwardReturn(1), dying(recorded=None), Fill.NEXT_OPEN)[1] == [4, 14, NO]


def test_a_record_that_comes_after_that_is_too_late() -> None:
    assert of_b(ForwardReturn(1, "close"), dying(recorded=15), Fill.NEXT_OPEN)[1] == [2, 4, 14]
    assert of_b(ForwardReturn(1, "close"), dying(-1.0, recorded=15), Fill.NEXT_OPEN)[0][-1] == 0.0
    assert of_b(ForwardReturn(1, "close"), dying(-1.0, recorded=14), Fill.NEXT_OPEN)[0][-1] == -1.0


def test_a_delisting_on_the_day_of_the_last_bar_is_paid_on_the_next_row() -> None:
    values, ends = of_b(ForwardReturn(1, "close"), dying(recorded=4), Fill.NEXT_OPEN)
    assert (values, ends) == ([8 / 10 - 1, 5 / 8 - 1, 2 / 5 - 1], [2, 4, 5])


def test_a_total_loss_is_a_return_of_minus_one_and_has_no_volatility() -> None:
    lost = dying(-1.0)
    assert of_b(ForwardReturn(1, "close"), lost, Fill.NEXT_OPEN)[0][-1] == -1.0
    values, ends = of_b(RealisedVolatility(2), lost, Fill.NEXT_OPEN)
    assert np.isnan(values).tolist() == [False, True, True]
    assert ends == [4, NO, NO]


def test_nothing_is_known_of_the_end_before_it_is_known() -> None:
    for row in range(4, 6):
        assert of_b_until(row)[1] == [2, 4, NO]
    assert of_b_until(6) == of_b(ForwardReturn(1, "close"), dying(), Fill.NEXT_OPEN)


def of_b_until(row: int) -> tuple[list[float], list[int]]:
    built = ForwardReturn(1, "close").build(dying().until(CLOCK[row]), Fill.NEXT_OPEN)
    return built.values[[1, 2, 4], 1].tolist(), built.label_end[[1, 2, 4], 1].tolist()


def test_bars_that_return_are_another_listing() -> None:
    closes = pd.DataFrame({"A": 1.0, "B": [10.0, 20, *[NAN] * 11, 50, 60, NAN]}, CLOCK)
    bars = Bars.from_close(closes, periods_per_year=252)
    built = ForwardReturn(1).build(bars, Fill.PERIOD)
    np.testing.assert_allclose(built.values[[0, 1, 13, 14], 1], [1.0, 0.0, 0.2, NAN])
    assert built.label_end[[0, 1, 13, 14], 1].tolist() == [1, 11, 14, NO]
    sooner = Bars.from_close(closes.drop(CLOCK[2:4]), periods_per_year=252)  # the tenth session later has a bar
    assert ForwardReturn(1).build(sooner, Fill.PERIOD).values[1, 1] == 50 / 20 - 1


def test_days_on_which_its_exchange_is_closed_do_not_count() -> None:
    days = pd.date_range("2024-01-05", periods=21)  # Friday; Martin Luther King's day is the 15th
    closes = pd.DataFrame({"AAPL": [1.0, *[NAN] * 20], "BTC": 1.0}, days)
    bars = Bars.from_close(closes, calendar={"AAPL": "XNYS", "BTC": "24/7"})
    assert days[find_listings(bars).closed[0, 0]] == pd.Timestamp("2024-01-22")  # 5 + 4 sessions, and the Monday


def test_hours_of_one_day_are_one_session() -> None:
    days = pd.date_range("2024-01-01", periods=12, tz="UTC")
    hours = pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in days for hour in (15, 16, 17)])
    closes = pd.DataFrame({"A": 1.0, "B": [1.0, *[NAN] * 35]}, hours)
    assert find_listings(Bars.from_close(closes, periods_per_year=750)).closed[0, 1] == 30  # ten days later


def test_the_newest_known_label_of_a_delisted_symbol_is_its_end() -> None:
    known = latest_known(ForwardReturn(1, "close").build(dying(), Fill.NEXT_OPEN))[:, 1]
    np.testing.assert_allclose(known[[3, 4, 5, 6, 15]], [-0.2, -0.375, -0.375, -0.6, -0.6])


# ------------------------------------------------------------------ the ledger


def test_the_ledger_pays_what_the_target_says() -> None:
    bars = dying()
    held = pd.DataFrame({"A": [0.0], "B": [1.0]}, CLOCK[[2]])  # filled at the open of row 4, 4.0
    done = simulate(held, bars, initial_cash=1000.0)
    target = ForwardReturn(1).build(bars, Fill.NEXT_OPEN)
    # 250 units; marked at 5 on rows 4 and 5; paid 2 each on row 6
    assert done.equity.tolist() == [1000.0, 1000.0, 1250.0, 1250.0, *[500.0] * 10]
    assert done.equity.iloc[-1] / 1000.0 - 1.0 == target.values[2, 1] == -0.5
    closing = done.fills.iloc[-1]
    assert closing[["kind", "units", "price", "commission"]].tolist() == ["delisted", -250.0, 2.0, 0.0]
    assert closing["time"] == CLOCK[6] == CLOCK[target.label_end[2, 1]]
    assert pd.isna(closing["decided"])
    trade = done.trades.iloc[0]
    assert trade[["entry_price", "exit_price", "net_pnl", "return", "open"]].tolist() == [4.0, 2.0, -500.0, -0.5, False]


def test_who_is_short_earns_what_holders_lose() -> None:
    short = pd.DataFrame({"A": [0.0], "B": [-1.0]}, CLOCK[[2]])
    done = simulate(short, dying(-1.0), initial_cash=1000.0)
    assert done.equity.iloc[-1] == 2000.0
    assert done.fills["price"].tolist() == [4.0, 0.0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), delist_after=st.integers(1, 6))
def test_ledger_and_listings_close_the_same_bars(seed: int, delist_after: int, delisted: Callable[..., Any]) -> None:
    bars = delisted(seed)
    listings = find_listings(bars, delist_after)
    held = pd.DataFrame(1.0 / len(bars.symbols), bars.clock, list(bars.symbols))
    fills = simulate(held, bars, fill=Fill.PERIOD, delist_after=delist_after).fills
    fills = fills[fills["kind"] == "delisted"]
    rows, columns = np.nonzero(bars.traded & (listings.last == np.arange(len(bars))[:, None]))
    paid: NDArray[np.float64] = bars.raw_array("close")[rows, columns] * listings.payoff[rows, columns]
    expected = sorted(zip(listings.closed[rows, columns], columns, paid, strict=True))
    rows, columns = bars.clock.get_indexer(fills["time"]), [bars.symbols.index(s) for s in fills["symbol"]]
    got = sorted(zip(rows, columns, fills["price"], strict=True))
    np.testing.assert_allclose(np.array(got), np.array(expected), rtol=1e-12)


@pytest.fixture(scope="module")
def delisted() -> Callable[[int], Bars]:
    """Random bars with long pauses, in which every symbol is always a member and some are delisted."""

    def make(seed: int) -> Bars:
        generator = np.random.default_rng(seed)
        clock = pd.bdate_range("2024-01-01", periods=40)
        closes = generator.uniform(50, 150, (40, 4))
        for column in range(1, 4):
            for _ in range(3):
                begin = int(generator.integers(1, 40))
                closes[begin : begin + int(generator.integers(1, 9)), column] = NAN
            closes[int(generator.integers(1, 45)) :, column] = NAN
        frame = pd.DataFrame(closes, clock, list("ABCD"))
        last = frame.apply(pd.Series.last_valid_index)
        gone = [(s, last[s] + pd.Timedelta(days=int(generator.integers(0, 8))), generator.choice([-1, -0.5, NAN, 0.1]))
                for s in "BCD"]  # fmt: skip
        spells = pd.DataFrame({"symbol": list("ABCD"), "start": clock[0], "end": pd.NaT})
        delistings = pd.DataFrame(gone, columns=["symbol", "date", "delisting_return"])
        return Bars.from_close(frame, periods_per_year=252).with_membership(Membership(spells, delistings=delistings))

    return make


def test_ten_sessions_are_the_default() -> None:
    assert DELIST_AFTER == 10
