"""The command line: parse, call, print."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from quantml import __version__
from quantml.errors import InputError, MissingExtra, QuantmlError, StorageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from quantml.runs import Run

BAD_INPUT: Final = 2
FAILED: Final = 1
INTERRUPTED: Final = 130

app = typer.Typer(
    name="quantml",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input. Put --debug anywhere to see a traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.py", help="File that exports `study`.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option(help="Folder of runs; `backtests` at the top of the repository.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a declared value, e.g. validation.test=1m."),
]


@app.command()
def run(
    file: StudyFile,
    workers: Annotated[int | None, typer.Option(help="Worker processes; none by default.", show_default=False)] = None,
    out: Out = None,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: AsJson = False,
) -> None:
    """Run a study's walk-forward and write its report."""
    from quantml.reports.publish import run as run_study
    from quantml.reports.terminal import result_table
    from quantml.runs import default_out
    from quantml.study import load_study
    from quantml.validation.workers import Loky

    executor = None if workers is None else Loky(workers)
    study = load_study(file)
    finished = run_study(study, executor=executor, out=out or default_out(), progress=True, settings=settings)
    _show(_run_as_json(finished) if as_json else result_table(finished))


@app.command()
def runs(out: Out = None, as_json: AsJson = False) -> None:
    """List the finished runs, newest first."""
    from quantml.reports.terminal import runs_table
    from quantml.runs import default_out, list_runs, load_run

    listed = []
    for folder in list_runs(out or default_out()):
        try:
            listed.append(load_run(folder))
        except StorageError as error:
            typer.echo(f"warning: left out: {error}", err=True)
    _show({"runs": [_run_as_json(part) for part in listed]} if as_json else runs_table(listed))


@app.command()
def report(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Its folder, STUDY/RUN, hash, or study (newest).")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's report again and say where it is."""
    from quantml.reports.publish import write_report
    from quantml.runs import default_out, find_run

    path = write_report(find_run(reference, out or default_out()))
    _show({"report": str(path)} if as_json else str(path))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the study and its file.")],
    folder: Annotated[Path, typer.Option(help="Where to write it; `strategies` if there is one.")] = Path("strategies"),
    as_json: AsJson = False,
) -> None:
    """Write a new study file that runs as it stands."""
    from quantml.operations import new_study

    path = new_study(name, folder if folder.is_dir() or folder != Path("strategies") else Path())
    _show({"study": str(path)} if as_json else f"{path}\nRun it with: quantml run {path}")


@app.command()
def forecast(
    file: StudyFile,
    as_of: Annotated[str | None, typer.Option(help="Decide at the close of this date.", show_default=False)] = None,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: AsJson = False,
) -> None:
    """Print the next session's forecast and target weights from the latest data."""
    from quantml.operations import forecast_next
    from quantml.reports.terminal import forecast_table
    from quantml.study import load_study

    decided = forecast_next(load_study(file).override(settings), as_of=as_of)
    _show(decided.as_json() if as_json else forecast_table(decided))


def _run_as_json(finished: Run) -> dict[str, Any]:
    from quantml.reports.terminal import cautions

    verdict = finished.verdict
    return {
        "run": f"{finished.name}/{finished.id}",
        "folder": str(finished.folder),
        "report": str(finished.folder / "report.html") if finished.folder else None,
        "verdict": None if verdict is None else {"outcome": verdict.outcome, "paragraph": verdict.paragraph},
        "cautions": cautions(finished),
        "metrics": dict(finished.metrics),
        "accuracy": finished.manifest["accuracy"],
        "settings": finished.manifest["settings"],
    }


def _show(content: RenderableType | dict[str, Any]) -> None:
    if isinstance(content, dict):
        from quantml.storage import json_bytes

        typer.echo(json.dumps(json.loads(json_bytes(content))))
        return
    from rich.console import Console

    Console(highlight=False, soft_wrap=isinstance(content, str)).print(content, markup=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"quantml {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Would this trading strategy really have worked? Walk-forward evaluation, net of costs."""


def main() -> None:
    """Run the command line and exit with 0 (done), 1 (failed), 2 (bad input) or 130 (interrupted)."""
    debug = "--debug" in sys.argv
    arguments = [part for part in sys.argv[1:] if part != "--debug"]
    try:
        app(arguments)
    except (InputError, MissingExtra) as error:
        _fail(error, BAD_INPUT, debug)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except QuantmlError as error:
        _fail(error, FAILED, debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence prints one line, and all of it with --debug
        _fail(error, FAILED, debug)


def _fail(error: Exception, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    text = str(error) if isinstance(error, QuantmlError) else f"{type(error).__name__}: {error} (see --debug)"
    typer.echo(f"error: {' '.join(text.split())}", err=True)
    sys.exit(code)
