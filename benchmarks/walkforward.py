"""What the walk-forward costs beside the fits it is made of, and beside peers' own loops.

``python -m benchmarks.walkforward [--small] [--repeats N] [--python PEER=INTERPRETER ...]``; a peer runs in this
interpreter, or in the one that is named for it. One that is not installed is named, and left out.

1. LightGBM on a panel, refitted every month, forecasts only. The bare loop is `lightgbm` fits and predictions on
   views of the arrays that quantml builds, with its parameters and seeds: what is left when all else is left out. It
   is handed the arrays; quantml builds features and targets, stacks the rows and fits its baseline within its time.
2. The same on two worker processes of one thread each that are up and have run before. Both must forecast what the
   bare loop does, bit for bit. What two cores of this machine can give at most, beside whatever else runs on it, is
   told by two bare loops at once, one on each worker: the time of both, halved.
3. How long a walk-forward takes in all over what it spends inside LightGBM's fits and predictions, for quantml and
   for peers with the same parameters, on the first folds of the same panel (fewer, for what peers take). mlforecast
   and skforecast make their features, 20 lags of returns, and forecast whole test blocks step by step, as is their
   way; pybroker is given 20 indicators, one pooled model, and an empty execution that reads every forecast. What the
   scikit-learn interface does around a fit counts as the peer's fit.
4. A moving average cross tuned in every fold by the Sharpe ratio at 10 bp, beside vectorbt's splitter: averages once
   for all crosses, one portfolio over all of them in each window, decided at a close and filled at the next. quantml
   scores an account kept since the first bar on the window's bars. vectorbt begins each window flat, buys on its first
   row what quantml holds already, and that row is not scored: both score the same bars in the same positions. What is
   left between them is how costs are paid: vectorbt buys for all of the cash less the fee; quantml buys for the whole
   equity, which the fee then makes 1.001 of what is left, and sells that thousandth on the next bar. Crosses that
   are as good as each other, many with neighbouring lengths, may so change places.

Times are medians of runs in turns, peers in processes of their own; memory is the peak of a fresh process less what it
held after a tiny run, and of vectorbt less what it held after its imports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np

from benchmarks._loops import PACKAGES, shares
from benchmarks._studies import FEATURES, FEE_BPS, FULL, SMALL, Crosses, Panel, Size
from benchmarks.store import high_water
from quantml.validation.problem import Problem
from quantml.validation.walkforward import WalkForwardResult, walk_forward
from quantml.validation.workers import Handle, Loky, Workers

LOOPS: Final = Path(__file__).with_name("_loops.py")
REPOSITORY: Final = LOOPS.parents[1]
FITTING: Final = ("pybroker", "mlforecast", "skforecast")
BOUND: Final = "two bare loops at once, each"
Floats = np.ndarray


# ---------------------------------------------------------------- the bare loop


@dataclass(frozen=True)
class Bare:
    """What the bare loop is handed: features, target, and of each fold its rows and LightGBM's parameters."""

    x: Floats
    y: Floats
    folds: list[tuple[slice, slice, dict[str, Any]]]
    trees: int

    @classmethod
    def of(cls, panel: Panel) -> Bare:
        """Take the arrays, folds, parameters and seeds from quantml."""
        study, bars = panel.study, panel.bars
        problem, folds = Problem.of(study, bars), []
        for fold in study.validation.folds(bars.clock):
            rows = problem.train(fold, {})
            if len(rows.y) != len(fold.train) * panel.symbols:
                raise RuntimeError(f"each row of the window must train, for views to do; got {len(rows.y)} rows")
            train, test = (slice(int(part[0]), int(part[-1]) + 1) for part in (fold.train, fold.test))
            folds.append((train, test, study.forecaster.parameters(rows)))
        return cls(problem.features({}).values, problem.target({}).values, folds, panel.trees)

    def run(self) -> Floats:
        """Fit and predict each fold; return forecasts, days x symbols, NaN where there are none."""
        width, forecasts = self.x.shape[2], np.full(self.y.shape, np.nan)
        for train, test, parameters in self.folds:
            data = lightgbm.Dataset(self.x[train].reshape(-1, width), self.y[train].reshape(-1), params=parameters)
            booster = lightgbm.train(parameters, data, self.trees, keep_training_booster=True)
            made = booster.predict(self.x[test].reshape(-1, width), num_threads=1)
            forecasts[test] = made.reshape(-1, self.y.shape[1])
        return forecasts


