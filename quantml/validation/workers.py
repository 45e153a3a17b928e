"""Where work runs: in this process, in worker processes, or in an executor that the caller brings.

Nothing else in the package knows. A task is a module-level function with picklable arguments; what all tasks share
is published once and travels once per worker.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

import cloudpickle

from quantml.errors import QuantmlError, RunError, WorkerError, check_whole
from quantml.source import Bundle
from quantml.validation.threads import single_threaded

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
RESTARTS: Final = 3


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


@dataclass(frozen=True)
class Sent:
    """An object that is pickled: small to send where it lies in a file, read once per process.

    Results come back pickled by value, so that they may hold a study's own functions and classes.
    """

    key: str
    path: str | None = None
    data: bytes | None = field(default=None, repr=False)

    def get(self) -> Any:
        """Return the object, from this process's copy if it has one."""
        if self.key in _PUBLISHED:
            return _PUBLISHED[self.key]
        if not (_RECEIVED and _RECEIVED[0][0] == self.key):
            data = self.data if self.path is None else Path(self.path).read_bytes()
            _RECEIVED[:] = [(self.key, cloudpickle.loads(data))]
        return _RECEIVED[0][1]

    def pack(self, result: Any) -> Any:
        """Pickle the result."""
        return cloudpickle.dumps(result)

    def unpack(self, packed: Any) -> Any:
        """Read the pickled result."""
        return cloudpickle.loads(packed)


_PUBLISHED: Final[dict[str, Any]] = {}
"""What this process has published and not yet stopped, for tasks that run in its own threads."""
_RECEIVED: Final[list[tuple[str, Any]]] = []
"""The one object that this process received last: an older one belongs to a finished run."""
