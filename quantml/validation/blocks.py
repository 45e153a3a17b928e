"""Forecasts of stretches of the clock, and how they are put together on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly
from quantml.forecasters.base import Forecast, RowForecast
from quantml.validation.problem import Problem, Values

MEASURES: Final = ("mean", "probability", "variance")
HELD: Final = (*MEASURES, "members", "member_variances")
"""All that a forecast holds; of each member of a combination too."""


@dataclass(frozen=True, eq=False)
class Block(ReadOnly):
    """Forecasts at consecutive decisions: each array has shape (rows of `positions`, N), NaN where there is none.

    Those of the M members of a combination have shape (rows of `positions`, N, M).
    """

    positions: NDArray[np.int64]
    mean: NDArray[np.float64]
    probability: NDArray[np.float64] | None
    variance: NDArray[np.float64] | None
    members: NDArray[np.float64] | None = None
    member_variances: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, problem: Problem, positions: NDArray[np.int64], time: NDArray[np.int64],
           symbol: NDArray[np.int64], rows: RowForecast) -> Block:  # fmt: skip
        """Lay row-wise forecasts out over time x symbol."""
        laid: dict[str, Any] = {}
        for name in HELD:
            values = getattr(rows, name)
            laid[name] = None
            if values is not None:
                laid[name] = np.full((len(positions), len(problem.bars.symbols), *values.shape[1:]), np.nan)
                laid[name][np.searchsorted(positions, time), symbol] = values
        return cls(positions, **laid)


def cut_block(block: Block, rows: NDArray[np.int64]) -> Block:
    """Keep the forecasts of some of a block's rows."""
    if len(rows) == len(block.positions):
        return block
    places = np.searchsorted(block.positions, rows)
    held = {name: getattr(block, name) for name in HELD}
    kept: dict[str, Any] = {name: None if part is None else part[places] for name, part in held.items()}
    return Block(rows, **kept)


def join(blocks: Sequence[Block], problem: Problem, values: Values, until: int) -> Forecast:
    """Put blocks on the clock up to position `until` (included); NaN outside them, fold numbers in their order."""
    shape = (until + 1, len(problem.bars.symbols))
    fold = np.full(shape[0], -1, dtype=np.int64)
    laid: dict[str, Any] = dict.fromkeys(HELD)
    for number, block in enumerate(blocks):
        fold[block.positions] = number
        for name in HELD:
            part = getattr(block, name)
            if part is not None:
                laid[name] = np.full((*shape, *part.shape[2:]), np.nan) if laid[name] is None else laid[name]
                laid[name][block.positions] = part
    clock = problem.bars.clock[: until + 1]
    kind = problem.target(values).kind
    return Forecast(clock=clock, symbols=problem.bars.symbols, kind=kind, fold=fold, quantiles=None, **laid)
