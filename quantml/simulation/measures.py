"""What is known at a decision about how much a symbol moves and trades: volatility and volume of its latest bars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.bars import Bars
from quantml.errors import SimulationError
from quantml.panel import volume_adjustment
from quantml.simulation.costs import Costs
from quantml.simulation.layout import NOTHING
from quantml.simulation.reading import Decisions, text

Floats = NDArray[np.float64]


class Measures(NamedTuple):
    """Time x symbol, each from the row `first` of the bars on; of shape (0, 0) where no cost needs them.

    Attributes
    ----------
    volatility : ndarray
        Standard deviation per bar of the symbol's latest returns; NaN before there are enough.
    usual : ndarray
        Average volume of its latest bars, in shares of the first bar; where none of them traded, the latest average
        that was above 0.
    shares : ndarray
        How many shares one of the first bar has become by splits.
    """

    volatility: Floats
    usual: Floats
    shares: Floats


def measure(costs: Costs, bars: Bars, decisions: Decisions) -> Measures:
    """Measure what `costs` needs at every close, and check that it is known where something is decided.

    Raises
    ------
    SimulationError
        If there is no volume, or a symbol has too few bars at a decision that wants something of it.
    """
    if not costs.are_measured:
        return Measures(NOTHING, NOTHING, NOTHING)
    shares = 1.0 / volume_adjustment(bars.raw_array("close"), bars.split)
    window, first = int(costs.window), decisions.first
    volatility = _rolled(bars, bars.returns().to_numpy(), window, "std")[first:]
    _check_bars(volatility, bars, decisions, window)
    usual = np.ones_like(volatility)
    if costs.impact or costs.impact_permanent:
        volume_of(bars)  # raises where it is not known
        average = _rolled(bars, bars.array("volume"), window, "mean")
        traded = np.where(average > 0.0, average, np.nan)
        _check_volume(traded[first:], bars, decisions, window)
        usual = pd.DataFrame(traded).ffill().to_numpy()[first:]
    return Measures(read_only(volatility), read_only(usual), read_only(np.asarray(shares[first:], dtype=np.float64)))


def volume_of(bars: Bars) -> Floats:
    """Return raw volume; raise `SimulationError` where the bars have none."""
    if not bars.has("volume"):
        hint = "Leave impact and participation out, or load bars with volume."
        raise SimulationError("bars", must="have volume for impact and participation", hint=hint)
    return bars.raw_array("volume")


def _rolled(bars: Bars, values: Floats, window: int, statistic: str) -> Floats:
    """Roll over each symbol's own bars; between them the latest is what is known."""
    known = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        own = bars.traded[:, column]
        rolling = pd.Series(values[own, column]).rolling(window)
        known[own, column] = getattr(rolling, statistic)().to_numpy()
    return np.asarray(pd.DataFrame(known).ffill().to_numpy(), dtype=np.float64)


def _check_bars(volatility: Floats, bars: Bars, decisions: Decisions, window: int) -> None:
    """Raise where a decision wants something of a symbol that has too few bars."""
    found = _first_unknown(volatility, decisions)
    if found is None:
        return
    row, column = found
    rule = f"have {window + 1} bars at a decision to tell its volatility"
    have = int(bars.traded[: decisions.first + row + 1, column].sum())
    hint = "Decide later, give the simulation bars from before the first decision, or shorten Costs.window."
    place = _place(bars, decisions, row, column)
    raise SimulationError("a symbol that is traded", must=rule, got=f"{have} bars", where=place, hint=hint)


def _check_volume(usual: Floats, bars: Bars, decisions: Decisions, window: int) -> None:
    """Raise where a decision wants something of a symbol that has not traded for long."""
    found = _first_unknown(usual, decisions)
    if found is None:
        return
    subject, rule = "the average volume of a symbol that is traded", f"be above 0 over its latest {window} bars"
    hint = "Want nothing of it there, or lengthen Costs.window."
    raise SimulationError(subject, must=rule, got=0.0, where=_place(bars, decisions, *found), hint=hint)


def _first_unknown(measured: Floats, decisions: Decisions) -> tuple[int, int] | None:
    unknown = np.isnan(measured) & (np.nan_to_num(decisions.values) != 0.0) & decisions.decides[:, None]
    if not unknown.any():
        return None
    row, column = np.argwhere(unknown)[0]
    return int(row), int(column)


def _place(bars: Bars, decisions: Decisions, row: int, column: int) -> str:
    return f"{bars.symbols[column]}, {text(bars.clock[decisions.first + row])}"
