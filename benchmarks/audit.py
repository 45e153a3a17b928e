"""How many planted leaks the look-ahead audit finds, how often it alarms for nothing, and what it costs.

``python -m benchmarks.audit [--small]``. The leaks are those of `tests/laboratory`: a study file that looks ahead, and
a clean twin. False alarms are leaks found in clean twins, in the strategies of this repository, and in the twenty usual
features of `benchmarks.features`. The cost of a full audit is that of `quantml.audit` beside that of `quantml.run` on the
same study in the same process, in turn, without a folder; it includes the run that an audit makes. The light audit is
the one inside every run. A full audit that costs more than 3 runs of its study fails the benchmark.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._report import interleaved, show
from benchmarks.features import USUAL, panel
from quantml import Study, WalkForward, load_study, run
from quantml.features import Returns
from quantml.signals import RankLongShort
from quantml.validation.audit.whole import audit
from tests.validation.audit.laboratory import KINDS, LABORATORY, MISSED

BOUND = 3.0
"""Runs that a full audit may cost."""
EACH = 12
"""Every how manyth kind of leak is looked at in the small form."""
STRATEGIES = sorted((Path(__file__).resolve().parents[1] / "strategies").glob("*.py"))


def leaks_in(study: Study) -> int:
    """Count what an audit finds; a study's own arithmetic may warn."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return len(audit(study).leaks)


def laboratory(kinds: list[str]) -> tuple[float, dict[str, float]]:
    """Audit every leak and its twin, and print what was missed; return recall, and false alarms as shares."""
    missed = [kind for kind in kinds if not leaks_in(load_study(LABORATORY / kind / "leak.py"))]
    alarms = [kind for kind in kinds if leaks_in(load_study(LABORATORY / kind / "clean.py"))]
    print(f"{'series':10} {'kinds':>6} {'found':>6} {'recall':>8} {'false alarms on clean twins':>28}")
    for series in sorted({kind.split("/")[0] for kind in kinds}):
        own = [kind for kind in kinds if kind.startswith(f"{series}/")]
        found = len(own) - len(set(own) & set(missed))
        print(f"{series:10} {len(own):6} {found:6} {found / len(own):8.1%} {len(set(own) & set(alarms)):28}")
    for kind in missed:
        print(f"  missed: {kind}: {MISSED.get(kind, 'it should have been found')}")
    for kind in alarms:
        print(f"  false alarm: {kind}")
    return 1.0 - len(missed) / len(kinds), {"clean twins": len(alarms) / len(kinds)}


def usual_features(small: bool) -> Study:
    """A rule beside the twenty usual features."""
    bars = panel(5, 600) if small else panel(20, 2500)
    rule = RankLongShort(0.5, by=Returns(21))
    return Study(data=bars, features=USUAL, signal=rule, validation=WalkForward(train=300, test=100))


def declared(path: Path, small: bool) -> Study:
    """A strategy of the repository; on a short range in the small form."""
    study = load_study(path)
    start = "2011-01-01" if path.stem.startswith("large_caps") else "2014-01-01"
    return study.override([f"data.start={start}"]) if small else study


def seconds(task: Callable[[], Any]) -> float:
    """Time a task."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def share_of_light(study: Study, taken: list[tuple[float, float]]) -> float:
    """Time a run, and note how long its light audit and its whole took."""
    finished = run(study)
    taken.append((finished.timing["audit"], finished.timing["total"]))
    return finished.timing["total"]


def cost(studies: dict[str, Study], repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return what a full audit costs in runs, and the share of a run that its light audit takes, for each study."""
    ratios, shares = {}, {}
    print(f"\n{'study':24} {'run, s':>8} {'full audit, s':>14} {'in runs':>8} {'light audit in a run':>21}")
    for name, study in studies.items():
        taken: list[tuple[float, float]] = []
        tasks = {"run": partial(share_of_light, study, taken), "audit": partial(seconds, partial(audit, study))}
        medians = {task: statistics.median(times) for task, times in interleaved(tasks, repeats=repeats).items()}
        ratios[name] = medians["audit"] / medians["run"]
        shares[name] = statistics.median(light / total for light, total in taken[1:])
        print(f"{name:24} {medians['run']:8.3f} {medians['audit']:14.3f} {ratios[name]:8.2f} {shares[name]:21.1%}")
    return ratios, shares


def main() -> None:
    """Measure and print; exits with 1 where an audit costs more than it may."""
    small = "--small" in sys.argv
    recall, alarms = laboratory(KINDS[::EACH] if small else KINDS)
    chosen = [path for path in STRATEGIES if not small or path.stem in SMALL]
    studies = {path.stem: declared(path, small) for path in chosen}
    built_in = {**studies, "usual features": usual_features(small)}
    alarms["built in"] = statistics.mean(leaks_in(study) > 0 for study in built_in.values())
    print(f"false alarms on {len(studies)} strategies and {len(USUAL)} features: {alarms['built in']:.0%}")
    ratios, shares = cost(studies, repeats=1 if small else 5)
    print(json.dumps({}))


if __name__ == "__main__":
    main()
