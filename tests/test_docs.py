"""The documents name everything that there is, and their examples run."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import quantml as qm
from quantml import features, signals, simulation, targets, weighting
from quantml.features import transforms
from quantml.validation.objectives import FORECAST_SCORES

DOCS = Path(__file__).parents[1] / "docs"
FEATURES = (DOCS / "features.md").read_text()
SIMULATION = (DOCS / "simulation.md").read_text()
SIGNALS = (DOCS / "signals.md").read_text()
SWEEPS = (DOCS / "sweeps.md").read_text()
ENSEMBLES = (DOCS / "ensembles.md").read_text()
PROTOCOLS = {"Feature", "Features", "FittedTransform", "SampleWeight", "Target", "TargetRule", "Transform"}
FUNCTIONS = {"as_transform", "feature_name", "latest_known", "weigh_rows"}


@pytest.mark.parametrize("module", [features, transforms, targets, weighting])
def test_everything_that_can_be_declared_is_listed(module):
    listed = set(re.findall(r"`(\w+)", FEATURES))
    assert set(module.__all__) - PROTOCOLS - FUNCTIONS - listed == set()


def test_the_examples_run(tmp_path):
    study, own = re.findall(r"```python\n(.*?)```", FEATURES, re.DOTALL)
    file = tmp_path / "listed.py"
    file.write_text(study)
    finished = qm.run(qm.load_study(file))
    assert finished.leaks == ()
    assert finished.folds["parameters"].str.contains("features.0.window").all()
    made = {}
    exec(own, made)
    bars = qm.loaders.Sample("indices", start="2018-01-01").load()
    built = features.build_features([made["gap"], made["Range"](5)], bars)
    assert built.warmup == (0, 4)
    assert np.isfinite(built.values[4:]).all()


def test_every_step_is_listed():
    listed = set(re.findall(r"`(\w+)", SIGNALS))
    assert set(signals.__all__) - {"Context", "Step", "apply_steps"} - listed == set()
    assert {name for name in listed if name[0].isupper() and hasattr(signals, name)} >= {"Weights", "Sign"}


def test_the_examples_of_signals_run(tmp_path):
    study, own = re.findall(r"```python\n(.*?)```", SIGNALS, re.DOTALL)
    file = tmp_path / "monthly.py"
    file.write_text(study)
    finished = qm.run(qm.load_study(file))
    assert finished.leaks == ()
    assert 0.1 < finished.weights["weight"].max() <= 0.32 + 1e-12  # the cap, and the band around it
    made = {}
    exec(own, made)
    bars = qm.loaders.Sample("indices", start="2018-01-01").load()
    steps = [signals.EqualWeight(), made["Halve"](20)]
    weights = signals.apply_steps(steps, signals.Context(bars)).values
    assert set(np.unique(weights[20:])) == {0.25, 0.5}


def test_the_example_of_sweeps_runs():
    (example,) = re.findall(r"```python\n(.*?)```", SWEEPS, re.DOTALL)
    made = {"__name__": __name__}
    exec(example, made)
    table = made["table"].set_index(["symbol", "entry", "stop"])
    assert len(table) == 12 * len(made["bars"].symbols)
    assert made["returns"].shape == (len(made["bars"]), 3)
    simulated = made["one"].equity.iloc[-1]
    assert table.loc[("^GSPC", 60, 0.1), "final_equity"] == pytest.approx(simulated, rel=1e-12)


def test_the_examples_of_the_simulation_run():
    made = {}
    for example in re.findall(r"```python\n(.*?)```", SIMULATION, re.DOTALL):
        exec(example, made)
    assert 0.0 < made["stopped"].ambiguous
    finished = qm.run(made["study"])
    assert (finished.fills["units"] % 1.0 == 0.0).all()


def test_everything_of_the_simulation_is_listed():
    listed = set(re.findall(r"\w+", SIMULATION))
    declared = {name for name in simulation.__all__ if name[0].isupper()}
    assert declared - {"AverageCross", "NotCompiled", "Simulation"} - listed == set()
    for part in (simulation.Costs, simulation.Execution, simulation.Margin, simulation.Rebalancing):
        assert {field.name for field in fields(part)} - {"minimum_units"} - listed == set()


def test_the_example_of_sensitivity_runs():
    made = {}
    exec(re.findall(r"```python\n(.*?)```", (DOCS / "sensitivity.md").read_text(), re.DOTALL)[0], made)
    assert made["costs"].shape == (4, 3)
    assert made["costs"].loc[1.0, 0] == made["found"].own.sharpe_ratio
    assert made["found"].break_even.multiple > 1.0
    axes = [name for name in made["found"].cells if f"`{name}`" in (DOCS / "sensitivity.md").read_text()]
    assert {"costs", "delay", "capital", "participation", "borrow_bps", "band", "threshold", "filled"} <= set(axes)


def test_the_examples_of_splits_run():
    made = {}
    for example in re.findall(r"```python\n(.*?)```", (DOCS / "splits.md").read_text(), re.DOTALL):
        exec(example, made)
    assert made["search"].n_splits_ == 15


def test_the_example_of_trials_runs():
    made = {}
    exec(re.findall(r"```python\n(.*?)```", (DOCS / "trials.md").read_text(), re.DOTALL)[0], made)
    found = made["found"]
    assert found.returns.shape == (len(found.times), 9)
    assert 0.0 < found.probability < 1.0
    assert f"{found.times[-1]:%Y-%m-%d}" == "2016-12-30"


def test_the_examples_of_tuning_run():
    made = {}
    exec(re.findall(r"```python\n(.*?)```", (DOCS / "tuning.md").read_text(), re.DOTALL)[0], made)
    traded, forecast = (qm.run(made[name]) for name in ("traded", "forecast"))
    assert traded.leaks == forecast.leaks == ()
    assert (traded.candidates.groupby("fold").size() == 15).all()
    assert (forecast.candidates.groupby("fold").size() == 4).all()
    assert (forecast.folds[["in_sample", "out_of_sample"]] < 0.0).all(axis=None)  # errors, turned
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (lower|higher) \|", (DOCS / "tuning.md").read_text(), re.MULTILINE)
    told = {name: better for names, better in rows for name in re.findall(r"\w+", names)}
    assert told == {name: "lower" if part.sign < 0 else "higher" for name, part in FORECAST_SCORES.items()}


def test_the_example_of_ensembles_runs(tmp_path):
    (study,) = re.findall(r"```python\n(.*?)```", ENSEMBLES, re.DOTALL)
    file = tmp_path / "ensemble.py"
    file.write_text(study)
    finished = qm.run(qm.load_study(file))
    assert finished.leaks == ()
    assert (finished.folds["averaged"].str.len() == len("[0, 1]")).all()


def test_the_example_of_the_walk_forward_runs():
    text = (DOCS / "walkforward.md").read_text()
    made = {}
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], made)
    assert len(made["found"].cells) == 4
    assert made["found"].own.run.startswith("study/")
    added = set(made["finished"].folds) - {"fold", "train_first", "train_last", "test_first", "test_last", "candidates"}
    assert {name for name in added if f"`{name}`" not in text} == set()
