from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import signal, stats

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.features import Autocorrelation, Entropy, Hurst, Kurtosis, PermutationEntropy, Quantile, Skewness

NAN = np.nan
LOG2 = np.log(2.0)


def of_returns(returns: Any) -> Bars:
    logs = np.concatenate([[0.0], np.cumsum(returns)])
    days = pd.bdate_range("2000-01-03", periods=len(logs))
    return Bars.from_close(pd.DataFrame({"A": np.exp(logs)}, index=days), periods_per_year=252)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        # of 0, 0, 3 %: deviations -1, -1, 2, cubes add to 6, squares to 6: 3 sqrt(2) / 1 x 6 / 6^1.5; of 0, 3, 3 minus it
        (Skewness(3), [NAN, NAN, NAN, np.sqrt(3.0), -np.sqrt(3.0)]),
        # of 0, 0, 3, 3 %: fourth powers 4 x 1.5^4, squares 9: 3 / 2 x (20 x 20.25 / 81 - 9) = -6; of 0, 3, 3, 3: 4
        (Kurtosis(4), [NAN, NAN, NAN, NAN, -6.0, 4.0]),
        (Quantile(3, q=0.25), [NAN, NAN, NAN, 0.0, 0.015, 0.03]),
        (Quantile(4, q=1.0), [NAN, NAN, NAN, NAN, 0.03, 0.03]),
        (Quantile(2), [NAN, NAN, 0.0, 0.015, 0.03, 0.03]),
        # of 0, 0, 3, 3 %: two of each; of 0, 3, 3, 3: one and three
        (Entropy(4, bins=2), [NAN, NAN, NAN, NAN, 1.0, 2.0 - 0.75 * np.log2(3.0)]),
    ],
    ids=str,
)
def test_by_hand(feature: Any, expected: list[float]) -> None:
    result = feature(of_returns([0.0, 0.0, 0.03, 0.03, 0.03]))["A"]
    np.testing.assert_allclose(result[: len(expected)], expected, rtol=1e-9, atol=1e-15)


def test_orders_by_hand() -> None:
    # of 4, 7, 9, 10, 6, 11, 3 four runs of two rise and two fall (Bandt and Pompe 2002, p. 1): 0.918 bits; of runs of
    # three, two rise throughout, one has its end in the middle twice, and one its end lowest twice: 1.522 bits
    returns = np.array([4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0]) / 100.0
    bars = of_returns(returns)
    two, three = PermutationEntropy(7, order=2)(bars)["A"], PermutationEntropy(7, order=3)(bars)["A"]
    assert two.iloc[-1] == pytest.approx(-(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3)), rel=1e-12)
    assert two.iloc[-1] == pytest.approx(0.918, abs=5e-4)
    assert three.iloc[-1] == pytest.approx(1.522 / np.log2(6.0), abs=5e-4)
    assert two.iloc[:-1].isna().all()


def test_of_equal_returns_the_earlier_counts_as_the_smaller() -> None:
    close = pd.DataFrame({"A": 5.0}, index=pd.bdate_range("2000-01-03", periods=8))
    bars = Bars.from_close(close, periods_per_year=252)
    assert PermutationEntropy(6)(bars)["A"].iloc[-1] == 0.0  # only one order comes
    assert Entropy(6)(bars)["A"].iloc[-1] == 0.0
    close.iloc[-1] = 10.0  # and an equal pair counts as one that rises
    assert PermutationEntropy(6, order=2)(Bars.from_close(close, periods_per_year=252))["A"].iloc[-1] == 0.0
    for feature in (Skewness(4), Kurtosis(4), Autocorrelation(4)):
        assert feature(bars)["A"].isna().all()


def by_pandas(own: pd.Series, statistic: Callable[[pd.Series], pd.Series]) -> NDArray[np.float64]:
    return statistic(np.log(own.dropna()).diff()).to_numpy()


