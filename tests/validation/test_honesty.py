"""Nested tuning on worlds whose truth is known: nothing is earned where there is nothing, and no more than there is.

Each of 200 candidates is a coin: long or short by chance, the same in every world, so that no candidate says anything of
another. ``QUANTML_WORLDS=full`` runs every world.
"""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Fill, Integer, Study, Tuning, WalkForward
from quantml.evaluation.metrics import sharpe_ratio
from quantml.loaders import Synthetic
from quantml.validation.scoring import account
from quantml.validation.walkforward import walk_forward

FULL = os.environ.get("QUANTML_WORLDS") == "full"
TRAIN, TEST, YEAR, PLANTED = 252, 63, 252, 17
LARGEST_OF_200 = 2.74604
"""Expected largest of 200 standard normal numbers: Harter (1961), Biometrika 48, table 1, n = 200."""


def flips(number, rows):
    """Return the decisions of a coin, +1 or -1; more of them begin with the same."""
    return np.random.default_rng([7, number]).integers(0, 2, rows) * 2.0 - 1.0


@dataclass(frozen=True)
class Coin:
    number: int

    def __call__(self, forecast, context):
        return pd.DataFrame({"A": flips(self.number, len(context.bars))}, context.bars.clock)


STUDY = Study(
    data=Synthetic(),
    signal=Coin(Integer(0, 199)),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train=TRAIN, test=TEST),
    tuning=Tuning(),
)


def make_bars(seed, rows, edge):
    """Make a world in which what the planted coin decides at t earns `edge` Sharpe ratio at t + 2, filled at t + 1."""
    returns = np.random.default_rng([41, seed]).normal(0.0, 0.01, rows)
    returns[2:] += edge * 0.01 / np.sqrt(YEAR) * flips(PLANTED, rows)[:-2]
    clock = pd.date_range("2000-01-01", periods=rows, freq="1min", tz="UTC")  # daily dates end after 262 years
    return Bars.from_close(pd.DataFrame({"A": 100.0 * np.cumprod(1.0 + returns)}, clock), periods_per_year=YEAR)


def play(seed, tests, edge=0.0):
    """Return the stitched Sharpe ratio out of sample, and the score of the best candidate in each fold's window."""
    bars = make_bars(seed, TRAIN + tests * TEST, edge)
    result = walk_forward(STUDY, bars)
    assert len(result.folds) == tests
    simulated = account(STUDY, bars, Fill.NEXT_CLOSE, result.weights.frame.iloc[result.first :])
    return sharpe_ratio(simulated.returns, periods_per_year=YEAR), [fold.in_sample for fold in result.folds]


@pytest.fixture(scope="module")
def noise():
    return [play(seed, tests=4) for seed in range(400 if FULL else 40)]


def test_nothing_is_earned_out_of_sample_where_there_is_nothing(noise):
    earned = np.array([sharpe for sharpe, _ in noise])
    assert abs(earned.mean()) < 3.0 * earned.std(ddof=1) / np.sqrt(len(earned))


def test_the_best_in_sample_is_inflated_as_theory_expects(noise):
    """The Sharpe ratio of noise over a year has the standard deviation 1: the best of 200 is their expected largest."""
    best = np.array([np.mean(scores) for _, scores in noise])
    assert best.mean() == pytest.approx(LARGEST_OF_200, abs=3.0 * best.std(ddof=1) / np.sqrt(len(best)))


@pytest.mark.skipif(not FULL, reason="thousand worlds: QUANTML_WORLDS=full")
def test_a_planted_edge_earns_what_it_earns_in_a_thousand_years():
    edge = 2.0
    short = np.array([play(seed, tests=8, edge=edge)[0] for seed in range(1_000)])
    long = np.array([play(10_000 + seed, tests=4_000, edge=edge)[0] for seed in range(4)])
    assert short.mean() == pytest.approx(long.mean(), abs=0.05)
    assert 0.3 < long.mean() < edge  # some folds find it, none earns more than there is
