"""Commands that work on a study's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from quantml.cli.terminal import AsJson, Out, Settings, StudyFile, alarm, prints_to_stderr, show
from quantml.errors import ParameterError


def run(
    file: StudyFile,
    workers: Annotated[int | None, typer.Option(help="Worker processes; none by default.", show_default=False)] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Dask scheduler to work on, e.g. tcp://127.0.0.1:8786.", show_default=False
        ),
    ] = None,
    out: Out = None,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    open_lockbox: Annotated[
        bool, typer.Option("--open-lockbox", help="Test on the stretch that the study seals; recorded.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only go on: refuse to begin where nothing is kept of this study.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a study's walk-forward and write its report; exits with 3 where its light audit finds look-ahead.

    What its folds make is kept, and not made again by later runs, stopped ones included.
    """
    from quantml.reports.publish import run as run_study
    from quantml.reports.terminal import finished_values, result_table
    from quantml.runs import default_out
    from quantml.study_file import load_study
    from quantml.validation.dask import Dask
    from quantml.validation.workers import Loky

    if workers is not None and dask is not None:
        raise ParameterError("--workers and --dask", must="not be given together", got=f"{workers} and {dask}")
    executor = Dask(dask) if dask is not None else None if workers is None else Loky(workers)
    folder = out or default_out()
    with prints_to_stderr(), _telling_how_to_go_on(folder):
        study = load_study(file)
        finished = run_study(study, executor=executor, out=folder, progress=True, settings=settings,
                             open_lockbox=open_lockbox, resume=resume)  # fmt: skip
    show(finished_values(finished) if as_json else result_table(finished))
    alarm(bool(finished.leaks))


@contextmanager
def _telling_how_to_go_on(folder: Path) -> Iterator[None]:
    """Where the block is interrupted and something was kept, say so."""
    try:
        yield
    except KeyboardInterrupt:
        from quantml.validation.checkpoints.store import Store

        store = Store(folder)
        if any(store.files()):
            said = f"stopped: what was finished is kept in {store.folder}, and the same command goes on from there."
            typer.echo(said, err=True)
        raise


def audit(
    file: StudyFile,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: AsJson = False,
) -> None:
    """Look for look-ahead in every part of a study; exits with 3 where any is found."""
    from quantml.reports.audit import audit_table
    from quantml.study_file import load_study
    from quantml.validation.audit.whole import audit as audit_study

    with prints_to_stderr():
        found = audit_study(load_study(file).override(settings))
    show(found.as_values() if as_json else audit_table(found))
    alarm(not found.passed)


def new(
    name: Annotated[str, typer.Argument(help="Name of the study and its file.")],
    folder: Annotated[Path, typer.Option(help="Where to write it; `strategies` if there is one.")] = Path("strategies"),
    as_json: AsJson = False,
) -> None:
    """Write a new study file that runs as it stands."""
    from quantml.operations import new_study

    path = new_study(name, folder if folder.is_dir() or folder != Path("strategies") else Path())
    show({"study": str(path)} if as_json else f"{path}\nRun it with: quantml run {path}")


def forecast(
    file: StudyFile,
    as_of: Annotated[str | None, typer.Option(help="Decide at the close of this date.", show_default=False)] = None,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: AsJson = False,
) -> None:
    """Print the next session's forecast and target weights from the latest data."""
    from quantml.operations import forecast_next
    from quantml.reports.terminal import forecast_table
    from quantml.study_file import load_study

    _check_as_of(as_of)
    with prints_to_stderr():
        decided = forecast_next(load_study(file).override(settings), as_of=as_of)
    show(decided.as_json() if as_json else forecast_table(decided))


def _check_as_of(text: str | None) -> None:
    """Raise unless a date or time is written as ISO 8601 has it: no other word that could be read as one."""
    try:
        _ = None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise ParameterError("--as-of", must="be a date such as 2018-06-29", got=text) from error
