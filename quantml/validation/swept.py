"""Rules whose candidates are swept: all of them in one compiled pass over the bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantml.signals.rules import MovingAverageCross
from quantml.simulation.sweeps.sides import Cross, can_follow, side_returns
from quantml.timing import Fill
from quantml.validation.problem import Problem, Values

BLOCK: Final = 128
"""Candidates whose returns are held at once."""


def swept_returns(problem: Problem, listed: Sequence[Values]) -> Iterator[NDArray[np.float64]]:
    """Yield the net returns of all candidates, in blocks of shape (candidates, T); nothing where none can be swept.

    That is a `MovingAverageCross` alone, on one symbol, without interest on cash. Its accounts are those of `simulate`
    to 1e-12.
    """
    signals = [problem.resolved(values).steps for values in listed]
    crosses = [step for steps in signals for step in steps if type(step) is MovingAverageCross]
    alone = all(len(steps) == 1 for steps in signals) and len(crosses) == len(signals)
    if not (listed and alone and _is_plain(problem)):
        return
    sides = [Cross(int(one.fast), int(one.slow), -1.0 if one.short else 0.0) for one in crosses]
    yield from side_returns(problem.bars, sides, costs=problem.study.costs, fill=problem.fill, block=BLOCK)


def _is_plain(problem: Problem) -> bool:
    return can_follow(problem.bars) and problem.study.cash is None and problem.fill is not Fill.PERIOD
