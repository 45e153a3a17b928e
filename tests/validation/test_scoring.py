"""Scores inside a fold, against the same trades simulated by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, metrics, simulate
from quantml.errors import ForecastError, SignalError, StudyError
from quantml.features import Momentum, Returns
from quantml.features.transforms import PrincipalComponents, Standardise
from quantml.forecasters import Linear, Ridge, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import ForwardReturn
from quantml.validation.problem import Problem
from quantml.validation.walkforward import walk_forward
from quantml.weighting import ExponentialDecay

BARS = Synthetic(symbols=2, sessions=400, seed=3).load()
COSTS = Costs(commission_bps=30)


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1)],
        "target": ForwardReturn(horizon=1),
        "forecaster": Linear(),
        "signal": Sign(),
        "costs": COSTS,
        "validation": WalkForward(train=200, test=100),
    }
    return Study(**{**parts, **changes})


def rule(**changes):
    return study(features=(), target=None, forecaster=None, **changes)


def sharpe_of(weights, first, last, costs=COSTS):
    """Net Sharpe ratio of decisions from `first` until before `last`, on the bars after that until the close of `last`."""
    window = BARS.between(BARS.clock[first], BARS.clock[last])
    returns = simulate(weights.iloc[first:last], window, costs=costs, fill=Fill.NEXT_OPEN).returns
    return metrics.sharpe_ratio(returns.iloc[1:], periods_per_year=252)


def cross(fast, slow):
    """A moving-average cross written out in pandas: half of equity in each symbol whose fast average is above."""
    close = BARS.close
    return (close.rolling(fast).mean() > close.rolling(slow).mean()).astype(float) / 2


def account_sharpe(weights, first, last):
    """Net Sharpe ratio, after the close of `first` and until that of `last`, of an account kept since the first bar."""
    returns = simulate(weights, BARS, costs=COSTS, fill=Fill.NEXT_OPEN).returns
    return metrics.sharpe_ratio(returns.iloc[first + 1 : last + 1], periods_per_year=252)


def test_a_rule_is_scored_net_of_costs_on_the_whole_window_by_the_account_it_has_kept():
    tuned = rule(signal=MovingAverageCross(fast=Choice(3, 5), slow=20), tuning=Tuning())
    for fold in walk_forward(tuned, BARS).folds:
        first, start = int(fold.fold.train[0]), fold.fold.start
        expected = [account_sharpe(cross(fast, 20), first, start) for fast in (3, 5)]
        assert [c.score for c in fold.candidates] == pytest.approx(expected, rel=1e-9)
        assert fold.in_sample == pytest.approx(max(expected), rel=1e-9)


def test_where_costs_hang_on_size_a_rule_is_scored_by_an_account_opened_for_the_window():
    per_share = replace(COSTS, commission_per_share=0.01)
    tuned = rule(signal=MovingAverageCross(fast=Choice(3, 5), slow=20), tuning=Tuning(), costs=per_share)
    for fold in walk_forward(tuned, BARS).folds:
        first, start = int(fold.fold.train[0]), fold.fold.start
        expected = [sharpe_of(cross(fast, 20), first, start, costs=per_share) for fast in (3, 5)]
        assert [c.score for c in fold.candidates] == pytest.approx(expected, rel=1e-9)
        assert fold.in_sample == pytest.approx(max(expected), rel=1e-9)


@dataclass(frozen=True)
class Scale:
    by: float

    def __call__(self, weights, context):
        return weights.frame * self.by


def test_objectives_of_risk_are_made_small():
    tuned = rule(
        signal=[MovingAverageCross(fast=3, slow=20), Scale(Choice(1.0, 0.5))], tuning=Tuning("annual_volatility")
    )
    for fold in walk_forward(tuned, BARS).folds:
        whole, half = (-candidate.score for candidate in fold.candidates)
        assert half == pytest.approx(whole / 2, rel=0.1)
        assert fold.chosen == {"signal.1.by": 0.5}


@dataclass(frozen=True)
class Counts:
    """A step that holds in each symbol the number of its training rows, in thousands."""

    level: float = -1.0

    def fit(self, train):
        return Counts(level=len(train.y) / 1000)

    def __call__(self, inputs, context):
        return context.bars.close * 0.0 + self.level


def test_a_fitted_step_is_tuned_on_inner_folds_and_never_used_unfitted():
    tuned = rule(signal=[Counts(), Scale(Choice(0.5, 1.0))], tuning=Tuning(folds=2))
    fold = walk_forward(tuned, BARS).folds[0]
    weights = BARS.close * 0.0
    for start, stop in ((100, 150), (150, 200)):  # the second half of 200 rows, in two blocks
        weights.iloc[start:stop] = 2 * (start - 1) / 1000  # a label ends two bars on: the newest known is start - 2's
    expected = [sharpe_of(scale * weights, 100, 200) for scale in (0.5, 1.0)]
    assert [c.score for c in fold.candidates] == pytest.approx(expected, rel=1e-9)


class Answers:
    def __init__(self, answer):
        self.answer = answer

    def fit(self, train):
        return self

    def predict(self, test):
        return self.answer(test)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda test: np.zeros(len(test.time)), "Answers.predict must return a RowForecast; got 'ndarray'"),
        (lambda test: RowForecast(np.zeros(3)), r"mean of Answers.predict must have one number per row of test, shape"),
        (lambda test: 1 / 0, "Answers.predict failed: ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_users_forecaster_answers_is_checked(answer, text):
    with pytest.raises(ForecastError, match=rf"fold 0 \(test from .*\): {text}"):
        walk_forward(study(forecaster=Answers(answer)), BARS)


def test_a_users_objective_that_raises_is_named():
    def sum_of_squares(returns):
        raise LookupError("no such thing")

    tuned = study(signal=Sign(threshold=Choice(0.0, 0.001)), tuning=Tuning(sum_of_squares))
    with pytest.raises(StudyError, match="the objective sum_of_squares failed: LookupError: no such thing"):
        walk_forward(tuned, BARS)


def test_a_step_that_exits_while_it_is_fitted_is_named():
    class Quits:
        def fit(self, train):
            raise SystemExit(0)

        def __call__(self, weights, context):
            return weights

    with pytest.raises(SignalError, match="Quits.fit failed: SystemExit: 0"):
        walk_forward(study(signal=[Sign(), Quits()]), BARS)


def test_transforms_are_fitted_on_each_folds_training_rows_and_tuned_with_the_rest():
    from sklearn.linear_model import LinearRegression

    scaled = study(features=[Returns(1), Momentum(5)], transforms=[Standardise()], forecaster=Ridge(alpha=3.0))
    result = walk_forward(scaled, BARS)
    train, target = Problem.of(scaled, BARS).train(result.folds[0].fold, {}), result.forecast.mean[200]
    rows = ~np.isnan(train.x).any(axis=1)
    mean, deviation = train.x[rows].mean(axis=0), train.x[rows].std(axis=0)
    # Ridge with penalty p on n rows is least squares on rows joined by sqrt(p) times the unit matrix
    x = (train.x[rows] - mean) / deviation
    centred = np.vstack([x - x.mean(axis=0), np.sqrt(3.0) * np.eye(2)])
    model = LinearRegression(fit_intercept=False).fit(
        centred, np.append(train.y[rows] - train.y[rows].mean(), [0.0, 0.0])
    )
    today = Problem.of(scaled, BARS).features({}).values[200]
    expected = train.y[rows].mean() + ((today - mean) / deviation - x.mean(axis=0)) @ model.coef_
    assert target == pytest.approx(expected, rel=1e-8)


def test_a_transforms_parameter_is_tuned():
    tuned = study(
        transforms=[PrincipalComponents(keep=Choice(1, 2))], features=[Returns(1), Momentum(5)], tuning=Tuning()
    )
    for fold in walk_forward(tuned, BARS).folds:
        assert [list(candidate.values.items()) for candidate in fold.candidates] == [
            [("transforms.0.keep", 1)],
            [("transforms.0.keep", 2)],
        ]
        assert fold.candidates[0].score != fold.candidates[1].score


def test_training_rows_are_weighted_for_the_forecaster_alone():
    seen = []

    class Notes:
        def fit(self, train):
            seen.append(train.weight)
            return self

        def predict(self, test):
            return RowForecast(np.zeros(len(test.time)))

    class Baseline(Notes):
        pass

    walk_forward(study(forecaster=Notes(), baseline=Baseline(), sample_weight=ExponentialDecay(half_life=50)), BARS)
    weight = seen[0]
    assert seen[1] is None
    assert weight.mean() == pytest.approx(1.0)
    assert weight[-1] / weight[-1 - 2 * 50] == pytest.approx(2.0)  # two symbols a bar: 50 bars are 100 rows


def test_weights_without_a_forecaster_are_refused():
    with pytest.raises(StudyError, match="sample_weight must have a forecaster that learns"):
        rule(signal=MovingAverageCross(fast=3, slow=20), sample_weight=ExponentialDecay(half_life=50))
