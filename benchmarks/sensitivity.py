"""What 200 sensitivity cells cost, in runs of the study that they belong to.

``python -m benchmarks.sensitivity [--small]``. `quantml.run` of `strategies/large_caps_ridge.py` and
`quantml.sensitivity` of that run are timed in turn in one process, without a folder. A run loads its data, walks
forward and audits itself; for the cells the data of the finished run are loaded again and compared, and break-even
costs are found too. Every tenth cell is kept once more by `quantml.simulate`, and the largest difference of a
Sharpe ratio printed. Where the cells cost more than 20 % of the run, the benchmark fails; in the small form it
tells only.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks._report import interleaved, show
from quantml import Run, Study, load_study, metrics, run, sensitivity, simulate
from quantml.sensitivities import Axes, Sensitivity
from quantml.sensitivities.cells import delayed, scaled
from quantml.sensitivities.ground import Ground
from quantml.simulation import Rebalancing

BOUND = 0.2
"""Runs that 200 cells may cost."""
STRATEGY = Path(__file__).resolve().parents[1] / "strategies" / "large_caps_ridge.py"
FULL = Axes(costs=np.linspace(0.0, 7.0, 29), borrow_bps=np.linspace(0.0, 280.0, 15), band=np.linspace(0.0, 0.018, 13))
"""29 multiples of costs at 6 delays, 15 rates of borrow and 13 bands, in about the proportions of the usual axes, the
declared ones among them: 200 cells."""
SMALL = Axes(costs=(0.0, 1.0, 2.0), delay=(0, 1), borrow_bps=(0.0, 100.0), band=(0.0, 0.01))


def difference(finished: Run, found: Sensitivity) -> float:
    """Return the largest difference of a cell's Sharpe ratio from that of a plain simulation."""
    ground, largest = Ground.of(finished), 0.0
    for cell in list(found.outcomes)[::10]:
        made = simulate(
            delayed(ground.weights, cell.delay, ground),
            ground.bars,
            costs=replace(scaled(ground.study.costs, cell.costs), borrow_bps=cell.borrow_bps),
            fill=ground.fill,
            rebalancing=Rebalancing(band=cell.band),
            cash=ground.study.cash,
        )
        ratio = metrics.sharpe_ratio(
            made.returns, periods_per_year=ground.bars.periods_per_year, risk_free=made.risk_free
        )
        largest = max(largest, abs(ratio - found.outcomes[cell].sharpe_ratio))
    return largest


def seconds(study: Study, axes: Axes) -> dict[str, list[float]]:
    """Time runs and their cells in turn."""
    finished = [run(study)]

    def timed_run() -> float:
        finished[0] = run(study)
        return float(finished[0].timing["total"])

    def timed_cells() -> float:
        began = time.perf_counter()
        sensitivity(finished[0], axes=axes)
        return time.perf_counter() - began

    return interleaved({"run": timed_run, "cells": timed_cells}, repeats=1 if "--small" in sys.argv else 5)


def main() -> None:
    """Measure and print; in full, exits with 1 where the cells cost more than they may."""
    small = "--small" in sys.argv
    study = load_study(STRATEGY)
    study = study.override(["data.start=2011-01-01"]) if small else study
    axes = SMALL if small else FULL
    finished = run(study)
    found = sensitivity(finished, axes=axes)
    cells, apart = len(found.tried), difference(finished, found)
    print(f"{cells} cells; the largest difference of a Sharpe ratio from a plain simulation is {apart:.1e}")
    measured = seconds(study, axes)
    show("sensitivity", measured, unit="s", against="run", cells=cells, agree={"sharpe_ratio": apart})
    share = np.median(measured["cells"]) / np.median(measured["run"])
    if not small and share > BOUND:  # short ranges tell little of time
        sys.exit(f"{cells} cells may take {BOUND:.0%} of their run; they take {share:.1%}")


if __name__ == "__main__":
    main()
