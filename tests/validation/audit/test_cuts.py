"""Where the future is cut off: in order, inside the sample, and where leaks of different kinds show."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import Bars, WalkForward
from quantml.validation.audit.cuts import choose_cuts, choose_folds


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bars(rows: int) -> Bars:
    """One symbol whose six largest moves are into rows 60 to 65, and whose six largest volumes are on 80 to 85."""
    generator = draws(5)
    steps, volume = generator.uniform(-0.001, 0.001, rows), generator.uniform(1.0, 2.0, rows)
    steps[60:66], volume[80:86] = 0.1, 9.0
    days = pd.bdate_range("2024-01-01", periods=rows)
    columns = {"close": 100.0 * np.exp(np.cumsum(steps)), "volume": volume}
    return Bars.from_frame(
        pd.concat({name: pd.DataFrame({"A": part}, days) for name, part in columns.items()}, axis=1),
        periods_per_year=252,
    )


@given(first=st.integers(0, 95), count=st.integers(1, 40), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_cuts_increase_inside_the_sample(first: int, count: int, seed: int) -> None:
    cuts = choose_cuts(bars(102), first, count, draws(seed))
    assert len(cuts) == min(count, 101 - first)  # never on the last row: there is nothing after it
    assert all(later > earlier for earlier, later in itertools.pairwise(cuts))
    assert first <= cuts[0] <= cuts[-1] <= 100


def test_all_rows_where_there_are_few() -> None:
    assert choose_cuts(bars(102), 97, 20, draws()) == [97, 98, 99, 100]


@pytest.mark.parametrize("seed", range(10))
def test_kinds_of_moments_take_turns(seed: int) -> None:
    panel = bars(102)
    week, month, move, busy = choose_cuts(panel, 0, 4, draws(seed))
    clock = panel.clock
    assert clock[week].isocalendar().week == clock[week + 1].isocalendar().week
    assert clock[week].month == clock[week + 1].month
    assert clock[month].month != clock[month + 1].month
    assert 59 <= move <= 64  # the row before the move
    assert 80 <= busy <= 85


def test_closes_alone_have_no_busy_days() -> None:
    closes = Bars.from_close(bars(102).close, periods_per_year=252)
    month = choose_cuts(closes, 0, 4, draws())[3]  # weeks, months and moves, then weeks again
    assert closes.clock[month].month == closes.clock[month + 1].month


def test_symbols_of_different_size_are_as_busy() -> None:
    one = bars(102)
    many = pd.concat({name: pd.DataFrame({"A": one.raw_array(name)[:, 0], "B": 1e9 if name == "volume" else 50.0}, one.clock)
                      for name in ("close", "volume")}, axis=1)  # fmt: skip
    both = Bars.from_frame(many, periods_per_year=252)  # B's volume is larger, and always the same
    assert all(80 <= choose_cuts(both, 0, 4, draws(seed))[3] <= 85 for seed in range(5))


FOLDS = WalkForward(train=8, test=8).folds(pd.bdate_range("2024-01-01", periods=32))  # blocks from 8, 16 and 24


def test_folds_are_spread() -> None:
    assert [place for place, _ in choose_folds(FOLDS, 2, 31, draws())] == [0, 2]
    assert [place for place, _ in choose_folds(FOLDS, 9, 31, draws())] == [0, 1, 2]
    assert [place for place, _ in choose_folds(FOLDS, 1, 31, draws())] == [0]


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_has_rows_of_its_block_on_both_sides(seed: int) -> None:
    for place, cut in choose_folds(FOLDS, 3, 31, draws(seed)):
        start = FOLDS[place].start
        assert start + 1 <= cut <= start + 6  # seven rows but the last, the first quarter of them left out


def test_a_cut_is_before_the_last_row() -> None:
    assert {choose_folds(FOLDS, 3, 26, draws(seed))[-1][1] for seed in range(20)} == {25}
    # a block from there on has nothing later
    assert [place for place, _ in choose_folds(FOLDS, 3, 24, draws())] == [0, 1]


def test_a_block_of_one_row_is_cut_on_it() -> None:
    folds = WalkForward(train=3, test=1).folds(pd.bdate_range("2024-01-01", periods=6))
    assert choose_folds(folds, 9, 5, draws()) == [(0, 3), (1, 4)]
