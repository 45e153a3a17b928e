"""Returns beyond cash, a benchmark and beta, and ranks among symbols, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.cash import CashRate
from quantml.errors import DataError, ParameterError, TargetError
from quantml.exogenous import Exogenous
from quantml.targets import ActiveReturn, ExcessReturn, RankReturn, ResidualReturn, TargetRule
from quantml.timing import Fill
from quantml.universe import Membership
from tests.targets.panels import NAN, NO, assert_columns, priced


def closes(**columns: list[float]) -> Bars:
    clock = pd.bdate_range("2024-01-01", periods=len(next(iter(columns.values()))))
    return Bars.from_close(pd.DataFrame(columns, clock, dtype=float), periods_per_year=252)


def test_excess_over_a_rate() -> None:
    # 0.0252 a year over 252 bars is 0.0001 a bar. B's second return starts on row 2 and ends on row 4.
    built = ExcessReturn(1, cash=0.0252).build(priced(), Fill.NEXT_OPEN)
    np.testing.assert_allclose(built.values[:2, 1], [12 / 10 - 1.0001, 15 / 12 - 1.0001**2], rtol=1e-12)
    assert built.label_end[:3, 1].tolist() == [2, 4, 5]
    assert (built.kind, built.horizon, built.start, built.name) == ("excess", 1, "fill", "excess_return_1")


def test_excess_over_the_rates_of_a_table() -> None:
    days = pd.bdate_range("2024-01-01", periods=5)
    bills = Exogenous(pd.DataFrame({"yield": [0.0252, 0.0504]}, index=days[[0, 2]]), name="bills", lag="0d")
    bars = closes(A=[100, 110, 121, 121, 121]).with_tables(bills)
    built = ExcessReturn(2, cash=CashRate("bills", "yield")).build(bars, Fill.NEXT_CLOSE)
    # the return from row 1 to row 3 is 0.1; cash earns 0.0001 on row 2, known on row 1, and 0.0002 on row 3
    np.testing.assert_allclose(built.values[0, 0], 1.1 - 1.0001 * 1.0002, rtol=1e-12)
    with pytest.raises(DataError, match="the rate on cash must be known"):
        ExcessReturn(1, cash=CashRate("bills", "yield")).build(
            bars.with_tables(Exogenous(bills.frame.iloc[1:], name="bills", lag="0d")), Fill.NEXT_CLOSE
        )


def test_active_returns_are_over_the_same_rows() -> None:
    built = ActiveReturn(1, benchmark="A").build(priced(), Fill.NEXT_OPEN)
    # A opens at 100 104 110 120 125 100; B at 10 10 12, nothing, 15 20; C from row 2 at 50 40 60 50
    b = [12 / 10 - 110 / 104, 15 / 12 - 125 / 110, 20 / 15 - 100 / 125, NAN, NAN, NAN]
    np.testing.assert_allclose(built.values[:, 1], b, rtol=1e-12)
    assert built.label_end[:, 1].tolist() == [2, 4, 5, NO, NO, NO]
    np.testing.assert_array_equal(built.values[:4, 0], [0, 0, 0, 0])
    assert (built.kind, built.name) == ("excess", "active_return_1")


def test_a_benchmark_without_a_bar_leaves_no_active_return() -> None:
    built = ActiveReturn(1, benchmark="B").build(priced(), Fill.NEXT_OPEN)
    # A's returns run from row 1 to 2, 2 to 3, 3 to 4, 4 to 5; B has no bar on row 3
    np.testing.assert_allclose(built.values[:, 0], [110 / 104 - 12 / 10, NAN, NAN, 100 / 125 - 20 / 15, NAN, NAN])
    assert built.label_end[:, 0].tolist() == [2, NO, NO, 5, NO, NO]


def test_residual_returns_take_beta_from_before() -> None:
    # A's returns are 0.01 + 2 x M's on rows 2 to 4, so that beta is 2 there; then M returns 0.05 and A 0.2. On row 1 A
    # fell while M rose, which has left the window by row 4.
    market = np.cumprod([100, 1.3, 1.1, 0.9, 1.2, 1.05])
    own = np.cumprod([100, 0.7, 1.21, 0.81, 1.41, 1.2])
    # rows 1 to 3: M's returns 0.3 0.1 -0.1 deviate by 0.2 0 -0.2, A's are -0.3 0.21 -0.19: (-0.06 + 0.038) / 0.08
    beta = -0.275
    built = ResidualReturn(1, "close", benchmark="M", window=3).build(closes(A=own, M=market), Fill.NEXT_CLOSE)  # type: ignore[arg-type]
    np.testing.assert_allclose(
        built.values[:, 0], [NAN, NAN, NAN, own[4] / own[3] - 1 - beta * 0.2, 0.2 - 2 * 0.05, NAN], rtol=1e-9
    )
    np.testing.assert_allclose(built.values[:, 1], [NAN, NAN, NAN, 0.0, 0.0, NAN], atol=1e-15)
    assert built.label_end[:, 0].tolist() == [NO, NO, NO, 4, 5, NO]
    assert (built.kind, built.name) == ("excess", "residual_return_1")


def test_a_benchmark_that_stands_still_explains_nothing() -> None:
    bars = closes(A=[100, 110, 99, 120], M=[100, 100, 100, 110])
    assert np.isnan(ResidualReturn(1, "close", benchmark="M", window=2).build(bars, Fill.NEXT_CLOSE).values).all()


def test_ranks_share_ties() -> None:
    bars = closes(A=[1, 1.1, 1.1], B=[1, 1.3, 1.2], C=[1, 1.1, 1.6], D=[1, 0.9, 0.9], E=[1, 1.2, 1.2])
    built = RankReturn(1, "close").build(bars, Fill.NEXT_CLOSE)
    # returns 0.1 0.3 0.1 -0.1 0.2 rank 2.5 5 2.5 1 4; then 0 -0.08 0.45 0 0 rank 3 1 5 3 3
    np.testing.assert_array_equal(built.values[0], [-0.25, 1.0, -0.25, -1.0, 0.5])
    np.testing.assert_array_equal(built.values[1], [0.0, -1.0, 1.0, 0.0, 0.0])
    assert np.isnan(built.values[2]).all()
    assert (built.kind, built.horizon, built.start, built.name) == ("rank", 1, "close", "rank_return_1")


def test_a_rank_is_known_when_the_last_of_the_returns_is() -> None:
    built = RankReturn(1).build(priced(), Fill.NEXT_OPEN)
    # row 1: A's return, 0.0909, ends on row 3, B's, 0.25, on row 4. Row 2: 0.0417, 0.3333, 0.5, until row 5.
    # Row 3: B has no bar; A -0.2, C -0.1667. On row 4 nothing is known.
    expected = [[-1, 1, NAN], [-1, 1, NAN], [-1, 0, 1], [-1, NAN, 1], [NAN] * 3, [NAN] * 3]
    np.testing.assert_array_equal(built.values, expected)
    np.testing.assert_array_equal(built.label_end.min(axis=1), [2, 4, 5, 5, NO, NO])
    np.testing.assert_array_equal(built.label_end == NO, np.isnan(built.values))


def test_a_symbol_whose_return_is_pending_leaves_the_date_without_ranks() -> None:
    bars = closes(A=[1, 2, 3, 4], B=[1, 2, 1, 2], C=[1, 2, NAN, NAN])
    built = RankReturn(1, "close").build(bars, Fill.NEXT_CLOSE)
    assert np.isnan(built.values[1]).all()
    np.testing.assert_array_equal(built.values[2], [-1.0, 1.0, NAN])


def test_a_delisting_that_is_never_filled_settles_a_rank() -> None:
    clock = pd.bdate_range("2024-01-01", periods=6)
    prices = {"A": [1, 1, 1, 2, 2, 2], "B": [1, 1, 1, 3, 3, 3], "C": [1, 1, NAN, NAN, NAN, NAN]}
    spells = pd.DataFrame({"symbol": list("ABC"), "start": clock[0], "end": pd.NaT})
    gone = pd.DataFrame({"symbol": ["C"], "date": [clock[4]]})
    bars = Bars.from_close(pd.DataFrame(prices, clock, dtype=float), periods_per_year=252)
    built = RankReturn(1).build(bars.with_membership(Membership(spells, delistings=gone)), Fill.NEXT_CLOSE)
    # on row 1 C decides on its last bar and is never filled, which is known on row 4, one row after the others' returns
    np.testing.assert_array_equal(built.values[1], [-1.0, 1.0, NAN])
    assert built.label_end[1].tolist() == [4, 4, NO]


def test_only_members_are_ranked() -> None:
    clock = pd.bdate_range("2024-01-01", periods=3)
    bars = closes(A=[1, 1.1, 1.2], B=[1, 1.3, 1.3], C=[1, 1.2, 1.9])
    spells = pd.DataFrame({"symbol": list("ABC"), "start": clock[0], "end": [pd.NaT, pd.NaT, clock[1]]})
    built = RankReturn(1, "close").build(bars.with_membership(Membership(spells)), Fill.NEXT_CLOSE)
    np.testing.assert_array_equal(built.values, [[-1.0, 1.0, 0.0], [1.0, -1.0, NAN], [NAN] * 3])


def test_a_member_s_rank_does_not_wait_for_others() -> None:
    clock = pd.bdate_range("2024-01-01", periods=3)
    spells = pd.DataFrame({"symbol": list("ABC"), "start": [clock[0], clock[0], clock[1]], "end": pd.NaT})
    bars = closes(A=[1, 1.1, 1.2], B=[1, 1.3, 1.3], C=[1, NAN, 1.9]).with_membership(Membership(spells))
    built = RankReturn(1, "close").build(bars, Fill.NEXT_CLOSE)
    np.testing.assert_array_equal(built.values[0], [-1.0, 1.0, NAN])
    assert built.label_end[0].tolist() == [1, 1, NO]


def test_one_symbol_has_no_rank() -> None:
    built = RankReturn(1, "close").build(closes(A=[1, 2, 3]), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [NAN] * 3, [NO] * 3)


@pytest.mark.parametrize("kind", [ActiveReturn, ResidualReturn])
def test_a_benchmark_must_be_a_symbol(kind: Any) -> None:
    with pytest.raises(TargetError) as caught:
        kind(1, benchmark="SPX").build(closes(SPY=[1, 2], A=[1, 2]), Fill.NEXT_CLOSE)
    expected = f"{kind.__name__}.benchmark must be a symbol of the bars; got 'SPX'. Did you mean 'SPY'?"
    assert str(caught.value) == expected
    with pytest.raises(ParameterError, match=rf"{kind.__name__}\.benchmark must be the name of a symbol; got 500"):
        kind(1, benchmark=500)


def test_parameters_out_of_range() -> None:
    with pytest.raises(
        ParameterError, match=r"ResidualReturn\.window must be a whole number of returns, at least 2; got 1"
    ):
        ResidualReturn(1, benchmark="A", window=1)
    with pytest.raises(
        ParameterError, match=r"ExcessReturn\.cash must be given; got None\. Write cash=0\.02, or CashRate"
    ):
        ExcessReturn(1, cash=None)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="cash must be a simple rate per year as a decimal, or a CashRate; got 2"):
        ExcessReturn(1, cash=2)


@pytest.mark.parametrize(
    "rule",
    [ExcessReturn(1, cash=0.0), ActiveReturn(1, benchmark="A"), RankReturn()],
    ids=lambda rule: type(rule).__name__,
)
def test_a_start_at_the_open_needs_opens(rule: TargetRule) -> None:
    with pytest.raises(
        DataError, match=f"bars of a {type(rule).__name__} that starts at Fill.NEXT_OPEN must have the field"
    ):
        rule.build(closes(A=[1, 2], B=[1, 2]), Fill.NEXT_OPEN)
