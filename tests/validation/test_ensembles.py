"""Averages over the last models, over the best configurations, and by past errors, through whole walk-forwards."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from quantml import Choice, CombinatorialPurged, Fill, Study, Tuning, WalkForward
from quantml.errors import ForecastError, ParameterError, StudyError
from quantml.features import Momentum, Returns
from quantml.fold_facts import folds_table
from quantml.forecasters import (
    ARIMA,
    Combined,
    EqualWeights,
    HistoricalMean,
    InverseErrors,
    LastModels,
    LightGBM,
    Linear,
    Logistic,
    RowForecast,
)
from quantml.loaders import Synthetic
from quantml.runs import run
from quantml.signals import MovingAverageCross, Proportional, Sign, VolatilityTarget
from quantml.targets import Direction, ForwardReturn
from quantml.validation.audit.whole import audit, glance
from quantml.validation.audit.worlds import Perturbed
from quantml.validation.ensembles import mean_weights
from quantml.validation.walkforward import walk_forward
from quantml.validation.workers import Loky

BARS = Synthetic(symbols=2, sessions=400, seed=1).load()


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1), Momentum(10)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Linear(),
        "signal": Proportional(scale=20.0),
        "validation": WalkForward(train=200, test=50),
    }
    return Study(**{**parts, **changes})


def walked(**changes):
    return walk_forward(study(**changes), BARS)


def same(first, second):
    return all(
        (one is None and other is None) or one.tobytes() == other.tobytes()
        for one, other in ((getattr(first.forecast, name), getattr(second.forecast, name))
                           for name in ("mean", "probability", "variance", "fold"))
    ) and first.weights.values.tobytes() == second.weights.values.tobytes()  # fmt: skip


# ----------------------------------------------------------------------- last models


def by_hand(problem, values, start, rows, window=200):
    """Ordinary least squares on the rows before `start` whose label is known there, evaluated at `rows`."""
    features, target = problem.features(values).values, problem.target(values)
    time, symbol = np.nonzero(target.label_end[start - window : start] <= start)
    x, y = features[time + start - window, symbol], target.values[time + start - window, symbol]
    kept = ~np.isnan(x).any(axis=1)
    line = np.linalg.lstsq(np.column_stack([np.ones(kept.sum()), x[kept]]), y[kept], rcond=None)[0]
    return line[0] + features[rows] @ line[1:]


@pytest.mark.parametrize("refit", [None, 20])
def test_each_part_is_forecast_by_the_models_of_its_own_refit_and_those_before(refit):
    result = walked(forecaster=LastModels(Linear(), count=3), validation=WalkForward(train=200, test=50, refit=refit))
    starts = sorted({part.start for fold in result.folds for part in
                     result.problem.study.validation.refits(BARS.clock, fold.fold)})  # fmt: skip
    assert starts[:3] == ([200, 250, 300] if refit is None else [200, 220, 240])
    for place, (start, stop) in enumerate(zip(starts, [*starts[1:], 400], strict=True)):
        rows = np.arange(start, stop)
        models = [by_hand(result.problem, {}, one, rows) for one in starts[max(place - 2, 0) : place + 1]]
        assert len(models) == min(place + 1, 3)
        assert result.forecast.mean[rows] == pytest.approx(np.mean(models, axis=0), rel=1e-9)


def test_an_older_model_keeps_the_parameters_of_its_own_fold():
    declared = study(features=[Returns(1), Momentum(Choice(3, 10, 40))], forecaster=LastModels(Linear(), count=2),
                     tuning=Tuning("sharpe_ratio"))  # fmt: skip
    result = walk_forward(declared, BARS)
    chosen = [fold.chosen for fold in result.folds]
    assert len({tuple(values.values()) for values in chosen}) > 1
    for before, fold in zip(result.folds, result.folds[1:], strict=False):
        models = [by_hand(result.problem, one.chosen, one.fold.start, fold.fold.test) for one in (before, fold)]
        assert result.forecast.mean[fold.fold.test] == pytest.approx(np.mean(models, axis=0), rel=1e-9)


def test_the_variance_is_that_of_the_mixture():
    plain = walked(forecaster=HistoricalMean()).forecast
    both = walked(forecaster=LastModels(HistoricalMean(), count=2)).forecast
    means, variances = plain.mean[[250, 249], 0], plain.variance[[250, 249], 0]  # the second model, and the first
    assert both.mean[250, 0] == pytest.approx(means.mean(), rel=1e-12)
    assert both.variance[250, 0] == pytest.approx(variances.mean() + means.var(), rel=1e-12)
    assert both.variance[200:250].tobytes() == plain.variance[200:250].tobytes()


def test_a_series_is_carried_on_by_older_models_too():
    parts = {"features": (), "target": ForwardReturn(start="close"), "validation": WalkForward(train=200, test=100)}
    plain = walked(**parts, forecaster=ARIMA())
    both = walked(**parts, forecaster=LastModels(ARIMA(), count=2)).forecast
    old = walked(**{**parts, "validation": WalkForward(train=200, test=200)}, forecaster=ARIMA()).forecast
    assert both.mean[300:] == pytest.approx((plain.forecast.mean[300:] + old.mean[300:]) / 2, rel=1e-12)


def test_each_model_is_fitted_once():
    fits = []

    @dataclass(frozen=True)
    class Counts:
        def fit(self, train):
            fits.append(train.start)
            return self

        def predict(self, test):
            return RowForecast(np.zeros(len(test.time)))

    walked(forecaster=LastModels(Combined([Counts(), Counts()]), count=3), signal=None)
    assert fits == [0, 0, 50, 50, 100, 100, 150, 150]


# ---------------------------------------------------------------- what changes nothing


def test_one_of_one_is_the_plain_study_bit_by_bit():
    tuned = {"signal": Sign(threshold=Choice(0.0, 0.001)), "tuning": Tuning("sharpe_ratio")}
    for model in (LightGBM(n_estimators=5, subsample=0.5), HistoricalMean()):
        plain = walked(forecaster=model, **tuned)
        for alone in (LastModels(model, count=1), Combined([model]), Combined([model], InverseErrors(0.9))):
            assert same(plain, walked(forecaster=alone, **tuned))
        assert same(plain, walked(forecaster=model, **{**tuned, "tuning": Tuning("sharpe_ratio", average=1)}))


@dataclass(frozen=True)
class Scaled:
    """A step that is fitted."""

    size: float = 0.0

    def fit(self, train):
        return Scaled(float(np.abs(train.y).mean()))

    def __call__(self, weights, context):
        return weights.frame * self.size


ENSEMBLES = {
    "steps": {
        "signal": [Sign(threshold=Choice(0.0, 0.001)), Scaled()],
        "tuning": Tuning("sharpe_ratio", folds=2, average=2),
    },
    "last": {"forecaster": LastModels(Linear(), count=3), "validation": WalkForward(train=150, test=50, refit=20)},
    "best": {
        "features": [Returns(1), Momentum(Choice(3, 10))],
        "forecaster": Linear(),
        "signal": [Sign(threshold=Choice(0.0, 0.001)), VolatilityTarget(annual=Choice(0.1, 0.2), window=21)],
        "tuning": Tuning("sharpe_ratio", folds=2, average=3),
    },
    "combined": {"forecaster": Combined([Linear(), HistoricalMean()], InverseErrors(window=60))},
    "all": {
        "target": Direction(horizon=2),
        "forecaster": LastModels(Combined([Logistic(C=Choice(0.1, 1.0)), HistoricalMean()],
                                          InverseErrors(discount=Choice(0.9, 1.0))), count=2),
        "signal": Sign(),
        "tuning": Tuning("sharpe_ratio", folds=2, average=2),
    },
    "rule": {
        "features": (), "target": None, "forecaster": None,
        "signal": MovingAverageCross(fast=Choice(5, 10, 20), slow=50), "tuning": Tuning("annual_return", average=2),
    },
}  # fmt: skip
every = pytest.mark.parametrize("name", ENSEMBLES)


@every
def test_what_comes_after_a_decision_leaves_it_bit_by_bit(name):
    declared = study(**ENSEMBLES[name])
    was = walk_forward(declared, BARS)
    for row in (233, 301, 349):
        other = Perturbed(BARS.clock[row], seed=row).bars(BARS)
        now = walk_forward(replace(declared, data=other), other)
        assert np.array_equal(was.weights.values[: row + 1], now.weights.values[: row + 1], equal_nan=True)
        assert not np.array_equal(was.weights.values[row + 1 :], now.weights.values[row + 1 :], equal_nan=True)
        if was.forecast is not None:
            assert np.array_equal(was.forecast.mean[: row + 1], now.forecast.mean[: row + 1], equal_nan=True)


@every
def test_the_audit_finds_nothing(name):
    found = audit(study(**ENSEMBLES[name]))
    assert [str(leak) for leak in found.leaks] == []
    assert {notice.part for notice in found.notices if notice.kind.startswith("not ")} == {
        "declaration"
    }  # it has no file


def test_two_processes_find_the_same():
    assert same(walked(**ENSEMBLES["all"]), walk_forward(study(**ENSEMBLES["all"]), BARS, executor=Loky(2)))


@dataclass(frozen=True)
class Foresees:
    """A weighting that takes whoever will be right."""

    def weigh(self, errors):
        best = np.nan_to_num(np.abs(errors.values)).argmin(axis=-1)
        return np.eye(errors.values.shape[-1])[best]


def test_the_audit_finds_weights_that_know_what_is_to_come():
    declared = study(forecaster=Combined([Linear(), HistoricalMean()], Foresees()))
    bars = declared.load()
    for found in (audit(declared), glance(bars, walk_forward(declared, BARS))):
        assert [(leak.stage, leak.part) for leak in found.leaks] == [("forecast", "Foresees")]


# ------------------------------------------------------------------------ configurations


def test_forecasts_and_weights_of_the_best_are_averaged():
    declared = study(**{**ENSEMBLES["best"], "tuning": Tuning("sharpe_ratio", folds=2, average=2)})
    result = walk_forward(declared, BARS)
    for fold in result.folds:
        scores = [candidate.score for candidate in fold.candidates]
        ranked = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
        assert [one.choice for one in fold.configurations] == ranked[:2]
        rows, alone = fold.fold.test, []
        for place in ranked[:2]:
            fixed = declared.resolve(fold.candidates[place].values)
            validation = WalkForward(train=200, test=50)
            alone.append(walk_forward(replace(fixed, validation=validation), BARS))
        means = [one.forecast.mean[rows] for one in alone]
        assert result.forecast.mean[rows] == pytest.approx(np.mean(means, axis=0), rel=1e-12)
        decided = [one.weights.values[rows] for one in alone]
        assert result.weights.values[rows] == pytest.approx(np.mean(decided, axis=0), rel=1e-12)


def test_candidates_without_a_score_never_enter():
    declared = study(signal=Sign(threshold=Choice(1.0, 0.0, 2.0, 0.001)), tuning=Tuning("sharpe_ratio", average=4))
    result = walk_forward(declared, BARS)
    assert [sorted(one.choice for one in fold.configurations) for fold in result.folds] == [[1, 3]] * 4
    alone = [walked(signal=Sign(threshold=level)).weights.values[200:] for level in (0.0, 0.001)]
    assert result.weights.values[200:].tolist() == (np.add(*alone) / 2).tolist()


def test_weights_of_one_that_decides_nothing_stay_what_it_decided_last():
    nan = np.nan
    daily, rarely = np.array([[nan], [0.2], [0.4], [0.6], [nan]]), np.array([[nan], [nan], [1.0], [nan], [nan]])
    rows = np.arange(1, 5)
    # nothing held yet counts as nothing; then 1.0 is what it still wants
    assert mean_weights([daily, rarely], [rows, rows])[:, 0].tolist() == pytest.approx(
        [nan, 0.1, 0.7, 0.8, nan], nan_ok=True
    )
    # where it is none of those averaged, it does not count
    assert mean_weights([daily, rarely], [rows, rows[:2]])[:, 0].tolist() == pytest.approx(
        [nan, 0.1, 0.7, 0.6, nan], nan_ok=True
    )


def test_a_run_says_what_was_averaged_and_what_members_counted():
    finished = run(study(**{**ENSEMBLES["best"], "tuning": Tuning("sharpe_ratio", folds=2, average=2)}))
    best = [json.loads(text) for text in finished.folds["averaged"]]
    assert [len(one) for one in best] == [2, 2, 2, 2]
    chosen = finished.candidates[finished.candidates["chosen"]]
    assert chosen["candidate"].tolist() == [one[0] for one in best]
    assert finished.leaks == ()
    table = run(study(**ENSEMBLES["combined"])).forecasts
    means, counts = (table[[f"member_{i}{end}" for i in (0, 1)]].to_numpy() for end in ("", "_weight"))
    assert table["mean"].to_numpy() == pytest.approx((means * counts).sum(axis=1), rel=1e-12)
    assert counts.sum(axis=1) == pytest.approx(np.ones(len(table)))
    assert "averaged" not in run(study()).folds


# -------------------------------------------------------------------------- combinations


@dataclass(frozen=True)
class Off:
    """A forecaster that errs by noise of its own."""

    size: float
    seed: int

    def fit(self, train):
        return self

    def predict(self, test):
        noise = np.random.default_rng(self.seed).normal(size=(len(BARS), 2)) * self.size
        return RowForecast(TRUTH[test.time, test.symbol] + noise[test.time, test.symbol])


TRUTH = np.nan_to_num(ForwardReturn(horizon=3).build(BARS, Fill.NEXT_OPEN).values)


def test_weights_are_of_errors_known_at_each_decision_over_the_edges_of_folds():
    result = walked(forecaster=Combined([Off(0.01, 1), Off(0.02, 2)], InverseErrors()), signal=None)
    target, members = result.problem.target({}), result.forecast.members
    for row in (200, 203, 204, 250, 301, 399):
        known = [(s, n) for s in range(200, row) for n in range(2) if target.label_end[s, n] <= row]
        squares = np.array([(target.values[at] - members[at]) ** 2 for at in known]).reshape(-1, 2).sum(axis=0)
        expected = (1 / squares) / (1 / squares).sum() if known else [0.5, 0.5]
        assert (len(known) > 0) == (row >= 204)  # a label starts at the next open, and ends three bars later
        assert result.forecast.member_weights[row, 0] == pytest.approx(expected, rel=1e-9)
        assert result.forecast.mean[row] == pytest.approx(members[row] @ expected, rel=1e-9)
    # 392 errors of variances 1 and 4: the weight's standard deviation is about 0.16 x 2 / sqrt(392) = 0.016
    assert result.forecast.member_weights[-1, 0] == pytest.approx([0.8, 0.2], abs=0.05)


def test_each_fold_weights_by_what_it_chose():
    declared = study(
        forecaster=Combined([Linear(), HistoricalMean()], InverseErrors(discount=Choice(0.5, 1.0))),
        tuning=Tuning("sharpe_ratio", folds=2),
    )
    result = walk_forward(declared, BARS)
    chosen = [fold.chosen["forecaster.weighting.discount"] for fold in result.folds]
    assert set(chosen) == {0.5, 1.0}
    for discount, fold in zip(chosen, result.folds, strict=True):
        fixed = walked(forecaster=Combined([Linear(), HistoricalMean()], InverseErrors(discount=discount)))
        rows = fold.fold.test
        assert result.forecast.member_weights[rows].tobytes() == fixed.forecast.member_weights[rows].tobytes()


def test_tuning_learns_weights_on_its_inner_blocks_alone():
    tuned = {"signal": Proportional(scale=Choice(5.0, 20.0)), "tuning": Tuning("annual_return", folds=2)}
    learned, equal = (
        walked(forecaster=Combined([Off(0.001, 1), Off(1.0, 2)], weighting), **tuned).folds[0]
        for weighting in (InverseErrors(), EqualWeights())
    )
    scores = [[one.score for one in fold.candidates] for fold in (learned, equal)]
    assert min(scores[0]) > max(scores[1])  # by the first few errors, the noise of one is left out


@dataclass(frozen=True)
class FirstAlone:
    """Weights that leave out all members but the first."""

    def weigh(self, errors):
        return np.eye(errors.values.shape[-1])[:1]


def test_forecasts_are_scored_as_they_are_weighted():
    tuned = {"signal": None, "tuning": Tuning("rmse", folds=2)}
    alone = walked(forecaster=Off(Choice(0.01, 0.02), 1), **tuned)
    both = walked(forecaster=Combined([Off(0.01, 1), Off(Choice(0.5, 1.0), 2)], FirstAlone()), **tuned)
    for fold, own in zip(both.folds, alone.folds, strict=True):
        assert [one.score for one in fold.candidates] == pytest.approx([own.candidates[0].score] * 2, rel=1e-12)
        assert fold.in_sample == pytest.approx(own.in_sample, rel=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {"forecaster": LastModels(Linear(), count=2)},
        {"forecaster": Combined([Linear(), HistoricalMean()], InverseErrors())},
        {"forecaster": Off(Choice(0.01, 0.1, 0.2), 1), "tuning": Tuning("rmse", average=2)},
        {"validation": CombinatorialPurged(blocks=5, test_blocks=2, embargo=3)},
    ],
    ids=["last models", "combined", "average", "paths"],
)
def test_what_is_scored_out_of_sample_is_the_forecast_of_the_run(changes):
    features = [Returns(1), Momentum(Choice(5, 10))]
    result = walked(**{"signal": None, "features": features, "tuning": Tuning("rmse"), **changes})
    table, rows = folds_table(result, ()), range(len(result.folds))
    errors = [[(record.realised - record.forecast.mean)[piece.test]
               for record in result.records for piece in record.pieces if piece.place == place]
              for place in rows]  # fmt: skip
    expected = [-np.sqrt(np.nanmean(np.concatenate(parts) ** 2)) for parts in errors]
    assert table["out_of_sample"].to_numpy() == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------ refusals

AROUND = CombinatorialPurged(blocks=4, test_blocks=1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"forecaster": LastModels(Linear()), "validation": AROUND}, "a study with LastModels must have a WalkForward"),
        (
            {"forecaster": Combined([Linear()], InverseErrors()), "validation": AROUND},
            "a study with Combined must have a WalkForward",
        ),
        (
            {"forecaster": Choice(Linear(), LastModels(Linear())), "tuning": Tuning()},
            "LastModels must be the forecaster of a study",
        ),
        ({"baseline": Combined([Linear()])}, "Combined must be the forecaster of a study"),
        (
            {"forecaster": LastModels(Choice(Linear(), Combined([Linear()]))), "tuning": Tuning()},
            "Combined must be the forecaster of a study",
        ),
        (
            {"forecaster": LastModels(Linear()), "target": ForwardReturn(Choice(1, 3)), "tuning": Tuning()},
            "a study with LastModels must forecast one target",
        ),
        (
            {"target": ForwardReturn(Choice(1, 3)), "tuning": Tuning(average=2)},
            "a study with Tuning.average must forecast one target",
        ),
    ],
)
def test_refuses(changes, text):
    with pytest.raises(StudyError) as caught:
        walked(**changes)
    assert text in str(caught.value)


def test_more_are_averaged_than_there_are():
    with pytest.raises(ParameterError, match="Tuning.average must be at most the 2 candidates; got 3"):
        study(signal=Sign(threshold=Choice(0.0, 0.1)), tuning=Tuning(average=3))


def test_equal_weights_need_no_order_in_time():
    both = walked(forecaster=Combined([Linear(), HistoricalMean()]), validation=AROUND)
    assert both.forecast.mean[10:] == pytest.approx(both.forecast.members[10:].mean(axis=-1))
    assert len(walked(forecaster=LastModels(Linear(), count=1), validation=AROUND).records) == 1


@dataclass(frozen=True)
class Odd:
    weights: tuple = (0.5, 0.6)

    def weigh(self, errors):
        return np.array(self.weights)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ((0.5, 0.6), r"with a sum of 1 .*got '\[0.5, 0.6\], a sum of 1.1'"),
        ((np.nan, 1.0), "got .*nan"),
        ((1.0, 0.0, 0.0), "of the shape"),
    ],
)
def test_weights_that_are_none_are_refused(weights, text):
    with pytest.raises(ForecastError, match=text):
        walked(forecaster=Combined([Linear(), HistoricalMean()], Odd(weights)))
    walked(forecaster=Combined([Linear(), HistoricalMean()], Odd((0.25, 0.75))))
