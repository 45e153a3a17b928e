"""Runs and forecasts as compact tables for a terminal, and the progress bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from quantml.record import CAUTIONS
from quantml.reports import words
from quantml.reports.accuracy import finding
from quantml.reports.facts import Facts
from quantml.reports.folds import efficiency, paths
from quantml.reports.outline import outline
from quantml.reports.performance import confidence, cost_rate

if TYPE_CHECKING:
    from quantml.operations.forecast import NextForecast
from quantml.runs import Run

_ROWS: Final = ("total_return", "annual_return", "annual_volatility", "sharpe_ratio", "max_drawdown", "excess_return")
_COLOURS: Final = {"supported": "green", "inconclusive": "yellow", "rejected": "red", "void": "bold red"}


def result_table(run: Run) -> RenderableType:
    """Show a finished run: strategy against benchmark, the verdict, and where the report is.

    Parameters
    ----------
    run : Run

    Returns
    -------
    rich renderable
    """
    facts = Facts.of(run)
    parts: list[RenderableType] = [Text(f"{run.name}/{run.id}", style="bold"), Text(_scope(facts))]
    if facts.traded:
        parts.append(_comparison(facts))
    told = [*paths(facts), *efficiency(facts)]
    parts += [Text(sentence.replace(words.THIN_SPACE, "")) for sentence in told]
    if run.manifest["accuracy"]:
        parts.append(Text(finding(facts).replace(words.THIN_SPACE, "")))  # a line might end at the space
    if run.verdict is not None:
        colour = _COLOURS[run.verdict.outcome]
        parts.append(Text.assemble(("Verdict: ", "bold"), (run.verdict.outcome, f"bold {colour}")))
        parts += [] if run.verdict.deflation is None else [Text(run.verdict.deflation.sentence)]
    parts += [Text.assemble(("Leak: ", "bold red"), sentence) for sentence in run.leaks]
    if run.manifest.get("ruined_at"):
        parts.append(Text(f"The account was lost on {words.day(run.manifest['ruined_at'])}.", style="bold"))
    parts += [Text.assemble(("Caution: ", "bold"), sentence) for sentence in cautions(run)]
    if run.folder is not None:
        parts.append(Text.assemble(("Report: ", "bold"), _shown(run.folder / "report.html"), overflow="fold"))
    return Group(*parts)


def run_values(run: Run) -> dict[str, Any]:
    """Return what a finished run comes to as plain values."""
    verdict = run.verdict
    told = None
    if verdict is not None:
        deflation = None if verdict.deflation is None else asdict(verdict.deflation)
        told = {"outcome": verdict.outcome, "paragraph": verdict.paragraph, "deflation": deflation}
    return {
        "run": f"{run.name}/{run.id}",
        "folder": str(run.folder),
        "report": str(run.folder / "report.html") if run.folder else None,
        "verdict": told,
        "leaks": list(run.leaks),
        "cautions": cautions(run),
        "ruined_at": run.manifest.get("ruined_at"),
        "metrics": dict(run.metrics),
        "accuracy": run.manifest["accuracy"],
        "settings": run.manifest["settings"],
    }


def finished_values(run: Run) -> dict[str, Any]:
    """Return what `run_values` does and, beside it, what each fold reports and what they come to together."""
    folds = run.folds.astype(object).where(run.folds.notna(), None).to_dict("records")
    read = {name: [json.loads(part[name]) for part in folds] for name in ("parameters", "runner_up")}
    told = [{**part, **{name: read[name][place] for name in read}} for place, part in enumerate(folds)]
    return run_values(run) | {"folds": told, "walk_forward": run.manifest.get("walk_forward")}


def cautions(run: Run) -> list[str]:
    """What is known that qualifies the verdict: of the data, and of who had seen an opened lockbox before."""
    looks = () if run.verdict is None or run.verdict.deflation is None else run.verdict.deflation.looks
    return [*looks, *(note for note in run.manifest["data"]["notes"] if note.startswith(CAUTIONS))]


def _scope(facts: Facts) -> str:
    folds = words.plural(len(facts.run.folds), "fold")
    first, last = (words.day(facts.manifest[name]) for name in ("first_decision", "last_decision"))
    return f"{first} to {last} out of sample, {folds}"


def _comparison(facts: Facts) -> Table:
    own, other = facts.manifest["metrics"], facts.manifest["benchmark_metrics"]
    table = text_table("Net of costs", "Strategy", "Benchmark", f"{confidence(facts)} range")
    for name in _ROWS:
        interval = getattr(facts.run.verdict, name, None)
        span = words.between(interval.low, interval.high, name) if interval is not None else ""
        against = words.measure(name, other[name]) if name in other else ""
        table.add_row(*_texts(words.title(name), words.measure(name, own.get(name)), against, span))
    table.add_row(*_texts("Costs per year, of equity", words.percent(cost_rate(facts), 2), "", ""))
    return table


def _shown(path: Path) -> str:
    """Write a path from the current folder on, where it lies below it."""
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def runs_table(listed: Sequence[Run]) -> RenderableType:
    """List runs: study, hash, dates, Sharpe ratio, excess over the benchmark, verdict.

    Parameters
    ----------
    listed : sequence of Run

    Returns
    -------
    rich renderable
    """
    if not listed:
        return Text("No runs yet. Make one with: quantml run STUDY.py")
    return Widest(_runs(listed, broken=False), _runs(listed, broken=True))


def _runs(listed: Sequence[Run], *, broken: bool) -> Table:
    """Lay runs out in a row each, `broken` in two lines: hash and dates stay whole where it is narrow."""
    within, between = ("/\n", "\n") if broken else ("/", " to ")
    table = text_table("Run", "Tested", "Sharpe", "Excess", "Drawdown", "Verdict", text=(0, 1, 5))
    for run in listed:
        facts = Facts.of(run)
        table.columns[0].min_width = max(len(run.id), table.columns[0].min_width or 0)
        found = facts.manifest["metrics"]
        table.add_row(
            *_texts(
                f"{run.name}{within}{run.id}",
                between.join(words.day(facts.manifest[name]) for name in ("first_decision", "last_decision")),
                *(words.measure(name, found.get(name)) for name in ("sharpe_ratio", "excess_return", "max_drawdown")),
                "forecast only" if run.verdict is None else run.verdict.outcome,
            )
        )
    return table


@dataclass(frozen=True)
class Widest:
    """Two forms of a table, of which the first is shown where it fits.

    Parameters
    ----------
    wide, narrow : Table
    """

    wide: Table
    narrow: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = console.measure(self.wide, options=options.update(max_width=10_000)).maximum
        yield self.wide if whole <= options.max_width else self.narrow


def forecast_table(decided: NextForecast) -> RenderableType:
    """Show what a study decides at the latest close: a forecast and a target weight for each symbol.

    Parameters
    ----------
    decided : NextForecast

    Returns
    -------
    rich renderable
    """
    session = "the next session" if decided.session is None else f"the session of {words.day(decided.session)}"
    parts: list[RenderableType] = [
        Text(decided.study, style="bold"),
        Text(f"Decided at the close of {words.day(decided.decided)}, for {session}; filled at the {_fill(decided)}."),
        _decisions(decided),
    ]
    if decided.weights_from is None and decided.trades:
        parts.append(Text("No target weights: the study has decided nothing in the current test block."))
    elif decided.weights_from is not None and decided.weights_from < decided.decided:
        when = words.day(decided.weights_from)
        parts.append(Text(f"No decision at this close: the weights are those last decided, on {when}, left to drift."))
    if decided.fits:
        parts.append(Text(f"The model was fitted at the close of {words.day(decided.trained_until)}."))
    if decided.sealed is not None:
        since = words.day(decided.sealed)
        parts.append(Text(f"Lockbox: this decision stands on sealed bars, those from {since} on. No look is recorded."))
    if decided.parameters:
        chosen = ", ".join(f"{path} {outline(_plain(value))}" for path, value in decided.parameters.items())
        parts.append(Text(f"Chosen by tuning: {chosen}."))
    return Group(*parts)


def _fill(decided: NextForecast) -> str:
    return {"period": "decision price"}.get(decided.fill, decided.fill.replace("_", " "))


def _decisions(decided: NextForecast) -> Table:
    shown = [name for name in ("forecast", "probability", "weight") if decided.table[name].notna().any()]
    if "probability" in shown and decided.table["forecast"].equals(decided.table["probability"].rename("forecast")):
        shown.remove("forecast")  # a direction's forecast is its probability
    table = text_table("Symbol", "Close", *(words.title(name) for name in shown))
    for row in decided.table.to_dict("records"):
        numbers = (words.percent(row[name], 2, signed=name != "probability") for name in shown)
        table.add_row(*_texts(str(row["symbol"]), words.number(row["close"]), *numbers))
    return table


def _plain(value: Any) -> Any:
    from quantml.canonical import canonical

    return canonical(value)


def text_table(*heads: str, text: tuple[int, ...] = (0,)) -> Table:
    """Make an empty table; the columns at the places of `text` hold words, which may wrap, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        words_here = place in text
        table.add_column(Text(head), justify="left" if words_here else "right", overflow="fold", no_wrap=not words_here)
    return table


def _texts(*cells: str) -> list[Text]:
    """Cells as they are: a symbol such as ``[x]`` is no markup."""
    return [Text(cell) for cell in cells]


@contextmanager
def live_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show the folds done and the time left on standard error; nothing where that is not a terminal.

    Parameters
    ----------
    description : str
        What is running.

    Yields
    ------
    callable
        To be called with the number of folds done and the number of folds.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("folds, time left", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
