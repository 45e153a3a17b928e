"""Limits by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.signals import Cap, Context, Rebalance, Weights, apply_steps

NAN = float("nan")


def through(step: Any, bars: Bars, rows: Any) -> Any:
    def decide(inputs: Any, context: Context) -> Weights:
        return context.weights(np.array(rows, dtype=float))

    return apply_steps([decide, step], Context(bars)).values


def test_cap_by_hand(panel: Any) -> None:
    bars = panel(A=[1, 1, 1, 1], B=[1, 1, 1, 1])
    rows = [[2.0, -1.0], [0.25, 0.25], [NAN, NAN], [NAN, -4.0]]
    np.testing.assert_array_equal(
        through(Cap(per_symbol=0.5), bars, rows), [[0.5, -0.5], [0.25, 0.25], [NAN, NAN], [NAN, -0.5]]
    )
    np.testing.assert_array_equal(
        through(Cap(gross=1.5), bars, rows), [[1.0, -0.5], [0.25, 0.25], [NAN, NAN], [NAN, -1.5]]
    )
    np.testing.assert_array_equal(
        through(Cap(net=0.25), bars, rows), [[0.5, -0.25], [0.125, 0.125], [NAN, NAN], [NAN, -0.25]]
    )


def test_cap_clips_before_it_scales(panel: Any) -> None:
    bars = panel(A=[1], B=[1])
    # clipped to 1 and -0.5; gross 1.5 asks for 2/3 of it, net 0.5 for 1/2
    made = through(Cap(per_symbol=1.0, gross=1.0, net=0.25), bars, [[4.0, -0.5]])
    np.testing.assert_array_equal(made, [[0.5, -0.25]])


@given(
    rows=st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=1, max_size=4),
    limits=st.tuples(*[st.floats(0.01, 3.0)] * 3),
)
def test_nothing_exceeds_its_cap(rows: list[list[float]], limits: tuple[float, float, float]) -> None:
    clock = pd.bdate_range("2024-01-01", periods=len(rows))
    bars = Bars.from_close(pd.DataFrame(1.0, clock, list("ABC")), periods_per_year=252)
    made = through(Cap(*limits), bars, rows)
    assert np.all(np.abs(made) <= limits[0])
    assert np.all(np.abs(made).sum(axis=1) <= limits[1] * (1 + 1e-12))
    assert np.all(np.abs(made.sum(axis=1)) <= limits[2] * (1 + 1e-12) + 1e-15)
    assert np.all(made * np.array(rows) >= 0)


def on(*days: str) -> Bars:
    return Bars.from_close(pd.DataFrame({"A": 1.0}, pd.DatetimeIndex(days)), periods_per_year=252)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("1m", [1, NAN, 3, NAN, NAN, 6]),
        ("1w", [1, NAN, NAN, 4, NAN, 6]),
        ("1y", [1, NAN, NAN, NAN, NAN, NAN]),
        (4, [1, NAN, NAN, NAN, 5, NAN]),
        (1, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_rebalance_keeps_the_first_decision_of_each_block(every: int | str, expected: list[float]) -> None:
    bars = on("2024-01-30", "2024-01-31", "2024-02-01", "2024-02-05", "2024-02-06", "2024-03-04")
    np.testing.assert_array_equal(through(Rebalance(every), bars, [[1], [2], [3], [4], [5], [6]])[:, 0], expected)


def test_rebalance_takes_the_first_row_of_a_block_that_is_a_decision() -> None:
    bars = on("2024-01-30", "2024-01-31", "2024-02-01", "2024-02-05", "2024-02-06")
    made = through(Rebalance("1m"), bars, [[NAN], [2], [NAN], [4], [5]])
    np.testing.assert_array_equal(made[:, 0], [NAN, 2, NAN, 4, NAN])
    assert np.isnan(through(Rebalance("1m"), bars, [[NAN]] * 5)).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Cap(), "Cap must limit something. Give one of per_symbol, gross, net."),
        (lambda: Cap(gross=0.0), "Cap.gross must be a finite number above 0; got 0.0."),
        (lambda: Cap(per_symbol="1"),  # type: ignore[arg-type]
         "Cap.per_symbol must be a finite number above 0; got '1'."),
        (lambda: Rebalance("monthly"), "Rebalance.every must be a positive number of rows, or a duration such as "
                                       "'21d', '4w', '3m' or '2y'; got 'monthly'."),
        (lambda: Rebalance(0), "Rebalance.every must be a positive number of rows, or a duration such as "
                               "'21d', '4w', '3m' or '2y'; got 0."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
