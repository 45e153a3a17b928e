"""The walk-forward fold by fold: what was chosen, and in sample against out of sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from quantml.reports import plots, words
from quantml.reports.facts import Facts
from quantml.reports.tables import Table


def summary(facts: Facts) -> str:
    """In one paragraph: how many folds and candidates, and what was left of the scores out of sample."""
    work, folds = facts.manifest["work"], facts.run.folds
    sentences = [f"{words.plural(work['folds'], 'fold')}, laid from the first bar forward."]
    if work["candidates"] > work["folds"]:
        sentences.append(
            f"{words.plural(work['candidates'], 'configuration')} were tried inside the folds, on data before each"
            " test block; how many looks at the data that makes is not yet allowed for in the verdict."
        )
    if work["training_rows"]:
        sentences.append(
            f"{words.plural(work['training_rows'], 'training row')} in all; {work['purged_rows']:,} were left out"
            " because their outcome was not yet known when the fold was fitted."
        )
    return " ".join([*sentences, *_kept(folds, facts.objective)])


def _kept(folds: pd.DataFrame, objective: str) -> list[str]:
    scored = folds[["in_sample", "out_of_sample"]].dropna()
    if scored.empty:
        return []
    inside, outside = scored["in_sample"].mean(), scored["out_of_sample"].mean()
    lower = int((scored["out_of_sample"] < scored["in_sample"]).sum())
    return [
        f"The mean {objective} of the folds fell from {words.number(inside)} in sample to {words.number(outside)} out of"
        if outside < inside
        else f"The mean {objective} of the folds was {words.number(inside)} in sample and {words.number(outside)} out of",
        f"sample; out of sample was the lower in {lower} of {len(scored)}.",
    ]


def picture(facts: Facts) -> plots.Picture | None:
    """Scores in and out of sample; None where the study does not trade, or no score is defined."""
    folds = facts.run.folds
    scores = folds[["in_sample", "out_of_sample"]].astype("float64")
    if scores.isna().all(axis=None):
        return None
    return plots.folds_picture(pd.DatetimeIndex(folds["test_first"]), scores, facts.objective)


def table(facts: Facts) -> Table:
    """One row per fold."""
    folds = facts.run.folds
    chosen = [json.loads(text) for text in folds["parameters"]]
    short = short_names([name for values in chosen for name in values])
    columns: dict[str, tuple[str, list[str]]] = {
        "Fold": ("r", [str(number) for number in folds["fold"]]),
        "Trained from": ("l", [words.day(moment) for moment in folds["train_first"]]),
        "Tested from": ("l", [words.day(moment) for moment in folds["test_first"]]),
        "to": ("l", [words.day(moment) for moment in folds["test_last"]]),
        "Rows": ("r", [words.count(int(rows)) for rows in folds["rows"]]),
        "Purged": ("r", [words.count(int(rows)) for rows in folds["purged"]]),
        "Tried": ("r", [words.count(int(number)) for number in folds["candidates"]]),
        "In sample": ("r", [words.number(score) for score in folds["in_sample"]]),
        "Out of sample": ("r", [words.number(score) for score in folds["out_of_sample"]]),
        "Chosen": ("l", [_chosen(values, short) for values in chosen]),
    }
    for name, source in (("Rows", "rows"), ("Purged", "purged"), ("In sample", "in_sample")):
        if not np.any(folds[source].to_numpy(dtype="float64", na_value=np.nan) > -np.inf) or folds[source].eq(0).all():
            columns.pop(name)
    if "In sample" not in columns:
        columns.pop("Out of sample")
    if not any(chosen):
        columns.pop("Chosen"), columns.pop("Tried")
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Table.of("Folds", list(columns), rows, "".join(align for align, _ in columns.values()))


def choices(facts: Facts) -> Table | None:
    """How often each value was chosen; None where nothing was tuned."""
    chosen = [json.loads(text) for text in facts.run.folds["parameters"]]
    if not any(chosen):
        return None
    counted = Counter((path, value_text(value)) for values in chosen for path, value in values.items())
    rows = [(path, value, words.count(times)) for (path, value), times in sorted(counted.items())]
    return Table.of("How often each value was chosen", ("Parameter", "Value", "Folds"), rows, "llr")


def _chosen(values: Mapping[str, Any], short: Mapping[str, str]) -> str:
    return ", ".join(f"{short[path]} {value_text(value)}" for path, value in values.items())


def value_text(value: Any) -> str:
    """Write a chosen value: a number as it is, a declaration as its class with its parameters."""
    from quantml.reports.outline import outline

    return outline(value)


def short_names(paths: list[str]) -> dict[str, str]:
    """Name each dotted path by its last part where that is unique.

    >>> short_names(["signal.0.threshold", "features.0.window", "features.1.window"])
    {'signal.0.threshold': 'threshold', 'features.0.window': 'features.0.window', 'features.1.window': 'features.1.window'}
    """
    ends = Counter(path.rpartition(".")[2] for path in dict.fromkeys(paths))
    return {path: path if ends[end := path.rpartition(".")[2]] > 1 else end for path in paths}
