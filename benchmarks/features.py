"""Time and memory of 20 usual features on 500 symbols x 2,500 days, beside pandas and polars on the same wide panel.

``python -m benchmarks.features [--small]``; every library makes the array, time x symbol x feature, that a model
reads, and first they agree on it. Panels have no gaps, since the peers' windows would break at each. How long the
features alone take, without being laid side by side, is told too, how long where a fifth of the symbols begin late and
each pauses now and then, and how long where one feature, Hurst's exponent, is added to those that were built before.
Memory is the peak of a fresh process, less what it held with the bars alone, in sizes of the array; the array of the
small form is smaller than what the libraries set aside for themselves, so its sizes say nothing.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._report import interleaved, show
from benchmarks.store import high_water
from quantml import features as f
from quantml.bars import Bars
from quantml.features import build_features

REPOSITORY = Path(__file__).resolve().parents[1]
HAS_POLARS = importlib.util.find_spec("polars") is not None
FIELDS = ("open", "high", "low", "close", "volume")
YEAR = math.sqrt(252.0)
LOG2 = math.log(2.0)
SHARE = 0.34 / (1.34 + 22.0 / 20.0)
Array = NDArray[np.float64]


def panel(symbols: int, sessions: int) -> Bars:
    """Simulate bars without gaps."""
    generator = np.random.default_rng(20)
    shape = (sessions, symbols)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.02, shape), axis=0))
    opens = close * np.exp(generator.normal(0.0, 0.01, shape))
    values = {
        "open": opens,
        "high": np.maximum(opens, close) * np.exp(np.abs(generator.normal(0.0, 0.01, shape))),
        "low": np.minimum(opens, close) * np.exp(-np.abs(generator.normal(0.0, 0.01, shape))),
        "close": close,
        "volume": np.exp(generator.normal(12.0, 1.0, shape)),
    }
    days, names = pd.bdate_range("2010-01-01", periods=sessions), [f"S{number}" for number in range(symbols)]
    frames = {name: pd.DataFrame(array, days, names) for name, array in values.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def with_gaps(bars: Bars) -> Bars:
    """Let every fifth symbol begin late, and each pause on one day in a hundred."""
    generator = np.random.default_rng(21)
    gone = generator.random(bars.traded.shape) < 0.01
    for symbol in range(0, len(bars.symbols), 5):
        gone[: generator.integers(1, len(bars) // 2), symbol] = True
    gone[:, -1] = False
    frames = {name: getattr(bars, name).mask(gone) for name in FIELDS}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


USUAL: tuple[Any, ...] = (
    f.Returns(1),
    f.Returns(21),
    f.LogReturns(5),
    f.Momentum(252, skip=21),
    f.MovingAverageRatio(10, 50),
    f.MovingAverageRatio(50, 200),
    f.DistanceToHigh(252),
    f.DistanceToLow(252),
    f.BollingerPosition(20),
    f.RealisedVolatility(21),
    f.RealisedVolatility(63),
    f.Parkinson(21),
    f.GarmanKlass(21),
    f.YangZhang(21),
    f.DollarVolume(21),
    f.Amihud(21),
    f.RelativeVolume(21),
    f.Skewness(63),
    f.Kurtosis(63),
    f.Autocorrelation(63),
)


def by_pandas(o: Any, h: Any, l: Any, c: Any, v: Any) -> tuple[Callable[[], Any], ...]:  # noqa: E741
    """Write the same features with pandas, on wide frames."""
    log, r = np.log, lambda: np.log(c / c.shift(1))

    def bollinger() -> Any:
        window = c.rolling(20)
        return (c - window.mean()) / (4.0 * window.std(ddof=0)) + 0.5

    def yang_zhang() -> Any:
        ranges = log(h / o) * log(h / c) + log(l / o) * log(l / c)
        inside, gaps = log(c / o).rolling(21).var(), log(o / c.shift(1)).rolling(21).var()
        return YEAR * np.sqrt(gaps + SHARE * inside + (1.0 - SHARE) * ranges.rolling(21).mean())

    def autocorrelation() -> Any:
        moves = r()
        return moves.rolling(63).corr(moves.shift(1), pairwise=False)

    return (
        lambda: c / c.shift(1) - 1.0,
        lambda: c / c.shift(21) - 1.0,
        lambda: log(c / c.shift(5)),
        lambda: c.shift(21) / c.shift(252) - 1.0,
        lambda: c.rolling(10).mean() / c.rolling(50).mean() - 1.0,
        lambda: c.rolling(50).mean() / c.rolling(200).mean() - 1.0,
        lambda: c / c.rolling(252).max() - 1.0,
        lambda: c / c.rolling(252).min() - 1.0,
        bollinger,
        lambda: YEAR * r().rolling(21).std(),
        lambda: YEAR * r().rolling(63).std(),
        lambda: YEAR * np.sqrt((log(h / l) ** 2).rolling(21).mean() / (4.0 * LOG2)),
        lambda: YEAR * np.sqrt((0.5 * log(h / l) ** 2 - (2.0 * LOG2 - 1.0) * log(c / o) ** 2).rolling(21).mean()),
        yang_zhang,
        lambda: (c * v).rolling(21).mean(),
        lambda: ((c / c.shift(1) - 1.0).abs() / (c * v)).rolling(21).mean() * 1e6,
        lambda: v / v.rolling(21).mean().shift(1) - 1.0,
        lambda: r().rolling(63).skew(),
        lambda: r().rolling(63).kurt(),
        autocorrelation,
    )


def by_polars(o: Any, h: Any, l: Any, c: Any, v: Any) -> tuple[Any, ...]:  # noqa: E741
    """Write the same features with polars, as expressions for one symbol."""
    import polars as pl

    r = (c / c.shift(1)).log()
    ranges = (h / o).log() * (h / c).log() + (l / o).log() * (l / c).log()
    inside, gaps = (c / o).log().rolling_var(21), (o / c.shift(1)).log().rolling_var(21)
    return (
        c / c.shift(1) - 1.0,
        c / c.shift(21) - 1.0,
        (c / c.shift(5)).log(),
        c.shift(21) / c.shift(252) - 1.0,
        c.rolling_mean(10) / c.rolling_mean(50) - 1.0,
        c.rolling_mean(50) / c.rolling_mean(200) - 1.0,
        c / c.rolling_max(252) - 1.0,
        c / c.rolling_min(252) - 1.0,
        (c - c.rolling_mean(20)) / (4.0 * c.rolling_std(20, ddof=0)) + 0.5,
        YEAR * r.rolling_std(21),
        YEAR * r.rolling_std(63),
        YEAR * ((h / l).log() ** 2).rolling_mean(21).truediv(4.0 * LOG2).sqrt(),
        YEAR * (0.5 * (h / l).log() ** 2 - (2.0 * LOG2 - 1.0) * (c / o).log() ** 2).rolling_mean(21).sqrt(),
        YEAR * (gaps + SHARE * inside + (1.0 - SHARE) * ranges.rolling_mean(21)).sqrt(),
        (c * v).rolling_mean(21),
        ((c / c.shift(1) - 1.0).abs() / (c * v)).rolling_mean(21) * 1e6,
        v / v.rolling_mean(21).shift(1) - 1.0,
        r.rolling_skew(63, bias=False),
        r.rolling_kurtosis(63, fisher=True, bias=False),
        pl.rolling_corr(r, r.shift(1), window_size=63),
    )


class Quantml:
    """The features as quantml has them."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars

    def single(self, number: int) -> Array:
        """Compute one feature."""
        return np.asarray(USUAL[number](self.bars))

    def array(self) -> Array:
        """Compute all of them and lay them side by side."""
        return build_features(USUAL, self.bars).values


