"""Allocation by hand, against published tables and other programs' numbers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.errors import ParameterError, SignalError
from quantml.signals import (
    Context,
    EqualWeight,
    HierarchicalRiskParity,
    InverseVolatility,
    LedoitWolf,
    MinimumVariance,
    Rebalance,
    RiskParity,
    apply_steps,
)
from quantml.universe import Membership
from tests.signals.test_covariance import stock_returns
from tests.signals.test_sizing import fixed

NAN = float("nan")
EVERY = [InverseVolatility, MinimumVariance, RiskParity, HierarchicalRiskParity]


def test_equal_weights_by_hand(panel: Any) -> None:
    bars = panel(A=[1, 1, 1], B=[NAN, 1, NAN], C=[1, 1, 1])
    np.testing.assert_array_equal(
        apply_steps([EqualWeight()], Context(bars)).values, [[1 / 2, 0, 1 / 2], [1 / 3] * 3, [1 / 2, 0, 1 / 2]]
    )
    rows = fixed([0.9, -0.3, 0.0], [NAN, NAN, NAN], [0.0, 0.0, 0.0])
    made = apply_steps([rows, EqualWeight()], Context(bars)).values
    np.testing.assert_allclose(made, [[0.6, -0.6, 0], [NAN] * 3, [0, 0, 0]], rtol=1e-15)


def test_inverse_volatility_by_hand(panel: Any) -> None:
    bars = panel(A=[100, 110, 99], B=[100, 105, 99.75])  # standard deviations of 0.2 and 0.1 over the root of two
    made = apply_steps([InverseVolatility(2)], Context(bars)).values
    np.testing.assert_allclose(made, [[0, 0], [0, 0], [1 / 3, 2 / 3]], rtol=1e-12)


def test_uncorrelated_symbols_by_hand(panel: Any) -> None:
    # 0.1 -0.1 0.1 -0.1 and 0.2 0.2 -0.2 -0.2 are uncorrelated, with variances of 1 to 4
    bars = panel(A=[100, 110, 99, 108.9, 98.01], B=[100, 120, 144, 115.2, 92.16])
    expected = {"MinimumVariance": [0.8, 0.2], "RiskParity": [2 / 3, 1 / 3], "HierarchicalRiskParity": [0.8, 0.2]}
    for step in (MinimumVariance(4), RiskParity(4), HierarchicalRiskParity(4)):
        made = apply_steps([step], Context(bars)).values
        np.testing.assert_allclose(made[4], expected[type(step).__name__], rtol=1e-12)
        assert not made[:4].any()


def constant(*rows: list[float]) -> Any:
    """Make a covariance that is the same whatever the returns were."""
    return lambda returns: np.array(rows)


def test_minimum_variance_of_two_by_hand(panel: Any) -> None:
    # (0.09 - 0.006) / (0.04 + 0.09 - 2 * 0.006), and where the covariance is above the smaller variance a short
    def shares(cross: float, **bounds: float) -> Any:
        return MinimumVariance(2, covariance=constant([0.04, cross], [cross, 0.09]), **bounds).shares(np.zeros((2, 2)))

    np.testing.assert_allclose(shares(0.006), [84 / 118, 34 / 118], rtol=1e-12)
    np.testing.assert_allclose(shares(0.05), [4 / 3, -1 / 3], rtol=1e-12)
    assert shares(0.05, lower=0.0).tolist() == [1.0, 0.0]
    np.testing.assert_allclose(shares(0.006, upper=0.6), [0.6, 0.4], rtol=1e-12)


def test_what_is_short_is_measured_as_such(panel: Any) -> None:
    # A and B move alike but for a little: held against each other they nearly cancel, and the quieter one gets more
    bars = panel(A=[100, 110, 99, 108.9, 98.01], B=[100, 108, 99, 107.1, 96.39], C=[1, 1, 1, 1, 1])
    context, returns = Context(bars), bars.returns().to_numpy()[1:, :2]
    made = apply_steps([fixed(*[[0.3, -0.5, 0.0]] * 5), MinimumVariance(4)], context).values[4]
    covariance = np.cov(returns[:, 0], -returns[:, 1])
    share = np.linalg.solve(covariance, [1, 1])
    np.testing.assert_allclose(made, [0.8 * share[0] / share.sum(), -0.8 * share[1] / share.sum(), 0], rtol=1e-9)


def padded(returns: Any) -> Any:
    """Estimate a covariance that two rows do not make singular."""
    return np.cov(returns, rowvar=False).reshape([returns.shape[1]] * 2) + 0.01 * np.eye(returns.shape[1])


MEASURED = [
    InverseVolatility(2), MinimumVariance(2, padded, lower=0.01), RiskParity(2, padded), HierarchicalRiskParity(2)
]  # fmt: skip


@pytest.mark.parametrize("step", MEASURED, ids=lambda step: type(step).__name__)
def test_young_symbols_and_those_without_a_bar_are_no_candidates(panel: Any, step: Any) -> None:
    bars = panel(
        A=[100, 110, 99, 108.9, 98.01], B=[NAN, NAN, 50, 52, 49], C=[10, NAN, 12, 11, NAN], D=[10, 11, 10, 13, 11]
    )
    made = apply_steps([step], Context(bars)).values
    assert (made != 0.0).tolist() == [
        [False] * 4, [False] * 4, [True, False, True, True], [True, False, True, True], [True, True, False, True]
    ]  # fmt: skip
    np.testing.assert_allclose(made[2:].sum(axis=1), 1.0, rtol=1e-12)


def test_what_a_young_symbol_held_is_split_among_the_others(panel: Any) -> None:
    bars = panel(A=[100, 110, 99], B=[100, 105, 99.75], C=[NAN, 1, 2], D=[1, 2, 3])
    made = apply_steps([fixed(*[[0.5, -0.15, 0.25, NAN]] * 3), InverseVolatility(2)], Context(bars)).values
    np.testing.assert_allclose(made[2], [0.3, -0.6, 0.0, NAN], rtol=1e-12)


def test_no_decision_stays_none_and_is_not_computed(panel: Any) -> None:
    bars = panel(A=[100, 110, 99, 120, 110], B=[100, 105, 99.75, 101, 100])
    calls = []

    def counted(returns: Any) -> Any:
        calls.append(len(returns))
        return np.cov(returns, rowvar=False)

    steps = [EqualWeight(), Rebalance(2), MinimumVariance(2, covariance=counted, lower=0.0)]
    made = apply_steps(steps, Context(bars)).values
    assert np.isnan(made).all(axis=1).tolist() == [False, True, False, True, False]
    assert len(calls) == 2


def test_only_members_are_held(panel: Any) -> None:
    bars = panel(A=[100, 110, 99], B=[100, 105, 99.75], C=[100, 101, 90])
    spells = [("A", bars.clock[0], pd.NaT), ("B", bars.clock[0], pd.NaT)]
    bars = bars.with_membership(Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"])))
    np.testing.assert_allclose(apply_steps([InverseVolatility(2)], Context(bars)).values[2], [1 / 3, 2 / 3, 0])


def test_a_symbol_stays_a_candidate_while_its_exchange_is_closed() -> None:
    # Martin Luther King Day, 2024-01-15, in New York
    days = pd.DatetimeIndex(["2024-01-10", "2024-01-11", "2024-01-12", "2024-01-15"])
    closes = pd.DataFrame({"A": [100, 110, 99, 101.0], "B": [100, 105, 99.75, NAN]}, days)
    bars = Bars.from_close(closes, calendar={"A": "XLON", "B": "XNYS"})
    made = apply_steps([InverseVolatility(2)], Context(bars)).values
    b = 0.05 / np.sqrt(2)  # of -0.05 and no return
    a = (0.1 + 2 / 99) / np.sqrt(2)
    np.testing.assert_allclose(made[3], [b / (a + b), a / (a + b)], rtol=1e-12)


# ------------------------------------------------------------- other programs


@pytest.mark.parametrize(
    ("case", "step", "tolerance"),
    [
        ("riskfolio_min_variance", MinimumVariance(lower=0.0), 1e-6),
        ("skfolio_min_variance", MinimumVariance(lower=0.0), 2e-5),
        ("riskfolio_risk_parity", RiskParity(), 5e-6),
        ("skfolio_risk_budget_variance", RiskParity(), 5e-6),
        ("skfolio_inverse_vol", InverseVolatility(), 1e-14),
    ],
)
def test_ten_stocks(reference_dir: Path, case: str, step: Any, tolerance: float) -> None:
    names, returns, cases = stock_returns(reference_dir)
    expected = [cases[case]["expected"][name] for name in names]
    np.testing.assert_allclose(step.shares(returns), expected, rtol=0, atol=tolerance)


def test_lopez_de_prados_table() -> None:
    # Lopez de Prado (2018), table 16.1: his snippet 16.5 with Python 2's random numbers, which drew these columns
    generator = np.random.RandomState(12345)
    first, noise = generator.normal(0, 1, (10000, 5)), generator.normal(0, 0.25, (10000, 5))
    returns = np.hstack([first, first[:, [2, 0, 4, 1, 1]] + noise])
    hierarchical = [7.00, 7.59, 10.84, 19.03, 9.72, 10.19, 6.62, 9.10, 7.12, 12.79]
    np.testing.assert_allclose(100 * HierarchicalRiskParity().shares(returns), hierarchical, atol=0.005)
    critical_line = [14.44, 19.93, 19.73, 19.87, 18.68, 0.00, 5.86, 1.51, 0.00, 0.00]
    np.testing.assert_allclose(100 * MinimumVariance(lower=0.0).shares(returns), critical_line, atol=0.025)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**5), n=st.integers(1, 9))
def test_shares_add_up_and_contributions_are_equal(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    returns = generator.standard_normal((40, n)) * generator.uniform(0.01, 0.1, n) + generator.normal(0, 0.02, (40, 1))
    covariance = np.cov(returns, rowvar=False).reshape(n, n)
    for step in (make(40) for make in EVERY):
        shares = step.shares(returns)
        assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    parity = RiskParity(40).shares(returns)
    np.testing.assert_allclose(parity * (covariance @ parity) * n, parity @ covariance @ parity, rtol=1e-10)
    assert np.all(HierarchicalRiskParity(40).shares(returns) > 0.0)


# ------------------------------------------------------------- flat and errors


def test_rows_without_weights_are_flat_and_counted(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    bars = panel(A=[100, 110, 99, 120, 110, 111], B=[100, 110, 99, 120, 113, 111], C=[NAN] * 4 + [1, 1])
    with caplog.at_level(logging.WARNING, "quantml"):
        made = apply_steps([MinimumVariance(3)], Context(bars)).values
    assert not made[:4].any()  # too young, which is no warning, and one and the same
    assert made[4:].any(axis=1).all()
    assert caplog.messages == ["MinimumVariance decides flat on 1 of 6 rows: 1 with a singular covariance."]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "quantml"):
        apply_steps([MinimumVariance(3, covariance=LedoitWolf())], Context(bars))
        apply_steps([HierarchicalRiskParity(3)], Context(bars))
    assert caplog.messages == []


def test_every_reason_is_told(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    bars = panel(A=[100, 110, 99, 120, 110], B=[1, 1, 1, 1, 2], C=[NAN, NAN, NAN, 3, 4])
    rows = fixed([0, 0, 0], [1, 1, 1], [0, 0, 1], [1, 1, 0], [1, 1, 0])
    with caplog.at_level(logging.WARNING, "quantml"):
        made = apply_steps([rows, InverseVolatility(2)], Context(bars)).values
        apply_steps([rows, MinimumVariance(2, padded, upper=0.4)], Context(bars))
    assert not made[:4].any()
    assert made[4, :2].all()
    assert caplog.messages == [  # the first row is flat by decision, the second too early for all
        "InverseVolatility decides flat on 2 of 4 rows: 1 with a symbol that does not move, 1 with no candidate.",
        "MinimumVariance decides flat on 3 of 4 rows: 2 with bounds that its candidates cannot keep, 1 with no "
        "candidate.",
    ]


def test_a_forecast_is_no_weight(panel: Any, forecast: Any) -> None:
    bars = panel(A=[1, 2], B=[1, 2])
    with pytest.raises(SignalError) as caught:
        apply_steps([RiskParity()], Context(bars, forecast=forecast(bars, [[1, 1], [1, 1]])))
    assert str(caught.value) == (
        "RiskParity must receive weights, or no forecast at all; got 'Forecast'. Put a rule before it, such as Sign() "
        "or TopK(), or use MeanVariance() or BlackLitterman()."
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RiskParity(1), "RiskParity.window must be a whole number of rows, at least 2; got 1."),
        (lambda: MinimumVariance(lower=0.5, upper=0.5), "MinimumVariance.lower must be below upper, 0.5; got 0.5."),
        (lambda: MinimumVariance(upper=NAN), "MinimumVariance.upper must be a finite number, or None; got nan."),
    ],
)
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text


def test_a_covariance_is_an_object_not_its_class() -> None:
    for make in (MinimumVariance, RiskParity, HierarchicalRiskParity):
        with pytest.raises(ParameterError, match="must be a function of returns, such as SampleCovariance"):
            make(covariance=LedoitWolf)
