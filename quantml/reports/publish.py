"""Running a study with its report, and writing the report of a saved run again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from quantml import runs
from quantml.reports.page import page
from quantml.reports.pages import write_page
from quantml.reports.terminal import live_progress
from quantml.runs import Run
from quantml.study import Study
from quantml.validation.workers import Workers

LOG: Final = logging.getLogger("quantml.reports")


def run(
    study: Study,
    *,
    executor: Workers | Executor | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    settings: Sequence[str] = (),
    open_lockbox: bool = False,
    resume: bool = False,
) -> Run:
    """Run a study's walk-forward and write its folder, report included.

    Parameters
    ----------
    study : Study
    executor : Workers or Executor, optional
        Where the folds run; in this process by default.
    out : path, optional
        Folder under which ``STUDY/RUN/`` is written, and the run recorded as a trial in ``trials.sqlite``. What folds
        make is kept below it, and later runs do not make it again. Without it, nothing is written and nothing
        counted, and the verdict says so.
    progress : bool
        Show the folds done and the time left on standard error, where that is a terminal.
    settings : sequence of str
        Changes to declared values, such as ``"validation.test=1m"``; recorded in the run.
    open_lockbox : bool
        Make the stretch that the study seals its out-of-sample record. The opening is recorded; the verdict says who
        had seen the stretch before.
    resume : bool
        Refuse to begin where nothing is kept of this very study on these bars. What is kept is never made again, with
        or without it.

    Returns
    -------
    Run
        Its `folder` holds ``report.html``; None without `out`.

    Raises
    ------
    InputError
        If study, data or output folder are not usable; nothing is written then.
    RunError
        If the work itself failed.
    """
    with live_progress(study.name) if progress else nullcontext() as shown:
        return runs.run(study, executor=executor, out=out, progress=shown, settings=settings, open_lockbox=open_lockbox,
                        resume=resume, documents=(page,))  # fmt: skip


def write_report(folder: str | Path) -> Path:
    """Write the report of a saved run again, in one step.

    A report that would be the same stays untouched; the logger ``quantml.reports`` says which it was, at level INFO.

    Parameters
    ----------
    folder : path
        Of a run.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    StorageError
        If the run cannot be read, or its folder not be written to.
    """
    finished = runs.load_run(folder)
    name, content = page(finished)
    path = Path(folder) / name
    if path.is_file() and path.read_bytes() == content:
        LOG.info("%s: unchanged", path)
        return path
    write_page(path, content)
    LOG.info("%s: written", path)
    return path
