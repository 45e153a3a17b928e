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


def crosses_of(problem: Problem, listed: Sequence[Values]) -> dict[int, Cross]:
    """Find the candidates that can be swept, by their places: which they are hangs on nothing but each itself.

    That is a `MovingAverageCross` alone, on one symbol, without interest on cash.
    """
    if not can_follow(problem.bars) or problem.study.cash is not None or problem.fill is Fill.PERIOD:
        return {}
    crosses = {place: _cross(problem, values) for place, values in enumerate(listed)}
    return {place: cross for place, cross in crosses.items() if cross is not None}


def _cross(problem: Problem, values: Values) -> Cross | None:
    steps = problem.resolved(values).steps
    if len(steps) != 1 or type(steps[0]) is not MovingAverageCross:
        return None
    return Cross(int(steps[0].fast), int(steps[0].slow), -1.0 if steps[0].short else 0.0)


def swept_returns(problem: Problem, crosses: Sequence[Cross]) -> Iterator[NDArray[np.float64]]:
    """Yield net returns, in blocks of shape (candidates, T); the accounts are those of `simulate` to 1e-12."""
    if crosses:
        yield from side_returns(problem.bars, crosses, costs=problem.study.costs, fill=problem.fill, block=BLOCK)
