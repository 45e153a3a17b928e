"""Combinatorial studies: what a fold may see, its paths, and that nothing of a test block reaches what it is scored by."""

import io
from dataclasses import dataclass, field
from functools import cache
from math import comb

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import quantml as qm
from quantml import Bars, Choice, CombinatorialPurged, Costs, Fill, Study, Tuning, WalkForward, metrics
from quantml.errors import ForecastError, ParameterError, SplitError, StudyError
from quantml.features import Momentum, Returns
from quantml.features.transforms import GarchVolatility, Standardise
from quantml.forecasters import ARIMA, HistoricalMean, Ridge
from quantml.forecasters.base import RowForecast
from quantml.loaders import Synthetic
from quantml.operations.forecast import forecast_next
from quantml.reports.terminal import result_table
from quantml.reports.words import measure
from quantml.signals import MovingAverageCross, Sign
from quantml.simulation.simulator import Simulator, simulate
from quantml.targets import ForwardReturn
from quantml.validation import scoring
from quantml.validation.blocks import Block
from quantml.validation.problem import Problem
from quantml.validation.scoring import Stretch
from quantml.validation.walkforward import walk_forward
from quantml.validation.workers import Loky
from quantml.weighting import AbsoluteReturnWeights, UniquenessWeights
from tests.validation.splits.panels import allowed

BARS = Synthetic(symbols=2, sessions=300, seed=1).load()
SPLIT = CombinatorialPurged(5, 2)


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1), Returns(2)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "costs": Costs(commission_bps=1),
        "validation": SPLIT,
    }
    return Study(**{**parts, **changes})


def rule(**changes):
    cross = MovingAverageCross(fast=Choice(2, 5), slow=Choice(10, 20))
    return study(features=(), target=None, forecaster=None, signal=cross, tuning=Tuning(), **changes)


@dataclass(frozen=True)
class Spy:
    """A forecaster that notes the rows it is fitted to, and forecasts by the date alone."""

    scale: float = 1.0
    seen: list = field(default_factory=list, repr=False, compare=False)

    def __deepcopy__(self, memo):
        return self

    def fit(self, train):
        self.seen.append((train.time, train.symbol, train.label_end))
        return self

    def predict(self, test):
        return RowForecast(mean=np.where(test.time % 3, 0.01, -0.01))


# ------------------------------------------------------------------- what a fold sees


def test_a_fold_is_fitted_to_the_rows_that_brute_force_leaves_of_both_sides():
    gapped = BARS.close
    gapped.iloc[:70, 0] = np.nan  # lists late
    gapped.iloc[250:, 1] = np.nan  # is delisted
    gapped.iloc[130:134, 1] = np.nan  # and halted, so that labels reach across
    bars, spy = Bars.from_close(gapped), Spy()
    result = walk_forward(study(data=bars, forecaster=spy, signal=None), bars)
    target = result.problem.target({})
    assert len(spy.seen) == len(result.folds) == 10
    both = 0
    for part, (time, symbol, _) in zip(result.folds, spy.seen, strict=True):
        known = {(t, s) for t, s in allowed(part.fold, target.label_end, 3) if not np.isnan(target.values[t, s])}
        assert set(zip(time.tolist(), symbol.tolist(), strict=True)) == known
        both += int(time.min() < part.fold.start < time.max())
        assert part.rows == len(time)
        assert part.purged == np.sum(bars.candidates[part.fold.train]) - np.sum(part.fold.allows(target.label_end) & bars.candidates[part.fold.train])  # fmt: skip
    assert both == 5  # of six that do not test the first block, one tests the last two


def test_folds_that_begin_alike_draw_by_different_seeds():
    problem = Problem.of(study(), BARS)
    folds = SPLIT.folds(BARS.clock)
    drawn = [tuple(problem.train(fold, {}).seed.generate_state(4).tolist()) for fold in folds]
    assert len(set(drawn)) == len(folds)


def test_nothing_left_to_train_on_says_so():
    with pytest.raises(SplitError, match=r"fold 0 .*a fold must have rows to train on; got '0 rows of 180 left after"):
        walk_forward(study(validation=CombinatorialPurged(5, 2, embargo=200)), BARS)


