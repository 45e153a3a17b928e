"""Agreement with other engines on shared cases: vectorbt, backtesting.py, bt and zipline-reloaded.

``python -m benchmarks.agreement [--small] [--python PEER=INTERPRETER ...]``; a peer runs in this interpreter, or in
the one that is named for it, since they do not all install side by side. One that is not installed is named, and left
out.

Every peer is given the same bars and told what to trade in one or two ways: the units of each fill, so that the books
alone are compared, and target weights that it turns into units by itself. What is printed is the largest relative
difference of equity on any close. Each that is more than rounding has a reason, and is measured again with quantml
told to do the same: to trade the units that the peer has chosen, and to charge nothing that it does not charge.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks._engines import CASH, PEERS
from quantml import Bars, Costs, Fill
from quantml.calendars import sessions
from quantml.simulation import Execution, Orders, Simulation, StopLoss, TakeProfit, TrailingStop, simulate

ENGINES: Final = Path(__file__).with_name("_engines.py")
ROUNDING: Final = 1e-9
LOSS, PROFIT = 0.03, 0.04
TRAIL: Final = 0.07
"""Wider than any bar, so that it does not matter whether a stop follows prices within the bar."""
APART: Final = 40
"""Bars from entry to entry with stops: enough for each trade to have ended by then."""
ENTRY: Final = "It watches stops from the bar after the entry on; quantml, whose entry is at the open, on that bar too."
GAP: Final = (
    "It takes a stop that the bar's low touches, though the open was beyond the target: quantml sells at the open."
)
FIELDS: Final = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Case:
    """Bars, and what is decided at their closes: weights, or with stops the units of each entry."""

    bars: Bars
    decisions: pd.DataFrame
    fee_bps: float = 10.0
    borrow_bps: float = 0.0
    stops: str = ""
    peculiar: str = ""
    """What peers do otherwise with these stops."""

    @property
    def costs(self) -> Costs:
        """What quantml and its peers charge."""
        return Costs(commission_bps=self.fee_bps, borrow_bps=self.borrow_bps)

    @property
    def exits(self) -> list[Any]:
        """The stops of the case."""
        fixed = [StopLoss(LOSS), TakeProfit(PROFIT)]
        return {"": [], "fixed": fixed, "trailing": [TrailingStop(TRAIL)]}[self.stops]

    def simulated(self, fill: Fill = Fill.NEXT_OPEN) -> Simulation:
        """Simulate in whole shares, which every engine can hold."""
        decisions = Orders(self.decisions) if self.stops else self.decisions
        execution = Execution(lot=1)
        return simulate(
            decisions, self.bars, costs=self.costs, fill=fill, execution=execution, exits=self.exits, reenter=True
        )

    def units(self, done: Simulation) -> np.ndarray:
        """Lay what was ordered and filled out on the clock of the bars."""
        fills = done.fills[done.fills["kind"] == "ordered"]
        laid = fills.pivot_table(index="time", columns="symbol", values="units", aggfunc="sum")
        return laid.reindex(index=self.bars.clock, columns=list(self.bars.symbols)).fillna(0.0).to_numpy()

    def arrays(self) -> dict[str, np.ndarray]:
        """Say everything that a peer must know in arrays."""
        told = {name: self.bars.raw_array(name) for name in FIELDS}
        told["clock"] = self.bars.clock.to_numpy().astype("datetime64[ns]")
        told["weights"] = self.decisions.reindex(index=self.bars.clock, columns=list(self.bars.symbols)).to_numpy()
        told["units"] = self.units(self.simulated())
        told["units_close"] = (
            self.units(replace(self, stops="").simulated(Fill.NEXT_CLOSE)) if not self.stops else told["units"]
        )
        told["fee"], told["borrow"] = np.float64(self.fee_bps / 1e4), np.float64(self.borrow_bps / 1e4 / 252)
        told["held"] = np.bool_(len(self.decisions) == 1)
        if self.stops:
            told["loss"], told["profit"], told["trails"] = (
                np.float64(LOSS if self.stops == "fixed" else TRAIL),
                np.float64(PROFIT),
                np.bool_(self.stops != "fixed"),
            )
        return told


# --------------------------------------------------------------------- cases


def make_bars(rows: int, symbols: int, seed: int, quiet: int = 0) -> Bars:
    """Simulate bars in cents on days of the New York exchange; on each `quiet`-th bar prices stand still."""
    generator = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(generator.normal(3e-4, 0.015, (rows, symbols)), axis=0))
    opens = np.vstack([close[:1], close[:-1]]) * np.exp(generator.normal(0.0, 0.004, close.shape))
    apart = np.exp(np.abs(generator.normal(0.0, 0.006, (2, *close.shape))))
    high, low = np.maximum(opens, close) * apart[0], np.minimum(opens, close) / apart[1]
    if quiet:
        high[::quiet], low[::quiet], close[::quiet] = opens[::quiet], opens[::quiet], opens[::quiet]
    return laid_out((opens, high, low, close))


def make_gap() -> Bars:
    """Make bars of which one opens beyond the target of a trade at 100, and falls below its stop."""
    prices = [(100.0, 100.0, 100.0, 100.0)] * 4 + [(115.0, 116.0, 90.0, 95.0)] + [(95.0, 95.0, 95.0, 95.0)] * 2
    return laid_out(np.array(prices).T[:, :, None])


def laid_out(prices: Any) -> Bars:
    """Lay open, high, low and close out on days of the New York exchange."""
    clock = sessions("XNYS", pd.Timestamp("2015-01-02"), pd.Timestamp("2024-12-31"))[: len(prices[0])]
    names = [f"S{n}" for n in range(prices[0].shape[1])]
    frames = {name: pd.DataFrame(np.round(part, 2), clock, names) for name, part in zip(FIELDS, prices, strict=True)}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def monthly(bars: Bars, weights: list[float]) -> pd.DataFrame:
    """Decide the same weights on the first session of each month, from the second on."""
    months = bars.clock.to_period("M")
    first = bars.clock[np.flatnonzero(months[1:] != months[:-1]) + 1]
    return pd.DataFrame([weights] * len(first), index=first, columns=list(bars.symbols))


def check_ended(case: Case) -> None:
    """Raise where a trade with stops has not ended before the next entry: engines differ on what to do then."""
    trades, entries = case.simulated().trades, len(case.decisions)
    if len(trades) != entries or trades["open"].any():
        raise RuntimeError(f"{entries} entries must be as many trades, all ended; got {len(trades)}")


def make_cases(rows: int) -> dict[str, Case]:
    """Make the shared cases."""
    one, five = make_bars(rows, 1, seed=1), make_bars(rows, 5, seed=2)
    flips = pd.DataFrame({"S0": np.where(np.arange(rows - 2) % 2, -0.9, 0.9)}, index=one.clock[1:-1])
    quiet, loud = make_bars(rows, 1, seed=3, quiet=APART), make_bars(rows, 1, seed=4)
    entries = [bars.clock[APART - 1 :: APART] for bars in (quiet, loud)]
    bought = [pd.DataFrame({"S0": 1_000.0}, index=times[:-1]) for times in entries]
    gap = make_gap()
    once = pd.DataFrame({"S0": [1_000.0]}, index=gap.clock[[1]])
    cases = {
        "buy and hold": Case(one, pd.DataFrame({"S0": [0.9]}, index=one.clock[[1]])),
        "monthly rebalance": Case(five, monthly(five, [0.18] * 5)),
        "long and short with borrow": Case(five, monthly(five, [0.3, 0.3, 0.2, -0.3, -0.4]), borrow_bps=300.0),
        "stop and target": Case(quiet, bought[0], stops="fixed"),
        "trailing stop": Case(quiet, bought[0].iloc[2:-1:3], stops="trailing"),
        "stop and target, any bar": Case(loud, bought[1], stops="fixed", peculiar=ENTRY),
        "open beyond the target": Case(gap, once, stops="fixed", peculiar=GAP),
        "turnover at 0.5 %": Case(one, flips, fee_bps=50.0),
    }
    for case in cases.values():
        if case.stops:
            check_ended(case)
    return cases


# ------------------------------------------------------------------- reasons

SIZING: Final = {
    "vectorbt": "",
    "backtesting": "It pays the commission out of the fraction of equity that it is told to buy for.",
    "bt": "It pays the commission out of each weight, and sells more than was asked to raise a weight net of it.",
    "zipline": "It sizes at the close of the decision, and values what is held there; quantml at the fill's price.",
}
BORROW: Final = "It charges nothing for shorts."
NO_BORROW: Final = ("vectorbt", "zipline")
CANNOT: Final = {
    "backtesting": "trades one symbol at a time",
    "bt": "has no stops",
    "zipline": "sees no prices within a day: its stops fill at closes",
}


@dataclass(frozen=True)
class Difference:
    """The largest relative difference of equity, the same with quantml told to do as the peer does, and why."""

    apart: float
    same: float | None
    reason: str


def fill_of(peer: str) -> Fill:
    """Return when a peer fills: zipline's daily simulations know no opens."""
    return Fill.NEXT_CLOSE if peer == "zipline" else Fill.NEXT_OPEN


