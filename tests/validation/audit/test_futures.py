"""Another future: mirrored prices, other volumes and actions, bars taken out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.panel import check_actions
from quantml.validation.audit.futures import Future

DAYS = pd.bdate_range("2024-01-01", periods=6)
moments = given(known=st.integers(1, 119), seed=st.integers(0, 10**6), gaps=st.booleans())
few = settings(max_examples=25, deadline=None)


def closes(**columns: list[float]) -> Bars:
    return Bars.from_close(pd.DataFrame(columns, DAYS, dtype=float), periods_per_year=252)


def test_what_rises_falls_and_at_least_as_far() -> None:
    bars = closes(A=[90, 95, 100, 110, 121, 50])
    later = Future(bars, known=3, seed=0, gaps=False).panels()["quoted"]["close"][3:, 0]
    # mirrored at 100, the last known: 110 becomes 100 / 1.1 = 90.9 at most and 100 / 1.1**2 = 82.6 at least, but for
    # noise of a few thousandths; 50 becomes 200 to 400
    for price, least, most in zip(later, (82.6, 68.3, 200.0), (90.9, 82.6, 400.0), strict=True):
        assert 0.99 * least < price < 1.01 * most


def test_a_symbol_without_a_past_is_mirrored_at_its_first_bar() -> None:
    bars = closes(A=[90, 95, 100, 110, 121, 50], B=[np.nan, np.nan, np.nan, np.nan, 100, 110])
    later = Future(bars, known=3, seed=0, gaps=False).panels()["quoted"]["close"][:, 1]
    assert np.isnan(later[:4]).all()
    assert later[4] == pytest.approx(100.0, rel=0.01)
    assert later[5] < 92.0


def test_each_symbol_has_one_split_and_one_dividend_later_and_none_of_its_own() -> None:
    bars = Bars.from_frame(
        pd.concat({"close": pd.DataFrame({"A": np.linspace(50.0, 60.0, 6)}, DAYS),
                   "split": pd.DataFrame({"A": [1.0, 3.0, 1.0, 1.0, 1.0, 5.0]}, DAYS)}, axis=1),
        periods_per_year=252,
    )  # fmt: skip
    panels = Future(bars, known=3, seed=4, gaps=False).panels()
    assert panels["split"][:3, 0].tolist() == [1.0, 3.0, 1.0]
    assert sorted(panels["split"][3:, 0]) == [1.0, 1.0, 2.0]
    assert (panels["dividend"][3:, 0] > 0.0).sum() == 1
    assert (panels["dividend"][:3] == 0.0).all()


def test_bars_without_prices_have_no_other_prices(panel: Bars) -> None:
    assert Future(Bars.from_table(panel.tables["macro"], periods_per_year=12), 2, seed=0, gaps=True).panels() == {}


@moments
@few
def test_the_past_stays_and_the_future_is_another(panel: Bars, known: int, seed: int, gaps: bool) -> None:
    panels = Future(panel, known, seed, gaps).panels()
    for name, values in panels["quoted"].items():
        assert values[:known].tobytes() == panel.raw_array(name)[:known].tobytes()
        there = panel.traded[known:]
        assert (values[known:][there] != panel.raw_array(name)[known:][there]).all()
        assert np.isnan(values[known:][~there]).all()
    for name in ("split", "dividend"):
        assert panels[name][:known].tobytes() == getattr(panel, name)[:known].tobytes()


@moments
@few
def test_the_future_is_a_market_that_could_be(panel: Bars, known: int, seed: int, gaps: bool) -> None:
    panels = Future(panel, known, seed, gaps).panels()
    o, h, l, c, v = (panels["quoted"][name][known:] for name in ("open", "high", "low", "close", "volume"))  # noqa: E741
    there = ~np.isnan(c)
    for field in (o, h, l, c, v):
        assert (~np.isnan(field) == there).all()
        assert (field[there] > 0.0).all()
    assert (h[there] >= np.maximum(o, c)[there]).all()
    assert (l[there] <= np.minimum(o, c)[there]).all()
    check_actions(panel.clock, panel.symbols, panels["quoted"]["close"], panels["split"], panels["dividend"])


@given(known=st.integers(1, 100), seed=st.integers(0, 10**6))
@few
def test_gaps_spare_one_symbol(panel: Bars, known: int, seed: int) -> None:
    later = ~np.isnan(Future(panel, known, seed, gaps=True).panels()["quoted"]["close"])
    spared = panel.traded[known:].sum(axis=0).argmax()
    assert later[:, spared].tolist() == panel.traded[:, spared].tolist()


def test_gaps_end_about_a_third_of_symbols_and_take_out_bars_here_and_there() -> None:
    bars = Bars.from_close(
        pd.DataFrame(100.0, pd.bdate_range("2020-01-01", periods=500), [f"S{n}" for n in range(60)])
        + np.arange(500)[:, None],
        periods_per_year=252,
    )
    there = ~np.isnan(Future(bars, known=100, seed=1, gaps=True).panels()["quoted"]["close"])
    ended = ~there[-30:].any(axis=0)
    assert 12 <= ended.sum() <= 28  # 20 of 60 are expected
    alive = there[100:, there[-30:].all(axis=0) | ~ended]
    assert 0.02 < 1.0 - alive[:200].mean() < 0.05  # 3 % are expected, and some of those that end late
