"""`quantml matrix`: a study over a grid of train lengths, test lengths and starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantml.cli.terminal import alarm, prints_to_stderr, show

Lengths = Annotated[str | None, typer.Option(metavar="LENGTH,...", help="Rows or durations; the declared one is always"
                                             " among them.", show_default=False)]  # fmt: skip


def matrix(
    file: Annotated[Path, typer.Argument(metavar="STUDY.py", help="File that exports `study`.")],
    train: Lengths = None,
    test: Lengths = None,
    offsets: Annotated[
        str, typer.Option(metavar="OFFSET,...", help="How much later folds start: rows or durations, two at least.")
    ] = "",
    workers: Annotated[int | None, typer.Option(help="Worker processes; none by default.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of runs; `backtests` at the top of the repository.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="PATH=VALUE", help="Change a declared value in all cells."),
    ] = [],  # noqa: B006 - typer reads it, nobody writes to it
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Run a study over train lengths, test lengths and starts: how much of its result is luck of the calendar.

    Every cell is a run of its own, and counted as a trial. Exits with 3 where an audit finds look-ahead in one.
    """
    from quantml.reports.matrix import matrix_table, page_of, walk_forward_matrix
    from quantml.runs import default_out
    from quantml.study_file import load_study
    from quantml.validation.workers import Loky

    folder = out or default_out()
    with prints_to_stderr():
        study = load_study(file)
        found = walk_forward_matrix(
            study, train=lengths(train), test=lengths(test), offsets=lengths(offsets) or (), out=folder,
            executor=None if workers is None else Loky(workers), progress=True, settings=settings,
        )  # fmt: skip
    page = page_of(found, folder)
    show(found.as_values() | {"page": str(page)} if as_json else matrix_table(found, page))
    alarm(found.leaked)


def lengths(text: str | None) -> tuple[int | str, ...] | None:
    """Read a list of rows and durations; None where nothing is written.

    >>> lengths("2y, 500,21d"), lengths(""), lengths(None)
    (('2y', 500, '21d'), None, None)
    """
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    return tuple(int(part) if part.isdecimal() else part for part in parts)