def largest(mine: pd.Series, theirs: np.ndarray) -> float:
    """Return the largest relative difference of two equities on any close."""
    return float(np.max(np.abs(mine.to_numpy() / theirs[-len(mine) :] - 1.0)))


def replayed(case: Case, held: np.ndarray, fill: Fill) -> pd.Series:
    """Simulate the units that a peer has traded."""
    traded = np.diff(held, axis=0)
    rows = np.flatnonzero((traded != 0.0).any(axis=1))
    units = pd.DataFrame(traded[rows], case.bars.clock[rows], list(case.bars.symbols))
    return simulate(Orders(units.replace(0.0, np.nan)), case.bars, costs=case.costs, fill=fill).equity


def compared(case: Case, peer: str, way: str, equity: np.ndarray, held: np.ndarray) -> Difference:
    """Compare a peer's answer, and say what its difference comes from."""
    fill = fill_of(peer)
    whole = way == "units" or peer in ("backtesting", "zipline")
    decisions = Orders(case.decisions) if case.stops else case.decisions
    execution = Execution(lot=1.0 if whole else 0.0)
    mine = simulate(
        decisions, case.bars, costs=case.costs, fill=fill, execution=execution, exits=case.exits, reenter=True
    ).equity
    apart = largest(mine, equity)
    if apart <= ROUNDING:
        return Difference(apart, apart, "")
    free = bool(case.borrow_bps) and peer in NO_BORROW
    told = replace(case, borrow_bps=0.0) if free else case
    reasons = [BORROW] if free else []
    if way == "weights" and SIZING[peer]:
        reasons.append(SIZING[peer])
    if case.stops:
        reasons.append(case.peculiar)
    same = None if case.stops else largest(replayed(told, held, fill), equity)
    return Difference(apart, same, " ".join(reasons))


