"""Work on a Dask cluster: what tasks share lies in every worker's memory, and a worker that dies is made up for."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4
from weakref import WeakValueDictionary

import cloudpickle
import numpy as np

from quantml.errors import ParameterError, QuantmlError, WorkerError, check, check_finite
from quantml.source import cause_of
from quantml.validation.cluster import (
    NoAnswer,
    NoWorkers,
    check_this_worker,
    connect,
    installed,
    is_exposed,
    require_dask,
    usual_timeout,
)
from quantml.validation.pickling import pickled
from quantml.validation.workers import SENT, Handle, Returned

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as Remote

LOGGER: Final = logging.getLogger("quantml.validation.dask")
CLIENT_LOGGER: Final = logging.getLogger("distributed.client")
Result = TypeVar("Result")
CLOSING: Final = 5.0
"""Seconds that the scheduler has for saying goodbye."""


class Dask:
    """Workers of a Dask cluster, each a process of one thread.

    What all tasks share travels from the caller to the cluster once, and from there once to each worker. Dask gives
    the tasks of a worker that dies to others. Ctrl-C, and the end of the calling process, take back what is waiting;
    a task that is already running comes to its own end, and the cluster stays as it was.

    Parameters
    ----------
    address : str
        Of the scheduler, as it prints it: ``tcp://host:port``, or ``tls://host:port`` with the certificates that
        Dask's configuration names under ``distributed.comm.tls``.
    timeout : float, optional
        Seconds within which the scheduler must answer and have a worker; 10 by default, or what Dask's configuration
        says under ``distributed.comm.timeouts.connect`` where that is less.

    Raises
    ------
    MissingExtra
        If the package distributed is not installed.
    ParameterError
        If no scheduler answers, it has no workers, one of them has several threads, or scheduler or workers have
        other versions than this process.

    Examples
    --------
    Start a scheduler and four workers, then a run::

        dask scheduler --host 127.0.0.1
        dask worker tcp://127.0.0.1:8786 --nworkers 4 --nthreads 1
        quantml run STUDY.py --dask tcp://127.0.0.1:8786
    """

    def __init__(self, address: str, *, timeout: float | None = None) -> None:
        check(isinstance(address, str), "Dask.address", "be a text", address)
        require_dask()
        timeout = usual_timeout() if timeout is None else check_finite("Dask.timeout", timeout)
        check(timeout > 0.0, "Dask.timeout", "be above 0", timeout)
        self._address, self._timeout = address, timeout
        self._client: Client | None = None
        self._parcels: list[Parcel] = []
        self._hush = _Hush()
        try:
            connect(address, self._timeout).close()
        except NoWorkers as error:
            hint = f"Start some with: dask worker {address} --nworkers 4 --nthreads 1."
            raise ParameterError(f"the Dask scheduler at {address}", "have workers", got="none", hint=hint) from error
        except NoAnswer as error:
            hint = "Start one with: dask scheduler."
            must = "be the address of a scheduler that answers"
            raise ParameterError("Dask.address", must, got=address, where=str(error), hint=hint) from error
        if is_exposed(address):
            LOGGER.warning("what goes to %s can be read and changed on its way; use tls://", address)

    def start(self) -> Executor:
        """Connect to the cluster and give every worker what was published."""
        self._end()
        try:
            self._client = connect(self._address, self._timeout)
        except NoAnswer as error:
            hint = "Start it again and repeat the run."
            raise WorkerError(f"the Dask cluster at {self._address} is gone", where=str(error), hint=hint) from error
        CLIENT_LOGGER.addFilter(self._hush)
        return _Cluster(self._client, self._parcels)

    def publish(self, shared: object) -> Handle:
        """Pickle the object, its arrays beside it; it travels when the workers are started."""
        parcel = Parcel.of(shared)
        self._parcels.append(parcel)
        return Delivered(parcel.key)

    def stop(self, *, kill: bool = False) -> None:
        """Leave the cluster, which drops what was published and what is still waiting to be done."""
        self._parcels.clear()
        self._end()

    def _end(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close(timeout=CLOSING)
            except TimeoutError:
                LOGGER.info("the scheduler at %s did not say goodbye", self._address)
            finally:
                CLIENT_LOGGER.removeFilter(self._hush)


class _Hush(logging.Filter):
    """Keeps to itself what Dask's client says of a lost connection: an error of quantml's says it, in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let those hear it who listen to quantml's own details."""
        LOGGER.debug("%s", record.getMessage())
        return False


