from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from quantml.errors import ForecastError
from quantml.forecasters import Tabular


@dataclass(frozen=True)
class Recorder(Tabular):
    """Answers with the number of rows that it is asked for at once, and records what it sees."""

    seen: list[Any] = field(default_factory=list)
    answer: float = 1.0

    def learn(self, rows: Any) -> Any:
        self.seen.append(rows)
        return self

    def predict(self, x: Any) -> Any:
        self.seen.append(x)
        return np.full(len(x), self.answer * len(x))


@dataclass(frozen=True)
class WholeBlock(Recorder):
    accepts_missing: ClassVar[bool] = True
    row_by_row: ClassVar[bool] = True


def test_rows_with_a_missing_feature_are_left_out_of_training_and_have_no_forecast(world: Any) -> None:
    recorder = Recorder()
    fitted = recorder.fit(world().train())
    assert (fitted.rows_given, fitted.rows_used) == (317, 307)  # bars 0 to 4 of two symbols
    assert recorder.seen[0].time.min() == 5
    test = world().test()
    missing = (test.time == 165) & (test.symbol == 0)
    np.testing.assert_array_equal(np.isnan(fitted.predict(test).mean), missing)


def test_a_forecaster_is_asked_one_date_at_a_time(world: Any) -> None:
    fitted = Recorder().fit(world().train())
    test = world().test()
    mean = fitted.predict(test).mean
    alone = np.isin(test.time, [165, 170])  # a missing feature of A, a pause of B
    np.testing.assert_array_equal(mean[~alone], 2.0)
    np.testing.assert_array_equal(mean[alone], [np.nan, 1.0, 1.0])


def test_a_row_by_row_forecaster_is_asked_once_with_its_missing_values(world: Any) -> None:
    recorder = WholeBlock()
    fitted = recorder.fit(world().train())
    test = world().test()
    np.testing.assert_array_equal(fitted.predict(test).mean, 79.0)  # 40 dates of two symbols, less one pause
    assert fitted.rows_used == 317
    np.testing.assert_array_equal(recorder.seen[-1], test.x)


def test_a_test_without_rows_has_no_forecasts(world: Any) -> None:
    test = world().test()
    none = replace(test, x=test.x[:0], time=test.time[:0], symbol=test.symbol[:0], latest=test.latest[:0])
    assert Recorder().fit(world().train()).predict(none).mean.shape == (0,)


def nothing(train: Any) -> Any:
    return train.where(np.zeros(len(train.y), dtype=bool))


def with_features(train: Any, change: Any) -> Any:
    x = train.x.copy()
    change(x)
    return replace(train, x=x)


def all_missing(x: Any) -> None:
    x[:] = np.nan


def one_missing(x: Any) -> None:
    x[:, 1] = np.nan


def never_together(x: Any) -> None:
    x[::2, 0] = np.nan
    x[1::2, 1] = np.nan


def infinite(x: Any) -> None:
    x[7, 2] = np.inf


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nothing, r"Recorder must have rows to train on; got 0 rows left after purge and warm-up \(training window "
                  r"2024-01-01 to 2024-08-12\)\. Lengthen train, or shorten the horizon\."),
        (lambda t: replace(t, x=t.x[:, :0], names=()), "Recorder must have at least one feature; got none. Add"),
        (lambda t: with_features(t, all_missing), "must have features with values in training; got NaN on every row "
                                                  "of momentum, spread, level"),
        (lambda t: with_features(t, one_missing), r"got NaN on every row of spread \(317 rows, training window"),
        (lambda t: with_features(t, never_together), "got no row with a value of every feature"),
        (lambda t: with_features(t, infinite), "feature 'level' must be finite or NaN for Recorder; got inf"),
        (lambda t: replace(t, y=np.full(317, 0.02)), r"Recorder must see a target that varies in training; got a "
                                                     r"constant target, 0.02 \(all 307 training rows"),
        (lambda t: replace(t, y=np.zeros(317)), "got a constant target, 0 "),
        (lambda t: replace(t, y=1.01 ** np.arange(317.0) / 1.01 ** np.arange(-1.0, 316.0) - 1.0),
         "got a constant target, 0.01 "),
        (lambda t: replace(t, y=np.full(317, np.nan)), "the target of Recorder must be finite on every training row"),
        (lambda t: replace(t, question=replace(t.question, kind="direction")),
         "Recorder must be asked for a return or a volatility; got 'direction'. Use Logistic"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(world: Any, spoil: Any, message: str) -> None:
    with pytest.raises(ForecastError, match=message):
        Recorder().fit(spoil(world().train()))


def test_one_that_accepts_missing_features_needs_some_value(world: Any) -> None:
    with pytest.raises(ForecastError, match="WholeBlock must have features with values in training"):
        WholeBlock().fit(with_features(world().train(), all_missing))
    assert WholeBlock().fit(with_features(world().train(), one_missing)).rows_used == 317


def test_a_direction_must_have_both_classes(world: Any) -> None:
    train = world("direction").train()

    @dataclass(frozen=True)
    class Either(Recorder):
        def check_question(self, question: Any) -> None:
            pass

    with pytest.raises(
        ForecastError, match=r"Either must see both directions in training; got a constant target, up \("
    ):
        Either().fit(replace(train, y=np.ones_like(train.y)))
    with pytest.raises(ForecastError, match="got a constant target, not up"):
        Either().fit(replace(train, y=np.zeros_like(train.y)))
    with pytest.raises(ForecastError, match=r"a direction must be 1.0 \(up\) or 0.0; got 2.0"):
        Either().fit(replace(train, y=2.0 * train.y))


def test_the_features_must_be_those_of_training(world: Any) -> None:
    fitted = Recorder().fit(world().train())
    with pytest.raises(ForecastError, match=r"the features of Recorder must be those it was fitted to, \['momentum'"):
        fitted.predict(world().test(names=("spread", "momentum", "level")))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_answers_must_be_finite(world: Any, bad: float) -> None:
    with pytest.raises(ForecastError, match=f"Recorder must forecast finite numbers; got {bad}"):
        Recorder(answer=bad).fit(world().train()).predict(world().test())


def test_answers_must_be_one_number_per_row(world: Any) -> None:
    @dataclass(frozen=True)
    class Column(Recorder):
        def predict(self, x: Any) -> Any:
            return np.zeros((len(x), 1))

    with pytest.raises(ForecastError, match=r"must forecast one number per row, shape \(2,\); got \(2, 1\)"):
        Column().fit(world().train()).predict(world().test())
