"""Every target against a loop over decisions, and futures that must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml import targets
from quantml.signals import MovingAverageCross
from quantml.targets import (
    ActiveReturn,
    Column,
    Direction,
    ExcessReturn,
    ForwardDrawdown,
    ForwardReturn,
    MetaLabel,
    RankReturn,
    RealisedVolatility,
    ResidualReturn,
    TargetRule,
    TripleBarrier,
    VolatilityScaledReturn,
    latest_known,
)
from quantml.timing import UNKNOWN, Fill
from tests.targets.loops import PRIMARY_BARS, loop
from tests.targets.panels import world

PRIMARY = MovingAverageCross(*PRIMARY_BARS, short=True)
ALL = [
    *(kind(horizon, start) for kind in (ForwardReturn, Direction) for horizon in (1, 3) for start in ("fill", "close")),
    *(RealisedVolatility(horizon, start) for horizon in (2, 4) for start in ("fill", "close")),
    *(Column("x", horizon) for horizon in (1, 3)),
    *(kind(horizon, start) for kind in (RankReturn, ForwardDrawdown) for horizon, start in ((1, "fill"), (4, "close"))),
    *(Direction(2, start, band=0.3) for start in ("fill", "close")),
    *(VolatilityScaledReturn(2, start, window=3) for start in ("fill", "close")),
    *(ExcessReturn(2, start, cash=0.9) for start in ("fill", "close")),
    *(ActiveReturn(2, start, benchmark="C") for start in ("fill", "close")),
    *(ResidualReturn(2, start, benchmark=benchmark, window=3) for start, benchmark in (("fill", "A"), ("close", "C"))),
    *(TripleBarrier(3, start, take_profit=0.9, stop_loss=0.7, window=4) for start in ("fill", "close")),
    TripleBarrier(4, take_profit=0.3, stop_loss=None, window=None),
    TripleBarrier(2, take_profit=None, stop_loss=0.5, window=None),
    *(MetaLabel(PRIMARY, kind(2)) for kind in (ForwardReturn,)),
    *(MetaLabel([PRIMARY], TripleBarrier(3, start, take_profit=0.3, stop_loss=0.5, window=None))
      for start in ("fill", "close")),
    MetaLabel(PRIMARY, ExcessReturn(1, cash=0.9)),
]  # fmt: skip


def test_the_list_of_targets_is_complete() -> None:
    assert {type(rule).__name__ for rule in ALL} == set(targets.__all__) - {"Target", "TargetRule", "latest_known"}


@pytest.mark.parametrize("fill", Fill)
@pytest.mark.parametrize("rule", ALL, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**5))
def test_targets_equal_a_loop_over_decisions(rule: TargetRule, fill: Fill, seed: int) -> None:
    bars = world(seed)
    built = rule.build(bars, fill)
    values, label_end = loop(rule, bars, fill)
    np.testing.assert_allclose(built.values, values, rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(built.label_end, label_end)
    rows = np.arange(len(bars))[:, None]
    assert np.all(built.label_end > rows)
    assert np.all((built.label_end < len(bars)) | (built.label_end == UNKNOWN))
    np.testing.assert_array_equal(np.isnan(built.values), built.label_end == UNKNOWN)


@pytest.mark.parametrize("fill", Fill)
@pytest.mark.parametrize("rule", ALL, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**5), row=st.integers(0, 28))
def test_the_future_changes_no_target_that_is_known(rule: TargetRule, fill: Fill, seed: int, row: int) -> None:
    bars = world(seed)
    whole, changed = rule.build(bars, fill), rule.build(world(seed, change_after=row), fill)
    cut = rule.build(bars.until(bars.clock[row]), fill)
    known = whole.label_end <= row
    for other in (changed, cut):
        rows = len(other.values)
        np.testing.assert_array_equal(other.label_end <= row, known[:rows])
        np.testing.assert_array_equal(other.label_end[known[:rows]], whole.label_end[:rows][known[:rows]])
    assert changed.values[known].tobytes() == whole.values[known].tobytes()
    assert latest_known(changed)[: row + 1].tobytes() == latest_known(whole)[: row + 1].tobytes()
    np.testing.assert_allclose(cut.values[known[: row + 1]], whole.values[known], rtol=1e-10, atol=0)
    np.testing.assert_allclose(latest_known(cut), latest_known(whole)[: row + 1], rtol=1e-10, atol=0)
