"""What several features compute from the same bars is computed once while they are built together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars

_HELD: Final[ContextVar[dict[tuple[int, str], tuple[Bars, NDArray[np.float64]]] | None]] = ContextVar(
    "held", default=None
)


@contextmanager
def sharing() -> Iterator[None]:
    """Keep what `shared` makes until the end of the block, in this thread alone."""
    token = _HELD.set({})
    try:
        yield
    finally:
        _HELD.reset(token)


def shared(name: str, bars: Bars, make: Callable[[Bars], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what `make` makes of bars, read-only: within `sharing`, what it made under this name before."""
    held = _HELD.get()
    if held is None:
        return read_only(make(bars))
    key = id(bars), name
    if key not in held:
        held[key] = bars, read_only(make(bars))  # the bars too, so that no others come to their address
    return held[key][1]
