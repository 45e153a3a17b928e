"""The command line: parse, call, print."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from quantml import __version__
from quantml.cli import kept, prices, studies
from quantml.cli.matrix import matrix
from quantml.cli.terminal import BAD_INPUT, FAILED, STOPPED
from quantml.errors import InputError, MissingExtra, QuantmlError

app = typer.Typer(
    name="quantml",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, an error in a study's own code included,"
    " 3 done, but something was found. Standard output holds"
    " the result alone; what studies print goes to standard error. Put --debug anywhere to see a traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(studies.run)
app.command()(studies.audit)
app.command()(matrix)
app.command()(kept.runs)
app.command()(kept.trials)
app.command()(kept.report)
app.command()(kept.sensitivity)
app.command()(kept.cache)
app.command()(studies.new)
app.command()(studies.forecast)

data = typer.Typer(name="data", help="Download prices, and see what is wrong with them.", no_args_is_help=True)
app.add_typer(data)
data.command()(prices.pull)
data.command()(prices.check)
data.command()(prices.show)


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
            sys.exit(app(arguments, prog_name="quantml", standalone_mode=False) or 0)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # the last line of defence
            if came:  # whatever a library made of the interruption
                sys.exit(STOPPED + came[0])
            if isinstance(error, SystemExit):
                raise
            if hasattr(error, "format_message"):  # how typer says that a command line is wrong
                _refuse(error)
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
    for name in ("quantml.loaders", "quantml.validation.dask", "quantml.validation.checkpoints"):
        logging.getLogger(name).addHandler(handler)


def _refuse(error: Any) -> None:
    """Say in one line what is wrong with a command line; nothing where help was shown instead."""
    said = " ".join(error.format_message().split())
    if said:
        command = "quantml" if error.ctx is None else error.ctx.command_path
        typer.echo(f"error: {said}{'' if said[-1] in '.?' else '.'} See {command} --help.", err=True)
    sys.exit(BAD_INPUT)


def _fail(error: BaseException, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    text = str(error) if isinstance(error, QuantmlError) else f"{type(error).__name__}: {error} (see --debug)"
    typer.echo(f"error: {' '.join(text.split())}", err=True)
    sys.exit(code)
