"""What is read off the cells: checked on plain simulations, and on numbers made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Costs, Study, WalkForward
from quantml.sensitivities import Axes, sensitivity
from quantml.sensitivities.readings import Failure, _fall, _first, _zero
from quantml.sensitivities.sentences import sentence_of
from quantml.simulation import simulate
from tests.sensitivities.conftest import make_study


def excess(finished, study, costs):
    weights = finished.weights.pivot(index="time", columns="symbol", values="weight")
    made = simulate(weights, study.data, costs=costs, fill=study.fill, cash=study.cash)
    return float((made.returns - made.risk_free).mean())


def test_nothing_is_left_at_the_break_even_costs(finished, study, found):
    multiple, bps = found.break_even.multiple, found.break_even.bps
    assert multiple > 1.0
    at = {name: multiple * getattr(study.costs, name) for name in ("commission_bps", "spread_bps", "borrow_bps")}
    assert excess(finished, study, Costs(**at)) == pytest.approx(0.0, abs=1e-11)
    assert excess(finished, study, Costs(slippage_bps=bps, borrow_bps=40.0)) == pytest.approx(0.0, abs=1e-11)
    assert found.break_even.paid_bps == pytest.approx(2.0 + 6.0 / 2.0)  # commission and half the spread


def test_fills_break_even_where_no_multiple_of_small_costs_does(study, found):
    little = sensitivity(qm.run(make_study(costs=Costs(spread_bps=0.002))), axes=Axes(costs=(1.0,)))
    bare = sensitivity(qm.run(make_study(costs=Costs(spread_bps=6.0))), axes=Axes(costs=(1.0,)))
    assert little.break_even.multiple == math.inf  # 1,024 times 0.001 basis points per fill
    assert little.break_even.bps == pytest.approx(bare.break_even.bps, rel=1e-6)


def test_break_even_by_hand():
    """Bought at 100 of equity once, sold at 110: costs c of each notional leave nothing where (1 - c) 1.1 (1 - c) = 1."""

    def once(weights, context):
        frame = pd.DataFrame(np.nan, index=context.bars.clock, columns=list(context.bars.symbols))
        frame.iloc[4], frame.iloc[8] = 1.0, 0.0
        return frame

    clock = pd.bdate_range("2024-01-01", periods=14)
    close = pd.DataFrame({"A": [100.0] * 7 + [110.0] * 7}, index=clock)
    bars = Bars.from_close(close, periods_per_year=252)
    study = Study(data=bars, signal=once, validation=WalkForward(train=3, test=11), costs=Costs(spread_bps=10.0))
    found = sensitivity(qm.run(study))
    # mean return: -c, +10 %/(1-c) on the rest, -c of what is sold; the account is 100 - 100c in cash terms after the buy
    bps = found.break_even.bps
    assert found.break_even.multiple == pytest.approx(bps / 5.0)
    made = simulate(
        pd.DataFrame({"A": [1.0, 0.0]}, index=clock[[4, 8]]), bars, costs=Costs(slippage_bps=bps), initial_cash=100.0
    )
    assert made.returns.mean() == pytest.approx(0.0, abs=1e-10)
    assert 0.04 < bps / 1e4 < 0.06


def test_a_run_that_loses_without_costs_breaks_even_at_none_and_has_nothing_to_lose():
    found = sensitivity(qm.run(make_study(signal=_against)))
    assert (found.break_even.multiple, found.break_even.bps) == (0.0, 0.0)
    assert found.failures == ()
    assert found.sentence.startswith("The run has nothing to lose: its net Sharpe ratio is -")
    assert math.isnan(found.capacity.zero)


def _against(forecast, context):
    return context.weights(np.where(np.isnan(forecast.mean), 0.0, -np.sign(forecast.mean) / 3.0))


def test_capacity_is_where_a_plain_simulation_falls(finished, study, found):
    size = found.capacity
    assert (size.impact, size.assumed) == (1.0, True)
    assert 1e6 < size.half < size.zero < 1e9
    weights = finished.weights.pivot(index="time", columns="symbol", values="weight")
    costs = Costs(commission_bps=2.0, spread_bps=6.0, borrow_bps=40.0, impact=1.0)
    for capital, wanted in ((size.half, found.own.sharpe_ratio / 2.0), (size.zero, 0.0)):
        made = simulate(weights, study.data, costs=costs, fill=study.fill, cash=0.02, initial_cash=capital)
        got = qm.metrics.sharpe_ratio(
            made.returns, periods_per_year=study.data.periods_per_year, risk_free=made.risk_free
        )
        assert got == pytest.approx(wanted, abs=1e-4)


def test_roots_are_bracketed_and_their_absence_is_plain():
    assert _zero(lambda x: 3.0 - x, [1.0, 2.0], most=100.0) == pytest.approx(3.0)
    assert _zero(lambda x: -1.0, [1.0], most=100.0) == 0.0
    assert _zero(lambda x: 1.0, [1.0], most=100.0) == math.inf
    curve = [(10.0, 2.0), (100.0, 0.5), (1000.0, -1.0)]
    assert _fall(curve, lambda x: 2.0 - 1.5 * math.log10(x / 10.0)) == pytest.approx(10.0 ** (1.0 + 2.0 / 1.5))
    assert _fall(curve[:2], lambda x: 1.0) == math.inf
    assert _fall([(10.0, -0.1)], lambda x: 1.0) == 0.0


def test_the_nearest_failing_value_counts_on_either_side():
    along = [(1, -0.1), (2, 0.5), (3, 1.0), (4, 0.8), (5, 0.4), (6, 0.0)]
    outward = [2, 1, 3, 0, 4, 5]
    assert (_first(along, outward, 0.0), _first(along, outward, 0.5), _first(along, outward, -1.0)) == (0, 1, None)
    assert _first([(1, math.nan)], [0], 0.0) == 0  # an account that never trades has nothing left


def test_what_fails_after_the_fewest_steps_is_named_first(found, finished):
    steps = [one.fails_after for one in found.failures if one.fails_after is not None]
    assert steps == sorted(steps)
    first = found.failures[0]
    assert first.fails_after == steps[0]
    many = sensitivity(finished, axes=Axes(costs=(50.0,), delay=(0,), capital=(1e6,), participation=(1.0,), threshold=(), band=(0.0,), borrow_bps=(40.0,)))  # fmt: skip
    assert [(one.axis, one.fails_at) for one in many.failures if one.fails_after is not None] == [("costs", 50.0)]
    assert many.sentence == (
        f"Costs fail first: the net Sharpe ratio is {many.failures[0].sharpe_ratio:.2f} at 50 times the declared costs,"
        f" from {many.own.sharpe_ratio:.2f}."
    )


def test_sentences():
    none = Failure("delay", 0, None, None, None, None, math.nan)
    halved = Failure("costs", 1.0, 2.0, 3, None, None, math.nan)
    assert (
        sentence_of(0.5, [none])
        == "Nothing that was tried brings the net Sharpe ratio of 0.50 to zero, or even to half."
    )
    assert sentence_of(0.5, [none, halved]) == (
        "Nothing that was tried brings the net Sharpe ratio of 0.50 to zero; costs halve it first, at 2 times the declared"
        " costs."
    )