# ----------------------------------------------------------------- what tasks share


class Parcel:
    """An object as it travels: pickled, with its arrays beside it, so that they are neither copied nor kept twice.

    It is read by the first task of a process that asks for it; to send it on, a worker need not read it.
    """

    def __init__(self, key: str, body: bytes, arrays: Sequence[Any]) -> None:
        self.key = key
        self._body = body
        self._arrays = [_aligned(memoryview(array)) for array in arrays]

    @classmethod
    def of(cls, shared: object) -> Parcel:
        """Pack an object."""
        arrays: list[pickle.PickleBuffer] = []
        body = pickled(shared, SENT, protocol=5, buffer_callback=arrays.append)
        return cls(uuid4().hex, body, [array.raw() for array in arrays])

    @cached_property
    def content(self) -> Any:
        """The object."""
        return cloudpickle.loads(self._body, buffers=self._arrays)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self._body, [pickle.PickleBuffer(array) for array in self._arrays])

    def __sizeof__(self) -> int:
        return len(self._body) + sum(array.nbytes for array in self._arrays)


def _aligned(array: memoryview) -> memoryview:
    """Return a buffer that begins where NumPy's own arrays may; one cut out of a message need not."""
    if array.nbytes == 0 or np.frombuffer(array, dtype=np.uint8).ctypes.data % 16 == 0:
        return array
    copy = np.frombuffer(array, dtype=np.uint8).copy().data
    return copy.toreadonly() if array.readonly else copy


_AT_HAND: Final[WeakValueDictionary[str, Parcel]] = WeakValueDictionary()
"""The parcels that lie in this process; Dask holds them, and drops them with the run."""


@dataclass(frozen=True)
class Delivered(Returned):
    """An object that Dask delivers to a worker before the worker's first task."""

    key: str

    def get(self) -> Any:
        """Return the object."""
        return _AT_HAND[self.key].content


# ----------------------------------------------------------------- running tasks


class _Cluster(Executor):
    """Gives tasks to the workers of a cluster, together with the parcels that they need."""

    def __init__(self, client: Client, parcels: Sequence[Parcel]) -> None:
        self._client = client
        try:
            self._parcels = [client.scatter(parcel, broadcast=True, hash=False) for parcel in parcels]
        except (OSError, ValueError, KeyError) as error:  # a worker died while it was given one
            raise BrokenExecutor(f"what tasks share could not be delivered: {cause_of(error)}") from error

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Send a task to the scheduler."""
        if self._client.status != "running":
            raise BrokenExecutor("the scheduler is gone")
        call, key = cloudpickle.dumps((fn, args, kwargs)), f"quantml-{uuid4().hex}"
        remote = self._client.submit(_work, installed(), call, *self._parcels, key=key, pure=False)
        future: _Awaited[Result] = _Awaited(remote)
        remote.add_done_callback(future.settle)
        return future


class _Awaited(Future[Result]):
    """What a task on the cluster will return."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote

    def cancel(self) -> bool:
        """Take the task back; one that is running comes to its own end, and its result is dropped."""
        cancelled = super().cancel()
        self._remote.release()
        return cancelled

    def settle(self, remote: Remote) -> None:
        """Take in what Dask says of the task; called in a thread of Dask's."""
        if not self.set_running_or_notify_cancel():
            return
        try:
            self.set_result(remote.result())
        except BaseException as error:  # noqa: BLE001 - it is the waiting thread's
            self.set_exception(_told(error, failed=remote.status == "error"))


def _told(error: BaseException, *, failed: bool) -> BaseException:
    """Tell what happened to a task: a scheduler or parcel that is gone can be made up for, all else cannot."""
    if isinstance(error, QuantmlError):
        return error
    if not failed:
        return BrokenExecutor(f"a task was lost: {cause_of(error)}")
    if type(error).__name__ == "KilledWorker":
        hint = "Look at what the workers logged, and at their memory."
        return WorkerError("Dask gave up one of the tasks: worker after worker died while it ran", hint=hint)
    return WorkerError(f"a task could not be run on the Dask cluster: {cause_of(error)}")


def _work(expected: Mapping[str, str], call: bytes, *parcels: Parcel) -> Any:
    """Run a task in a worker."""
    check_this_worker(expected)
    for parcel in parcels:
        _AT_HAND[parcel.key] = parcel
    function, args, kwargs = cloudpickle.loads(call)
    return function(*args, **kwargs)
