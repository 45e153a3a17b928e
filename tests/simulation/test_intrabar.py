"""Daily bars against the minutes that they are made of: what stops earn lies between the two paths that the ledger keeps.

Prices move without jumps through the minutes of a day, and may gap at its open. A world's minutes say what became of each
trade; the ledger sees days. With ``QUANTML_WORLDS=full`` ten times as many worlds are drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from quantml.bars import Bars
from quantml.simulation import Execution, Simulation, StopLoss, TakeProfit, TimeStop, TrailingStop, simulate

WORLDS = range(3_000 if os.environ.get("QUANTML_WORLDS") == "full" else 300)
DAYS, MINUTES, CYCLE, WEIGHT = 49, 40, 6, 0.5
LOSS, PROFIT, TRAIL = 0.01, 0.012, 0.02
BOTH = (StopLoss(LOSS), TakeProfit(PROFIT))
ROUNDING = 1e-12


@dataclass(frozen=True)
class World:
    """Prices at the end of every minute, after the open: shape (days, minutes + 1); a trade's side per cycle of days."""

    path: np.ndarray
    sides: np.ndarray

    @property
    def clock(self) -> pd.DatetimeIndex:
        return pd.bdate_range("2024-01-01", periods=DAYS)

    @property
    def days(self) -> Bars:
        path = self.path
        columns = {"open": path[:, 0], "high": path.max(axis=1), "low": path.min(axis=1), "close": path[:, -1]}
        return bars_of(columns, self.clock)

    @property
    def minutes(self) -> Bars:
        first, last = self.path[:, :-1].ravel(), self.path[:, 1:].ravel()
        columns = {"open": first, "high": np.maximum(first, last), "low": np.minimum(first, last), "close": last}
        times = self.clock.repeat(MINUTES) + pd.to_timedelta(np.tile(np.arange(MINUTES), DAYS), unit="min")
        return bars_of(columns, times.tz_localize("UTC"))

    @property
    def entries(self) -> range:
        """The days on which trades are entered."""
        return range(1, 1 + CYCLE * len(self.sides), CYCLE)

    def weights(self, clock: pd.DatetimeIndex, rows_per_day: int = 1, leaves: bool = True) -> pd.DataFrame:
        """Decide at the close of the day before each entry, and to leave at that before the next entry's."""
        rows = [day * rows_per_day - 1 for entry in self.entries for day in (entry, entry + CYCLE - 1)]
        wanted = [weight for side in self.sides for weight in (WEIGHT * side, 0.0)]
        decisions = pd.DataFrame({"A": wanted}, index=clock[rows])
        return decisions if leaves else decisions[::2]


