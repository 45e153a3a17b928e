"""What every benchmark prints: a table for people, and as its last line one JSON object."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def interleaved(tasks: Mapping[str, Callable[[], Any]], *, repeats: int) -> dict[str, list[float]]:
    """Call each task in turn, once as a warm-up and `repeats` times more; each returns what it measured."""
    for task in tasks.values():
        task()
    measured: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            measured[name].append(task())
    return measured


def show(benchmark: str, measured: Mapping[str, Sequence[float]], *, unit: str, against: str, **more: Any) -> None:
    """Print medians and ratios to the task named `against`."""
    medians = {name: statistics.median(values) for name, values in measured.items()}
    width = max(len(name) for name in medians)
    print(f"{benchmark} (median of {min(len(v) for v in measured.values())}, {unit})")
    for name, values in measured.items():
        low, high, ratio = min(values), max(values), medians[name] / medians[against]
        print(f"  {name:{width}}  {medians[name]:10.4f}  [{low:.4f}, {high:.4f}]  {ratio:7.3f} x {against}")
    ratios = {name: round(value / medians[against], 4) for name, value in medians.items()}
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    print(json.dumps({"benchmark": benchmark, "machine": machine, "ratios": ratios, **more}))
