"""How close the forecasts came, beside the naive forecast."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from quantml.evaluation.accuracy import r2_out_of_sample
from quantml.reports import plots, words
from quantml.reports.facts import Facts
from quantml.reports.outline import outline
from quantml.reports.tables import Table

_LOSS: Final = {
    "return": "squared error",
    "direction": "squared error of the probability",
    "volatility": "QLIKE loss of the variance",
}
_KINDS: Final = {
    "ForwardReturn": "return",
    "Direction": "direction",
    "MetaLabel": "direction",
    "RealisedVolatility": "volatility",
}
_LOWER_IS_BETTER: Final = frozenset({"rmse", "mae", "brier", "log_loss", "qlike"})


def kind(facts: Facts) -> str:
    """What is forecast: ``"return"``, ``"direction"``, ``"volatility"``, or ``"value"`` for any other target."""
    target = facts.study.get("target") or {}
    if target.get("band"):
        return "value"  # three classes, of which the expected one is forecast
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
    if against_zero(facts):
        forecasts = facts.run.forecasts
        gain = r2_out_of_sample(forecasts["realised"], forecasts["mean"], naive=np.zeros(len(forecasts)))
        sentences.append(f"Compared with always saying zero, it was {_less(gain, 2)}.")
    return " ".join(sentences)


def _less(skill: float, digits: int = 1) -> str:
    return f"{words.percent(abs(skill), digits)} {'smaller' if skill >= 0.0 else 'larger'}"


def against_zero(facts: Facts) -> bool:
    """Whether the naive forecast is easily beaten, so that zero is the fairer rival."""
    return kind(facts) == "return" and facts.study.get("baseline") is None


def rival(facts: Facts) -> str:
    """What the naive forecast is, and how hard it is to beat."""
    baseline = facts.study.get("baseline")
    if baseline is not None:
        return f"The naive forecast is here {outline(baseline)}, as the study declares."
    sentence = "The naive forecast says that the newest value already known will come again."
    if not against_zero(facts):
        return sentence
    return (
        f"{sentence} Returns hardly repeat themselves, so it makes about twice the squared error of always saying zero"
        " and is easy to beat; zero is the rival that counts."
    )


def table(facts: Facts) -> Table:
    """Every measure of the forecast beside the naive forecast's."""
    found = facts.manifest["accuracy"]
    rows = []
    for name in [key for key in found if f"naive_{key}" in found]:
        own, naive = found[name], found[f"naive_{name}"]
        better = words.DASH
        if words.is_number(own) and words.is_number(naive) and own != naive:
            better = "forecast" if (own < naive) == (name in _LOWER_IS_BETTER) else "naive"
        rows.append((words.title(name), _value(name, own), _value(name, naive), better))
    return Table.of("Accuracy of the forecasts", ("Out of sample", "Forecast", "Naive", "Better"), rows, "lrrl")


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
    forecasts, zero = facts.run.forecasts, against_zero(facts)
    guess = 0.0 if zero else forecasts["baseline"]
    theirs, own = (forecasts["realised"] - guess) ** 2, (forecasts["realised"] - forecasts["mean"]) ** 2
    saved = (theirs - own).groupby(forecasts["time"]).sum(min_count=1).dropna()
    total = float(theirs[own.notna()].sum())
    if len(saved) < 2 or total <= 0.0:
        return None
    path = pd.Series(saved.cumsum().to_numpy() / total, index=pd.DatetimeIndex(saved.index))
    return plots.skill_picture(path, "always saying zero" if zero else "the naive forecast")
