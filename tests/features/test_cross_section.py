from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, zscore

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.exogenous import Exogenous
from quantml.features import (
    Category,
    CrossSectionRank,
    CrossSectionZScore,
    Demeaned,
    Momentum,
    Outside,
    Returns,
    build_features,
    feature_name,
)
from quantml.space import Choice, find_spaces
from quantml.universe import Membership

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=3)
CLOSE = pd.DataFrame(
    {"A": [1.0, 1.1, 1.1], "B": [1.0, 1.3, 1.3], "C": [1.0, 1.1, NAN], "D": [NAN, 1.0, 1.2], "E": [1.0, 0.9, 0.9]},
    index=DAYS,
)
SECTORS = {"A": "x", "B": "x", "C": "y", "D": "y", "E": "y", "F": "z"}


def close(bars: Bars) -> pd.DataFrame:
    return bars.close


@pytest.fixture
def bars() -> Bars:
    return Bars.from_close(CLOSE, periods_per_year=252)


@pytest.mark.parametrize(
    ("feature", "second", "third"),
    [
        # closes 1.1, 1.3, 1.1, 1.0, 0.9: ranks 3.5, 5, 3.5, 2, 1 of five; then 1.1, 1.3, 1.2, 0.9: 2, 4, 3, 1 of four
        (CrossSectionRank(close), [0.6, 0.9, 0.6, 0.3, 0.1], [0.375, 0.875, NAN, 0.625, 0.125]),
        # x holds A and B; y holds C, D, E, and on the third day D and E
        (CrossSectionRank(close, group=Category(SECTORS)), [0.25, 0.75, 5 / 6, 0.5, 1 / 6],
         [0.25, 0.75, NAN, 0.75, 0.25]),
        # means 1.08 and 1.125
        (Demeaned(close), [0.02, 0.22, 0.02, -0.08, -0.18], [-0.025, 0.175, NAN, 0.075, -0.225]),
        # means 1.2 in x; 1.0 and then 1.05 in y
        (Demeaned(close, group=Category(SECTORS)), [-0.1, 0.1, 0.1, 0.0, -0.1], [-0.1, 0.1, NAN, 0.15, -0.15]),
        # squared deviations sum to 0.088 over 4, and to 0.0875 over 3
        (CrossSectionZScore(close), np.array([0.02, 0.22, 0.02, -0.08, -0.18]) / np.sqrt(0.022),
         np.array([-0.025, 0.175, NAN, 0.075, -0.225]) / np.sqrt(0.0875 / 3)),
        (CrossSectionZScore(close, group=Category(SECTORS)), [-np.sqrt(0.5), np.sqrt(0.5), 1.0, 0.0, -1.0],
         [-np.sqrt(0.5), np.sqrt(0.5), NAN, np.sqrt(0.5), -np.sqrt(0.5)]),
    ],
)  # fmt: skip
def test_by_hand(bars: Bars, feature: Any, second: list[float], third: list[float]) -> None:
    np.testing.assert_allclose(feature(bars).iloc[1:], [second, third], rtol=1e-12, atol=1e-14)


