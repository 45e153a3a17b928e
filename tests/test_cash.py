"""What cash earns: the rate's timing, interest and debt in the books, and what is measured beyond it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import quantml as qm
from quantml import CashRate, Choice, Costs, Fill, Study, Tuning, WalkForward
from quantml.bars import Bars
from quantml.cash import cash_returns
from quantml.errors import DataError, ParameterError, StudyError
from quantml.evaluation import metrics
from quantml.evaluation.verdict import judge
from quantml.exogenous import Exogenous
from quantml.loaders import Published, Synthetic
from quantml.signals import MovingAverageCross
from quantml.simulation import buy_and_hold, simulate
from quantml.validation.tuning import Objective
from tests.simulation.conftest import make_bars, make_world

NAN = np.nan
seeds = st.integers(0, 10**5)
fills = st.sampled_from(list(Fill))
some = settings(max_examples=15, deadline=None)


def held(bars, weight):
    return pd.DataFrame({"A": [weight]}, index=bars.clock[:1])


# -------------------------------------------------------------------- timing


def test_a_constant_rate_is_simple_and_credited_on_every_bar():
    # 25.2 % a year is 0.1 % a bar: 1000, 1001, 1002.001
    done = simulate(held(bars := make_bars([10, 10, 10]), 0.0), bars, cash=0.252, initial_cash=1000)
    assert_allclose(done.equity, [1000.0, 1001.0, 1002.001], rtol=1e-15)
    assert_allclose(done.interest, [0.0, 1.0, 1.001], rtol=1e-12)
    assert_allclose(done.risk_free, [0.0, 0.001, 0.001], rtol=1e-15)


def rated(bars, values, lag="0d", column="rate"):
    """Bars with a table of rates per year, one for each of the first rows."""
    table = pd.DataFrame({column: values}, index=bars.clock[: len(values)])
    return bars.with_tables(Exogenous(table, name="bills", lag=lag))


def test_the_rate_of_a_bar_was_known_at_the_one_before():
    bars = rated(make_bars([10] * 5), [0.252, 0.504, 0.0])
    assert_allclose(cash_returns(CashRate("bills", "rate"), bars), [0.0, 0.001, 0.002, 0.0, 0.0], atol=1e-18)
    late = rated(make_bars([10] * 5), [0.252, 0.504, 0.0], lag="1d")
    with pytest.raises(DataError, match="the rate on cash must be known, and below 1.0 in size; got nan .2024-01-01"):
        cash_returns(CashRate("bills", "rate"), late)
    assert_allclose(cash_returns(CashRate("bills", "rate"), late, 1), [0.0, 0.001, 0.002, 0.0], atol=1e-18)


def test_monthly_returns_are_rates_of_a_twelfth_of_a_year():
    factors = Published("fama_french", lag="0d").load()
    market = factors.frame[["Mkt-RF"]].loc["2000":"2018"]
    bars = Bars.from_returns(market, base="1999-12-31").with_tables(factors)
    earned = pd.Series(cash_returns(CashRate("fama_french", "RF", periods_per_year=12), bars), bars.clock)
    # A month earns what the table said of the month before, which is what was known when it began
    assert earned.loc["2007-03-31"] == pytest.approx(factors.frame.loc["2007-02-28", "RF"], rel=1e-12)
    daily = make_bars([10, 10]).with_tables(Exogenous(pd.DataFrame({"RF": [0.0021]}, index=[pd.Timestamp("2023-12-31")]),
                                                      name="ff", lag="0d"))  # fmt: skip
    assert_allclose(cash_returns(CashRate("ff", "RF", 12.0), daily), [0.0, 0.0021 * 12 / 252], rtol=1e-15)


@some
@given(seed=seeds, row=st.integers(1, 20))
def test_a_rate_that_changes_later_changes_nothing_before(seed, row):
    bars = make_bars(np.linspace(10.0, 12.0, 25))
    rates = np.random.default_rng(seed).uniform(-0.05, 0.2, 25)
    changed = np.where(np.arange(25) >= row, rates + 0.1, rates)
    before, after = (simulate(held(panel := rated(bars, values), 0.5), panel, cash=CashRate("bills", "rate"))
                     for values in (rates, changed))  # fmt: skip
    assert_array_equal(before.equity.iloc[: row + 1], after.equity.iloc[: row + 1])
    assert (before.equity.iloc[row + 1 :] < after.equity.iloc[row + 1 :]).all()
    short = rated(bars, rates).until(bars.clock[row])
    cut = simulate(held(short, 0.5), short, cash=CashRate("bills", "rate"))
    assert_array_equal(cut.equity, before.equity.iloc[: row + 1])


# ------------------------------------------------------------------- the books


def test_debt_pays_the_rate_and_the_spread_on_it():
    # Twice the equity of 10,000 at a price that stands still owes 10,000: 1 bp a bar to the rate and 2 to the lender
    bars = make_bars([100, 100, 100])
    done = simulate(
        held(bars, 2.0), bars, cash=0.0252, costs=Costs(financing_bps=504), fill=Fill.PERIOD, initial_cash=1e4
    )
    assert_allclose(done.cash, [-10_000.0, -10_003.0, -10_006.0009], rtol=1e-14)
    assert_allclose(done.interest, [0.0, -1.0, -1.0003], rtol=1e-12)
    assert_allclose(done.costs["financing"], [0.0, 2.0, 2.0006], rtol=1e-12)


def test_proceeds_of_a_short_sale_are_cash():
    bars = make_bars([100, 100])
    done = simulate(
        held(bars, -1.0), bars, cash=0.0252, costs=Costs(borrow_bps=126), fill=Fill.PERIOD, initial_cash=1e4
    )
    # 20,000 earn 1 bp; 10,000 borrowed shares cost half a bp
    assert_allclose(done.equity, [10_000.0, 10_001.5], rtol=1e-15)


def test_no_rate_is_a_rate_of_zero_and_a_ruined_account_earns_nothing():
    world = make_world(11)
    none, zero = (simulate(world.weights, world.bars, cash=cash).ledger for cash in (None, 0.0))
    for name, values in none.items():
        assert_array_equal(values, zero[name])
    assert not none["interest"].any()
    bars = make_bars([100, 100, 160, 90, 90])
    ruined = simulate(held(bars, -2.0), bars, cash=0.5, fill=Fill.NEXT_CLOSE)
    assert ruined.ruined_at == bars.clock[2]
    assert not ruined.interest.iloc[3:].any()


@some
@given(seed=seeds, fill=fills, gross=st.sampled_from([1.0, 5.0]), rate=st.floats(-0.1, 0.3))
def test_the_books_balance_with_interest(seed, fill, gross, rate):
    world = make_world(seed, gross=gross)
    costs = Costs(commission_bps=2, spread_bps=4, borrow_bps=300, financing_bps=200)
    done = simulate(world.weights, world.bars, costs=costs, fill=fill, cash=rate, delist_after=3)
    positions, marks = done.positions.to_numpy(), np.nan_to_num(done.marks.to_numpy())
    value = positions * marks
    scale = 1e-10 * max(1e6, float(np.abs(value).max()))
    assert_allclose(done.cash + value.sum(axis=1), done.equity, atol=scale)
    spent = np.zeros(len(done))
    np.add.at(spent, done.clock.get_indexer(done.fills["time"]), done.fills["units"] * done.fills["price"])
    earned = np.diff(value.sum(axis=1), prepend=0.0) - spent
    change = np.diff(done.equity, prepend=done.initial_cash)
    assert_allclose(change, earned + done.dividends + done.interest - done.costs.sum(axis=1), atol=scale)
    alive = slice(None) if done.ruined_at is None else slice(0, done.clock.get_loc(done.ruined_at))
    before = np.concatenate([[done.initial_cash], done.cash.iloc[:-1]])
    expected = before * np.where(np.arange(len(done)) > 0, rate / 252.0, 0.0)
    assert_allclose(done.interest.iloc[alive], expected[alive], atol=scale)
    per_trade = done.trades["net_pnl"].sum()
    whole = done.equity.iloc[-1] - done.initial_cash
    assert_allclose(per_trade + done.interest.sum() - done.costs["financing"].sum(), whole, atol=10 * scale)


@some
@given(seed=seeds, rate=st.floats(-0.1, 0.3))
def test_the_return_beyond_cash_is_that_of_the_positions_beyond_cash(seed, rate):
    # With Fill.PERIOD and a decision on every bar: r - c = w (s - c), for any leverage
    generator = np.random.default_rng(seed)
    bars = make_bars(100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, 30))))
    weights = pd.DataFrame({"A": generator.uniform(-2.0, 2.0, 30)}, index=bars.clock)
    done = simulate(weights, bars, fill=Fill.PERIOD, cash=rate)
    excess = bars.returns()["A"].to_numpy()[1:] - rate / 252.0
    assert_allclose(done.returns.iloc[1:] - done.risk_free.iloc[1:], weights["A"].to_numpy()[:-1] * excess, atol=1e-12)


def test_the_benchmark_earns_on_what_is_not_yet_bought():
    bars = make_bars([10, 10, 10])
    done = buy_and_hold(bars, cash=0.252, fill=Fill.NEXT_CLOSE, initial_cash=1000)
    assert_allclose(done.equity, [1000.0, 1001.0, 1001.0], rtol=1e-15)  # interest until the fill at the next close


# --------------------------------------------------------------------- errors


@pytest.mark.parametrize("cash", [5.0, -1.0, NAN, True, "0.05"])
def test_a_rate_is_a_decimal(cash):
    bars = make_bars([10, 10])
    with pytest.raises(ParameterError, match="cash must be a simple rate per year as a decimal, or a CashRate; got"):
        simulate(held(bars, 0.0), bars, cash=cash)
    with pytest.raises(ParameterError, match="Write 0.05 for 5 % a year"):
        study(cash=cash)


@pytest.mark.parametrize(
    ("cash", "text"),
    [
        (
            CashRate("bils", "rate"),
            "CashRate.table must be an outside table of the bars; got 'bils'. Did you mean 'bills'?",
        ),
        (CashRate("bills", "rat"), "a column must be in the table 'bills'; got 'rat'. Did you mean 'rate'?"),
        (CashRate("bills", "rate"), "the rate on cash must be known, and below 1.0 in size; got 5.25 (2024-01-02)"),
    ],
)
def test_a_table_that_does_not_serve_is_named(cash, text):
    bars = rated(make_bars([10, 10, 10, 10]), [0.05, 5.25])
    with pytest.raises(DataError) as caught:
        simulate(held(bars, 0.0), bars, cash=cash)
    assert text in str(caught.value)


def test_bars_without_tables_say_how_to_join_one():
    with pytest.raises(DataError, match="There are none; join some with Study.exogenous"):
        cash_returns(CashRate("bills", "rate"), make_bars([10, 10]))


# ---------------------------------------------------------- measured beyond it


def test_measures_that_take_a_rate_are_of_what_was_earned_beyond_it():
    # By hand: 0.01, 0.03 and 0.02 less 0.01 have the mean 0.01 and the deviation 0.01
    summed = metrics.summary([0.01, 0.03, 0.02], periods_per_year=4, benchmark=[0.0, 0.02, 0.03], risk_free=0.01)
    assert summed["sharpe_ratio"] == pytest.approx(2.0)
    assert summed["kelly_fraction"] == pytest.approx(100.0)
    # The benchmark's are -0.01, 0.01 and 0.02: sums of products 2e-4 and of squares 14/3 e-4; 0.01 - 3/7 * 0.02 / 3 left
    assert summed["beta"] == pytest.approx(3.0 / 7.0)
    assert summed["alpha"] == pytest.approx(4.0 * 0.05 / 7.0)
    assert summed["annual_volatility"] == pytest.approx(0.02)
    plain = metrics.summary([0.01, 0.03, 0.02], periods_per_year=4)
    assert plain["sharpe_ratio"] == pytest.approx(4.0)


def test_an_objective_takes_the_rate_where_its_metric_does():
    returns = pd.Series([0.01, 0.03, 0.02])
    assert Objective.of("sharpe_ratio").score(returns, 4, 0.01) == pytest.approx(2.0)
    assert Objective.of("sharpe_ratio").score(returns, 4) == pytest.approx(4.0)
    assert Objective.of("total_return").score(returns, 4, 0.01) == pytest.approx(1.01 * 1.03 * 1.02 - 1.0)
    assert Objective.of(lambda returns: float(returns.sum())).score(returns, 4, 0.01) == pytest.approx(0.06)


def test_the_verdict_rests_on_the_sharpe_ratio_beyond_cash():
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    verdict = judge(returns, np.zeros(500), periods_per_year=252, seed=1, risk_free=np.full(500, 0.0004), resamples=100)
    excess = returns - 0.0004
    assert verdict.sharpe_ratio.estimate == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(252))


# -------------------------------------------------------------- a whole study

WORLD = Synthetic(symbols=2, sessions=500, seed=4).load()
BILLS = Exogenous(pd.DataFrame({"yield": np.linspace(0.01, 0.09, 30)},
                               index=pd.date_range("1999-12-31", periods=30, freq="ME")), name="bills", lag="1d")  # fmt: skip


def study(**changes):
    parts = {
        "data": WORLD,
        "signal": MovingAverageCross(fast=5, slow=20),
        "fill": Fill.NEXT_CLOSE,
        "costs": Costs(commission_bps=2),
        "validation": WalkForward(train=150, test=100),
        "exogenous": [BILLS],
    }
    return Study(**{**parts, **changes})


def test_a_run_earns_interest_and_measures_beyond_it():
    plain, done = qm.run(study()), qm.run(study(cash=CashRate("bills", "yield")))
    equity = done.equity
    assert (plain.equity["interest"] == 0.0).all()
    # Interest on each bar is the cash at the previous close times the newest yield known then
    known = BILLS.read("yield", pd.DatetimeIndex(equity["time"]))[:-1] / 252
    assert_allclose(equity["interest"].iloc[1:], equity["cash"].to_numpy()[:-1] * known, rtol=1e-12)
    assert_allclose(equity["risk_free"].iloc[1:], known, rtol=1e-14)
    for name, column in (("metrics", "returns"), ("benchmark_metrics", "benchmark_returns")):
        excess = equity[column] - equity["risk_free"]
        assert done.manifest[name]["sharpe_ratio"] == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(252))
    assert done.verdict.sharpe_ratio.estimate == pytest.approx(done.metrics["sharpe_ratio"])
    assert done.metrics["total_return"] > plain.metrics["total_return"]
    assert done.id != plain.id


def test_folds_are_scored_and_tuned_beyond_cash():
    tuned = study(signal=MovingAverageCross(fast=Choice(2, 5), slow=20), tuning=Tuning("sharpe_ratio"), cash=0.05)
    done = qm.run(tuned)
    first = done.folds.iloc[0]
    chosen = done.candidates[(done.candidates["fold"] == 0) & done.candidates["chosen"]]["score"].iloc[0]
    assert first["in_sample"] == chosen
    rows = (done.equity["time"] > first["test_first"]) & (done.equity["time"] <= done.folds.iloc[1]["test_first"])
    excess = (done.equity["returns"] - 0.05 / 252)[rows]
    assert first["out_of_sample"] == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(252))


def test_a_study_whose_rate_is_not_known_from_the_start_is_refused():
    young = Exogenous(BILLS.frame.iloc[8:], name="bills", lag="1d")
    with pytest.raises(DataError, match=r"the rate on cash must be known, .* got nan \(2000-01-03\)"):
        qm.run(study(exogenous=[young], cash=CashRate("bills", "yield")))
    with pytest.raises(StudyError, match="cash must hold no search space"):
        study(cash=CashRate("bills", Choice("yield", "bid")))
