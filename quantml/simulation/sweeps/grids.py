"""Grids: the combinations of a sweep, one array per parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import ParameterError, did_you_mean
from quantml.space import Space

Column = NDArray[Any]
Values: TypeAlias = Mapping[str, Any] | pd.DataFrame

MOST: Final = 10**9
"""Combinations of a grid, at most: the accounts of more fill no memory that there is."""
RESULTS: Final = (
    "final_equity", "mean_return", "volatility", "sharpe_ratio", "max_drawdown", "trades", "turnover", "costs",
)  # fmt: skip
"""Columns of a sweep after its parameters."""
_KINDS: Final = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}


@dataclass(frozen=True, eq=False)
class Grid:
    """Combinations of parameters.

    Attributes
    ----------
    columns : mapping of str to ndarray, shape (combinations,)
        Of bool, int64 or float64.
    """

    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return next((len(column) for column in self.columns.values()), 1)

    def at(self, place: int) -> dict[str, Any]:
        """Return one combination."""
        return {name: column[place].item() for name, column in self.columns.items()}

    def text(self, place: int) -> str:
        """Write one combination out."""
        return ", ".join(f"{name}={value!r}" for name, value in self.at(place).items())

    def take(self, places: NDArray[np.int64]) -> Grid:
        """Return some of the combinations."""
        return Grid({name: column[places] for name, column in self.columns.items()})


def read_grid(given: Values, names: Sequence[str], defaults: Mapping[str, Any] | None = None) -> Grid:
    """Read a grid for a rule whose parameters are `names`.

    Parameters
    ----------
    given : mapping or DataFrame
        Values of each parameter, of which every combination is made, the last parameter changing fastest; or a frame
        with a column per parameter and a row per combination.
    names : sequence of str
    defaults : mapping of str to object, optional
        Values of parameters that may be left out.

    Raises
    ------
    ParameterError
        If a parameter is unknown or missing, or its values are none, or not numbers; if there are too many
        combinations.
    """
    if not isinstance(given, Mapping | pd.DataFrame):
        must = "map every parameter of the rule to its values, or be a DataFrame of combinations"
        raise ParameterError("grid", must=must, got=type(given).__name__)
    _check_names([str(name) for name in given], names, set(defaults or {}))
    columns = {name: _column(name, given[name]) for name in names if name in given}
    if not isinstance(given, pd.DataFrame):
        order = [str(name) for name in given]
        columns = _cross({name: columns[name] for name in order})
    size = len(Grid(columns))
    for name, value in (defaults or {}).items():
        if name not in columns:
            columns[name] = np.repeat(_column(name, [value]), size)
    return Grid({name: columns[name] for name in names})


def _check_names(given: Sequence[str], names: Sequence[str], optional: set[str]) -> None:
    for name in given:
        if name not in names:
            raise ParameterError("grid", must="name parameters of the rule", got=name, hint=did_you_mean(name, names))
    missing = [name for name in names if name not in given and name not in optional]
    if missing:
        raise ParameterError("grid", must=f"have values for {', '.join(names)}", got=f"none for {', '.join(missing)}")


def _column(name: str, values: Any) -> Column:
    """Read the values of one parameter: truth values, whole numbers, or numbers."""
    if isinstance(values, Space):
        values = values.grid()
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ParameterError(f"grid[{name!r}]", must="be a sequence of values", got=values)
    listed = values if isinstance(values, np.ndarray | pd.Series) else list(values)
    column = np.asarray(listed)
    if column.size == 0 or column.ndim != 1:
        raise ParameterError(f"grid[{name!r}]", must="list at least one value", got=list(listed))
    if column.dtype.kind not in _KINDS:
        raise ParameterError(f"grid[{name!r}]", must="be numbers", got=column.tolist()[:5])
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise ParameterError(f"grid[{name!r}]", must="be finite", got=float(column[bad[0]]), where=f"value {bad[0]}")
    return np.ascontiguousarray(column, dtype=_KINDS[column.dtype.kind])


def _cross(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Combine every value of each with every value of the others."""
    before, crossed = 1, {}
    size = math.prod(len(column) for column in columns.values())
    if size > MOST:
        raise ParameterError("grid", must=f"have at most {MOST:,} combinations", got=size)
    for name, column in columns.items():
        repeats = size // (before * len(column))
        crossed[name] = np.tile(np.repeat(column, repeats), before)
        before *= len(column)
    return crossed
