"""Rules whose candidates are swept: all of them in one compiled pass over the bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.signals.rules import MovingAverageCross
from quantml.simulation.sweeps.crosses import moving_average
from quantml.simulation.sweeps.rules import rule
from quantml.simulation.sweeps.tables import sweep_returns
from quantml.timing import Fill
from quantml.validation.problem import Problem, Values

Floats = NDArray[np.float64]
BLOCK = 128
"""Candidates whose returns are held at once."""


def _quick(close: Floats, fast: int) -> Floats:
    return moving_average(close, fast)


def _calm(close: Floats, slow: int) -> Floats:
    return moving_average(close, slow)


@rule(quick=_quick, calm=_calm)
def _cross(quick: Floats, calm: Floats, below: float) -> Floats:
    """Decide on every bar, as the step `MovingAverageCross` does on one symbol."""
    weights = np.zeros(quick.size)
    for t in range(quick.size):
        if quick[t] > calm[t]:
            weights[t] = 1.0
        elif quick[t] < calm[t]:
            weights[t] = below
    return weights


def swept_returns(problem: Problem, listed: Sequence[Values]) -> Iterator[Floats]:
    """Yield the net returns of all candidates, in blocks of shape (candidates, T); nothing where none can be swept.

    That is a `MovingAverageCross` alone, on one symbol with a bar on every row, without interest on cash. Its accounts
    are those of `simulate` to 1e-12.
    """
    crosses = [step for values in listed for step in problem.resolved(values).steps if type(step) is MovingAverageCross]
    alone = all(len(problem.resolved(values).steps) == 1 for values in listed)
    if not listed or not alone or len(crosses) < len(listed) or not _is_plain(problem):
        return
    grid = pd.DataFrame(
        {"symbol": problem.bars.symbols[0], "fast": [int(c.fast) for c in crosses],
         "slow": [int(c.slow) for c in crosses], "below": [-1.0 if c.short else 0.0 for c in crosses]}
    )  # fmt: skip
    costs = problem.study.costs
    for block in sweep_returns(_cross, problem.bars, grid, costs=costs, fill=problem.fill, block=BLOCK, threads=1):
        yield np.ascontiguousarray(block.to_numpy().T)


def _is_plain(problem: Problem) -> bool:
    bars, study = problem.bars, problem.study
    whole = len(bars.symbols) == 1 and bars.membership is None and bool(bars.traded.all())
    return whole and study.cash is None and problem.fill is not Fill.PERIOD
