"""Conditions: what they change of costs and decisions."""

from dataclasses import fields

import numpy as np
import pandas as pd

from quantml import Costs
from quantml.sensitivities.cells import delayed, scaled
from quantml.sensitivities.ground import Ground
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
