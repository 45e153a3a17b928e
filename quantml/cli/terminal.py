"""What all commands share: their options, what they print, and what they exit with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

BAD_INPUT: Final = 2
FAILED: Final = 1
STOPPED: Final = 128
"""Plus the number of the signal: 130 for Ctrl-C, 143 for SIGTERM."""
ALARM: Final = 3

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.py", help="File that exports `study`.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option(help="Folder of runs; `backtests` at the top of the repository.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Change a declared value, e.g. validation.test=1m."),
]
Reference = Annotated[str, typer.Argument(metavar="RUN", help="Its folder, STUDY/RUN, hash, or study (newest).")]


@contextmanager
def prints_to_stderr() -> Iterator[None]:
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


def alarm(found: bool) -> None:
    """Exit with 3 where something was found."""
    if found:
        raise typer.Exit(ALARM)


def show(content: RenderableType | dict[str, Any]) -> None:
    """Print a result on standard output: a mapping as one JSON object, anything else for people."""
    if isinstance(content, dict):
        from quantml.storage import json_bytes

        typer.echo(json.dumps(json.loads(json_bytes(content))))
        return
    from rich.console import Console

    Console(highlight=False, soft_wrap=isinstance(content, str)).print(content, markup=False)