class Again(Quantml):
    """The features with one more, where all but that one were built before."""

    def __init__(self, bars: Bars) -> None:
        super().__init__(bars)
        self.before = build_features(USUAL, bars)

    def array(self) -> Array:
        """Compute the one, and take the others."""
        return build_features((*USUAL, f.Hurst(126)), self.bars, reuse=self.before).values


class Pandas:
    """The features as rolling functions of wide frames."""

    def __init__(self, bars: Bars) -> None:
        self.shape = bars.traded.shape
        self.written = by_pandas(*(getattr(bars, name) for name in FIELDS))

    def single(self, number: int) -> Array:
        """Compute one feature."""
        return np.asarray(self.written[number]())

    def array(self) -> Array:
        """Compute all of them and lay them side by side."""
        values = np.empty((*self.shape, len(USUAL)))
        for number in range(len(USUAL)):
            values[:, :, number] = self.single(number)
        return values


class Polars(Pandas):
    """The features as expressions over the columns of one wide frame."""

    def __init__(self, bars: Bars) -> None:
        import polars as pl

        self.shape = bars.traded.shape
        columns = {f"{name}{n}": bars.array(name)[:, n] for name in FIELDS for n in range(len(bars.symbols))}
        self.frame = pl.DataFrame(columns)
        each = [by_polars(*(pl.col(f"{name}{n}") for name in FIELDS)) for n in range(len(bars.symbols))]
        self.expressions = [[row[number].alias(f"{n}") for n, row in enumerate(each)] for number in range(len(USUAL))]

    def single(self, number: int) -> Array:
        """Compute one feature."""
        return self.frame.select(self.expressions[number]).to_numpy()


