"""Runs: the same bytes whatever the workers, saved whole, loaded back, never overwritten."""

import pandas as pd
import pytest

import quantml as qm
from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, load_run, load_study
from quantml.errors import StorageError
from quantml.features import Momentum, RealisedVolatility
from quantml.forecasters import HistoricalMean, LightGBM
from quantml.loaders import Sample
from quantml.runs import find_run, list_runs
from quantml.signals import Sign, VolatilityTarget
from quantml.storage import read_json
from quantml.targets import ForwardReturn
from quantml.validation.workers import Loky

STUDY = '''
"""A study with a feature class, a numba rule and a neighbour of its own."""

from dataclasses import dataclass

import numpy as np
from numba import types
from neighbour import WINDOW

from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.forecasters import LightGBM
from quantml.kernels import F2, kernel
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.space import Declaration
from quantml.targets import ForwardReturn


@dataclass(frozen=True)
class Distance(Declaration):
    window: int

    def __call__(self, bars):
        return bars.close / bars.close.rolling(self.window).max() - 1.0


@kernel(types.float64[:, ::1](F2, types.float64))
def step(weights, limit):
    out = np.zeros_like(weights)
    for t in range(weights.shape[0]):
        for n in range(weights.shape[1]):
            held = out[t - 1, n] if t > 0 else 0.0
            wanted = weights[t, n] if np.isfinite(weights[t, n]) else 0.0
            out[t, n] = held + min(max(wanted - held, -limit), limit)
    return out


@dataclass(frozen=True)
class Slowly(Declaration):
    limit: float

    def __call__(self, weights, context):
        return context.weights(step(weights.values, self.limit))


def change(bars):
    return bars.close.pct_change(WINDOW)


study = Study(
    data=Sample("indices", start="2012-01-01"),
    features=[Distance(Choice(20, 40)), change],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators=10, num_leaves=7),
    signal=[Sign(), Slowly(0.1)],
    costs=Costs(commission_bps=1),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
    tuning=Tuning("sharpe_ratio", folds=2),
)
'''


@pytest.fixture
def path(tmp_path):
    (tmp_path / "neighbour.py").write_text("WINDOW = 3\n")
    file = tmp_path / "own_parts.py"
    file.write_text(STUDY)
    return file


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_study_with_its_own_classes_and_kernel_gives_the_same_bytes_serially_and_on_workers(path, tmp_path):
    folders = []
    for name, executor in (("a", None), ("b", None), ("c", Loky(1)), ("d", Loky(2))):
        finished = qm.run(load_study(path), executor=executor, out=tmp_path / name)
        folders.append(contents(finished.folder))
    for folder in folders:
        folder.pop("timing.json")
        assert folder == folders[0]
    assert {"report.html", "run.json", "verdict.json", "folds.parquet", "candidates.parquet", "forecasts.parquet",
            "weights.parquet", "fills.parquet", "trades.parquet", "equity.parquet", "source/own_parts.py",
            "source/neighbour.py"} == set(folders[0])  # fmt: skip


def test_an_edited_neighbour_is_another_run(path, tmp_path):
    first = qm.run(load_study(path))
    (tmp_path / "neighbour.py").write_text("WINDOW = 4\n")
    assert qm.run(load_study(path)).id != first.id


def study(**changes):
    parts = {
        "data": Sample("indices", start="2014-01-01"),
        "features": [Momentum(21), RealisedVolatility(21)],
        "target": ForwardReturn(horizon=5),
        "forecaster": LightGBM(n_estimators=5, num_leaves=Choice(3, 7)),
        "signal": [Sign(), VolatilityTarget(annual=0.1)],
        "costs": Costs(commission_bps=1),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="6m"),
        "tuning": Tuning("sharpe_ratio", folds=2),
    }
    return Study(**{**parts, **changes})