def exits_explained(case: Case, held: np.ndarray) -> tuple[int, int, int]:
    """Count trades, those that a peer ends on another bar, and those of them that quantml ends where they began."""
    trades = case.simulated().trades
    entries, exits = (case.bars.clock.get_indexer(trades[name]) for name in ("entry_time", "exit_time"))
    theirs = [row + int(np.argmax(held[row:, 0] == 0.0)) for row in entries]
    differ = exits != np.array(theirs)
    return len(trades), int(differ.sum()), int((differ & (exits == entries)).sum())


# ------------------------------------------------------------------ measuring


def ask(peer: str, interpreter: str, cases: dict[str, Case], folder: Path) -> dict[str, np.ndarray] | None:
    """Let a peer answer; None where it is not installed."""
    package = PEERS[peer][1]
    probe = f"import importlib.metadata as m; m.version({package!r})"
    if subprocess.run([interpreter, "-c", probe], capture_output=True, check=False).returncode:
        return None
    source, answers = folder / "cases.npz", folder / f"{peer}.npz"
    np.savez(source, **{f"{name}/{key}": value for name, case in cases.items() for key, value in case.arrays().items()})
    done = subprocess.run(
        [interpreter, str(ENGINES), peer, str(source), str(answers)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer} failed: {done.stderr[-2000:]}")
    print(done.stdout.splitlines()[0] if done.stdout else peer)
    with np.load(answers) as file:
        return {name: file[name] for name in file.files}


def report(peer: str, cases: dict[str, Case], answers: dict[str, np.ndarray]) -> dict[str, Difference]:
    """Print a peer's differences, and return them."""
    found = {}
    for name, case in cases.items():
        ways = [way for way in ("units", "weights") if f"{name}/{way}" in answers]
        if not ways:
            print(f"  {name:28} left out: it {CANNOT[peer]}")
        for way in ways:
            equity, held = answers[f"{name}/{way}"], answers[f"{name}/{way}/held"]
            one = found[f"{name}, {way}"] = compared(case, peer, way, equity, held)
            same = "" if one.same is None else f"told the same {one.same:.1e}"
            print(f"  {name:28} {way:8} {one.apart:8.1e}  {same:21}  {one.reason}")
            if case.stops and one.reason:
                trades, differ, at_entry = exits_explained(case, held)
                counted = (
                    f"{differ} of {trades} trades end on another bar, {at_entry} of them on their first in quantml"
                )
                print(f"  {'':28} {counted}")
            if name.startswith("turnover") and way == "units":
                shown, own = float(answers[f"{name}/{way}/shown"]), case.simulated(fill_of(peer)).equity.iloc[-1]
                print(f"  {'':28} total return: quantml {own / CASH - 1:.2%}, {peer} {shown:.2%}")
    return found


def interpreters(given: list[str]) -> dict[str, str]:
    """Read ``PEER=INTERPRETER``."""
    chosen = dict.fromkeys(PEERS, sys.executable)
    for one in given:
        peer, _, path = one.partition("=")
        if peer not in PEERS or not path:
            raise SystemExit(f"--python must be PEER=INTERPRETER with PEER one of {', '.join(PEERS)}; got {one!r}")
        chosen[peer] = path
    return chosen


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    arguments = parser.parse_args()
    cases = make_cases(520 if arguments.small else 1_500)
    agree: dict[str, dict[str, float]] = {}
    missing = []
    with tempfile.TemporaryDirectory() as folder:
        for peer, interpreter in interpreters(arguments.python).items():
            answers = ask(peer, interpreter, cases, Path(folder))
            if answers is None:
                missing.append(peer)
                print(f"{peer} is not installed: it is left out")
                continue
            found = report(peer, cases, answers)
            agree[peer] = {name: one.apart for name, one in found.items()}
            same = {name: one.same for name, one in found.items() if one.same is not None}
            agree[f"{peer}, told the same"] = same
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    machine["load"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(json.dumps({"benchmark": "agreement", "machine": machine, "ratios": {}, "agree": agree, "missing": missing}))


if __name__ == "__main__":
    main()
