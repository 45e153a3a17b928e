"""Which way prices go, and whether a rule was right, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError, SignalError
from quantml.signals import MovingAverageCross, Sign
from quantml.signals.base import Context
from quantml.space import Choice, find_spaces
from quantml.targets import Direction, ForwardReturn, MetaLabel, RankReturn, TripleBarrier
from quantml.timing import Fill
from tests.targets.panels import FROM_CLOSE, NAN, NO, assert_columns, priced, table


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


def test_three_classes_with_a_dead_band() -> None:
    clock = pd.bdate_range("2024-01-01", periods=6)
    bars = Bars.from_close(pd.DataFrame({"A": [64.0, 80.0, 100.0, 75.0, 60.0, 60.0]}, clock), periods_per_year=252)
    # returns 0.25, 0.25, -0.25, -0.2, 0: a return on the edge of the band is inside
    built = Direction(1, "close", band=0.2).build(bars, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [1, 1, -1, 0, 0, NAN], [1, 2, 3, 4, 5, NO])
    edge = Direction(1, "close", band=0.25).build(bars, Fill.NEXT_CLOSE)
    np.testing.assert_array_equal(edge.values[:, 0], [0, 0, 0, 0, 0, NAN])
    assert (built.kind, built.horizon, built.start, built.name) == ("class", 1, "close", "direction_1")


@pytest.mark.parametrize("band", [-0.1, NAN, np.inf, "0.1", True])
def test_a_band_out_of_range(band: Any) -> None:
    with pytest.raises(ParameterError, match=r"Direction\.band must be a finite number of at least 0; got"):
        Direction(1, band=band)


# ------------------------------------------------------------------ meta-labels

CLOSES = [100.0, 110.0, 99.0, 99.0, 90.0, 95.0, 95.0]


def primary(inputs: Any, context: Context) -> pd.DataFrame:
    """Long on rows 0 and 3, short on rows 1, 2 and 5, nothing on row 4, no decision on row 6."""
    return pd.DataFrame({"A": [0.5, -0.5, -1.0, 1.0, 0.0, -1.0, NAN]}, context.bars.clock)


def meta_bars() -> Bars:
    prices = pd.DataFrame({"A": CLOSES}, pd.bdate_range("2024-01-01", periods=7))
    return Bars.from_frame(pd.concat(dict.fromkeys(("open", "high", "low", "close"), prices), axis=1))


def test_a_meta_label_says_whether_the_primary_s_side_makes_money() -> None:
    # one-bar returns 0.1, -0.1, 0, -0.09, 0.06, 0: to earn nothing is not to make money
    built = MetaLabel(primary, ForwardReturn(1, "close")).build(meta_bars(), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [1, 1, 0, 0, NAN, 0, NAN], [1, 2, 3, 4, NO, 6, NO])
    assert (built.kind, built.horizon, built.start, built.name) == ("success", 1, "close", "meta_label_1")


def test_a_meta_label_of_barriers_turns_them_for_a_short() -> None:
    # 15 % to the profit, 5 % to the loss, three bars. Row 0: long from 100, at 110 no barrier, 99 none, 99 at the
    # time-out: a loss. Row 1: short from 110, profit at 93.5, loss at 115.5: 90 on row 4. Row 2: short from 99, profit
    # at 84.15, loss at 103.95: times out at 95, a gain. Row 3: long from 99 stops at 94.05 on row 4.
    outcome = TripleBarrier(3, "close", take_profit=0.15, stop_loss=0.05, window=None)
    built = MetaLabel([primary], outcome).build(meta_bars(), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [0, 1, 1, 0, NAN, NAN, NAN], [3, 4, 5, 4, NO, NO, NO])


def test_the_primary_s_own_errors_come_through() -> None:
    with pytest.raises(SignalError, match=r"Sign must receive a forecast; got 'None'"):
        MetaLabel(Sign()).build(meta_bars(), Fill.NEXT_CLOSE)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((Sign,), "MetaLabel.primary must hold signal steps; got 'Sign'."),
        (([],), "MetaLabel.primary must hold signal steps; got 'no step'."),
        ((3,), "MetaLabel.primary must hold signal steps; got 'int'."),
        ((Sign(), RankReturn()), "MetaLabel.outcome must tell what a side earns; got 'RankReturn'."),
        ((Sign(), ForwardReturn), "MetaLabel.outcome must tell what a side earns; got 'ForwardReturn'."),
    ],
)
def test_what_is_no_rule_or_no_outcome_is_refused(given: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        MetaLabel(*given)
    assert str(caught.value).startswith(text)


class Fitted:
    """A step that learns."""

    def fit(self, train: Any) -> Fitted:
        return self

    def __call__(self, inputs: Any, context: Context) -> Any:
        return primary(inputs, context)


def test_a_primary_rule_that_is_fitted_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"MetaLabel\.primary must hold steps with nothing to fit.*got 'Fitted'"):
        MetaLabel([Fitted()])


def test_spaces_inside_a_primary_rule_are_found() -> None:
    rule = MetaLabel(MovingAverageCross(Choice(5, 10), 20), TripleBarrier(Choice(5, 10)))
    assert list(find_spaces(rule)) == ["primary.fast", "outcome.horizon"]