def at_once(bare: Bare, executor: Executor) -> Floats:
    """Run two bare loops at once, each on a worker of its own: what two cores of this machine can give."""
    first, second = (executor.submit(bare.run) for _ in range(2))
    made = first.result()
    if second.result().tobytes() != made.tobytes():
        raise RuntimeError("the bare loop must make the same bytes each time")
    return made


class Standing:
    """Loky workers that stay up from one run to the next."""

    def __init__(self, count: int) -> None:
        self._loky = Loky(count)
        self._executor = self._loky.start()

    def start(self) -> Executor:
        """Return what is up already."""
        return self._executor

    def publish(self, shared: object) -> Handle:
        """Publish as loky workers do."""
        return self._loky.publish(shared)

    def stop(self, *, kill: bool = False) -> None:
        """Leave them up."""

    @classmethod
    @contextmanager
    def up(cls, count: int) -> Iterator[Workers]:
        """Keep workers up until the block ends."""
        workers = cls(count)
        try:
            yield workers
        finally:
            workers._loky.stop()


def forecasts_of(panel: Panel, workers: Workers | None = None) -> Callable[[], Floats]:
    """Prepare quantml's walk-forward of a panel; a call runs it and returns its forecasts."""
    study, bars = panel.study, panel.bars

    def run() -> Floats:
        made = walk_forward(study, bars, executor=workers).forecast
        assert made is not None
        return made.mean

    return run


def overhead(panel: Panel, repeats: int) -> dict[str, Any]:
    """Time quantml, in this process and on workers, beside the bare loop; each must forecast the same."""
    with Standing.up(2) as workers:

        def contestants(panel: Panel) -> dict[str, Callable[[], Floats]]:
            ours = {"quantml": forecasts_of(panel), "quantml, 2 workers": forecasts_of(panel, workers)}
            bare = Bare.of(panel)
            return {"bare loop": bare.run, BOUND: partial(at_once, bare, workers.start()), **ours}

        for warm_up in contestants(panel.first(folds=4, trees=2)).values():
            warm_up()
        measured, made = in_turns(contestants(panel), repeats)
    measured[BOUND] = [seconds / 2.0 for seconds in measured[BOUND]]
    wanted = made["bare loop"]
    apart = {name: float(np.nanmax(np.abs(one - wanted))) for name, one in made.items() if name != "bare loop"}
    same = all(one.tobytes() == wanted.tobytes() for one in made.values())
    print(f"largest difference from the bare loop's forecasts: {apart}; the same bytes: {same}")
    if not same:
        raise RuntimeError("quantml must forecast what the bare loop does, bit for bit")
    folds = f"{panel.symbols} symbols x {panel.days} days x {FEATURES} features, {panel.trees} trees"
    return {"ratio": told(f"LightGBM, {folds}", measured, "bare loop"), "agree": apart}


# ------------------------------------------------------------ peers' own loops


def interpreters(given: list[str]) -> dict[str, str]:
    """Read ``PEER=INTERPRETER``."""
    chosen = dict.fromkeys(PACKAGES, sys.executable)
    for one in given:
        peer, _, path = one.partition("=")
        if peer not in PACKAGES or not path:
            raise SystemExit(f"--python must be PEER=INTERPRETER with PEER one of {', '.join(PACKAGES)}; got {one!r}")
        chosen[peer] = path
    return chosen


