"""The loop over folds: what each fold may see, nested tuning, stitching, and no look-ahead from end to end."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.errors import DataError, ForecastError, InputError, SplitError, StudyError
from quantml.features import Momentum, RealisedVolatility, Returns
from quantml.forecasters import ARIMA, HistoricalMean, LightGBM, Linear, Logistic, Ridge
from quantml.loaders import Sample, Synthetic
from quantml.signals import MovingAverageCross, Proportional, RankLongShort, Sign, VolatilityTarget
from quantml.simulation.simulator import simulate
from quantml.targets import Direction, ForwardReturn
from quantml.validation.walkforward import walk_forward

BARS = Synthetic(symbols=2, sessions=600, seed=1).load()


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1), Momentum(10)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "validation": WalkForward(train=200, test=50),
    }
    return Study(**{**parts, **changes})


@dataclass(frozen=True)
class Spy:
    """A forecaster that fails when it is shown a label from after the first decision, or a bar after the block."""

    def fit(self, train):
        start = len(train.bars) - 1
        assert train.label_end.max() <= start
        assert train.label_end.max() == start  # and the newest label that is known is not wasted
        assert train.time.max() < start
        return self

    def predict(self, test):
        from quantml.forecasters.base import RowForecast

        assert test.time.max() <= len(test.bars) - 1
        assert not hasattr(test, "y")
        return RowForecast(mean=np.zeros(len(test.time)))


def test_a_fold_sees_the_labels_known_at_its_first_decision_and_no_others():
    result = walk_forward(study(forecaster=Spy(), signal=None), BARS)  # what it asserts would be raised here
    assert [fold.rows for fold in result.folds] == [2 * 197] * 8  # labels end 4 bars on: 3 rows of 200 are purged


def test_an_embargo_keeps_further_rows_free():
    @dataclass(frozen=True)
    class Checks(Spy):
        def fit(self, train):
            assert train.label_end.max() == len(train.bars) - 1 - 7
            return self

    walk_forward(study(forecaster=Checks(), signal=None, validation=WalkForward(train=200, test=50, embargo=7)), BARS)


def test_a_refit_inside_a_block_purges_at_its_own_start():
    starts = []

    @dataclass(frozen=True)
    class Notes(Spy):
        def fit(self, train):
            starts.append((len(train.bars) - 1, int(train.label_end.max())))
            return super().fit(train)

    walk_forward(study(forecaster=Notes(), signal=None, validation=WalkForward(train=200, test=400, refit=100)), BARS)
    assert starts[:4] == [(200, 200), (300, 300), (400, 400), (500, 500)]


def test_training_rows_and_purged_rows_are_counted():
    fold = walk_forward(study(), BARS).folds[0]
    # 200 rows x 2 symbols; a label ends 4 bars on, so the last 3 rows are purged; Momentum(10) has no value on the first 10
    assert (fold.rows, fold.purged) == (2 * 187, 2 * 3)


def test_stitched_forecasts_stand_where_their_fold_tested():
    result = walk_forward(study(), BARS)
    assert (result.forecast.fold[:200] == -1).all()
    assert result.forecast.fold[200:].tolist() == np.repeat(np.arange(8), 50).tolist()
    assert np.isnan(result.forecast.mean[:200]).all()
    assert not np.isnan(result.forecast.mean[200:]).any()


def test_tuning_chooses_the_candidate_with_the_best_inner_score():
    tuned = study(signal=Sign(threshold=Choice(0.0, 0.001, 1.0)), tuning=Tuning("sharpe_ratio"))
    for fold in walk_forward(tuned, BARS).folds:
        scores = {c.values["signal.0.threshold"]: c.score for c in fold.candidates}
        assert np.isnan(scores[1.0])  # it never trades
        assert fold.chosen["signal.0.threshold"] == max((0.0, 0.001), key=lambda t: scores[t])


def test_tuning_sees_no_row_from_its_test_block_on():
    tuned = study(
        forecaster=LightGBM(n_estimators=5, num_leaves=Choice(3, 7)),
        signal=[Sign(threshold=Choice(0.0, 0.001)), VolatilityTarget(annual=0.1, window=21)],
        tuning=Tuning("sharpe_ratio"),
    )
    changed = perturbed(BARS, 401)
    before, after = walk_forward(tuned, BARS).folds, walk_forward(tuned, changed).folds
    for old, new in zip(before, after, strict=True):
        if old.fold.start <= 400:  # decided at the close of 400 at the latest
            assert [c.score for c in old.candidates] == [c.score for c in new.candidates]
            assert old.chosen == new.chosen


def test_nothing_to_choose_from_is_an_error_that_names_the_fold():
    tuned = study(signal=Sign(threshold=Choice(1.0, 2.0)), tuning=Tuning("sharpe_ratio"))
    with pytest.raises(StudyError, match=r"fold 0 \(test from .*\): the objective sharpe_ratio must be defined"):
        walk_forward(tuned, BARS)


def test_a_random_search_is_the_same_every_time():
    tuned = study(
        forecaster=Ridge(alpha=Choice(*np.geomspace(0.1, 100, 20).tolist())),
        tuning=Tuning("sharpe_ratio", sampler="random", trials=3),
    )
    first, second = ([c.values for f in walk_forward(tuned, BARS).folds for c in f.candidates] for _ in range(2))
    assert first == second
    assert len(first) == 3 * 8


def test_a_forecaster_that_raises_names_fold_and_cause():
    @dataclass(frozen=True)
    class Broken:
        def fit(self, train):
            raise ZeroDivisionError("no luck")

    with pytest.raises(ForecastError, match=r"fold 0 \(test from .*\): Broken.fit failed: ZeroDivisionError: no luck"):
        walk_forward(study(forecaster=Broken(), signal=None), BARS)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"validation": WalkForward(train=5000, test=50)}, SplitError, "train and the first test block must fit into the data"),
        ({"features": [Momentum(700)]}, InputError, "Momentum"),
        ({"benchmark": "NONE"}, DataError, "benchmark must be a symbol of the bars; got 'NONE'"),
        ({"forecaster": Logistic()}, InputError, "Logistic"),
        ({"forecaster": ARIMA()}, InputError, "close"),
        ({"validation": WalkForward(train=3, test=50)}, InputError, "fold 0"),
    ],
)  # fmt: skip
def test_refuses(changes, error, text):
    with pytest.raises(error) as caught:
        walk_forward(study(**changes), BARS)
    assert text in str(caught.value)


def test_opens_are_needed_to_fill_at_them():
    closes = Bars.from_close(BARS.close)
    with pytest.raises(DataError, match=r"Fill.NEXT_OPEN must have opens to fill at"):
        walk_forward(study(data=closes, fill=Fill.NEXT_OPEN), closes)


def test_a_constant_target_is_named():
    flat = Bars.from_close(pd.DataFrame(100.0, index=BARS.clock, columns=["A"]))
    with pytest.raises(InputError, match="fold 0.*constant"):
        walk_forward(study(data=flat, features=[Returns(1)]), flat)


def perturbed(bars, position, seed=7):
    """The same bars with every bar from `position` on multiplied by its own random factor."""
    noise = np.exp(np.random.default_rng(seed).normal(0.0, 0.03, (len(bars), len(bars.symbols))))
    noise[:position] = 1.0
    columns = {
        (name, symbol): bars.raw_array(name)[:, i] * (noise[:, i] if name != "volume" else 1.0)
        for name in bars.quoted
        for i, symbol in enumerate(bars.symbols)
    }
    actions = {("split", s): bars.split[:, i] for i, s in enumerate(bars.symbols)}
    actions |= {("dividend", s): np.minimum(bars.dividend[:, i], 1.0) for i, s in enumerate(bars.symbols)}
    frame = pd.DataFrame({**columns, **actions}, index=bars.clock)
    return Bars.from_frame(frame, calendar=bars.calendar, periods_per_year=bars.periods_per_year)


PIPELINES = {
    "lightgbm": {
        "features": [Momentum(21), RealisedVolatility(21)],
        "forecaster": LightGBM(n_estimators=10, num_leaves=Choice(3, 7)),
        "signal": [Sign(threshold=Choice(0.0, 0.002)), VolatilityTarget(annual=0.1)],
        "tuning": Tuning("sharpe_ratio", folds=2),
    },
    "linear": {"forecaster": Linear(), "signal": Proportional(scale=20.0)},
    "logistic": {"target": Direction(horizon=2), "forecaster": Logistic(), "signal": Sign()},
    "mean": {"features": (), "forecaster": HistoricalMean(), "signal": RankLongShort(fraction=0.5)},
    "arima": {
        "features": (),
        "target": ForwardReturn(horizon=1, start="close"),
        "forecaster": ARIMA(order=(1, 0, 0)),
        "signal": Sign(),
    },
    "rule": {
        "features": (), "target": None, "forecaster": None,
        "signal": MovingAverageCross(fast=Choice(5, 10), slow=50), "tuning": Tuning("annual_return"),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PIPELINES)
def test_the_last_100_bars_of_the_sample_change_nothing_before_them(name):
    bars = Sample("indices", start="2014-01-01").load()
    declared = study(**{"validation": WalkForward(train="2y", test="6m"), "fill": Fill.NEXT_CLOSE, **PIPELINES[name]})
    cut = len(bars) - 100
    assert len(bars) - 100 > 0
    runs = [walk_forward(declared, b) for b in (bars, perturbed(bars, cut))]
    if runs[0].forecast is not None:
        old, new = (run.forecast.mean[:cut] for run in runs)
        assert np.array_equal(old, new, equal_nan=True)
        if name != "mean":  # which is the same throughout its last block
            assert not np.array_equal(runs[0].forecast.mean[cut:], runs[1].forecast.mean[cut:], equal_nan=True)
    old, new = (run.weights.values[:cut] for run in runs)
    assert np.array_equal(old, new, equal_nan=True)
    books = [simulate(run.weights.frame, b, costs=Costs(commission_bps=1), fill=Fill.NEXT_CLOSE)
             for run, b in zip(runs, (bars, perturbed(bars, cut)), strict=True)]  # fmt: skip
    fills = [book.fills[book.fills["time"] < bars.clock[cut]] for book in books]
    assert len(fills[0]) > 0
    pd.testing.assert_frame_equal(fills[0], fills[1], check_exact=True)
    before, after = (book.equity[book.equity.index < bars.clock[cut]] for book in books)
    assert len(before) > 0
    assert before.equals(after)


def test_changed_bars_change_nothing_before_them_where_symbols_start_late_pause_and_end_early():
    table = BARS.to_frame()
    for symbol, gone in ((BARS.symbols[0], slice(250, 270)), (BARS.symbols[1], slice(0, 60))):
        table.loc[BARS.clock[gone], (slice(None), symbol)] = np.nan
    table.loc[BARS.clock[560:], (slice(None), BARS.symbols[1])] = np.nan
    bars = Bars.from_frame(table, calendar=BARS.calendar, periods_per_year=BARS.periods_per_year)
    declared = study(data=bars, signal=[RankLongShort(fraction=0.5), VolatilityTarget(annual=0.1, window=21)])
    for cut in (255, 265, 400, 555):
        changed = perturbed(bars, cut)
        runs = [walk_forward(declared, part) for part in (bars, changed)]
        assert np.array_equal(runs[0].forecast.mean[:cut], runs[1].forecast.mean[:cut], equal_nan=True)
        assert np.array_equal(runs[0].weights.values[:cut], runs[1].weights.values[:cut], equal_nan=True)
        assert not np.array_equal(runs[0].forecast.mean[cut:], runs[1].forecast.mean[cut:], equal_nan=True)
        books = [simulate(run.weights.frame, part) for run, part in zip(runs, (bars, changed), strict=True)]
        assert books[0].equity[: bars.clock[cut - 1]].equals(books[1].equity[: bars.clock[cut - 1]])


def test_every_fit_draws_from_a_seed_of_its_own():
    drawn = []

    @dataclass(frozen=True)
    class Draws(Spy):
        depth: int = 1

        def fit(self, train):
            drawn.append(train.integers(2))
            return super().fit(train)

    tuned = study(forecaster=Draws(depth=Choice(1, 2)), signal=Sign(threshold=Choice(0.0, 1.0)),
                  tuning=Tuning("total_return", folds=2))  # fmt: skip
    walk_forward(tuned, BARS)
    # in each of 8 folds two depths on two inner folds, and the chosen one on the whole window: each fitted once
    assert len(drawn) == len(set(drawn)) == 8 * (2 * 2 + 1)


def test_libraries_work_with_one_thread_in_folds_and_outside_them():
    from threadpoolctl import threadpool_info

    seen = []

    def look():
        seen.append({library["num_threads"] for library in threadpool_info()})

    @dataclass(frozen=True)
    class Looks(Spy):
        def fit(self, train):
            look()
            return super().fit(train)

    def feature(bars):
        look()
        return bars.close

    def step(forecast, context):
        look()
        return context.bars.close * 0.0

    walk_forward(study(features=[feature], forecaster=Looks(), signal=step), BARS)
    assert len(seen) > 3
    assert set().union(*seen) == {1}


def test_cutting_the_end_off_leaves_the_beginning():
    bars = Sample("indices", start="2014-01-01").load()
    declared = study(validation=WalkForward(train="2y", test="6m"), fill=Fill.NEXT_CLOSE, forecaster=Ridge(alpha=10.0))
    moment = bars.clock[-80]
    whole, cut = walk_forward(declared, bars), walk_forward(declared, bars.until(moment))
    assert np.allclose(whole.forecast.mean[: len(bars) - 79], cut.forecast.mean, rtol=1e-10, atol=0, equal_nan=True)
    assert np.array_equal(whole.weights.values[: len(bars) - 79], cut.weights.values, equal_nan=True)


def test_a_signal_step_with_a_fit_is_fitted_on_each_folds_training_rows():
    @dataclass(frozen=True)
    class Scaled:
        level: float = 0.0

        def fit(self, train):
            return Scaled(level=float(train.time.max()))

        def __call__(self, weights, context):
            return weights.frame * 0.0 + self.level / 1e6

    result = walk_forward(study(signal=[Sign(), Scaled()]), BARS)
    assert result.weights.values[200, 0] == pytest.approx(196 / 1e6)  # rows 197 to 199 are purged
    assert result.weights.values[250, 0] == pytest.approx(246 / 1e6)


def test_no_target_means_no_labels_to_purge():
    rule = study(features=(), target=None, forecaster=None, signal=MovingAverageCross(fast=5, slow=20))
    result = walk_forward(rule, BARS)
    assert result.forecast is None
    assert not np.isnan(result.weights.values[200:]).any()


def test_a_first_row_that_decides_nothing_is_an_account_that_holds_nothing():
    from quantml.runs import run
    from quantml.signals import Rebalance

    rule = study(
        features=(), target=None, forecaster=None,
        signal=[MovingAverageCross(fast=5, slow=20), Rebalance(30)],
        validation=WalkForward(train=200, test=50),
    )  # fmt: skip
    finished = run(rule)
    assert len(finished.equity) == 400  # one row per out-of-sample bar, though row 200 decides nothing
    assert (finished.equity["exposure"].iloc[:10] == 0.0).all()
    assert finished.fills["decided"].min() == BARS.clock[210]


def test_what_a_fold_logs_as_a_warning_comes_back_with_it():
    import logging

    @dataclass(frozen=True)
    class Warns(Spy):
        def fit(self, train):
            logging.getLogger("quantml").warning("did not converge")
            return super().fit(train)

    results = walk_forward(study(forecaster=Warns(), signal=None), BARS).folds
    assert [fold.warnings for fold in results] == [("did not converge",)] * 8


def test_an_invalid_pair_that_stands_first_is_left_out():
    crossed = MovingAverageCross(fast=Choice(50, 5), slow=Choice(20, 100))
    tuned = study(features=(), target=None, forecaster=None, signal=crossed, tuning=Tuning("annual_return"))
    pairs = [tuple(c.values.values()) for c in walk_forward(tuned, BARS).folds[0].candidates]
    assert pairs == [(50, 100), (5, 20), (5, 100)]
