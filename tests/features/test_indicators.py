from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.typing import NDArray
from talib import abstract

from quantml.bars import Bars
from quantml.canonical import digest
from quantml.errors import FeatureError, ParameterError
from quantml.features import Momentum, Returns, TALib, build_features, feature_name
from quantml.space import Choice, Integer, find_spaces, substitute

FUNCTIONS = talib.get_functions()
OUTPUTS = [(name, output) for name in FUNCTIONS for output in abstract.Function(name).info["output_names"]]
FIELDS = ("open", "high", "low", "close", "volume")
# totals since the first bar, means since it, and positions counted from it
FOREVER = {"AD", "CUMSUM", "MAXINDEX", "MININDEX", "MINMAXINDEX", "NVI", "OBV", "PVI", "PVT", "VWAP", "WAD"}

STOPS = {"SAR", "SAREXT", "SUPERTREND"}  # forget the beginning when the trend turns


def periods(bars: Bars) -> pd.DataFrame:
    return 2.0 + (bars.volume % 20.0).round()


def feature_of(function: str, output: str, **parameters: Any) -> TALib:
    several = len(abstract.Function(function).info["output_names"]) > 1
    inputs = {"periods": periods} if function == "MAVP" else {}
    return TALib(function, output=output if several else None, **inputs, **parameters)


def expected_of(function: str, output: str, bars: Bars, symbol: str) -> tuple[NDArray[np.float64], int]:
    """What ``talib.abstract`` returns for fields by name on the symbol's own bars, and its lookback."""
    own = {name: getattr(bars, name)[symbol].dropna().to_numpy() for name in FIELDS}
    own["periods"] = periods(bars)[symbol].dropna().to_numpy()
    declared = abstract.Function(function)
    returned = declared(own)
    names = declared.info["output_names"]
    chosen = returned[names.index(output)] if len(names) > 1 else returned
    return np.asarray(chosen, dtype=np.float64), declared.lookback


