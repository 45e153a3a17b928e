"""The forecast of a combination: its members, weighted by their errors so far, over the out-of-sample record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.errors import ForecastError
from quantml.faults import name_of, users_code
from quantml.forecasters.base import BINARY, Forecast
from quantml.forecasters.combined import Combined
from quantml.forecasters.last_models import single
from quantml.forecasters.mixtures import mix
from quantml.forecasters.weightings import Errors, Weighting
from quantml.timing import UNKNOWN
from quantml.validation.problem import Problem, Values

if TYPE_CHECKING:
    from quantml.validation.scoring import Stretch


def settle(forecast: Forecast, problem: Problem, stretches: Sequence[Stretch]) -> Forecast:
    """Weight the members of a combination at each decision; any other forecast is returned as it is.

    Parameters
    ----------
    forecast : Forecast
        With the members' forecasts at the decisions of all stretches.
    problem : Problem
    stretches : sequence of Stretch
        One after the other in time; the decisions of each are weighted as its own candidate says, by the errors of all
        before it.
    """
    if forecast.members is None:
        return forecast
    errors = _errors(forecast, problem, stretches)
    weights = np.full(forecast.members.shape, np.nan)
    weighed: dict[tuple[Any, ...], NDArray[np.float64]] = {}
    for stretch in stretches:
        key = problem.key(stretch.values, "forecaster")
        if key not in weighed:
            weighed[key] = _weighed(weighting_of(problem, stretch.values), errors, forecast.clock)
        weights[stretch.positions] = weighed[key][stretch.positions]
    mean, variance = mix(forecast.members, forecast.member_variances, np.nan_to_num(weights))
    probability = mean if forecast.kind in BINARY else None
    return replace(forecast, mean=mean, probability=probability, variance=variance, member_weights=weights)


def weighting_of(problem: Problem, values: Values) -> Weighting:
    """Return how a candidate weights the members of its combination.

    Raises
    ------
    ForecastError
        If its forecaster has members, and is no `Combined`.
    """
    model = single(problem.resolved(values).forecaster)
    if not isinstance(model, Combined):
        raise ForecastError("a forecast with members", must="come from Combined", got=name_of(model))
    return model.weighting


def _errors(forecast: Forecast, problem: Problem, stretches: Sequence[Stretch]) -> Errors:
    """Measure the members where all of them forecast and the target comes to be known on the forecast's clock."""
    assert forecast.members is not None
    values = np.full(forecast.members.shape, np.nan)
    known = np.full(values.shape[:2], UNKNOWN, dtype=np.int64)
    for stretch in stretches:
        rows, target = stretch.positions, problem.target(stretch.values)
        values[rows] = target.values[rows][..., None] - forecast.members[rows]
        known[rows] = target.label_end[rows]
    values[np.isnan(values).any(axis=-1)] = np.nan
    values[known >= len(known)] = np.nan
    return Errors(values, known)


def _weighed(weighting: Weighting, errors: Errors, clock: pd.DatetimeIndex) -> NDArray[np.float64]:
    name = f"{name_of(weighting)}.weigh"
    with users_code(weighting, name, ForecastError):
        found = np.asarray(weighting.weigh(errors), dtype=np.float64)
    try:
        weights = np.broadcast_to(found, errors.values.shape)
    except ValueError:
        must = f"return weights of the shape {errors.values.shape}, or one that broadcasts to it"
        raise ForecastError(name, must=must, got=found.shape) from None
    sums = weights.sum(axis=-1)
    wrong = np.argwhere(~(np.abs(sums - 1.0) <= 1e-9))  # NaN too
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        raise ForecastError(name, must="return weights with a sum of 1 over the members",
                            got=f"{weights[row, column].tolist()}, a sum of {sums[row, column]:g}",
                            where=f"{clock[row]:%Y-%m-%d}, symbol {column}")  # fmt: skip
    return weights
