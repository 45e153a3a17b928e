from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.features import (
    MACD,
    RSI,
    BollingerPosition,
    DayOfWeek,
    Features,
    Lag,
    Momentum,
    build_features,
    feature_name,
)
from quantml.space import Choice


def spread(bars: Bars) -> pd.DataFrame:
    return bars.high / bars.low - 1.0


@dataclass(frozen=True)
class Scaled:
    by: float
    tags: list[str] = field(default_factory=list)
    loud: bool = field(default=False, kw_only=True)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        return bars.close * self.by


class Plain:
    def __call__(self, bars: Bars) -> pd.DataFrame:
        return bars.close


@pytest.fixture(scope="module")
def built(bars: Bars) -> Features:
    return build_features([Momentum(5), spread, Scaled(2.0)], bars)


def test_values_are_stacked_in_the_order_given(built: Features, bars: Bars) -> None:
    assert built.names == ("Momentum(5)", "spread", "Scaled(2.0)")
    assert built.warmup == (5, 0, 0)
    assert built.symbols == bars.symbols
    assert built.clock.equals(bars.clock)
    np.testing.assert_array_equal(built.values[:, :, 2], 2.0 * bars.array("close"))


def test_values_are_read_only_and_contiguous_also_after_a_pickle(built: Features) -> None:
    for features in (built, pickle.loads(pickle.dumps(built)), built.columns(["spread"]), built.head(7)):
        assert features.values.flags.c_contiguous
        assert not features.values.flags.writeable
        assert features.values.dtype == np.float64


def test_a_frame_is_fresh_each_time(built: Features, bars: Bars) -> None:
    changed = built.frame("Scaled(2.0)")
    changed.iloc[:] = 0.0
    pd.testing.assert_frame_equal(built.frame("Scaled(2.0)"), 2.0 * bars.close, check_freq=False)


def test_columns_and_head_cut_features_and_rows(built: Features) -> None:
    two = built.columns(["Scaled(2.0)", "Momentum(5)"])
    assert (two.names, two.warmup) == (("Scaled(2.0)", "Momentum(5)"), (0, 5))
    np.testing.assert_array_equal(two.values, built.values[:, :, [2, 0]])
    top = built.head(30)
    np.testing.assert_array_equal(top.values, built.values[:30])
    assert top.clock.equals(built.clock[:30])


def test_no_features_make_an_empty_last_axis(bars: Bars) -> None:
    assert build_features([], bars).values.shape == (len(bars), 4, 0)


def test_an_unknown_name_suggests_the_near_one(built: Features) -> None:
    with pytest.raises(FeatureError, match=r"got 'spraed'\. Did you mean 'spread'\?"):
        built.frame("spraed")
    with pytest.raises(FeatureError, match="be among those built; got 'x'"):
        built.columns(["spread", "x"])


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        (Momentum(21), "Momentum(21)"),
        (Momentum(252, skip=21), "Momentum(252, 21)"),
        (RSI(), "RSI()"),
        (RSI(7), "RSI(7)"),
        (MACD(12, 30, 5), "MACD(slow=30, signal=5)"),
        (BollingerPosition(width=2.5), "BollingerPosition(width=2.5)"),
        (DayOfWeek(), "DayOfWeek()"),
        (Scaled(1.0, loud=True), "Scaled(1.0, loud=True)"),
        (Scaled(1.0, ["a"]), "Scaled(1.0, ['a'])"),
        (spread, "spread"),
        (Plain(), "Plain"),
    ],
)
def test_name(feature: Any, name: str) -> None:
    assert feature_name(feature) == name


def test_a_feature_cannot_change_the_bars(bars: Bars) -> None:
    def vandal(bars: Bars) -> pd.DataFrame:
        result = bars.close
        result.iloc[:] = 1.0
        volume = bars.volume
        volume.iloc[:] = 0.0
        return result

    fingerprint = bars.fingerprint
    close = bars.close
    build_features([vandal], bars)
    del bars.__dict__["fingerprint"]
    assert bars.fingerprint == fingerprint
    pd.testing.assert_frame_equal(bars.close, close)

    def burglar(bars: Bars) -> pd.DataFrame:
        bars.array("close")[0, 0] = 1.0
        return bars.close

    with pytest.raises(FeatureError, match="feature burglar failed: ValueError.*read-only"):
        build_features([burglar], bars)


def test_whole_numbers_booleans_and_missing_values_become_floats(bars: Bars) -> None:
    def up(bars: Bars) -> pd.DataFrame:
        return bars.close > bars.open

    def nullable(bars: Bars) -> pd.DataFrame:
        return bars.close.astype("Float64")

    values = build_features([up, nullable], bars).values
    assert set(np.unique(values[:, :, 0])) == {0.0, 1.0}
    np.testing.assert_array_equal(values[:, :, 1], bars.array("close"))


def as_array(bars: Bars) -> Any:
    return bars.close.to_numpy()


def shorter(bars: Bars) -> pd.DataFrame:
    return bars.close.dropna()


