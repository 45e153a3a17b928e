"""The search inside a fold: what is fitted how often, what a score may know, and what is refused."""

import logging
from dataclasses import dataclass

import numpy as np
import pytest

from quantml import (
    Bars,
    Choice,
    CombinatorialPurged,
    Costs,
    Integer,
    OneStandardError,
    Plateau,
    Real,
    Study,
    Tuning,
    WalkForward,
)
from quantml.errors import StudyError
from quantml.features import Returns
from quantml.forecasters import HistoricalMean, LightGBM, Ridge, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import Direction, ForwardReturn
from quantml.validation import search as searching
from quantml.validation.problem import Problem
from quantml.validation.proposing import Proposal
from quantml.validation.walkforward import walk_forward
from quantml.validation.workers import Loky

BARS = Synthetic(symbols=2, sessions=400, seed=3).load()
TPE = {"sampler": "tpe", "trials": 16}


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1)],
        "target": ForwardReturn(horizon=3, start="close"),
        "forecaster": Echo(Choice(0.5, 1.0)),
        "signal": Sign(),
        "costs": Costs(commission_bps=5),
        "validation": WalkForward(train=200, test=200),
    }
    return Study(**{**parts, **changes})


FITTED: list[float] = []
LOG = logging.getLogger("built")  # a feature that reads a list would be another one after each note


@dataclass(frozen=True)
class Echo:
    """Forecasts its scale times the newest return, and notes each fit."""

    scale: float

    def fit(self, train):
        FITTED.append(self.scale)
        return self

    def predict(self, test):
        return RowForecast(mean=self.scale * np.nan_to_num(test.x[:, 0]))


@dataclass(frozen=True)
class Noted:
    """A feature that notes each time it is built."""

    window: int = 1

    def __call__(self, bars):
        LOG.info(str(self.window))
        return bars.close.pct_change(self.window)


@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(),
        Tuning(sampler="random", trials=9),
        Tuning(**TPE),
        Tuning(**TPE, pruning=True, choose=OneStandardError()),
        Tuning(choose=Plateau()),
    ],
    ids=lambda tuning: f"{tuning.sampler}-{type(tuning.choose).__name__}",
)
def test_a_forecaster_is_fitted_once_for_all_rules_that_hang_on_it(tuning, caplog):
    caplog.set_level(logging.INFO, "built")
    thresholds = Choice(*np.linspace(0.0, 0.01, 12).tolist())
    tuned = study(signal=Sign(threshold=thresholds), features=[Noted(), Returns(1)], tuning=tuning)
    FITTED.clear()
    (fold,) = walk_forward(tuned, BARS).folds
    scales = {candidate.values["forecaster.scale"] for candidate in fold.candidates}
    assert len(fold.candidates) == (tuning.trials or 24)
    assert scales == {0.5, 1.0}
    whole = sum(FITTED.count(scale) for scale in scales) - 1  # the chosen one is fitted to the whole window too
    assert whole == 2 * 3 if not tuning.pruning else whole <= 2 * 3
    assert caplog.messages == ["1"]


def test_features_that_do_not_hang_on_the_candidate_are_not_built_again(caplog):
    caplog.set_level(logging.INFO, "built")
    tuned = study(
        features=[Noted(), Noted(Integer(2, 39))], forecaster=Echo(1.0), tuning=Tuning("smape", **TPE), signal=None
    )
    walk_forward(tuned, BARS)
    built = [int(message) for message in caplog.messages]
    assert built[:1] == [1]
    assert len(built) == len(set(built)) == 1 + 16


def rmse_by_hand(scale, start=100, stop=200):
    """Over decisions from `start` whose return over three bars is known at the close of 200, the fold's first."""
    close = BARS.close.to_numpy()
    at = np.arange(start, min(stop, 198))
    came, said = close[at + 3] / close[at] - 1, scale * (close[at] / close[at - 1] - 1)
    return np.sqrt(np.mean((came - said) ** 2))


