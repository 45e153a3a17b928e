"""Where work runs: in this process, in worker processes, or in an executor that the caller brings.

Nothing else in the package knows. A task is a module-level function with picklable arguments; what all tasks share
is published once and travels once per worker.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

import cloudpickle

from quantml.errors import InputError, QuantmlError, RunError, WorkerError, check_whole
from quantml.interrupts import uninterrupted
from quantml.source import Bundle
from quantml.validation.pickling import pickled
from quantml.validation.processes import Processes
from quantml.validation.threads import single_threaded

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
RESTARTS: Final = 3
SENT: Final = "what is sent to workers"


# ----------------------------------------------------------------- what tasks share


class Handle(Protocol):
    """A published object as tasks carry it, and how their results travel back."""

    def get(self) -> Any:
        """Return the object, in whatever process this is called."""

    def pack(self, result: Any) -> Any:
        """Make a task's result ready for its way back."""

    def unpack(self, packed: Any) -> Any:
        """Return the result that was packed."""


@dataclass(frozen=True)
class Kept:
    """An object that never leaves its process."""

    shared: Any = field(repr=False)

    def get(self) -> Any:
        """Return the object."""
        return self.shared

    def pack(self, result: Any) -> Any:
        """Return the result as it is."""
        return result

    def unpack(self, packed: Any) -> Any:
        """Return the result as it is."""
        return packed


class Returned:
    """How results come back from another process: pickled by value, for they may hold a study's own classes."""

    def pack(self, result: Any) -> Any:
        """Pickle the result."""
        return pickled(result, "what it returns")

    def unpack(self, packed: Any) -> Any:
        """Read the pickled result."""
        return cloudpickle.loads(packed)


@dataclass(frozen=True)
class Sent(Returned):
    """An object that is pickled: small to send where it lies in a file, read once per process."""

    key: str
    path: str | None = None
    data: bytes | None = field(default=None, repr=False)

    def get(self) -> Any:
        """Return the object, from this process's copy if it has one."""
        if self.key in _PUBLISHED:
            return _PUBLISHED[self.key]
        for key, received in _RECEIVED:
            if key == self.key:
                return received
        shared = cloudpickle.loads(self.data if self.path is None else Path(self.path).read_bytes())
        _RECEIVED[:] = [(self.key, shared)]
        return shared


_PUBLISHED: Final[dict[str, Any]] = {}
"""What this process has published and not yet stopped, for tasks that run in its own threads."""
_RECEIVED: Final[list[tuple[str, Any]]] = []
"""The one object that this process received last: an older one belongs to a finished run."""


# ----------------------------------------------------------------- where tasks run


class Workers(Protocol):
    """The seam for parallel work."""

    def start(self) -> Executor:
        """Start the workers, or start them again after they broke."""

    def publish(self, shared: object) -> Handle:
        """Make an object available to every task."""

    def stop(self, *, kill: bool = False) -> None:
        """Stop the workers; with `kill`, without waiting for their tasks. They may be started again."""


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
        return Kept(shared)

    def stop(self, *, kill: bool = False) -> None:
        """Do nothing: no worker and no object is left."""


class Loky:
    """Worker processes on this machine, for one run at a time.

    They ignore Ctrl-C, which is for the calling process to answer, and do not outlive it.

    Parameters
    ----------
    count : int
        Number of processes; each computes with one thread.
    """

    def __init__(self, count: int) -> None:
        self._count = check_whole("workers", count, least=1)
        self._processes: Processes | None = None
        self._folder: Path | None = None

    def start(self) -> Executor:
        """Start the processes."""
        self._end(kill=True)
        with uninterrupted():
            self._processes = Processes(self._count, self._shared_folder())
        return self._processes

    def publish(self, shared: object) -> Handle:
        """Write the object to a temporary file, which each process reads once."""
        key = uuid4().hex
        path = self._shared_folder() / f"{key}.pickle"
        path.write_bytes(pickled(shared, SENT))
        return Sent(key, path=str(path))

    def stop(self, *, kill: bool = False) -> None:
        """Stop the processes and remove the temporary files."""
        self._end(kill=kill)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _shared_folder(self) -> Path:
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="quantml-"))
        return self._folder

    def _end(self, *, kill: bool) -> None:
        processes, self._processes = self._processes, None
        if processes is not None and kill:
            processes.kill()
        elif processes is not None:
            processes.shutdown()


class Borrowed:
    """An executor that the caller brings and stops; a broken one is not restarted."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._started = False
        self._keys: list[str] = []

    def start(self) -> Executor:
        """Return the caller's executor."""
        if self._started:
            raise WorkerError("the given executor broke", hint="Bring a new one, or use workers, which are restarted.")
        self._started = True
        return self._executor

    def publish(self, shared: object) -> Handle:
        """Send the object along with every task; threads of this process use it as it is."""
        handle = Sent(uuid4().hex, data=pickled(shared, SENT))
        _PUBLISHED[handle.key] = shared
        self._keys.append(handle.key)
        return handle

    def stop(self, *, kill: bool = False) -> None:
        """Leave the executor to its owner; tasks that it already runs come to their own end."""
        self._started = False
        while self._keys:
            _PUBLISHED.pop(self._keys.pop(), None)


def as_workers(executor: Workers | Executor | None) -> Workers:
    """Read what a caller gave as `executor`: nothing, workers, or a bare executor."""
    if executor is None:
        return Serial()
    return Borrowed(executor) if isinstance(executor, Executor) else executor


# ----------------------------------------------------------------- running tasks


@dataclass(frozen=True)
class Failure:
    """A task that failed, sent back as data."""

    error: QuantmlError