def test_a_run_reads_back_as_it_was(tmp_path):
    finished = qm.run(study(), out=tmp_path)
    loaded = load_run(finished.folder)
    assert loaded.verdict == finished.verdict
    for name in ("folds", "candidates", "forecasts", "weights", "fills", "trades", "equity"):
        pd.testing.assert_frame_equal(
            getattr(loaded, name), getattr(finished, name).reset_index(drop=True), check_dtype=False
        )
    assert loaded.metrics["sharpe_ratio"] == finished.metrics["sharpe_ratio"]


def test_settings_are_recorded_and_change_the_run(tmp_path):
    finished = qm.run(study(), out=tmp_path, settings=["validation.test=1y", "costs.commission_bps=7"])
    manifest = read_json(finished.folder / "run.json")
    assert manifest["settings"] == ["validation.test=1y", "costs.commission_bps=7"]
    assert manifest["study"]["validation"]["test"] == "1y"
    assert finished.id != qm.run(study()).id


def test_a_setting_that_changes_nothing_is_a_run_of_its_own(tmp_path):
    plain, same = qm.run(study(), out=tmp_path), qm.run(study(), out=tmp_path, settings=["seed=0"])
    assert plain.folder != same.folder
    assert same.manifest["settings"] == ["seed=0"]


def test_an_existing_equal_run_is_kept_and_an_edited_one_is_not_overwritten(tmp_path):
    first = qm.run(study(), out=tmp_path)
    kept = (first.folder / "timing.json").read_bytes()
    qm.run(study(), out=tmp_path)
    assert (first.folder / "timing.json").read_bytes() == kept
    (first.folder / "folds.parquet").write_bytes(b"edited")
    with pytest.raises(StorageError, match=r"folds.parquet must equal the same run's new file"):
        qm.run(study(), out=tmp_path)
    assert (first.folder / "folds.parquet").read_bytes() == b"edited"


def test_the_folds_table_adds_up(tmp_path):
    finished = qm.run(study())
    folds = finished.folds
    assert folds["fold"].tolist() == list(range(6))  # 2016 to 2018 in half years
    assert folds["test_first"].iloc[0] == pd.Timestamp("2016-01-04")
    assert (folds["train_last"] < folds["test_first"]).all()
    assert (folds["candidates"] == 2).all()
    chosen = finished.candidates[finished.candidates["chosen"]]
    assert chosen["parameters"].tolist() == folds["parameters"].tolist()
    assert finished.equity["equity"].iloc[-1] / 1e6 - 1 == pytest.approx(finished.metrics["total_return"], rel=1e-12)


def test_buy_and_hold_stands_beside_it():
    finished = qm.run(study(costs=Costs()))
    close = study().data.load().close.loc["2016-01-04":]
    held = (close / close.iloc[1]).mean(axis=1)  # decided on the first session, filled at the next close
    assert finished.equity["benchmark_equity"].iloc[-1] / 1e6 == pytest.approx(held.iloc[-1], rel=1e-12)


def test_a_study_without_a_signal_only_forecasts(tmp_path):
    finished = qm.run(study(signal=None, tuning=None, forecaster=HistoricalMean()), out=tmp_path)
    assert finished.verdict is None
    assert finished.simulation is None
    assert len(finished.forecasts) == 2 * len(study().data.load().close.loc["2016":])
    assert finished.manifest["accuracy"]["rmse"] > 0.0
    assert not (finished.folder / "verdict.json").exists()
    assert load_run(finished.folder).verdict is None


def test_runs_are_found_by_folder_study_name_and_hash(tmp_path):
    finished = qm.run(study(), out=tmp_path)
    assert list_runs(tmp_path) == [finished.folder]
    for reference in (str(finished.folder), f"study/{finished.id}", finished.id[:6], "study"):
        assert find_run(reference, tmp_path) == finished.folder
    with pytest.raises(StorageError, match="a run must be named by its folder, STUDY/RUN or hash; got"):
        find_run("nothing", tmp_path)


def test_an_unwritable_output_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="the output folder must be below a folder"):
        qm.run(study(validation=WalkForward(train="99y", test="1y")), out=tmp_path / "file" / "below")
