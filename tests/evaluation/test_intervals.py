"""Intervals: their coverage where the truth is known, their invariants, and their degenerate cases."""

import math

import numba
import numpy as np
import pytest

from quantml.errors import DataError, ParameterError
from quantml.evaluation import metrics
from quantml.evaluation.inference import (
    annual_return_interval,
    excess_interval,
    sharpe_interval,
    sharpe_standard_error,
)

YEAR = {"periods_per_year": 252}
DAILY = 0.05
"""True Sharpe ratio per period of every simulated record."""
WORLDS, PERIODS = 1000, 250

BAND = 0.021
"""Three standard errors of a share of 95 % in that many worlds."""
compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="a thousand records take hours without numba")


def independent(generator, shape):
    return generator.standard_normal(shape)


def autoregression(generator, shape, coefficient=0.5):
    shocks = generator.standard_normal(shape)
    values = shocks.copy()
    for t in range(1, shape[1]):
        values[:, t] = coefficient * values[:, t - 1] + math.sqrt(1 - coefficient**2) * shocks[:, t]
    return values


def garch(generator, shape, alpha=0.08, beta=0.9):
    """Unit variance, Student's t with 6 degrees of freedom, 300 periods of run-in."""
    shocks = generator.standard_t(6, (shape[0], shape[1] + 300)) / math.sqrt(1.5)
    variance, values = np.ones(shape[0]), np.empty(shocks.shape)
    for t in range(shocks.shape[1]):
        values[:, t] = np.sqrt(variance) * shocks[:, t]
        variance = 1 - alpha - beta + alpha * values[:, t] ** 2 + beta * variance
    return values[:, 300:]


def records(process):
    return 0.01 * (DAILY + process(np.random.default_rng(2024), (WORLDS, PERIODS)))


def share(held):
    return sum(held) / WORLDS


@compiled
@pytest.mark.parametrize("process", [independent, autoregression, garch])
def test_sharpe_intervals_hold_the_truth_as_often_as_they_say(process):
    truth = DAILY * math.sqrt(252)
    held = []
    for seed, returns in enumerate(records(process)):
        interval = sharpe_interval(returns, seed=seed, resamples=400, **YEAR)
        held.append(interval.low <= truth <= interval.high)
    assert share(held) == pytest.approx(0.95, abs=BAND)


def test_the_formula_for_independent_returns_holds_it_far_less_often_when_they_are_dependent():
    errors = [
        abs(metrics.sharpe_ratio(returns, periods_per_year=1) - DAILY) / sharpe_standard_error(returns)
        for returns in records(autoregression)
    ]
    assert share(np.array(errors) <= 1.96) < 0.8


@compiled
def test_excess_intervals_hold_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(99)
    common, own = (autoregression(generator, (WORLDS, PERIODS), 0.2) for _ in range(2))
    benchmark = np.expm1(0.0003 + 0.010 * common)
    returns = np.expm1(0.0004 + 0.008 * (0.6 * common + 0.8 * own))
    truth = math.expm1(252 * 0.0004) - math.expm1(252 * 0.0003)
    held = []
    for seed, (mine, theirs) in enumerate(zip(returns, benchmark, strict=True)):
        interval = excess_interval(mine, theirs, seed=seed, resamples=400, **YEAR)
        held.append(interval.low <= truth <= interval.high)
    assert share(held) == pytest.approx(0.95, abs=BAND)


@compiled
def test_annual_return_intervals_hold_the_truth_as_often_as_they_say():
    logs = 0.0004 + 0.01 * autoregression(np.random.default_rng(98), (WORLDS, PERIODS), 0.2)
    truth, held = math.expm1(252 * 0.0004), []
    for seed, returns in enumerate(np.expm1(logs)):
        interval = annual_return_interval(returns, seed=seed, resamples=400, **YEAR)
        held.append(interval.low <= truth <= interval.high)
    assert share(held) == pytest.approx(0.95, abs=BAND)


RECORD = np.random.default_rng(1).normal(0.0005, 0.01, 1500)
HOW = YEAR | {"resamples": 500}
BENCHMARK = 0.5 * RECORD + np.random.default_rng(2).normal(0.0002, 0.008, 1500)


def test_a_long_independent_record_has_the_width_of_the_closed_form():
    interval = sharpe_interval(RECORD, seed=1, **YEAR)
    closed = 2 * 1.96 * sharpe_standard_error(RECORD) * math.sqrt(252)  # Lo (2002), Mertens (2002)
    assert interval.width == pytest.approx(closed, rel=0.06)


