"""The audit of whole studies, and the light one inside every run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quantml import Choice, Fill, Tuning, WalkForward, load_study
from quantml.features import Momentum, Returns
from quantml.forecasters import LightGBM
from quantml.signals import Sign
from quantml.validation.audit.whole import Examination, audit, glance
from tests.validation.audit import planted
from tests.validation.audit.laboratory import LABORATORY
from tests.validation.audit.planted import BARS, WORLD, finished, rule, study


def leaks(declared: Any) -> list[tuple[str, str]]:
    return [(leak.stage, leak.part) for leak in audit(declared).leaks]


@pytest.fixture(scope="module")
def found() -> Any:
    return audit(study(features=[Returns(1), planted.three_ahead]))


def test_a_leak_says_where_how_far_and_what_it_reads(found: Any) -> None:
    (leak,) = found.leaks
    assert not found.passed
    assert (leak.stage, leak.part, leak.symbol, leak.ahead, leak.reads) == ("feature", "three_ahead", "S2", 3, "close")
    # it is S2's close three rows on: at each cut, the first row that changes is two rows before it
    assert leak.first in [BARS.clock[BARS.clock.get_loc(cut) - 2] for cut in found.cuts]
    assert leak.evidence.startswith("it reads at least 3 rows ahead: its value on ")
    assert leak.evidence.endswith("what came after it was changed (so at 20 moments).")


def test_it_says_what_the_leak_earned(found: Any) -> None:
    earned = found.earned
    assert earned.features == ("three_ahead",)
    plain = audit(study(features=[Returns(1)]))
    assert plain.earned is None
    assert earned.sharpe_ratio > earned.without + 2.0
    without = audit(study(features=[Returns(1), planted.loaded_apart])).earned
    assert without.without == earned.without  # what is left is the same study


def test_nothing_else_is_left() -> None:
    earned = audit(study(features=[planted.three_ahead])).earned
    assert earned is not None
    assert (earned.without, earned.reason) == (None, "no other feature is left")


def test_it_looks_at_20_moments_and_every_fold_up_to_10(found: Any) -> None:
    assert len(found.cuts) >= 20
    assert found.cuts == tuple(sorted(found.cuts))
    assert BARS.clock[100] <= found.cuts[0] < found.cuts[-1] < BARS.clock[-1]
    assert found.folds == (0, 1, 2, 3)
    many = audit(rule(planted.trend, validation=WalkForward(train=100, test=7)))
    assert len(many.folds) == 10
    assert (many.folds[0], many.folds[-1]) == (0, 19)  # 140 rows make 20 blocks


def test_an_audit_is_the_same_every_time(found: Any) -> None:
    assert audit(study(features=[Returns(1), planted.three_ahead])).as_values() == found.as_values()


@pytest.mark.parametrize(
    ("declared", "part"),
    [
        (study(features=[planted.standing]), ("feature", "standing")),
        (study(features=[planted.survivors]), ("feature", "survivors")),
        (study(features=[Returns(1), planted.to_the_end]), ("feature", "to_the_end")),
        (study(forecaster=planted.Complete()), ("fit", "Complete")),
        (study(target=planted.Early()), ("target", "Early")),
        (study(target=planted.Tail(), forecaster=LightGBM(n_estimators=3)), ("target", "Tail")),
        (study(forecaster=planted.Drift()), ("forecast", "Drift")),
        (study(transforms=[planted.Centred()]), ("transform", "Centred")),
        (study(transforms=[planted.Scaled()]), ("transform", "Scaled")),
        (study(sample_weight=planted.LikeTomorrow()), ("sample weight", "LikeTomorrow")),
        (study(signal=[Sign(), planted.Sized()]), ("signal", "Sign and Sized")),
        (rule([planted.trend, planted.moved_back]), ("signal", "moved_back")),
        (rule(planted.trend, fill=Fill.PERIOD), ("fill", "Fill.PERIOD")),
        (rule(planted.trend, validation=planted.FromTheEnd(train=100, test=40)), ("folds", "FromTheEnd")),
        (study(signal=Sign(threshold=Choice(0.0, 0.0001)), tuning=Tuning(planted.peeking_objective, folds=2)), ("tuning", "Tuning")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_each_stage_is_looked_at(declared: Any, part: tuple[str, str]) -> None:
    assert part in leaks(declared)


@pytest.mark.parametrize(
    "declared",
    [
        study(data=WORLD, features=[planted.standing_so_far, planted.three_behind], transforms=[planted.Centred(honest=True), planted.Scaled(honest=True)],
              sample_weight=planted.LikeTomorrow(honest=True), signal=[Sign(), planted.Sized(honest=True)]),
        study(target=planted.Tail(honest=True), forecaster=planted.Drift(honest=True)),
        study(features=[Momentum(Choice(5, 8))], tuning=Tuning(planted.honest_objective, folds=2)),
        rule([planted.trend, planted.moved_on], fill=Fill.NEXT_CLOSE),
        study(signal=None),
    ],
    ids=["own parts", "own model", "tuned", "rule", "forecast"],
)  # fmt: skip
def test_their_twins_pass(declared: Any) -> None:
    found = audit(declared)
    assert not found.leaks
    assert found.earned is None
    assert found.full


def test_a_feature_that_draws_numbers_is_told_and_is_no_leak() -> None:
    found = audit(study(features=[Returns(1), planted.drawn]))
    assert found.passed
    assert ("not reproducible", "drawn") in [(one.kind, one.part) for one in found.notices]


def test_what_fails_at_some_moments_alone_could_not_be_audited_there() -> None:
    found = audit(study(features=[Returns(1), planted.to_a_day], forecaster=planted.Complete(honest=True)))
    assert found.passed
    assert not found.complete
    (notice,) = [one for one in found.notices if one.part == "to_a_day"]
    assert notice.kind == "not audited"
    assert notice.text.startswith("to_a_day: it fails when the bars end on ")


def test_a_notice_is_told_once() -> None:
    found = audit(study(features=[Returns(1), planted.drawn]))
    assert len(found.notices) == len(set(found.notices))


def test_a_light_audit_looks_at_fewer_moments() -> None:
    declared = study(features=[planted.standing_so_far, planted.three_ahead])
    found = glance(declared.load(), finished(declared))
    assert [(leak.stage, leak.part) for leak in found.leaks] == [("feature", "three_ahead")]
    assert (len(found.folds), found.full, found.earned) == (1, False, None)
    assert 4 <= len(found.cuts) <= 5
    assert [one.kind for one in found.notices] == ["survivorship", "not audited"]
    assert ("price level", "standing_so_far") in [(one.kind, one.part) for one in audit(declared).notices]
    assert found.scope.startswith("A light audit")


def test_candidates_that_differ_in_the_signal_alone_are_one() -> None:
    declared = study(
        features=[Momentum(Choice(5, 8))],
        signal=Sign(threshold=Choice(0.0, 0.0001)),
        tuning=Tuning("annual_return", folds=2),
    )
    result = finished(declared)
    examination = Examination(declared.load(), result, None, ())  # type: ignore[arg-type]
    listed = examination._candidates()
    assert sorted(next(v for k, v in one.items() if k.startswith("features")) for one in listed) == [5, 8]


def test_a_candidate_that_was_never_chosen_may_leak_too() -> None:
    feature = Choice(Momentum(5), planted.three_ahead)
    found = audit(study(features=[feature, Returns(1)], tuning=Tuning("annual_return", folds=2)))
    assert ("feature", "three_ahead") in [(leak.stage, leak.part) for leak in found.leaks]


class Fussy:
    """A model that gives up at a move that the sample does not have."""

    def fit(self, train: Any) -> Fussy:
        return self

    def predict(self, test: Any) -> Any:
        if test.bars.returns().abs().max().max() > 0.05:
            raise ArithmeticError("what a move")
        return planted.Drift(honest=True).predict(test)


def test_a_model_that_fails_on_other_prices_was_not_audited() -> None:
    found = audit(study(forecaster=Fussy()))
    assert found.passed
    told = [one for one in found.notices if one.kind == "not audited" and one.part != "declaration"]
    assert told
    assert "what a move" in told[0].text


def test_the_study_is_named() -> None:
    assert audit(replace(study(features=[Returns(1)]), name="plain")).study == "plain"


@pytest.mark.parametrize(
    ("file", "leaking"),
    [("first/table_of_future_prices/leak.py", True), ("first/table_of_future_prices/clean.py", False)],
)
def test_the_file_of_a_study_is_read_again(file: str, leaking: bool) -> None:
    found = audit(load_study(LABORATORY / file))
    assert [(leak.stage, leak.part) for leak in found.leaks] == [("data", "outside tables")] * leaking
    assert "declaration" not in [one.part for one in found.notices]
