"""Commands that download prices, and show what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantml.cli.terminal import AsJson, alarm, prints_to_stderr
from quantml.cli.terminal import show as show_result
from quantml.errors import ParameterError

if TYPE_CHECKING:
    from quantml.loaders.inspections import Inspection

Interval = Annotated[str, typer.Option(help="Length of a bar: 1d, 1h, 30m, 15m, 5m, 1m, ...")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", help="`data/store` at the top of the repository.", show_default=False)
]


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
    show_result(refresh_values(refreshed) if as_json else refresh_table(refreshed))
    alarm(has_alarms(refreshed))


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
        show_result(findings_values(found) | {"page": None if page is None else str(page)})
    else:
        show_result(findings_table(found, page))
    alarm(found.alarms)


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
    show_result(findings_values(found) | {"page": str(path)} if as_json else str(path))


def _of_study(file: Path) -> Inspection:
    """Look at the data of a study as they are loaded, before its policies act."""
    from quantml.loaders.inspections import inspect_bars
    from quantml.study_file import load_study

    with prints_to_stderr():
        study = load_study(file)
        return inspect_bars(replace(study, quality=None).load_bars(), study.name)


def _of_store(symbols: list[str], interval: str, folder: Path | None) -> Inspection:
    """Look at what was downloaded of symbols."""
    from quantml.loaders import Store, Yahoo
    from quantml.loaders.inspections import inspect_stored

    return inspect_stored(Store(folder), Yahoo(symbols, interval=interval))
