"""Limits of groups by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml.errors import ParameterError
from quantml.features import Category
from quantml.signals import Context, GroupCap, apply_steps
from tests.signals.test_sizing import fixed

NAN = float("nan")
SECTORS = Category({"A": "energy", "B": "energy", "C": "retail"})


def test_by_hand(panel: Any) -> None:
    bars = panel(A=[1, 1, 1], B=[1, 1, 1], C=[1, 1, 1])
    rows = fixed([0.5, -0.5, 0.3], [0.1, 0.2, -0.9], [NAN, 1.0, 0.5])
    gross = apply_steps([rows, GroupCap(SECTORS, gross=0.5)], Context(bars)).values
    np.testing.assert_allclose(gross, [[0.25, -0.25, 0.3], [0.1, 0.2, -0.5], [NAN, 0.5, 0.5]], rtol=1e-12)
    net = apply_steps([rows, GroupCap(SECTORS, net=0.1)], Context(bars)).values
    np.testing.assert_allclose(net[:2], [[0.5, -0.5, 0.1], [0.1 / 3, 0.2 / 3, -0.1]], rtol=1e-12)
    both = apply_steps([rows, GroupCap(SECTORS, gross=0.5, net=0.3)], Context(bars)).values
    np.testing.assert_allclose(both[:2], [[0.25, -0.25, 0.3], [0.1, 0.2, -0.3]], rtol=1e-12)


def test_symbols_without_a_group_are_one(panel: Any) -> None:
    bars = panel(A=[1], B=[1], C=[1])
    step = GroupCap(lambda bars: bars.close * [NAN, NAN, 1.0], gross=0.5)
    made = apply_steps([fixed([0.5, 0.5, 0.75]), step], Context(bars)).values
    np.testing.assert_allclose(made, [[0.25, 0.25, 0.5]], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: GroupCap(SECTORS), "GroupCap must limit something. Give one of gross, net."),
        (lambda: GroupCap(SECTORS, gross=0.0), "GroupCap.gross must be a finite number above 0; got 0.0."),
        (lambda: GroupCap({"A": 1}, gross=1.0),  # type: ignore[arg-type]
         "GroupCap.group must be a feature, f(bars) -> frame; got {'A': 1}."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
