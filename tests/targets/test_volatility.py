"""Realised volatility, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from quantml.targets import RealisedVolatility
from quantml.timing import Fill
from tests.targets.panels import FROM_CLOSE, NAN, NO, drifting, ends, priced, table


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
