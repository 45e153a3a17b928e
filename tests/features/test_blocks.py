"""Panels wider than a block of symbols, whose features are computed block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from quantml import features as f
from quantml.bars import Bars
from quantml.errors import FeatureError
from quantml.features import build_features
from quantml.features.blocks import GROUP, _blocks
from quantml.features.own_bars import bar_returns
from quantml.features.shared import sharing
from quantml.features.tiles import TILE

SYMBOLS = 2 * TILE + 5
FEATURES: list[Any] = [
    f.Returns(1),
    f.DayOfWeek(),
    f.MovingAverageRatio(2, 5),
    f.RealisedVolatility(4),
    f.EwmaVolatility(0.3),
    f.FractionalDifference(0.4, window=4),
    f.RSI(3),
    f.YangZhang(4),
    f.Amihud(3),
    f.Kurtosis(6),
    f.Quantile(5, q=0.2),
    f.Entropy(6, bins=3),
]


@pytest.fixture(scope="module")
def wide() -> Bars:
    generator = np.random.default_rng(17)
    shape = (40, SYMBOLS)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.0, 0.02, shape), axis=0))
    gone = generator.random(shape) < 0.02
    gone[:9, 3], gone[30:, TILE + 1], gone[-1, 0] = True, True, False
    values = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6 / close,
              "split": np.where(generator.random(shape) < 0.01, 2.0, 1.0)}  # fmt: skip
    days, names = pd.bdate_range("2024-01-01", periods=len(close)), [f"S{number}" for number in range(SYMBOLS)]
    frames = {name: pd.DataFrame(array, days, names).mask(gone) for name, array in values.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def spread(bars: Bars) -> pd.DataFrame:
    return bars.high / bars.low - 1.0


def test_blocks_give_the_same_bits_as_the_whole_panel(wide: Bars) -> None:
    features = [*FEATURES, spread, f.CrossSectionRank(f.Returns(1))]
    assert sum(getattr(feature, "by_symbol", False) for feature in features) == len(features) - 3
    built = build_features(features, wide)
    for position, feature in enumerate(features):
        whole = np.ascontiguousarray(feature(wide))
        assert np.isfinite(whole).any()
        assert np.ascontiguousarray(built.values[:, :, position]).tobytes() == whole.tobytes(), feature


@dataclass(frozen=True)
class Infinite:
    """Infinite for one symbol of the last block, though each symbol is computed by itself."""

    by_symbol: ClassVar[bool] = True

    def __call__(self, bars: Bars) -> pd.DataFrame:
        result = bars.close
        result.loc[result.index[7], result.columns == f"S{SYMBOLS - 1}"] = np.inf
        return result


@dataclass(frozen=True)
class Odd:
    """Says that it works symbol by symbol, and returns what is no plain frame of floats."""

    how: str
    by_symbol: ClassVar[bool] = True

    def __call__(self, bars: Bars) -> Any:
        close = bars.close
        odd = {"one row": close.iloc[:1], "turned": close.iloc[:, ::-1], "words": close.astype(str), "array": np.array(close),
               "nullable": close.astype("Float64"), "truth": close > 50.0, "whole": close.fillna(0.0).astype(int)}  # fmt: skip
        return odd[self.how]


@pytest.mark.parametrize(("how", "rule"), [("one row", "keep the clock"), ("turned", "keep the symbols"),
                                           ("words", "return numbers"), ("array", "return a DataFrame")])  # fmt: skip
def test_what_a_block_returns_is_checked(wide: Bars, how: str, rule: str) -> None:
    with pytest.raises(FeatureError, match=f"feature Odd.* must {rule}"):
        build_features([f.Returns(1), Odd(how)], wide)


def test_numbers_of_other_kinds_become_floats(wide: Bars) -> None:
    values = build_features([Odd("nullable"), Odd("truth"), Odd("whole")], wide).values
    close = wide.array("close")
    expected = (close, close > 50.0, np.floor(np.nan_to_num(close)))
    np.testing.assert_array_equal(values, np.stack(expected, axis=-1))


def test_blocks_are_no_wider_than_a_tile_and_even() -> None:
    assert [slice(0, 7)] == _blocks(7)
    assert [slice(0, TILE)] == _blocks(TILE)
    assert _blocks(2 * TILE + 4) == [slice(k * 65, (k + 1) * 65) for k in range(4)]


def test_more_features_than_are_laid_out_together(wide: Bars) -> None:
    features = [f.Returns(n) for n in range(1, GROUP + 6)]
    built = build_features([*features, f.CrossSectionRank(f.Returns(1))], wide)
    for place, feature in enumerate(features):
        np.testing.assert_array_equal(built.values[:, :, place], np.asarray(feature(wide)))


def test_what_features_share_is_the_same_as_by_themselves(wide: Bars) -> None:
    with sharing():
        first = bar_returns(wide)
        assert bar_returns(wide) is first
        assert bar_returns(wide.between(wide.clock[3], wide.clock[-1])) is not first
    assert bar_returns(wide) is not first
    assert not first.flags.writeable


def broken(bars: Bars) -> pd.DataFrame:
    raise KeyError("nothing")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([Infinite()], rf"^feature Infinite\(\) must be finite or NaN; got inf \(S{SYMBOLS - 1}, 2024-01-10\)"),
        ([Infinite(), broken], r"^feature Infinite\(\) must be finite"),
        ([broken, Infinite()], "^feature broken failed: KeyError"),
        ([spread, f.Hurst(40)], r"^feature Hurst\(40\) must have a value somewhere"),
    ],
    ids=["infinite", "infinite first", "a list first", "nothing"],
)
def test_the_first_feature_that_fails_is_told_of(features: list[Any], message: str, wide: Bars) -> None:
    with pytest.raises(FeatureError, match=message):
        build_features(features, wide)
