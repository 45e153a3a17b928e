"""What the cells say: the cost at which nothing is left, the capital that fits, and what fails first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from scipy.optimize import brentq

from quantml.sensitivities.cells import Cell, Outcome, scaled
from quantml.sensitivities.keeping import Keeper
from quantml.sensitivities.surfaces import Plan, Surface
from quantml.simulation.costs import BPS, Costs

MOST: Final = 1024.0
"""The largest multiple of costs that is looked at."""
WHOLE: Final = 1.0 / BPS
"""Basis points of all that a fill is worth: more cannot be charged."""


@dataclass(frozen=True)
class BreakEven:
    """Costs at which the mean return beyond cash is zero.

    Attributes
    ----------
    multiple : float
        Of all declared costs; 0.0 where nothing is left even without costs, infinity where no multiple up to 1,024
        takes everything, NaN where no costs are declared or nothing was traded.
    bps : float
        Basis points of its notional that every fill would have to cost in place of what is declared per fill, borrow
        and financing as declared; 0.0 and infinity alike, NaN where nothing was traded.
    paid_bps : float
        What fills did cost on average.
    """

    multiple: float
    bps: float
    paid_bps: float


@dataclass(frozen=True)
class Capacity:
    """What capital does to the result.

    Attributes
    ----------
    impact : float
        Coefficient of the square-root law that it holds for.
    assumed : bool
        Whether the study declares none.
    curve : tuple of (float, Outcome)
        Capital that was tried, in rising order, with what came of it.
    half, zero : float
        Capital at which the net Sharpe ratio has fallen to half the run's own, and to zero. It is infinity where no
        capital that was tried is too much, 0.0 where the smallest one is, and NaN where the run's own is not positive.
    """

    impact: float
    assumed: bool
    curve: tuple[tuple[float, Outcome], ...]
    half: float
    zero: float


@dataclass(frozen=True)
class Failure:
    """How far one condition may move before the result is gone.

    Attributes
    ----------
    axis : str
    declared : float, int or None
    halved_at, fails_at : float, int or None
        The mildest value at which the net Sharpe ratio is at or below half the run's own, and at or below zero; None
        where none of those tried is (no limit on participation is None too, and is never a failure).
    halved_after, fails_after : int or None
        How many of the values that were tried this is away from the declared one: 0 where it fails there, None where it
        never does.
    sharpe_ratio : float
        At `fails_at`; NaN where there is none.
    """

    axis: str
    declared: Any
    halved_at: Any
    halved_after: int | None
    fails_at: Any
    fails_after: int | None
    sharpe_ratio: float


def break_even(keeper: Keeper, surface: Surface) -> BreakEven:
    """Find the costs at which nothing is left, by simulation."""
    declared, own = keeper.ground.study.costs, keeper.outcome(surface.base)
    bare = keeper.outcome(surface.base.at("costs", 0.0))
    paid = own.paid / own.traded / BPS if own.traded > 0.0 else math.nan
    if own.traded == 0.0:
        return BreakEven(math.nan, math.nan, paid)
    tried = [value for value, _ in surface.along("costs") if value > 0.0]
    if scaled(declared, 0.0) == declared:
        multiple = math.nan
    else:
        multiple = _zero(lambda by: keeper.outcome(surface.base.at("costs", by)).excess, tried, most=MOST)
    in_step = declared.are_proportional and not (declared.borrow_bps or declared.financing_bps) and declared.fill_bps
    if in_step and math.isfinite(multiple):
        return BreakEven(multiple, multiple * declared.fill_bps, paid)

    def charged(bps: float) -> float:
        return keeper.outcome(surface.base, _per_fill(declared, bps)).excess

    begin = max(paid, 1.0) if bare.excess > 0.0 and math.isfinite(paid) else 1.0
    return BreakEven(multiple, _zero(charged, [begin], most=WHOLE), paid)


def _per_fill(declared: Costs, bps: float) -> Costs:
    """Charge every fill so many basis points, in place of all that it costs as declared."""
    return Costs(slippage_bps=bps, borrow_bps=declared.borrow_bps, financing_bps=declared.financing_bps)


def _zero(left: Callable[[float], float], tried: Sequence[float], most: float) -> float:
    """Return where something falls to zero: 0.0 where it is there already, infinity where it is not at `most`."""
    if left(0.0) <= 0.0:
        return 0.0
    low = 0.0
    for high in [*tried, *_doubled(tried[-1] if tried else 1.0, most)]:
        if left(high) <= 0.0:
            return float(brentq(left, low, high, xtol=1e-9, rtol=1e-9))
        low = high
    return math.inf


def _doubled(last: float, most: float) -> list[float]:
    found = []
    while last < most:
        last = min(2.0 * last, most)
        found.append(last)
    return found


def capacity(keeper: Keeper, surface: Surface, declared: Cell) -> Capacity:
    """Read the curve of capital, and find by simulation where it falls."""
    curve = tuple((value, keeper.outcome(cell)) for value, cell in surface.along("capital"))
    own = keeper.outcome(declared).sharpe_ratio

    def ratio(capital: float) -> float:
        return keeper.outcome(surface.base.at("capital", capital)).sharpe_ratio

    def left(level: float) -> float:
        if not own > 0.0:
            return math.nan
        above = [(value, outcome.sharpe_ratio - level) for value, outcome in curve]
        return _fall(above, lambda capital: ratio(capital) - level)

    impact = surface.base.impact
    return Capacity(impact, impact != declared.impact, curve, left(own / 2.0), left(0.0))


def _fall(curve: Sequence[tuple[float, float]], above: Callable[[float], float]) -> float:
    """Return the first capital at which `above` is not positive any more."""
    if not curve[0][1] > 0.0:
        return 0.0
    for (low, _), (high, reached) in pairwise(curve):
        if not reached > 0.0:
            return _root(above, low, high)
    return math.inf


def _root(above: Callable[[float], float], low: float, high: float) -> float:
    """Find where `above` is zero between two positive numbers, to a millionth of it."""
    ends = {math.log(low): low, math.log(high): high}  # the exponential of a logarithm may be another number
    return math.exp(brentq(lambda power: above(ends.get(power, math.exp(power))), *ends, xtol=1e-6))


def failures(keeper: Keeper, plan: Plan) -> tuple[Failure, ...]:
    """Say of every axis how far it may move, what fails after the fewest steps first."""
    own = keeper.outcome(plan.declared).sharpe_ratio
    found = [
        _failure(keeper, surface, axis, own)
        for surface in plan.surfaces
        for axis in surface.axes
        if len(surface.along(axis)) > 1
    ]
    return tuple(sorted(found, key=_rank))


def _rank(failure: Failure) -> tuple[float, float, float]:
    after, halved = (np.inf if steps is None else steps for steps in (failure.fails_after, failure.halved_after))
    return after, halved, failure.sharpe_ratio if after < np.inf else 0.0


def _failure(keeper: Keeper, surface: Surface, axis: str, own: float) -> Failure:
    along = [(value, keeper.outcome(cell).sharpe_ratio) for value, cell in surface.along(axis)]
    declared = getattr(surface.base, axis)
    place = [value for value, _ in along].index(declared)
    outward = sorted(range(len(along)), key=lambda at: abs(at - place))
    halved, fails = (_first(along, outward, level) for level in (own / 2.0, 0.0))
    return Failure(
        axis=axis,
        declared=declared,
        halved_at=None if halved is None else along[halved][0],
        halved_after=None if halved is None else abs(halved - place),
        fails_at=None if fails is None else along[fails][0],
        fails_after=None if fails is None else abs(fails - place),
        sharpe_ratio=math.nan if fails is None else along[fails][1],
    )


def _first(along: Sequence[tuple[Any, float]], outward: Sequence[int], level: float) -> int | None:
    """Return the nearest place where the Sharpe ratio is not above a level."""
    return next((at for at in outward if not along[at][1] > level), None)
