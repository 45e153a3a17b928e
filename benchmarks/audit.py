"""How many planted leaks the look-ahead audit finds, how often it alarms for nothing, and what it costs.

``python -m benchmarks.audit [--small]``. The leaks are those of `tests/laboratory`: a study file that looks ahead, and
a clean twin. False alarms are leaks found in clean twins, in the strategies of this repository, and in the twenty usual
features of `benchmarks.features`; the tests look at every built-in feature. A full audit and `quantml.run` of the same
study run in turn in one process, without a folder; an audit includes a walk-forward of its own, a run its light audit.
A full audit that costs more than 3 runs of its study fails the benchmark.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks._report import interleaved
from benchmarks.features import USUAL, panel
from quantml import Study, WalkForward, load_study, run
from quantml.features import Returns
from quantml.signals import RankLongShort
from quantml.validation.audit.whole import audit
from tests.validation.audit.laboratory import KINDS, LABORATORY, MISSED

BOUND = 3.0
"""Runs that a full audit may cost."""
EACH = 16
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
        print(f"  false alarm: {kind}")
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


def cost(study: Study, repeats: int) -> tuple[float, float, float, int]:
    """Time runs and full audits in turn: the medians of both, the share of a run that its light audit takes, leaks."""
    shares: list[float] = []
    leaks: list[int] = []

    def timed_run() -> float:
        timing = run(study).timing
        shares.append(timing["audit"] / timing["total"])
        return timing["total"]

    def timed_audit() -> float:
        began = time.perf_counter()
        leaks.append(len(audit(study).leaks))
        return time.perf_counter() - began

    measured = interleaved({"run": timed_run, "audit": timed_audit}, repeats=repeats)
    spent = {task: statistics.median(times) for task, times in measured.items()}
    return spent["run"], spent["audit"], statistics.median(shares[1:]), leaks[0]


def costs(studies: dict[str, Study], repeats: int) -> dict[str, tuple[float, float, float, int]]:
    """Measure and print what audits cost."""
    heads = f"{'run, s':>8} {'full audit, s':>14} {'in runs':>8} {'light audit in a run':>21} {'leaks':>6}"
    print(f"\n{'study':22} {heads}")
    measured = {}
    for name, study in studies.items():
        measured[name] = spent, audited, share, leaks = cost(study, repeats)
        print(f"{name:22} {spent:8.3f} {audited:14.3f} {audited / spent:8.2f} {share:21.1%} {leaks:6}")
    return measured


def main() -> None:
    """Measure and print; exits with 1 where a full audit costs more than it may."""
    small = "--small" in sys.argv
    recall, alarms = laboratory(KINDS[::EACH] if small else KINDS)
    studies = {path.stem: declared(path, small) for path in STRATEGIES if not small or path.stem in SMALL}
    measured = costs({**studies, "20 usual features": usual_features(small)}, repeats=1 if small else 5)
    ratios = {name: round(audited / spent, 3) for name, (spent, audited, *_) in measured.items()}
    light = {name: round(share, 4) for name, (_, _, share, _) in measured.items()}
    wrong = [name for name, (*_, leaks) in measured.items() if leaks]
    print(f"false alarms on what is built in: {len(wrong)} of {len(measured)} studies {' '.join(wrong)}")
    dear = [f"{name} {ratio}" for name, ratio in ratios.items() if ratio > BOUND]
    print(f"a full audit may cost {BOUND:g} runs: {'more in ' + ', '.join(dear) if dear else 'none costs more'}")
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    agree = {"recall": round(recall, 4), "false_alarms": {"clean": round(alarms, 4), "built in": len(wrong)}}
    print(json.dumps({"benchmark": "audit", "machine": machine, "ratios": ratios, "light": light, "agree": agree}))
    if dear:
        sys.exit(1)


if __name__ == "__main__":
    main()