def test_forecasts_are_scored_where_their_outcome_is_known():
    tuned = study(signal=None, tuning=Tuning("rmse", choose=OneStandardError(), folds=4))
    fold = walk_forward(tuned, BARS).folds[0]
    for candidate, scale in zip(fold.candidates, (0.5, 1.0), strict=True):
        assert candidate.score == pytest.approx(-rmse_by_hand(scale), rel=1e-9)
        parts = [-rmse_by_hand(scale, start, start + 25) for start in (100, 125, 150, 175)]
        assert candidate.scores == pytest.approx(parts, rel=1e-9)
    close = BARS.close.to_numpy()
    at = np.arange(1, 198)
    came, said = close[at + 3] / close[at] - 1, 0.5 * (close[at] / close[at - 1] - 1)
    came0 = close[3] / close[0] - 1  # of the first row no return is known: its forecast is 0
    errors = np.vstack([(came - said) ** 2, came0[None] ** 2])
    assert fold.chosen == {"forecaster.scale": 0.5}
    assert fold.in_sample == pytest.approx(-np.sqrt(errors.mean()), rel=1e-9)


def test_a_score_of_forecasts_knows_nothing_later_than_its_folds_first_decision():
    tuned = study(signal=None, tuning=Tuning("rmse"), validation=WalkForward(train=200, test=50))
    close = BARS.close.copy()
    close.iloc[251:] *= np.random.default_rng(1).uniform(0.5, 2.0, size=close.iloc[251:].shape)
    changed = Bars.from_close(close)
    plain = Bars.from_close(BARS.close)
    before, after = (walk_forward(tuned, bars).folds for bars in (plain, changed))
    assert [c.score for fold in before[:2] for c in fold.candidates] == [
        c.score for f in after[:2] for c in f.candidates
    ]
    assert before[2].candidates[0].score != after[2].candidates[0].score


def test_a_score_against_the_baseline_fits_it_once():
    noted = []

    class Mean(HistoricalMean):
        def fit(self, train):
            noted.append(len(train.y))
            return super().fit(train)

    tuned = study(signal=None, tuning=Tuning("r2_out_of_sample"), baseline=Mean())
    fold = walk_forward(tuned, BARS).folds[0]
    assert len(noted) == 3 + 1
    assert all(candidate.score < 0.0 for candidate in fold.candidates)  # noise against the mean
    assert fold.candidates[0].score > fold.candidates[1].score


def test_a_score_that_the_forecasts_cannot_have_names_the_fold():
    with pytest.raises(
        StudyError,
        match=r"fold 0 \(test from .*\): with forecaster.scale=0.5: the objective brier must be given probabilities",
    ):
        walk_forward(study(signal=None, tuning=Tuning("brier")), BARS)


def test_the_trading_score_of_each_block_is_that_of_its_own_bars():
    tuned = study(tuning=Tuning(lambda returns: float(np.log1p(returns).sum()), choose=OneStandardError(), folds=4))
    fold = walk_forward(tuned, BARS).folds[0]
    for candidate in fold.candidates:
        assert len(candidate.scores) == 4
        assert sum(candidate.scores) == pytest.approx(candidate.score, rel=1e-9)  # log returns add up over the blocks
    counted = study(tuning=Tuning(lambda returns: float(len(returns)), choose=OneStandardError(), folds=4))
    assert walk_forward(counted, BARS).folds[0].candidates[0].scores == (25.0,) * 4  # each bar after a decision
    rules = study(features=(), target=None, forecaster=None, signal=MovingAverageCross(Choice(2, 5), 20),
                  tuning=Tuning(lambda returns: float(np.log1p(returns).sum()), choose=OneStandardError()))  # fmt: skip
    for candidate in walk_forward(rules, BARS).folds[0].candidates:
        assert len(candidate.scores) == 3
        assert sum(candidate.scores) == pytest.approx(candidate.score, rel=1e-9)


def test_the_rule_of_choice_chooses():
    crossing = study(
        features=(), target=None, forecaster=None, signal=MovingAverageCross(fast=Integer(2, 25), slow=26),
        tuning=Tuning(choose=Plateau()),
    )  # fmt: skip
    fold = walk_forward(crossing, BARS).folds[0]
    scores = np.array([candidate.score for candidate in fold.candidates])
    means = [scores[max(place - 1, 0) : place + 2].mean() for place in range(24)]
    assert fold.choice == int(np.argmax(means)) != int(np.argmax(scores)), scores


