"""Worker processes when the command is stopped: it leaves at once, says nothing, and leaves nobody behind."""

import gc
import os
import signal
import subprocess
import sys
import time

import pytest

from quantml.validation.processes import Processes

STUDY = """
import os, time
from pathlib import Path
from quantml import *
from quantml.features import Returns
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn

class Slow:
    def fit(self, train):
        Path("started", str(os.getpid())).touch()
        time.sleep(60)

    def predict(self, test):
        raise NotImplementedError

study = Study(data=Synthetic(symbols=2, sessions=900), features=[Returns(1)], target=ForwardReturn(3),
              forecaster=Slow(), signal=Sign(), validation=WalkForward(train=100, test=10))
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and SIGTERM are of POSIX systems")


def alive(group):
    """The processes of a group, but for those that died and that nobody has asked about."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,pid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [pid for pgid, pid, state in rows if int(pgid) == group and not state.startswith("Z")]


def files_left(tmp_path):
    """What quantml's own temporary folders still hold."""
    return [str(path) for path in (tmp_path / "temporary").glob("quantml-*/*.pickle")]


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def running(tmp_path, request):
    """The command with its workers at work, at the head of a group of processes as in a terminal."""
    (tmp_path / "slow.py").write_text(STUDY)
    (tmp_path / "started").mkdir()
    (tmp_path / "temporary").mkdir()
    command = [sys.executable, "-m", "quantml", "run", "slow.py", *request.param]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        count = 2 if request.param else 1
        assert wait_until(
            lambda: len(list((tmp_path / "started").iterdir())) == count or process.poll() is not None, 60
        )
        assert process.poll() is None, process.stderr.read()
        yield process
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


ALONE, WORKERS = [], ["--workers", "2"]


@pytest.mark.parametrize("running", [ALONE, WORKERS], indirect=True, ids=["alone", "workers"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_leaves_at_once_without_noise(running, tmp_path, number, code):
    if number == signal.SIGINT:
        os.killpg(running.pid, number)  # Ctrl-C reaches everyone in the foreground
    else:
        running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out.strip(), err.strip()) == (code, "", "")
    assert wait_until(lambda: not alive(running.pid), 5), alive(running.pid)
    assert files_left(tmp_path) == []


@pytest.mark.parametrize("running", [WORKERS], indirect=True)
def test_workers_do_not_outlive_a_command_that_was_killed(running, tmp_path):
    running.kill()
    running.communicate(timeout=20)
    assert wait_until(lambda: not alive(running.pid), 10), alive(running.pid)
    assert files_left(tmp_path) == []


def collections():
    """How often all objects of this process were gone through for garbage."""
    return gc.get_stats()[2]["collections"]


def test_a_worker_does_not_stop_for_garbage_between_two_tasks(tmp_path):
    processes = Processes(1, tmp_path)
    try:
        processes.submit(collections).result()  # what comes after the first task is no pause between two
        before = processes.submit(collections).result()
        time.sleep(1.2)
        found = [processes.submit(collections).result() for _ in range(2)]
    finally:
        processes.shutdown()
    assert found == [before, before]
