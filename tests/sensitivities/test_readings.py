"""What is read off the cells: checked on plain simulations, and on numbers made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Costs, Study, WalkForward
from quantml.sensitivities import Axes, sensitivity
from quantml.sensitivities.readings import Failure, _first, _span, _zero
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


def span(ratios, declared, level):
    """Read a curve of a Sharpe ratio at 1, 10, 100, ..., straight between them in the logarithm of capital."""
    curve = [(10.0**power, ratio) for power, ratio in enumerate(ratios)]
    return _span(curve, declared, level, lambda x: float(np.interp(math.log10(x), range(len(ratios)), ratios)))


@pytest.mark.parametrize(
    ("ratios", "declared", "level", "powers"),
    [
        ([2.0, 0.5, -1.0], 1.0, 0.0, (-math.inf, 1 + 1 / 3)),
        ([2.0, 0.5], 1.0, 0.0, (-math.inf, math.inf)),  # the largest is not too much, the smallest is enough
        ([-3.0, -1.0, 1.0, 3.0, -1.0], 100.0, 0.0, (1.5, 3.75)),  # up from the declared one; less than 10^1.5 is too little
        ([-3.0, -1.0, 1.0, 3.0, -1.0], 100.0, 2.0, (2.5, 3.25)),  # not above 2 as declared, nor below: beyond
        ([2.0, 1.0, -1.0, -2.0], 100.0, 0.0, (-math.inf, 1.5)),  # an assumed impact takes all of it as declared
        ([-1.0, 1.0, -1.0, -2.0, 5.0], 100.0, 0.0, (0.5, 1.5)),  # what lies below comes before what lies beyond
        ([1.0, -1.0, 1.0, -1.0, 1.0], 1e3, 0.0, (1.5, 2.5)),  # the nearest below
        ([-1.0, -1.0, 1.0, -1.0, 1.0], 10.0, 0.0, (1.5, 2.5)),  # the nearest beyond
        ([-2.0, -1.0, -0.5], 10.0, 0.0, (math.nan, -math.inf)),  # none that was tried
    ],
)  # fmt: skip
def test_capital_that_fits_is_looked_for_from_the_declared_one_on(ratios, declared, level, powers):
    assert span(ratios, declared, level) == pytest.approx([10.0**power for power in powers], rel=1e-5, nan_ok=True)


def test_capital_at_which_nothing_is_traded_is_too_little():
    curve = [(1.0, math.nan), (10.0, 1.0), (100.0, -1.0)]
    assert _span(curve, 10.0, 0.0, lambda x: math.nan if x < 4.0 else 2.0 - math.log10(x) * 2.0 + 1.0)[0] == (
        pytest.approx(4.0, rel=1e-5)
    )


def test_capital_has_a_least_where_a_minimum_commission_takes_everything_of_little():
    study = make_study(costs=Costs(commission_minimum=40.0))
    finished = qm.run(study)
    size = sensitivity(finished, axes=Axes(costs=(1.0,), delay=(0,), threshold=())).capacity
    ratios = [outcome.sharpe_ratio for _, outcome in size.curve]
    assert ratios[0] < 0.0 < ratios[2] < ratios[3]  # 100k, 1M as declared, 3.2M
    assert 1e5 < size.least < 1e6 < size.half < size.zero < 1e9
    weights = finished.weights.pivot(index="time", columns="symbol", values="weight")
    for capital in (size.least, size.zero):
        costs = Costs(commission_minimum=40.0, impact=1.0)
        made = simulate(weights, study.data, costs=costs, fill=study.fill, cash=0.02, initial_cash=capital)
        assert float((made.returns - made.risk_free).mean()) == pytest.approx(0.0, abs=1e-8)


@pytest.fixture(scope="module")
def heavy(finished):
    """Of a run whose assumed impact takes everything as declared."""
    return sensitivity(finished, axes=Axes(costs=(1.0,), delay=(0,), threshold=(), impact=60.0))


def test_an_assumed_impact_is_blamed_and_not_the_declared_capital(heavy):
    rows = {one.axis: one for one in heavy.failures}
    assert (rows["impact"].declared, rows["impact"].fails_at, rows["impact"].fails_after) == (0.0, 60.0, 1)
    base = heavy.surface("capacity").base
    assert rows["impact"].sharpe_ratio == heavy.outcomes[base].sharpe_ratio < 0.0
    for axis in ("capital", "participation"):
        assert rows[axis].assumed
        assert (rows[axis].fails_after, rows[axis].halved_after, rows[axis].fails_at) == (None, None, None)
    assert not rows["impact"].assumed
    assert heavy.sentence == (
        f"Impact fails first: the net Sharpe ratio is {rows['impact'].sharpe_ratio:.2f} with an assumed impact coefficient"
        f" of 60, from {heavy.own.sharpe_ratio:.2f}."
    )
    assert heavy.capacity.half <= heavy.capacity.zero < 1e6


def test_no_impact_is_assumed_of_a_run_that_declares_it():
    found = sensitivity(qm.run(make_study(costs=Costs(impact=0.5))), axes=Axes(costs=(1.0,), delay=(0,)))
    assert "impact" not in [one.axis for one in found.failures]
    assert not any(one.assumed for one in found.failures)


def test_the_nearest_failing_value_counts_on_either_side():
    along = [(1, -0.1), (2, 0.5), (3, 1.0), (4, 0.8), (5, 0.4), (6, 0.0)]
    outward = [2, 1, 3, 0, 4, 5]
    assert (_first(along, outward, 0.0), _first(along, outward, 0.5), _first(along, outward, -1.0)) == (0, 1, None)
    assert _first([(1, 0.3), (2, math.nan), (3, -0.1)], [0, 1, 2], 0.0) == 2  # never trading is not failing
    assert _first([(0.1, 0.3), (None, -0.1)], [0, 1], 0.0) is None  # no limit on participation is no failure
    assert _first([(1, -0.3), (2, -0.5)], [0, 1], 0.0) is None  # what is gone already is not this axis's doing


def test_no_sentence_says_nan(finished):
    found = sensitivity(finished, axes=Axes(delay=(0, 5000), threshold=(0.001, 9.0), costs=(1.0,), capital=(1e6,), borrow_bps=(40.0,), band=(0.0,)))  # fmt: skip
    assert np.isnan(found.surface("costs") and found.outcomes[found.surface("costs").cell(1.0, 5000)].sharpe_ratio)
    assert {one.axis: one.fails_at for one in found.failures}["threshold"] is None
    assert {one.axis: one.fails_at for one in found.failures}["delay"] is None
    assert "nan" not in found.sentence


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
    capital = Failure("capital", 1e6, 1e8, 4, 3.2e8, 5, -0.2, assumed=True)
    assert sentence_of(0.5, [capital, none]) == (
        "Capital fails first: with impact assumed, the net Sharpe ratio is -0.20 with a capital of 320,000,000, from 0.50."
    )
    assert sentence_of(0.5, [Failure("capital", 1e6, 1e8, 4, None, None, math.nan, assumed=True)]).endswith(
        "to zero; with impact assumed, capital halves it first, with a capital of 100,000,000."
    )
    assert (
        sentence_of(0.5, [none])
        == "Nothing that was tried brings the net Sharpe ratio of 0.50 to zero, or even to half."
    )
    assert sentence_of(0.5, [none, halved]) == (
        "Nothing that was tried brings the net Sharpe ratio of 0.50 to zero; costs halve it first, at 2 times the declared"
        " costs."
    )
