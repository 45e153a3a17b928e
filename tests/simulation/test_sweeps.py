"""Sweeps against `simulate`, one combination at a time, and against hand calculations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.evaluation import metrics
from quantml.simulation import AverageCross, Costs, Simulation, rule, simulate, sweep, sweep_returns
from quantml.simulation.sweeps.grids import RESULTS
from quantml.space import Choice, Integer
from quantml.timing import Fill

COSTS = Costs(commission_bps=10, spread_bps=20, slippage_bps=5, borrow_bps=252, financing_bps=504)
SEEDS = st.integers(0, 2**32 - 1)
FILLS = st.sampled_from(list(Fill))
few = settings(max_examples=40, deadline=None, derandomize=True)


@rule
def noisy(close, seed, gross):
    """Decide at random, now and then nothing, now and then the same again."""
    weights = np.empty(close.size)
    state = seed
    for k in range(close.size):
        state = (1103515245 * state + 12345) % 2147483648
        draw = state / 2147483648.0
        weights[k] = np.nan if draw < 0.4 and k > 0 else 0.0 if draw < 0.6 else gross * (draw - 0.75) * 4.0
    return weights


def summed_up(done: Simulation, periods: float) -> list[float]:
    """Return what a sweep says of an account, from its whole history."""
    returns = done.returns
    return [
        done.equity.iloc[-1],
        returns.mean(),
        metrics.annual_volatility(returns, periods_per_year=periods),
        metrics.sharpe_ratio(returns, periods_per_year=periods),
        metrics.max_drawdown(returns),
        len(done.trades),
        done.turnover.mean() * periods,
        done.costs.to_numpy().sum(),
    ]


def by_hand(each: Any, bars: Bars, table: pd.DataFrame, **given: Any) -> list[list[float]]:
    """Simulate every row of a sweep by itself."""
    names = [name for name in table if name not in (*RESULTS, "symbol")]
    return [
        summed_up(
            simulate(each.weights(bars, **row[names].to_dict())[[row["symbol"]]], bars, **given), bars.periods_per_year
        )
        for _, row in table.astype(dict.fromkeys(names, object)).iterrows()
    ]


def assert_simulated(each: Any, bars: Bars, table: pd.DataFrame, **given: Any) -> None:
    """Compare every row of a sweep with a simulation: to 1e-12, but for what is averaged over bars."""
    expected = pd.DataFrame(by_hand(each, bars, table, **given), columns=list(RESULTS))
    assert table["trades"].tolist() == expected["trades"].tolist()
    cash = given.get("initial_cash", 1e6)
    for name, size in (("final_equity", cash), ("max_drawdown", 1.0), ("turnover", 0.0), ("costs", 0.0)):
        assert_allclose(table[name], expected[name], rtol=1e-12, atol=1e-12 * size, err_msg=name)
    for name in ("mean_return", "volatility", "sharpe_ratio"):
        assert_allclose(table[name], expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


# ------------------------------------------------- as simulate


@given(SEEDS, FILLS, st.booleans(), st.sampled_from([0.5, 1.0, 3.0]))
@few
def test_a_rule_is_simulated_exactly(
    world_of: Callable[..., Any], seed: int, fill: Fill, universe: bool, gross: float
) -> None:
    bars = world_of(seed, volatility=0.05, universe=universe).bars
    table = sweep(noisy, bars, {"seed": [seed % 1000, 7], "gross": [gross]}, costs=COSTS, fill=fill)
    assert_simulated(noisy, bars, table, costs=COSTS, fill=fill)


@given(SEEDS, FILLS, st.sampled_from([1.0, 1.0 / 1.0025, -0.5, 2.0]), st.sampled_from([0.0, -1.0]))
@few
def test_a_cross_is_simulated_exactly(
    world_of: Callable[..., Any], seed: int, fill: Fill, long: float, short: float
) -> None:
    bars = world_of(seed, volatility=0.05, universe=bool(seed % 2)).bars
    each, costs = AverageCross(long=long, short=short), Costs(commission_bps=10, spread_bps=20, slippage_bps=5)
    grid = pd.DataFrame({"fast": [1, 1, 2, 3], "slow": [2, 4, 3, 50]})
    table = sweep(each, bars, grid, costs=costs, fill=fill)
    assert_simulated(each, bars, table, costs=costs, fill=fill)


@pytest.mark.parametrize("actions", [False, True])
@pytest.mark.parametrize("weight", [1.0, 1.0 / 1.001])
def test_long_stretches_are_jumped_over_exactly(weight: float, actions: bool) -> None:
    # 400 bars hold whole blocks; with `weight` = 1 / 1.001 no cash is left over, and nothing else visits the bars.
    generator = np.random.default_rng(4)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.001, 0.02, 400)))
    split, dividend = np.ones(400), np.zeros(400)
    split[200], dividend[300] = (2.0, 0.5) if actions else (1.0, 0.0)
    fields = {"close": close / np.cumprod(split), "split": split, "dividend": dividend}
    opens = fields["close"] * np.exp(generator.normal(0.0, 0.01, 400))
    fields |= {"open": opens, "high": np.maximum(opens, fields["close"]), "low": np.minimum(opens, fields["close"])}
    clock = pd.bdate_range("2020-01-01", periods=400)
    bars = Bars.from_frame(
        pd.concat({name: pd.DataFrame({"A": v}, clock) for name, v in fields.items()}, axis=1), periods_per_year=252
    )
    costs = Costs(commission_bps=10)
    table = sweep(AverageCross(long=weight), bars, {"fast": [2, 10, 40], "slow": [60, 150]}, costs=costs)
    assert table["trades"].min() >= 1
    assert_simulated(AverageCross(long=weight), bars, table, costs=costs)


def test_a_cross_by_hand(bars_of: Callable[..., Bars]) -> None:
    # Closes 4 3 4 5 10 8: the last one is above the mean of the last two from bar 2 to bar 4. Bought at bar 3's close
    # with all of the cash, 1000 / 5.05 units at 1 %; sold at the end of bar 6, 8 less 1 %. Bar by bar equity is
    # 1000 / 1.01 * (5, 10, 8) / 5, and 8 * 0.99 after the sale: returns -0.01 / 1.01, 1, -0.2, -0.01 in four of seven.
    bars = bars_of([4.0, 3.0, 4.0, 5.0, 10.0, 8.0, 8.0])
    costs = Costs(commission_bps=100)
    table = sweep(AverageCross(long=1 / 1.01), bars, {"fast": [1], "slow": [2]}, costs=costs, initial_cash=1000.0)
    found = table.iloc[0]
    returns = np.array([0.0, 0.0, 0.0, -0.01 / 1.01, 1.0, -0.2, -0.01])
    units = 1000.0 / 5.05
    assert found[["symbol", "fast", "slow", "trades"]].tolist() == ["A", 1, 2, 1]
    expected = {
        "final_equity": units * 8.0 * 0.99,
        "mean_return": returns.mean(),
        "volatility": returns.std(ddof=1) * 252**0.5,
        "sharpe_ratio": returns.mean() / returns.std(ddof=1) * 252**0.5,
        "max_drawdown": 0.8 * 0.99 - 1.0,
        "turnover": (1.0 / 1.01 + 1.0) * 252 / 7,
        "costs": units * 0.05 + units * 0.08,
    }
    assert_allclose(found[list(expected)].astype(float), list(expected.values()), rtol=1e-12)


def test_an_account_that_is_ruined_stands_still(bars_of: Callable[..., Bars]) -> None:
    @rule
    def short_once(close, weight):
        weights = np.full(close.size, np.nan)
        weights[0] = weight
        return weights

    bars = bars_of([10.0, 10.0, 40.0, 1.0, 2.0])
    table = sweep(short_once, bars, {"weight": [-1.0, -0.1]}, initial_cash=100.0)
    # -1: owes 10 * 40 against 200, and ends at -200; -0.1: 110 less one share at 2
    assert table["final_equity"].tolist() == [-200.0, 108.0]
    assert table["max_drawdown"].tolist() == [-1.0, pytest.approx(70.0 / 100.0 - 1.0)]
    assert_simulated(short_once, bars, table, initial_cash=100.0)


def test_ruin_at_the_open_closes_there(bars_of: Callable[..., Bars]) -> None:
    @rule
    def short_always(close, weight):
        return np.full(close.size, weight)

    bars = bars_of([10.0, 10.0, 12.0, 11.0], opens=[10.0, 10.0, 30.0, 11.0])
    table = sweep(short_always, bars, {"weight": [-1.0]}, initial_cash=100.0)
    assert table["final_equity"].tolist() == [-100.0]  # 200 in cash, and 10 shares bought back at 30
    assert_simulated(short_always, bars, table, initial_cash=100.0)
    # a weight that is worth less than what rounding may be is no order
    assert sweep(short_always, bars, {"weight": [1e-13, 1e-11]})["trades"].tolist() == [0, 1]


def test_nothing_held_has_no_sharpe_ratio(bars_of: Callable[..., Bars]) -> None:
    table = sweep(AverageCross(), bars_of([1.0, 2.0, 3.0]), {"fast": [1], "slow": [9]})
    row = table.iloc[0]
    assert np.isnan(row["sharpe_ratio"])
    assert row[["final_equity", "volatility", "max_drawdown", "trades", "costs"]].tolist() == [1e6, 0.0, 0.0, 0, 0.0]


def test_averages_are_equal_where_prices_stand_still(bars_of: Callable[..., Bars]) -> None:
    closes = [*np.random.default_rng(2).uniform(1.0, 9.0, 30), *[0.1] * 40]
    weights = AverageCross(short=-1.0).weights(bars_of(closes), fast=3, slow=7)["A"].ffill()
    assert (weights.iloc[36:] == 0.0).all()


def test_averages_lose_no_digits(bars_of: Callable[..., Bars]) -> None:
    # Moves of a millionth on a price of a thousand million: sums of floats would be off by more than the averages differ.
    closes = 1e9 + 1e-6 * np.random.default_rng(3).integers(-9, 10, 300)
    found = AverageCross(short=-1.0).weights(bars_of(closes), fast=3, slow=8)["A"].ffill()
    exact = [Fraction(close) for close in closes]
    for k in range(7, 300):
        apart = sum(exact[k - 2 : k + 1]) / 3 - sum(exact[k - 7 : k + 1]) / 8
        assert found.iloc[k] == (apart > 0) - (apart < 0)


# ------------------------------------------------- what comes out


def test_one_row_per_symbol_and_combination(world_of: Callable[..., Any]) -> None:
    bars = next(bars for seed in range(20) if len((bars := world_of(seed, actions=False).bars).symbols) == 3)
    table = sweep(AverageCross(), bars, {"slow": Integer(4, 5), "fast": Choice(1, 2)})
    assert table["symbol"].tolist() == ["S0"] * 4 + ["S1"] * 4 + ["S2"] * 4
    assert table.columns.tolist() == ["symbol", "fast", "slow", *RESULTS]
    assert table["slow"].tolist() == [4, 4, 5, 5] * 3
    assert table["fast"].tolist() == [1, 2, 1, 2] * 3
    assert table["trades"].dtype == np.int64


@given(SEEDS, FILLS)
@few
def test_returns_are_those_of_simulate(world_of: Callable[..., Any], seed: int, fill: Fill) -> None:
    bars = world_of(seed).bars
    table = sweep(AverageCross(), bars, {"fast": [1, 2], "slow": [3, 5, 6]}, fill=fill, costs=COSTS)
    chosen = table.sample(frac=0.6, random_state=seed)
    blocks = list(sweep_returns(AverageCross(), bars, chosen, fill=fill, costs=COSTS, block=2))
    assert max(block.shape[1] for block in blocks) <= 2
    joined = pd.concat(blocks, axis=1)
    assert sorted(joined.columns) == sorted(chosen.index)
    for label, row in chosen.iterrows():
        weights = AverageCross().weights(bars, fast=row["fast"], slow=row["slow"])[[row["symbol"]]]
        expected = simulate(weights, bars, fill=fill, costs=COSTS).returns
        assert_allclose(joined[label].dropna(), expected, rtol=1e-9, atol=1e-14)
        assert joined[label].dropna().index.equals(expected.index)


def test_threads_change_nothing(bars_of: Callable[..., Bars]) -> None:
    bars = bars_of(100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.02, 200))))
    grid = {"fast": range(1, 10), "slow": range(10, 30)}
    one, three = (sweep(AverageCross(), bars, grid, costs=COSTS, threads=n) for n in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)
    noise = {"seed": range(40), "gross": [0.5, 2.0]}
    one, three = (sweep(noisy, bars, noise, costs=COSTS, threads=n) for n in (1, 3))
    assert [one[name].to_numpy().tobytes() for name in RESULTS] == [
        three[name].to_numpy().tobytes() for name in RESULTS
    ]


def test_later_bars_change_no_weight(world_of: Callable[..., Any]) -> None:
    bars = world_of(11).bars
    cut = bars.until(bars.clock[len(bars) // 2])
    for each, parameters in ((AverageCross(), {"fast": 1, "slow": 3}), (noisy, {"seed": 3, "gross": 1.0})):
        pd.testing.assert_frame_equal(
            each.weights(cut, **parameters), each.weights(bars, **parameters).loc[: cut.clock[-1]]
        )


MEMORY = """
import numpy as np, pandas as pd, resource, sys
from quantml.bars import Bars
from quantml.simulation import AverageCross, sweep
close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 4000)))
bars = Bars.from_close(pd.DataFrame({"A": close}, pd.bdate_range("2000-01-03", periods=4000)), periods_per_year=252)
def held(combinations):
    sweep(AverageCross(), bars, {"fast": np.arange(1, 6), "slow": np.tile(np.arange(10, 30), combinations // 100)})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
few = held(100)
print(held(10_000) - few)
"""


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="without a compiler this takes minutes")
def test_memory_is_a_row_per_combination() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10_000 * 4000 * 8 / 20  # a twentieth of one array, time x combination


# ------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("grid", "text"),
    [
        ({"fast": [5]}, r"grid must have values for fast, slow; got 'none for slow'"),
        ({"fast": [5], "slwo": [9], "slow": [7]}, r"grid must name parameters .* got 'slwo'. Did you mean 'slow'"),
        ({"fast": [], "slow": [9]}, r"grid\['fast'\] must list at least one value"),
        ({"fast": 5, "slow": [9]}, r"grid\['fast'\] must be a sequence of values; got 5"),
        ({"fast": ["a"], "slow": [9]}, r"grid\['fast'\] must be numbers"),
        ({"fast": [np.nan], "slow": [9]}, r"grid\['fast'\] must be finite; got nan"),
        ({"fast": [0, 1], "slow": [9]}, r"grid\['fast'\] must be whole numbers of at least 1; got 0"),
        ({"fast": [1.5], "slow": [9]}, r"grid\['fast'\] must be whole numbers of at least 1; got 1.5"),
        ({"fast": [1, 9], "slow": [9, 12]}, r"fast below slow; got '1 of 4 combinations, such as fast=9, slow=9'"),
        (
            {"fast": range(1, 40_000), "slow": range(40_000, 80_000)},
            r"at most 1,000,000,000 combinations; got 1599960000",
        ),
        ([1, 2], r"grid must map every parameter of the rule to its values, .* got 'list'"),
    ],
)
def test_a_bad_grid_is_one_clear_error(grid: Any, text: str, bars_of: Callable[..., Bars]) -> None:
    with pytest.raises(ParameterError, match=text):
        sweep(AverageCross(), bars_of([1.0, 2.0]), grid)


def test_bad_arguments_are_refused(bars_of: Callable[..., Bars]) -> None:
    bars, grid = bars_of([1.0, 2.0, 3.0]), {"fast": [1], "slow": [2]}
    with pytest.raises(SimulationError, match="bars must have opens"):
        sweep(AverageCross(), bars, grid, fill=Fill.NEXT_OPEN)
    with pytest.raises(ParameterError, match="costs must be in proportion to notional"):
        sweep(AverageCross(), bars, grid, costs=Costs(commission_minimum=1.0))
    with pytest.raises(SimulationError, match="initial_cash must be a positive"):
        sweep(AverageCross(), bars, grid, initial_cash=0.0)
    with pytest.raises(ParameterError, match="threads must be a whole number of at least 1"):
        sweep(AverageCross(), bars, grid, threads=0)
    with pytest.raises(ParameterError, match=r"rule must be .* Decorate the function with quantml.rule"):
        sweep(lambda close: close, bars, grid)
    with pytest.raises(ParameterError, match=r"AverageCross.long must be a finite number; got nan"):
        AverageCross(long=np.nan)
    table = sweep(AverageCross(), bars, grid)
    with pytest.raises(ParameterError, match="combinations must name symbols of the bars; got 'B'"):
        sweep_returns(AverageCross(), bars, table.assign(symbol="B"))
    with pytest.raises(ParameterError, match="block must be"):
        sweep_returns(AverageCross(), bars, table, block=0)
    with pytest.raises(ParameterError, match="combinations must be a DataFrame with a column symbol"):
        sweep_returns(AverageCross(), bars, table.drop(columns="symbol"))
