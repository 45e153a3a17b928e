"""Time and memory of sweeps, beside vectorbt and backtesting.py.

``python -m benchmarks.sweep [--small]``; names the peers that are not installed, and leaves them out.

Moving average crosses are long or flat, with all of the cash at 10 bp, decided at closes and filled at the next open;
both libraries agree on final equity, Sharpe ratio, maximum drawdown and number of trades before they are timed.
vectorbt runs whichever of its engines is faster. The rule of a user is a breakout with a trailing stop, decided at
closes. vectorbt's nearest equivalent is `from_signals` with a trailing stop, which fills at the stop within the bar and
so has other results; backtesting.py runs the same rule bar by bar, in whole shares that it
sizes at the close before, and its time per combination is that of a few.
Memory is the peak of a fresh process less what it held after a sweep of four combinations.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import interleaved
from benchmarks.store import high_water
from quantml import Bars, Costs, rule, sweep
from quantml.simulation import AverageCross, simulate

REPOSITORY = Path(__file__).resolve().parents[1]
HAS_VECTORBT = importlib.util.find_spec("vectorbt") is not None
HAS_BACKTESTING = importlib.util.find_spec("backtesting") is not None
COSTS = Costs(commission_bps=10)
SPENT = 1.0 / (1.0 + COSTS.fill_bps / 1e4)
CASH = 1e15
"""Costs leave almost nothing of an account that trades ten thousand times; vectorbt no longer trades what falls below
about 1e-5, so both begin with as much as it takes to stay above."""
MEASURES = ("final_equity", "sharpe_ratio", "max_drawdown", "trades")
SIZES = {"1000 x 5000": (1_000, 5_000), "10000 x 5000": (10_000, 5_000), "100 x 500000": (100, 500_000)}
SMALL = {"40 x 1000": (40, 1_000)}


def make_bars(rows: int) -> Bars:
    """Simulate one symbol."""
    generator = np.random.default_rng(6)
    minutes = rows > 100_000
    scale = 0.0005 if minutes else 0.01
    close = 100.0 * np.exp(np.cumsum(generator.normal(scale / 100.0, scale, rows)))
    opens = np.concatenate([close[:1], close[:-1]]) * np.exp(generator.normal(0.0, scale / 5.0, rows))
    data = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    if minutes:
        clock = pd.date_range("2015-01-01", periods=rows, freq="1min", tz="UTC")
    else:
        clock = pd.bdate_range("2000-01-03", periods=rows)
    frames = {name: pd.DataFrame({"A": values}, clock) for name, values in data.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def make_grid(combinations: int) -> pd.DataFrame:
    """Make as many pairs of lengths, each length used often."""
    side = round(combinations**0.5 + 0.5)
    pairs = list(itertools.product(range(5, 5 + side), range(10 + side, 10 + 2 * side)))[:combinations]
    return pd.DataFrame(pairs, columns=["fast", "slow"])


# ------------------------------------------------------------------ crosses


def quantml_cross(bars: Bars, grid: pd.DataFrame) -> pd.DataFrame:
    """Sweep."""
    return sweep(AverageCross(long=SPENT), bars, grid, costs=COSTS, initial_cash=CASH)[list(MEASURES)]


def vectorbt_sums(portfolio: Any) -> pd.DataFrame:
    """Read what is compared off a portfolio."""
    sums = (portfolio.final_value(), portfolio.sharpe_ratio(), portfolio.max_drawdown(), portfolio.trades.count())
    return pd.DataFrame(dict(zip(MEASURES, (np.asarray(values) for values in sums), strict=True)))


def vectorbt_portfolio(bars: Bars, grid: pd.DataFrame, engine: str) -> Any:
    """Simulate with vectorbt, on bare arrays: levels of columns would take longer."""
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    vbt.settings.returns["year_freq"] = "252 days"
    close, opens = bars.close["A"], bars.open["A"]
    above = np.zeros((len(bars), len(grid)), dtype=np.bool_)
    fast, slow = (vbt.MA.run(close, grid[name].tolist()).ma.to_numpy() for name in ("fast", "slow"))
    np.greater(fast[:-1], slow[:-1], out=above[1:])
    return vbt.Portfolio.from_signals(
        close, above, ~above, price=opens, fees=1e-4 * COSTS.commission_bps, init_cash=CASH, freq="1D"
    )


def vectorbt_cross(bars: Bars, grid: pd.DataFrame, engine: str) -> pd.DataFrame:
    """Sweep with vectorbt."""
    return vectorbt_sums(vectorbt_portfolio(bars, grid, engine))


def vectorbt_exact(bars: Bars, grid: pd.DataFrame, engine: str) -> pd.DataFrame:
    """Sweep with vectorbt to compare: `final_value` adds profits to the cash at the start, and so rounds to that."""
    portfolio = vectorbt_portfolio(bars, grid, engine)
    return vectorbt_sums(portfolio).assign(final_equity=np.asarray(portfolio.value())[-1])


# ------------------------------------------------------------ a user's rule


def highest(close: Any, entry: int) -> Any:
    """Return the highest close of the bars before each."""
    return pd.Series(close).rolling(entry).max().shift(1).to_numpy()


@rule(top=highest)
def breakout(close, top, stop):  # type: ignore[no-untyped-def]
    """Buy above the highest close of the last bars; sell below the trailing stop."""
    weights = np.full(close.size, np.nan)
    weights[0] = 0.0
    held, peak = False, 0.0
    for k in range(1, close.size):
        if held:
            peak = max(peak, close[k])
            if close[k] < peak * (1.0 - stop):
                weights[k], held = 0.0, False
        elif close[k] > top[k]:
            weights[k], held, peak = SPENT, True, close[k]
    return weights


def breakout_grid(combinations: int) -> pd.DataFrame:
    """Make pairs of a window and a stop."""
    side = round(combinations**0.5 + 0.5)
    pairs = list(itertools.product(range(10, 10 + side), np.linspace(0.02, 0.2, side)))[:combinations]
    return pd.DataFrame(pairs, columns=["entry", "stop"])


def vectorbt_breakout(bars: Bars, grid: pd.DataFrame, engine: str) -> pd.DataFrame:
    """Run vectorbt's nearest equivalent: its own trailing stop, within the bar."""
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    close = bars.close["A"]
    windows, places = np.unique(grid["entry"], return_inverse=True)
    tops = np.column_stack([highest(close, window) for window in windows])
    entries = np.zeros((len(bars), len(windows)), dtype=np.bool_)
    entries[1:] = close.to_numpy()[:-1, None] > tops[:-1]
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries[:, places],
        np.zeros((1, 1), dtype=np.bool_),
        price=bars.open["A"],
        sl_stop=grid["stop"].to_numpy()[None, :],
        sl_trail=True,
        fees=1e-4 * COSTS.commission_bps,
        init_cash=1e6,
        freq="1D",
    )
    return vectorbt_sums(portfolio)


