"""What holding a symbol earns, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.targets import ForwardReturn, VolatilityScaledReturn
from quantml.timing import Fill
from tests.targets.panels import FROM_CLOSE, NAN, NO, ends, priced, table


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


def test_a_split_is_no_return() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    closes = pd.DataFrame({"A": [100.0, 50.0, 50.0, 55.0]}, clock)
    splits = pd.DataFrame({"A": [NAN, 2.0, NAN, NAN]}, clock)
    long = closes.rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="close")
    bars = Bars.from_frame(long, splits=splits, periods_per_year=252)
    built = ForwardReturn(1, "close").build(bars, Fill.NEXT_CLOSE)
    np.testing.assert_allclose(built.values[:, 0], [0, 0, 0.1, NAN], atol=1e-15)


def test_returns_in_standard_deviations_known_at_the_decision() -> None:
    clock = pd.bdate_range("2024-01-01", periods=5)
    bars = Bars.from_close(pd.DataFrame({"A": [100, 110, 99, 108.9, 98.01]}, clock), periods_per_year=252)
    # returns 0.1 and -0.1 have a standard deviation of 0.1 sqrt(2), a bar; over two bars it is 0.2
    one, two = (VolatilityScaledReturn(h, "close", window=2).build(bars, Fill.NEXT_CLOSE) for h in (1, 2))
    np.testing.assert_allclose(one.values[:, 0], [NAN, NAN, 0.5**0.5, -(0.5**0.5), NAN], rtol=1e-12)
    np.testing.assert_allclose(two.values[:, 0], [NAN, NAN, -0.01 / 0.2, NAN, NAN], rtol=1e-12)
    assert one.label_end[:, 0].tolist() == [NO, NO, 3, 4, NO]
    assert (two.kind, two.horizon, two.start, two.name) == ("scaled", 2, "close", "volatility_scaled_return_2")


def test_prices_that_stand_still_have_no_standard_deviation() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 1.0, 1.0, 2.0]}, pd.bdate_range("2024-01-01", periods=4)))
    built = VolatilityScaledReturn(1, "close", window=2).build(bars, Fill.NEXT_CLOSE)
    assert np.isnan(built.values).all()
    assert (built.label_end == NO).all()


def test_a_window_too_short_for_a_standard_deviation_is_refused() -> None:
    text = r"VolatilityScaledReturn\.window must be a whole number of returns, at least 2; got 1\."
    with pytest.raises(ParameterError, match=text):
        VolatilityScaledReturn(1, window=1)
