"""Optimisers of skfolio's."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from quantml.errors import MissingExtra, ParameterError, SignalError
from quantml.signals import Context, EqualWeight, MinimumShortfall, Optimised, Rebalance, RiskParity, apply_steps


def returns(rows: int = 60, columns: int = 3) -> Any:
    generator = np.random.default_rng(8)
    return generator.normal(0.0005, 0.01, (rows, columns)) + generator.normal(0.0, 0.01, (rows, 1))


class Last:
    """Holds the last column alone."""

    def fit(self, x: Any) -> Last:
        self.weights_ = np.eye(x.shape[1])[-1]
        return self


class Fails:
    """Finds nothing."""

    def fit(self, x: Any) -> Fails:
        raise ValueError("no")


def test_an_estimator_of_ones_own(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    bars = panel(A=[1, 2, 1, 2], B=[1, 1.1, 1, 1.2])
    optimiser = Last()
    made = apply_steps([EqualWeight(), Rebalance(2), Optimised(2, optimiser=optimiser)], Context(bars)).values
    np.testing.assert_array_equal(made, [[0, 0], [np.nan] * 2, [0, 1], [np.nan] * 2])
    assert not hasattr(optimiser, "weights_")
    with caplog.at_level(logging.WARNING, "quantml"):
        assert not apply_steps([Optimised(2, optimiser=Fails())], Context(bars)).values.any()
    assert caplog.messages == ["Optimised decides flat on 2 of 4 rows: 2 with an optimiser that failed (ValueError)."]


def test_a_problem_without_a_solution_is_flat_and_counted(panel: Any, caplog: pytest.LogCaptureFixture) -> None:
    # skfolio and cvxpy raise errors of their own, which are no ValueError: two weights of at most 0.2 cannot add up to 1
    optimization = pytest.importorskip("skfolio.optimization")
    bars = panel(A=[1, 2, 1, 2, 1], B=[1, 1.1, 1, 1.2, 1.1])
    step = Optimised(3, optimiser=optimization.MeanRisk(max_weights=0.2))
    with caplog.at_level(logging.WARNING, "quantml"):
        assert not apply_steps([EqualWeight(), step], Context(bars)).values.any()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Optimised decides flat on 2 of 5 rows: 2 with an optimiser that failed (")


def test_a_solver_of_cvxpys_that_fails_is_flat(panel: Any) -> None:
    cvxpy = pytest.importorskip("cvxpy")

    class Unlucky:
        def fit(self, x: Any) -> Unlucky:
            raise cvxpy.SolverError("no")

    bars = panel(A=[1, 2, 1, 2], B=[1, 1.1, 1, 1.2])
    assert not apply_steps([Optimised(2, optimiser=Unlucky())], Context(bars)).values.any()


def test_an_error_that_is_no_failure_to_solve_is_told(panel: Any) -> None:
    class Mistaken:
        def fit(self, x: Any) -> Mistaken:
            raise TypeError("fit() misses an argument")

    bars = panel(A=[1, 2, 1, 2], B=[1, 1.1, 1, 1.2])
    with pytest.raises(SignalError, match=r"signal step 1 \(Optimised\) failed: .*misses an argument"):
        apply_steps([Optimised(2, optimiser=Mistaken())], Context(bars))


def test_skfolios_risk_budgeting_is_risk_parity() -> None:
    optimization = pytest.importorskip("skfolio.optimization")
    found = Optimised(60, optimiser=optimization.RiskBudgeting()).shares(returns())
    np.testing.assert_allclose(found, RiskParity(60).shares(returns()), atol=1e-4)


def test_the_least_shortfall_is_scipys() -> None:
    pytest.importorskip("skfolio")
    x, level = returns(), 0.9
    rows, columns = x.shape
    # Rockafellar and Uryasev (2000): a threshold, and what each row loses beyond it
    cost = np.concatenate([np.zeros(columns), [1.0], np.full(rows, 1 / ((1 - level) * rows))])
    beyond = np.hstack([-x, -np.ones((rows, 1)), -np.eye(rows)])
    adding_up = np.concatenate([np.ones(columns), np.zeros(1 + rows)])[None, :]
    bounds = [(0, None)] * columns + [(None, None)] + [(0, None)] * rows
    best = linprog(cost, beyond, np.zeros(rows), adding_up, [1.0], bounds)
    np.testing.assert_allclose(MinimumShortfall(60, level).shares(x), best.x[:columns], atol=1e-4)


def test_without_skfolio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skfolio", None)
    with pytest.raises(MissingExtra) as caught:
        MinimumShortfall().shares(returns())
    assert str(caught.value) == "skfolio is not installed. Install it with: pip install 'quantml[portfolio]'."


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: MinimumShortfall(level=1.0), "MinimumShortfall.level must be above 0 and below 1; got 1.0."),
        (lambda: Optimised(optimiser=3), "Optimised.optimiser must have a method fit(returns); got 3."),
    ],
)
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