def test_pruned_candidates_are_kept_and_marked_and_save_fits():
    FITTED.clear()
    scales = Choice(*np.geomspace(0.01, 100.0, 200).tolist())
    tuned = study(signal=None, forecaster=Echo(scales), tuning=Tuning("rmse", sampler="tpe", trials=20, pruning=True))
    (fold,) = walk_forward(tuned, BARS).folds
    pruned = [candidate for candidate in fold.candidates if candidate.pruned]
    assert len(fold.candidates) == 20
    assert 3 <= len(pruned) <= 15
    assert all(np.isnan(candidate.score) for candidate in pruned)
    assert not fold.candidates[fold.choice].pruned
    assert 1 + 3 * (20 - len(pruned)) + len(pruned) <= len(FITTED) < 1 + 3 * 20


def test_a_proposal_that_is_refused_is_no_candidate():
    tuned = study(features=(), target=None, forecaster=None,
                  signal=MovingAverageCross(fast=Integer(2, 60), slow=Integer(50, 61)), tuning=Tuning(**TPE))  # fmt: skip
    (fold,) = walk_forward(tuned, BARS).folds
    assert len(fold.candidates) == 16
    assert all(one.values["signal.0.fast"] < one.values["signal.0.slow"] for one in fold.candidates)


@dataclass(frozen=True)
class Refuses:
    """A step that goes with no other value than that of its neighbour."""

    one: float
    other: float

    def __post_init__(self):
        if isinstance(self.one, float) and isinstance(self.other, float):
            from quantml.errors import ParameterError

            raise ParameterError("Refuses", must="be anything else", got=self.one)

    def __call__(self, inputs, context):
        return inputs


@pytest.mark.parametrize("tuning", [Tuning(), Tuning(sampler="random", trials=3), Tuning(sampler="tpe", trials=3)])
def test_a_space_without_a_valid_combination_is_refused(tuning):
    declared = study(forecaster=Echo(1.0), signal=[Sign(), Refuses(Choice(1.0, 2.0), Choice(1.0, 2.0))], tuning=tuning)
    with pytest.raises(StudyError, match=r"search space must hold a valid combination; got 'none of .*Refuses must be"):
        walk_forward(declared, BARS)
    problem = Problem.of(declared, BARS)
    with pytest.raises(StudyError, match="the search space must hold a valid combination"):
        searching.search(problem, declared.validation.folds(BARS.clock)[0])


@pytest.mark.parametrize(("high", "trials", "scored"), [(20, 30, 30), (6, 14, 10)])  # of 2 to 6, 10 pairs rise
def test_refused_draws_are_drawn_again_while_there_are_others(high, trials, scored):
    cross = MovingAverageCross(fast=Integer(2, high - 1), slow=Integer(3, high))
    tuned = study(target=None, forecaster=None, features=(), signal=cross, tuning=Tuning(sampler="random", trials=trials),
                  validation=WalkForward(train=200, test=100))  # fmt: skip
    first, second = (
        [tuple(one.values.values()) for one in fold.candidates] for fold in walk_forward(tuned, BARS).folds
    )
    assert len(first) == len(set(first)) == len(second) == len(set(second)) == scored
    assert first != second


def test_each_proposal_is_answered_by_its_score_or_as_refused(monkeypatch):
    answers = []
    for name in ("refuse", "tell"):
        plain = getattr(Proposal, name)
        monkeypatch.setattr(
            Proposal,
            name,
            lambda self, *score, plain=plain: (answers.append((self.values, score)), plain(self, *score)),
        )
    cross = MovingAverageCross(fast=Integer(2, 60), slow=Integer(3, 61))
    tuned = study(target=None, forecaster=None, features=(), signal=cross, tuning=Tuning(sampler="tpe", trials=8))
    (fold,) = walk_forward(tuned, BARS).folds
    last = 1 + max(place for place, (_, score) in enumerate(answers) if score)
    first = next(place for place, (_, score) in enumerate(answers) if score)
    scored = [(values, score) for values, score in answers[:last] if score]
    assert scored == [(one.values, (one.score,)) for one in fold.candidates]
    refused = [values for values, score in answers[first:last] if not score]
    assert len(refused) > 2
    assert all(values["signal.0.fast"] >= values["signal.0.slow"] for values in refused)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("seed", range(8))
