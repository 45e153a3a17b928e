from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml.errors import ParameterError
from quantml.simulation import Costs
from quantml.simulation.costs import KINDS
from quantml.space import Choice


def test_rates_are_fractions_and_half_the_spread() -> None:
    costs = Costs(commission_bps=1, spread_bps=4, slippage_bps=3, borrow_bps=50.4, financing_bps=252)
    expected = {"commission": 1e-4, "spread": 2e-4, "slippage": 3e-4, "impact": 0.0, "borrow": 2e-5, "financing": 1e-4}
    assert dict(zip(KINDS, costs.rates(252.0).tolist(), strict=True)) == pytest.approx(expected, rel=1e-15)
    assert costs.fill_bps == 6.0


def test_nothing_costs_nothing_unless_declared() -> None:
    assert not Costs().rates(12.0).any()


@pytest.mark.parametrize(
    "name",
    [
        "commission_bps",
        "spread_bps",
        "slippage_bps",
        "borrow_bps",
        "financing_bps",
        "commission_per_share",
        "commission_minimum",
        "slippage_volatility",
        "impact",
        "impact_permanent",
    ],
)
@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, "1", None, True])
def test_a_bad_cost_is_named(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=rf"^Costs.{name} must be a finite number of at least 0; got "):
        Costs(**{name: value})


def test_every_alternative_is_checked() -> None:
    assert Costs(commission_bps=Choice(1.0, 2.0)) == Costs(commission_bps=Choice(1.0, 2.0))
    with pytest.raises(ParameterError, match="spread_bps"):
        Costs(spread_bps=Choice(1.0, -1.0))
