"""The command line: parse, call, print."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from quantml import __version__
from quantml.cli_matrix import matrix_command
from quantml.errors import InputError, MissingExtra, ParameterError, QuantmlError, StorageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from quantml.loaders.inspections import Inspection

BAD_INPUT: Final = 2
FAILED: Final = 1
STOPPED: Final = 128
"""Plus the number of the signal: 130 for Ctrl-C, 143 for SIGTERM."""
ALARM: Final = 3

app = typer.Typer(
    name="quantml",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, an error in a study's own code included,"
    " 3 done, but something was found. Standard output holds"
    " the result alone; what studies print goes to standard error. Put --debug anywhere to see a traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

data = typer.Typer(name="data", help="Download prices, and see what is wrong with them.", no_args_is_help=True)
app.add_typer(data)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.py", help="File that exports `study`.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option(help="Folder of runs; `backtests` at the top of the repository.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a declared value, e.g. validation.test=1m."),
]

Interval = Annotated[str, typer.Option(help="Length of a bar: 1d, 1h, 30m, 15m, 5m, 1m, ...")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", help="`data/store` at the top of the repository.", show_default=False)
]


@app.command()
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
    as_json: AsJson = False,
) -> None:
    """Run a study's walk-forward and write its report; exits with 3 where its light audit finds look-ahead."""
    from quantml.reports.publish import run as run_study
    from quantml.reports.terminal import finished_values, result_table
    from quantml.runs import default_out
    from quantml.study_file import load_study
    from quantml.validation.dask import Dask
    from quantml.validation.workers import Loky

    if workers is not None and dask is not None:
        raise ParameterError("--workers and --dask", must="not be given together", got=f"{workers} and {dask}")
    executor = Dask(dask) if dask is not None else None if workers is None else Loky(workers)
    with _prints_to_stderr():
        study = load_study(file)
        finished = run_study(study, executor=executor, out=out or default_out(), progress=True, settings=settings,
                             open_lockbox=open_lockbox)  # fmt: skip
    _show(finished_values(finished) if as_json else result_table(finished))
    _alarm(bool(finished.leaks))


@app.command()
def audit(
    file: StudyFile,
    settings: Settings = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: AsJson = False,
) -> None:
    """Look for look-ahead in every part of a study; exits with 3 where any is found."""
    from quantml.reports.audit import audit_table
    from quantml.study_file import load_study
    from quantml.validation.audit.whole import audit as audit_study

    with _prints_to_stderr():
        found = audit_study(load_study(file).override(settings))
    _show(found.as_values() if as_json else audit_table(found))
    _alarm(not found.passed)


@app.command()
def runs(out: Out = None, as_json: AsJson = False) -> None:
    """List the finished runs, newest first."""
    from quantml.reports.terminal import run_values, runs_table
    from quantml.runs import default_out, list_runs, load_run

    listed = []
    for folder in list_runs(out or default_out()):
        try:
            listed.append(load_run(folder))
        except StorageError as error:
            typer.echo(f"warning: left out: {error}", err=True)
    _show({"runs": [run_values(part) for part in listed]} if as_json else runs_table(listed))


