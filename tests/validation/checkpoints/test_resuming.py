"""A run that was stopped, at whatever moment and however, goes on from there and writes the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import quantml
from quantml import runs
from quantml.errors import StorageError
from quantml.study_file import load_study
from quantml.validation.workers import Loky
from tests.validation.checkpoints.study import contents, counted_fits, run_at, write_study

ROOT = Path(quantml.__file__).parents[1]
KILLS = 20 if os.environ.get("QUANTML_KILLS") == "full" else 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study's folder, and what a run writes that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    write_study(folder)
    return folder, run_at(folder, folder / "out")


def on(request, kind):
    if kind == "serial":
        return None
    if kind == "loky":
        return Loky(2)
    from quantml.validation.dask import Dask

    return Dask(request.getfixturevalue("cluster").address)


@pytest.mark.parametrize(("first", "then"), [("serial", "loky"), ("loky", "serial"), ("dask", "dask")])
def test_what_is_interrupted_in_one_place_goes_on_in_another(request, whole, tmp_path, first, then):
    folder, written = whole

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    if "dask" in (first, then):
        request.getfixturevalue("cluster")  # skips where Dask is not installed
    with pytest.raises(KeyboardInterrupt):
        runs.run(load_study(folder / "own.py"), out=tmp_path / "cut", progress=stop, executor=on(request, first))
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [".cache"]
    with counted_fits(folder) as fits:
        found = run_at(folder, tmp_path / "on", cache=tmp_path / "cut", executor=on(request, then), resume=True)
    assert found == written
    if then != "dask":  # its workers were started before the count
        assert fits == [10]  # 5 in each of the 2 folds that were not finished


def test_a_fold_that_fails_costs_its_own_work_only(whole, tmp_path):
    folder, written = whole
    path = folder / "own.py"
    text = path.read_text()
    rule = "def halved(weights, context):\n"
    path.write_text(text.replace(rule, rule + "    if len(context.bars) > 250:\n        raise OSError('disk')\n"))
    try:
        with pytest.raises(
            Exception, match=r"fold 2 .*with features\.1\.window=5, signal\.0\.threshold=0\.0: .*OSError: disk"
        ) as failed:
            runs.run(load_study(path), out=tmp_path / "cut")
    finally:
        path.write_text(text)
    assert str(failed.value).endswith("2 of 4 folds failed: 2-3.")
    with counted_fits(folder) as fits:
        assert run_at(folder, tmp_path / "on", cache=tmp_path / "cut") == written
    assert fits == [10]  # those of the two folds that failed


def test_work_that_is_demanded_must_be_there(whole, tmp_path):
    folder, _ = whole
    with pytest.raises(StorageError, match="a study that is resumed must have kept work of its own") as refused:
        runs.run(load_study(folder / "own.py"), out=tmp_path, resume=True)
    assert str(tmp_path / ".cache") in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(quantml.errors.ParameterError, match="a run that is resumed must have its folder"):
        runs.run(load_study(folder / "own.py"), resume=True)


# ----------------------------------------------------------------- whole processes


def command(folder, out, *arguments, seconds="0.1"):
    """Start the command; every fit says so in a file, and takes some time."""
    whole = [sys.executable, "-m", "quantml", "run", str(folder / "own.py"), "--out", str(out), *arguments]
    known = {**os.environ, "PYTHONPATH": str(ROOT), "FITS": str(out.parent / "fits"), "SECONDS": seconds}
    return subprocess.Popen(
        whole, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def begun(running, out, fits=1, limit=120.0):
    """Wait until so many fits have begun."""
    path, began = out.parent / "fits", time.monotonic()
    while not path.exists() or len(path.read_text()) < fits:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() - began < limit
        time.sleep(0.01)


def test_killed_at_any_moment_it_goes_on(whole, tmp_path):
    folder, written = whole
    draws, killed = random.Random(7), 0
    for kill in range(KILLS):
        out = tmp_path / f"{kill // 2}" / "out"  # the second kill meets what the first one left
        out.parent.mkdir(exist_ok=True)
        (out.parent / "fits").unlink(missing_ok=True)
        running = command(folder, out, *(["--workers", "2"] if kill % 4 == 3 else []))
        if draws.random() < 0.9:
            begun(running, out)
        time.sleep(draws.uniform(0.0, 2.5))
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        killed += running.returncode == -signal.SIGKILL
        if kill % 2:
            assert contents(runs.run(load_study(folder / "own.py"), out=out).folder) == written
    assert killed >= KILLS // 2


@pytest.mark.parametrize("where", [[], ["--workers", "2"]])
def test_ctrl_c_says_how_to_go_on(whole, tmp_path, where):
    folder, written = whole
    out = tmp_path / "out"
    running = command(folder, out, *where, seconds="0.3")
    begun(running, out, fits=12)
    os.killpg(running.pid, signal.SIGINT)  # Ctrl-C reaches everyone in the foreground
    said, told = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "")
    assert told == f"stopped: what was finished is kept in {out / '.cache'}, and the same command goes on from there.\n"
    with counted_fits(folder) as fits:
        assert contents(runs.run(load_study(folder / "own.py"), out=out, resume=True).folder) == written
    assert 0 < fits[0] <= 15
