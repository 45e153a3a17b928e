"""The best few by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml.errors import ParameterError, SignalError
from quantml.signals import Context, TopK, apply_steps

NAN = float("nan")


def test_by_hand(panel: Any, forecast: Any) -> None:
    bars = panel(**{name: [1.0] * 3 for name in "ABCDE"})
    rows = [[3, 1, 5, 2, 4], [3, 3, NAN, 3, 1], [NAN, 7, NAN, NAN, NAN]]
    context = Context(bars, forecast=forecast(bars, rows))
    np.testing.assert_array_equal(
        apply_steps([TopK(2)], context).values, [[0, 0, 0.5, 0, 0.5], [0.5, 0.5, 0, 0, 0], [0, 0.5, 0, 0, 0]]
    )
    both = [[0, -0.25, 0.25, -0.25, 0.25], [0.25, 0.25, 0, -0.25, -0.25], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(apply_steps([TopK(2, short=True)], context).values, both)


def test_too_few_for_both_sides(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1.0], B=[1.0], C=[1.0])
    context = Context(bars, forecast=forecast(bars, [[1, 3, 2]]))
    np.testing.assert_allclose(apply_steps([TopK(4, short=True)], context).values, [[-0.125, 0.125, 0]])


def test_by_a_feature(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1, 1], B=[2, 2], C=[3, NAN])
    step = TopK(1, by=lambda bars: bars.close)
    np.testing.assert_array_equal(apply_steps([step], Context(bars)).values, [[0, 0, 1], [0, 1, 0]])
    with pytest.raises(SignalError, match="TopK must receive no forecast or weights"):
        apply_steps([step], Context(bars, forecast=forecast(bars, [[1, 1, 1]] * 2)))
    with pytest.raises(SignalError, match="a one-symbol cross-section has no rank"):
        apply_steps([step], Context(panel(A=[1, 2])))


def test_parameters_out_of_range() -> None:
    with pytest.raises(ParameterError) as caught:
        TopK(0)
    assert str(caught.value) == "TopK.count must be a whole number of at least 1; got 0."
