"""The probability of backtest overfitting: other programs' numbers, a case by hand, and what must not change it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import DataError, ParameterError
from quantml.evaluation.inference import overfitting_logits, probability_of_backtest_overfitting

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
CASES = json.loads((REFERENCE / "pbo_cscv.json").read_text())["cases"] if REFERENCE.exists() else []


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if "csv" in c["inputs"]])
def test_values_of_other_programs(case, reference_dir):
    table = pd.read_csv(reference_dir / case["inputs"]["csv"])
    returns, blocks = table.select_dtypes("number").to_numpy(), case["inputs"]["n_partitions"]
    logits, expected = overfitting_logits(returns, blocks=blocks), case["expected"]
    assert len(logits) == expected["n_combinations"]
    assert logits.mean() == pytest.approx(expected["mean_logit_N_plus_1"], abs=1e-9)
    found = probability_of_backtest_overfitting(returns, blocks=blocks)
    assert found == pytest.approx(expected["pbo_rank_over_N_plus_1"], abs=1e-9)


def test_two_blocks_by_hand():
    # the first is best in the first half and worst in the second, the second the other way round; the third is between
    first, second = [0.03, 0.05], [-0.05, -0.03]
    returns = np.column_stack([first + second, second + first, [0.01, -0.01] * 2])
    assert overfitting_logits(returns, blocks=2) == pytest.approx([np.log(1 / 3), np.log(1 / 3)])  # rank 1 of 3: 1/4
    assert probability_of_backtest_overfitting(returns, blocks=2) == 1.0


def test_the_middle_one_counts_as_overfitted():
    best, middle, worst = [0.03, 0.05], [0.01, 0.03], [-0.05, -0.03]
    returns = np.column_stack([best + middle, middle + best, worst + worst])
    assert overfitting_logits(returns, blocks=2).tolist() == [0.0, 0.0]  # rank 2 of 3: 2/4
    assert probability_of_backtest_overfitting(returns, blocks=2) == 1.0


def test_one_that_is_always_best_and_ones_that_never_trade():
    steady = np.column_stack([[0.02, 0.01] * 20, np.zeros(40), np.zeros(40)])
    assert overfitting_logits(steady, blocks=4) == pytest.approx(np.full(6, np.log(3.0)))  # rank 3 of 3: 3/4
    losing = np.column_stack([[-0.02, -0.01] * 20, np.zeros(40), np.zeros(40)])
    assert overfitting_logits(losing, blocks=4) == pytest.approx(np.full(6, np.log(2.5 / 1.5)))  # two share ranks 2, 3


@given(st.integers(0, 2**32), st.floats(0.1, 100.0))
@settings(max_examples=20, deadline=None)
def test_neither_leverage_nor_the_order_of_configurations_matters(seed, leverage):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (67, 5))
    expected = probability_of_backtest_overfitting(returns, blocks=6)
    assert probability_of_backtest_overfitting(leverage * returns[:, ::-1], blocks=6) == expected


@pytest.mark.parametrize(
    ("returns", "blocks", "error", "text"),
    [
        (np.zeros((40, 3)), 5, ParameterError, "blocks must be an even number from 2 to 20; got 5"),
        (np.zeros((40, 3)), 22, ParameterError, "got 22"),
        (np.zeros((40, 1)), 4, DataError, "a column for each of at least 2 configurations"),
        (np.zeros((7, 3)), 4, DataError, "at least 2 rows for each of 4 blocks; got 7"),
        (np.full((40, 3), np.nan), 4, DataError, "returns must be finite; got nan"),
    ],
)
def test_bad_input(returns, blocks, error, text):
    with pytest.raises(error, match=text):
        probability_of_backtest_overfitting(returns, blocks=blocks)
