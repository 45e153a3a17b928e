"""Read-only arrays, and dataclasses that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ScalarType = TypeVar("ScalarType", bound=np.generic)


def read_only(array: NDArray[ScalarType]) -> NDArray[ScalarType]:
    """Return a C-contiguous array that cannot be written to: `array` itself where it already is one."""
    frozen = np.ascontiguousarray(array)
    if frozen.flags.writeable:
        frozen = frozen.view() if frozen is array else frozen
        frozen.flags.writeable = False
    return frozen


def frame(values: NDArray[Any], clock: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Make a fresh time x symbol frame that shares nothing with `values`."""
    return pd.DataFrame(values.copy(), index=clock, columns=pd.Index(symbols, dtype="object"))


class ReadOnly:
    """Base of frozen dataclasses that hold arrays: they are frozen when built and again after a pickle.

    An array comes back from a pickle writable; a mapping of arrays becomes a read-only view.
    """

    def __post_init__(self) -> None:
        self._freeze()

    def _freeze(self) -> None:
        for name in self._held():
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, read_only(value))
            elif isinstance(value, Mapping) and any(isinstance(part, np.ndarray) for part in value.values()):
                frozen = {key: read_only(part) for key, part in value.items()}
                object.__setattr__(self, name, MappingProxyType(frozen))

    def _held(self) -> list[str]:
        """Name the fields; what is cached beside them is neither frozen nor pickled."""
        return [field.name for field in fields(cast(Any, self))]

    def __getstate__(self) -> dict[str, Any]:
        held = {name: getattr(self, name) for name in self._held()}
        return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in held.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._freeze()
