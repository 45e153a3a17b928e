"""What holds for every built-in feature: no look-ahead, own bars only, an exact warm-up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import quantml.features
from quantml import features as f
from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.exogenous import Exogenous
from quantml.features import build_features
from quantml.space import Declaration

LABELS = {"whole": "a", "late": "b", "early": "b", "pause": "c"}

ACROSS: list[Any] = [  # those that compare symbols
    f.CrossSectionRank(f.Returns(2)),
    f.CrossSectionZScore(f.RSI(6)),
    f.Demeaned(f.Returns()),
    f.Demeaned(f.Returns(), group=f.Category(LABELS)),
    f.ResidualVolatility(8, "whole"),
    f.RollingBeta(8, "whole"),
    f.RollingResidual(8, "whole", given=(f.Returns(2),)),
]

BUILT_IN: list[Any] = [
    *ACROSS,
    f.Amihud(5),
    f.Autocorrelation(8, lag=2),
    f.CorwinSchultzSpread(5),
    f.DistanceToHigh(6),
    f.DistanceToLow(6),
    f.DollarVolume(4),
    f.Entropy(10, bins=4),
    f.EwmaVolatility(0.7),
    f.FractionalDifference(0.4, window=9),
    f.GarmanKlass(5),
    f.Hurst(16),
    f.Kurtosis(8),
    f.Parkinson(5),
    f.PermutationEntropy(10, order=3),
    f.Quantile(7, q=0.3),
    f.RelativeVolume(6),
    f.RogersSatchell(5),
    f.RollSpread(8),
    f.Skewness(8),
    f.TrendTStatistic(9),
    f.Turnover(5),
    f.VolatilityOfVolatility(5, inner=4),
    f.YangZhang(6),
    f.ATR(5),
    f.ATR(1),
    f.BollingerPosition(8),
    f.DayOfWeek(),
    f.LogReturns(3),
    f.MACD(3, 6, 4),
    f.MACDHistogram(3, 6, 4),
    f.MACDSignal(3, 6, 4),
    f.Momentum(9, skip=2),
    f.Month(),
    f.MovingAverageRatio(3, 10),
    f.NATR(5),
    f.Outside("macro", "growth"),
    f.RSI(6),
    f.RealisedVolatility(7),
    f.Bins(f.Returns(), (-0.01, 0.0, 0.01)),
    f.Category(LABELS),
    f.Cosine(f.DayOfWeek(), 5),
    f.Difference(f.RSI(6), 2),
    f.InCategory(LABELS, label="b"),
    f.Lag(f.Returns(), 3),
    f.Monthly(f.Returns(2)),
    f.Power(f.Returns(2), 3),
    f.Product(f.Returns(), f.RSI(6)),
    f.QuantileBins(f.Returns(), 3, 9),
    f.SessionsToExpiry(calendar="XNYS"),
    f.SessionsToHoliday(calendar="XNYS"),
    f.Sine(f.RSI(6), 100),
    f.TALib("ADX", timeperiod=3),
    f.TALib("CDLDOJI"),
    f.TALib("OBV"),
    f.TALib("SMA", timeperiod=3, price=f.Returns()),
    f.TALib("STOCH", output="slowk"),
    f.TurnOfMonth(calendar="XNYS"),
    f.Weekly(f.Returns()),
    f.Returns(1),
    f.Returns(4),
]

each = pytest.mark.parametrize("feature", BUILT_IN, ids=str)


def values(feature: Any, bars: Bars) -> NDArray[np.float64]:
    return build_features([feature], bars).values[:, :, 0]


def changed_after(bars: Bars, row: int, seed: int) -> Bars:
    """The same panel with every bar, split, dividend and outside value after `row` another."""
    generator = np.random.default_rng(seed)
    shape = bars.split.shape
    later = np.arange(len(bars))[:, None] > row
    scale = np.where(later, np.exp(generator.normal(0.0, 0.3, shape)), 1.0)
    split = np.where(later & bars.traded & (generator.random(shape) < 0.1), 3.0, bars.split)
    dividend = np.where(later, 0.0, bars.dividend)
    table = bars.tables["macro"]
    known = np.asarray(table.available <= bars.clock[row])[:, None]
    changed = table.frame.where(known, table.frame + generator.normal(size=table.frame.shape))
    outside = Exogenous(changed, name="macro", lag="10d")
    quoted = {name: panel * scale for name, panel in bars.quoted.items()}
    return replace(bars, quoted=quoted, split=split, dividend=dividend).with_tables(outside)


def alone(bars: Bars, symbol: int) -> Bars:
    """The panel of one symbol on the rows where it has a bar."""
    rows = bars.traded[:, symbol]

    def cut(panel: NDArray[np.float64]) -> NDArray[np.float64]:
        return panel[rows][:, [symbol]]

    quoted = {name: cut(panel) for name, panel in bars.quoted.items()}
    return replace(bars, clock=bars.clock[rows], symbols=bars.symbols[symbol : symbol + 1], quoted=quoted,
                   split=cut(bars.split), dividend=cut(bars.dividend), closed=bars.closed[rows][:, [symbol]],
                   own_periods_per_year=bars.own_periods_per_year[[symbol]])  # fmt: skip


def test_the_list_is_complete() -> None:
    public = {getattr(quantml.features, name) for name in quantml.features.__all__}
    declared = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Declaration)}
    assert {type(feature) for feature in BUILT_IN} == declared


@each
@given(row=st.integers(20, 148), seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_what_comes_later_changes_nothing(bars: Bars, feature: Any, row: int, seed: int) -> None:
    before = values(feature, bars)
    after = values(feature, changed_after(bars, row, seed))
    assert before[: row + 1].tobytes() == after[: row + 1].tobytes()


@each
@given(row=st.integers(20, 148))
@settings(max_examples=8, deadline=None)
def test_cutting_the_future_off_changes_nothing(bars: Bars, feature: Any, row: int) -> None:
    row = max(row, feature.warmup)
    cut = values(feature, bars.until(bars.clock[row]))
    np.testing.assert_allclose(cut, values(feature, bars)[: row + 1], rtol=1e-10)


@each
def test_the_future_does_change_later_values(bars: Bars, feature: Any) -> None:
    known = {f.Category, f.Cosine, f.DayOfWeek, f.InCategory, f.Month, f.SessionsToExpiry, f.SessionsToHoliday,
             f.TurnOfMonth}  # fmt: skip
    later = values(feature, changed_after(bars, 70, 1))[71:]
    assert np.array_equal(later, values(feature, bars)[71:], equal_nan=True) == (type(feature) in known)


@each
def test_each_symbol_is_computed_on_its_own_bars(bars: Bars, feature: Any) -> None:
    panel = values(feature, bars)
    assert np.isnan(panel[~bars.traded]).all()
    for symbol in range(len(bars.symbols) if feature not in ACROSS else 0):
        own = values(feature, alone(bars, symbol))[:, 0]
        np.testing.assert_array_equal(panel[bars.traded[:, symbol], symbol], own)


@each
def test_the_warm_up_is_exact(bars: Bars, feature: Any) -> None:
    panel = values(feature, bars)
    for symbol in range(len(bars.symbols)):
        own = panel[bars.traded[:, symbol], symbol]
        assert np.isnan(own[: feature.warmup]).all()
        assert not np.isnan(own[feature.warmup :]).any()


@pytest.mark.parametrize("feature", [feature for feature in BUILT_IN if feature.warmup > 0], ids=str)
def test_a_history_no_longer_than_the_warm_up_is_an_error(bars: Bars, feature: Any) -> None:
    short = bars.between(bars.clock[0], bars.clock[feature.warmup - 1])
    with pytest.raises(FeatureError, match=f"its warm-up is {feature.warmup} bars, the longest history has"):
        build_features([feature], short)
    build_features([feature], bars.until(bars.clock[feature.warmup]))


RECURSIVE = ("RSI", "MACD", "ATR(", "TALib('ADX'")
"""Never quite forget where the data began; after the warm-up it moves them by a few thousandths of what is usual."""


@pytest.mark.parametrize(
    "feature",
    [feature for feature in BUILT_IN if feature not in ACROSS and not getattr(feature, "depends_on_start", False)],
    ids=str,
)
@pytest.mark.parametrize("start", [1, 7, 33])
def test_values_after_the_warm_up_do_not_tell_where_the_data_began(bars: Bars, feature: Any, start: int) -> None:
    later = bars.between(bars.clock[start], bars.clock[-1])
    whole, cut = values(feature, bars)[start:], values(feature, later)
    for symbol, traded in enumerate(later.traded.T):
        own, same = cut[traded, symbol][feature.warmup :], whole[traded, symbol][feature.warmup :]
        recursive = any(name in str(feature) for name in RECURSIVE)
        np.testing.assert_allclose(own, same, rtol=1e-10, atol=0.005 * np.std(same) if recursive else 1e-12)
