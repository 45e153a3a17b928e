"""What keeping costs and saves: a LightGBM study from scratch with and without it, again, and with an edited rule.

``python -m benchmarks.checkpoints [--small]``; the study is ``strategies/index_lightgbm.py``, and ``--small`` its last
years. Times are the processor's, of whole runs with audit, verdict and folder, in a process that has loaded all
libraries. A run from scratch and one that recalls write the same bytes, which is checked.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks._report import interleaved, show
from quantml.runs import Run, run
from quantml.study import Study
from quantml.study_file import load_study
from quantml.validation.checkpoints.store import NAME, Store

STUDY = Path(__file__).parents[1] / "strategies" / "index_lightgbm.py"
RULE, EDITED = "annual=0.10", "annual=0.12"
RECENT = ["data.start=2013-01-01"]


class Place:
    """A folder with the study, its edit, and what was kept of the study."""

    def __init__(self, folder: Path, settings: list[str]) -> None:
        self._folder, self._settings = folder, settings
        self.study, self.edited = (self._declared(name, rule) for name, rule in (("first", RULE), ("edited", EDITED)))
        self.kept = folder / "kept"
        run(self.study, out=self.kept, settings=settings)

    def _declared(self, name: str, rule: str) -> Study:
        text = STUDY.read_text()
        assert text.count(RULE) == 1
        path = self._folder / name / STUDY.name
        path.parent.mkdir()
        path.write_text(text.replace(RULE, rule))
        return load_study(path)

    def timed(self, study: Study, *, keeps: bool = True, recalls: bool = False) -> tuple[float, Run]:
        """Run a study into an empty folder; with `recalls`, one that holds what was kept."""
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        if recalls:
            shutil.copytree(self.kept / NAME, out / NAME)
        began = time.process_time()
        finished = run(study, out=out if keeps else None, settings=self._settings)
        return time.process_time() - began, finished


def contents(finished: Run) -> dict[str, bytes]:
    """Return every byte of a run's folder that two equal runs share."""
    assert finished.folder is not None
    return {path.name: path.read_bytes() for path in finished.folder.rglob("*")
            if path.is_file() and path.name != "timing.json"}  # fmt: skip


def main() -> None:
    """Measure and print."""
    small = "--small" in sys.argv
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), RECENT if small else [])
        agree = contents(place.timed(place.edited)[1]) == contents(place.timed(place.edited, recalls=True)[1])
        tasks: dict[str, Callable[[], float]] = {
            "from scratch": lambda: place.timed(place.study)[0],
            "from scratch, nothing kept": lambda: place.timed(place.study, keeps=False)[0],
            "the rule edited": lambda: place.timed(place.edited, recalls=True)[0],
            "the same again": lambda: place.timed(place.study, recalls=True)[0],
        }
        measured = interleaved(tasks, repeats=1 if small else 5)
        size = sum(one.size for one in Store(place.kept).files())
    show("checkpoints", measured, unit="s of processor time", against="from scratch", agree={"same bytes": agree},
         bytes_kept=size)  # fmt: skip


if __name__ == "__main__":
    main()
