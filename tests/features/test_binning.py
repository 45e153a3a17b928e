from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.features import Bins, Momentum, QuantileBins, feature_name
from quantml.space import Choice, find_spaces

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=6)
CLOSE = pd.DataFrame({"A": [1.0, 5.0, NAN, 3.0, 3.0, 9.0], "B": [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]}, index=DAYS)
BARS = Bars.from_close(CLOSE, periods_per_year=252)


def close(bars: Bars) -> pd.DataFrame:
    return bars.close


def test_edges_by_hand() -> None:
    binned = Bins(close, [3.0, 5.0])(BARS)
    np.testing.assert_array_equal(binned["A"], [0.0, 2.0, NAN, 1.0, 1.0, 2.0])
    np.testing.assert_array_equal(binned["B"], [2.0, 2.0, 1.0, 1.0, 0.0, 0.0])


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_edges_equal_pandas_cut(seed: int) -> None:
    values = np.random.default_rng(seed).integers(1, 9, (30, 1)).astype(float)
    bars = Bars.from_close(pd.DataFrame(values, pd.bdate_range("2024-01-01", periods=30), ["A"]))
    expected = pd.cut(values[:, 0], [-np.inf, 2.0, 3.5, 6.0, np.inf], right=False, labels=False)
    np.testing.assert_array_equal(Bins(close, (2.0, 3.5, 6.0))(bars)["A"], expected)


def test_trailing_quantiles_by_hand() -> None:
    binned = QuantileBins(close, 2, window=3)(BARS)
    # A: of 1, 5, 3 one is below 3, and 2 * 1 / 3 is below 1; of 5, 3, 3 none; of 3, 3, 9 two are below 9
    np.testing.assert_array_equal(binned["A"], [NAN, NAN, NAN, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(binned["B"], [NAN, NAN, 0.0, 0.0, 0.0, 0.0])


@given(seed=st.integers(0, 10**6), bins=st.integers(2, 6), more=st.integers(0, 12))
@settings(max_examples=30, deadline=None)
def test_trailing_quantiles_equal_ranks_in_each_window(seed: int, bins: int, more: int) -> None:
    generator, window = np.random.default_rng(seed), bins + more
    values = generator.integers(1, 20, 40).astype(float)
    values[generator.random(40) < 0.2] = NAN
    panel = pd.DataFrame({"A": values, "B": np.ones(40)}, pd.bdate_range("2024-01-01", periods=40))
    result = QuantileBins(close, bins, window)(Bars.from_close(panel.assign(A=panel["A"].fillna(5.0))))["A"]
    own = panel["A"].fillna(5.0).to_numpy()
    for k in range(40):
        if k < window - 1:
            assert np.isnan(result.iloc[k])
        else:
            below = rankdata(own[k - window + 1 : k + 1], method="min")[-1] - 1
            assert result.iloc[k] == bins * below // window


def test_bins_are_about_equally_full() -> None:
    steps = np.random.default_rng(0).normal(size=3000)
    bars = Bars.from_close(pd.DataFrame({"A": np.exp(steps)}, pd.bdate_range("2000-01-03", periods=3000)))
    shares = QuantileBins(close, 4, 100)(bars)["A"].value_counts(normalize=True)
    np.testing.assert_allclose(shares, 0.25, atol=0.02)


def test_a_later_outlier_moves_no_earlier_bin() -> None:
    longer = BARS.until(DAYS[-2])
    later = Bars.from_close(CLOSE.assign(A=[*CLOSE["A"][:-1], 1e6]), periods_per_year=252)
    for feature in (QuantileBins(close, 2, window=3), Bins(close, (3.0,))):
        np.testing.assert_array_equal(feature(later).iloc[:-1], feature(longer))


def test_they_are_declarations() -> None:
    assert QuantileBins(Momentum(5), 4, 50).warmup == 54
    assert Bins(Momentum(5), (0.0,)).warmup == 5
    assert feature_name(Bins(Momentum(5), [0.0, 0.1])) == "Bins(Momentum(5), (0.0, 0.1))"
    assert hash(Bins(Momentum(5), [0.0])) == hash(Bins(Momentum(5), (0.0,)))
    assert [*find_spaces(QuantileBins(Momentum(5), Choice(3, 5), Choice(50, 100)))] == ["bins", "window"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bins(close, ()), "Bins.edges must be a sequence of numbers; got ()."),
        (lambda: Bins(close, 0.5), "Bins.edges must be a sequence of numbers; got 0.5."),
        (lambda: Bins(close, (0.0, "a")), "Bins.edges must be a sequence of numbers; got (0.0, 'a')."),
        (lambda: Bins(close, (1.0, 0.0)), "Bins.edges must be finite and increase; got (1.0, 0.0)."),
        (lambda: Bins(close, (0.0, np.inf)), "Bins.edges must be finite and increase; got (0.0, inf)."),
        (lambda: Bins("close", (0.0,)), "Bins.feature must be a feature; got 'close'."),
        (lambda: QuantileBins(close, 1), "QuantileBins.bins must be at least 2; got 1."),
        (lambda: QuantileBins(close, 5, 4), "QuantileBins.window must be at least the bins, 5; got 4."),
        (lambda: QuantileBins(close, 5, 0), "QuantileBins.window must be at least 1; got 0."),
    ],
)
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
