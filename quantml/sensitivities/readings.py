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
        Capital at which the net Sharpe ratio has fallen to half the run's own, and to zero: the first fall that is met
        upwards from the declared capital. Where it is no more than that at the declared capital already, which an
        assumed impact may do, the fall is looked for upwards from the largest capital below that leaves more, or from
        the smallest above where none below does. It is infinity where the largest capital that was tried is not too
        much, 0.0 where none that was tried leaves more, and NaN where the run's own is not positive.
    least : float
        Smallest capital from which on the net Sharpe ratio is above zero all the way up to `zero`: with less, what does
        not shrink with orders, such as a minimum commission, takes everything, or nothing is traded. It is 0.0 where
        the smallest capital that was tried is enough, and NaN where `zero` is 0.0 or NaN.
    """

    impact: float
    assumed: bool
    curve: tuple[tuple[float, Outcome], ...]
    half: float
    zero: float
    least: float


@dataclass(frozen=True)
class Failure:
    """How far one condition may move before the result is gone.

    Attributes
    ----------
    axis : str
        One of `Cell`; ``impact`` where it was assumed, which is then a condition that moved too.
    declared : float, int or None
    halved_at, fails_at : float, int or None
        The mildest value at which the net Sharpe ratio is at or below half the run's own, and at or below zero,
        everything else as declared but an assumed impact; None where none of those tried is, and where the assumed
        impact alone does that. No limit on participation is never a failure, nor is a value at which nothing is traded.
    halved_after, fails_after : int or None
        How many of the values that were tried this is away from the declared one, at least 1; None where there is none.
    sharpe_ratio : float
        At `fails_at`; NaN where there is none.
    assumed : bool
        Whether the other values are tried with an impact that the study does not declare.
    """

    axis: str
    declared: Any
    halved_at: Any
    halved_after: int | None
    fails_at: Any
    fails_after: int | None
    sharpe_ratio: float
    assumed: bool = False


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
    own, base = keeper.outcome(declared).sharpe_ratio, surface.base

    def ratio(capital: float) -> float:
        return keeper.outcome(base.at("capital", capital)).sharpe_ratio

    half = least = zero = math.nan
    if own > 0.0:
        ratios = [(value, outcome.sharpe_ratio) for value, outcome in curve]
        _, half = _span(ratios, base.capital, own / 2.0, ratio)
        least, zero = _span(ratios, base.capital, 0.0, ratio)
    return Capacity(base.impact, base.impact != declared.impact, curve, half, zero, least)


def _span(
    curve: Sequence[tuple[float, float]], declared: float, level: float, ratio: Callable[[float], float]
) -> tuple[float, float]:
    """Return the capital from which on, and up to which, the Sharpe ratio is above a level.

    In between lies the declared capital, or where it is not above the level there, the largest capital below that is,
    or else the smallest beyond. The ends are 0.0 and infinity where all that was tried on that side is above the level,
    NaN and 0.0 where nothing that was tried is. Where nothing is traded, it is not above any level.
    """
    above = [at for at, (_, reached) in enumerate(curve) if reached > level]
    place = [capital for capital, _ in curve].index(declared)
    if not above:
        return math.nan, 0.0
    start = max((at for at in above if at <= place), default=above[0])

    def left(capital: float) -> float:
        reached = ratio(capital)
        return -1.0 if math.isnan(reached) else reached - level

    def edge(side: Sequence[tuple[float, float]], otherwise: float) -> float:
        steps = ((near, far) for (near, _), (far, reached) in pairwise(side) if not reached > level)
        ends = next(steps, None)
        return otherwise if ends is None else _root(left, min(ends), max(ends))

    return edge(curve[start::-1], 0.0), edge(curve[start:], math.inf)


def _root(above: Callable[[float], float], low: float, high: float) -> float:
    """Find where `above` is zero between two positive numbers, to a millionth of it."""
    ends = {math.log(low): low, math.log(high): high}  # the exponential of a logarithm may be another number
    return math.exp(brentq(lambda power: above(ends.get(power, math.exp(power))), *ends, xtol=1e-6))


def failures(keeper: Keeper, plan: Plan) -> tuple[Failure, ...]:
    """Say of every axis how far it may move, what fails after the fewest steps first."""
    declared = plan.declared
    found = [
        _failure(keeper, surface, axis, declared)
        for surface in (*_assumed(plan), *plan.surfaces)
        for axis in surface.axes
        if len(surface.along(axis)) > 1
    ]
    return tuple(sorted(found, key=_rank))


def _assumed(plan: Plan) -> list[Surface]:
    """Lay out what is assumed of impact, which is a change of what was declared like any other."""
    found = {surface.base.impact for surface in plan.surfaces} - {plan.declared.impact}
    return [Surface("impact", plan.declared, ("impact",), ((plan.declared.impact, impact),)) for impact in found]


def _rank(failure: Failure) -> tuple[float, float, float]:
    after, halved = (np.inf if steps is None else steps for steps in (failure.fails_after, failure.halved_after))
    return after, halved, failure.sharpe_ratio if after < np.inf else 0.0


def _failure(keeper: Keeper, surface: Surface, axis: str, run: Cell) -> Failure:
    own = keeper.outcome(run).sharpe_ratio
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
        assumed=surface.base.impact != run.impact,
    )


def _first(along: Sequence[tuple[Any, float]], outward: Sequence[int], level: float) -> int | None:
    """Return the nearest place where the Sharpe ratio is at or below a level; None where it is at the first already."""
    places = [at for at in outward if along[at][0] is not None and along[at][1] <= level]  # NaN, never traded, is not
    return None if not along[outward[0]][1] > level else next(iter(places), None)