@pytest.mark.parametrize("window", [4, 21, 60])
def test_equals_scipy_and_pandas(bars: Bars, window: int) -> None:
    for symbol in bars.symbols:
        rows, own = bars.close[symbol].notna().to_numpy(), bars.close[symbol]
        cases: list[tuple[Any, Callable[[pd.Series], pd.Series]]] = [
            (Skewness(window), lambda r: r.rolling(window).apply(partial(stats.skew, bias=False), raw=True)),
            (Kurtosis(window), lambda r: r.rolling(window).apply(partial(stats.kurtosis, bias=False), raw=True)),
            (Quantile(window, q=0.1), lambda r: r.rolling(window).quantile(0.1)),
            (Autocorrelation(window, lag=3), lambda r: r.rolling(window).corr(r.shift(3))),
        ]
        for feature, statistic in cases:
            result = feature(bars)[symbol].to_numpy()[rows]
            np.testing.assert_allclose(result, by_pandas(own, statistic), rtol=1e-9, atol=1e-9)


def test_entropy_equals_numpy_histograms(bars: Bars) -> None:
    own = np.log(bars.close["pause"].dropna()).diff().to_numpy()
    result = Entropy(30, bins=5)(bars)["pause"].dropna().to_numpy()
    for last, entropy in zip(range(30, len(own)), result, strict=True):
        shares = np.histogram(own[last - 29 : last + 1], bins=5)[0] / 30.0
        shares = shares[shares > 0.0]
        assert entropy == pytest.approx(-np.sum(shares * np.log(shares)) / np.log(5.0), rel=1e-12)


def test_hurst_is_a_slope_of_variances_without_bias() -> None:
    returns = np.random.default_rng(2).normal(0.0, 0.01, 16)
    logs = np.concatenate([[0.0], np.cumsum(returns)])
    variances = []
    for m in (1, 2, 4):  # written from Lo and MacKinlay (1988, eq. 12)
        moves = logs[m:] - logs[:-m] - m * logs[-1] / 16.0
        variances.append(m * np.sum(moves**2) / (m * (16 - m + 1) * (1 - m / 16)))
    slope = np.polyfit(np.log([1.0, 2.0, 4.0]), np.log(variances), 1)[0]
    result = Hurst(16)(of_returns(returns))["A"]
    assert result.iloc[-1] == pytest.approx(slope / 2.0, rel=1e-9)
    assert result.iloc[:-1].isna().all()


def test_hurst_tells_memory() -> None:
    noise = np.random.default_rng(5).normal(0.0, 0.01, (3, 3000))
    memories = [signal.lfilter([1.0], [1.0, -phi], row) for phi, row in zip((-0.6, 0.0, 0.6), noise, strict=True)]
    reverting, none, trending = (Hurst(256)(of_returns(returns))["A"].mean() for returns in memories)
    assert reverting < 0.4
    assert 0.42 < none < 0.55
    assert trending > 0.6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Skewness(2), "Skewness.window must be at least 3; got 2."),
        (lambda: Kurtosis(3), "Kurtosis.window must be at least 4; got 3."),
        (lambda: Quantile(0), "Quantile.window must be at least 1; got 0."),
        (lambda: Quantile(5, q=1.5), "Quantile.q must be from 0 to 1; got 1.5."),
        (lambda: Autocorrelation(2), "Autocorrelation.window must be at least 3; got 2."),
        (lambda: Autocorrelation(5, lag=0), "Autocorrelation.lag must be at least 1; got 0."),
        (lambda: Hurst(15), "Hurst.window must be at least 16; got 15."),
        (lambda: Entropy(1), "Entropy.window must be at least 2; got 1."),
        (lambda: Entropy(5, bins=1), "Entropy.bins must be at least 2; got 1."),
        (lambda: PermutationEntropy(5, order=7), "PermutationEntropy.order must be at most 6; got 7."),
        (lambda: PermutationEntropy(5, order=1), "PermutationEntropy.order must be at least 2; got 1."),
        (lambda: PermutationEntropy(3, order=4), "PermutationEntropy.window must be at least order, 4; got 3."),
    ],
)
def test_parameters_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
