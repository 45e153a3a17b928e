"""What folds share: candidates are told apart by what they are, and checked before any fold runs."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Choice, Exogenous, Study, Tuning, WalkForward
from quantml.errors import DataError, StudyError
from quantml.features import Returns
from quantml.forecasters import Linear
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import Direction, ForwardReturn
from quantml.validation.checkpoints.keys import Keys
from quantml.validation.checkpoints.memory import Ground
from quantml.validation.problem import Problem
from quantml.validation.splits import Fold
from quantml.validation.walkforward import walk_forward

BARS = Synthetic(symbols=2, sessions=60, seed=1).load()
FOLD = Fold(0, np.arange(40), np.arange(40, 50))


@dataclass(frozen=True)
class Shifted:
    """A feature whose repr does not tell its parameter."""

    by: float = field(repr=False)

    def __call__(self, bars):
        return bars.close + self.by


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Linear(),
        "signal": Sign(),
        "validation": WalkForward(train=40, test=10),
    }
    return Study(**{**parts, **changes})


def test_alternatives_that_read_alike_are_not_taken_for_one_another():
    declared = study(features=[Choice(Shifted(1.0), Shifted(2.0))], tuning=Tuning())
    problem = Problem.of(declared, BARS)
    first, second = (problem.features({"features.0": part}) for part in (Shifted(1.0), Shifted(2.0)))
    assert np.allclose(second.values - first.values, 1.0)


@dataclass(frozen=True)
class FirstOf:
    """A rule that reads the order of a mapping: it follows the change over the window that stands first."""

    windows: dict

    def __call__(self, weights, context):
        return np.sign(context.bars.close.pct_change(next(iter(self.windows.values()))))


ORDERS = ({"a": 1, "b": 20}, {"b": 20, "a": 1})


def test_what_reads_the_order_of_a_mapping_is_told_apart_by_it():
    rules = [study(features=(), target=None, forecaster=None, signal=FirstOf(order)) for order in ORDERS]
    assert rules[0].hash != rules[1].hash
    grounds = [Keys(Problem.of(rule, BARS)).group(Ground.TRADES, FOLD) for rule in rules]
    assert grounds[0] != grounds[1]
    alone = [walk_forward(rule, BARS).folds[0].in_sample for rule in rules]
    assert alone[0] != alone[1]


def test_candidates_that_differ_in_the_order_of_a_mapping_are_each_computed():
    chosen = Choice(*(FirstOf(order) for order in ORDERS))
    tuned = study(features=(), target=None, forecaster=None, signal=chosen, tuning=Tuning(folds=1))
    problem = Problem.of(tuned, BARS)
    assert len({problem.key({"signal.0": FirstOf(order)}) for order in ORDERS}) == 2
    first, second = walk_forward(tuned, BARS).folds[0].candidates
    assert first.score != second.score


def test_a_seed_hangs_on_no_order_of_what_a_candidate_says():
    problem = Problem.of(study(), BARS)
    first, second = (problem.seed("fit", said).entropy for said in ({"b": 1, "a": 2}, {"a": 2, "b": 1}))
    assert first == second


def test_what_was_built_once_is_built_once():
    problem = Problem.of(study(), BARS)
    assert problem.features({}) is problem.features({"signal.0.threshold": 0.5})
    assert problem.target({}) is problem.target({"signal.0.threshold": 0.5})


def test_alternatives_of_a_target_must_be_of_one_kind():
    mixed = study(target=Choice(ForwardReturn(), Direction()), tuning=Tuning())
    with pytest.raises(StudyError, match="alternatives of a target must be of one kind; got 'return, direction'"):
        Problem.of(mixed, BARS)


def test_a_table_without_prices_is_not_traded():
    table = Exogenous(pd.DataFrame({"rv": np.arange(60.0)}, index=BARS.clock), name="spx", lag="1d")
    with pytest.raises(DataError, match="a study with a signal must have closes to trade at"):
        Problem.of(study(), Bars.from_table(table))


def test_features_are_built_from_the_feature_bars():
    closes = BARS.close
    closes.iloc[20, 0] = np.nan
    gapped = Bars.from_close(closes)
    filled = Bars.from_close(closes.ffill())
    problem = Problem.of(study(data=gapped), gapped, filled)
    assert problem.features({}).values[20, 0, 0] == 0.0  # the price of the day before, once more
    assert np.isnan(problem.target({}).values[20, 0])


def test_a_seed_hangs_on_fold_and_model_but_not_on_the_signal():
    problem = Problem.of(study(), BARS)

    def drawn(fold, values):
        return problem.train(fold, values).seed.generate_state(4).tolist()

    later = Fold(1, np.arange(10, 50), np.arange(50, 60))
    assert drawn(FOLD, {}) == drawn(FOLD, {}) == drawn(FOLD, {"signal.0.threshold": 0.5})
    assert drawn(FOLD, {}) != drawn(later, {})
    assert drawn(FOLD, {"forecaster.alpha": 1.0}) != drawn(FOLD, {"forecaster.alpha": 2.0})
    reseeded = Problem.of(study(seed=1), BARS)
    assert drawn(FOLD, {}) != reseeded.train(FOLD, {}).seed.generate_state(4).tolist()


def test_a_rule_has_rows_whose_labels_end_a_bar_after_their_fill():
    rule = study(features=(), target=None, forecaster=None, signal=MovingAverageCross(fast=2, slow=5))
    train = Problem.of(rule, BARS).train(FOLD, {})
    # decided at t, filled at the open of t + 1, the bar after that is t + 2; known at the close of 40, so t is 38 at most
    assert (train.label_end == train.time + 2).all()
    assert train.time.max() == 38


class Speed(IntEnum):
    """A kind of number whose code says what it is."""

    FAST = 1

    def window(self):
        return 5


def test_a_users_own_kind_of_number_is_named_by_its_code_too():
    problem = Problem.of(study(), BARS)
    ((_, own),), ((_, plain),) = problem.key({"speed": Speed.FAST}), problem.key({"speed": 1})
    assert own not in (plain, repr(Speed.FAST), "1")
    assert "code" in own or "class" in own