class Reads:
    """A user's own forecaster that reads the training bars."""

    def fit(self, train):
        train.bars.close.mean()
        return self

    def predict(self, test):
        return RowForecast(mean=np.zeros(len(test.time)))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"forecaster": ARIMA(), "target": ForwardReturn(start="close")}, "ARIMA"),
        ({"forecaster": Reads()}, "Reads"),
        ({"transforms": [Standardise(), GarchVolatility()]}, "GarchVolatility"),
        ({"sample_weight": AbsoluteReturnWeights()}, "AbsoluteReturnWeights"),
        ({"baseline": ARIMA(), "target": ForwardReturn(start="close")}, "ARIMA"),
    ],
)
def test_what_reads_training_bars_as_a_series_is_refused_by_name_and_fold(changes, name):
    expected = rf"fold 0 \(test from 2000-01-03\): {name}, which reads its training bars as a series, must be fitted to"
    with pytest.raises(ForecastError, match=expected):
        walk_forward(study(**changes), BARS)


def test_what_learns_from_rows_alone_is_not():
    parts = {"transforms": [Standardise()], "sample_weight": UniquenessWeights(), "baseline": HistoricalMean()}
    folds = walk_forward(study(**parts), BARS).folds
    assert all(np.isfinite(fold.block.mean).any() and fold.rows > 0 for fold in folds)


# ------------------------------------------------------------------- inside a fold


def shaken(bars, fold):
    """Exchange prices inside each test block of a fold, after its first decision and up to its last."""
    close = bars.close
    for run in fold.runs:
        inside = run[1:]
        close.iloc[inside] *= np.exp(np.random.default_rng(0).normal(0, 0.05, (len(inside), close.shape[1])))
    return Bars.from_close(close)


@pytest.mark.parametrize(
    "declared",
    [
        study(data=Bars.from_close(BARS.close), signal=Sign(threshold=Choice(0.0, 0.0005)), tuning=Tuning(folds=2)),
        study(
            data=Bars.from_close(BARS.close), forecaster=Ridge(alpha=Choice(1.0, 100.0)), tuning=Tuning("sortino_ratio")
        ),
        study(data=Bars.from_close(BARS.close)),
    ],
    ids=["signal", "forecaster", "nothing tuned"],
)
def test_nothing_that_a_fold_is_tuned_and_scored_by_inside_hangs_on_its_test_blocks(declared):
    result = walk_forward(declared, declared.data)
    for number in (0, 1, 5, 9):
        was = result.folds[number]
        now = walk_forward(declared, shaken(declared.data, was.fold)).folds[number]
        scores = [[one.score for one in part.candidates] for part in (was, now)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-9, nan_ok=True)
        assert was.chosen == now.chosen
        assert was.in_sample == pytest.approx(now.in_sample, rel=1e-9)
        assert not np.allclose(was.block.mean, now.block.mean, equal_nan=True)  # the shaken prices are forecast on


def test_inner_fits_use_rows_that_the_fold_itself_may_train_on():
    spy = Spy(scale=Choice(1.0, 2.0))
    result = walk_forward(study(forecaster=spy, tuning=Tuning(folds=2)), BARS)
    seen, target = spy.seen, result.problem.target(result.folds[0].chosen)
    assert len(seen) == 10 * (2 * 2 + 1)  # two forecasters on two inner folds, and the chosen one
    for number, part in enumerate(result.folds):
        fits = seen[5 * number : 5 * number + 5]
        rows = [set(zip(time.tolist(), symbol.tolist(), strict=True)) for time, symbol, _ in fits]
        assert all(inner < rows[-1] for inner in rows[:-1])
        assert rows[-1] <= allowed(part.fold, target.label_end, 3)


@dataclass(frozen=True)
class Counting(Simulator):
    """A simulator that counts its accounts."""

    made: list = field(default_factory=list, repr=False, compare=False)

    def simulate(self, weights, bars, **parts):
        self.made.append(len(weights))
        return super().simulate(weights, bars, **parts)