@given(seed=st.integers(0, 10**6), symbols=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_equals_scipy_on_what_has_a_value(seed: int, symbols: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.integers(1, 6, (7, symbols)).astype(float)
    values[generator.random(values.shape) < 0.3] = NAN
    values[:, 0] = 3.0
    names = [f"S{n}" for n in range(symbols)]
    bars = Bars.from_close(pd.DataFrame(np.ones(values.shape), pd.bdate_range("2024-01-01", periods=7), names))

    def given_values(bars: Bars) -> pd.DataFrame:
        return pd.DataFrame(values, bars.clock, names)

    ranks, scores = CrossSectionRank(given_values)(bars).to_numpy(), CrossSectionZScore(given_values)(bars).to_numpy()
    for row in range(7):
        known = ~np.isnan(values[row])
        expected = (rankdata(values[row, known]) - 0.5) / known.sum()
        np.testing.assert_allclose(ranks[row, known], expected, rtol=1e-14)
        assert ranks[row, known].mean() == pytest.approx(0.5)
        if len(set(values[row, known])) > 1:
            np.testing.assert_allclose(scores[row, known], zscore(values[row, known], ddof=1), rtol=1e-10, atol=1e-12)
        else:
            assert np.isnan(scores[row]).all()
        assert np.isnan(ranks[row, ~known]).all()
        assert np.isnan(scores[row, ~known]).all()


def test_equal_values_have_no_z_score_however_they_round() -> None:
    bars = Bars.from_close(pd.DataFrame({name: [0.1, 0.1] for name in "ABC"}, index=DAYS[:2]))
    assert CrossSectionZScore(close)(bars).isna().all(axis=None)  # their mean is 0.10000000000000002


def test_only_members_are_compared(bars: Bars) -> None:
    spells = pd.DataFrame({"symbol": list("ABCDE"), "start": ["2023-01-01"] * 4 + ["2024-01-03"], "end": None})
    spells.loc[1, "end"] = "2024-01-02"
    known = bars.with_membership(Membership(spells))
    ranks = CrossSectionRank(close)(known)
    # on Tuesday B has left and E is not in yet: A and C at 1.1, D at 1.0; on Wednesday A, D, E
    np.testing.assert_allclose(ranks.iloc[1], [2 / 3, NAN, 2 / 3, 1 / 6, NAN])
    np.testing.assert_allclose(ranks.iloc[2], [0.5, NAN, NAN, 5 / 6, 1 / 6])
    np.testing.assert_allclose(Demeaned(close)(known).iloc[2], [1.1 - 3.2 / 3, NAN, NAN, 1.2 - 3.2 / 3, 0.9 - 3.2 / 3])


def test_a_group_may_change_with_time(bars: Bars) -> None:
    rows = pd.DataFrame(
        {"symbol": [*"ABCDE", "B"], "code": [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]},
        index=pd.DatetimeIndex(["2023-01-01"] * 5 + ["2024-01-03"]),
    )
    sectors = Exogenous(rows, name="sectors", lag="0d", symbol="symbol")
    moved = Demeaned(close, group=Outside("sectors", "code"))(bars.with_tables(sectors))
    np.testing.assert_allclose(moved.iloc[1], [-0.1, 0.1, 0.1, 0.0, -0.1], atol=1e-14)
    mean = (1.3 + 1.2 + 0.9) / 3
    np.testing.assert_allclose(moved.iloc[2], [0.0, 1.3 - mean, NAN, 1.2 - mean, 0.9 - mean], atol=1e-14)


def test_a_symbol_without_a_group_is_left_out(bars: Bars) -> None:
    def only_a(bars: Bars) -> pd.DataFrame:
        return bars.close * [0.0, NAN, NAN, NAN, NAN]

    ranked = CrossSectionRank(close, group=only_a)(bars)
    np.testing.assert_array_equal(ranked.iloc[1], [0.5, NAN, NAN, NAN, NAN])


def test_names_warm_ups_and_spaces_of_what_is_inside(bars: Bars) -> None:
    feature = CrossSectionRank(Momentum(2), group=Category(SECTORS, "sector"))
    assert feature_name(feature) == "CrossSectionRank(Momentum(2), Category(sector))"
    assert build_features([feature], bars).warmup == (2,)
    assert [*find_spaces(CrossSectionRank(Momentum(Choice(1, 2))))] == ["feature.window"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CrossSectionRank("close"), "CrossSectionRank.feature must be a feature; got 'close'."),
        (lambda: Demeaned(Returns), "Demeaned.feature must be a feature, not a class; got 'Returns'. "
                                    "Write Returns(...)."),
        (lambda: CrossSectionZScore(Returns(), group="x"), "CrossSectionZScore.group must be a feature; got 'x'."),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
