"""Conditions: what they change of costs and decisions."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Costs
from quantml.evaluation import metrics
from quantml.sensitivities.cells import delayed, outcome_of, scaled
from quantml.sensitivities.ground import Ground
from quantml.simulation import simulate
from tests.sensitivities.conftest import make_bars, make_study

EVERY = Costs(
    commission_bps=1.0, spread_bps=2.0, slippage_bps=3.0, borrow_bps=4.0, financing_bps=5.0, commission_per_share=0.5,
    commission_minimum=6.0, commission_maximum=70.0, commission_tiers=[(1e4, 8.0), (1e5, 2.0)], slippage_volatility=0.25,
    impact=0.75, impact_permanent=1.5, window=30,
)  # fmt: skip


def test_every_cost_is_scaled_and_nothing_else():
    twice = scaled(EVERY, 2.0)
    kept = {field.name for field in fields(Costs) if getattr(twice, field.name) == getattr(EVERY, field.name)}
    assert kept == {"window"}
    assert twice.commission_tiers == ((1e4, 16.0), (1e5, 4.0))  # where a tier begins is no cost
    assert (twice.commission_maximum, twice.impact) == (140.0, 1.5)
    assert scaled(EVERY, 1.0) == EVERY


def ground_of(weights, bars=None):
    return Ground(None, make_study(), type("Market", (), {"bars": make_bars() if bars is None else bars}), weights)


def test_decisions_come_later_and_the_first_rows_decide_nothing():
    bars = make_bars(5)
    weights = pd.DataFrame(
        [[0.5, np.nan, -0.5], [np.nan] * 3, [0.25, 0.25, 0.0], [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
        index=bars.clock, columns=list("ABC"),
    )  # fmt: skip
    moved = delayed(weights, 2, ground_of(weights, bars)).to_numpy()
    assert moved[0].tolist() == [0.0, 0.0, 0.0]  # the account opens flat
    assert np.isnan(moved[1]).all()
    assert moved[2].tolist() == [0.5, 0.0, -0.5]  # what was not wanted is held no more
    assert np.isnan(moved[3]).all()
    assert moved[4].tolist() == [0.25, 0.25, 0.0]
    assert np.isnan(delayed(weights, 9, ground_of(weights, bars)).to_numpy()[1:]).all()
    assert delayed(weights, 0, ground_of(weights, bars)).equals(weights)


def summed_up(made, year, initial_cash):
    """What `Simulation` says of itself, summed up."""
    traded = made.fills[made.fills["kind"] == "ordered"]
    before, years = made.equity.shift(fill_value=initial_cash), len(made) / year
    return {
        "turnover": made.turnover.sum() / years,
        "cost_drag": (made.costs.sum(axis=1) / before.where(before > 0.0, 1.0)).sum() / years,
        "excess": (made.returns - made.risk_free).mean(),
        "traded": traded["notional"].sum(),
        "paid": made.fills[["commission", "spread", "slippage", "impact"]].to_numpy().sum(),
    }


@pytest.mark.parametrize("size", [0.3, 90.0])
def test_what_is_summed_up_is_what_the_simulation_says(size):
    bars = make_bars(60)
    close = bars.close.mask((bars.close.index >= bars.clock[20])[:, None] & [False, True, False])  # B is delisted
    bars = Bars.from_close(close, periods_per_year=252)
    weights = pd.DataFrame(np.random.default_rng(5).normal(0.0, size, (60, 3)), index=bars.clock, columns=list("ABC"))
    made = simulate(weights, bars, costs=Costs(commission_bps=10.0, borrow_bps=100.0), cash=0.03, initial_cash=1e4)
    assert set(made.fills["kind"]) == {"ordered", "delisted" if size < 1.0 else "ruined"}
    found = outcome_of(made, 252.0)
    assert found.sharpe_ratio == metrics.sharpe_ratio(made.returns, periods_per_year=252, risk_free=made.risk_free)
    assert found.annual_return == metrics.annual_return(made.returns, periods_per_year=252)
    assert found.ruined == (size > 1.0)
    for name, value in summed_up(made, 252.0, 1e4).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-12), name
