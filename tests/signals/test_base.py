"""Weights, contexts, and what `apply_steps` hands over and refuses."""

from __future__ import annotations

import pickle
import re
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.errors import ParameterError, SignalError
from quantml.forecasters.base import Forecast
from quantml.signals import Cap, Context, Rebalance, Sign, VolatilityTarget, Weights, apply_steps


def test_weights_are_read_only_also_after_a_pickle(panel: Any) -> None:
    bars = panel(A=[1, 2], B=[1, 2])
    weights = Weights(bars.clock, bars.symbols, np.array([[0.5, -0.5], [np.nan, np.nan]]))
    for held in (weights, pickle.loads(pickle.dumps(weights))):
        with pytest.raises(ValueError, match="read-only"):
            held.values[0, 0] = 1.0
    frame = weights.frame
    frame.iloc[0, 0] = 9.0
    assert weights.frame.iloc[0].tolist() == [0.5, -0.5]


def test_infinite_weights_and_wrong_shapes_are_refused(panel: Any) -> None:
    bars = panel(A=[1, 2], B=[1, 2])
    with pytest.raises(SignalError) as caught:
        Weights(bars.clock, bars.symbols, np.array([[0.0, 0.0], [0.0, np.inf]]))
    assert str(caught.value) == "a weight must be finite; got inf (B, 2024-01-02)."
    with pytest.raises(SignalError, match=r"weights must have the shape \(2, 2\); got \(1, 2\)"):
        Weights(bars.clock, bars.symbols, np.zeros((1, 2)))


def test_steps_receive_the_forecast_then_weights(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1, 2], B=[1, 2])
    received: list[Any] = []

    def equal(inputs: Any, context: Context) -> pd.DataFrame:
        received.append(inputs)
        return pd.DataFrame(0.5, context.bars.clock, list(context.bars.symbols))

    def halve(inputs: Any, context: Context) -> Weights:
        received.append(inputs)
        return context.weights(inputs.values / 2)

    made = apply_steps([equal, halve], Context(bars, forecast=forecast(bars, [[1, 2], [3, 4]])))
    assert isinstance(received[0], Forecast)
    assert isinstance(received[1], Weights)
    np.testing.assert_array_equal(made.values, [[0.25, 0.25], [0.25, 0.25]])
    apply_steps([equal], Context(bars))
    assert received[2] is None


def test_a_frame_that_a_step_keeps_and_changes_does_not_change_the_weights(panel: Any) -> None:
    bars = panel(A=[1, 2])
    kept = pd.DataFrame({"A": [1.0, 1.0]}, bars.clock)
    made = apply_steps([lambda _, context: kept], Context(bars))
    kept.iloc[0, 0] = 9.0
    assert made.values[0, 0] == 1.0


def test_a_nullable_or_nanosecond_frame_is_read(panel: Any) -> None:
    bars = panel(A=[1, 2])
    table = pd.DataFrame({"A": pd.array([1, None], dtype="Int64")}, bars.clock.as_unit("ns"))
    made = apply_steps([lambda _, context: table], Context(bars))
    np.testing.assert_array_equal(made.values, [[1.0], [np.nan]])


