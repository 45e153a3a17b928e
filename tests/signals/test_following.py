"""Following a primary rule, by hand and in a whole study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, run
from quantml.errors import ParameterError, SignalError
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import Logistic
from quantml.loaders import Synthetic
from quantml.signals import Context, Follow, MovingAverageCross, Sign, apply_steps
from quantml.targets import ForwardReturn, MetaLabel, TripleBarrier
from quantml.validation.problem import Problem
from quantml.validation.walkforward import walk_forward

NAN = float("nan")


def primary(inputs: Any, context: Context) -> pd.DataFrame:
    """Long and short, nothing in A, no decision, long in both."""
    rows = [[0.5, -0.5], [0.0, 1.0], [NAN, NAN], [1.0, 1.0]]
    return pd.DataFrame(rows[: len(context.bars)], context.bars.clock, list(context.bars.symbols))


@pytest.fixture
def context(panel: Any, forecast: Any) -> Context:
    bars = panel(A=[10, 10, 10, 10], B=[10, 10, 10, 10])
    right = np.array([[0.75, 0.5], [0.9, 0.4], [0.9, 0.9], [NAN, 1.0]])
    told = replace(forecast(bars, right, kind="success"), probability=right)
    return Context(bars, forecast=told, primary=(primary,))


def test_the_rules_weight_times_the_probability_that_it_is_right(context: Context) -> None:
    made = apply_steps([Follow()], context).values
    # one half is not above one half; nothing times 0.9 is nothing; no decision; no forecast
    np.testing.assert_array_equal(made, [[0.375, 0.0], [0.0, 0.0], [NAN, NAN], [0.0, 1.0]])
    made = apply_steps([Follow(0.45)], context).values
    np.testing.assert_array_equal(made, [[0.375, -0.25], [0.0, 0.0], [NAN, NAN], [0.0, 1.0]])


def test_the_rule_sees_no_forecast(context: Context) -> None:
    seen = []

    def spy(inputs: Any, given: Context) -> pd.DataFrame:
        seen.append((inputs, given.forecast))
        return primary(inputs, given)

    apply_steps([Follow()], replace(context, primary=(spy,)))
    assert seen == [(None, None)]


def test_what_is_no_forecast_of_a_rule_is_refused(context: Context, panel: Any, forecast: Any) -> None:
    with pytest.raises(
        SignalError, match=r"Follow must receive the probability that a primary rule is right; got 'a fo"
    ):
        apply_steps([Follow()], replace(context, forecast=replace(context.forecast, kind="direction")))
    with pytest.raises(SignalError, match=r"Give the study target=MetaLabel\(rule"):
        apply_steps([Follow()], replace(context, primary=()))
    with pytest.raises(SignalError, match=r"Sign must receive a forecast with a sign; got 'a success'. Use Follow\(\)"):
        apply_steps([Sign()], context)


@pytest.mark.parametrize("value", [-0.1, 1.0, NAN, "0.5", None])
def test_a_threshold_is_a_probability(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"Follow\.threshold must be a probability of at least 0 and below 1; got"):
        Follow(value)


# ------------------------------------------------------------------ whole studies

BARS = Synthetic(symbols=2, sessions=400, seed=3).load()


def meta_study(rule: MovingAverageCross, **changes: Any) -> Study:
    parts = {
        "data": BARS,
        "features": [Momentum(5), RealisedVolatility(10)],
        "target": MetaLabel(rule, TripleBarrier(5, window=20)),
        "forecaster": Logistic(),
        "signal": Follow(0.0),
        "costs": Costs(commission_bps=1),
        "validation": WalkForward(train=200, test=100),
    }
    return Study(**{**parts, **changes})


def test_a_study_trades_the_sides_of_the_rule(tmp_path: Any) -> None:
    rule = MovingAverageCross(3, 10, short=True)
    made = run(meta_study(rule), out=tmp_path)
    told, weights = made.forecasts, made.weights.pivot(index="time", columns="symbol", values="weight")
    right = told.pivot(index="time", columns="symbol", values="probability")
    close = BARS.close
    side = np.sign(close.rolling(3).mean() - close.rolling(10).mean()).loc[right.index]
    np.testing.assert_allclose(weights.loc[right.index], right * side / 2, rtol=1e-12)
    assert len(right) == 200
    assert set(told["realised"].dropna()) == {0.0, 1.0}
    assert "directional_accuracy" not in made.manifest["accuracy"]
    assert made.manifest["accuracy"]["naive_brier"] > made.manifest["accuracy"]["brier"]
    page = next(tmp_path.rglob("report.html")).read_text()
    assert "squared error of the probability" in page
    assert "always saying up" not in page


def test_the_rule_is_followed_with_the_parameters_of_each_fold() -> None:
    """A fold that chose the fast average of 3 trades the sides of 3, whatever another fold chose."""
    outcome = ForwardReturn(5)
    tuned = meta_study(
        MovingAverageCross(Choice(3, 8), 12, short=True), target=MetaLabel(
            MovingAverageCross(Choice(3, 8), 12, short=True), outcome), tuning=Tuning(), fill=Fill.NEXT_CLOSE,
        validation=WalkForward(train=120, test=40),
    )  # fmt: skip
    result = walk_forward(tuned, BARS)
    chosen = [fold.chosen["target.primary.fast"] for fold in result.folds]
    assert set(chosen) == {3, 8}
    assert result.weights is not None
    problem = Problem.of(tuned, BARS)
    for fold, fast in zip(result.folds, chosen, strict=True):
        sides = apply_steps([MovingAverageCross(fast, 12, short=True)], Context(BARS)).values[fold.fold.test]
        np.testing.assert_array_equal(np.sign(result.weights.values[fold.fold.test]), np.sign(sides))
        assert problem.context(fold.chosen).primary == (MovingAverageCross(fast, 12, short=True),)
