from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.reports.scales import broken, growth_ticks, thinned, ticks, year_ticks, years


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2000), st.integers(1, 50))
def test_a_thinned_line_keeps_its_ends_peaks_and_troughs(seed: int, length: int, most: int) -> None:
    values = np.random.default_rng(seed).normal(size=length).cumsum()
    values[:: length // 7 + 2] = np.nan
    known = np.flatnonzero(~np.isnan(values))
    kept = thinned(values, most)
    assert len(kept) <= 4 * most
    assert np.all(np.diff(kept) > 0)
    assert not np.isnan(values[kept]).any()
    if known.size:
        assert {int(known[0]), int(known[-1])} <= set(kept.tolist())
        assert (values[kept].min(), values[kept].max()) == (np.nanmin(values), np.nanmax(values))


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_few_even_and_inside(low: float, width: float, most: int) -> None:
    high = low + width
    found = ticks(low, high, most)
    slack = 1e-6 * width + 1e-9 * abs(low)
    assert 1 <= len(found) <= most
    assert all(low - slack <= tick <= high + slack for tick in found)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.9, 1.3, [0.9, 1.0, 1.1, 1.2, 1.3]),
        (0.5, 40.0, [1.0, 3.0, 10.0, 30.0]),
        (1.0, 1e12, [1.0, 1e3, 1e6, 1e9, 1e12]),
    ],
)
def test_ticks_of_growth(low: float, high: float, expected: list[float]) -> None:
    assert growth_ticks(low, high) == expected


def test_years_are_counted_by_their_own_length() -> None:
    clock = pd.DatetimeIndex(["2001-01-01", "2004-07-02", "2001-07-02 12:00"])
    assert years(clock).tolist() == [2001.0, 2004.5, 2001.5]
    assert years(clock.tz_localize("UTC")).tolist() == [2001.0, 2004.5, 2001.5]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (2003.0, 2003.35, ["2003-01", "2003-02", "2003-03", "2003-04", "2003-05"]),
        (2003.1, 2004.6, ["2003-04", "2003-07", "2003-10", "2004-01", "2004-04", "2004-07"]),
        (1962.0, 2020.0, ["1970", "1980", "1990", "2000", "2010", "2020"]),
    ],
)
def test_ticks_of_time_are_labelled_without_a_language(low: float, high: float, labels: list[str]) -> None:
    assert year_ticks(low, high, most=6)[1] == labels


def test_a_line_is_broken_exactly_where_values_are_missing() -> None:
    values = np.arange(60.0)
    values[[0, 20, 21, 22, 40, 59]] = np.nan
    kept = thinned(values, most=2)
    drawn = broken(values[kept], values, kept)
    known = np.flatnonzero(~np.isnan(drawn))
    gaps = [(drawn[a - 1], drawn[a + 1]) for a in np.flatnonzero(np.isnan(drawn))]
    assert len(gaps) == 2
    assert all(np.isnan(values[int(a) : int(b) + 1]).any() for a, b in gaps)
    assert drawn[known].tolist() == values[kept].tolist()
