"""Plain accounts come to what the ledger comes to, whatever happens to symbols."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import Bars, Costs, Fill
from quantml.evaluation import metrics
from quantml.sensitivities.cells import account_of, outcome_of
from quantml.sensitivities.plain import is_plain, keep_plain, lay_tape
from quantml.simulation import Execution, Margin, Rebalancing, Simulator, StopLoss

ROWS, SYMBOLS = 40, ["A", "B", "C"]


def odd_bars(generator, gaps):
    """Bars with gaps, late starts, early ends, splits, dividends and wild prices."""
    clock = pd.bdate_range("2021-01-04", periods=ROWS)
    close = 50.0 * np.cumprod(1.0 + generator.normal(0.0, 0.06, (ROWS, 3)).clip(-0.5, 0.5), axis=0)
    parts = []
    for n, symbol in enumerate(SYMBOLS):
        kept = generator.random(ROWS) >= gaps
        kept[: int(generator.integers(0, 6)) * (n == 1)] = False
        kept[ROWS - int(generator.integers(0, 25)) * (n == 2) :] = False
        kept[0] |= n == 0
        own = pd.DataFrame({"symbol": symbol, "close": close[:, n]}, index=clock)
        own["open"] = own["close"] * generator.uniform(0.97, 1.03, ROWS)
        own["high"], own["low"] = own[["open", "close"]].max(axis=1), own[["open", "close"]].min(axis=1)
        own["split"] = np.where(generator.random(ROWS) < 0.05, 2.0, 1.0)
        own["dividend"] = np.where(generator.random(ROWS) < 0.05, 0.5, 0.0)
        parts.append(own[kept])
    rows = pd.concat(parts)
    missing = clock.difference(rows.index)
    return Bars.from_frame(pd.concat([rows, parts[0].reindex(missing).assign(
        symbol="A", open=50.0, high=50.0, low=50.0, close=50.0, split=1.0, dividend=0.0)]).sort_values("symbol", kind="stable")
        .groupby("symbol", group_keys=False)[["symbol", "open", "high", "low", "close", "split", "dividend"]].apply(lambda part: part.sort_index()))  # fmt: skip


def weights_on(bars, first, generator, size):
    values = generator.normal(0.0, size, (len(bars) - first, 3)).round(2)
    values[generator.random(values.shape) < 0.2] = 0.0
    values[generator.random(len(values)) < 0.5] = np.nan
    values[0] = np.nan_to_num(values[0])
    return pd.DataFrame(values, index=bars.clock[first:], columns=list(bars.symbols))


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6), gaps=st.sampled_from([0.0, 0.3]), size=st.sampled_from([0.2, 1.0, 4.0]),
    band=st.sampled_from([0.0, 0.15]), fill=st.sampled_from([Fill.NEXT_OPEN, Fill.NEXT_CLOSE]),
    cash=st.sampled_from([None, 0.05]), borrow=st.sampled_from([0.0, 500.0]), first=st.sampled_from([0, 7]),
)  # fmt: skip
def test_a_plain_account_is_the_ledgers(seed, gaps, size, band, fill, cash, borrow, first):
    generator = np.random.default_rng(seed)
    bars = odd_bars(generator, gaps)
    weights = weights_on(bars, first, generator, size)
    costs = Costs(commission_bps=10.0, spread_bps=8.0, slippage_bps=3.0, borrow_bps=borrow, financing_bps=300.0)
    simulator = Simulator(rebalancing=Rebalancing(band=band), initial_cash=1e4, delist_after=3)
    assert is_plain(simulator, costs, bars, fill)
    made = simulator.simulate(weights, bars, costs=costs, fill=fill, cash=cash)
    tape = lay_tape(bars, fill, first, cash)
    mine, its = keep_plain(weights, tape, simulator, costs.rates(bars.periods_per_year)), account_of(made)
    assert mine.ruined == its.ruined
    for name in ("equity", "turnover", "charges"):
        np.testing.assert_allclose(getattr(mine, name), getattr(its, name), rtol=1e-10, atol=1e-8, err_msg=name)
    np.testing.assert_array_equal(tape.cash, made.risk_free)


def test_what_is_summed_up_is_what_the_metrics_say():
    generator = np.random.default_rng(5)
    bars = odd_bars(generator, 0.1)
    costs = Costs(commission_bps=10.0, borrow_bps=100.0)
    made = Simulator().simulate(weights_on(bars, 0, generator, 0.3), bars, costs=costs, cash=0.03)
    year = bars.periods_per_year
    found = outcome_of(account_of(made), made.risk_free.to_numpy(), 1e6, year)
    assert found.sharpe_ratio == metrics.sharpe_ratio(made.returns, periods_per_year=year, risk_free=made.risk_free)
    assert found.annual_return == metrics.annual_return(made.returns, periods_per_year=year)
    assert found.turnover == pytest.approx(made.turnover.sum() * year / ROWS, rel=1e-12)
    assert found.traded == pytest.approx(made.fills.loc[made.fills["kind"] == "ordered", "notional"].sum(), rel=1e-12)
    assert found.paid == pytest.approx(made.fills["commission"].sum(), rel=1e-12)
    before = made.equity.shift(fill_value=1e6)
    assert found.cost_drag == pytest.approx((made.costs.sum(axis=1) / before).sum() * year / ROWS, rel=1e-12)


def test_a_decision_that_leaves_out_what_is_held_is_left_to_the_ledger():
    bars = odd_bars(np.random.default_rng(1), 0.0)
    weights = pd.DataFrame(0.3, index=bars.clock, columns=list(bars.symbols))
    weights.iloc[5, 0] = np.nan
    assert keep_plain(weights, lay_tape(bars, Fill.NEXT_CLOSE, 0, None), Simulator(), Costs().rates(252.0)) is None


@pytest.mark.parametrize(
    ("simulator", "costs", "fill"),
    [
        (Simulator(execution=Execution(lot=1.0)), Costs(), Fill.NEXT_OPEN),
        (Simulator(execution=Execution(participation=0.1)), Costs(), Fill.NEXT_OPEN),
        (Simulator(execution=Execution(limit=0.01)), Costs(), Fill.NEXT_OPEN),
        (Simulator(margin=Margin(leverage=2.0)), Costs(), Fill.NEXT_OPEN),
        (Simulator(margin=Margin(maintenance=0.25)), Costs(), Fill.NEXT_OPEN),
        (Simulator(exits=StopLoss(0.1)), Costs(), Fill.NEXT_OPEN),
        (Simulator(rebalancing=Rebalancing(every="1w")), Costs(), Fill.NEXT_OPEN),
        (Simulator(), Costs(commission_minimum=1.0), Fill.NEXT_OPEN),
        (Simulator(), Costs(), Fill.PERIOD),
    ],
)
def test_accounts_that_are_not_plain_are_left_to_the_ledger(simulator, costs, fill):
    assert not is_plain(simulator, costs, odd_bars(np.random.default_rng(1), 0.0), fill)
