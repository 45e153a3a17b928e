"""Rules that users write: what they are given, how they are compiled, and how they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError
from quantml.kernels import cache_folder
from quantml.simulation import Costs, NotCompiled, rule, simulate, sweep
from quantml.simulation.sweeps.foresight import OtherFuture
from quantml.simulation.sweeps.tapes import read_feed
from quantml.timing import Fill

compiled = pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled")


@rule
def bought(close, at, weight=1.0, sold=False):
    """Buy on one bar and, perhaps, sell on the last but one."""
    weights = np.full(close.size, np.nan)
    weights[at] = weight
    if sold:
        weights[close.size - 2] = 0.0
    return weights


@pytest.fixture
def bars(bars_of: Callable[..., Bars]) -> Bars:
    return bars_of([10.0, 20.0, 40.0, 50.0, 25.0])


def test_parameters_keep_their_kind_and_defaults(bars: Bars) -> None:
    table = sweep(bought, bars, {"at": [0, 1], "sold": [False, True]}, initial_cash=100.0)
    assert table.columns[:4].tolist() == ["symbol", "at", "weight", "sold"]
    assert [column.kind for column in table.dtypes[1:4]] == ["i", "f", "b"]
    # bought at 20 or 40 and held to 25; what is sold is decided at 50 and filled at 25 too
    assert table["final_equity"].tolist() == [125.0, 125.0, 62.5, 62.5]
    # all of the equity once, and half of it when 250 or 125 are worth half as much, over five bars or four
    assert_allclose(table["turnover"], [252 / 5, 252 / 5 * 1.5, 252 / 4, 252 / 4 * 1.5], rtol=1e-14)


def test_fields_are_adjusted_and_without_gaps() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    close = pd.DataFrame({"A": [10.0, np.nan, 5.0, 6.0], "B": 1.0}, clock)
    split = pd.DataFrame({"A": [1.0, 1.0, 2.0, 1.0], "B": 1.0}, clock)
    gaps = Bars.from_frame(pd.concat({"close": close, "split": split}, axis=1), periods_per_year=252)

    @rule
    def rising(close, by):
        weights = np.zeros(close.size)
        for k in range(1, close.size):
            weights[k] = 1.0 if close[k] > close[k - 1] * by else 0.0
        return weights

    assert rising.weights(gaps, by=1.0)["A"].tolist()[2:] == [0.0, 1.0]
    assert np.isnan(rising.weights(gaps, by=1.0)["A"].iloc[1])
    table = sweep(rising, gaps, {"by": [0.9]}).set_index("symbol")
    assert table.loc["A", "trades"] == 1  # decided on row 2, since 2 * 5 is no less than 10


def test_what_is_shared_is_computed_once_for_each_of_its_own_parameters(bars: Bars) -> None:
    calls: list[tuple[int, float]] = []

    def peak(close: Any, window: int, scale: float) -> Any:
        if close.tolist() == [10.0, 20.0, 40.0, 50.0, 25.0]:  # not another future, by which foresight is found
            calls.append((window, scale))
        return pd.Series(close).rolling(window).max().to_numpy() * scale

    @rule(top=peak)
    def near(close, top, share):
        weights = np.zeros(close.size)
        for k in range(close.size):
            weights[k] = 1.0 if close[k] > share * top[k] else 0.0
        return weights

    grid = {"share": [0.3, 0.6, 0.9], "window": [1, 3], "scale": [1.0, 1.1]}
    table = sweep(near, bars, grid, costs=Costs(commission_bps=5))
    # and once more for each of three combinations whose foresight is looked for
    assert sorted(calls) == sorted([(1, 1.0), (1, 1.1), (3, 1.0), (3, 1.1), (1, 1.0), (1, 1.1), (3, 1.1)])
    assert table.columns[:5].tolist() == ["symbol", "window", "scale", "share", "final_equity"]
    for _, row in table.iterrows():
        weights = near.weights(bars, window=row["window"], scale=row["scale"], share=row["share"])
        expected = simulate(weights, bars, costs=Costs(commission_bps=5)).equity.iloc[-1]
        assert row["final_equity"] == pytest.approx(expected, rel=1e-12)


@compiled
def test_a_rule_that_cannot_be_compiled_runs_and_says_so_once(bars: Bars) -> None:
    @rule
    def slow(close, span):
        return (close > pd.Series(close).rolling(span).mean().to_numpy()) * 1.0

    with pytest.warns(NotCompiled, match=r"The rule slow cannot be compiled, and runs slower by far: .") as told:
        table = sweep(slow, bars, {"span": [2, 3]})
    assert len(told) == 1
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = sweep(slow, bars, {"span": [2, 3]})
    pd.testing.assert_frame_equal(table, again)
    expected = [simulate(slow.weights(bars, span=span), bars).equity.iloc[-1] for span in (2, 3)]
    assert_allclose(table["final_equity"], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (2, r"the weights of the rule wrong must be one per bar, 5 \(A, bad=2\)"),
        (3, r"the weights of the rule wrong must be finite or NaN; got inf \(A, bad=3; 2024-01-02"),
        (4, r"the weights of the rule wrong must hold at least one decision \(A, bad=4\)"),
        (5, r"the rule wrong must run on every combination; got 'ValueError: no 5' \(A, bad=5\)"),
    ],
)
def test_a_rule_that_goes_wrong_is_named_with_its_combination(bad: int, text: str, bars: Bars) -> None:
    @rule
    def wrong(close, bad):
        weights = np.zeros(close.size - 1 if bad == 2 else close.size)
        if bad == 3:
            weights[1] = np.inf
        if bad == 4:
            weights[:] = np.nan
        if bad == 5:
            raise ValueError("no 5")
        return weights

    with pytest.raises(SimulationError, match=text):
        sweep(wrong, bars, {"bad": [0, bad, 1]})


def drawn(rows: int = 300, **columns: int) -> Bars:
    """Bars of one symbol for each seed."""
    clock = pd.bdate_range("2020-01-01", periods=rows)
    closes = {name: np.random.default_rng(seed).normal(0.0, 0.02, rows) for name, seed in columns.items()}
    return Bars.from_close(100 * np.exp(pd.DataFrame(closes, clock).cumsum()), periods_per_year=252)


@rule
def tomorrow(close, ahead):
    """Hold what will rise."""
    weights = np.zeros(close.size)
    for t in range(close.size):
        weights[t] = 1.0 if close[min(t + ahead, close.size - 1)] > close[t] else 0.0
    return weights


@rule
def wide(close, share):
    """Hold what will move far, whichever way."""
    weights = np.zeros(close.size)
    for t in range(close.size - 1):
        weights[t] = 1.0 if abs(np.log(close[t + 1] / close[t])) > share else 0.0
    return weights


@rule
def standardised(close, level):
    """Hold what is cheap against all of its prices."""
    return np.where(close < level * close.mean(), 1.0, 0.0)


@rule(mean=lambda close, span: pd.Series(close).rolling(span, center=True, min_periods=1).mean().to_numpy())
def centred(close, mean):
    return np.where(close > mean, 0.5, -0.5)


@pytest.mark.parametrize(
    ("each", "grid"),
    [
        (tomorrow, {"ahead": [0, 1]}),
        (tomorrow, {"ahead": [5, 0]}),
        (wide, {"share": [0.02]}),
        (standardised, {"level": [0.9, 1.0]}),
        (centred, {"span": [5]}),
    ],
    ids=lambda part: getattr(part, "name", ""),
)
def test_a_rule_that_looks_ahead_is_found(each: Any, grid: Any) -> None:
    text = (
        rf"the weights of the rule {each.name} must not hang on later bars; got '\S+, and \S+ with other prices after"
    )
    with pytest.raises(SimulationError, match=text):
        sweep(each, drawn(A=1), grid)


def test_another_future_is_one_that_bars_may_have() -> None:
    clock = pd.bdate_range("2024-01-01", periods=4)
    fields = {"open": [2.0, 3.0, 4.0, 6.0], "high": [3.0, 5.0, 8.0, 9.0], "low": [1.0, 2.0, 3.0, 5.0],
              "close": [2.0, 4.0, 8.0, 6.0], "volume": [1.0, 2.0, 3.0, 0.0]}  # fmt: skip
    bars = Bars.from_frame(
        pd.concat({name: pd.DataFrame({"A": v}, clock) for name, v in fields.items()}, axis=1), periods_per_year=252
    )
    feed = read_feed(bars, 0, costs=Costs(), fill=Fill.NEXT_CLOSE, initial_cash=1.0)
    other = OtherFuture(**vars(feed), after=1, turn=1.0)
    # 4 * 4 / p after the second close, and high and low change places
    expected = {"open": [2, 3, 4, 16 / 6], "high": [3, 5, 16 / 3, 16 / 5], "low": [1, 2, 2, 16 / 9],
                "close": [2, 4, 2, 16 / 6], "volume": [1, 2, 7, 1]}  # fmt: skip
    for name, values in expected.items():
        assert_allclose(other.field(name), values, rtol=1e-15)
    assert OtherFuture(**vars(feed), after=1, turn=3.0).field("close").tolist() == [2, 4, 0.5, 4 * (4 / 6) ** 3]


def test_the_symbol_with_most_bars_is_looked_at() -> None:
    closes = drawn(A=1, B=2, C=3).close
    closes.loc[closes.index[:200], ["A", "C"]] = np.nan
    with pytest.raises(SimulationError, match=r"later bars; .* \(B, ahead=1; 20"):
        sweep(tomorrow, Bars.from_close(closes, periods_per_year=252), {"ahead": [0, 1]})


def test_a_rule_whose_future_makes_it_fail_is_named() -> None:
    top = float(drawn(A=1).close.max().iloc[0])

    @rule
    def careful(close, limit):
        if close.max() > limit:
            raise ValueError("too high")
        return np.ones(close.size)

    with pytest.raises(
        SimulationError, match=r"rule careful must be decided whatever comes after .*ValueError: too hi"
    ):
        sweep(careful, drawn(A=1), {"limit": [top]})


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_rule_is_not_suspected(seed: int) -> None:
    spread = rule(bottom=lambda close, span: pd.Series(close).rolling(span).quantile(0.2).to_numpy())(honest)
    table = sweep(spread, drawn(A=seed), {"span": [3, 30], "share": [0.5, 1.0, 1.5]})
    assert len(table) == 6


def honest(close, bottom, share):
    weights = np.full(close.size, np.nan)
    weights[0] = 0.0
    for t in range(1, close.size):
        if (close[t] < bottom[t]) != (close[t - 1] < bottom[t - 1]):
            weights[t] = share if close[t] < bottom[t] else 0.0
    return weights


def test_rules_that_cannot_be_read_are_refused(bars: Bars) -> None:
    with pytest.raises(ParameterError, match=r"a rule must take plain arguments only; got '\*more'"):
        rule(lambda close, *more: close)
    with pytest.raises(ParameterError, match=r"must have another name than a result of sweeps; got 'costs'"):
        rule(lambda close, costs: close)
    with pytest.raises(ParameterError, match=r"what a rule shares must name arguments of <lambda>; got 'mean'"):
        rule(mean=lambda close, span: close)(lambda close: close)
    with pytest.raises(ParameterError, match=r"a rule must be a function, and share functions; got 5"):
        rule(top=5)(lambda close, top: close)
    with pytest.raises(ParameterError, match=r"what a rule shares must have another name than a field .*; got 'low'"):
        rule(low=lambda close: close)(lambda close, low: low)
    short = rule(top=lambda close, span: close[span:])(lambda close, top: top)
    with pytest.raises(SimulationError, match=r"what a rule shares as top must be one number per bar, .* \(span=1\)"):
        sweep(short, bars, {"span": [1]})


SCRIPT = """
import pandas as pd
from quantml.bars import Bars
from quantml.simulation import rule, sweep
from quantml.simulation.sweeps import drivers
SCALE = 0.5
@rule
def half(close, times):
    return close * 0.0 + SCALE * times
if __name__ == "__main__":
    clock = pd.bdate_range("2024-01-01", periods=3)
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 1.0, 2.0]}, clock), periods_per_year=252)
    print(sweep(half, bars, {"times": [1.0]}, initial_cash=100.0)["final_equity"][0])
    print(sum(drivers.make_driver(half, "f").run.stats.cache_hits.values()))
"""


@compiled
def test_a_compiled_rule_is_kept_until_something_that_it_reads_is_edited(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / cache_folder().name
    shutil.copytree(cache_folder(), kept, ignore=shutil.ignore_patterns("*.tmp.*"))  # so that only the rule is new

    def run(text: str) -> list[str]:
        (tmp_path / "script.py").write_text(text)
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, str(tmp_path / "script.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run(SCRIPT) == ["150.0", "0"]
    assert run(SCRIPT + "# a comment\n") == ["150.0", "1"]
    assert run(SCRIPT.replace("SCALE = 0.5", "SCALE = 0.25")) == ["125.0", "0"]
