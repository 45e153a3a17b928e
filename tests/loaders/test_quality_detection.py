"""What is found of defects put into real and synthetic prices, and what is said of clean ones.

``benchmarks/data_quality.py`` measures the same with many more placements.
"""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks._defects import DEFECTS, Defect
from benchmarks.data_quality import CRISES, crises, measure, own_bars, synthetic
from quantml.loaders import Garch, GeometricBrownianMotion, Sample
from quantml.loaders.quality import Severity, check_quality

WORLDS = {
    "stocks": own_bars(Sample("stocks", start="2009-01-02").load()),
    "indices": own_bars(Sample("indices", start="2013-04-01").load()),
    "synthetic": own_bars(synthetic(small=True)),
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.kind)
def test_of_each_kind_95_in_100_are_found(defect: Defect) -> None:
    scores = [measure(defect, own, 16, [7, number]) for number, own in enumerate(WORLDS.values())]
    placed, found = (sum(getattr(score, name) for score in scores) for name in ("placed", "found"))
    assert placed >= 48
    assert found >= 0.95 * placed


def loud(name: str) -> Counter[tuple[str, str]]:
    findings = check_quality(Sample(name).load())
    return Counter((one.symbol, one.rule) for one in findings if one.severity is not Severity.NOTE)


def test_of_the_samples_only_what_is_wrong_with_them_is_said() -> None:
    assert loud("stocks") == {("AAPL", "repeated bar"): 1}
    assert loud("indices") == {("^GSPC", "repeated opens"): 3, ("^IXIC", "zero volume"): 2}


def test_the_defects_in_the_notes_of_the_samples_are_found() -> None:
    stocks, indices = (check_quality(Sample(name).load()) for name in ("stocks", "indices"))
    assert [str(one.date.date()) for one in stocks.by("repeated bar")] == ["2003-01-29"]
    assert [str(one.date.date()) for one in indices.by("zero volume")] == ["2015-05-12", "2018-01-09"]
    first = next(iter(indices.by("repeated opens")))
    assert (str(first.date.date()), str(first.until.date())) == ("1999-01-05", "2006-05-03")
    (fall,) = check_quality(Sample("large_caps").load()).for_symbol("RRC").by("unadjusted split")
    assert (str(fall.date.date()), fall.severity) == ("1990-04-10", Severity.NOTE)


def test_false_warnings_on_660_symbol_years_of_closes_are_few() -> None:
    # One in ten symbol-years would be 66; RRC hardly traded at first, which its notes say.
    assert sum(count for (symbol, _), count in loud("large_caps").items() if symbol != "RRC") == 8


def test_synthetic_prices_are_clean() -> None:
    worlds = (GeometricBrownianMotion(symbols=10, sessions=2520), Garch(symbols=10, sessions=2520, degrees=4.0))
    # 100 symbol-years each: one warning in ten would be twenty.
    assert sum(len(check_quality(world.load())) for world in worlds) <= 5


def test_real_crashes_are_no_defects() -> None:
    assert crises() == {f"{sample}: {name}": 0 for sample, _, _, _, name in CRISES}
