"""Steps in a universe: what a step returns of symbols that are no members is not held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.forecasters.base import Forecast
from quantml.signals import Cap, Context, MovingAverageCross, Proportional, RankLongShort, Sign, apply_steps
from quantml.universe import Membership

NAN = np.nan


@pytest.fixture
def bars(panel: Callable[..., Bars]) -> Bars:
    """A is a member on Monday and from Thursday on, B from Tuesday, C never; B has no bar on Wednesday."""
    made = panel(A=[1, 2, 3, 4], B=[4, 3, NAN, 1], C=[2, 2, 2, 2])
    days = made.clock
    spells = [("A", days[0], days[1]), ("A", days[3], pd.NaT), ("B", days[1], pd.NaT)]
    return made.with_membership(Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"])))


def test_the_universe_of_a_row_is_members_with_a_bar(bars: Bars) -> None:
    expected = [[True, False, False], [False, True, False], [False, False, False], [True, True, False]]
    assert Context(bars).universe.tolist() == expected


def test_exposure_is_divided_among_members(bars: Bars, forecast: Callable[..., Forecast]) -> None:
    context = Context(bars, forecast=forecast(bars, [[0.1, 0.1, 0.1]] * 4))
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0.5, 0.5, 0]]
    assert apply_steps([Sign()], context).values.tolist() == expected
    np.testing.assert_allclose(apply_steps([Proportional(10.0)], context).values, expected)
    crossed = apply_steps([MovingAverageCross(1, 2)], Context(bars)).values
    assert crossed.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0.5, 0, 0]]


def test_ranks_are_among_members(bars: Bars, forecast: Callable[..., Forecast]) -> None:
    context = Context(bars, forecast=forecast(bars, [[1, 2, 3]] * 4))
    ranked = apply_steps([RankLongShort(0.5)], context).values
    assert not ranked[:3].any()  # one member has no rank
    assert ranked[3].tolist() == [-0.5, 0.5, 0]
    by = RankLongShort(0.5, by=lambda bars: bars.close)
    assert apply_steps([by], Context(bars)).values[3].tolist() == [0.5, -0.5, 0]


def test_what_a_step_returns_of_others_is_nothing(bars: Bars) -> None:
    def everything(inputs: Any, context: Context) -> pd.DataFrame:
        rows = [[1.0, NAN, 1.0], [NAN, 2.0, NAN], [NAN, NAN, NAN], [0.5, 0.5, 0.5]]
        return pd.DataFrame(rows, context.bars.clock, list(context.bars.symbols))

    expected = [[1, 0, 0], [0, 2, 0], [NAN, NAN, NAN], [0.5, 0.5, 0]]
    np.testing.assert_array_equal(apply_steps([everything], Context(bars)).values, expected)
    # and it is nothing before the next step sees it
    np.testing.assert_array_equal(apply_steps([everything, Cap(gross=1.0)], Context(bars)).values[1], [0, 1, 0])
