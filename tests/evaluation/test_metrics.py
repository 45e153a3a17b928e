"""The summary of a record, and what it is for every kind of degenerate record."""

import inspect
import math

import numpy as np
import pytest

from quantml.evaluation import metrics

RECORD = np.random.default_rng(7).normal(0.0005, 0.01, 500)
BENCHMARK = np.random.default_rng(8).normal(0.0003, 0.01, 500)


def test_at_least_25_measures_and_8_more_with_a_benchmark():
    alone = metrics.summary(RECORD, periods_per_year=252)
    beside = metrics.summary(RECORD, periods_per_year=252, benchmark=BENCHMARK)
    assert len(alone) == 29
    assert len(beside) == 37
    assert all(isinstance(value, float) and math.isfinite(value) for value in beside.values())


def test_each_key_names_a_function_that_gives_its_value():
    for name, value in metrics.summary(RECORD, periods_per_year=252, benchmark=BENCHMARK).items():
        metric = getattr(metrics, name)
        known = {"periods_per_year": 252, "benchmark": BENCHMARK}
        needed = {key: known[key] for key in inspect.signature(metric).parameters if key in known}
        assert metric(RECORD, **needed) == value


@pytest.mark.parametrize("record", [[], [0.01], [0.0, 0.0], [-1.0], [0.1, -1.0, 0.0], [0.02] * 30, [-0.01, -0.02]])
def test_a_degenerate_record_gives_numbers_or_nan_never_an_error(record):
    values = metrics.summary(record, periods_per_year=252, benchmark=np.zeros(len(record))).values()
    assert not any(math.isinf(value) for value in values)


def test_an_empty_record_has_no_figure():
    assert all(math.isnan(value) for value in metrics.summary([], periods_per_year=252).values())


def test_every_public_name_is_listed():
    public = {name for name, part in vars(metrics).items() if inspect.isfunction(part) and not name.startswith("_")}
    assert public == set(metrics.__all__)
