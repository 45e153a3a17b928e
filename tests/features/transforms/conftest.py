"""What all tests of transforms run under."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread, as the walk-forward does around its work."""
    with threadpool_limits(1):
        yield