def later_clock(bars: Bars) -> pd.DataFrame:
    return bars.close.set_index(bars.clock + pd.Timedelta(days=1))


def numbered(bars: Bars) -> pd.DataFrame:
    return bars.close.reset_index(drop=True)


def reordered(bars: Bars) -> pd.DataFrame:
    return bars.close[sorted(bars.symbols)]


def words(bars: Bars) -> pd.DataFrame:
    return bars.close.astype(object).fillna("none")


def complex_numbers(bars: Bars) -> pd.DataFrame:
    return bars.close * 1j


def infinite(bars: Bars) -> pd.DataFrame:
    result = bars.close
    result.loc["2020-03-02", "late"] = -np.inf
    return result


def nothing(bars: Bars) -> pd.DataFrame:
    return bars.close * np.nan


def broken(bars: Bars) -> pd.DataFrame:
    return bars.close["NONE"]  # the line that the message names


def lacks_field(bars: Bars) -> pd.DataFrame:
    return bars.raw_array("vwap")


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (as_array, "feature as_array must return a DataFrame, time x symbol; got 'ndarray'."),
        (shorter, "feature shorter must keep the clock of the bars; got '45 rows, the bars have 150'."),
        (
            later_clock,
            "feature later_clock must keep the clock of the bars; "
            "got '2020-01-02 00:00:00 where the bars have 2020-01-01 00:00:00'.",
        ),
        (
            numbered,
            "feature numbered must keep the clock of the bars; got '0 where the bars have 2020-01-01 00:00:00'.",
        ),
        (
            reordered,
            "feature reordered must keep the symbols of the bars; got ['early', 'late', 'pause', 'whole']. "
            "Expected whole, late, early, pause.",
        ),
        (words, "feature words must return numbers; got 'object'."),
        (complex_numbers, "feature complex_numbers must return numbers; got 'complex128'."),
        (infinite, "feature infinite must be finite or NaN; got -inf (late, 2020-03-02)."),
        (
            nothing,
            "feature nothing must have a value somewhere; got 'NaN throughout' (the longest history has 150 bars).",
        ),
        (
            Momentum(150),
            "feature Momentum(150) must have a value somewhere; got 'NaN throughout' (its warm-up is 150 bars, "
            "the longest history has 150 bars). Shorten its window, or give it more history.",
        ),
        (
            lacks_field,
            "feature lacks_field: bars must have the field 'vwap'; got 'open, high, low, close, volume'. "
            "Known: close, high, low, open, volume.",
        ),
    ],
)
def test_what_a_feature_may_not_return(feature: Callable[[Bars], Any], message: str, bars: Bars) -> None:
    with pytest.raises(FeatureError) as caught:
        build_features([feature], bars)
    assert str(caught.value) == message


def test_a_feature_that_raises_is_named_with_its_line_and_cause(bars: Bars) -> None:
    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(FeatureError) as caught:
        build_features([broken], bars)
    assert str(caught.value) == (f"feature broken failed: KeyError: 'NONE' (line {line} of test_base.py).")
    assert isinstance(caught.value.__cause__, KeyError)


def divides(bars: Bars) -> pd.DataFrame:
    for symbol in bars.symbols:
        if bars.close[symbol].isna().any() and "early" in symbol:
            raise ZeroDivisionError("no range")  # of one symbol alone
    return bars.close


@pytest.mark.parametrize("place", range(5))
def test_the_symbol_that_makes_a_feature_raise_is_named(bars: Bars, place: int) -> None:
    names = ["A", "B", "C", "D"]
    names.insert(place, "early")
    close = pd.DataFrame({name: bars.close["early" if name == "early" else "whole"] for name in names})
    with pytest.raises(FeatureError) as caught:
        build_features([divides], Bars.from_close(close, periods_per_year=252))
    line = divides.__code__.co_firstlineno + 3
    assert str(caught.value) == (
        f"feature divides failed: ZeroDivisionError: no range (early, line {line} of test_base.py)."
    )


def test_no_symbol_is_named_where_none_is_to_blame(bars: Bars) -> None:
    def together(bars: Bars) -> pd.DataFrame:
        if len(bars.symbols) > 3:
            raise RuntimeError("too many")
        return bars.close[["whole"]]

    def always(bars: Bars) -> pd.DataFrame:
        raise RuntimeError("never works")

    for feature in (together, always):
        with pytest.raises(FeatureError, match=r"(too many|never works) \(line \d+ of test_base.py\)"):
            build_features([feature], bars)


def test_only_the_first_line_of_a_cause_is_told(bars: Bars) -> None:
    def talkative(bars: Bars) -> pd.DataFrame:
        raise RuntimeError("no prices\nand much more")

    with pytest.raises(FeatureError, match=r"failed: RuntimeError: no prices \(line"):
        build_features([talkative], bars)


