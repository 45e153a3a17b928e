"""Training windows that purge, embargo or warm-up empty: the advice, followed once and to the row, is enough."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import Choice, CombinatorialPurged, Study, Tuning, WalkForward
from quantml.errors import ForecastError, InputError
from quantml.features import Momentum
from quantml.features.transforms import Standardise
from quantml.forecasters import LightGBM, Linear, Ridge
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import ForwardReturn
from quantml.validation.checkpoints.keeping import Task
from quantml.validation.problem import Problem
from quantml.validation.walkforward import run_fold, walk_forward

ONE, TWO = (Synthetic(symbols=count, sessions=700, seed=1).load() for count in (1, 2))


def declared(
    train: int, *, horizon: int = 1, embargo: int = 0, warmup: int = 1, tuned: bool = True, **changes: Any
) -> Study:
    parts = {
        "data": ONE,
        "features": [Momentum(warmup)],
        "target": ForwardReturn(horizon=horizon),
        "forecaster": Ridge(alpha=Choice(1.0, 10.0) if tuned else 1.0),
        "signal": Sign(),
        "validation": WalkForward(train=train, test=50, embargo=embargo),
        "tuning": Tuning("sharpe_ratio", folds=3) if tuned else None,
    }
    return Study(**{**parts, **changes})


def failure(study: Study) -> str:
    """What the first fold of a study fails with; nothing where it runs."""
    problem = Problem.of(study, study.load().bars)
    try:
        run_fold(problem, Task(study.validation.folds(problem.bars.clock)[0]))
    except InputError as error:
        return str(error)
    return ""


def advice(text: str) -> int:
    """Read by how many rows to lengthen train."""
    found = re.search(r"Lengthen train by (\d+) rows?[,.]", text)
    assert found is not None, text
    return int(found[1])


def first_inner(train: int) -> int:
    """Rows before the first of three validation blocks, which share the second half of a window."""
    return train - 3 * (train // 2 // 3)


def fits(train: int, *, horizon: int, embargo: int, warmup: int, tuned: bool) -> bool:
    """Say whether two rows are left, the first with a feature and the one after it, whose labels end horizon + 1 on."""
    window = first_inner(train) if tuned else train
    trains = (warmup + 1) + (horizon + 1) <= window - embargo
    return trains and (not tuned or train - embargo >= window + 2)  # and whether candidates are scored on two bars


@settings(max_examples=30, deadline=None)
@given(horizon=st.integers(1, 120), embargo=st.integers(0, 120), warmup=st.integers(1, 60), tuned=st.booleans())
def test_the_advice_followed_once_is_enough_and_no_more(horizon: int, embargo: int, warmup: int, tuned: bool) -> None:
    parts = {"horizon": horizon, "embargo": embargo, "warmup": warmup, "tuned": tuned}
    text = failure(declared(150, **parts))
    assert (text == "") == fits(150, **parts)
    if not text:
        return
    assert advice(text) == next(rows for rows in range(1, 500) if fits(150 + rows, **parts))
    assert failure(declared(150 + advice(text), **parts)) == ""
    assert "Lengthen train by" in failure(declared(150 + advice(text) - 3, **parts))


@pytest.mark.parametrize(
    ("changes", "short", "said"),
    [
        # 87 rows before the first validation block: 5 of warm-up, two that train, whose labels end 81 bars on
        ({"horizon": 80, "warmup": 5}, 21, "inner fold 0: Ridge must have rows to train on; got 0 rows of 75 left after "
                                           "purge .*or shorten the horizon"),
        # two symbols have two rows of one date: 86 rows before the block; 167 - 3 * 27
        ({"horizon": 80, "warmup": 5, "data": TWO}, 17, "got 0 rows of 150 left after purge"),
        # 5 + 80 + 40 rows before the block; 237 - 3 * 39 = 120, 236 - 3 * 39 = 119
        ({"horizon": 80, "warmup": 5, "forecaster": LightGBM(n_estimators=2, num_leaves=Choice(3, 5))}, 87,
         "LightGBM must have 40 rows to train on"),
        ({"horizon": 5, "embargo": 120, "warmup": 5}, 111, "left after purge and embargo .*or shorten the embargo"),
        ({"horizon": 40, "warmup": 120}, 171, "left after purge and warm-up .*or shorten the features' warm-up"),
        ({"horizon": 80, "warmup": 5, "tuning": Tuning("rmse", folds=3), "signal": None}, 21, "or shorten the horizon"),
        ({"horizon": 80, "warmup": 5, "transforms": [Standardise()]}, 21, "Standardise and Ridge must have rows"),
        ({"tuned": False, "horizon": 146, "features": [Momentum(1), Momentum(2)], "forecaster": Linear()}, 1,
         r"fold 0 \(test from .*\): Linear must have 3 rows to train on; got 2 rows of 150 left after purge and warm-up"),
    ],
)  # fmt: skip
def test_what_is_short_is_named_and_by_how_much(changes: Any, short: int, said: str) -> None:
    text = failure(declared(150, **changes))
    assert re.search(said, text), text
    assert advice(text) == short
    assert failure(declared(150 + short, **changes)) == ""
    assert failure(declared(150 + short - 1, **changes)) != ""


def test_the_embargo_is_named_where_it_leaves_no_bar_to_score() -> None:
    # 155 rows: 80 train before the blocks, 4 of them with labels known; blocks begin at 80, and 155 - 76 is before it
    text = failure(declared(155, embargo=76))
    assert "the embargo must leave bars to score candidates on; got 76 rows of a window of 155" in text
    assert advice(text) == 3  # 158 - 3 * 26 = 80 train, and 158 - 76 is after it; of 156 or 157, 78 or 79 would train
    assert failure(declared(158, embargo=76)) == ""


def rule(train: int, embargo: int, **changes: Any) -> Study:
    parts = {
        "data": ONE,
        "signal": MovingAverageCross(fast=Choice(3, 5), slow=20),
        "validation": WalkForward(train=train, test=50, embargo=embargo),
        "tuning": Tuning("sharpe_ratio", folds=3),
    }
    return Study(**{**parts, **changes})


@dataclass(frozen=True)
class Fitted:
    """A step that is fitted, and changes nothing."""

    def fit(self, train: Any) -> Fitted:
        return self

    def __call__(self, weights: Any, context: Any) -> Any:
        return weights


def test_a_rule_that_is_fitted_is_told_how_to_leave_bars_to_score() -> None:
    fitted = [MovingAverageCross(fast=Choice(3, 5), slow=20), Fitted()]
    text = failure(rule(150, 100, signal=fitted))
    assert advice(text) == next(rows for rows in range(200) if 150 + rows - 100 >= first_inner(150 + rows) + 2)
    later = failure(rule(150 + advice(text), 100, signal=fitted))  # whether it trades on these bars is another matter
    assert later == "" or "An embargo of 100 rows hides the end of them: shorten it, or lengthen train." in later


@pytest.mark.parametrize(("embargo", "changes"), [(150, {}), (120, {}), (149, {})])
def test_a_rule_is_told_of_the_embargo_that_hides_its_trades(embargo: int, changes: Any) -> None:
    text = failure(rule(140, embargo, **changes))
    assert "the embargo must leave bars to score candidates on" in text
    assert failure(rule(140 + advice(text), embargo, **changes)) == ""
    assert failure(rule(140 + advice(text) - 1, embargo, **changes)) != ""


def test_a_validation_part_within_the_embargo_is_to_be_longer() -> None:
    def short(train: int, validation: int, **changes: Any) -> str:
        split = WalkForward(train=train, test=50, embargo=70, validation=validation)
        return failure(declared(train, horizon=5, warmup=1, validation=split, **changes))

    text = short(150, 60)
    assert "Lengthen train and validation by 12 rows, or shorten the embargo." in text
    assert short(162, 72) == ""
    assert short(161, 71) != ""


def test_labels_that_are_not_known_in_a_validation_part_are_counted() -> None:
    def short(validation: int, by: int) -> str:
        split = WalkForward(train=300 + by, test=50, validation=validation + by)
        return failure(declared(300, horizon=70, validation=split, signal=None, tuning=Tuning("rmse", folds=3)))

    text = short(60, 0)
    assert "the purge must leave bars to score candidates on; got 70 rows of a window of 300" in text
    found = re.search(r"Lengthen train and validation by (\d+) rows, or shorten the horizon\.", text)
    assert found is not None, text
    assert short(60, int(found[1])) == ""
    assert short(60, int(found[1]) - 3) != ""


def test_a_combinatorial_study_has_no_train_to_lengthen() -> None:
    with pytest.raises(InputError) as caught:
        walk_forward(declared(0, horizon=300, validation=CombinatorialPurged(6, 2)), ONE)
    assert "Lengthen train by" not in str(caught.value)


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (WalkForward(train=200, min_train=20, test=50, embargo=30), "Lengthen min_train by 11 rows"),
        (WalkForward(train=25, min_train=20, test=50, embargo=30), "Lengthen min_train and train by 11 rows"),
    ],
)
def test_the_least_window_of_a_rule_is_named_too(split: WalkForward, text: str) -> None:
    study = rule(20, 30, signal=MovingAverageCross(fast=3, slow=5), tuning=None, validation=split)
    assert text in failure(study)
    longer = replace(split, min_train=31, train=max(split.train, 36))
    assert failure(replace(study, validation=longer)) == ""


def test_the_least_window_is_named_where_one_is_declared() -> None:
    split = WalkForward(train=400, test=50, min_train=60)
    text = failure(declared(60, horizon=80, tuned=False, validation=split))
    assert "Lengthen min_train by 23 rows, or shorten the horizon." in text  # 1 of warm-up, and 2 + 80
    assert (
        failure(declared(60, horizon=80, tuned=False, validation=WalkForward(train=400, test=50, min_train=83))) == ""
    )


def test_where_the_data_hold_no_such_window_no_number_is_told() -> None:
    with pytest.raises(
        ForecastError, match=r"Ridge must have rows to train on.*Lengthen train, or shorten the horizon\."
    ):
        walk_forward(declared(150, horizon=697, tuned=False), ONE)


def test_a_rule_that_never_trades_is_told_so() -> None:
    with pytest.raises(InputError, match="No candidate traded on the validation blocks"):
        walk_forward(rule(150, 20, signal=MovingAverageCross(fast=Choice(3, 5), slow=600)), ONE)
