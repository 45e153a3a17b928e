"""A tuned study on one, two and four Dask worker processes: time, bytes moved, memory of each worker.

``python -m benchmarks.scaling [--small]``; names Dask where it is not installed, and leaves everything out.

The study tunes LightGBM on simulated prices, and every run writes the same bytes, which is checked. Its walk-forward
is timed as `quantml run --dask` says in `timing.json`, on workers that have run it once. What two cores of this machine
can give, beside whatever else runs on it, is told by two serial runs at once: the time of both, halved. Bytes are
counted by relays that stand before the scheduler and before each worker, in runs that are not timed. Memory is the
peak of a worker's process: before the first run, and what the run adds, the libraries that it loads included
(``--small`` has next to no data, and so tells what these are). Last comes what a task costs that does nothing.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._cluster import REPOSITORY, Cluster
from benchmarks._relay import Relay
from benchmarks._report import interleaved, show

STUDY = '''"""LightGBM on simulated prices, tuned inside every fold."""
from quantml import Choice, Study, Tuning, WalkForward
from quantml.features import Momentum, RealisedVolatility, Returns, RSI
from quantml.forecasters import LightGBM
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn

study = Study(
    data=Synthetic(symbols={symbols}, sessions={sessions}, seed=1),
    features=[Returns(1), Returns(5), Momentum(21), Momentum(63), RealisedVolatility(21), RSI(14)],
    target=ForwardReturn(horizon=5),
    forecaster=LightGBM(n_estimators={trees}, num_leaves=Choice(7, 15)),
    signal=Sign(),
    validation=WalkForward(train=500, test=125),
    tuning=Tuning("sharpe_ratio", folds=2),
)
'''
MEGABYTE = 1e6
EMPTY_TASKS = 500


@dataclass(frozen=True)
class Size:
    """A panel, and how often it is timed."""

    symbols: int
    sessions: int
    repeats: int
    workers: tuple[int, ...]
    trees: int

    @property
    def cells(self) -> int:
        """Symbols times days."""
        return self.symbols * self.sessions


FULL, SMALL = Size(50, 2500, 5, (1, 2, 4), 100), Size(2, 900, 1, (2,), 5)


def run(folder: Path, *arguments: str, out: str = "out") -> dict[str, Any]:
    """Run the study by the command, into an empty folder, and return what it wrote of its times, and its files."""
    place = folder / out
    shutil.rmtree(place, ignore_errors=True)
    command = [sys.executable, "-m", "quantml", "run", str(folder / "scaled.py"), "--out", str(place), *arguments]
    known = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, check=True, cwd=folder, env=known, stdout=subprocess.DEVNULL)
    (written,) = (place / "scaled").iterdir()
    files = {path.name: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    return {**json.loads(files.pop("timing.json")), "files": files}


@contextlib.contextmanager
def workers(folder: Path, count: int) -> Iterator[tuple[Cluster, list[int]]]:
    """Start a scheduler with worker processes, and name the processes."""
    home = folder / f"cluster-{count}"
    home.mkdir(exist_ok=True)
    with Cluster(home) as cluster:
        cluster.start()
        processes = [cluster.add_worker() for _ in range(count)]
        cluster.wait_for_workers(count)
        yield cluster, [process.pid for process in processes]


def peak(process: int) -> float:
    """Return the peak resident memory of a process, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return 1024.0 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def times(folder: Path, size: Size) -> tuple[dict[str, list[float]], bool]:
    """Time the walk-forward serially and on each number of workers, in turns; also whether all wrote the same."""
    written = []

    def timed(*chosen: str) -> float:
        finished = run(folder, *chosen)
        written.append(finished["files"])
        return float(finished["walk_forward"])

    def two_at_once() -> float:
        with ThreadPoolExecutor(2) as both:
            return sum(both.map(lambda name: float(run(folder, out=name)["walk_forward"]), ("first", "second"))) / 4.0

    with contextlib.ExitStack() as clusters:
        places = {n: clusters.enter_context(workers(folder, n))[0].address for n in size.workers}
        tasks: dict[str, Callable[[], float]] = {"serial": timed, "two serial runs at once, each": two_at_once}
        tasks |= {f"workers: {n}": partial(timed, "--dask", address) for n, address in places.items()}
        measured = interleaved(tasks, repeats=size.repeats)
    return measured, all(files == written[0] for files in written)


def memory(folder: Path, count: int) -> dict[str, float]:
    """Measure what the run adds to the peak of each worker's memory."""
    from quantml.validation.dask import Dask

    with workers(folder, count) as (cluster, processes):
        Dask(cluster.address)  # quantml is imported there then
        before = [peak(process) for process in processes]
        run(folder, "--dask", cluster.address)
        added = [peak(process) - start for process, start in zip(processes, before, strict=True)]
    return {"before": statistics.mean(before), "added": max(added)}


def moved(folder: Path, count: int) -> dict[str, float]:
    """Count the bytes of one run between the caller, the scheduler and the workers."""
    home = folder / f"counted-{count}"
    home.mkdir()
    with Cluster(home) as cluster, contextlib.ExitStack() as relays:
        cluster.start()
        front, back = (relays.enter_context(Relay(cluster.address)) for _ in range(2))
        doors = [relays.enter_context(Relay()) for _ in range(count)]
        for door in doors:
            cluster.add_worker_behind(door, back)
        cluster.wait_for_workers(count)
        run(folder, "--dask", front.address)
    return {
        "to the cluster": front.sent,
        "from the cluster": front.received,
        "into and between workers": sum(door.sent + door.received for door in doors),
        "workers and scheduler, messages": back.sent + back.received,
    }


def empty_tasks(folder: Path) -> float:
    """Time a task that does nothing, on two workers, in seconds."""
    from quantml.validation.dask import Dask
    from quantml.validation.workers import run_tasks

    with workers(folder, 2) as (cluster, _):
        place = Dask(cluster.address)
        run_tasks(place, max, 0, range(10))
        began = time.perf_counter()
        run_tasks(place, max, 0, range(EMPTY_TASKS))
        spent = time.perf_counter() - began
        place.stop()
    return spent / EMPTY_TASKS


def main() -> None:
    """Measure and print."""
    if importlib.util.find_spec("distributed") is None:
        print("Dask is not installed: pip install 'quantml[dask]'")
        print(json.dumps({"benchmark": "scaling", "machine": {}, "ratios": {}, "missing": ["distributed"]}))
        return
    size = SMALL if "--small" in sys.argv else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scaled.py").write_text(STUDY.format(symbols=size.symbols, sessions=size.sessions, trees=size.trees))
        measured, agree = times(folder, size)
        held = {count: memory(folder, count) for count in size.workers}
        counted = {count: moved(folder, count) for count in size.workers}
        empty = empty_tasks(folder)
    print(f"{size.symbols} symbols x {size.sessions} days = {size.cells} cells, on {os.cpu_count()} cores")
    for count in size.workers:
        bytes_moved = ", ".join(f"{what} {value / MEGABYTE:.2f} MB" for what, value in counted[count].items())
        added = f"memory {held[count]['before'] / MEGABYTE:.0f} MB + {held[count]['added'] / MEGABYTE:.0f} MB"
        print(f"  {count} workers: {bytes_moved}; {added} each")
    print(f"  a task that does nothing: {1000 * empty:.2f} ms")
    show(
        "scaling", measured, unit="s", against="serial", memory={str(c): v for c, v in held.items()},
        bytes={str(c): v for c, v in counted.items()}, empty_task_seconds=empty, agree={"same bytes": agree},
        cells=size.cells, cores=os.cpu_count(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
