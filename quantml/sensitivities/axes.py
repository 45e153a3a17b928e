"""The conditions that are tried: one surface of cells for each pair of things that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import ParameterError, check, is_finite, is_whole

DECADES: Final = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Capital that is tried, in powers of ten of what was declared."""
SHARES: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
"""Bands that are tried, as shares of a usual weight."""
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Quantiles of the forecasts' sizes that are tried as thresholds."""


@dataclass(frozen=True)
class Axes:
    """Values to try; what is declared is tried beside them in any case.

    Parameters
    ----------
    costs : sequence of float
        Multiples of all declared costs, at least 0.
    delay : sequence of int
        Bars that every decision comes later.
    participation : sequence of float
        Largest share of a bar's volume, above 0 and at most 1.
    capital : sequence of float, optional
        Cash at the beginning; from a tenth to a thousand times the declared one unless given.
    borrow_bps : sequence of float
        Per year.
    band : sequence of float, optional
        Up to three quarters of the usual weight unless given.
    threshold : sequence of float, optional
        Quantiles of the size of forecasts unless given.
    impact : float
        Coefficient of the square-root law that is assumed for `capital` and `participation` where the study declares
        none. It is near 1 empirically: see `quantml.Costs`.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    costs: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0)
    delay: Sequence[int] = (0, 1, 2, 3, 4, 5)
    participation: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.25)
    capital: Sequence[float] | None = None
    borrow_bps: Sequence[float] = (0.0, 25.0, 50.0, 100.0, 200.0, 300.0, 500.0, 1000.0)
    band: Sequence[float] | None = None
    threshold: Sequence[float] | None = None
    impact: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "impact" and value is not None:
                object.__setattr__(self, field.name, _values(field.name, value))
        check(is_finite(self.impact) and self.impact >= 0.0, "Axes.impact", _AT_LEAST_ZERO, self.impact)

    def along(self, axis: str, declared: Any, usual: Sequence[float] = ()) -> tuple[Any, ...]:
        """List the values of an axis in rising order, the declared one among them; no limit comes last.

        Parameters
        ----------
        axis : str
        declared : float, int or None
        usual : sequence of float
            What is tried where nothing was given.
        """
        given = getattr(self, axis)
        values = {*(usual if given is None else given), declared}
        return tuple(sorted(values, key=lambda value: np.inf if value is None else value))


_AT_LEAST_ZERO: Final = "be a finite number of at least 0"


def _values(name: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, (Sequence, np.ndarray)) or isinstance(given, str):
        raise ParameterError(f"Axes.{name}", must="be a sequence of numbers", got=given)
    for value in given:
        if name == "delay":
            check(is_whole(value, least=0), "Axes.delay", "hold whole numbers of at least 0", value)
            continue
        held = is_finite(value) and value >= 0.0
        if name == "participation":
            check(held and 0.0 < value <= 1.0, "Axes.participation", "hold shares above 0 and at most 1", value)
        elif name == "capital":
            check(held and value > 0.0, "Axes.capital", "hold positive finite numbers", value)
        else:
            check(held, f"Axes.{name}", "hold finite numbers of at least 0", value)
    return tuple(int(value) if name == "delay" else float(value) for value in given)


def usual_capital(declared: float) -> list[float]:
    """Return the capital that is tried where none was given.

    >>> usual_capital(1e6)[:3]
    [100000.0, 320000.0, 1000000.0]
    """
    return [declared if power == 0.0 else _rounded(declared * 10.0**power) for power in DECADES]


def usual_bands(weights: pd.DataFrame) -> list[float]:
    """Return the bands that are tried where none was given: shares of the median weight that is held."""
    size = np.abs(weights.to_numpy())
    held = size[size > 0.0]
    return [0.0, *(_rounded(share * float(np.median(held))) for share in SHARES)] if held.size else [0.0]


def usual_thresholds(sizes: np.ndarray[Any, Any], chosen: Sequence[float]) -> list[float]:
    """Return the thresholds that are tried where none was given, beside those that the folds chose."""
    quantiles = np.quantile(sizes, QUANTILES) if sizes.size else []
    return sorted({0.0, *(_rounded(float(value)) for value in quantiles), *chosen})


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