def test_a_rules_candidates_are_simulated_once_over_the_whole_history_and_scored_on_purged_bars():
    simulator = Counting()
    result = walk_forward(rule(simulator=simulator), BARS)
    assert simulator.made == [300] * 4  # four candidates, ten folds
    ends = result.problem.target(result.folds[0].chosen).label_end  # the bar after the fill
    for part in result.folds:
        rows = allowed(part.fold, ends, 3)
        scored = [t + 1 for t in range(300) if {(t, 0), (t, 1)} <= rows]
        for candidate in part.candidates:
            earned = whole_history(candidate.values["signal.0.fast"], candidate.values["signal.0.slow"])
            expected = metrics.sharpe_ratio(earned[scored], periods_per_year=252)
            assert candidate.score == pytest.approx(expected, rel=1e-9)


@cache
def whole_history(fast, slow):
    """Returns of a crossing over all bars, in one account."""
    decided = Problem.of(rule_on(BARS, SPLIT, fast=fast, slow=slow), BARS).rule_weights({})
    return simulate(decided.frame, BARS, costs=Costs(commission_bps=1)).returns.to_numpy()


@dataclass(frozen=True)
class Always:
    """A rule that holds one weight."""

    weight: float

    def __call__(self, inputs, context):
        return pd.DataFrame(self.weight, context.bars.clock, list(context.bars.symbols))


def test_what_is_lost_on_tested_bars_decides_nothing_on_bars_that_are_not():
    close = BARS.close.iloc[:, :1].copy()
    risen = close.copy()
    risen.iloc[70:] *= 1.5  # three times short loses more than all; row 70 is tested by fold 1, of rows 60 to 119
    declared = study(features=(), target=None, forecaster=None, signal=Always(Choice(0.5, -3.0)),
                     validation=CombinatorialPurged(5, 1, embargo=5), tuning=Tuning("annual_return"))  # fmt: skip
    folds, later = (walk_forward(declared, Bars.from_close(one, periods_per_year=252)).folds for one in (close, risen))
    assert [one.score for one in later[1].candidates] == pytest.approx(
        [one.score for one in folds[1].candidates], rel=1e-9
    )
    assert later[0].candidates[1].score == -1.0  # who trains on it has lost all


@dataclass(frozen=True)
class Once(Always):
    """A rule that decides on one row, and holds on."""

    def __call__(self, inputs, context):
        weights = super().__call__(inputs, context)
        weights.iloc[np.arange(len(weights)) != 5] = np.nan
        return weights


def moves_last(returns):
    return float(returns.iloc[-1] != 0.0)


def test_an_account_after_a_ruin_holds_what_was_decided_last():
    close = BARS.close.iloc[:, :1].copy()
    close.iloc[70:] *= 0.3  # three times long loses more than all
    declared = study(features=(), target=None, forecaster=None, signal=Once(Choice(0.5, 3.0)),
                     validation=CombinatorialPurged(5, 1, embargo=5), tuning=Tuning(moves_last))  # fmt: skip
    folds = walk_forward(declared, Bars.from_close(close, periods_per_year=252)).folds
    assert [one.score for fold in folds for one in fold.candidates] == [1.0] * 10


def test_fits_too_are_scored_by_accounts_that_go_on():
    close = BARS.close.iloc[:, :1].copy()
    fallen = close.copy()
    fallen.iloc[60:] *= 0.4  # row 60 is the first that fold 1 tests, and on it what was decided last is still held
    declared = study(signal=Always(Choice(2.9, 3.0)), validation=CombinatorialPurged(5, 1, embargo=5),
                     fill=Fill.NEXT_CLOSE, forecaster=HistoricalMean(), features=(), tuning=Tuning("annual_return"))  # fmt: skip
    first, later = (
        walk_forward(declared, Bars.from_close(one, periods_per_year=252)).folds[1] for one in (close, fallen)
    )
    assert [one.score for one in later.candidates] == pytest.approx([one.score for one in first.candidates], rel=1e-9)


class Notes:
    """An objective that notes the returns it is given."""

    __name__ = "noted"

    def __init__(self):
        self.given = []

    def __call__(self, returns):
        self.given.append(returns)
        return 0.0


def seldom(_, context):
    """Hold all of the first symbol, decided on rows 10 and 200 only."""
    weights = np.full(context.bars.close.shape, np.nan)
    weights[[row for row in (10, 200) if row < len(weights)]] = [1.0, 0.0]
    return pd.DataFrame(weights, index=context.bars.clock, columns=context.bars.symbols)