def test_a_few_trials_find_a_pair_that_rises(sampler, seed):
    cross = MovingAverageCross(fast=Integer(2, 60), slow=Integer(3, 61))
    tuned = study(target=None, forecaster=None, features=(), signal=cross, tuning=Tuning(sampler=sampler, trials=1),
                  seed=seed)  # fmt: skip
    (fold,) = walk_forward(tuned, BARS).folds
    assert fold.chosen["signal.0.fast"] < fold.chosen["signal.0.slow"]


@pytest.mark.parametrize("tuning", [Tuning(), Tuning(sampler="random", trials=3), Tuning(sampler="tpe", trials=3)])
def test_an_objective_that_is_never_defined_is_refused(tuning):
    never = study(signal=Sign(threshold=Choice(7.0, 8.0, 9.0, 10.0)), forecaster=Echo(1.0), tuning=tuning)
    with pytest.raises(StudyError, match=r"fold 0 .*sharpe_ratio must be defined for some candidate; got 'NaN for all"):
        walk_forward(never, BARS)


def test_forecasts_that_are_never_known_are_refused():
    never = study(signal=None, tuning=Tuning("directional_accuracy"), forecaster=Echo(Choice(0.0, -0.0)))
    with pytest.raises(StudyError, match="NaN for all 2'. No candidate has a forecast whose outcome is known"):
        walk_forward(never, BARS)


def test_probabilities_are_tuned_by_their_score():
    chances = study(signal=None, target=Direction(horizon=3), tuning=Tuning("log_loss", sampler="random", trials=2),
                    forecaster=LightGBM(n_estimators=30, num_leaves=Integer(2, 9), early_stopping=3))  # fmt: skip
    (fold,) = walk_forward(chances, BARS).folds
    assert fold.candidates[fold.choice].score == max(candidate.score for candidate in fold.candidates)
    assert -1.0 < fold.in_sample < 0.0


def test_a_search_by_proposals_is_the_same_every_time_and_not_in_every_fold():
    tuned = study(forecaster=Ridge(alpha=Real(0.01, 100.0, log=True)), tuning=Tuning(sampler="tpe", trials=12),
                  validation=WalkForward(train=200, test=100))  # fmt: skip
    first, again = ([[c.values for c in fold.candidates] for fold in walk_forward(tuned, BARS).folds] for _ in range(2))
    assert first == again
    assert first[0] != first[1]


def test_workers_propose_the_same():
    tuned = study(forecaster=Ridge(alpha=Real(0.01, 100.0, log=True)), signal=Sign(threshold=Real(0.0, 0.001)),
                  tuning=Tuning(sampler="tpe", trials=12, pruning=True), validation=WalkForward(train=200, test=100))  # fmt: skip
    alone, pooled = (walk_forward(tuned, BARS, executor=executor).folds for executor in (None, Loky(2)))
    for one, other in zip(alone, pooled, strict=True):
        assert [c.values for c in one.candidates] == [c.values for c in other.candidates]
        np.testing.assert_array_equal([c.score for c in one.candidates], [c.score for c in other.candidates])
        assert one.choice == other.choice


def test_among_test_blocks_forecasts_are_scored_where_no_label_reaches_into_them():
    tuned = study(signal=None, tuning=Tuning("rmse", folds=2), forecaster=Echo(Choice(1.0, 1.0)),
                  validation=CombinatorialPurged(blocks=4, test_blocks=1, embargo=7))  # fmt: skip
    fold = walk_forward(tuned, BARS).folds[2]
    assert (fold.fold.start, fold.fold.stop) == (200, 300)
    close = BARS.close.to_numpy()
    # inner blocks are the second half of the 300 training rows: 150 to 199, and 300 to 399, whose last three know no label
    at = np.array([t for t in [*range(150, 200), *range(300, 397)] if t + 3 <= 200 - 7 or t >= 302 + 7])
    came, said = close[at + 3] / close[at] - 1, close[at] / close[at - 1] - 1
    assert fold.candidates[0].score == pytest.approx(-np.sqrt(np.mean((came - said) ** 2)), rel=1e-9)
