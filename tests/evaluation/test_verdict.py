"""The verdict: its rule, its words, and its way through JSON."""

import json
import math
from dataclasses import asdict

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import DataError
from quantml.evaluation.verdict import Verdict, judge

GENERATOR = np.random.default_rng(6)
BENCHMARK = GENERATOR.normal(0.0003, 0.010, 2500)
NOISE = GENERATOR.normal(0.0, 0.006, 2500)


def verdict_of(returns, benchmark=BENCHMARK, **how):
    return judge(returns, benchmark, **{"periods_per_year": 252, "seed": 1, "resamples": 300} | how)


def test_supported_where_both_intervals_lie_above_zero():
    verdict = verdict_of(0.0015 + NOISE)
    assert verdict.outcome == "supported"
    assert verdict.sharpe_ratio.low > 0
    assert verdict.excess_return.low > 0
    assert "supports the strategy" in verdict.paragraph
    assert "would have been enough" in verdict.paragraph


def test_rejected_where_the_sharpe_ratio_lies_below_zero():
    verdict = verdict_of(-0.001 + NOISE)
    assert verdict.outcome == "rejected"
    assert verdict.sharpe_ratio.high < 0
    assert verdict.years_needed is None
    assert "the Sharpe ratio's and the benchmark comparison's) speaks against" in verdict.paragraph


def test_rejected_where_only_the_comparison_lies_below_zero():
    rising = 0.002 + 0.1 * NOISE
    verdict = verdict_of(0.001 + 0.1 * NOISE, rising)
    assert verdict.outcome == "rejected"
    assert verdict.sharpe_ratio.low > 0
    assert "(the benchmark comparison's) speaks against" in verdict.paragraph


def test_inconclusive_in_between():
    verdict = verdict_of(0.0006 + NOISE)
    assert verdict.outcome == "inconclusive"
    assert verdict.excess_return.low < 0 < verdict.excess_return.estimate
    assert "(the benchmark comparison's) means that luck alone could explain" in verdict.paragraph
    assert f"a record of about {verdict.years_needed:.0f} years would be needed" in verdict.paragraph


def test_the_record_needed_is_where_ranges_that_shrink_with_its_root_end_at_zero():
    verdict = verdict_of(0.0006 + NOISE)
    shrunk = math.sqrt(verdict.years / verdict.years_needed)
    lowest = [
        part.estimate - (part.estimate - part.low) * shrunk for part in (verdict.sharpe_ratio, verdict.excess_return)
    ]
    assert min(lowest) == pytest.approx(0, abs=1e-12)


@given(st.floats(-0.001, 0.002))
@settings(max_examples=25, deadline=None)
def test_the_record_needed_is_shorter_than_the_record_exactly_where_it_supports(drift):
    verdict = verdict_of(drift + NOISE[:600], BENCHMARK[:600], resamples=100)
    if verdict.years_needed is not None:
        assert (verdict.years_needed < verdict.years) == (verdict.outcome == "supported")


def test_the_paragraph_says_what_was_tested_the_ranges_and_that_trials_are_not_counted():
    verdict = verdict_of(0.0006 + NOISE)
    for words in (
        "after costs",
        "9.9 years (2,500 periods)",
        f"was {verdict.sharpe_ratio.estimate:.2f} (allowing for luck, anything from {verdict.sharpe_ratio.low:.2f}",
        f"{100 * verdict.excess_return.estimate:.1f} percentage points a year more",
        "in 95 of 100 records",
        "is not counted: the more",
    ):
        assert words in verdict.paragraph
    assert not verdict.trials_counted
    assert "bootstrap" not in verdict.paragraph


def test_the_benchmark_itself_is_not_supported():
    verdict = verdict_of(BENCHMARK)
    assert verdict.outcome == "inconclusive"
    assert "The record does not support the strategy: it did not beat its benchmark. But a range" in verdict.paragraph
    assert "longer record of the same kind would not support it" in verdict.paragraph


def test_a_range_without_ends_is_not_said_to_include_zero():
    few = np.zeros(2500)
    few[5:7] = 0.1, 0.001
    paragraph = verdict_of(few).paragraph
    assert "no range: it hangs on too few of the periods" in paragraph
    assert "A range that does not exclude zero (the Sharpe ratio's and" in paragraph.replace("a range", "A range")
    assert "includes zero" not in paragraph


def test_returns_beyond_cash_are_called_so():
    assert "average yearly return beyond cash" in verdict_of(0.0006 + NOISE, risk_free=0.0001).paragraph
    assert "average yearly return over" in verdict_of(0.0006 + NOISE).paragraph


def test_a_strategy_that_never_traded():
    verdict = verdict_of(np.zeros(2500))
    assert verdict.outcome == "inconclusive"
    assert "never varied" in verdict.paragraph


def test_a_record_that_is_too_short():
    verdict = verdict_of(0.01 + NOISE[:10], BENCHMARK[:10])
    assert verdict.outcome == "inconclusive"
    assert "Fewer than 20 periods decide nothing" in verdict.paragraph
    assert "0.5 months (10 periods)" in verdict.paragraph


LOST = {
    "half way": np.where(np.arange(2500) == 100, -1.0, 0.002 + NOISE),
    "at once, and nothing after it": np.where(np.arange(2500) == 0, -1.0, 0.0),
    "without any other return": np.full(2500, -1.0),
}


@pytest.mark.parametrize("how", LOST)
def test_a_lost_account_is_rejected_and_has_no_range(how):
    verdict = verdict_of(LOST[how])
    assert verdict.outcome == "rejected"
    assert "The account was lost" in verdict.paragraph
    assert math.isnan(verdict.sharpe_ratio.width)
    assert math.isnan(verdict.excess_return.width)
    for contradiction in ("nothing to judge", "allowing for luck", "undecided"):
        assert contradiction not in verdict.paragraph


def test_a_lost_benchmark_decides_nothing():
    lost = BENCHMARK.copy()
    lost[100] = -1.0
    verdict = verdict_of(0.002 + NOISE, lost)
    assert verdict.outcome == "inconclusive"
    assert "The benchmark was lost" in verdict.paragraph
    losing = verdict_of(-0.001 + NOISE, lost)
    assert losing.outcome == "rejected"
    assert "The account was lost" not in losing.paragraph
    assert "A range that lies below zero (the Sharpe ratio's) speaks against" in losing.paragraph


def test_a_missing_return_is_named():
    with pytest.raises(DataError, match="position 0"):
        verdict_of(np.where(np.arange(2500) == 0, np.nan, NOISE))


@pytest.mark.parametrize("returns", [0.0006 + NOISE, np.zeros(2500)])
def test_a_verdict_goes_through_json(returns):
    verdict = verdict_of(returns)
    text = json.dumps(asdict(verdict)).replace("NaN", "null")
    assert repr(Verdict.from_dict(json.loads(text))) == repr(verdict)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="300 records take hours without numba")
def test_noise_is_seldom_supported_or_rejected():
    generator = np.random.default_rng(12)
    worlds = [generator.normal(0.0, 0.01, (2, 250)) for _ in range(300)]
    outcomes = [verdict_of(mine, theirs).outcome for mine, theirs in worlds]
    # each interval misses at either end in 2.5 % of worlds: at most that share is supported, twice it rejected
    assert outcomes.count("supported") / 300 <= 0.025 + 0.027
    assert outcomes.count("rejected") / 300 <= 0.05 + 0.038
