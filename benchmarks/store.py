"""Time and memory to load daily bars from the store, beside pyarrow reading the same bytes.

``python -m benchmarks.store [--small]``; ten years of 500 symbols, loaded twice over: from the one file that the store
keeps of a snapshot, and, where that is missing, from the files of the single symbols (it is then written, too). Memory
is the peak of a fresh process, less that of one that loads a single symbol, in sizes of the panel; the panel of the
small form is smaller than what the libraries set aside for themselves, so its sizes say nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks._report import interleaved, show
from quantml.bars import Bars
from quantml.loaders import Store, Synthetic
from quantml.loaders.downloads import FIELDS

REPOSITORY = Path(__file__).resolve().parents[1]
ONE_FILE, MANY_FILES = "one file", "a file per symbol"


class Feed:
    """A source that has simulated bars in memory."""

    name = "feed-1d"
    calendar = None
    periods_per_year = 252.0

    def __init__(self, symbols: int, sessions: int) -> None:
        self.symbols = tuple(f"S{number + 1}" for number in range(symbols))
        self.size = (symbols, sessions)

    def fetch(self, symbol: str, *, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        """Give the bars of one symbol, in whole cents."""
        bars = Synthetic(sessions=self.size[1], seed=int(symbol[1:])).load()
        rows = {name: bars.raw_array(name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
        cents = pd.DataFrame(rows, bars.clock).round(2)
        return cents.assign(split=1.0, dividend=0.0).loc[start:end]


def forget(folder: Path) -> None:
    """Remove the files that the store keeps of whole snapshots."""
    for path in (folder / Feed.name / "panels").glob("*.parquet"):
        path.unlink()


def seconds(task: Callable[[], Any], before: Callable[[], None] = lambda: None) -> float:
    """Time a task, after something that is not timed."""
    before()
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def read_symbols(folder: Path) -> list[Any]:
    """Read the files of the single symbols with pyarrow."""
    return [pq.read_table(path) for path in sorted((folder / Feed.name / "symbols").rglob("*.parquet"))]


def read_panel(folder: Path) -> Any:
    """Read the file of the snapshot with pyarrow."""
    (path,) = (folder / Feed.name / "panels").glob("*.parquet")
    return pq.read_table(path)


def largest_difference(folder: Path, bars: Bars) -> float:
    """Compare the bars with what pyarrow reads from the files of the single symbols."""
    worst = 0.0
    for number, symbol in enumerate(bars.symbols):
        (path,) = (folder / Feed.name / "symbols" / symbol).glob("*.parquet")
        table = pq.read_table(path)
        arrays = {**bars.quoted, "split": bars.split, "dividend": bars.dividend}
        worst = max(worst, *(float(np.abs(arrays[f][:, number] - table[f].to_numpy()).max()) for f in FIELDS))
    return worst


PEAK = """
import sys
from benchmarks.store import Feed, Path, Store, high_water, read_panel
what, folder, symbols, sessions = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
held = read_panel(folder) if what == "pyarrow" else Store(folder).load(Feed(symbols, sessions))
print(high_water())
"""


def high_water() -> int:
    """Return the peak memory of this process in bytes; on Linux its own, without that of the process it came from."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak(what: str, folder: Path, feed: Feed) -> int:
    """Return the peak memory of a fresh process that loads, in bytes."""
    arguments = [sys.executable, "-c", PEAK, what, str(folder), *(str(part) for part in feed.size)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    return int(done.stdout)


def memory(folder: Path, feed: Feed) -> dict[str, float]:
    """Measure the peaks of loading, in sizes of the panel."""
    panel = len(FIELDS) * 8 * feed.size[0] * feed.size[1]
    with tempfile.TemporaryDirectory() as aside:
        small = Feed(1, 300)
        Store(aside).refresh(small)
        Store(aside).load(small)
        nothing = {what: peak(what, Path(aside), small) for what in ("pyarrow", "quantml")}
    found = {f"pyarrow, {ONE_FILE}": peak("pyarrow", folder, feed) - nothing["pyarrow"],
             f"quantml, {ONE_FILE}": peak("quantml", folder, feed) - nothing["quantml"]}  # fmt: skip
    forget(folder)
    found[f"quantml, {MANY_FILES}"] = peak("quantml", folder, feed) - nothing["quantml"]
    return {name: round(size / panel, 3) for name, size in found.items()}


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    feed = Feed(40, 756) if small else Feed(500, 2520)
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name), Store(name)
        store.refresh(feed)
        difference = largest_difference(folder, store.load(feed))
        tasks = {
            f"pyarrow, {ONE_FILE}": partial(seconds, partial(read_panel, folder)),
            f"quantml, {ONE_FILE}": partial(seconds, partial(store.load, feed)),
            f"pyarrow, {MANY_FILES}": partial(seconds, partial(read_symbols, folder)),
            f"quantml, {MANY_FILES}": partial(seconds, partial(store.load, feed), partial(forget, folder)),
        }
        measured = interleaved(tasks, repeats=5 if small else 9)
        sizes = memory(folder, feed)
    medians = {task: statistics.median(values) for task, values in measured.items()}
    times = {how: round(medians[f"quantml, {how}"] / medians[f"pyarrow, {how}"], 3) for how in (ONE_FILE, MANY_FILES)}
    print(f"time of quantml in times of pyarrow: {json.dumps(times)}")
    print(f"peak memory in sizes of the panel: {json.dumps(sizes)}")
    show("store", measured, unit="s", against=f"pyarrow, {ONE_FILE}", times=times, memory=sizes,
         agree={"largest difference": difference})  # fmt: skip


if __name__ == "__main__":
    main()
