"""Rules on panels small enough to work by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError, SignalError
from quantml.signals import Context, MovingAverageCross, Proportional, RankLongShort, Sign, apply_steps

NAN = float("nan")


def test_sign_divides_by_the_symbols_with_a_bar(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10, 10, 10], B=[10, 10, NAN], C=[NAN, 10, NAN], D=[10, 10, 10])
    rows = [[0.03, -0.03, NAN, 0.01], [0.011, -0.02, 0.0, NAN], [-0.5, 0.5, 0.5, 0.5]]
    context = Context(bars, forecast=forecast(bars, rows))
    made = apply_steps([Sign(threshold=0.01)], context)
    # three, four and two symbols have a bar; a forecast at the threshold, none, and one without a bar are flat
    np.testing.assert_array_equal(made.values, [[1 / 3, -1 / 3, 0, 0], [1 / 4, -1 / 4, 0, 0], [-1 / 2, 0, 0, 1 / 2]])
    long_only = apply_steps([Sign(threshold=0.01, short=False)], context)
    np.testing.assert_array_equal(long_only.values, [[1 / 3, 0, 0, 0], [1 / 4, 0, 0, 0], [0, 0, 0, 1 / 2]])


def test_a_direction_is_read_around_one_half(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10, 10], B=[10, 10])
    context = Context(bars, forecast=forecast(bars, [[0.75, 0.5], [0.25, 0.625]], kind="direction"))
    np.testing.assert_array_equal(apply_steps([Sign()], context).values, [[0.5, 0.0], [-0.5, 0.5]])
    # 2p - 1 is 0.5, 0, -0.5 and 0.25
    np.testing.assert_array_equal(apply_steps([Sign(0.25)], context).values, [[0.5, 0.0], [-0.5, 0.0]])
    np.testing.assert_array_equal(apply_steps([Proportional(2.0)], context).values, [[0.5, 0.0], [-0.5, 0.25]])


def test_proportional(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10, 10], B=[10, NAN])
    context = Context(bars, forecast=forecast(bars, [[0.02, -0.01], [0.02, 0.04]]))
    np.testing.assert_array_equal(apply_steps([Proportional(50)], context).values, [[0.5, -0.25], [1.0, 0.0]])


def test_rank_holds_equal_weights_at_both_ends(panel: Any, forecast: Any) -> None:
    bars = panel(**{name: [10, 10, 10] for name in "ABCDE"})
    rows = [[3, 1, 5, 2, 4], [3, NAN, 5, 2, 4], [NAN, NAN, 5, NAN, NAN]]
    context = Context(bars, forecast=forecast(bars, rows))
    made = apply_steps([RankLongShort(fraction=0.4)], context)
    # two of five on each side; of four ranked 1.6, rounded down to one; a single one is no cross-section
    expected = [[0, -0.25, 0.25, -0.25, 0.25], [0, 0, 0.5, -0.5, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(made.values, expected)
    long_only = apply_steps([RankLongShort(fraction=0.4, short=False)], context)
    np.testing.assert_array_equal(long_only.values, [[0, 0, 0.5, 0, 0.5], [0, 0, 1.0, 0, 0], [0, 0, 0, 0, 0]])


def test_rank_takes_at_least_one_a_side(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10], B=[10], C=[10])
    context = Context(bars, forecast=forecast(bars, [[1, 3, 2]]))
    np.testing.assert_array_equal(apply_steps([RankLongShort(0.01)], context).values, [[-0.5, 0.5, 0]])


def test_rank_is_not_misled_by_binary_fractions(panel: Any, forecast: Any) -> None:
    bars = panel(**{f"S{number}": [10] for number in range(100)})
    context = Context(bars, forecast=forecast(bars, [np.arange(100)]))
    made = apply_steps([RankLongShort(0.29)], context)  # 0.29 * 100 is 28.999999999999996
    assert np.sum(made.values > 0) == np.sum(made.values < 0) == 29


def test_of_equal_scores_the_earlier_symbol_ranks_higher(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10, 10], B=[10, 10], C=[10, 10], D=[10, 10])
    context = Context(bars, forecast=forecast(bars, [[1, 1, 1, 1], [1, 2, 2, 1]]))
    made = apply_steps([RankLongShort(0.25)], context)
    np.testing.assert_array_equal(made.values, [[0.5, 0, 0, -0.5], [0, 0.5, 0, -0.5]])


def last_price(bars: Bars) -> pd.DataFrame:
    """Rank by the price level."""
    return bars.close


def test_rank_by_a_feature_leaves_out_symbols_without_a_bar(panel: Any) -> None:
    bars = panel(A=[1, 1], B=[2, 2], C=[3, NAN])
    made = apply_steps([RankLongShort(by=last_price)], Context(bars))
    np.testing.assert_array_equal(made.values, [[-0.5, 0, 0.5], [-0.5, 0.5, 0]])


def test_a_score_without_a_bar_is_not_ranked(panel: Any) -> None:
    bars = panel(A=[1, 1], B=[2, 2], C=[3, NAN])
    carried = RankLongShort(by=lambda bars: bars.close.ffill())
    np.testing.assert_array_equal(apply_steps([carried], Context(bars)).values[1], [-0.5, 0.5, 0])


def test_a_bad_feature_to_rank_by_is_named(panel: Any) -> None:
    def nothing(bars: Bars) -> pd.DataFrame:
        return bars.close * NAN

    with pytest.raises(FeatureError, match="feature nothing must have a value somewhere"):
        apply_steps([RankLongShort(by=nothing)], Context(panel(A=[1, 1], B=[2, 2])))


def test_one_symbol_has_no_cross_section(panel: Any, forecast: Any) -> None:
    bars = panel(A=[10, 10])
    for step, context in (
        (RankLongShort(), Context(bars, forecast=forecast(bars, [[1], [1]]))),
        (RankLongShort(by=last_price), Context(bars)),
    ):
        with pytest.raises(SignalError) as caught:
            apply_steps([step], context)
        assert str(caught.value) == "a one-symbol cross-section has no rank; got A. Use Sign() on a single symbol."


def test_moving_averages_are_over_own_bars(panel: Any) -> None:
    bars = panel(A=[1, 2, 3, 2, 1, 1], B=[5, NAN, 4, NAN, 3, 9], C=[NAN, NAN, NAN, 7, 7, 7])
    # A: slow averages of 3 from row 2 on are 2, 7/3, 2, 4/3 and fast ones of 2 are 2.5, 2.5, 1.5, 1
    # B: bars 5, 4, 3, 9: slow 4 on row 4, 16/3 on row 5; fast 3.5 and 6. C is equal on row 5, its third bar
    long = [[0, 0, 0], [0, 0, 0], [1 / 2, 0, 0], [1 / 2, 0, 0], [0, 0, 0], [0, 1 / 3, 0]]
    np.testing.assert_array_equal(apply_steps([MovingAverageCross(2, 3)], Context(bars)).values, long)
    both = [[0, 0, 0], [0, 0, 0], [1 / 2, 0, 0], [1 / 2, 0, 0], [-1 / 3, -1 / 3, 0], [-1 / 3, 1 / 3, 0]]
    np.testing.assert_array_equal(apply_steps([MovingAverageCross(2, 3, short=True)], Context(bars)).values, both)


@given(price=st.floats(1e-3, 1e6))
def test_averages_of_a_price_that_stands_still_never_cross(price: float) -> None:
    clock = pd.bdate_range("2024-01-01", periods=30)
    bars = Bars.from_close(pd.DataFrame({"A": price}, clock), periods_per_year=252)
    assert not apply_steps([MovingAverageCross(3, 10, short=True)], Context(bars)).values.any()


# --------------------------------------------------------------------- refusals


@pytest.mark.parametrize("kind", ["volatility", "drawdown"])
@pytest.mark.parametrize("step", [Sign(), Proportional(1.0), RankLongShort()], ids=str)
def test_rules_on_forecasts_need_one_with_a_sign(panel: Any, forecast: Any, step: Any, kind: str) -> None:
    bars = panel(A=[10, 10], B=[10, 10])
    name = type(step).__name__
    with pytest.raises(SignalError) as caught:
        apply_steps([step], Context(bars, forecast=forecast(bars, [[1, 1], [1, 1]], kind=kind)))
    assert str(caught.value) == (
        f"{name} must receive a forecast with a sign; got 'a {kind}'. "
        "Forecast a return or a direction; VolatilityTarget sizes weights by volatility."
    )
    with pytest.raises(SignalError, match=f"{name} must receive a forecast; got 'None'. Give the study a forecaster."):
        apply_steps([step], Context(bars))
    with pytest.raises(SignalError, match=f"{name} must receive a forecast; got 'Weights'. Make it the first step."):
        apply_steps([step, step], Context(bars, forecast=forecast(bars, [[1, 1], [1, 1]])))


@pytest.mark.parametrize("step", [MovingAverageCross(1, 2), RankLongShort(by=last_price)], ids=["cross", "rank"])
def test_rules_on_bars_refuse_to_throw_a_forecast_or_weights_away(panel: Any, forecast: Any, step: Any) -> None:
    bars = panel(A=[10, 10], B=[10, 10])
    must = f"{type(step).__name__} must receive no forecast or weights"
    with pytest.raises(SignalError, match=f"{must}; got 'Forecast'. Leave the study's forecaster out."):
        apply_steps([step], Context(bars, forecast=forecast(bars, [[1, 1], [1, 1]])))
    with pytest.raises(SignalError, match=f"{must}; got 'Weights'. Make it the first step."):
        apply_steps([step, step], Context(bars))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Sign(threshold=-0.1), "Sign.threshold must be a finite number of at least 0; got -0.1."),
        (lambda: Sign(threshold=NAN), "Sign.threshold must be a finite number of at least 0; got nan."),
        (lambda: Sign(threshold=True), "Sign.threshold must be a finite number of at least 0; got True."),
        (lambda: Sign(short="no"), "Sign.short must be True or False; got 'no'."),  # type: ignore[arg-type]
        (lambda: Proportional(0.0), "Proportional.scale must be a finite number above 0; got 0.0."),
        (lambda: RankLongShort(0.6), "RankLongShort.fraction must be above 0 and at most 0.5; got 0.6."),
        (lambda: RankLongShort(1.1, short=False), "RankLongShort.fraction must be above 0 and at most 1.0; got 1.1."),
        (lambda: RankLongShort(0.0), "RankLongShort.fraction must be above 0 and at most 0.5; got 0.0."),
        (lambda: RankLongShort(by="close"),  # type: ignore[arg-type]
         "RankLongShort.by must be a feature, f(bars) -> frame; got 'close'."),
        (lambda: MovingAverageCross(0, 5),
         "MovingAverageCross.fast must be a whole number of bars, at least 1; got 0."),
        (lambda: MovingAverageCross(2, 5.5),  # type: ignore[arg-type]
         "MovingAverageCross.slow must be a whole number of bars, at least 1; got 5.5."),
        (lambda: MovingAverageCross(5, 5), "MovingAverageCross.fast must be less than slow, 5; got 5."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
