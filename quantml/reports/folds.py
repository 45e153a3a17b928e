"""The walk-forward fold by fold: what was chosen, and in sample against out of sample."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from quantml.reports import plots, words
from quantml.reports.facts import Facts
from quantml.reports.outline import outline
from quantml.reports.tables import Table


def summary(facts: Facts) -> str:
    """In one paragraph: how many folds and candidates, and what was left of the scores out of sample."""
    work = facts.manifest["work"]
    laid, where, purged = _COMBINATORIAL if "paths" in facts.manifest else _FORWARD
    sentences = [f"{words.plural(work['folds'], 'fold')}, {laid}."]
    if work["candidates"] > work["folds"]:
        sentences.append(
            f"{words.plural(work['candidates'], 'configuration')} were scored inside the folds, on data {where} that"
            " the best was then tested on."
        )
    if work["training_rows"]:
        sentences.append(
            f"{words.plural(work['training_rows'], 'training row')} in all; {work['purged_rows']:,} were left out"
            f" because {purged}."
        )
    return " ".join([*sentences, *_kept(facts), *efficiency(facts), *paths(facts)])


_FORWARD: Final = (
    "laid from the first bar forward",
    "before the block",
    "their outcome was not yet known when the fold was fitted",
)
_COMBINATORIAL: Final = (
    "each trained on both sides of the blocks that it tested",
    "outside the blocks",
    "their outcome overlaps with what was tested, or lies within the embargo beside it",
)
"""How folds are laid, where candidates are scored, and why rows are left out."""


def paths(facts: Facts) -> list[str]:
    """In a sentence: the Sharpe ratios of the backtest paths of a combinatorial study; nothing for others."""
    found = [part["metrics"]["sharpe_ratio"] for part in facts.manifest.get("paths", ()) if "metrics" in part]
    defined = pd.Series(found, dtype="float64").dropna()
    if defined.empty:
        return []
    middle, low, high = (words.measure("sharpe_ratio", one) for one in (defined.median(), defined.min(), defined.max()))
    return [
        f"Over {words.plural(len(found), 'backtest path')} the Sharpe ratio was {middle} in the middle, from {low} to"
        f" {high}; the account shown is the first path's."
    ]


def efficiency(facts: Facts) -> list[str]:
    """In a sentence: the walk-forward efficiency over all folds; nothing for a study that does not trade."""
    found = facts.manifest.get("walk_forward", {})
    inside, outside = found.get("in_sample_return"), found.get("out_of_sample_return")
    if not (words.is_number(inside) and words.is_number(outside)):
        return []
    earned = f"{words.percent(outside)} per year out of sample, {words.percent(inside)} in the folds' training windows"
    if not words.is_number(found["efficiency"]):
        return [f"There is no walk-forward efficiency, since nothing was earned in sample: {earned}."]
    return [f"Walk-forward efficiency: {words.number(found['efficiency'])} ({earned}, without compounding)."]


def _kept(facts: Facts) -> list[str]:
    scored = facts.scores[["in_sample", "out_of_sample"]].dropna()
    if scored.empty:
        return []
    goal = facts.goal
    inside, outside = (words.measure(goal.name, scored[part].mean()) for part in ("in_sample", "out_of_sample"))
    lost = (scored["in_sample"] - scored["out_of_sample"]) * (-1.0 if goal.lower_is_better else 1.0)
    return [
        f"The folds' mean {goal.title} ({goal.better} is better) was {inside} in sample and {outside} out of sample;"
        f" out of sample was worse in {int((lost > 0.0).sum())} of {len(scored)}."
    ]


def picture(facts: Facts) -> plots.Picture | None:
    """Scores in and out of sample; None where the study does not trade, or no score is defined."""
    if facts.scores.isna().all(axis=None):
        return None
    first = pd.DatetimeIndex(facts.run.folds["test_first"])
    return plots.folds_picture(first, facts.scores, facts.goal)


@dataclass(frozen=True)
class _Column:
    """A column of the fold table, and whether this study has anything to show in it."""

    head: str
    align: str
    cells: list[str]
    shown: bool = True


def table(facts: Facts) -> Table:
    """One row per fold: dates, rows and scores."""
    folds = facts.run.folds
    efficient = [words.number(one) for one in folds["efficiency"]]
    columns = [
        _numbers(folds),
        *_dates(folds, {"Trained from": "train_first", "Tested from": "test_first", "until": "test_last"}),
        *(_counts(head, folds[name]) for head, name in (("Rows", "rows"), ("Purged", "purged"))),
        *(_scores(facts, head, name) for head, name in _SCORES.items()),
        _Column("Efficiency", "r", efficient, shown=bool(folds["efficiency"].notna().any())),
    ]
    return _table("Folds", columns)


def second_table(facts: Facts) -> Table | None:
    """One row per fold: what it chose, and the runner-up; None where nothing was tuned."""
    folds = facts.run.folds
    chosen = _chosen(folds)
    if not any(chosen):
        return None
    columns = [
        _numbers(folds),
        *_dates(folds, {"Tested from": "test_first"}),
        _counts("Tried", folds["candidates"]),
        _Column("Chosen", "w", _choice_texts(chosen)),
        *_second(facts, chosen),
    ]
    return _table("What each fold chose", columns)


def _table(label: str, columns: list[_Column]) -> Table:
    shown = [column for column in columns if column.shown]
    rows = zip(*(column.cells for column in shown), strict=True)
    return Table.of(label, [column.head for column in shown], rows, "".join(column.align for column in shown))


def _numbers(folds: pd.DataFrame) -> _Column:
    return _Column("Fold", "r", [str(number) for number in folds["fold"]])


def _dates(folds: pd.DataFrame, named: dict[str, str]) -> list[_Column]:
    return [_Column(head, "l", [words.day(moment) for moment in folds[name]]) for head, name in named.items()]


_SCORES: Final = {"In sample": "in_sample", "Validation": "validation", "Out": "out_of_sample"}


def _second(facts: Facts, chosen: list[dict[str, Any]]) -> tuple[_Column, _Column]:
    """The runner-up by what it has other than the chosen one, and by how much its score was worse."""
    folds = facts.run.folds
    others = [json.loads(text) or {} for text in folds["runner_up"]]
    differ = [
        {path: value for path, value in other.items() if path not in own or own[path] != value}
        for other, own in zip(others, chosen, strict=True)
    ]
    margins = [words.measure(facts.goal.name, margin) for margin in folds["margin"]]
    named = [text or words.DASH for text in _choice_texts(differ)]
    return _Column("Runner-up", "w", named, shown=any(others)), _Column("by", "r", margins, shown=any(others))


def _counts(head: str, numbers: pd.Series) -> _Column:
    return _Column(head, "r", [words.count(int(number)) for number in numbers], shown=bool((numbers > 0).any()))


def _scores(facts: Facts, head: str, name: str) -> _Column:
    scores = facts.scores[name]
    cells = [words.measure(facts.goal.name, score) for score in scores]
    return _Column(head, "r", cells, shown=bool(scores.notna().any()))


def _choice_texts(chosen: list[dict[str, Any]]) -> list[str]:
    short = short_names([path for values in chosen for path in values])
    return [", ".join(f"{short[path]} {outline(value)}" for path, value in values.items()) for values in chosen]


def _chosen(folds: pd.DataFrame) -> list[dict[str, Any]]:
    return [json.loads(text) for text in folds["parameters"]]


def choices(facts: Facts) -> Table | None:
    """How often each value was chosen; None where nothing was tuned."""
    chosen = _chosen(facts.run.folds)
    if not any(chosen):
        return None
    counted = Counter((path, outline(value)) for values in chosen for path, value in values.items())
    rows = [(path, value, words.count(times)) for (path, value), times in sorted(counted.items())]
    return Table.of("How often each value was chosen", ("Parameter", "Value", "Folds"), rows, "llr")


def steady(facts: Facts) -> Table | None:
    """How steady each tuned parameter was over the folds; None where nothing was tuned, and in older runs."""
    found = facts.manifest.get("walk_forward", {}).get("parameters")
    if not found:
        return None
    rows = [
        (path, words.count(one["distinct"]), words.percent(one["repeated"], 0), words.significant(one["mean"]),
         words.significant(one["standard_deviation"]))
        for path, one in found.items()
    ]  # fmt: skip
    head = ("Parameter", "Values", "As the fold before", "Mean", "Standard deviation")
    return Table.of("How steady each parameter was", head, rows, "lrrrr")


def short_names(paths: list[str]) -> dict[str, str]:
    """Name each dotted path by its last part where that is unique.

    >>> list(short_names(["signal.0.threshold", "features.0.window", "features.1.window"]).values())
    ['threshold', 'features.0.window', 'features.1.window']
    """
    ends = Counter(path.rpartition(".")[2] for path in dict.fromkeys(paths))
    return {path: path if ends[end := path.rpartition(".")[2]] > 1 else end for path in paths}
