"""Time to compile every kernel of the package on a very first run, beside loading them from the cache.

``python -m benchmarks.kernels [--small]``; each measurement is a fresh process, and the first has an empty cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks._report import interleaved, show

MODULES = (
    "quantml.features.rolling, quantml.features.moments, quantml.features.ordered, quantml.signals.sizing, "
    "quantml.simulation.simulator, quantml.simulation.sweeps.tables, "
    "quantml.evaluation.inference, quantml.targets.barrier, quantml.targets.drawdown, quantml.targets.trailing"
)


def seconds(folder: str) -> float:
    """Time a fresh interpreter that imports every module with kernels, with its cache in `folder`."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {MODULES}"], check=True, env=environment)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as kept:

        def compiled() -> float:
            with tempfile.TemporaryDirectory() as empty:
                return seconds(empty)

        tasks = {"compiled": compiled, "loaded": lambda: seconds(kept)}
        show("kernels", interleaved(tasks, repeats=1 if "--small" in sys.argv else 5), unit="s", against="loaded")


if __name__ == "__main__":
    main()