def bars_of(columns: dict[str, np.ndarray], clock: pd.DatetimeIndex) -> Bars:
    frames = {name: pd.DataFrame({"A": values}, index=clock) for name, values in columns.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def draw(seed: int, *, gaps: bool = True) -> World:
    generator = np.random.default_rng([seed, 6])
    scale = generator.choice([0.01, 0.02, 0.04]) / np.sqrt(MINUTES)
    moves = generator.normal(0.0, scale, (DAYS, MINUTES + 1))
    jumps = np.where(generator.random(DAYS) < 0.5, generator.normal(0.0, 0.015, DAYS), 0.0)
    moves[:, 0] = jumps if gaps else 0.0
    path = 100.0 * np.exp(np.cumsum(moves).reshape(moves.shape))
    return World(path, generator.choice([-1.0, 1.0], (DAYS - 1) // CYCLE))


# ------------------------------------------------------------------- truth


def first_beyond(path: np.ndarray, price: float, side: float) -> float:
    """Return the first minute in which a path is at `price` or beyond it on its `side`; infinity where it is not."""
    beyond = side * (path - price) >= 0.0
    return float(np.argmax(beyond)) if beyond.any() else np.inf


def left_at(path: np.ndarray, stop: float, target: float, side: float) -> float | None:
    """Step through the minutes of a day; return the price at which a position leaves, if it does."""
    at_stop, at_target = first_beyond(path, stop, -side), first_beyond(path, target, side)
    if min(at_stop, at_target) == np.inf:
        return None
    price = stop if at_stop < at_target else target
    return float(path[0]) if min(at_stop, at_target) == 0.0 else price


def true_exit(world: World, entry: int, side: float, first: np.ndarray | None = None) -> float:
    """Return the price at which a trade ends that is entered at the open, or where the `first` day's prices begin."""
    days = list(world.path[entry : entry + CYCLE - 1])
    if first is not None:
        days[0] = first
    bought = float(days[0][0])
    stop, target = bought * (1.0 - side * LOSS), bought * (1.0 + side * PROFIT)
    for day in days:
        left = left_at(day, stop, target, side)
        if left is not None:
            return left
    return float(world.path[entry + CYCLE - 1, 0])


def true_returns(world: World) -> np.ndarray:
    """Return what each trade earned, as a fraction of equity."""
    pairs = zip(world.entries, world.sides, strict=True)
    return np.array([WEIGHT * side * (true_exit(world, day, side) / world.path[day, 0] - 1.0) for day, side in pairs])


def true_returns_of_orders(world: World, offset: float, towards: float) -> np.ndarray:
    """Return the same for orders that wait for a price so far on the side `towards` of the close, for one day."""
    earned = []
    for day, side in zip(world.entries, world.sides, strict=True):
        level = world.path[day - 1, -1] * (1.0 + towards * side * offset)
        minute = first_beyond(world.path[day], level, towards * side)
        if minute == np.inf:
            earned.append(0.0)
            continue
        since = np.concatenate([[level], world.path[day, int(minute) :]])
        earned.append(WEIGHT * side * (true_exit(world, day, side, first=since) / level - 1.0))
    return np.array(earned)


# ------------------------------------------------------------------- ledger


def kept(world: World, exits: Sequence[Any], leaves: bool = True, **more: Any) -> Simulation:
    bars = world.days
    return simulate(world.weights(bars.clock, leaves=leaves), bars, exits=exits, **more)


def by_trade(equity: pd.Series, world: World) -> np.ndarray:
    """Return what each trade earned: the account is flat at the close before each entry."""
    flat = equity.loc[world.clock[[*(entry - 1 for entry in world.entries), DAYS - 1]]].to_numpy()
    return np.asarray(flat[1:] / flat[:-1] - 1.0)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [draw(seed) for seed in WORLDS]


# ------------------------------------------------------- fixed stops and targets


@dataclass(frozen=True)
class Trades:
    """What the matched trades of many worlds earned: on the two paths of the ledger, and in truth."""

    pessimistic: np.ndarray
    optimistic: np.ndarray
    truth: np.ndarray

    @property
    def between(self) -> np.ndarray:
        return (self.pessimistic <= self.truth + ROUNDING) & (self.truth <= self.optimistic + ROUNDING)

    @property
    def is_unknown(self) -> np.ndarray:
        return self.optimistic - self.pessimistic > ROUNDING


def matched(worlds: list[World], exits: Sequence[Any], true: Callable[[World], np.ndarray], **more: Any) -> Trades:
    runs = [(world, kept(world, exits, **more)) for world in worlds]
    return Trades(
        np.concatenate([by_trade(done.equity, world) for world, done in runs]),
        np.concatenate([by_trade(done.optimistic_equity, world) for world, done in runs]),
        np.concatenate([true(world) for world in worlds]),
    )


def test_the_truth_lies_between_the_pessimistic_and_the_optimistic_path() -> None:
    found = matched([draw(seed) for seed in WORLDS], BOTH, true_returns)
    assert found.truth.size == 8 * len(WORLDS)
    assert found.between.all()
    # it is one of the two, both of them happen, and what is not ambiguous is the truth
    stopped, taken = (np.abs(found.truth - path) < ROUNDING for path in (found.pessimistic, found.optimistic))
    assert (stopped | taken).all()
    assert 0.1 < found.is_unknown.mean() < 0.5
    assert 0.3 < stopped[found.is_unknown].mean() < 0.7


def test_a_trade_is_entered_when_its_minutes_say_and_left_at_their_price() -> None:
    for seed in range(40):
        world = draw(seed)
        done = kept(world, BOTH)
        trades = done.trades
        assert trades["entry_time"].tolist() == world.clock[list(world.entries)].tolist()
        known = by_trade(done.optimistic_equity, world) - by_trade(done.equity, world) < ROUNDING
        exits = np.array([true_exit(world, day, side) for day, side in zip(world.entries, world.sides, strict=True)])
        assert_allclose(trades["exit_price"][known], exits[known], rtol=1e-14)


def test_the_ledger_on_minutes_is_the_truth() -> None:
    """Each minute goes one way, so that nothing is ambiguous."""
    for seed in range(20):
        world = draw(seed)
        bars = world.minutes
        done = simulate(world.weights(bars.clock, MINUTES), bars, exits=BOTH)
        assert done.ambiguous == 0.0
        closes = done.equity[done.clock.hour * 60 + done.clock.minute == MINUTES - 1]
        daily = pd.Series(closes.to_numpy(), index=world.clock[-len(closes) :])
        assert_allclose(by_trade(daily, world), true_returns(world), atol=ROUNDING)


@pytest.mark.parametrize(("name", "towards"), [("limit", -1.0), ("stop", 1.0)])
def test_an_order_that_fills_within_the_day_lies_between_too(name: str, towards: float) -> None:
    """Where opens do not gap: beyond a target that may have been taken already, a gap pays more than it."""
    offset = 0.005
    worlds = [draw(seed, gaps=False) for seed in WORLDS[::3]]
    exits = (*BOTH, TimeStop(CYCLE - 1))
    more = {"execution": Execution(**{name: offset}), "reenter": True, "leaves": False}
    found = matched(worlds, exits, lambda world: true_returns_of_orders(world, offset, towards), **more)
    assert found.between.all()
    assert (found.truth != 0.0).mean() > 0.5
    assert 0.1 < found.is_unknown.mean() < 0.5


# ---------------------------------------------------------------- trailing stops


def follow(prices: Sequence[float], best: float, side: float) -> float:
    """Return what a position is worth after prices that a trailing stop follows: where it leaves, or the last of them."""
    for k, price in enumerate(prices):
        stop = best * (1.0 - side * TRAIL)
        if side * (price - stop) <= 0.0:
            return price if k == 0 else stop
        best = max(best, price) if side > 0.0 else min(best, price)
    return prices[-1]


def worth_by_order(bar: np.ndarray, best: float, side: float) -> list[float]:
    """Return what a position is worth at the close of a bar, for either order of its high and low; the worse first."""
    orders = [(bar.max(), bar.min()), (bar.min(), bar.max())]
    return sorted((follow([bar[0], *order, bar[-1]], best, side) for order in orders), key=lambda price: side * price)


def test_a_trailing_stop_is_worth_the_least_that_any_order_of_open_high_low_and_close_leaves() -> None:
    """And on the optimistic path the most: on every bar up to the first on which the position is left."""
    unknown = 0
    for seed in WORLDS:
        world = draw(seed)
        done = kept(world, [TrailingStop(TRAIL)])
        assert (done.clock == world.clock).all()
        paths = np.column_stack([done.equity, done.optimistic_equity])
        for entry, side in zip(world.entries, world.sides, strict=True):
            best = bought = float(world.path[entry, 0])
            for day in range(entry, entry + CYCLE - 1):
                bar = world.path[day]
                worths = worth_by_order(bar, best, side)
                earned = paths[day] / paths[entry - 1] - 1.0
                assert_allclose(earned, WEIGHT * side * (np.array(worths) / bought - 1.0), atol=ROUNDING)
                unknown += abs(worths[0] - worths[1]) > ROUNDING
                if worths != [bar[-1], bar[-1]]:
                    break
                best = max(best, bar.max()) if side > 0.0 else min(best, bar.min())
    assert unknown > 2 * len(WORLDS)
