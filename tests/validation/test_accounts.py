"""Accounts of rules, kept once for all folds, and what sweeps them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Choice, Costs, Fill, Study, Tuning, WalkForward, simulate
from quantml.errors import SplitError, StudyError
from quantml.evaluation import metrics
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross
from quantml.validation import accounts
from quantml.validation.choosing import OneStandardError
from quantml.validation.problem import Problem
from quantml.validation.swept import crosses_of, swept_returns
from quantml.validation.walkforward import walk_forward

COSTS = Costs(commission_bps=5, spread_bps=2, borrow_bps=50)


def bars_of(symbols=1, rows=400, opens=False):
    generator = np.random.default_rng(11)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, (rows, symbols)), axis=0))
    clock, names = pd.bdate_range("2020-01-01", periods=rows), [f"S{n}" for n in range(symbols)]
    if not opens:
        return Bars.from_close(pd.DataFrame(close, clock, names), periods_per_year=252)
    first = close * np.exp(generator.normal(0.0, 0.003, close.shape))
    fields = {"open": first, "high": np.maximum(first, close), "low": np.minimum(first, close), "close": close}
    frames = {name: pd.DataFrame(values, clock, names) for name, values in fields.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def with_events():
    """A dividend, and later two shares for one."""
    plain = bars_of()
    paid, split = (pd.DataFrame(np.nan, plain.clock, ["S0"]) for _ in range(2))
    paid.iloc[200], split.iloc[250] = 1.5, 2.0
    close = plain.close.copy()
    close.iloc[250:] /= 2.0
    return Bars.from_frame(pd.concat({"close": close}, axis=1), dividends=paid, splits=split, periods_per_year=252)


def study(**changes):
    parts = {
        "data": Synthetic(),
        "signal": MovingAverageCross(fast=Choice(2, 5, 8), slow=Choice(6, 20), short=Choice(False, True)),
        "costs": COSTS,
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train=150, test=50),
        "tuning": Tuning(),
    }
    return Study(**{**parts, **changes})


def candidates(problem):
    return [c.values for c in walk_forward(problem.study, problem.bars).folds[0].candidates]


@pytest.mark.parametrize(
    ("fill", "bars"),
    [(Fill.NEXT_CLOSE, bars_of()), (Fill.NEXT_OPEN, bars_of(opens=True)), (Fill.NEXT_CLOSE, with_events())],
)
def test_swept_accounts_are_those_of_the_simulator(fill, bars):
    problem = Problem.of(study(fill=fill), bars)
    listed = candidates(problem)
    assert len(listed) == 10  # of 12 pairs, (8, 6) is refused twice
    (block,) = swept_returns(problem, list(crosses_of(problem, listed).values()))
    for values, returns in zip(listed, block, strict=True):
        weights = problem.rule_weights(values).frame
        alone = simulate(weights, problem.bars, costs=COSTS, fill=fill).returns
        np.testing.assert_allclose(returns, alone, rtol=0, atol=1e-13)


def test_a_swept_short_that_is_ruined_stands_still_as_the_simulators_does():
    close = bars_of().close["S0"].to_numpy().copy()
    close[200:] *= 3.0  # more than a short of all equity has
    bars = Bars.from_close(pd.DataFrame({"S0": close}, bars_of().clock), periods_per_year=252)
    problem = Problem.of(study(), bars)
    listed = candidates(problem)
    (block,) = swept_returns(problem, list(crosses_of(problem, listed).values()))
    assert (block.min(axis=1) == -1.0).any()
    for values, returns in zip(listed, block, strict=True):
        alone = simulate(problem.rule_weights(values).frame, bars, costs=COSTS, fill=Fill.NEXT_CLOSE).returns
        np.testing.assert_allclose(returns, alone, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("changes", "bars"),
    [
        ({}, bars_of(symbols=2)),
        ({"cash": 0.02}, bars_of()),
        ({"fill": Fill.PERIOD}, bars_of()),
    ],
)
def test_what_the_sweep_cannot_do_is_simulated_and_scores_alike(changes, bars):
    problem = Problem.of(study(**changes), bars)
    listed = candidates(problem)
    assert crosses_of(problem, listed) == {}
    fold = walk_forward(problem.study, bars).folds[1]
    for candidate in fold.candidates:
        account = simulate(
            problem.rule_weights(candidate.values).frame, bars, costs=COSTS, fill=problem.fill, cash=problem.study.cash
        )
        window = slice(int(fold.fold.train[0]) + 1, fold.fold.start + 1)
        expected = metrics.sharpe_ratio(
            account.returns.iloc[window], periods_per_year=252, risk_free=account.risk_free.iloc[window]
        )
        assert candidate.score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("objective", ["calmar_ratio", "annual_volatility", lambda returns: float(returns.sum())])
def test_any_objective_is_that_of_the_stretch(objective):
    tuned = study(tuning=Tuning(objective))
    fold = walk_forward(tuned, bars_of()).folds[2]
    problem = Problem.of(tuned, bars_of())
    values = fold.candidates[3].values
    returns = simulate(problem.rule_weights(values).frame, problem.bars, costs=COSTS, fill=Fill.NEXT_CLOSE).returns
    window = returns.iloc[int(fold.fold.train[0]) + 1 : fold.fold.start + 1]
    function = objective if callable(objective) else getattr(metrics, objective)
    expected = function(window) if callable(objective) else function(window, periods_per_year=252)
    sign = -1.0 if objective == "annual_volatility" else 1.0
    assert fold.candidates[3].score == pytest.approx(sign * expected, rel=1e-9)


def test_an_objective_that_fails_is_told_with_the_bars_that_it_fails_on():
    bars = bars_of()

    def mean(returns):
        if returns.index[0] > bars.clock[60]:  # as on the third fold's bars alone, which follow decisions 100 to 249
            raise LookupError("late")
        return returns.mean()

    known = f"the objective mean, on the bars from {bars.clock[101]:%Y-%m-%d} to {bars.clock[250]:%Y-%m-%d}, failed: LookupE"
    with pytest.raises(StudyError, match=known):
        walk_forward(study(tuning=Tuning(mean), validation=WalkForward(train=150, test=50)), bars)


def test_each_candidate_is_simulated_once_for_all_folds(monkeypatch):
    simulated = []
    plain = accounts._simulated
    monkeypatch.setattr(accounts, "_simulated", lambda p, values: simulated.append(p.key(values)) or plain(p, values))
    result = walk_forward(study(), bars_of(symbols=2))
    assert len(result.folds) == 5
    assert len(simulated) == len(set(simulated)) == 10


def test_candidates_drawn_anew_in_each_fold_score_as_listed_ones_do():
    listed = walk_forward(study(), bars_of(symbols=2)).folds
    drawn = walk_forward(study(tuning=Tuning(trials=4, sampler="random")), bars_of(symbols=2)).folds
    for one, other in zip(listed, drawn, strict=True):
        scores = {str(c.values): c.score for c in one.candidates}
        assert [scores[str(c.values)] for c in other.candidates] == [c.score for c in other.candidates]


def test_prices_after_a_fold_begins_change_none_of_its_scores():
    bars = bars_of(symbols=2)
    before = walk_forward(study(), bars).folds[1]
    close = bars.close.copy()
    close.iloc[before.fold.start + 1 :] *= np.random.default_rng(1).uniform(0.5, 2.0, (399 - before.fold.start, 2))
    after = walk_forward(study(), Bars.from_close(close, periods_per_year=252)).folds[1]
    assert [c.score for c in after.candidates] == [c.score for c in before.candidates]
    assert after.in_sample == before.in_sample


def test_parts_are_scored_alone_where_the_rule_of_choice_asks_for_them():
    tuned = study(tuning=Tuning(folds=2, choose=OneStandardError()))
    fold = walk_forward(tuned, bars_of()).folds[0]
    problem = Problem.of(tuned, bars_of())
    for candidate in fold.candidates:
        weights = problem.rule_weights(candidate.values).frame
        returns = simulate(weights, problem.bars, costs=COSTS, fill=Fill.NEXT_CLOSE).returns
        halves = [
            metrics.sharpe_ratio(part, periods_per_year=252) for part in (returns.iloc[1:76], returns.iloc[76:151])
        ]
        assert candidate.scores == pytest.approx(halves, rel=1e-9)


def test_what_happens_to_shares_later_changes_no_digit_of_a_score():
    before, after = walk_forward(study(), bars_of()).folds[0], walk_forward(study(), with_events()).folds[0]
    assert before.fold.start < 200
    assert [c.score for c in after.candidates] == [c.score for c in before.candidates]


def test_a_validation_part_is_what_is_scored():
    tuned = study(validation=WalkForward(train=150, test=50, validation=60))
    fold = walk_forward(tuned, bars_of()).folds[0]
    problem = Problem.of(tuned, bars_of())
    for candidate in fold.candidates:
        weights = problem.rule_weights(candidate.values).frame
        returns = simulate(weights, problem.bars, costs=COSTS, fill=Fill.NEXT_CLOSE).returns.iloc[91:151]
        assert candidate.score == pytest.approx(metrics.sharpe_ratio(returns, periods_per_year=252), rel=1e-9)


def test_the_tuned_study_is_the_same_with_costs_by_size_left_at_nothing():
    """A study whose costs hang on size opens an account for each window; without such costs only the entry differs."""
    kept = walk_forward(study(), bars_of()).folds
    opened = walk_forward(study(costs=replace(COSTS, commission_minimum=1e-9)), bars_of()).folds
    for one, other in zip(kept, opened, strict=True):
        apart = [abs(a.score - b.score) for a, b in zip(one.candidates, other.candidates, strict=True)]
        assert 0.0 < max(apart) < 0.5


@dataclass(frozen=True)
class Hold:
    """Hold a fixed weight."""

    weight: float

    def __call__(self, forecast, context):
        return pd.DataFrame(self.weight, context.bars.clock, list(context.bars.symbols))


def test_a_candidate_that_lost_everything_before_a_window_is_scored_by_a_new_account():
    """The price falls by a fifth at row 60, and then slowly: eight times the weight is ruined first, and worse after."""
    returns = np.full(400, -0.0004) + np.random.default_rng(3).normal(0.0, 1e-4, 400)
    returns[60] = -0.2
    close = pd.DataFrame({"S0": 100.0 * np.cumprod(1.0 + returns)}, pd.bdate_range("2020-01-01", periods=400))
    tuned = study(signal=Hold(Choice(0.5, 8.0)), tuning=Tuning("annual_return"))
    folds = walk_forward(tuned, Bars.from_close(close, periods_per_year=252)).folds
    for fold in folds[2:]:
        half, eight = (candidate.score for candidate in fold.candidates)
        assert eight < half < 0.0
        assert fold.chosen == {"signal.0.weight": 0.5}


class Contrary(MovingAverageCross):
    """The other side of what its parent holds."""

    def __call__(self, inputs, context):
        return pd.DataFrame(1.0 - super().__call__(inputs, context).values, context.bars.clock, context.bars.symbols)


def test_what_inherits_from_a_cross_is_not_swept_as_one():
    problem = Problem.of(study(signal=Contrary(fast=Choice(2, 5), slow=20)), bars_of())
    assert crosses_of(problem, candidates(problem)) == {}


def test_what_a_candidate_scores_hangs_on_no_other():
    crosses = [MovingAverageCross(fast=fast, slow=20) for fast in (2, 5)]
    mixed = study(signal=Choice(crosses[0], Contrary(fast=2, slow=20), crosses[1]))
    alone = study(signal=Choice(*crosses))
    assert list(crosses_of(Problem.of(mixed, bars_of()), candidates(Problem.of(mixed, bars_of())))) == [0, 2]
    for one, other in zip(*(walk_forward(declared, bars_of()).folds for declared in (mixed, alone)), strict=True):
        assert [one.candidates[place].score for place in (0, 2)] == [candidate.score for candidate in other.candidates]


def test_the_embargo_keeps_scores_from_the_bars_beside_the_test_block():
    tuned = study(validation=WalkForward(train=150, test=50, embargo=20))
    bars = bars_of(symbols=2)
    before = walk_forward(tuned, bars).folds[1]
    close = bars.close.copy()
    first = before.fold.start - 19
    close.iloc[first:] *= np.random.default_rng(1).uniform(0.5, 2.0, (400 - first, 2))
    after = walk_forward(tuned, Bars.from_close(close, periods_per_year=252)).folds[1]
    assert [c.score for c in after.candidates] == [c.score for c in before.candidates]
    assert after.in_sample == before.in_sample


def test_a_part_within_the_embargo_has_no_score():
    tuned = study(
        validation=WalkForward(train=100, test=120, embargo=60),
        tuning=Tuning("total_return", folds=5, choose=OneStandardError()),
    )
    for candidate in walk_forward(tuned, bars_of()).folds[0].candidates:
        assert np.isnan(candidate.scores).tolist() == [False, False, True, True, True]


def test_an_embargo_that_leaves_nothing_to_score_is_refused():
    tuned = study(validation=WalkForward(train=150, test=50, embargo=150))
    with pytest.raises(
        SplitError, match=r"leave bars to score candidates on.*Lengthen train by \d+ rows, or shorten the embargo"
    ):
        walk_forward(tuned, bars_of())


def test_what_only_earns_what_cash_does_has_no_sharpe_ratio():
    with pytest.raises(StudyError, match="NaN for all 2"):
        walk_forward(study(signal=Hold(Choice(0.0, -0.0)), cash=0.03), bars_of())