def run_tasks(
    workers: Workers,
    function: Callable[[Any, Any], Result],
    shared: object,
    tasks: Sequence[Any],
    *,
    bundle: Bundle | None = None,
    progress: Progress | None = None,
    take: Callable[[int, Any], Any] | None = None,
    called: str = "task",
) -> list[Any]:
    """Run ``function(shared, task)`` for every task and return the results in the order of `tasks`.

    A task that fails does not keep the others from finishing.

    Parameters
    ----------
    workers : Workers
        Where; stopping them is left to the caller.
    function : callable
        Of a module, so that it pickles by name.
    shared : object
        What every task is given.
    tasks : sequence
        Each is asked for just before it is sent, and again if its worker dies.
    bundle : Bundle, optional
        Source of the study, registered in every process before anything else is read.
    progress : callable, optional
        Called in this thread with the number of tasks done, which only grows, and their number in all.
    take : callable, optional
        Called in this thread with the number of a task and its result, as soon as it is there; what it returns is the
        result from then on.
    called : str
        What a task is, for errors.

    Raises
    ------
    QuantmlError
        Once all tasks are done, the error of the first one, in their order, that failed: the same wherever the tasks
        ran. Where others failed too, it says how many, and which.
    WorkerError
        If worker processes died more than three times.
    """
    handle = workers.publish(shared)
    results = _Results(handle, len(tasks), called, progress, take)
    for _ in range(RESTARTS + 1):
        try:
            _run_missing(
                workers.start(), lambda number: (function, handle, f"{called} {number}", tasks[number], bundle), results
            )
        except BrokenExecutor:
            continue
        return results.in_order()
    hint = "Look at memory, and at code that ends its process; or use fewer workers."
    raise WorkerError(f"worker processes died {RESTARTS + 1} times", where=results.suspected, hint=hint)


class _Results:
    """What came back so far."""

    def __init__(
        self, handle: Handle, total: int, called: str,
        progress: Progress | None, take: Callable[[int, Any], Any] | None,
    ) -> None:  # fmt: skip
        self.called = called
        self._handle, self._total, self._progress, self._take = handle, total, progress, take
        self._done: dict[int, Any] = {}
        self._suspects: set[int] = set()

    def add(self, number: int, packed: Any) -> None:
        """Take in the result of a task."""
        result = self._handle.unpack(packed)
        failed = isinstance(result, Failure) or self._take is None
        self._done[number] = result if failed else self._take(number, result)  # type: ignore[misc]
        if self._progress is not None:
            self._progress(len(self._done), self._total)

    def missing(self) -> list[int]:
        """Number the tasks that are still needed."""
        return [number for number in range(self._total) if number not in self._done]

    def lose(self, numbers: Sequence[int]) -> None:
        """Note which tasks were under way when workers died: the one to blame is among them each time."""
        self._suspects = self._suspects & set(numbers) or set(numbers)

    @property
    def suspected(self) -> str:
        """Which tasks were under way whenever workers died."""
        return f"each time under way: {self.called}s {_listed(sorted(self._suspects))}" if self._suspects else ""

    def in_order(self) -> list[Any]:
        """Return the results, or raise the first failure, telling of the others."""
        results = [self._done[number] for number in range(self._total)]
        failed = [number for number, result in enumerate(results) if isinstance(result, Failure)]
        if not failed:
            return results
        error: QuantmlError = results[failed[0]].error
        if len(failed) == 1:
            raise error
        told = f"{len(failed)} of {self._total} {self.called}s failed: {_listed(failed)}."
        raise type(error).with_text(f"{error} {told}") from error


def _listed(numbers: Sequence[int]) -> str:
    """List numbers, the runs among them by their ends.

    >>> _listed([0, 1, 2, 5, 8, 9])
    '0-2, 5, 8-9'
    """
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return ", ".join(f"{start}" if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def _run_missing(executor: Executor, call: Callable[[int], tuple[Any, ...]], results: _Results) -> None:
    """Submit what is missing in order, and take in results as they come."""
    pending: dict[Future[Any], int] = {}
    finished: SimpleQueue[Future[Any]] = SimpleQueue()
    try:
        for number in results.missing():
            future = executor.submit(_attempt, *call(number))
            pending[future] = number
            future.add_done_callback(finished.put)
            while not finished.empty():
                _take(finished.get(), pending, results)
        while pending:
            _take(finished.get(), pending, results)
    except BrokenExecutor:
        results.lose(list(pending.values()))
        raise
    finally:
        for future in pending:
            future.cancel()


def _take(future: Future[Any], pending: dict[Future[Any], int], results: _Results) -> None:
    number = pending[future]
    try:
        packed = future.result()
    except WorkerError as error:
        raise WorkerError.with_text(f"{results.called} {number}: {error}") from error
    del pending[future]
    results.add(number, packed)


def _attempt(function: Callable[[Any, Any], Any], handle: Handle, called: str, task: Any, bundle: Bundle | None) -> Any:
    """Run one task, and return its packed result or failure."""
    try:
        if bundle is not None:
            bundle.register()
        with single_threaded():
            result = function(handle.get(), task)
        return _packed(handle, called, result)
    except QuantmlError as error:
        return handle.pack(Failure(error))
    except Exception as error:  # noqa: BLE001 - a worker's failure travels as data, with its cause named
        return handle.pack(Failure(RunError(f"{called}: {type(error).__name__}: {error}")))


def _packed(handle: Handle, called: str, result: Any) -> Any:
    try:
        return handle.pack(result)
    except InputError as error:
        raise type(error).with_text(f"{called}: {error}") from error
