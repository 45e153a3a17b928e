"""The resampling kernel, block lengths and long-run variances."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.evaluation.bootstrap import (
    BlockLength,
    block_sums,
    long_run_variance,
    optimal_block_length,
    resample_blocks,
)

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
FILE = REFERENCE / "bootstrap_spa_mcs.json"
CASES = json.loads(FILE.read_text())["cases"] if FILE.exists() else []
LATER = {"hansen_spa", "model_confidence_set", "stepm"}  # comparisons of many runs
TRANSFORMS = {
    "sp500_ret": lambda prices: prices[1:] / prices[:-1] - 1,
    "sp500_abs": lambda prices: np.abs(prices[1:] / prices[:-1] - 1),
    "sp500_sq": lambda prices: (prices[1:] / prices[:-1] - 1) ** 2,
}


def autoregression(size, coefficient, generator):
    shocks = generator.standard_normal(size) * math.sqrt(1 - coefficient**2)
    values = np.empty(size)
    values[0] = generator.standard_normal()
    for t in range(1, size):
        values[t] = coefficient * values[t - 1] + shocks[t]
    return values


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if c["fn"] == "optimal_block_length"])
def test_optimal_block_length(case):
    given = case["inputs"]
    values = pd.read_csv(REFERENCE / given["csv"])[given["column"]].to_numpy()
    lengths = optimal_block_length(TRANSFORMS[given["transform"]](values) if "transform" in given else values)
    assert lengths._asdict() == pytest.approx(case["expected"], rel=case["tol"]["rel"])


def test_every_function_of_the_reference_is_covered_or_later(reference_dir):
    assert {case["fn"] for case in CASES} == {"optimal_block_length"} | LATER


@pytest.mark.parametrize("values", [[], [1.0] * 50, np.arange(19.0)])
def test_a_constant_or_short_series_has_blocks_of_one(values):
    assert optimal_block_length(values) == BlockLength(1.0, 1.0)


def test_a_series_of_a_single_move_has_a_block_length():
    values = np.zeros(200)
    values[0] = 1.0
    assert all(math.isfinite(length) for length in optimal_block_length(values))


def test_blocks_go_around_the_circle():
    columns = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert block_sums(columns, 2).tolist() == [[3.0, 30.0], [6.0, 60.0], [5.0, 50.0]]
    assert block_sums(columns, 1).tolist() == columns.tolist()


@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25)
def test_the_kernel_sums_what_an_explicit_resample_would_hold(length, blocks, seed):
    columns = np.random.default_rng(0).normal(size=(14, 2))
    total, products = resample_blocks(block_sums(columns, length), blocks, 5, np.random.default_rng(seed))
    starts = (np.random.default_rng(seed).random((5, blocks)) * 14).astype(int)
    chosen = columns[(starts[:, :, None] + np.arange(length)) % 14]  # resample, block, row in it, column
    np.testing.assert_allclose(total, chosen.sum(axis=(1, 2)), atol=1e-12)
    sums = chosen.sum(axis=2)
    np.testing.assert_allclose(products, np.einsum("rbi,rbj->rij", sums, sums), atol=1e-12)


def test_long_run_variance_of_independent_values_is_their_variance():
    values = np.random.default_rng(4).standard_normal(20_000)
    assert long_run_variance(values) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("coefficient", [-0.3, 0.3, 0.7])
def test_long_run_variance_of_an_autoregression(coefficient):
    values = autoregression(20_000, coefficient, np.random.default_rng(5))
    # unit variance, so that autocovariances sum to (1 + a) / (1 - a)
    assert long_run_variance(values) == pytest.approx((1 + coefficient) / (1 - coefficient), rel=0.06)


@given(st.integers(0, 50), st.floats(0.1, 50.0), st.floats(-5.0, 5.0))
@settings(max_examples=20)
def test_long_run_variance_scales_with_the_square(seed, scale, shift):
    values = autoregression(80, 0.4, np.random.default_rng(seed))
    assert long_run_variance(scale * values + shift) == pytest.approx(scale**2 * long_run_variance(values), rel=1e-6)