def simulated(seed: int, rows: int) -> Bars:
    generator = np.random.default_rng(seed)
    days = pd.bdate_range("2000-01-03", periods=rows)
    close = np.exp(0.1 * np.sin(np.arange(rows) / 40.0) + np.cumsum(generator.normal(0.0, 0.015, rows)))
    opens = close * np.exp(generator.normal(0.0, 0.01, rows))
    fields = {
        "open": opens,
        "high": np.maximum(opens, close) * (1.0 + generator.exponential(0.01, rows)),
        "low": np.minimum(opens, close) * (1.0 - np.minimum(generator.exponential(0.01, rows), 0.1)),
        "close": close,
        "volume": np.exp(generator.normal(10.0, 1.0, rows)),
    }
    frames = {name: pd.DataFrame({"A": values}, index=days) for name, values in fields.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


@pytest.fixture(scope="module")
def history() -> Bars:
    return simulated(5, 1200)


@pytest.mark.parametrize(("function", "output"), OUTPUTS)
def test_every_output_equals_talib_on_own_bars(bars: Bars, function: str, output: str) -> None:
    result = feature_of(function, output, unstable_period=0)(bars)
    for symbol in bars.symbols:
        expected, lookback = expected_of(function, output, bars, symbol)
        expected[:lookback] = np.nan  # where TA-Lib has 0 in its whole numbers
        expected[np.isinf(expected)] = np.nan
        np.testing.assert_array_equal(result[symbol][bars.close[symbol].notna()], expected)
        assert result[symbol][bars.close[symbol].isna()].isna().all()


@pytest.mark.parametrize(("function", "output"), OUTPUTS)
def test_no_output_reads_ahead(history: Bars, function: str, output: str) -> None:
    feature, cut = feature_of(function, output), 600
    later = {name: np.where(np.arange(1200)[:, None] > cut, 1.5 * panel, panel)
             for name, panel in history.quoted.items()}  # fmt: skip
    changed = Bars(history.clock, history.symbols, later, history.split, history.dividend, 252.0)
    before = feature(history).to_numpy()
    assert feature(changed).to_numpy()[: cut + 1].tobytes() == before[: cut + 1].tobytes()
    np.testing.assert_array_equal(feature(history.until(history.clock[cut])), before[: cut + 1])


@pytest.mark.parametrize(("function", "output"), OUTPUTS)
def test_after_its_warm_up_a_value_depends_on_no_more_history(history: Bars, function: str, output: str) -> None:
    feature = feature_of(function, output)
    assert feature.depends_on_start == (function in FOREVER)
    values = feature(history)["A"].to_numpy()
    assert np.isnan(values[: feature.warmup]).all()
    assert not np.isnan(values[feature.warmup]) or function in {"ACOS", "ASIN"}  # of prices above 1
    if function in FOREVER:
        return
    moved = np.nanstd(np.diff(values, n=1)) * np.sqrt(feature.warmup + 1) + 1e-9
    for start in (150, 400, 633):
        shorter = feature(history.between(history.clock[start], history.clock[-1]))["A"].to_numpy()
        pair = shorter[feature.warmup :], values[start + feature.warmup :]
        settled = np.isclose(*pair, rtol=1e-7, atol=0.01 * moved, equal_nan=True)
        assert settled.mean() >= (0.9 if function in STOPS else 1.0)


def test_without_it_an_average_does_depend_on_the_beginning(history: Bars) -> None:
    feature = TALib("EMA", timeperiod=20, unstable_period=0)
    assert feature.warmup == 19
    shorter = feature(history.between(history.clock[400], history.clock[-1]))["A"].to_numpy()
    first = shorter[19] / feature(history)["A"].iloc[419] - 1.0
    assert abs(first) > 1e-3
    # an exponential average of 20 forgets by 19/21 a bar: to a thousandth in ln(1000) / ln(21/19) = 69 bars
    assert 40 <= TALib("EMA", timeperiod=20).warmup - 19 <= 100


def test_all_groups_and_functions_are_there() -> None:
    assert len(FUNCTIONS) >= 150
    for function, output in OUTPUTS:
        feature_of(function, output)


def test_inputs_may_be_fields_or_features(bars: Bars) -> None:
    returns = Returns()(bars)["pause"].dropna()
    averaged = TALib("SMA", timeperiod=5, price=Returns())
    assert averaged.warmup == 5
    np.testing.assert_array_equal(averaged(bars)["pause"][returns.index], talib.SMA(returns.to_numpy(), 5))
    volume = bars.volume["late"].dropna()
    on_volume = TALib("ROC", timeperiod=3, price="volume")(bars)["late"][volume.index]
    np.testing.assert_array_equal(on_volume, talib.ROC(volume.to_numpy(), 3))
    both = TALib("CORREL", timeperiod=9, price0="close", price1=Momentum(4))
    assert both.warmup == 12
    assert both(bars)["whole"].notna().sum() == len(bars) - 12
    typical = TALib("MEDPRICE", prices=("open", "close"))(bars)
    np.testing.assert_allclose(typical, (bars.open + bars.close) / 2.0, rtol=1e-15)


def test_a_row_on_which_an_input_has_no_value_is_passed_over(bars: Bars) -> None:
    def holed(bars: Bars) -> pd.DataFrame:
        low = bars.low
        low[low.index.day_of_week == 2] = np.nan
        return low

    result = TALib("CORREL", timeperiod=5, price0="high", price1=holed)(bars)["pause"]
    rows = holed(bars)["pause"].notna()
    own = [bars.high["pause"][rows].to_numpy(), bars.low["pause"][rows].to_numpy()]
    np.testing.assert_array_equal(result[rows], talib.CORREL(*own, timeperiod=5))
    assert result[~rows].isna().all()


def test_whole_numbers_are_unknown_until_talib_knows_them() -> None:
    bars = simulated(1, 40)
    doji = TALib("CDLDOJI")(bars)["A"]
    assert doji[:10].isna().all()
    assert set(doji[10:]) <= {0.0, 100.0}


def test_a_quotient_by_zero_is_nan() -> None:
    days = pd.bdate_range("2024-01-01", periods=3)
    fields = {name: pd.DataFrame({"A": [1.0, 1.0, 1.0]}, index=days) for name in ("open", "high", "low", "close")}
    fields["volume"] = pd.DataFrame({"A": [2.0, 0.0, 4.0]}, index=days)
    bars = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)
    np.testing.assert_array_equal(TALib("DIV", price0="close", price1="volume")(bars)["A"], [0.5, np.nan, 0.25])


