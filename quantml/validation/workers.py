"""Where work runs: in this process, in worker processes, or in an executor that the caller brings.

Nothing else in the package knows. A task is a module-level function with picklable arguments; what all tasks share
is published once and travels once per worker.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import cloudpickle
from threadpoolctl import threadpool_limits

from quantml.errors import ParameterError, QuantmlError, RunError, WorkerError
from quantml.source import Bundle

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
RESTARTS: Final = 3


@dataclass(frozen=True)
class Handle:
    """A published object: small to send, read once per process."""

    digest: str
    path: str | None
    data: bytes | None = field(default=None, repr=False)

    def get(self) -> Any:
        """Return the object, from this process's copy if it has one."""
        if self.digest not in _RECEIVED:
            data = self.data if self.path is None else Path(self.path).read_bytes()
            _RECEIVED.clear()  # one shared object at a time: an older one belongs to a finished run
            _RECEIVED[self.digest] = cloudpickle.loads(data)
        return _RECEIVED[self.digest]


_RECEIVED: dict[str, Any] = {}


class Workers(Protocol):
    """The seam for parallel work."""

    def start(self) -> Executor:
        """Start the workers, or start them again after they broke."""

    def publish(self, shared: object) -> Handle:
        """Make an object available to every task."""

    def stop(self, *, kill: bool = False) -> None:
        """Stop the workers; with `kill`, without waiting for their tasks."""


class _Immediate(Executor):
    """Runs each task when it is submitted."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future: Future[Result] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Serial:
    """Work in this process."""

    def start(self) -> Executor:
        """Return an executor that runs each task when it is submitted."""
        return _Immediate()

    def publish(self, shared: object) -> Handle:
        """Keep the object as it is."""
        handle = Handle(f"serial-{id(shared)}", None, b"")
        _RECEIVED.clear()
        _RECEIVED[handle.digest] = shared
        return handle

    def stop(self, *, kill: bool = False) -> None:
        """Let go of the shared object."""
        _RECEIVED.clear()


class Loky:
    """Worker processes on this machine.

    Parameters
    ----------
    count : int
        Number of processes; each computes with one thread.
    """

    def __init__(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ParameterError("workers", must="be a whole number of at least 1", got=count)
        self._count = count
        self._executor: Any = None
        self._folder: Path | None = None

    def start(self) -> Executor:
        """Start the processes."""
        from joblib.externals.loky import ProcessPoolExecutor

        self._executor = ProcessPoolExecutor(max_workers=self._count)
        executor: Executor = self._executor
        return executor

    def publish(self, shared: object) -> Handle:
        """Write the object to a temporary file, which each process reads once."""
        data = cloudpickle.dumps(shared)
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="quantml-"))
        handle = Handle(hashlib.sha256(data).hexdigest(), str(self._folder / "shared.pickle"))
        Path(str(handle.path)).write_bytes(data)
        return handle

    def stop(self, *, kill: bool = False) -> None:
        """Stop the processes and remove the temporary file."""
        if self._executor is not None:
            self._executor.shutdown(wait=not kill, kill_workers=kill)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class Borrowed:
    """An executor that the caller brings and stops; a broken one is not restarted."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._started = False

    def start(self) -> Executor:
        """Return the caller's executor."""
        if self._started:
            raise WorkerError("the given executor broke", hint="Bring a new one, or use workers, which are restarted.")
        self._started = True
        return self._executor

    def publish(self, shared: object) -> Handle:
        """Send the object along with every task."""
        data = cloudpickle.dumps(shared)
        return Handle(hashlib.sha256(data).hexdigest(), None, data)

    def stop(self, *, kill: bool = False) -> None:
        """Leave the executor to its owner."""


def as_workers(executor: Workers | Executor | None) -> Workers:
    """Read what a caller gave as `executor`: nothing, workers, or a bare executor."""
    if executor is None:
        return Serial()
    return Borrowed(executor) if isinstance(executor, Executor) else executor


@dataclass(frozen=True)
class Failure:
    """A task that failed, sent back as data so that the other tasks finish."""

    error: QuantmlError


def run_tasks(
    workers: Workers,
    function: Callable[[Any, Any], Result],
    shared: object,
    tasks: Sequence[Any],
    *,
    bundle: Bundle | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Run ``function(shared, task)`` for every task and return the results in the order of `tasks`.

    Raises
    ------
    QuantmlError
        The first failed task's error, after the others have finished.
    WorkerError
        If worker processes died more than three times.
    """
    handle = workers.publish(shared)
    done: dict[int, Result | Failure] = {}
    for _ in range(RESTARTS + 1):
        try:
            _submit_missing(workers.start(), function, handle, tasks, bundle, done, progress)
        except BrokenProcessPool:
            continue
        break
    else:
        raise WorkerError(f"worker processes died {RESTARTS + 1} times", hint="Use fewer workers, or look at memory.")
    failures = [part for part in (done[i] for i in range(len(tasks))) if isinstance(part, Failure)]
    if failures:
        raise failures[0].error
    return [part for part in (done[i] for i in range(len(tasks))) if not isinstance(part, Failure)]


def _submit_missing(
    executor: Executor,
    function: Callable[[Any, Any], Result],
    handle: Handle,
    tasks: Sequence[Any],
    bundle: Bundle | None,
    done: dict[int, Result | Failure],
    progress: Progress | None,
) -> None:
    futures = {}
    for i, task in enumerate(tasks):
        if i not in done:
            futures[i] = executor.submit(_attempt, function, handle, task, bundle)
            if progress is not None:
                futures[i].add_done_callback(lambda _: progress(sum(f.done() for f in futures.values()), len(tasks)))
    for i, future in futures.items():
        done[i] = future.result()


def _attempt(
    function: Callable[[Any, Any], Result], handle: Handle, task: Any, bundle: Bundle | None
) -> Result | Failure:
    if bundle is not None:
        bundle.register()
    try:
        with threadpool_limits(1):
            return function(handle.get(), task)
    except QuantmlError as error:
        return Failure(error)
    except Exception as error:  # noqa: BLE001 - a worker's failure travels as data, with its cause named
        return Failure(RunError(f"{task}: {type(error).__name__}: {error}"))