def test_estimates_are_the_metrics():
    assert sharpe_interval(RECORD, seed=1, risk_free=1e-4, **HOW).estimate == metrics.sharpe_ratio(
        RECORD, risk_free=1e-4, **YEAR
    )
    assert annual_return_interval(RECORD, seed=1, **HOW).estimate == metrics.annual_return(RECORD, **YEAR)
    assert excess_interval(RECORD, BENCHMARK, seed=1, **HOW).estimate == metrics.excess_return(
        RECORD, benchmark=BENCHMARK, **YEAR
    )


def test_equal_seeds_give_equal_intervals_and_others_nearly():
    one = sharpe_interval(RECORD, seed=np.random.SeedSequence(5), **HOW)
    assert sharpe_interval(RECORD, seed=5, **HOW) == one
    other = sharpe_interval(RECORD, seed=6, **HOW)
    assert other != one
    assert other.width == pytest.approx(one.width, rel=0.15)


def test_a_sharpe_interval_does_not_depend_on_leverage_and_turns_with_the_position():
    plain = sharpe_interval(RECORD, seed=3, **HOW)
    levered, short = (sharpe_interval(scale * RECORD, seed=3, **HOW) for scale in (4.0, -1.0))
    assert (levered.low, levered.high) == pytest.approx((plain.low, plain.high), rel=1e-9)
    assert (-short.high, -short.low) == pytest.approx((plain.low, plain.high), rel=1e-9)


def test_more_confidence_is_wider():
    widths = [sharpe_interval(RECORD, seed=3, confidence=level, **HOW).width for level in (0.5, 0.8, 0.95, 0.99)]
    assert widths == sorted(widths)


def test_the_benchmark_against_itself_is_exactly_zero():
    interval = excess_interval(BENCHMARK, BENCHMARK, seed=1, **HOW)
    assert (interval.low, interval.estimate, interval.high) == (0.0, 0.0, 0.0)


def test_pairing_removes_what_both_have_in_common():
    paired = excess_interval(RECORD + 0.0001, RECORD, seed=1, **HOW)
    alone = annual_return_interval(RECORD + 0.0001, seed=1, **HOW)
    assert paired.width < 0.01 * alone.width


def test_a_record_that_never_varies_has_no_sharpe_interval():
    interval = sharpe_interval([0.001] * 100, seed=1, **HOW)
    assert all(math.isnan(value) for value in (interval.estimate, interval.low, interval.high))


def test_fewer_than_20_periods_have_an_estimate_only():
    for interval in (
        sharpe_interval(RECORD[:19], seed=1, **HOW),
        annual_return_interval(RECORD[:19], seed=1, **HOW),
        excess_interval(RECORD[:19], BENCHMARK[:19], seed=1, **HOW),
    ):
        assert math.isfinite(interval.estimate)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert math.isfinite(sharpe_interval(RECORD[:20], seed=1, **HOW).width)


def test_an_empty_record_has_nothing():
    assert math.isnan(sharpe_interval([], seed=1, **HOW).estimate)
    assert math.isnan(excess_interval([], [], seed=1, **HOW).low)


def test_a_record_of_a_single_gain_cannot_be_bounded():
    returns = np.zeros(200)
    returns[7] = 0.1
    interval = sharpe_interval(returns, seed=1, **HOW)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


def test_what_was_lost_entirely_has_no_growth_interval():
    lost = RECORD.copy()
    lost[3] = -1.0
    with pytest.raises(DataError, match=r"returns must be above -1 .* \(position 3\)"):
        annual_return_interval(lost, seed=1, **HOW)
    with pytest.raises(DataError, match=r"benchmark must be above -1"):
        excess_interval(RECORD, lost, seed=1, **HOW)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"confidence": 1.0}, "confidence must be between 0 and 1; got 1.0"),
        ({"resamples": 10}, "resamples must be at least 100; got 10"),
        ({"block": 0}, "block must be between 1 and half of the 1500 periods; got 0"),
        ({"block": 751}, "block must be between 1 and half of the 1500 periods; got 751"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ParameterError, match=message):
        sharpe_interval(RECORD, seed=1, **HOW | given)


def test_a_given_block_is_used():
    assert sharpe_interval(RECORD, seed=1, block=25, **HOW).block == 25
