"""Drawdowns over the horizon, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.targets import ForwardDrawdown
from quantml.timing import Fill
from quantml.universe import Membership
from tests.targets.panels import FROM_CLOSE, NAN, NO, assert_columns, priced


@pytest.mark.parametrize(("start", "fill"), FROM_CLOSE)
def test_from_the_close_of_the_decision(start: str, fill: Fill) -> None:
    built = ForwardDrawdown(2, start).build(priced(), fill)
    # A closes at 100 110 100 125 100 120; B at 10 12 15, nothing, 20 10
    assert_columns(
        built, 0, [100 / 110 - 1, 100 / 110 - 1, 100 / 125 - 1, 100 / 125 - 1, NAN, NAN], [2, 3, 4, 5, NO, NO]
    )
    assert_columns(built, 1, [0, 0, 10 / 20 - 1, NAN, NAN, NAN], [2, 4, 5, NO, NO, NO])
    assert (built.kind, built.horizon, built.start, built.name) == ("drawdown", 2, start, "forward_drawdown_2")


def test_from_the_open_of_the_fill_whose_bar_counts() -> None:
    built = ForwardDrawdown(2).build(priced(), Fill.NEXT_OPEN)
    # A opens at 104 on row 1 and closes at 110, 100; opens at 110 and closes at 100, 125; at 120: 125, 100; at 125: 100, 120
    expected = [100 / 110 - 1, 100 / 110 - 1, 100 / 125 - 1, 100 / 125 - 1, NAN, NAN]
    assert_columns(built, 0, expected, [2, 3, 4, 5, NO, NO])
    # C opens at 40 on row 3 and closes at 60, then 40; opens at 60 on row 4 and closes at 40, then 80
    assert_columns(built, 2, [NAN, NAN, 40 / 60 - 1, 40 / 60 - 1, NAN, NAN], [NO, NO, 4, 5, NO, NO])


def test_from_the_close_of_the_fill() -> None:
    built = ForwardDrawdown(1).build(priced(), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [100 / 110 - 1, 0, 100 / 125 - 1, 0, NAN, NAN], [2, 3, 4, 5, NO, NO])


def test_a_delisted_symbol_ends_with_what_its_holders_are_paid() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [100.0, 120.0, NAN, NAN], "B": 1.0}, clock)
    spells = pd.DataFrame({"symbol": ["A", "B"], "start": clock[0], "end": pd.NaT})
    gone = pd.DataFrame({"symbol": ["A"], "date": [clock[3]], "delisting_return": [-0.4]})
    bars = Bars.from_close(closes, periods_per_year=252).with_membership(Membership(spells, delistings=gone))
    built = ForwardDrawdown(3, "close").build(bars, Fill.NEXT_CLOSE)
    np.testing.assert_allclose(built.values[:, 0], [-0.4, -0.4, NAN, NAN], rtol=1e-12)
    assert built.label_end[:, 0].tolist() == [3, 3, NO, NO]
