"""Time and agreement of a panel with daily target weights, beside vectorbt.

``python -m benchmarks.panel [--small]``; names the peer where it is not installed, and leaves it out.

Symbols x days of target weights that sum to 0.9 of equity, decided at closes and filled at the next open at 10 bp, in
fractional and in whole shares. Both libraries give every fill, and equity, cash and positions of every day, and agree
on the equity of every day before they are timed; vectorbt is timed for equity alone as well, since it computes what is
asked for. vectorbt runs whichever of its engines is faster, sells before it buys
(``call_seq="auto"``), and values its group at the opens, as an order at the open must be sized. The time to stream is
that of summing up each array that the ledger is given once: weights, opens, closes, splits, dividends and members.
Memory is the peak of a fresh process in one simulation, less what it held before.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import interleaved
from benchmarks.features import resident
from benchmarks.store import high_water
from quantml import Bars, Costs, Fill
from quantml.simulation import Execution, simulate

REPOSITORY = Path(__file__).resolve().parents[1]
CLEARED = Path("/proc/self/clear_refs")
HAS_VECTORBT = importlib.util.find_spec("vectorbt") is not None
COSTS = Costs(commission_bps=10)
CASH = 1e9
"""Enough for whole shares of every symbol."""
SIZES = {"500 x 2500": (500, 2_500)}
SMALL = {"20 x 250": (20, 250)}
LOTS = {"fractional": 0.0, "whole": 1.0}


@dataclass(frozen=True)
class Panel:
    """Bars, and weights decided at their closes."""

    bars: Bars
    weights: pd.DataFrame

    @property
    def inputs(self) -> list[np.ndarray]:
        """Every array that the ledger reads."""
        bars = self.bars
        prices = [bars.raw_array(name) for name in ("open", "close")]
        return [self.weights.to_numpy(), *prices, bars.split, bars.dividend, bars.members]


def make_panel(symbols: int, rows: int) -> Panel:
    """Simulate prices, and weights that sum to 0.9."""
    generator = np.random.default_rng(9)
    close = 50.0 * np.exp(np.cumsum(generator.normal(2e-4, 0.02, (rows, symbols)), axis=0))
    opens = close * np.exp(generator.normal(0.0, 0.005, close.shape))
    wanted = np.abs(generator.normal(size=close.shape)) + 0.01
    wanted *= 0.9 / wanted.sum(axis=1, keepdims=True)
    clock, names = pd.bdate_range("2000-01-03", periods=rows), [f"S{n}" for n in range(symbols)]
    data = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    frames = {name: pd.DataFrame(values, clock, names) for name, values in data.items()}
    bars = Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)
    return Panel(bars, pd.DataFrame(wanted, clock, names))


def quantml_equity(panel: Panel, lot: float) -> np.ndarray:
    """Simulate, and return equity."""
    execution = Execution(lot=lot)
    done = simulate(panel.weights, panel.bars, costs=COSTS, fill=Fill.NEXT_OPEN, initial_cash=CASH, execution=execution)
    return done.equity.to_numpy()


def vectorbt_portfolio(panel: Panel, lot: float, engine: str) -> Any:
    """Simulate with vectorbt, which leaves all but the fills to be asked for."""
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    size = np.full(panel.weights.shape, np.nan)
    size[1:] = panel.weights.to_numpy()[:-1]
    opens = panel.bars.raw_array("open")
    return vbt.Portfolio.from_orders(
        pd.DataFrame(panel.bars.raw_array("close"), panel.bars.clock, list(panel.bars.symbols)),
        size=size,
        size_type="targetpercent",
        price=opens,
        val_price=opens,
        fees=1e-4 * COSTS.commission_bps,
        size_granularity=lot or np.nan,
        init_cash=CASH,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )


def vectorbt_equity(panel: Panel, lot: float, engine: str) -> np.ndarray:
    """Simulate with vectorbt, and return equity."""
    return np.asarray(vectorbt_portfolio(panel, lot, engine).value())


def vectorbt_account(panel: Panel, lot: float, engine: str) -> tuple[Any, ...]:
    """Simulate with vectorbt, and ask for equity, cash and positions of every day, which `simulate` always gives."""
    portfolio = vectorbt_portfolio(panel, lot, engine)
    return portfolio.value(), portfolio.cash(), portfolio.assets()


def stream(panel: Panel) -> float:
    """Sum up every array that the ledger reads."""
    return float(sum(values.sum() for values in panel.inputs))


# ----------------------------------------------------------------- measuring


def seconds(task: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def faster(panel: Panel, lot: float) -> str:
    """Name the faster of vectorbt's engines."""
    taken = {}
    for engine in ("auto", "numba"):
        vectorbt_equity(panel, lot, engine)
        taken[engine] = seconds(lambda engine=engine: vectorbt_equity(panel, lot, engine))  # type: ignore[misc]
    return min(taken, key=lambda engine: taken[engine])