def test_it_is_a_declaration() -> None:
    feature = TALib("MACD", output="macdsignal", slowperiod=30, fastperiod=10)
    assert repr(feature) == "TALib('MACD', output='macdsignal', fastperiod=10, slowperiod=30)"
    assert feature == TALib("MACD", output="macdsignal", fastperiod=10, slowperiod=30)
    assert hash(feature) == hash(pickle.loads(pickle.dumps(feature)))
    assert digest(feature) == digest(pickle.loads(pickle.dumps(feature)))
    assert digest(feature) != digest(TALib("MACD", output="macdsignal", fastperiod=11, slowperiod=30))
    nested = TALib("SMA", timeperiod=5, price=Momentum(21), unstable_period=3)
    assert feature_name(nested) == "TALib('SMA', unstable_period=3, price=Momentum(21), timeperiod=5)"


def test_parameters_may_be_searched() -> None:
    declared = TALib(Choice("RSI", "CMO"), timeperiod=Integer(5, 9), price=Choice("close", "high"))
    spaces = find_spaces(declared)
    assert [*spaces] == ["function", "parameters.price", "parameters.timeperiod"]
    chosen = {"function": "CMO", "parameters.price": "high", "parameters.timeperiod": 7}
    assert substitute(declared, chosen) == TALib("CMO", timeperiod=7, price="high")
    inner = TALib("SMA", timeperiod=5, price=Momentum(Choice(5, 10)))
    assert [*find_spaces(inner)] == ["parameters.price.window"]
    with pytest.raises(ParameterError, match=r"TALib\('RSI'\).timeperiod must be at least 2; got 1"):
        TALib("RSI", timeperiod=Choice(5, 1))


def test_missing_volume_is_told(bars: Bars) -> None:
    closes = Bars.from_close(bars.close, periods_per_year=252)
    with pytest.raises(FeatureError) as caught:
        build_features([TALib("OBV")], closes)
    assert str(caught.value) == (
        "feature TALib('OBV'): bars must have the field 'volume'; got 'close'. Use bars that have it."
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TALib("ADXX"), "TALib.function must be a function of TA-Lib; got 'ADXX'. Did you mean 'ADX'?"),
        (lambda: TALib("stoch"), "TALib.function must be a function of TA-Lib; got 'stoch'. Did you mean 'STOCH'?"),
        (lambda: TALib(14), "TALib.function must be a function of TA-Lib; got 14."),
        (lambda: TALib("ADX", timeperoid=14), "TALib('ADX') must be called with its own parameters; got 'timeperoid'. "
                                              "Did you mean 'timeperiod'?"),
        (lambda: TALib("ADX", timeperiod=0), "TALib('ADX').timeperiod must be at least 2; got 0."),
        (lambda: TALib("SMA", timeperiod=10**7), "TALib('SMA').timeperiod must be in TA-Lib's range; got 10000000."),
        (lambda: TALib("ADX", timeperiod=14.0), "TALib('ADX').timeperiod must be a whole number; got 14.0."),
        (lambda: TALib("ADX", timeperiod=True), "TALib('ADX').timeperiod must be a whole number; got True."),
        (lambda: TALib("BBANDS", output="upperband", nbdevup="2"),
         "TALib('BBANDS').nbdevup must be a finite number; got '2'."),
        (lambda: TALib("BBANDS", output="upperband", nbdevup=np.nan),
         "TALib('BBANDS').nbdevup must be a finite number; got nan."),
        (lambda: TALib("MACD"), "TALib('MACD').output must be one of macd, macdsignal, macdhist; got None."),
        (lambda: TALib("MACD", output="signal"), "TALib('MACD').output must be one of its outputs; got 'signal'. "
                                                 "Did you mean 'macdsignal'?"),
        (lambda: TALib("SMA", price="clsoe"), "TALib('SMA').price must be a field or a feature; got 'clsoe'. "
                                              "Did you mean 'close'?"),
        (lambda: TALib("SMA", price=5), "TALib('SMA').price must be a field or a feature; got 5. "
                                        "Fields: open, high, low, close, volume."),
        (lambda: TALib("ADX", prices="close"), "TALib('ADX').prices must be a tuple of 3, for high, low, close; "
                                               "got 'close'."),
        (lambda: TALib("MAVP"), "TALib('MAVP').periods must be given. Give a feature: TALib('MAVP', periods=...)."),
        (lambda: TALib("RSI", unstable_period=-1), "TALib.unstable_period must be at least 0; got -1."),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value).startswith(message)