def seconds(task: Callable[[], Any]) -> float:
    """Time a task whose memory is given back first; what `main` froze is not looked through each time."""
    gc.collect()
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def differences(peers: dict[str, Any]) -> dict[str, float]:
    """Return the largest difference from quantml over all features, in sizes of the feature's largest value."""
    worst = dict.fromkeys((name for name in peers if name != "quantml"), 0.0)
    for number in range(len(USUAL)):
        ours = peers["quantml"].single(number)
        for name in worst:
            theirs = peers[name].single(number)
            same = np.array_equal(np.isnan(ours), np.isnan(theirs))
            gap = float(np.nanmax(np.abs(ours - theirs)) / np.nanmax(np.abs(ours))) if same else math.inf
            worst[name] = max(worst[name], gap)
    return worst


def per_feature(peers: dict[str, Any], repeats: int) -> dict[str, dict[str, float]]:
    """Return the median seconds of each feature alone."""
    return {
        str(feature): {
            name: statistics.median(times)
            for name, times in interleaved(
                {name: (lambda peer=peer, n=number: seconds(lambda: peer.single(n))) for name, peer in peers.items()},
                repeats=repeats,
            ).items()
        }
        for number, feature in enumerate(USUAL)
    }


PEAK = """
import sys
from benchmarks.features import Quantml, Pandas, Polars, high_water, panel, resident
peer = {"quantml": Quantml, "pandas": Pandas, "polars": Polars}[sys.argv[1]](panel(int(sys.argv[2]), int(sys.argv[3])))
peer.single(0)
before = resident()
held = peer.array()
print(high_water() - before)
"""


def resident() -> int:
    """Return the memory that this process holds now, in bytes; where the system does not tell, the most it held."""
    status = Path("/proc/self/status")
    return 1024 * int(status.read_text().partition("VmRSS:")[2].split()[0]) if status.exists() else high_water()


def peak(name: str, bars: Bars) -> int:
    """Return how much more memory than for the bars a fresh process needs at its peak, in bytes."""
    arguments = [sys.executable, "-c", PEAK, name, str(len(bars.symbols)), str(len(bars))]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    return int(done.stdout)


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    bars = panel(40, 600) if small else panel(500, 2500)
    peers: dict[str, Any] = {"quantml": Quantml(bars), "pandas": Pandas(bars)}
    if HAS_POLARS:
        peers["polars"] = Polars(bars)
    else:
        print("polars is missing: pip install 'quantml[bench]'")
    gc.freeze()
    agree = differences(peers)
    print("largest difference from quantml, in sizes of the feature's largest value:", agree)
    alone = per_feature(peers, 3 if small else 5)
    for name, medians in alone.items():
        print(f"  {name:42}", "  ".join(f"{peer} {1e3 * value:8.2f} ms" for peer, value in medians.items()))
    gaps = Quantml(with_gaps(bars))
    tasks = {name: (lambda peer=peer: seconds(peer.array)) for name, peer in peers.items()}
    again = Again(bars)
    tasks |= {"quantml, gaps": lambda: seconds(gaps.array), "quantml, one more feature": lambda: seconds(again.array)}
    measured = interleaved(tasks, repeats=11)
    sums = {name: sum(medians[name] for medians in alone.values()) for name in peers}
    singly = {name: round(value / sums["quantml"], 2) for name, value in sums.items()}
    print(f"features alone, one after the other, in times of quantml: {json.dumps(singly)}")
    array = 8 * bars.traded.size * len(USUAL)
    memory = {name: round(peak(name, bars) / array, 3) for name in peers}
    print(f"peak memory in sizes of the array: {json.dumps(memory)}")
    show("features", measured, unit="s", against="quantml", alone=singly, memory=memory, agree=agree)


if __name__ == "__main__":
    main()