def wrong(make: Any) -> Any:
    def misbehave(inputs: Any, context: Context) -> Any:
        return make(pd.DataFrame(0.0, context.bars.clock, list(context.bars.symbols)))

    return misbehave


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda frame: frame.to_numpy(), "must return a DataFrame or Weights; got 'ndarray'."),
        (lambda frame: None, "must return a DataFrame or Weights; got 'NoneType'."),
        (lambda frame: frame.iloc[1:], "must have the bars' 3 rows; got 2."),
        (lambda frame: frame.shift(freq="D"), "must have the bars' time 2024-01-01 00:00:00; "
                                              "got '2024-01-02 00:00:00' (row 0)."),
        (lambda frame: frame.reset_index(drop=True), "must have the bars' time 2024-01-01 00:00:00; "
                                                     "got '0' (row 0)."),
        (lambda frame: frame[["B", "A"]], "must have the bars' symbols ['A', 'B']; got ['B', 'A']."),
        (lambda frame: frame[["A"]], "must have the bars' symbols ['A', 'B']; got ['A']."),
        (lambda frame: frame.replace(0.0, "half"), "must return numbers; got "
                                                   "\"could not convert string to float: 'half'\"."),
        (lambda frame: frame - np.inf, ": a weight must be finite; got -inf (A, 2024-01-01)."),
        (lambda frame: 1 // 0, " failed: ZeroDivisionError: integer division or modulo by zero."),
    ],
)  # fmt: skip
def test_what_a_step_returned_wrongly_is_named(panel: Any, make: Any, text: str) -> None:
    bars = panel(A=[1, 2, 3], B=[1, 2, 3])
    with pytest.raises(SignalError) as caught:
        apply_steps([wrong(lambda frame: frame), wrong(make)], Context(bars))
    name = "signal step 2 (misbehave)"
    told = re.sub(r" \(line \d+ of test_base.py\)", "", str(caught.value))
    assert told == (name + text if text.startswith((":", " failed")) else f"{name} {text}")


def test_weights_of_another_panel_are_refused(panel: Any) -> None:
    bars, other = panel(A=[1, 2]), panel(B=[1, 2])
    with pytest.raises(SignalError, match=r"must have the bars' symbols \['A'\]; got \['B'\]"):
        apply_steps([lambda _, context: Weights(other.clock, other.symbols, np.zeros((2, 1)))], Context(bars))


def test_a_forecast_of_another_panel_is_refused(panel: Any, forecast: Any) -> None:
    bars, longer = panel(A=[1, 2]), panel(A=[1, 2, 3])
    with pytest.raises(SignalError, match="the forecast must have the bars' 2 rows; got 3"):
        apply_steps([Sign()], Context(bars, forecast=forecast(longer, [[1], [1], [1]])))


def test_a_users_exception_is_the_cause(panel: Any) -> None:
    def broken(inputs: Any, context: Context) -> pd.DataFrame:
        return context.bars.close.loc["nowhere"]

    with pytest.raises(SignalError, match=r"signal step 1 \(broken\) failed: KeyError") as caught:
        apply_steps([broken], Context(panel(A=[1, 2])))
    assert isinstance(caught.value.__cause__, KeyError)
    assert f"(line {broken.__code__.co_firstlineno + 1} of test_base.py)" in str(caught.value)


def test_a_step_that_exits_is_an_error_like_any_other(panel: Any) -> None:
    def leave(inputs: Any, context: Context) -> pd.DataFrame:
        sys.exit("enough")

    with pytest.raises(SignalError, match=r"signal step 1 \(leave\) failed: SystemExit: enough \(line"):
        apply_steps([leave], Context(panel(A=[1, 2])))


def test_an_error_of_quantml_passes_through(panel: Any) -> None:
    def refuse(inputs: Any, context: Context) -> Weights:
        raise ParameterError("refuse.level", must="be positive", got=-1)

    with pytest.raises(ParameterError, match=r"^refuse\.level must be positive; got -1\.$"):
        apply_steps([refuse], Context(panel(A=[1, 2])))


def test_a_signal_needs_a_step(panel: Any) -> None:
    with pytest.raises(SignalError, match="a signal must have at least one step; got 0"):
        apply_steps([], Context(panel(A=[1, 2])))


@pytest.mark.parametrize("step", [VolatilityTarget(0.1), Cap(gross=1.0), Rebalance("1m")], ids=str)
def test_later_steps_need_weights(panel: Any, forecast: Any, step: Any) -> None:
    bars = panel(A=[1, 2])
    hint = r"Put a rule that makes weights before it, such as Sign\(\) or RankLongShort\(\)\."
    for context, got in ((Context(bars), "None"), (Context(bars, forecast=forecast(bars, [[1], [1]])), "Forecast")):
        with pytest.raises(SignalError, match=f"^{type(step).__name__} must receive weights; got '{got}'. {hint}"):
            apply_steps([step], context)
