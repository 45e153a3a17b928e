"""Covariances by hand and against the reference numbers of scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from quantml.errors import ParameterError
from quantml.signals import EwmaCovariance, LedoitWolf, SampleCovariance
from quantml.signals.covariance import Unsolvable, check_regular, deviations


def stock_returns(reference_dir: Path) -> tuple[list[str], Any, dict[str, Any]]:
    """Return the names and the 200 last returns of ten stocks, and the reference cases that use them."""
    cases = {case["id"]: case for case in json.loads((reference_dir / "portfolio.json").read_text())["cases"]}
    names = cases["sk_ledoit_wolf"]["inputs"]["assets"]
    prices = pd.read_csv(reference_dir / "data" / "riskfolio_stock_prices.csv", index_col=0)
    return names, prices[names].pct_change().dropna().iloc[-200:].to_numpy(), cases


def test_sample_by_hand() -> None:
    # deviations from the means (0.02 and 0.01): -0.01 0 0.01 and 0.02 -0.01 -0.01
    returns = np.array([[0.01, 0.03], [0.02, 0.0], [0.03, 0.0]])
    np.testing.assert_allclose(SampleCovariance()(returns), [[1e-4, -1.5e-4], [-1.5e-4, 3e-4]], rtol=1e-12)


def test_ewma_by_hand() -> None:
    # half-life 1: weights 1/7, 2/7, 4/7 of the squares 0.01, 0.04, 0.09; of the products 0.02, 0.02, 0
    returns = np.array([[0.1, 0.2], [0.2, 0.1], [0.3, 0.0]])
    expected = np.array([[0.01 + 0.08 + 0.36, 0.02 + 0.04], [0.02 + 0.04, 0.04 + 0.02]]) / 7
    np.testing.assert_allclose(EwmaCovariance(1.0)(returns), expected, rtol=1e-12)


def test_ledoit_wolf_on_ten_stocks(reference_dir: Path) -> None:
    _, returns, cases = stock_returns(reference_dir)
    expected, found = cases["sk_ledoit_wolf"]["expected"], LedoitWolf()(returns)
    np.testing.assert_allclose(found[0, :2], [expected["cov_0_0"], expected["cov_0_1"]], rtol=1e-9)
    np.testing.assert_allclose(np.trace(found), expected["trace"], rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**5), rows=st.integers(2, 12), columns=st.integers(1, 12))
def test_ledoit_wolf_is_scikit_learns(seed: int, rows: int, columns: int) -> None:
    returns = np.random.default_rng(seed).standard_normal((rows, columns)) * 0.01
    np.testing.assert_allclose(LedoitWolf()(returns), ledoit_wolf(returns)[0], rtol=1e-9, atol=1e-18)


def test_ledoit_wolf_shrinks_all_the_way_where_noise_is_all_there_is() -> None:
    # scikit-learn 1.9: shrinkage 1.0 on these
    found = LedoitWolf()(np.array([[0.1, -0.1], [-0.1, 0.1], [0.1, 0.1], [-0.1, -0.1]]))
    np.testing.assert_allclose(found, [[0.01, 0.0], [0.0, 0.01]], atol=1e-18)


def test_what_is_singular() -> None:
    check_regular(np.array([[1.0, 0.999], [0.999, 1.0]]))
    almost = 1.0 - 1e-12
    for covariance in (
        [[1.0, almost], [almost, 1.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[1.0, 2.0], [2.0, 1.0]],
        [[1e-8, 2e-4], [2e-4, 4.0]],
    ):
        with pytest.raises(Unsolvable, match="a singular covariance"):
            check_regular(np.array(covariance))
    with pytest.raises(Unsolvable, match="a symbol that does not move"):
        deviations(np.array([[1.0, 0.0], [0.0, 0.0]]))


def test_half_lives_are_positive() -> None:
    with pytest.raises(ParameterError) as caught:
        EwmaCovariance(0.0)
    assert str(caught.value) == "EwmaCovariance.half_life must be a finite number above 0; got 0.0."