def test_a_feature_that_exits_is_an_error_like_any_other(bars: Bars) -> None:
    def leave(bars: Bars) -> pd.DataFrame:
        sys.exit(0)

    line = leave.__code__.co_firstlineno + 1
    with pytest.raises(FeatureError, match=rf"^feature leave failed: SystemExit: 0 \(line {line} of test_base.py\)\.$"):
        build_features([leave], bars)


def test_a_feature_that_cannot_take_bars_is_named_too(bars: Bars) -> None:
    def greedy(bars: Bars, window: int) -> pd.DataFrame:
        return bars.close.rolling(window).mean()

    with pytest.raises(FeatureError, match="feature greedy failed: TypeError.*'window'"):
        build_features([greedy], bars)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([RSI(5), RSI(5)], "features must have different names; got 'RSI(5) twice'. Leave one out, or give a function "
                           "a name of its own with def."),
        ([RSI], "a feature must be an object, not a class; got 'RSI'. Write RSI(...)."),
        (RSI(), "features must be a sequence of features; got RSI(window=14). Write [...]."),
        (["RSI"], "a feature must be callable with bars; got 'RSI'."),
        ([RSI(Choice(5, 7))], "feature RSI(ChoiceSpace(values=(5, 7))) must have its search spaces resolved; "
                              "got ['window']."),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_built(features: list[Any], message: str, bars: Bars) -> None:
    with pytest.raises(FeatureError) as caught:
        build_features(features, bars)
    assert str(caught.value) == message


def test_a_warm_up_is_a_number_of_bars(bars: Bars) -> None:
    def slow(bars: Bars) -> pd.DataFrame:
        return bars.close

    slow.warmup = -1  # type: ignore[attr-defined]
    for feature in (slow, Lag(slow)):
        with pytest.raises(FeatureError, match="feature slow must state its warmup as a number of bars; got -1"):
            build_features([feature], bars)


def counted(calls: list[str]) -> Callable[[Bars], pd.DataFrame]:
    def counting(bars: Bars) -> pd.DataFrame:
        calls.append("called")  # a list that grows: no two calls are alike in what the function reads
        return bars.close

    return counting


@dataclass(frozen=True)
class Loud:
    """Says when it is computed, where no digest looks."""

    by: float
    by_symbol: ClassVar[bool] = False

    def __call__(self, bars: Bars) -> pd.DataFrame:
        sys.stdout.write(f"Loud({self.by})\n")
        return bars.close * self.by


def test_only_what_was_not_built_before_is_computed(bars: Bars, capsys: pytest.CaptureFixture[str]) -> None:
    features = [Momentum(5), Loud(2.0), spread, RSI(3), Loud(3.0)]
    first = build_features(features[:3], bars)
    capsys.readouterr()
    second = build_features([*features[::-1], Momentum(6)], bars, reuse=first)
    assert capsys.readouterr().out == "Loud(3.0)\n"
    fresh = build_features([*features[::-1], Momentum(6)], bars)
    assert second.values.tobytes() == fresh.values.tobytes()
    assert (second.names, second.warmup) == (fresh.names, fresh.warmup)
    capsys.readouterr()
    build_features(features, bars, reuse=second.columns(["Loud(2.0)", "spread"]))
    assert capsys.readouterr().out == "Loud(3.0)\n"


@pytest.mark.parametrize("new", [1, 2, 5, 17, 21])
def test_what_was_built_before_stays_beside_any_number_of_new_features(bars: Bars, new: int) -> None:
    features = [Momentum(window) for window in range(1, new + 4)]
    first = build_features(features[:3], bars)
    again = build_features(features, bars, reuse=first)
    assert again.values.tobytes() == build_features(features, bars).values.tobytes()


def test_nothing_is_taken_from_other_bars_or_another_code(bars: Bars, capsys: pytest.CaptureFixture[str]) -> None:
    first = build_features([Loud(2.0), spread], bars)
    same = bars.between(bars.clock[0], bars.clock[-1])
    for reuse, on in ((first, same), (first.head(len(bars)), bars), (pickle.loads(pickle.dumps(first)), bars)):
        capsys.readouterr()
        build_features([Loud(2.0)], on, reuse=reuse)
        assert capsys.readouterr().out == "Loud(2.0)\n"

    def other(bars: Bars) -> pd.DataFrame:
        return bars.high / bars.low + 1.0

    other.__name__ = "spread"
    changed = build_features([other], bars, reuse=first)
    np.testing.assert_array_equal(changed.values[:, :, 0], first.values[:, :, 1] + 2.0)


def test_code_that_holds_what_changes_is_not_taken_for_the_same(bars: Bars) -> None:
    calls: list[str] = []
    feature = counted(calls)
    build_features([feature], bars, reuse=build_features([feature], bars))
    assert calls == ["called", "called"]


def test_features_do_not_keep_their_bars_alive(bars: Bars) -> None:
    copy = bars.between(bars.clock[0], bars.clock[-1])
    built, gone = build_features([Momentum(5)], copy), weakref.ref(copy)
    del copy
    gc.collect()
    assert gone() is None
    assert build_features([Momentum(5)], bars, reuse=built).names == built.names
