"""Membership: what it says of each time, what it refuses, and that it never knows what has not come."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantml as qm
from quantml.bars import Bars
from quantml.errors import DataError
from quantml.universe import Membership, find_exits

DAYS = pd.bdate_range("2024-01-01", periods=5)  # Monday to Friday
NO = pd.NaT


def spells(*rows: tuple[str, Any, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["symbol", "start", "end"])


def gone(*rows: tuple[str, Any, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["symbol", "date", "delisting_return"])


def panel(**columns: list[float]) -> Bars:
    return Bars.from_close(pd.DataFrame(columns, DAYS, dtype=float), periods_per_year=252)


def test_the_loaders_hand_it_out() -> None:
    assert qm.loaders.Membership is Membership


def test_a_spell_begins_on_its_start_and_is_over_on_its_end() -> None:
    table = Membership(spells(("A", DAYS[1], DAYS[3]), ("B", "2023-06-30", None)))
    assert table.at(DAYS, ("A", "B", "C"))[:, 0].tolist() == [False, True, True, False, False]
    assert table.at(DAYS, ("A", "B", "C"))[:, 1].tolist() == [True] * 5
    assert not table.at(DAYS, ("A", "B", "C"))[:, 2].any()
    assert table.symbols == ("A", "B")


def test_a_symbol_may_have_several_spells_in_any_order() -> None:
    table = Membership(spells(("A", DAYS[4], NO), ("A", DAYS[0], DAYS[1]), ("A", DAYS[1], DAYS[2])))
    assert table.at(DAYS, ("A",))[:, 0].tolist() == [True, True, False, False, True]


def test_dates_between_two_sessions_count_from_the_next() -> None:
    monthly = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-28"])
    table = Membership(spells(("A", "2024-02-10", "2024-03-01")))
    assert table.at(monthly, ("A",))[:, 0].tolist() == [False, True, False]


def test_dates_are_midnight_on_an_intraday_clock() -> None:
    clock = pd.DatetimeIndex(["2024-01-01 20:00", "2024-01-02 15:00", "2024-01-03 00:00"], tz="UTC")
    table = Membership(spells(("A", "2024-01-02", "2024-01-03")))
    assert table.at(clock, ("A",))[:, 0].tolist() == [False, True, False]
    aware = spells(("A", "2024-01-02", "2024-01-03")).apply(
        lambda c: c if c.name == "symbol" else pd.to_datetime(c, utc=True)
    )
    assert Membership(aware).fingerprint == table.fingerprint


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (spells(("A", DAYS[2], DAYS[1])), "a spell must end after its start; got 'start 2024-01-03, end 2024-01-02' (A)"),
        (spells(("A", DAYS[2], DAYS[2])), "a spell must end after its start"),
        (spells(("A", DAYS[0], DAYS[3]), ("A", DAYS[2], NO)), "spells of a symbol must not overlap; got 'start 2024-01-03, end open' (A)"),
        (spells(("A", DAYS[0], NO), ("A", DAYS[3], NO)), "spells of a symbol must not overlap"),
        (spells(("A", NO, DAYS[0])), "the column 'start' must be given in every row"),
        (spells((None, DAYS[0], NO)), "a membership table must name a symbol in every row (row 0)"),
        (spells(("A", "01/02/2024", NO)), "the column 'start' must hold times"),
        (spells(("A", 20240102, NO)), "the column 'start' must hold times; got 'int64'. Write dates as 2024-01-31."),
        (spells(("A", pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), NO)), "the column 'start' must be tz-naive or UTC; got 'Asia/Tokyo'"),
        (spells(("A", DAYS[0], NO)).rename(columns={"end": "ends"}), "must have the columns symbol, start, end; got ['symbol', 'start', 'ends']. Did you mean 'end'?"),
        (spells(("A", DAYS[0], NO)).drop(columns="end"), "must have the columns symbol, start, end"),
        ([("A", DAYS[0], NO)], "a membership table must be a DataFrame; got 'list'"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be(frame: Any, text: str) -> None:
    with pytest.raises(DataError) as caught:
        Membership(frame)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (gone(("A", DAYS[1], -1.5)), "a delisting return must be finite and at least -1; got 'date 2024-01-02, delisting_return -1.5' (A)"),
        (gone(("A", DAYS[1], "half")), "delisting returns must be numbers"),
        (gone(("A", DAYS[1], 0.0), ("A", DAYS[2], 0.0)), "a symbol must be delisted once"),
        (gone(("A", NO, 0.0)), "the column 'date' must be given in every row"),
        (gone(("A", DAYS[1], 0.0)).rename(columns={"delisting_return": "delist_return"}), "Did you mean 'delisting_return'?"),
    ],
)  # fmt: skip
def test_delistings_that_cannot_be(frame: pd.DataFrame, text: str) -> None:
    with pytest.raises(DataError) as caught:
        Membership(spells(("A", DAYS[0], NO)), delistings=frame)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("membership", "text"),
    [
        (Membership(spells(("A", DAYS[0], NO), ("ENE", DAYS[0], NO), ("WCOM", "2023-12-01", DAYS[1]))),
         "members must have bars; got '2 without: ENE, WCOM'. Load their bars, or name them in Membership(without_bars=...)"),
        (Membership(spells(("A", DAYS[0], NO)), delistings=gone(("Z", DAYS[1], 0.0))), "got '1 without: Z'"),
        (Membership(spells(("A", DAYS[0], NO)), without_bars=["A"]), "without_bars must name members without bars; got ['A']"),
        (Membership(spells(("A", DAYS[0], NO)), without_bars=["Q"]), "without_bars must name members without bars; got ['Q']"),
        (Membership(spells(("X", DAYS[0], NO)), without_bars=["X"]), "a membership table must hold a symbol of the bars; got ['X']"),
        (Membership(spells(("A", DAYS[0], NO)), delistings=gone(("B", DAYS[2], -1.0))),
         "a delisted symbol must have no bar after its delisting (B, 2024-01-04). Correct the date, or give"),
    ],
)  # fmt: skip
def test_table_and_bars_that_do_not_go_together(membership: Membership, text: str) -> None:
    with pytest.raises(DataError) as caught:
        panel(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, np.nan]).with_membership(membership)
    assert text in str(caught.value)


def test_members_of_other_times_need_no_bars() -> None:
    table = Membership(spells(("A", DAYS[0], NO), ("OLD", "1990-01-01", "2024-01-01"), ("NEW", "2024-01-06", NO)))
    assert panel(A=[1] * 5).with_membership(table).members.all()


def test_bars_hold_members_candidates_and_what_was_known() -> None:
    bars = panel(A=[1, 2, 3, 4, 5], B=[1, np.nan, 3, np.nan, np.nan])
    table = Membership(
        spells(("A", DAYS[1], NO), ("B", DAYS[0], DAYS[4])), delistings=gone(("B", DAYS[3], -0.5)), without_bars=[]
    )
    joined = bars.with_membership(table)
    assert bars.members.all()
    assert joined.members.tolist() == [[False, True], [True, True], [True, True], [True, True], [True, False]]
    assert joined.candidates.tolist() == [[False, True], [True, False], [True, True], [True, False], [True, False]]
    assert joined.fingerprint != bars.fingerprint
    assert find_exits(joined).due.tolist() == [5, 3]
    assert find_exits(joined).payoff.tolist() == [1.0, 0.5]
    cut = joined.until(DAYS[2])
    assert find_exits(cut).due.tolist() == [3, 3]  # the number of rows: nothing is recorded yet
    assert cut.membership is not None
    assert cut.membership.frame["end"].isna().all()
    for copy in (pickle.loads(pickle.dumps(joined)), joined.between(DAYS[1], DAYS[4])):
        assert np.array_equal(copy.members, joined.members[-len(copy) :])


def test_the_callers_table_stays_theirs() -> None:
    frame = spells(("A", DAYS[0], NO))
    table = Membership(frame)
    frame.loc[0, "symbol"] = "B"
    assert table.symbols == ("A",)


def test_the_fingerprint_sees_every_part() -> None:
    tables = [
        Membership(spells(("A", DAYS[0], NO), ("B", DAYS[0], NO))),
        Membership(spells(("A", DAYS[0], NO), ("B", DAYS[0], DAYS[4]))),
        Membership(spells(("A", DAYS[0], NO), ("B", DAYS[0], NO)), delistings=gone(("A", DAYS[1], 0.1))),
        Membership(spells(("A", DAYS[0], NO), ("B", DAYS[0], NO)), delistings=gone(("A", DAYS[1], 0.2))),
        Membership(spells(("A", DAYS[0], NO), ("B", DAYS[0], NO)), without_bars=["B"]),
    ]
    assert len({table.fingerprint for table in tables}) == 5
    turned = Membership(spells(("B", DAYS[0], NO), ("A", DAYS[0], NO)))
    assert turned.fingerprint == tables[0].fingerprint


def test_sessions_are_days_on_which_the_symbols_exchange_is_open() -> None:
    clock = pd.DatetimeIndex(["2024-01-05 15:00", "2024-01-05 16:00", "2024-01-08 15:00"], tz="UTC")
    hourly = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0, 3.0]}, clock), periods_per_year=1000)
    assert hourly.session_number[:, 0].tolist() == [0, 0, 1]
    week = pd.date_range("2024-01-05", periods=4)  # Friday to Monday
    mixed = pd.DataFrame({"AAPL": [1.0, np.nan, np.nan, 2.0], "BTC": [1.0, 2.0, 3.0, 4.0]}, week)
    bars = Bars.from_close(mixed, calendar={"AAPL": "XNYS", "BTC": "24/7"})
    assert bars.session_number.T.tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nothing_is_known_before_it_happens(seed: int) -> None:
    generator = np.random.default_rng(seed)
    clock = pd.bdate_range("2024-01-01", periods=30)
    row = int(generator.integers(30))
    drawn = [_draw(generator, clock) for _ in range(2)]
    known = [(s, a, b if b is not NO and b <= clock[row] else NO) for s, a, b in drawn[0] if a <= clock[row]]
    goes_on = {s for s, _, b in known if b is NO}
    later = [(s, a, b) for s, a, b in drawn[1] if a > clock[row] and s not in goes_on]  # another future
    changed = Membership(spells(*known, *later))
    whole, cut = Membership(spells(*drawn[0])), Membership(spells(*drawn[0])).until(clock[row])
    said = whole.at(clock, tuple("ABC"))[: row + 1]
    assert np.array_equal(changed.at(clock, tuple("ABC"))[: row + 1], said)
    assert np.array_equal(cut.at(clock, tuple("ABC"))[: row + 1], said)
    assert cut.fingerprint == Membership(spells(*known)).fingerprint


def _draw(generator: np.random.Generator, clock: pd.DatetimeIndex) -> list[tuple[str, Any, Any]]:
    drawn: list[tuple[str, Any, Any]] = []
    for symbol in "ABC":
        edges = clock[0] + pd.to_timedelta(np.sort(generator.choice(45, 4, replace=False)) - 3, unit="D")
        drawn += [(symbol, edges[0], edges[1]), (symbol, edges[2], NO if generator.random() < 0.5 else edges[3])]
    return drawn
