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
_KINDS: Final = {"ForwardReturn": "return", "Direction": "direction", "RealisedVolatility": "volatility"}
_LOWER_IS_BETTER: Final = frozenset({"rmse", "mae", "brier", "log_loss", "qlike"})


def kind(facts: Facts) -> str:
    """What is forecast: ``"return"``, ``"direction"``, ``"volatility"``, or ``"value"`` for a target of one's own."""
    target = facts.study.get("target") or {}
    return _KINDS.get(str(target.get("type", "")).rpartition(".")[2], "value")


def finding(facts: Facts) -> str:
    """In one or two sentences: was the forecast closer than the naive one, and could that be luck."""
    found = facts.manifest["accuracy"]
    skill, p_value = found.get("skill"), found.get("diebold_mariano_p_value")
    if not found.get("pairs") or not words.is_number(skill):
        return "No forecast could be compared with what happened."
    loss = _LOSS.get(kind(facts), "squared error")
    side = "smaller" if skill >= 0.0 else "larger"
    sentence = (
        f"Over {found['pairs']:,} forecasts, the {loss} was {words.percent(abs(skill))} {side} than the naive"
        " forecast's."
    )
    if not words.is_number(p_value):
        return sentence
    chance = "less than 0.1" if p_value < 0.001 else words.number(100.0 * p_value, 1)
    return (
        f"{sentence} Were both equally good, a difference as large as this would come up in {chance} of 100 records"
        " (Diebold-Mariano test)."
    )


def rival(facts: Facts) -> str:
    """What the naive forecast is, and how hard it is to beat."""
    baseline = facts.study.get("baseline")
    if baseline is not None:
        return f"The naive forecast is here {outline(baseline)}, as the study declares."
    sentence = "The naive forecast says that the newest value already known will come again."
    if kind(facts) != "return":
        return sentence
    return (
        f"{sentence} Returns hardly repeat themselves, so that it makes about twice the squared error of always"
        f" saying zero, and is easy to beat: {_against_zero(facts)}"
    )


def _against_zero(facts: Facts) -> str:
    forecasts = facts.run.forecasts
    gain = r2_out_of_sample(forecasts["realised"], forecasts["mean"], naive=np.zeros(len(forecasts)))
    side = "smaller" if gain >= 0.0 else "larger"
    return f"compared with always saying zero, the forecast's squared error was {words.percent(abs(gain), 2)} {side}."


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
    return Table.of(
        "Accuracy of the forecasts", ("Out of sample", "Forecast", "Naive forecast", "Closer"), rows, "lrrl"
    )


def _value(name: str, value: object) -> str:
    return words.percent(value) if name in words.PERCENTAGES else words.significant(value)


def counted(facts: Facts) -> str:
    """How many pairs were compared and left out."""
    found = facts.manifest["accuracy"]
    return (
        f"{words.count(found.get('pairs'))} pairs of forecast and outcome were compared; {words.count(found.get('left_out'))}"
        " cells have no bar, no forecast, or an outcome that is not known yet."
    )


def picture(facts: Facts) -> plots.Picture | None:
    """Squared error saved through time; None where nothing can be compared."""
    forecasts = facts.run.forecasts
    against = "baseline" if kind(facts) != "return" or facts.study.get("baseline") is not None else None
    guess = 0.0 if against is None else forecasts[against]
    rival_loss, own_loss = (forecasts["realised"] - guess) ** 2, (forecasts["realised"] - forecasts["mean"]) ** 2
    saved = (rival_loss - own_loss).groupby(forecasts["time"]).sum(min_count=1).dropna()
    total = float(rival_loss[own_loss.notna()].sum())
    if len(saved) < 2 or total <= 0.0:
        return None
    name = "always saying zero" if against is None else "the naive forecast"
    gained = pd.Series(saved.cumsum().to_numpy() / total, index=pd.DatetimeIndex(saved.index))
    return plots.skill_picture(gained, name)
