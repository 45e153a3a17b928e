"""The deflated Sharpe ratio from the trials' own Sharpe ratios, and what it says in words."""

import math

import numpy as np
import pytest

from quantml.evaluation.deflation import Deflation, deflate
from quantml.evaluation.inference import SharpeEstimate, deflated_sharpe_ratio, probabilistic_sharpe_ratio
from quantml.evaluation.verdict import Verdict, counted, judge

RETURNS = np.random.default_rng(3).normal(0.001, 0.01, 500)


def test_n_and_v_are_those_of_the_papers_example():
    # Bailey and Lopez de Prado (2014), "A numerical example": 100 trials whose annual Sharpe ratios have a variance of
    # 1/2 are expected to show 1.789 at best, 0.1132 per day of 250
    ratios = np.linspace(-1.0, 1.0, 100)
    ratios *= math.sqrt(0.5 / np.var(ratios, ddof=1))
    found = deflate(RETURNS, ratios, periods_per_year=250, record="r")
    assert (found.trials, found.variance) == (100, pytest.approx(0.5 / 250, rel=1e-12))
    assert found.expected_maximum / 250**0.5 == pytest.approx(0.1132, abs=5e-5)
    known = deflated_sharpe_ratio(SharpeEstimate.of(RETURNS), trials=100, variance=0.5 / 250)
    assert found.deflated_sharpe_ratio == pytest.approx(known, rel=1e-12)


def test_a_first_trial_is_not_deflated():
    found = deflate(RETURNS, [1.2], periods_per_year=252, record="r", risk_free=0.0002)
    assert found.deflated_sharpe_ratio == probabilistic_sharpe_ratio(RETURNS - 0.0002)
    assert found.sentence == "No other variant on record has seen these data."


def test_the_verdict_says_how_many_were_tried():
    plain = judge(RETURNS, 0.5 * RETURNS, periods_per_year=252, seed=1, resamples=100)
    found = Deflation(12, 0.001, 0.62, 0.81, "r", ("It was opened before.",))
    verdict = counted(plain, found)
    assert "one of 12 variants on record" in verdict.paragraph
    assert "to show a Sharpe ratio of 0.62; that" in verdict.paragraph
    assert verdict.paragraph.endswith("a probability of 81 % (deflated Sharpe ratio). It was opened before.")
    assert "not counted" not in verdict.paragraph
    assert (plain.trials_counted, verdict.trials_counted) == (False, True)


def test_it_reads_back_from_what_json_holds():
    found = Deflation(2, 0.0, 0.0, math.nan, "r", ("a", "b"))
    content = {"trials": 2, "variance": 0.0, "expected_maximum": 0.0, "deflated_sharpe_ratio": None, "record": "r",
               "looks": ["a", "b"]}  # fmt: skip
    assert repr(Deflation.from_dict(content)) == repr(found)
    assert found.sentence.endswith("to show a Sharpe ratio of 0.00.")


def test_a_verdict_from_before_trials_were_counted_is_read():
    plain = judge(RETURNS, 0.5 * RETURNS, periods_per_year=252, seed=1, resamples=100)
    from dataclasses import asdict

    old = {**asdict(plain), "trials_counted": False}
    del old["deflation"]
    assert Verdict.from_dict(old) == plain
