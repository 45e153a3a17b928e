"""One cell: a run's decisions traded under one set of conditions, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.evaluation import metrics
from quantml.sensitivities.ground import Ground
from quantml.simulation.books import Simulation
from quantml.simulation.costs import Costs
from quantml.simulation.layout import BORROW, DELISTED, KIND, PRICE, RUINED, TIME, UNITS
from quantml.simulation.reading import Decisions
from quantml.simulation.simulator import Simulator
from quantml.validation.scoring import opened_flat

SCALED: Final = (
    "commission_bps", "spread_bps", "slippage_bps", "borrow_bps", "financing_bps", "commission_per_share",
    "commission_minimum", "slippage_volatility", "impact", "impact_permanent",
)  # fmt: skip
"""The costs that are numbers; the largest commission and the rates of tiers are scaled beside them."""


@dataclass(frozen=True)
class Cell:
    """Conditions to trade under.

    Attributes
    ----------
    costs : float
        Every declared cost times this.
    delay : int
        Bars that every decision comes later.
    participation : float or None
        Largest share of a bar's volume that is filled; None for no limit.
    capital : float
        Cash at the beginning.
    impact : float
        Coefficient of the square-root law.
    borrow_bps : float
        Per year, on what is held short.
    band : float
        Of `Rebalancing`: smaller changes of weight are not traded.
    threshold : float or None
        Of every step of the signal that has one; None where folds chose different ones.
    """

    costs: float
    delay: int
    participation: float | None
    capital: float
    impact: float
    borrow_bps: float
    band: float
    threshold: float | None

    def at(self, axis: str, value: Any) -> Cell:
        """Return the conditions with one of them changed; a multiple of costs is one of borrow and impact too."""
        if axis != "costs":
            return replace(self, **{axis: value})
        return replace(self, costs=value, impact=value * self.impact, borrow_bps=value * self.borrow_bps)

    def terms(self, declared: Costs) -> Costs:
        """Return what trading costs here."""
        return replace(scaled(declared, self.costs), impact=self.impact, borrow_bps=self.borrow_bps)

    def keeper(self, declared: Simulator) -> Simulator:
        """Return how the account is kept here."""
        return replace(
            declared,
            execution=replace(declared.execution, participation=self.participation),
            rebalancing=replace(declared.rebalancing, band=self.band),
            initial_cash=self.capital,
        )


@dataclass(frozen=True)
class Outcome:
    """What an account came to, net of everything.

    Attributes
    ----------
    sharpe_ratio : float
        Of returns beyond what cash earned, annualised; NaN where nothing was traded.
    annual_return : float
        Geometric.
    turnover : float
        Notional of orders as a fraction of the equity before them, per year.
    cost_drag : float
        Costs of every kind as a fraction of the equity before them, per year.
    excess : float
        Mean return per bar beyond what cash earned.
    traded : float
        Notional of orders, in currency.
    paid : float
        What fills cost, in currency: all costs but borrow and financing.
    ruined : bool
    """

    sharpe_ratio: float
    annual_return: float
    turnover: float
    cost_drag: float
    excess: float
    traded: float
    paid: float
    ruined: bool


def scaled(costs: Costs, by: float) -> Costs:
    """Multiply every cost, minima, maxima and tiers too, so that the same fills cost so many times as much.

    >>> scaled(Costs(spread_bps=4.0, commission_tiers=[(1e4, 2.0)]), 2.0).commission_tiers
    ((10000.0, 4.0),)
    """
    changed: dict[str, Any] = {name: getattr(costs, name) * by for name in SCALED}
    most = costs.commission_maximum
    changed["commission_maximum"] = None if most is None else most * by
    changed["commission_tiers"] = tuple((start, rate * by) for start, rate in costs.commission_tiers)
    return replace(costs, **changed)


def declared_cell(ground: Ground, threshold: float | None) -> Cell:
    """Return the conditions that the run itself was made under."""
    costs, simulator = ground.study.costs, ground.simulator
    return Cell(
        costs=1.0,
        delay=0,
        participation=simulator.execution.participation,
        capital=float(simulator.initial_cash),
        impact=float(costs.impact),
        borrow_bps=float(costs.borrow_bps),
        band=float(simulator.rebalancing.band),
        threshold=threshold,
    )


def delayed(weights: pd.DataFrame, bars: int, ground: Ground) -> pd.DataFrame:
    """Let every decision come `bars` rows of the clock later; the first rows then decide nothing.

    What has left the universe in between, or was not wanted, is decided to be held no more.
    """
    if bars == 0:
        return opened_flat(weights)
    values = weights.to_numpy()
    moved = np.full(values.shape, np.nan)
    moved[bars:] = values[: max(len(values) - bars, 0)]
    member = ground.bars.members[len(ground.bars) - len(values) :]
    decides = ~np.isnan(moved).all(axis=1, keepdims=True)
    moved = np.where(decides & (np.isnan(moved) | ~member), 0.0, moved)
    return opened_flat(pd.DataFrame(moved, index=weights.index, columns=weights.columns))


def keep(ground: Ground, weights: Decisions, cell: Cell, costs: Costs | None = None) -> Simulation:
    """Keep the account of `weights`, which have been delayed already, under a cell's conditions.

    Parameters
    ----------
    ground : Ground
    weights : Decisions
    cell : Cell
    costs : Costs, optional
        In place of those of the cell.
    """
    simulator = cell.keeper(ground.simulator)
    terms = cell.terms(ground.study.costs) if costs is None else costs
    return simulator.simulate(weights, ground.bars, costs=terms, fill=ground.fill, cash=ground.study.cash)


def outcome_of(simulation: Simulation, periods_per_year: float) -> Outcome:
    """Sum an account up.

    Parameters
    ----------
    simulation : Simulation
    periods_per_year : float
    """
    book, returns = simulation.ledger, simulation.returns.to_numpy()
    before = np.concatenate([[simulation.initial_cash], book["equity"][:-1]])
    before = np.where(before > 0.0, before, 1.0)  # nothing is traded or charged after ruin
    bar, notional = _orders(simulation)
    charges, risk_free, years = book["charges"], book["risk_free"], len(returns) / periods_per_year
    ratio = math.nan  # where nothing was traded, what differs from cash is rounding
    if notional.size:
        ratio = metrics.sharpe_ratio(returns, periods_per_year=periods_per_year, risk_free=risk_free)
    return Outcome(
        sharpe_ratio=ratio,
        annual_return=metrics.annual_return(returns, periods_per_year=periods_per_year),
        turnover=float((notional / before[bar]).sum()) / years,
        cost_drag=float((charges / before[:, None]).sum()) / years,
        excess=float((returns - risk_free).mean()),
        traded=float(notional.sum()),
        paid=float(charges[:, :BORROW].sum()),
        ruined=simulation.ruined_at is not None,
    )


def _orders(simulation: Simulation) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the bar and the notional of every fill that somebody traded: none is one at a delisting, or at ruin."""
    facts, amounts = simulation.ledger["fills"], simulation.ledger["amounts"]
    kind = facts[:, KIND]
    traded = (kind != DELISTED) & (kind != RUINED)
    return facts[:, TIME][traded], (np.abs(amounts[:, UNITS]) * amounts[:, PRICE])[traded]
