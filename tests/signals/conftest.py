"""Small panels, forecasts and contexts for the tests of signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.forecasters.base import Forecast
from quantml.signals.base import Context


@pytest.fixture
def panel() -> Callable[..., Bars]:
    """Make bars from columns of closes, on weekdays from Monday, 2024-01-01."""

    def make(periods_per_year: float = 252, **columns: list[float]) -> Bars:
        clock = pd.bdate_range("2024-01-01", periods=len(next(iter(columns.values()))))
        return Bars.from_close(pd.DataFrame(columns, clock, dtype=float), periods_per_year=periods_per_year)

    return make


@pytest.fixture
def forecast() -> Callable[..., Forecast]:
    """Make a forecast on the clock of bars from rows of values."""
    return make_forecast


def make_forecast(bars: Bars, rows: Any, kind: str = "return") -> Forecast:
    values: NDArray[np.float64] = np.array(rows, dtype=np.float64)
    laid: dict[str, Any] = {"mean": values, "probability": values if kind == "direction" else None}
    fold = np.zeros(len(bars), dtype=np.int64)
    return Forecast(clock=bars.clock, symbols=bars.symbols, variance=None, quantiles=None, kind=kind, fold=fold, **laid)


@pytest.fixture
def world() -> Callable[..., Context]:
    """Make random bars with pauses, late starts and an end, and a random forecast with gaps and ties.

    Everything after the row `change_after` is drawn anew; a world without `forecasts` is one of a rule study.
    """

    def make(seed: int, *, change_after: int | None = None, forecasts: bool = True) -> Context:
        closes, means = _draw(np.random.default_rng(seed))
        if change_after is not None:
            other = _draw(np.random.default_rng(seed + 10**6))
            closes[change_after + 1 :] = other[0][change_after + 1 :]
            means[change_after + 1 :] = other[1][change_after + 1 :]
        clock = pd.bdate_range("2024-01-01", periods=len(closes))
        bars = Bars.from_close(pd.DataFrame(closes, clock, list("ABCD")), periods_per_year=252)
        return Context(bars, forecast=make_forecast(bars, means) if forecasts else None)

    return make


def _draw(generator: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = 40, 4
    closes = 100 * np.exp(np.cumsum(0.02 * generator.standard_normal((rows, columns)), axis=0))
    absent = generator.random((rows, columns)) < 0.2
    absent[: generator.integers(15), 1:3] = True
    absent[:, 0] = absent[-1] = False
    absent[generator.integers(20, 60) :, 3] = True  # D ends in half of all worlds
    closes[absent] = np.nan
    means = np.round(generator.standard_normal((rows, columns)), 1) / 100  # rounded, so that there are ties
    means[absent | (generator.random((rows, columns)) < 0.1)] = np.nan
    return closes, means