def backtesting_breakout(bars: Bars, grid: pd.DataFrame) -> list[float]:
    """Run the same rule with backtesting.py; return final equities."""
    from backtesting import Backtest, Strategy

    class Breakout(Strategy):  # type: ignore[misc, no-any-unimported]
        entry, stop = 10, 0.1

        def init(self) -> None:
            self.top, self.peak = self.I(highest, self.data.Close, self.entry), 0.0

        def next(self) -> None:
            close = self.data.Close[-1]
            if self.position:
                self.peak = max(self.peak, close)
                if close < self.peak * (1.0 - self.stop):
                    self.position.close()
            elif close > self.top[-1]:
                self.buy()
                self.peak = close

    data = pd.DataFrame({name.title(): getattr(bars, name)["A"] for name in ("open", "high", "low", "close")})
    tester = Backtest(data, Breakout, cash=1e9, commission=1e-4 * COSTS.commission_bps)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        runs = [tester.run(entry=int(row["entry"]), stop=float(row["stop"])) for _, row in grid.iterrows()]
    return [float(done["Equity Final [$]"]) / 1e3 for done in runs]


# ----------------------------------------------------------------- measuring


def seconds(task: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def apart(mine: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """Return the largest relative difference of each measure."""
    return {
        name: float(np.nanmax(np.abs(mine[name] - theirs[name]) / np.maximum(np.abs(theirs[name]), 1e-12)))
        for name in MEASURES
    }


def faster(run: Callable[..., Any], bars: Bars, grid: pd.DataFrame) -> str:
    """Name the faster of vectorbt's engines."""
    taken = {}
    for engine in ("auto", "numba"):
        run(bars, grid, engine)
        taken[engine] = seconds(lambda engine=engine: run(bars, grid, engine))  # type: ignore[misc]
    return min(taken, key=lambda engine: taken[engine])


def peak(library: str, combinations: int, rows: int) -> int:
    """Return the additional memory of a sweep in a fresh process, in bytes."""
    command = [sys.executable, "-m", "benchmarks.sweep", "--memory", library, str(combinations), str(rows)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    return int(done.stdout.splitlines()[-1])


def report_memory(library: str, combinations: int, rows: int) -> None:
    """Print the additional memory of one sweep."""
    bars = make_bars(rows)
    run = quantml_cross if library == "quantml" else lambda b, g: vectorbt_cross(b, g, "auto")
    run(make_bars(300), make_grid(4))
    before = high_water()
    run(bars, make_grid(combinations))
    print(high_water() - before)


def crosses(name: str, combinations: int, rows: int, repeats: int) -> dict[str, Any]:
    """Compare both libraries on crosses."""
    bars, grid = make_bars(rows), make_grid(combinations)
    mine = quantml_cross(bars, grid)
    tasks = {"quantml": lambda: seconds(lambda: quantml_cross(bars, grid))}
    found: dict[str, Any] = {}
    if HAS_VECTORBT:
        engine = faster(vectorbt_cross, bars, grid.head(len(grid) // 10))
        found["agree"] = apart(mine, vectorbt_exact(bars, grid, engine))
        found["engine"] = engine
        tasks["vectorbt"] = lambda: seconds(lambda: vectorbt_cross(bars, grid, engine))
        sizes = {library: peak(library, combinations, rows) for library in tasks}
        found["memory"] = {library: round(size / 2**20, 2) for library, size in sizes.items()}
        found["memory_ratio"] = round(sizes["vectorbt"] / max(sizes["quantml"], 1), 1)
    return found | told(f"cross {name}", interleaved(tasks, repeats=repeats))


def users(name: str, combinations: int, rows: int, repeats: int) -> dict[str, Any]:
    """Compare a user's own rule."""
    bars, grid = make_bars(rows), breakout_grid(combinations)
    mine = sweep(breakout, bars, grid, costs=COSTS)
    one = breakout.weights(bars, entry=int(grid["entry"][0]), stop=float(grid["stop"][0]))
    whole = simulate(one, bars, costs=COSTS).equity.iloc[-1]
    found: dict[str, Any] = {"agree": {"simulate": float(abs(mine["final_equity"][0] / whole - 1.0))}}
    tasks = {"quantml": lambda: seconds(lambda: sweep(breakout, bars, grid, costs=COSTS))}
    if HAS_VECTORBT:
        engine = faster(vectorbt_breakout, bars, grid.head(len(grid) // 10))
        tasks["vectorbt"] = lambda: seconds(lambda: vectorbt_breakout(bars, grid, engine))
    if HAS_BACKTESTING:
        few = grid.iloc[:: max(len(grid) // 3, 1)].head(3)
        equities = backtesting_breakout(bars, few)
        found["agree"]["backtesting"] = float(np.max(np.abs(mine["final_equity"][few.index] / equities - 1.0)))
        tasks["backtesting"] = lambda: seconds(lambda: backtesting_breakout(bars, few)) * len(grid) / len(few)
    return found | told(f"breakout {name}", interleaved(tasks, repeats=repeats))


def told(name: str, measured: dict[str, list[float]]) -> dict[str, Any]:
    """Print medians and least times, and return how many times quantml's the others are."""
    print(f"{name} (s, median of {len(measured['quantml'])}, least)")
    middle, least = ({key: f(values) for key, values in measured.items()} for f in (statistics.median, min))
    for library in measured:
        ratios = f"{middle[library] / middle['quantml']:9.1f} {least[library] / least['quantml']:9.1f} x quantml"
        print(f"  {library:12} {middle[library]:10.4f} {least[library]:10.4f} {ratios}")
    peers = [library for library in measured if library != "quantml"]
    return {
        "ratio": {library: round(middle[library] / middle["quantml"], 1) for library in peers},
        "ratio_least": {library: round(least[library] / least["quantml"], 1) for library in peers},
        "seconds": {library: round(value, 5) for library, value in middle.items()},
    }


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    missing = [name for name, has in (("vectorbt", HAS_VECTORBT), ("backtesting", HAS_BACKTESTING)) if not has]
    for name in missing:
        print(f"{name} is not installed: it is left out")
    warnings.simplefilter("ignore")  # the peers' own
    found = {}
    for name, (combinations, rows) in (SMALL if small else SIZES).items():
        found[f"cross {name}"] = crosses(name, combinations, rows, repeats=5)
    combinations, rows = next(iter((SMALL if small else SIZES).values()))
    found["breakout"] = users(f"{combinations} x {rows}", combinations, rows, repeats=5)
    for name, values in found.items():
        print(name, {key: value for key, value in values.items() if key in ("agree", "memory", "memory_ratio")})
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    machine["load"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    ratios = {name: values["ratio"] for name, values in found.items()}
    memory = {name: values["memory"] for name, values in found.items() if "memory" in values}
    agree = {name: values["agree"] for name, values in found.items() if "agree" in values}
    result = {"benchmark": "sweep", "machine": machine, "ratios": ratios, "memory": memory, "agree": agree}
    print(json.dumps({**result, "missing": missing}))


if __name__ == "__main__":
    if "--memory" in sys.argv:
        place = sys.argv.index("--memory")
        report_memory(sys.argv[place + 1], int(sys.argv[place + 2]), int(sys.argv[place + 3]))
    else:
        main()
