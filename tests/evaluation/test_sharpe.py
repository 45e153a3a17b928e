"""Closed forms of Bailey, Lopez de Prado and Lo, on the papers' own examples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.errors import ParameterError
from quantml.evaluation import inference
from quantml.evaluation.inference import SharpeEstimate

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "psr_dsr_mintrl.json"
CASES = json.loads(REFERENCE.read_text())["cases"] if REFERENCE.exists() else []


def estimate(given, observations=2):
    ratio = given["sr"] if "sr" in given else given["sr_annual"] / given["periods_per_year"] ** 0.5
    return SharpeEstimate(ratio, given.get("n", observations), given.get("skew", 0.0), given.get("kurtosis", 3.0))


def threshold(given):
    return given.get("sr_benchmark", given.get("sr_benchmark_annual", 0.0) / given.get("periods_per_year", 1) ** 0.5)


FUNCTIONS = {
    "probabilistic_sharpe_ratio": lambda g: inference.probabilistic_sharpe_ratio(estimate(g), threshold=threshold(g)),
    "min_track_record_length": lambda g: inference.minimum_track_record_length(
        estimate(g), threshold=threshold(g), confidence=g["confidence"]
    ),
    "expected_max_sharpe": lambda g: inference.expected_maximum_sharpe(g["n_trials"], variance=g["var_trials"]),
    "deflated_sharpe_ratio": lambda g: inference.deflated_sharpe_ratio(
        estimate(g), trials=g["n_trials"], variance=g["var_trials"]
    ),
    "sharpe_standard_error_iid": lambda g: inference.sharpe_standard_error(estimate(g)),
    "min_backtest_length_years": lambda g: inference.minimum_backtest_length(
        g["n_trials"], target=g["target_sharpe_annual"]
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_published_values(case):
    value, expected, tolerance = FUNCTIONS[case["fn"]](case["inputs"]), case["expected"], case["tol"]
    if not isinstance(expected, dict):
        assert value == pytest.approx(case.get("exact", expected), abs=tolerance["abs"])
    elif "observations" in expected:
        assert value == pytest.approx(expected["observations"], abs=tolerance["abs_observations"])
        years = value / case["inputs"]["periods_per_year"]
        assert years == pytest.approx(expected["years"], abs=tolerance["abs_years"])
    else:
        assert value == pytest.approx(expected["years"], abs=tolerance["abs"])


def test_deflated_sharpe_ratio_of_the_papers_example():
    # Bailey and Lopez de Prado (2014), "A numerical example": annual 2.5 of 100 trials over five years of days
    record = SharpeEstimate(2.5 / 250**0.5, observations=1250, skewness=-3, kurtosis=10)
    assert inference.deflated_sharpe_ratio(record, trials=100, variance=0.5 / 250) == pytest.approx(0.9004, abs=5e-5)


def test_moments_are_taken_from_returns():
    record = SharpeEstimate.of([0.10, -0.20, 0.05, 0.15])
    assert record.ratio == pytest.approx(0.025 / (0.0725 / 3) ** 0.5, abs=1e-15)
    assert record.observations == 4
    assert SharpeEstimate.of([0.0, 0.0, 0.0, 1.0]).kurtosis == pytest.approx((21 / 256) / (3 / 16) ** 2, abs=1e-14)


def test_one_trial_deflates_nothing():
    record = SharpeEstimate(0.1, observations=500)
    assert inference.expected_maximum_sharpe(1, variance=0.3) == 0.0
    assert inference.deflated_sharpe_ratio(record, trials=1, variance=0.3) == inference.probabilistic_sharpe_ratio(
        record
    )


def test_no_record_is_long_enough_below_the_threshold():
    assert inference.minimum_track_record_length(SharpeEstimate(0.1, 100), threshold=0.1) == math.inf


def test_what_does_not_vary_has_no_probability():
    flat = [0.01] * 50
    assert math.isnan(inference.probabilistic_sharpe_ratio(flat))
    assert math.isnan(inference.minimum_track_record_length(flat))
    assert math.isnan(inference.sharpe_standard_error(flat))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SharpeEstimate(0.1, observations=1), "observations must be at least 2; got 1"),
        (lambda: SharpeEstimate(0.1, 10, kurtosis=0.0), "kurtosis must be at least 1; got 0.0. Give it as 3"),
        (lambda: inference.expected_maximum_sharpe(0.5, variance=1), "trials must be at least 1"),
        (lambda: inference.expected_maximum_sharpe(2, variance=-1), "variance must be at least 0"),
        (lambda: inference.minimum_backtest_length(2, target=0), "target must be above 0"),
        (
            lambda: inference.minimum_track_record_length(SharpeEstimate(0.1, 10), confidence=0.5),
            "confidence must be between 0.5 and 1",
        ),
    ],
)
def test_bad_parameters(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_the_expected_maximum_is_that_of_simulated_trials():
    best = np.random.default_rng(3).normal(size=(20_000, 50)).max(axis=1)
    # the formula is asymptotic in the number of trials; the standard error of 20 000 draws is 0.15 %
    assert inference.expected_maximum_sharpe(50, variance=1.0) == pytest.approx(best.mean(), rel=0.013)


@given(st.floats(0.01, 0.5), st.integers(10, 5000), st.floats(-1, 1), st.floats(3, 12), st.floats(0.55, 0.99))
@settings(max_examples=50)
def test_the_track_record_is_where_the_probability_reaches_the_confidence(ratio, size, skew, tails, confidence):
    record = SharpeEstimate(ratio, size, skew, tails)
    needed = inference.minimum_track_record_length(record, confidence=confidence)
    if needed >= 2:
        there = SharpeEstimate(ratio, needed, skew, tails)
        assert inference.probabilistic_sharpe_ratio(there) == pytest.approx(confidence, abs=1e-9)
