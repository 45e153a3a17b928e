"""Worker processes that start deaf to Ctrl-C, end with their parent, and can be killed without noise."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final, TypeVar

from quantml.interrupts import uninterrupted

Result = TypeVar("Result")
PAUSE: Final = 60.0
"""Seconds between two times that a worker collects garbage, beside what Python does of itself."""


class Processes(Executor):
    """A loky executor that can be killed at any moment without noise.

    Loky's thread fails with a traceback when it is told to kill while a task still waits for a place in its queue.
    So tasks are submitted no faster than the queue takes them, and each is seen into the queue.

    Parameters
    ----------
    count : int
        Number of processes.
    folder : Path
        Of the files they read; they remove it if they outlive the process that would.
    """

    def __init__(self, count: int, folder: Path) -> None:
        from joblib.externals.loky import ProcessPoolExecutor

        alone = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}  # for libraries loaded late
        self._loky = ProcessPoolExecutor(count, initializer=_settle, initargs=(os.getpid(), folder), env=alone)
        self._places = threading.Semaphore(2 * count)
        with _deaf_children():
            self.submit(os.getpid)  # loky starts all processes with the first task

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Submit a task as soon as the queue has a place for it."""
        self._places.acquire()
        with uninterrupted():
            future: Future[Result] = self._loky.submit(fn, *args, **kwargs)
            future.add_done_callback(lambda _: self._places.release())
            while not (future.running() or future.done()):
                time.sleep(0.0005)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the processes once their tasks are done."""
        self._loky.shutdown(wait=wait)

    def kill(self) -> None:
        """End the processes and their own children now."""
        with uninterrupted():
            self._loky.shutdown(wait=True, kill_workers=True)


def _settle(parent: int, folder: Path) -> None:
    """Leave Ctrl-C to the parent process, and end when it ends, however it does."""
    from joblib.externals.loky import process_executor

    # where psutil is installed, loky replaces a process that has grown by 300 MB, as one that reads a panel does; where
    # it is not, loky collects garbage every second, for a tenth of one with all that is loaded
    process_executor._USE_PSUTIL = False
    process_executor._MEMORY_LEAK_CHECK_DELAY = PAUSE
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()


def _end_with(parent: int, folder: Path) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    shutil.rmtree(folder, ignore_errors=True)  # the parent could not; a process that ends beside this one may have
    os._exit(1)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even before their first line of Python."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started inside the block, it would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
