"""How many planted leaks the look-ahead audit finds, how often it alarms for nothing, and what it costs.

``python -m benchmarks.audit [--small]``. The leaks are those of `tests/laboratory`: a study file that looks ahead, and
a clean twin. False alarms are leaks found in clean twins, in the strategies of this repository, and in the twenty usual
features of `benchmarks.features`; the tests look at every built-in feature. A full audit and `quantml.run` of the same
study run in turn in one process, without a folder; an audit includes a walk-forward of its own, a run its light audit.
Where a full audit of a strategy costs more than 3 runs of it, the benchmark fails; in the small form it tells only.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks._report import interleaved
from benchmarks.features import USUAL, panel
from quantml import Study, WalkForward, load_study, run
from quantml.features import Returns
from quantml.signals import RankLongShort
from quantml.validation.audit.whole import audit
from tests.validation.audit.laboratory import ALARMED, KINDS, LABORATORY, MISSED

BOUND = 3.0
"""Runs of a strategy that its full audit may cost."""
EACH = 32
"""Every how manyth kind of leak is looked at in the small form."""
SMALL = ("large_caps_momentum", "large_caps_ridge", "moving_average_cross")
"""The strategies that it runs, on short ranges."""
STRATEGIES = sorted((Path(__file__).resolve().parents[1] / "strategies").glob("*.py"))


def leaks_in(study: Study) -> int:
    """Count what an audit finds; a study's own arithmetic may warn."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return len(audit(study).leaks)


def laboratory(kinds: list[str]) -> tuple[float, float]:
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
        print(f"  false alarm: {kind}: {ALARMED.get(kind, 'it should have passed')}")
    return 1.0 - len(missed) / len(kinds), len(alarms) / len(kinds)


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


class Cost(NamedTuple):
    """Medians of seconds that a run, its light audit and a full audit take; leaks that the full audit finds."""

    run: float
    light: float
    full: float
    leaks: int

    @property
    def in_runs(self) -> float:
        """What a full audit costs."""
        return self.full / self.run


def cost(study: Study, repeats: int) -> Cost:
    """Time runs and full audits in turn."""
    light: list[float] = []
    leaks: list[int] = []

    def timed_run() -> float:
        timing = run(study).timing
        light.append(timing["audit"])
        return timing["total"]

    def timed_audit() -> float:
        began = time.perf_counter()
        leaks.append(len(audit(study).leaks))
        return time.perf_counter() - began

    measured = interleaved({"run": timed_run, "audit": timed_audit}, repeats=repeats)
    spent = {task: statistics.median(times) for task, times in measured.items()}
    return Cost(spent["run"], statistics.median(light[1:]), spent["audit"], leaks[0])


def costs(studies: dict[str, Study], repeats: int) -> dict[str, Cost]:
    """Measure and print what audits cost."""
    heads = f"{'run, s':>8} {'full audit, s':>14} {'in runs':>8} {'light audit in a run':>21} {'leaks':>6}"
    print(f"\n{'study':22} {heads}")
    measured = {}
    for name, study in studies.items():
        one = measured[name] = cost(study, repeats)
        share = one.light / one.run
        print(f"{name:22} {one.run:8.3f} {one.full:14.3f} {one.in_runs:8.2f} {share:21.1%} {one.leaks:6}")
    return measured


def main() -> None:
    """Measure and print; in full, exits with 1 where an audit costs more than it may."""
    small = "--small" in sys.argv
    recall, alarms = laboratory(KINDS[::EACH] if small else KINDS)
    studies = {path.stem: declared(path, small) for path in STRATEGIES if not small or path.stem in SMALL}
    measured = costs({**studies, "20 usual features": usual_features(small)}, repeats=1 if small else 5)
    ratios = {name: round(one.in_runs, 3) for name, one in measured.items()}
    light = {name: round(one.light / one.run, 4) for name, one in measured.items()}
    bare = {name: round(one.full / (one.run - one.light), 3) for name, one in measured.items()}
    wrong = [name for name, one in measured.items() if one.leaks]
    print(f"false alarms on what is built in: {len(wrong)} of {len(measured)} studies {' '.join(wrong)}")
    print(f"in runs without their light audits, a full audit costs {json.dumps(bare)}")
    dear = [name for name in studies if ratios[name] > BOUND]
    print(f"a full audit of a strategy may cost {BOUND:g} runs: {', '.join(dear) or 'none'} takes more")
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    agree = {"recall": round(recall, 4), "false_alarms": {"clean": round(alarms, 4), "built in": len(wrong)}}
    found = {"ratios": ratios, "without_light": bare, "light": light, "agree": agree}
    print(json.dumps({"benchmark": "audit", "machine": machine, **found}))
    if dear and not small:  # short ranges tell little of time
        sys.exit(1)


if __name__ == "__main__":
    main()