def peak(library: str, panel: Panel, lot: float) -> int:
    """Return the additional memory of a simulation in a fresh process, in bytes."""
    rows, symbols = panel.weights.shape
    command = [sys.executable, "-m", "benchmarks.panel", "--memory", library, str(symbols), str(rows), str(lot)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    return int(done.stdout.splitlines()[-1])


def forget_peak() -> None:
    """Give back what making the panel took, and begin a new peak; where that cannot be done, the old one stands."""
    if CLEARED.exists() and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
        CLEARED.write_text("5")


def report_memory(library: str, symbols: int, rows: int, lot: float) -> None:
    """Print the additional memory of one simulation."""
    panel = make_panel(symbols, rows)
    run = quantml_equity if library == "quantml" else lambda p, n: vectorbt_account(p, n, "auto")
    run(make_panel(4, 100), lot)
    forget_peak()
    before = resident()
    run(panel, lot)
    print(high_water() - before)


def compared(name: str, panel: Panel, lot: float, repeats: int) -> dict[str, Any]:
    """Compare both libraries, and the time to stream the inputs."""
    mine = quantml_equity(panel, lot)
    tasks = {
        "quantml": lambda: seconds(lambda: quantml_equity(panel, lot)),
        "stream": lambda: seconds(lambda: stream(panel)),
    }
    found: dict[str, Any] = {}
    if HAS_VECTORBT:
        engine = faster(panel, lot)
        theirs = vectorbt_equity(panel, lot, engine)
        found = {"agree": float(np.max(np.abs(mine / theirs - 1.0))), "engine": engine}
        tasks["vectorbt"] = lambda: seconds(lambda: vectorbt_account(panel, lot, engine))
        tasks["vectorbt, equity alone"] = lambda: seconds(lambda: vectorbt_equity(panel, lot, engine))
    measured = interleaved(tasks, repeats=repeats)
    print(f"{name} (s, median of {repeats}, least)")
    middle, least = ({key: f(values) for key, values in measured.items()} for f in (statistics.median, min))
    for task in measured:
        print(f"  {task:22} {middle[task]:9.4f} {least[task]:9.4f} {middle[task] / middle['quantml']:8.2f} x quantml")
    found["to_stream"] = round(middle["quantml"] / middle["stream"], 2)
    if HAS_VECTORBT:
        for task in ("vectorbt", "vectorbt, equity alone"):
            found[task] = round(middle[task] / middle["quantml"], 1)
        sizes = {library: peak(library, panel, lot) for library in ("quantml", "vectorbt")}
        found["memory"] = {library: round(size / 2**20, 1) for library, size in sizes.items()}
        print(f"  additional memory, MB: quantml {found['memory']['quantml']}, vectorbt {found['memory']['vectorbt']}")
        print(f"  largest relative difference of equity {found['agree']:.1e}, vectorbt's engine {found['engine']}")
    return found


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    missing = [] if HAS_VECTORBT else ["vectorbt"]
    for name in missing:
        print(f"{name} is not installed: it is left out")
    warnings.simplefilter("ignore")  # the peer's own
    found = {}
    for size, (symbols, rows) in (SMALL if small else SIZES).items():
        panel = make_panel(symbols, rows)
        for name, lot in LOTS.items():
            found[f"{name} {size}"] = compared(f"{name} shares, {size}", panel, lot, repeats=5 if small else 11)
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    machine["load"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    ratios = {
        name: {part: value for part, value in values.items() if part not in ("agree", "engine", "memory")}
        for name, values in found.items()
    }
    agree, memory = (
        {name: values[part] for name, values in found.items() if part in values} for part in ("agree", "memory")
    )
    result = {"benchmark": "panel", "machine": machine, "ratios": ratios, "memory": memory, "agree": agree}
    print(json.dumps({**result, "missing": missing}))


if __name__ == "__main__":
    if "--memory" in sys.argv:
        library, symbols, rows, lot = sys.argv[sys.argv.index("--memory") + 1 :]
        report_memory(library, int(symbols), int(rows), float(lot))
    else:
        main()