@app.command()
def trials(
    out: Out = None,
    family: Annotated[
        str | None, typer.Option(metavar="SYMBOL,...", help="Only those of any of these symbols.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every variant whose out-of-sample result was kept, and the lockboxes that were opened."""
    from quantml.reports.trials import listed_trials, trials_table, trials_values
    from quantml.runs import default_out

    listed = listed_trials(out or default_out(), None if family is None else family.split(","))
    _show(trials_values(listed) if as_json else trials_table(listed))


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
def sensitivity(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Its folder, STUDY/RUN, hash, or study (newest).")],
    page: Annotated[Path | None, typer.Option("--out", help="HTML file to write.", show_default=False)] = None,
    folder: Annotated[
        Path | None, typer.Option("--runs", help="Folder of runs; `backtests` at the top of the repository.",
                                  show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Trade a run's decisions again under other costs, delays, sizes, bands and thresholds: what fails first."""
    from quantml.reports.pages import write_page
    from quantml.reports.sensitivity import sensitivity_page, sensitivity_table
    from quantml.runs import default_out, find_run
    from quantml.sensitivities import sensitivity as find_sensitivity

    with _prints_to_stderr():
        found = find_sensitivity(find_run(reference, folder or default_out()))
    if page is not None:
        write_page(page, sensitivity_page(found))
    if as_json:
        _show(found.as_values() | {"page": None if page is None else str(page)})
    else:
        _show(sensitivity_table(found, page))


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
    from quantml.study_file import load_study

    _check_as_of(as_of)
    with _prints_to_stderr():
        decided = forecast_next(load_study(file).override(settings), as_of=as_of)
    _show(decided.as_json() if as_json else forecast_table(decided))


def _check_as_of(text: str | None) -> None:
    """Raise unless a date or time is written as ISO 8601 has it: no other word that could be read as one."""
    try:
        _ = None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise ParameterError("--as-of", must="be a date such as 2018-06-29", got=text) from error


@contextmanager
def _prints_to_stderr() -> Iterator[None]:
    """Send what study code, here or in a worker process, writes to standard output to standard error instead."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)  # below Python too: libraries in C write there, and new processes inherit it
    try:
        with redirect_stdout(sys.stderr):  # which shows it at once
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@data.command()
def pull(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="As Yahoo writes them.")],
    interval: Interval = "1d",
    start: Annotated[str | None, typer.Option(help="First date; all there is by default.", show_default=False)] = None,
    end: Annotated[str | None, typer.Option(help="Last date.", show_default=False)] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Download all anew, in place of what is stored and quarantined.")
    ] = False,
    folder: StoreFolder = None,
    as_json: AsJson = False,
) -> None:
    """Download from Yahoo what the store lacks of symbols, and compare the rest with what is stored.

    Exits with 3 where a symbol failed, or Yahoo now says otherwise of stored bars; with 2 where every one failed and
    nothing is stored of any.
    """
    from quantml.loaders import Store, Yahoo
    from quantml.reports.refreshes import has_alarms, refresh_table, refresh_values

    store = Store(folder)
    source = Yahoo(symbols, interval=interval, start=start, end=end, cache=store.folder / ".yfinance")
    refreshed = (store.renew if renew else store.refresh)(source)
    if len(refreshed.missing) == len(symbols):
        raise refreshed.failed[symbols[0]]
    _show(refresh_values(refreshed) if as_json else refresh_table(refreshed))
    _alarm(has_alarms(refreshed))


@data.command()
def check(
    targets: Annotated[
        list[str], typer.Argument(metavar="STUDY.py|SYMBOL...", help="A study's data, or symbols in the store.")
    ],
    interval: Interval = "1d",
    folder: StoreFolder = None,
    page: Annotated[Path | None, typer.Option("--out", help="HTML file to write.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a study's data, or with stored symbols; nothing is changed.

    Exits with 3 where anything is worse than a note.
    """
    from quantml.reports.findings import findings_page, findings_table, findings_values
    from quantml.reports.pages import write_page

    is_study = targets[0].endswith(".py")
    if is_study and len(targets) > 1:
        raise ParameterError("quantml data check", must="be given one study, or symbols", got=" ".join(targets))
    found = _of_study(Path(targets[0])) if is_study else _of_store(targets, interval, folder)
    if page is not None:
        write_page(page, findings_page(found))
    if as_json:
        _show(findings_values(found) | {"page": None if page is None else str(page)})
    else:
        _show(findings_table(found, page))
    _alarm(found.alarms)


@data.command()
def show(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="One symbol of the study or the store.")],
    study: Annotated[Path | None, typer.Option(help="File that exports `study`.", show_default=False)] = None,
    interval: Interval = "1d",
    folder: StoreFolder = None,
    out: Annotated[Path, typer.Option(help="Folder to write the page to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Draw a symbol's prices and volume with what is wrong marked in them, as an HTML page."""
    from quantml.reports.findings import findings_values, page_name, symbol_page
    from quantml.reports.pages import write_page

    found = (_of_store([symbol], interval, folder) if study is None else _of_study(study)).of(symbol)
    path = out / page_name(symbol)
    write_page(path, symbol_page(found))
    _show(findings_values(found) | {"page": str(path)} if as_json else str(path))


def _of_study(file: Path) -> Inspection:
    """Look at the data of a study as they are loaded, before its policies act."""
    from quantml.loaders.inspections import inspect_bars
    from quantml.study_file import load_study

    with _prints_to_stderr():
        study = load_study(file)
        return inspect_bars(replace(study, quality=None).load_bars(), study.name)


def _of_store(symbols: list[str], interval: str, folder: Path | None) -> Inspection:
    """Look at what was downloaded of symbols."""
    from quantml.loaders import Store, Yahoo
    from quantml.loaders.inspections import inspect_stored

    return inspect_stored(Store(folder), Yahoo(symbols, interval=interval))


def _alarm(found: bool) -> None:
    if found:
        raise typer.Exit(ALARM)


def _show(content: RenderableType | dict[str, Any]) -> None:
    if isinstance(content, dict):
        from quantml.storage import json_bytes

        typer.echo(json.dumps(json.loads(json_bytes(content))))
        return
    from rich.console import Console

    Console(highlight=False, soft_wrap=isinstance(content, str)).print(content, markup=False)


app.command()(matrix_command(_prints_to_stderr, _show, _alarm))


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
    """Run the command line and exit as its epilog says, with 130 where interrupted and 143 where terminated."""
    debug = "--debug" in sys.argv
    _show_warnings()
    arguments = [part for part in sys.argv[1:] if part != "--debug"]
    with _noted_signals() as came:
        try:
            app(arguments)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # the last line of defence
            if came:  # whatever a library made of the interruption
                sys.exit(STOPPED + came[0])
            if isinstance(error, SystemExit):
                raise
            _fail(error, BAD_INPUT if isinstance(error, (InputError, MissingExtra)) else FAILED, debug)


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM interrupt what runs inside the block, and note in a list which of them came."""
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_warnings() -> None:
    """Print on standard error what is warned of outside a run, such as how old bars are where a source is silent."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    for name in ("quantml.loaders", "quantml.validation.dask"):
        logging.getLogger(name).addHandler(handler)


def _fail(error: BaseException, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    text = str(error) if isinstance(error, QuantmlError) else f"{type(error).__name__}: {error} (see --debug)"
    typer.echo(f"error: {' '.join(text.split())}", err=True)
    sys.exit(code)
