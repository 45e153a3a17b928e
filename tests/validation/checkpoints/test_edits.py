"""An edit anywhere is never answered by what was kept before it, and what it does not touch is not made again."""

import importlib

import pytest

from tests.validation.checkpoints.study import counted_fits, edit, run_at, write_study

ALL = 4 * (2 * 2 + 1)
"""Fits of a whole run: in each of 4 folds, 2 windows on 2 inner folds, and the test block."""
EDITS = {
    "a constant that a feature reads": ("own.py", "LAG = 3", "LAG = 4", ALL),
    "a constant of the neighbour": ("neighbour.py", "FACTOR = 2.0", "FACTOR = 2.5", ALL),
    "a function that the neighbour calls": ("neighbour.py", "frame + 0.001", "frame + 0.002", ALL),
    "a parameter of the forecaster": ("own.py", "penalty=0.5", "penalty=0.75", ALL),
    "the code of the fitted forecaster": ("own.py", "mean=(np", "mean=1.5 * (np", ALL),
    "one price": ("prices.csv", "2015-03-02,", "2015-03-02,1", ALL),
    "one outside value": ("rates.csv", "2015-03-02,0.0", "2015-03-02,0.1", ALL),
    "the seed": ("own.py", "seed=1)", "seed=2)", ALL),
    "the training length": ("own.py", "train=150", "train=155", ALL),
    "the target": ("own.py", "ForwardReturn(3)", "ForwardReturn(2)", ALL),
    "sample weights": ("own.py", "costs=", "sample_weight=ExponentialDecay(half_life=50), costs=", ALL),
    "a number of inner folds": ("own.py", "folds=2", "folds=1", 4 * 2),
    "a further candidate": ("own.py", "Choice(5, 21)", "Choice(5, 21, 10)", 4 * 2),
    "the rule": ("own.py", "weights.frame * 0.5", "weights.frame * 0.4", 0),
    "a parameter of the rule": ("own.py", "Choice(0.0, 0.0005)", "Choice(0.0, 0.001)", 0),
    "the costs": ("own.py", "commission_bps=1.0", "commission_bps=9.0", 0),
    "the objective": ("own.py", '"sharpe_ratio"', '"sortino_ratio"', 0),
    "what cash earns": ("own.py", "seed=1)", "seed=1, cash=0.3)", 0),
    "nothing but a comment": ("own.py", "LAG = 3", "LAG = 3  # bars", 0),
}
"""What is edited, and how many fits are made again at most; those of a new choice in a test block may come on top."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    write_study(folder)
    with counted_fits(folder) as fits:
        written = run_at(folder, folder / "out")
    assert fits == [ALL]
    return folder, written


@pytest.fixture
def copied(kept, tmp_path):
    """The study at its own place again, whatever an earlier test has edited there."""
    write_study(kept[0])
    return kept[0]


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_study_is_run_as_if_nothing_were_kept(copied, kept, tmp_path, name):
    file, old, new, least = EDITS[name]
    edit(copied, file, old, new)
    with counted_fits(copied) as fits:
        found = run_at(copied, tmp_path / "again", cache=copied / "out")
    assert found == run_at(copied, tmp_path / "anew")
    if name != "nothing but a comment":
        assert found["candidates.parquet"] != kept[1]["candidates.parquet"]
    assert least <= fits[0] <= least + (4 if least < ALL else 0)


def test_the_same_study_makes_nothing_again(copied, kept, tmp_path):
    with counted_fits(copied) as fits:
        assert run_at(copied, tmp_path, cache=copied / "out") == kept[1]
    assert fits == [0]


@pytest.mark.parametrize("reading", ["versions", "package_digest", "installed_packages", "processor"])
def test_other_software_or_another_processor_makes_everything_anew(copied, tmp_path, monkeypatch, reading):
    keys = importlib.import_module("quantml.validation.checkpoints.keys")
    was = getattr(keys, reading)()
    now = {**was, "numpy": "0"} if isinstance(was, dict) else [*was, "x 1"] if isinstance(was, list) else "0" * 64
    monkeypatch.setattr(keys, reading, lambda: now)
    with counted_fits(copied) as fits:
        run_at(copied, tmp_path, cache=copied / "out")
    assert fits == [ALL]