def test_nothing_is_held_across_a_test_block_inside_a_fold():
    noted = Notes()
    declared = study(forecaster=Ridge(alpha=Choice(1.0, 2.0)), signal=seldom, tuning=Tuning(noted))
    problem, fold = Problem.of(declared, BARS), SPLIT.folds(BARS.clock)[4]  # tests rows 60 to 179
    values = {"forecaster.alpha": 1.0}
    parts = [np.arange(60), np.arange(180, 240)]
    blocks = [Block(part, np.zeros((60, 2)), None, None) for part in parts]
    scoring.score(problem, [Stretch(part, (seldom,), values) for part in parts], blocks, fold)
    (returns,) = noted.given
    rows = BARS.clock.get_indexer(returns.index)
    assert rows.min() == 1
    assert rows.max() == 240
    assert not set(range(61, 181)) & set(rows)
    assert (returns[(rows > 11) & (rows < 60)] != 0.0).all()
    assert (returns[(rows > 180) & (rows <= 200)] == 0.0).all()
    assert (returns[rows > 201] != 0.0).all()


def test_rules_are_scored_on_the_declared_validation_part():
    noted = Notes()
    cross = MovingAverageCross(fast=2, slow=Choice(5, 10))
    declared = study(features=(), target=None, forecaster=None, signal=cross, tuning=Tuning(noted),
                     validation=WalkForward(train=200, test=100, validation=50))  # fmt: skip
    walk_forward(declared, BARS)
    assert [len(returns) for returns in noted.given] == [50, 50, 200]  # two candidates, and the window in sample


# ------------------------------------------------------------------- paths


def test_a_run_has_an_account_for_each_path_of_forecasts(tmp_path):
    finished = qm.run(study(), out=tmp_path)
    result = walk_forward(study(), BARS)
    assert len(finished.paths) == comb(4, 1) == 4
    for path, record in zip(finished.paths, result.records, strict=True):
        for place, test in record.pieces:
            fold = result.folds[place]
            rows = np.searchsorted(fold.fold.test, test)
            assert np.array_equal(record.forecast.mean[test], fold.block.mean[rows], equal_nan=True)
            assert (record.forecast.fold[test] == fold.fold.number).all()
        again = simulate(record.weights.frame, BARS, costs=Costs(commission_bps=1))
        assert path.equity.to_numpy() == pytest.approx(again.equity.to_numpy(), rel=1e-12)
    assert len({round(float(path.equity.iloc[-1]), 6) for path in finished.paths}) == 4
    assert finished.simulation is finished.paths[0]


def test_paths_are_saved_and_loaded_with_the_run(tmp_path):
    finished = qm.run(study(), out=tmp_path)
    table = qm.load_run(finished.folder).path_equity
    pd.testing.assert_frame_equal(table, finished.path_equity)
    assert table.groupby("path").size().tolist() == [300] * 4
    for number, (path, told) in enumerate(zip(finished.paths, finished.manifest["paths"], strict=True)):
        assert table.loc[table["path"] == number, "equity"].tolist() == path.equity.tolist()
        sharpe = metrics.sharpe_ratio(path.returns, periods_per_year=252)
        assert told["metrics"]["sharpe_ratio"] == pytest.approx(sharpe, rel=1e-12)
    assert [part["fold"] for part in finished.manifest["paths"][0]["blocks"]] == [0, 0, 1, 2, 3]


def test_terminal_and_report_tell_how_the_paths_differ(tmp_path):
    finished = qm.run(study(), out=tmp_path)
    sharpes = pd.Series([part["metrics"]["sharpe_ratio"] for part in finished.manifest["paths"]])
    told = f"Over 4 backtest paths the Sharpe ratio was {measure('sharpe_ratio', sharpes.median())} in the middle"
    console = Console(width=300, record=True, file=io.StringIO())
    console.print(result_table(finished))
    assert told in console.export_text()
    page = (finished.folder / "report.html").read_text()
    assert told in page
    assert "each trained on both sides of the blocks that it tested" in page


