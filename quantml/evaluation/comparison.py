"""One forecast against another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from quantml.errors import ParameterError, did_you_mean
from quantml.evaluation.directions import (
    brier,
    directional_accuracy,
    f1,
    information_coefficient,
    log_loss,
    precision,
    probability_error,
    recall,
)
from quantml.evaluation.pairs import Flags, aligned, known_everywhere
from quantml.evaluation.point_forecasts import mae, qlike, rmse, squared_error, variance_loss
from quantml.evaluation.series import Values, ratio

Loss = Callable[[Values, Values], Values]
"""Takes realised values and forecasts and gives the loss of each."""


@dataclass(frozen=True)
class DieboldMariano:
    """The answer of `diebold_mariano`."""

    statistic: float
    """Below 0 where the forecast lost less than its rival."""
    p_value: float
    """Two-sided, against equal expected losses."""
    difference: float
    """Mean loss of the forecast minus the rival's."""
    periods: int
    """Dates with at least one complete pair."""


def diebold_mariano(
    realised: ArrayLike, forecast: ArrayLike, *, rival: ArrayLike, horizon: int = 1, loss: Loss = squared_error
) -> DieboldMariano:
    """Test whether two forecasts have the same expected loss.

    Diebold and Mariano (1995), Journal of Business & Economic Statistics 13(3), with the small-sample correction and
    Student's t of Harvey, Leybourne and Newbold (1997), International Journal of Forecasting 13(2), equation 9. The
    variance of the mean difference uses ``horizon - 1`` autocovariances, equally weighted. In a panel the differences
    are averaged over the symbols of a date before. Cells in which any of the three is NaN are left out, and dates
    without a complete cell.

    Parameters
    ----------
    realised, forecast, rival : array_like, shape (T,) or (T, N)
        In the target's unit.
    horizon : int
        Periods that each forecast looks ahead; forecasts of overlapping periods have dependent errors.
    loss : callable
        Maps realised values and forecasts to losses, e.g. `squared_error`, `absolute_error`, `variance_loss`.

    Returns
    -------
    DieboldMariano
        Statistic and p-value are NaN where the variance is not above zero (equal forecasts; negative
        autocovariances) and where there are no more dates than `horizon`.

    Raises
    ------
    ParameterError
        If `horizon` is below 1.
    """
    if horizon < 1:
        raise ParameterError("horizon", must="be at least 1", got=horizon)
    truth, guess, other = aligned(realised, forecast=forecast, rival=rival)
    differences = _mean_by_date(truth, guess, other, loss)
    periods = differences.size
    difference = float(differences.mean()) if periods else math.nan
    variance = _variance_of_mean(differences, horizon) if periods > horizon else math.nan
    if not variance > 0.0:
        return DieboldMariano(math.nan, math.nan, difference, periods)
    correction = (periods + 1 - 2 * horizon + horizon * (horizon - 1) / periods) / periods
    statistic = difference / math.sqrt(variance) * math.sqrt(correction)
    return DieboldMariano(statistic, 2.0 * float(stdtr(periods - 1, -abs(statistic))), difference, periods)


def _mean_by_date(truth: Values, guess: Values, other: Values, loss: Loss) -> Values:
    known = known_everywhere(truth, guess, other)
    differences = np.zeros(truth.shape)
    differences[known] = loss(truth[known], guess[known]) - loss(truth[known], other[known])
    count = known.sum(axis=1)
    return np.asarray(differences.sum(axis=1)[count > 0] / count[count > 0])


def _variance_of_mean(values: Values, horizon: int) -> float:
    centred = values - values.mean()
    covariances = [float(centred[lag:] @ centred[: values.size - lag]) / values.size for lag in range(horizon)]
    return (covariances[0] + 2.0 * sum(covariances[1:])) / values.size


def _known(values: Values) -> Flags:
    return ~np.isnan(values)


def _positive(values: Values) -> Flags:
    return values > 0.0


def _volatility_loss(realised: Values, forecast: Values) -> Values:
    return variance_loss(realised**2, forecast**2)


@dataclass(frozen=True)
class _Kind:
    """How forecasts of one kind are judged."""

    loss: Loss
    measures: Mapping[str, Callable[[Values, Values], float]]
    defined: Callable[[Values], Flags] = _known


