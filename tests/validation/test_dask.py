"""Dask: the same bytes on a real cluster, what is shared travels once per worker, and what dies is made up for."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import quantml as qm
from quantml.errors import ParameterError, WorkerError
from quantml.study_file import load_study
from quantml.validation.workers import Loky, run_tasks

pytest.importorskip("distributed", reason="the extra dask is not installed")
from benchmarks._cluster import REPOSITORY, Cluster, wait_until
from benchmarks._relay import Relay
from quantml.validation.dask import Dask, Parcel

STUDY = '''
"""A class of the file's own, a neighbour's constant, and a fit that says where it runs."""
import os, time
from dataclasses import dataclass
from pathlib import Path
from quantml import *
from quantml.features import Momentum
from quantml.forecasters import LightGBM, RowForecast
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from neighbour import SCALE

@dataclass(frozen=True)
class Slow:
    inner: LightGBM

    def fit(self, train):
        if "STARTED" in os.environ:
            Path(os.environ["STARTED"], str(os.getpid())).touch()
        time.sleep(float(os.environ.get("SECONDS", "0")))
        return Slow.Fitted(self.inner.fit(train))

    @dataclass(frozen=True)
    class Fitted:
        inner: object

        def predict(self, test):
            return RowForecast(mean=self.inner.predict(test).mean * SCALE)

study = Study(data=Synthetic(symbols=2, sessions=350, seed=1), features=[Momentum(Choice(5, 21))],
              target=ForwardReturn(3), forecaster=Slow(LightGBM(n_estimators=5, num_leaves=4)),
              signal=Sign(), validation=WalkForward(train=150, test=50), tuning=Tuning("sharpe_ratio", folds=2))
'''


def write_study(folder):
    (folder / "neighbour.py").write_text("SCALE = 2.0\n")
    (folder / "own.py").write_text(STUDY)
    return folder / "own.py"


def contents(folder):
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    del found["timing.json"]
    return found


def command(folder, *arguments, **environment):
    whole = [sys.executable, "-m", "quantml", "run", str(folder / "own.py"), "--out", str(folder / "out"), *arguments]
    known = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.Popen(
        whole, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


IMPATIENT = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}

# ----------------------------------------------------------------- the same bytes


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    found = contents(qm.run(load_study(write_study(folder)), out=folder).folder)
    assert len(found) >= 12
    return found


@pytest.mark.parametrize("kind", ["loky", "dask"])
def test_two_processes_write_the_same_bytes_as_one(cluster, serial, tmp_path, kind):
    workers = Loky(2) if kind == "loky" else Dask(cluster.address)
    study = load_study(write_study(tmp_path))
    assert contents(qm.run(study, executor=workers, out=tmp_path).folder) == serial


# ----------------------------------------------------------------- what dies


@pytest.fixture
def own_cluster(tmp_path):
    (tmp_path / "started").mkdir()
    (tmp_path / "cluster").mkdir()
    environment = {"STARTED": str(tmp_path / "started"), "SECONDS": "0.05"}
    with Cluster(tmp_path / "cluster", environment) as running:
        yield running.start()


def at_work(tmp_path, running, count):
    started = tmp_path / "started"
    wait_until(lambda: len(list(started.iterdir())) == count or running.poll() is not None, what="for workers at work")
    assert running.poll() is None, running.communicate()


def test_a_worker_killed_in_the_middle_changes_no_byte(own_cluster, serial, tmp_path):
    first, _ = own_cluster.add_worker(), own_cluster.add_worker()
    own_cluster.wait_for_workers(2)
    write_study(tmp_path)
    running = command(tmp_path, "--dask", own_cluster.address, "--json")
    at_work(tmp_path, running, 2)
    own_cluster.kill(first)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err, out.count("\n")) == (0, "", 1)
    (written,) = (tmp_path / "out" / "own").iterdir()
    assert contents(written) == serial


def test_a_new_worker_makes_up_for_the_only_one(own_cluster):
    first = own_cluster.add_worker()
    workers = Dask(own_cluster.address)

    def replace_it(done, total):
        if done == 1:
            own_cluster.kill(first)
            own_cluster.add_worker()

    assert run_tasks(workers, add, 10, range(50), progress=replace_it) == list(range(10, 60))
    workers.stop()


def test_a_scheduler_that_dies_is_one_error(own_cluster, tmp_path):
    own_cluster.add_worker()
    write_study(tmp_path)
    running = command(tmp_path, "--dask", own_cluster.address, **IMPATIENT)
    at_work(tmp_path, running, 1)
    own_cluster.kill(own_cluster.scheduler)
    out, err = running.communicate(timeout=40)
    assert (running.returncode, out) == (1, "")
    assert err.count("\n") == 1, err
    assert f"the Dask cluster at {own_cluster.address} is gone" in err


def test_a_stopped_command_leaves_at_once_and_the_cluster_usable(own_cluster, tmp_path):
    own_cluster.add_worker()
    write_study(tmp_path)
    running = command(tmp_path, "--dask", own_cluster.address)
    at_work(tmp_path, running, 1)
    os.killpg(running.pid, signal.SIGINT)  # Ctrl-C reaches everyone in the foreground
    out, err = running.communicate(timeout=10)
    assert (running.returncode, out) == (130, "")
    assert err == "" or err.startswith("stopped: what was finished is kept in ")
    workers = Dask(own_cluster.address)
    assert run_tasks(workers, add, 1, [1, 2]) == [2, 3]
    workers.stop()


def test_what_waits_is_not_done_when_the_caller_stops(cluster, tmp_path):
    workers = Dask(cluster.address)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tasks(workers, touch, str(tmp_path), range(30), progress=stop)
    workers.stop(kill=True)
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 8  # the first and what was running; all would be done in 1.5 s
    assert run_tasks(workers, add, 1, [1, 2]) == [2, 3]
    workers.stop()


def touch(shared, task):
    time.sleep(0.1)
    Path(shared, str(task)).touch()


def add(shared, task):
    return shared + task


# ----------------------------------------------------------------- what travels


def total(shared, task):
    time.sleep(0.1)  # so that the run goes on for longer than Dask waits until it tidies up
    return float(shared["panel"].sum()) + task, shared["panel"].flags.writeable, shared["panel"].ctypes.data % 16


def test_what_tasks_share_travels_once_to_the_cluster_and_once_to_each_worker(own_cluster):
    panel = np.ones(2_000_000)  # 16 MB
    panel.flags.writeable = False
    address, tasks = own_cluster.address, 40
    with Relay(address) as front, Relay(address) as back, Relay() as one, Relay() as two:
        own_cluster.add_worker_behind(one, back), own_cluster.add_worker_behind(two, back)
        own_cluster.wait_for_workers(2)
        workers = Dask(front.address)
        results = run_tasks(workers, total, {"odd": b"x", "panel": panel}, range(tasks))
        workers.stop()
    assert results == [(2_000_000.0 + task, False, 0) for task in range(tasks)]
    panels = [relay.sent / panel.nbytes for relay in (front, back)]
    assert 1.0 <= panels[0] < 1.1
    assert panels[1] + (front.received + back.received) / panel.nbytes < 0.1
    assert 2.0 <= sum(relay.sent + relay.received for relay in (one, two)) / panel.nbytes < 2.1


def test_a_parcel_holds_its_arrays_once_and_aligned():
    array = np.arange(10.0)
    parcel = Parcel.of({"a": array})
    packed, buffers = parcel.__reduce__()[1][1], [memoryview(parcel.__reduce__()[1][2][0])]
    odd = memoryview(bytearray(b"x" + bytes(buffers[0])))[1:]
    for arrays in (buffers, [odd]):
        found = Parcel("key", packed, arrays).content["a"]
        assert np.array_equal(found, array)
        assert found.ctypes.data % 16 == 0
    assert np.shares_memory(Parcel("key", packed, buffers).content["a"], array)
    assert sys.getsizeof(parcel) >= array.nbytes


# ----------------------------------------------------------------- what is refused


def test_a_missing_extra_is_named(tmp_path):
    code = "import sys; sys.modules['distributed'] = None; import quantml.cli as c; c.main()"
    write_study(tmp_path)
    whole = [sys.executable, "-c", code, "run", str(tmp_path / "own.py"), "--dask", "tcp://127.0.0.1:1"]
    done = subprocess.run(whole, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: distributed is not installed. Install it with: pip install 'quantml[dask]'.\n"


@pytest.fixture
def silent():
    with socket.socket() as open_port:
        open_port.bind(("127.0.0.1", 0))
        open_port.listen()
        yield f"tcp://127.0.0.1:{open_port.getsockname()[1]}"


def test_an_address_where_nobody_speaks_is_refused_in_time(silent):
    began = time.monotonic()
    with pytest.raises(ParameterError, match="Dask.address must be the address of a scheduler that answers"):
        Dask(silent, timeout=0.5)
    assert time.monotonic() - began < 5.0


def test_the_command_refuses_a_closed_port_in_one_line(tmp_path, silent):
    write_study(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        running = command(tmp_path, "--dask", address, **IMPATIENT)
        out, err = running.communicate(timeout=40)
    assert (running.returncode, out, err.count("\n")) == (2, "", 1)
    assert f"error: Dask.address must be the address of a scheduler that answers; got '{address}'" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["", "localhost", "tpc://127.0.0.1:1", "tcp://127.0.0.1:port", "tls://127.0.0.1:1"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ParameterError, match="Dask.address must be an address such as tcp://127.0.0.1:8786; got"):
        Dask(address, timeout=1.0)


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), "1s"])
def test_a_strange_timeout_is_refused(timeout):
    with pytest.raises(ParameterError, match=r"Dask\.timeout must be"):
        Dask("tcp://127.0.0.1:1", timeout=timeout)


def test_workers_and_dask_exclude_each_other(tmp_path):
    write_study(tmp_path)
    running = command(tmp_path, "--workers", "2", "--dask", "tcp://127.0.0.1:1")
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (
        2,
        "error: --workers and --dask must not be given together; got '2 and tcp://127.0.0.1:1'.\n",
    )


def test_a_cluster_that_computes_otherwise_is_refused(own_cluster, tmp_path):
    with pytest.raises(ParameterError, match=r"the Dask scheduler at .* must have workers; got 'none'"):
        Dask(own_cluster.address, timeout=0.3)
    threads = own_cluster.add_worker("--nthreads", "2")
    with pytest.raises(ParameterError, match=r"each Dask worker must have one thread; got 2 \(tcp:.*--nworkers 2"):
        Dask(own_cluster.address, timeout=20.0)
    own_cluster.kill(threads)
    own_cluster.wait_for_workers(0)
    fake = tmp_path / "fake" / "numpy-9.9.9.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9.9\n")
    own_cluster.add_worker(PYTHONPATH=f"{fake.parent}{os.pathsep}{REPOSITORY}")
    here = np.__version__
    with pytest.raises(
        ParameterError,
        match=rf"the Dask worker tcp:.* must have what this process has: numpy {here}; got 'numpy 9.9.9'",
    ):
        Dask(own_cluster.address, timeout=20.0)


def test_a_worker_that_joins_later_is_looked_at_too(own_cluster):
    own_cluster.add_worker()
    workers = Dask(own_cluster.address, timeout=20.0)
    own_cluster.add_worker("--nthreads", "2")

    def seen(done, _):
        own_cluster.wait_for_workers(2)

    with pytest.raises(ParameterError, match="each Dask worker must have one thread"):
        run_tasks(workers, pause, None, range(80), progress=seen)
    workers.stop()


def pause(shared, task):
    time.sleep(0.2)


def die(shared, task):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_kills_its_workers_is_given_up(tmp_path):
    with Cluster(tmp_path, {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}) as fragile:
        fragile.start()
        processes = [fragile.add_worker() for _ in range(2)]
        fragile.wait_for_workers(2)
        workers = Dask(fragile.address, timeout=0.5)
        with pytest.raises(
            WorkerError, match="^task 0: Dask gave up one of the tasks: worker after worker died while it ran"
        ):
            run_tasks(workers, die, None, [0])
        for process in processes:
            fragile.kill(process)
        with pytest.raises(WorkerError, match=r"the Dask cluster at .* is gone \(it has no workers\)"):
            run_tasks(workers, add, 0, [0])
        workers.stop()


def test_what_leaves_the_machine_unencrypted_is_warned_of(cluster, tmp_path, caplog):
    from distributed.utils import get_ip

    caplog.set_level(logging.WARNING, "quantml.validation.dask")
    Dask(cluster.address)
    assert caplog.messages == []
    if get_ip().startswith("127."):
        pytest.skip("this machine has no other address")
    with Cluster(tmp_path) as outside:
        Dask(outside.start(1, host=get_ip()).address)
        assert caplog.messages == [f"what goes to {outside.address} can be read and changed on its way; use tls://"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not there")
def test_certificates_come_from_the_configuration_of_dask(tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=test",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run(made, check=True, capture_output=True)
    environment = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": certificate}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        environment[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = key
        environment[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = certificate
    with Cluster(tmp_path, environment) as secured:
        secured.start(protocol="tls").add_worker()
        assert secured.address.startswith("tls://")
        code = "import operator, sys; from quantml.validation import dask, workers; w = dask.Dask(sys.argv[1])\n"
        code += "print(workers.run_tasks(w, operator.add, 1, [2, 3])); w.stop()"
        known = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
        whole = [sys.executable, "-c", code, secured.address]
        done = subprocess.run(whole, env=known, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[3, 4]\n", "")