def test_a_walk_forward_has_no_paths(tmp_path):
    finished = qm.run(study(validation=WalkForward(train=200, test=50)), out=tmp_path)
    assert finished.paths == ()
    assert finished.path_equity.empty
    assert "paths" not in finished.manifest
    assert not (finished.folder / "paths.parquet").exists()


def test_a_folds_out_of_sample_score_is_that_of_its_blocks_wherever_they_lie():
    finished = qm.run(study())
    blocks = np.array_split(np.arange(300), 5)
    pieces = {0: [(0, 0), (0, 1)], 1: [(1, 0), (0, 2)], 4: [(1, 1), (1, 2)]}  # (path, block) of folds, by hand
    for fold, places in pieces.items():
        earned = [finished.paths[path].returns.to_numpy()[blocks[block] + 1] for path, block in places]
        expected = metrics.sharpe_ratio(np.concatenate(earned), periods_per_year=252)
        assert finished.folds["out_of_sample"][fold] == pytest.approx(expected, rel=1e-9)


def test_workers_and_this_process_save_the_same_bytes(tmp_path):
    alone, spread = (
        qm.run(study(), out=tmp_path / name, executor=workers) for name, workers in (("a", None), ("b", Loky(2)))
    )
    names = sorted(path.name for path in alone.folder.iterdir() if path.name != "timing.json")
    assert "paths.parquet" in names
    assert all((alone.folder / name).read_bytes() == (spread.folder / name).read_bytes() for name in names)


def test_a_verdict_supports_nothing_and_says_why():
    edge = Synthetic(symbols=1, sessions=2000, seed=3).load().close
    rising = Bars.from_close(edge * np.exp(0.002 * np.arange(2000))[:, None])
    verdict = qm.run(rule_on(rising, CombinatorialPurged(4, 2))).verdict
    assert verdict.outcome != "supported"
    assert verdict.paragraph.startswith("This is the first of 3 backtest paths of a combinatorial study")


def rule_on(bars, validation, *, fast=2, slow=5):
    signal = MovingAverageCross(fast=fast, slow=slow)
    return study(data=bars, features=(), target=None, forecaster=None, signal=signal, validation=validation)


def test_the_audit_says_that_folds_were_not_fitted_again_and_finds_no_leak():
    finished = qm.run(study(features=[Returns(1), Momentum(20)]))
    assert finished.leaks == ()
    assert any(one["part"] == "folds" and "by design" in one["text"] for one in finished.manifest["audit"]["notices"])


def test_costs_that_are_measured_on_earlier_bars_start_each_path_after_them():
    finished = qm.run(study(costs=Costs(slippage_volatility=0.1)))
    window = int(Costs(slippage_volatility=0.1).window)
    assert {len(path.clock) for path in finished.paths} == {300 - window}


# ------------------------------------------------------------------- what a study refuses


def test_a_schedule_refuses_it():
    with pytest.raises(StudyError, match=r"must be a walk-forward whose test blocks follow one another"):
        forecast_next(study())


def test_a_sensitivity_refuses_it():
    with pytest.raises(ParameterError, match=r"must be a walk-forward, whose decisions make one account"):
        qm.sensitivity(qm.run(study()))


def test_a_study_that_trades_refuses_a_step_and_one_that_forecasts_may_leave_gaps():
    gaps = WalkForward(train=100, test=20, step=40)
    with pytest.raises(StudyError, match=r"WalkForward.step of a study that trades must equal test, 20"):
        study(validation=gaps)
    result = walk_forward(study(validation=gaps, signal=None), BARS)
    assert np.flatnonzero(result.forecast.fold >= 0).tolist() == [
        row for s in range(100, 300, 40) for row in range(s, s + 20)
    ]
    with pytest.raises(SplitError, match="use each row once"):
        walk_forward(study(validation=WalkForward(train=100, test=20, step=10), signal=None), BARS)


def test_tuning_scores_on_the_declared_validation_part():
    declared = study(forecaster=Spy(scale=Choice(1.0, 2.0)), tuning=Tuning(folds=1),
                     validation=WalkForward(train=200, test=100, validation=50))  # fmt: skip
    walk_forward(declared, BARS)
    seen = declared.forecaster.seen
    assert [int(ends.max()) for _, _, ends in seen] == [150, 150, 200]  # purged where the part begins, then the block