_DECIDED: Final[Mapping[str, Callable[[Values, Values], float]]] = MappingProxyType(
    {
        "precision": lambda y, p: precision(y, p, threshold=0.5),
        "recall": lambda y, p: recall(y, p, threshold=0.5),
        "f1": lambda y, p: f1(y, p, threshold=0.5),
    }
)
"""What a probability says that is read as a yes where it is above one half."""

_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("return", "excess", "scaled", "rank", "class"),
            _Kind(squared_error, {"rmse": rmse, "mae": mae, "directional_accuracy": directional_accuracy}),
        ),
        "direction": _Kind(
            probability_error,
            {
                "brier": brier,
                "log_loss": log_loss,
                "directional_accuracy": lambda y, p: directional_accuracy(2.0 * (y > 0.0) - 1.0, 2.0 * p - 1.0),
                **_DECIDED,
            },
        ),
        "success": _Kind(probability_error, {"brier": brier, "log_loss": log_loss, **_DECIDED}),
        "volatility": _Kind(
            _volatility_loss,
            {"rmse": rmse, "mae": mae, "qlike": lambda y, f: qlike(y**2, f**2)},
            _positive,
        ),
        **dict.fromkeys(("drawdown", "column"), _Kind(squared_error, {"rmse": rmse, "mae": mae})),
    }
)


def forecast_accuracy(
    realised: ArrayLike, forecast: ArrayLike, naive: ArrayLike, *, kind: str = "return", horizon: int = 1
) -> dict[str, float]:
    """Measure a forecast beside the naive one, on the cells in which both and the realised value are known.

    Directions and the success of a rule are judged by the squared errors of their probability, volatilities by `qlike`
    of their squares, and everything else by squared errors. A panel of at least two symbols adds the
    `information_coefficient`.

    Parameters
    ----------
    realised, forecast, naive : array_like, shape (T,) or (T, N)
        In the target's unit; for a direction or a success, `realised` above 0 is the event and the forecasts are
        probabilities.
    kind : str
        ``"return"``, ``"excess"``, ``"scaled"``, ``"rank"``, ``"direction"``, ``"success"`` (of a rule), ``"class"``
        (1 up, -1 down, 0 neither), ``"volatility"``, ``"drawdown"`` or ``"column"`` (of an outside table), as
        `quantml.targets.Target` has them; of volatilities, cells in which one of the three is not above zero are left
        out too.
    horizon : int
        Periods that each forecast looks ahead, for `diebold_mariano`.

    Returns
    -------
    dict of str to float
        ``pairs``, the cells compared, and ``left_out``, all others (no bar, target not known yet, no forecast);
        every measure under its name, and the naive forecast's as ``naive_...``; ``skill``, 1 - mean loss / the naive
        forecast's, which for returns is `r2_out_of_sample`; ``diebold_mariano`` and ``diebold_mariano_p_value`` of the
        same loss. NaN where there is no complete pair, or a measure has no value.

    Raises
    ------
    ParameterError
        If `kind` is not one of these.
    """
    if kind not in _KINDS:
        raise ParameterError("kind", must=f"be one of {', '.join(_KINDS)}", got=kind, hint=did_you_mean(kind, _KINDS))
    how = _KINDS[kind]
    arrays = aligned(realised, forecast=forecast, naive=naive)
    known = np.logical_and.reduce([how.defined(array) for array in arrays])
    truth, guess, plain = (np.where(known, array, np.nan) for array in arrays)
    own, base = (float(how.loss(truth[known], each[known]).sum()) for each in (guess, plain))
    test = diebold_mariano(truth, guess, rival=plain, horizon=horizon, loss=how.loss)
    result: dict[str, float] = {"pairs": int(known.sum()), "left_out": int(known.size - known.sum())}
    result |= _measure(how, truth, guess)
    result |= {f"naive_{name}": value for name, value in _measure(how, truth, plain).items()}
    tested = {"diebold_mariano": test.statistic, "diebold_mariano_p_value": test.p_value}
    return result | {"skill": 1.0 - ratio(own, base)} | tested


def _measure(how: _Kind, truth: Values, guess: Values) -> dict[str, float]:
    measured = {name: measure(truth, guess) for name, measure in how.measures.items()}
    ranked = {"information_coefficient": information_coefficient(truth, guess)} if truth.shape[1] > 1 else {}
    return measured | ranked
