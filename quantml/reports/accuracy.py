"""How close the forecasts came, beside the naive forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.evaluation.accuracy import r2_out_of_sample
from quantml.reports import plots, words
from quantml.reports.facts import Facts
from quantml.reports.outline import outline
from quantml.reports.tables import Table

_LOSS: Final = {
    "return": "squared error",
    **dict.fromkeys(("direction", "success"), "squared error of the probability"),
    "volatility": "QLIKE loss of the variance",
}
_KINDS: Final = {
    **dict.fromkeys(("ForwardReturn", "ExcessReturn", "ActiveReturn", "ResidualReturn"), "return"),
    "VolatilityScaledReturn": "return",
    "RankReturn": "rank",
    "Direction": "direction",
    "TripleBarrier": "class",
    "MetaLabel": "success",
    "RealisedVolatility": "volatility",
}
_LOWER_IS_BETTER: Final = frozenset({"rmse", "mae", "brier", "log_loss", "qlike"})


def kind(facts: Facts) -> str:
    """What is forecast, by the name of a group of targets; ``"value"`` for one of no group."""
    target = facts.study.get("target") or {}
    if target.get("band"):
        return "class"
    return _KINDS.get(str(target.get("type", "")).rpartition(".")[2], "value")


def finding(facts: Facts) -> str:
    """In two or three sentences: was the forecast closer than the naive one, and could that be luck."""
    found = facts.manifest["accuracy"]
    skill = found.get("skill")
    if not found.get("pairs") or not words.is_number(skill):
        return "No forecast could be compared with what happened."
    loss = _LOSS.get(kind(facts), "squared error")
    sentences = [f"Over {found['pairs']:,} forecasts, the {loss} was {_less(skill)} than the naive forecast's."]
    p_value = found.get("diebold_mariano_p_value")
    if words.is_number(p_value):
        chance = "less than 0.1" if p_value < 0.001 else words.number(100.0 * p_value, 1)
        sentences.append(
            f"Were both equally good, a difference as large as this would come up in {chance} of 100 records"
            " (Diebold-Mariano test)."
        )
    common = majority(facts)
    if common is not None:
        sentences.append(
            f"It had the direction right {words.percent(found['directional_accuracy'])} of the time; always saying"
            f" {common.side} would have been right {words.percent(common.share)} of the time."
        )
    fair = constant(facts)
    if fair is not None:
        forecasts = facts.run.forecasts
        gain = r2_out_of_sample(forecasts["realised"], forecasts["mean"], naive=np.full(len(forecasts), fair.value))
        sentences.append(f"Compared with {fair.name}, its {loss} was {_less(gain, 2)}.")
    return " ".join(sentences)


@dataclass(frozen=True)
class Majority:
    """The more frequent direction, and the share of the outcomes that went there."""

    side: str
    share: float


def majority(facts: Facts) -> Majority | None:
    """What a forecast that knows no more than the more frequent direction gets right.

    Counted over the cells that `directional_accuracy` is: forecast and outcome are known, and both have a direction.
    None where no direction is measured.
    """
    if not words.is_number(facts.manifest["accuracy"].get("directional_accuracy")):
        return None
    forecasts = facts.run.forecasts[["realised", "mean", "baseline"]].dropna()
    middle = 0.5 if kind(facts) == "direction" else 0.0
    outcome, said = forecasts["realised"] - middle, forecasts["mean"] - middle
    ups = float((outcome[(outcome != 0.0) & (said != 0.0)] > 0.0).mean())
    return Majority("up", ups) if ups >= 0.5 else Majority("down", 1.0 - ups)


def _less(skill: float, digits: int = 1) -> str:
    return f"{words.percent(abs(skill), digits)} {'smaller' if skill >= 0.0 else 'larger'}"


@dataclass(frozen=True)
class Constant:
    """A forecast that always says the same."""

    value: float
    name: str
    weak: str
    """Why the naive forecast is easier to beat."""


_CONSTANTS: Final = {
    "return": Constant(0.0, "always saying zero", "Returns hardly repeat themselves"),
    "rank": Constant(0.0, "always saying the middle rank", "Ranks hardly repeat themselves"),
    "direction": Constant(0.5, "always saying one half", "Directions hardly repeat themselves"),
    "class": Constant(0.0, "always saying neither up nor down", "Classes hardly repeat themselves"),
    "success": Constant(0.5, "always saying one half", "Successes hardly repeat themselves"),
}


def constant(facts: Facts) -> Constant | None:
    """The fairer rival where the naive forecast is easily beaten; None where it is not, or the study names its own."""
    return _CONSTANTS.get(kind(facts)) if facts.study.get("baseline") is None else None


def rival(facts: Facts) -> str:
    """What the naive forecast is, and how hard it is to beat."""
    baseline = facts.study.get("baseline")
    if baseline is not None:
        return f"The naive forecast is here {outline(baseline)}, as the study declares."
    sentence = "The naive forecast says that the newest value already known will come again."
    fair = constant(facts)
    if fair is None:
        return sentence
    return (
        f"{sentence} {fair.weak}, so it makes about twice the squared error of {fair.name} and is easy to beat:"
        f" {fair.name} is the rival that counts."
    )


def table(facts: Facts) -> Table:
    """Every measure of the forecast beside the naive forecast's."""
    found = facts.manifest["accuracy"]
    common = majority(facts)
    rows = []
    for name in [key for key in found if f"naive_{key}" in found]:
        rows.append(_row(name, found[name], found[f"naive_{name}"], "naive", words.title(name)))
        if name == "directional_accuracy" and common is not None:
            rival = f"always {common.side}"
            rows.append(_row(name, found[name], common.share, rival, f"{words.title(name)}, beside {rival}"))
    return Table.of("Accuracy of the forecasts", ("Out of sample", "Forecast", "Naive", "Better"), rows, "lrrl")


def _row(name: str, own: Any, other: Any, rival: str, head: str) -> tuple[str, str, str, str]:
    better = words.DASH
    if words.is_number(own) and words.is_number(other) and own != other:
        better = "forecast" if (own < other) == (name in _LOWER_IS_BETTER) else rival
    return head, _value(name, own), _value(name, other), better


def _value(name: str, value: object) -> str:
    return words.percent(value) if name in words.PERCENTAGES else words.significant(value)


def counted(facts: Facts) -> str:
    """How many pairs were compared and left out."""
    found = facts.manifest["accuracy"]
    pairs, left_out = words.count(found.get("pairs")), words.count(found.get("left_out"))
    return (
        f"{pairs} pairs of forecast and outcome were compared; {left_out} cells have no bar, no forecast, or an outcome"
        " that is not known yet."
    )


def picture(facts: Facts) -> plots.Picture | None:
    """Squared error saved through time; None where nothing can be compared."""
    forecasts, fair = facts.run.forecasts, constant(facts)
    guess = forecasts["baseline"] if fair is None else fair.value
    theirs, own = (forecasts["realised"] - guess) ** 2, (forecasts["realised"] - forecasts["mean"]) ** 2
    saved = (theirs - own).groupby(forecasts["time"]).sum(min_count=1).dropna()
    total = float(theirs[own.notna()].sum())
    if len(saved) < 2 or total <= 0.0 or not saved.any():  # a line along zero has no scale
        return None
    path = pd.Series(saved.cumsum().to_numpy() / total, index=pd.DatetimeIndex(saved.index))
    return plots.skill_picture(path, "the naive forecast" if fair is None else fair.name)
