"""Kelly's bets by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.errors import ParameterError, SignalError
from quantml.signals import Context, Kelly, MovingAverageCross, apply_steps

NAN = float("nan")


def test_even_bets_by_hand(panel: Any, forecast: Any) -> None:
    # p - (1 - p): 0.2, -0.5 (short), 0.9 capped at 0.3, none
    bars = panel(A=[1, 1], B=[1, 1])
    context = Context(bars, forecast=forecast(bars, [[0.6, 0.25], [0.95, NAN]], kind="direction"))
    np.testing.assert_allclose(
        apply_steps([Kelly(1.0, cap=0.3)], context).values, [[0.1, -0.15], [0.15, 0]], rtol=1e-12
    )
    np.testing.assert_allclose(apply_steps([Kelly()], context).values, [[0.05, -0.125], [0.225, 0]], rtol=1e-12)
    np.testing.assert_allclose(apply_steps([Kelly(short=False)], context).values, [[0.05, 0], [0.225, 0]], rtol=1e-12)


def test_uneven_bets_by_hand(panel: Any, forecast: Any) -> None:
    # wins twice what it loses: 0.6 - 0.4 / 2 long, less 0.4 - 0.6 / 2 short; half of it: 1/3 - 2/3 * 2 is nothing
    bars = panel(A=[1])
    context = Context(bars, forecast=forecast(bars, [[0.6]], kind="direction"))
    np.testing.assert_allclose(apply_steps([Kelly(1.0, payoff=2.0)], context).values, [[0.3]], rtol=1e-12)
    assert apply_steps([Kelly(1.0, payoff=0.5)], context).values.tolist() == [[0.0]]


@given(p=st.floats(0.01, 0.99), payoff=st.floats(0.1, 10.0))
def test_no_other_share_grows_faster(p: float, payoff: float) -> None:
    def growth(share: float) -> float:
        return float(p * np.log1p(payoff * share) + (1 - p) * np.log1p(-share))

    best = float(Kelly(1.0, payoff).share(np.array(p)))
    assert all(growth(best) >= growth(other) - 1e-12 for other in np.linspace(0.0, 0.99, 34))


def test_a_primary_rule_is_followed(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1, 2, 3, 2, 1])
    rule = (MovingAverageCross(1, 2, short=True),)  # 0, 1, 1, -1, -1
    told = forecast(bars, [[0.9], [0.75], [0.4], [0.75], [NAN]])
    told = replace(told, kind="success", probability=told.mean)
    made = apply_steps([Kelly(1.0)], Context(bars, forecast=told, primary=rule)).values[:, 0]
    np.testing.assert_allclose(made, [0, 0.5, 0, -0.5, 0], rtol=1e-12)
    with pytest.raises(SignalError, match="Kelly must have a primary rule to follow"):
        apply_steps([Kelly()], Context(bars, forecast=told))


def test_a_return_is_no_probability(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1])
    with pytest.raises(SignalError) as caught:
        apply_steps([Kelly()], Context(bars, forecast=forecast(bars, [[0.1]])))
    assert str(caught.value) == (
        "Kelly must receive the probability of a rise or of success; got 'a forecast of a return'. Forecast a "
        "Direction or a MetaLabel, or use Proportional()."
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Kelly(0.0), "Kelly.fraction must be above 0 and at most 1; got 0.0."),
        (lambda: Kelly(cap=1.5), "Kelly.cap must be above 0 and at most 1; got 1.5."),
        (lambda: Kelly(payoff=0), "Kelly.payoff must be a finite number above 0; got 0."),
    ],
)
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
