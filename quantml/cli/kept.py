"""Commands that work on what is kept in a folder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantml.cli.terminal import AsJson, Out, Reference, prints_to_stderr, show
from quantml.errors import ParameterError, StorageError


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
    show({"runs": [run_values(part) for part in listed]} if as_json else runs_table(listed))


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

    symbols = None if family is None else [symbol.strip() for symbol in family.split(",")]
    listed = listed_trials(out or default_out(), symbols)
    show(trials_values(listed) if as_json else trials_table(listed))


def report(
    reference: Reference,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's report again and say where it is."""
    from quantml.reports.publish import write_report
    from quantml.runs import default_out, find_run

    path = write_report(find_run(reference, out or default_out()))
    show({"report": str(path)} if as_json else str(path))


def sensitivity(
    reference: Reference,
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

    with prints_to_stderr():
        found = find_sensitivity(find_run(reference, folder or default_out()))
    if page is not None:
        write_page(page, sensitivity_page(found))
    if as_json:
        show(found.as_values() | {"page": None if page is None else str(page)})
    else:
        show(sensitivity_table(found, page))


def cache(
    out: Out = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what was not used for longest.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="SIZE", help="What to leave, e.g. 500MB; the limit.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is kept of the folds of earlier runs, or remove some of it.

    Every run ends by removing what was not used for longest, down to QUANTML_CACHE_LIMIT (2GB).
    """
    from quantml.reports.cache import cache_table, kept_work
    from quantml.runs import default_out
    from quantml.validation.checkpoints.store import read_limit, read_size

    if to is not None and not prune:
        raise ParameterError("--to", must="be given with --prune", got=to)
    left = None if not prune else read_limit() if to is None else read_size(to, "--to")
    found = kept_work(out or default_out(), to=left)
    show(found.as_values() if as_json else cache_table(found))
