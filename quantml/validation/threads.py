"""One thread for the libraries below Python, so that no sum hangs on how many cores a machine has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let BLAS and OpenMP libraries work with one thread inside the block.

    A limit holds for libraries that are loaded: SciPy's BLAS, which many models load late, is loaded first.
    """
    importlib.import_module("scipy.linalg")
    with threadpool_limits(1):
        yield