def ask(peer: str, interpreter: str, task: Mapping[str, Any]) -> dict[str, Floats] | None:
    """Let a peer do its loop; None where it is not installed."""
    probe = f"import importlib.metadata as m; m.version({PACKAGES[peer]!r})"
    if subprocess.run([interpreter, "-c", probe], capture_output=True, check=False).returncode:
        print(f"{peer} is not installed: it is left out")
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, answers = Path(folder) / "task.npz", Path(folder) / "answers.npz"
        np.savez(source, **task)
        command = [interpreter, str(LOOPS), peer, str(source), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{peer} failed: {done.stderr[-2000:]}")
        print(done.stdout.rstrip())
        with np.load(answers) as file:
            return {name: file[name] for name in file.files}


def own_shares(size: Size, repeats: int, where: Mapping[str, str]) -> dict[str, float]:
    """Measure the ratio of total time to time inside LightGBM, of quantml and of each peer."""
    panel = size.panel.first(size.peer_folds)
    run = forecasts_of(panel)
    places = [(lightgbm, "train"), (lightgbm.Booster, "predict")]
    answers: dict[str, Any] = {"quantml": shares(run, places, repeats)}
    task = {
        "close": size.panel.bars.close.to_numpy(), "lags": FEATURES, "train": panel.train, "test": panel.test,
        "folds": size.peer_folds, "trees": panel.trees, "repeats": repeats,
    }  # fmt: skip
    answers |= {peer: answer for peer in FITTING if (answer := ask(peer, where[peer], task)) is not None}
    print(
        f"{panel.symbols} symbols, {size.peer_folds} folds: total time over time inside LightGBM (median of {repeats})"
    )
    ratios = {}
    for name, answer in answers.items():
        total, own = np.array(answer["total"]), np.array(answer["own"])
        ratios[name] = round(float(np.median(total / own)), 4)
        print(f"  {name:12} {np.median(total):9.3f} s {np.median(own):9.3f} s {ratios[name]:8.3f}")
    return ratios


# ---------------------------------------------------------------- a tuned rule


def tuned_rule(name: str, crosses: Crosses, repeats: int, interpreter: str) -> dict[str, Any]:
    """Time a tuned rule study beside vectorbt, and compare what both choose."""
    study, bars = crosses.study, crosses.bars
    walk_forward(study, bars)
    measured, made = in_turns({"quantml": lambda: walk_forward(study, bars)}, repeats)
    lengths = np.array(crosses.pairs)
    task = {
        "close": bars.close.to_numpy(), "fast": lengths[:, 0], "slow": lengths[:, 1], "train": crosses.train,
        "test": crosses.test, "folds": crosses.folds, "fee": FEE_BPS / 1e4, "periods": crosses.periods,
        "repeats": repeats,
    }  # fmt: skip
    answer, found = ask("vectorbt", interpreter, task), {}
    if answer is not None:
        measured["vectorbt"] = [float(value) for value in answer["seconds"]]
        found["agree"] = chosen_alike(crosses, made["quantml"], answer["scores"])
        found["memory"] = round(int(answer["memory"]) / 2**20, 1)
        print(f"memory of vectorbt: {found['memory']} MB")
    title = f"tuned rule, {name}: {len(lengths)} crosses, {crosses.folds} folds, {len(bars)} bars"
    return {"ratio": told(title, measured, "quantml"), **found}


def chosen_alike(crosses: Crosses, result: WalkForwardResult, theirs: Floats) -> dict[str, float]:
    """Count the folds that choose alike, and return the largest difference of scores."""
    mine = np.full(theirs.shape, np.nan)
    for number, fold in enumerate(result.folds):
        for candidate in fold.candidates:
            mine[number, crosses.place(candidate.values)] = candidate.score
    best = np.nanargmax(theirs, axis=1)
    alike = sum(crosses.place(fold.chosen) == int(place) for fold, place in zip(result.folds, best, strict=True))
    apart = float(np.nanmax(np.abs(mine - theirs)))
    lost = float(np.max(np.nanmax(mine, axis=1) - mine[np.arange(len(best)), best]))
    print(f"{alike} of {len(theirs)} folds choose alike; Sharpe ratios differ by {apart:.4f} at most")
    print(f"  where they do not, vectorbt's choice scores {lost:.4f} less at most in quantml")
    return {"folds alike": alike, "folds": len(theirs), "largest difference": apart, "largest loss": lost}


# ------------------------------------------------------------------- measuring


def in_turns(tasks: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Time each task in turn, so many times; also what each returned last."""
    measured: dict[str, list[float]] = {name: [] for name in tasks}
    made = {}
    for _ in range(repeats):
        for name, task in tasks.items():
            began = time.perf_counter()
            made[name] = task()
            measured[name].append(time.perf_counter() - began)
    return measured, made


def told(title: str, measured: Mapping[str, list[float]], against: str) -> dict[str, float]:
    """Print medians and least times, and return each median over that of the task named `against`."""
    middle = {name: statistics.median(values) for name, values in measured.items()}
    print(f"{title} (s, median of {len(measured[against])}, least)")
    for name, values in measured.items():
        ratios = middle[name] / middle[against], min(values) / min(measured[against])
        print(f"  {name:28} {middle[name]:9.3f} {min(values):9.3f} {ratios[0]:9.3f} {ratios[1]:9.3f} x {against}")
    return {name: round(value / middle[against], 4) for name, value in middle.items() if name != against}


def memory(small: bool) -> dict[str, float]:
    """Measure the additional memory of each loop in a fresh process, in MB; few trees hold as much as many."""
    command = [sys.executable, "-m", "benchmarks.walkforward", *(["--small"] if small else []), "--memory"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    held = {}
    for what in ("quantml",) if small else ("bare loop", "quantml", "rule"):
        done = subprocess.run(
            [*command, what], check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment
        )
        held[what] = round(int(done.stdout.splitlines()[-1]) / 2**20, 1)
    print("memory: " + ", ".join(f"{what} {value} MB" for what, value in held.items()))
    return held


def report_memory(what: str, size: Size) -> None:
    """Print the additional memory of one loop, in bytes."""
    whole = size.panel.first(folds=20, trees=5) if size is FULL else size.panel
    tiny = SMALL.panel.first(folds=2)
    crosses = next(iter(size.rules.values()))
    makers: dict[str, Callable[[Panel], Callable[[], Any]]] = {
        "bare loop": lambda panel: Bare.of(panel).run,
        "quantml": forecasts_of,
        "rule": lambda panel: lambda: walk_forward(crosses.study, crosses.bars) if panel is whole else None,
    }
    makers[what](tiny)()
    run = makers[what](whole)
    before = high_water()
    run()
    print(high_water() - before)


def measure(size: Size, repeats: int, where: Mapping[str, str]) -> dict[str, Any]:
    """Measure all four parts."""
    first = overhead(size.panel, repeats)
    own = own_shares(size, repeats, where)
    rules = {name: tuned_rule(name, crosses, repeats, where["vectorbt"]) for name, crosses in size.rules.items()}
    compared = {name: rule["agree"] for name, rule in rules.items() if "agree" in rule}
    held = {f"vectorbt, rule, {name}": rule["memory"] for name, rule in rules.items() if "memory" in rule}
    missing = [peer for peer in FITTING if peer not in own] + ([] if compared else ["vectorbt"])
    ratios = {f"rule, {name}": rule["ratio"] for name, rule in rules.items()}
    return {
        "ratios": {"to the bare loop": first["ratio"], "total to own": own, **ratios},
        "memory": memory(size is SMALL) | held,
        "agree": {"forecasts": first["agree"], **compared},
        "missing": missing,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--repeats", type=int, default=None)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = SMALL if arguments.small else FULL
    if arguments.memory:
        report_memory(arguments.memory, size)
        return
    repeats = arguments.repeats or (1 if arguments.small else 5)
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    machine["load before"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    found = measure(size, repeats, interpreters(arguments.python))
    machine["load after"] = f"{os.getloadavg()[0]:.1f}"
    print(json.dumps({"benchmark": "walkforward", "machine": machine, **found}))


if __name__ == "__main__":
    main()
