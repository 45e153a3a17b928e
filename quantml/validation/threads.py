"""One thread for the libraries below Python, so that no sum hangs on how many cores a machine has."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from threadpoolctl import ThreadpoolController


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let BLAS and OpenMP libraries work with one thread inside the block.

    A limit holds for libraries that are loaded: SciPy's BLAS, which many models load late, is loaded first. Blocks
    may overlap in several threads: BLAS libraries, whose setting belongs to the process, get it back when the last
    block ends.
    """
    importlib.import_module("scipy.linalg")
    loaded = _controller(len(sys.modules))
    _BLAS.enter(loaded.select(user_api="blas").lib_controllers)
    try:
        with loaded.limit(limits=1, user_api="openmp"):  # a setting of the calling thread
            yield
    finally:
        _BLAS.leave()


@lru_cache(maxsize=1)
def _controller(_modules: int, /) -> ThreadpoolController:
    """Look for the libraries that are loaded; again only when more modules have been imported, since it is slow."""
    return ThreadpoolController()


class _SharedLimit:
    """A limit that the first of overlapping blocks sets and the last one takes away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: dict[str, tuple[Any, int]] = {}

    def enter(self, libraries: list[Any]) -> None:
        """Limit the libraries to one thread, those too that were loaded since the first block began."""
        with self._lock:
            self._inside += 1
            for library in libraries:
                self._before.setdefault(library.filepath, (library, library.num_threads))
                library.set_num_threads(1)

    def leave(self) -> None:
        """Give the libraries their numbers of threads back if this was the last block."""
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for library, count in self._before.values():
                    library.set_num_threads(count)
                self._before.clear()


_BLAS: Final = _SharedLimit()
if hasattr(os, "register_at_fork"):  # another thread may hold the lock at a fork, and is not in the new process
    os.register_at_fork(after_in_child=_BLAS.__init__)  # type: ignore[misc]
