"""Objectives: what tuning looks for the best of, a metric of net returns or a score of forecasts.

Names are those of `quantml.metrics` and `quantml.accuracy`, which have none in common; a function of either module
stands for its name. Whatever the measure, a score is turned so that higher is better.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from quantml.errors import ParameterError, StudyError, did_you_mean
from quantml.evaluation import accuracy, metrics

RISKS: Final = frozenset({"annual_volatility", "downside_deviation", "ulcer_index", "pain_index", "longest_drawdown"})
"""Metrics of returns of which less is better."""
BINARY: Final = ("direction", "success")
SIGNED: Final = ("return", "excess", "scaled", "rank", "class")
"""Kinds of target whose forecast says by its sign which way."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """A metric of net returns, turned so that higher is better."""

    name: str
    metric: Callable[..., float]
    sign: float

    @classmethod
    def of(cls, objective: str | Callable[[pd.Series], float]) -> Objective:
        """Look up a metric by name, or take a function as it is.

        Raises
        ------
        ParameterError
            If no metric has that name, or it takes more than returns and periods per year.
        """
        found = find_objective(objective)
        if isinstance(found, ForecastScore):
            raise ParameterError("the objective", must="be a metric of returns", got=found.name)
        return found

    def score(self, returns: pd.Series, periods_per_year: float, risk_free: ArrayLike = 0.0) -> float:
        """Return the metric of `returns`, higher being better; NaN where it is not defined.

        What cash earned per period, `risk_free`, is taken off by metrics that have such a parameter.
        """
        known = {"periods_per_year": periods_per_year, "risk_free": risk_free}
        taken = inspect.signature(self.metric).parameters
        arguments = {name: value for name, value in known.items() if name in taken}
        return self.sign * float(self.metric(returns, **arguments))


@dataclass(frozen=True, eq=False)
class Judged:
    """Forecasts and what came of them: arrays of one shape, rows x symbols, with NaN where something is not known.

    Attributes
    ----------
    kind : str
        Of the target, as `quantml.forecasters.Question` says.
    realised, mean : ndarray of float64
    probability, variance : ndarray of float64 or None
        Where the forecaster has them.
    naive : ndarray of float64 or None
        The baseline's forecasts, where the score asks for them.
    history : ndarray of float64 or None
        Earlier values of the target, shape (H, symbols), where the score asks for them.
    """

    kind: str
    realised: Values
    mean: Values
    probability: Values | None = None
    variance: Values | None = None
    naive: Values | None = None
    history: Values | None = None

    def rows(self, cut: slice) -> Judged:
        """Return some of the rows, with the whole history."""
        held = {name: getattr(self, name) for name in ("realised", "mean", "probability", "variance", "naive")}
        parts: dict[str, Any] = {name: None if part is None else part[cut] for name, part in held.items()}
        return replace(self, **parts)


@dataclass(frozen=True)
class ForecastScore:
    """A measure of forecasts, turned so that higher is better.

    Attributes
    ----------
    name : str
    measure : callable
        Takes what is `Judged`.
    sign : float
        -1.0 for losses.
    in_units : bool
        Whether it is in the target's unit, so that forecasts of two targets cannot be compared by it.
    needs_naive, needs_history : bool
        What is asked for beside the forecasts.
    """

    name: str
    measure: Callable[[Judged], float]
    sign: float = 1.0
    in_units: bool = False
    needs_naive: bool = False
    needs_history: bool = False

    def score(self, judged: Judged) -> float:
        """Return the measure, higher being better; NaN where it is not defined.

        Raises
        ------
        StudyError
            If it needs what the forecasts do not have.
        """
        if self.needs_naive and judged.naive is None:
            return np.nan
        return self.sign * float(self.measure(judged))


def find_objective(objective: str | Callable[[pd.Series], float]) -> Objective | ForecastScore:
    """Look up a metric of returns or a score of forecasts by its name, or take a user's function of returns as it is.

    Raises
    ------
    ParameterError
        If there is none of that name, two, or one that is no single number of returns or of forecasts.
    """
    objective = named(objective)
    if callable(objective):
        return Objective(getattr(objective, "__name__", "objective"), objective, 1.0)
    known = metrics_of_returns()
    if objective in known and objective in FORECAST_SCORES:
        hint = "Give the function itself, within one of returns."
        raise ParameterError("Tuning.objective", must="be of metrics or of accuracy", got=objective, hint=hint)
    if objective in FORECAST_SCORES:
        return FORECAST_SCORES[objective]
    if objective not in known:
        raise ParameterError("Tuning.objective", must=_MUST, got=objective, hint=_hint(str(objective), known))
    return Objective(objective, known[objective], -1.0 if objective in RISKS else 1.0)


_MUST: Final = "name a metric of returns or a score of forecasts"


@cache
def metrics_of_returns() -> dict[str, Callable[..., float]]:
    """Every function of `quantml.metrics` that gives one number of returns alone."""
    return {name: part for name, part in vars(metrics).items() if _scores_returns(part)}


def named(objective: str | Callable[[pd.Series], float]) -> str | Callable[[pd.Series], float]:
    """Return the name of a function that `metrics` or `accuracy` has, and anything else as it is."""
    name = str(getattr(objective, "__name__", ""))
    return name if any(vars(module).get(name, name) is objective for module in (metrics, accuracy)) else objective


def _hint(objective: str, known: Mapping[str, Any]) -> str:
    if objective in UNFIT:
        return f"{UNFIT[objective]} Scores of forecasts: {', '.join(FORECAST_SCORES)}."
    return did_you_mean(objective, [*known, *FORECAST_SCORES])


def _scores_returns(part: Any) -> bool:
    """Say whether `part` is a function of returns alone (and periods per year) that gives one number."""
    if not inspect.isfunction(part) or part.__name__.startswith("_"):
        return False
    parameters = inspect.signature(part).parameters
    needed = [name for name, p in parameters.items() if p.default is p.empty and name != "periods_per_year"]
    return needed == ["returns"] and inspect.signature(part).return_annotation in (float, "float")


# ------------------------------------------------------------------------------------------------ scores of forecasts


def _needs(name: str, what: str, kind: str, hint: str) -> StudyError:
    return StudyError(f"the objective {name}", must=f"be given {what}", got=f"forecasts of a {kind}", hint=hint)


def _probability(name: str, judged: Judged) -> Values:
    if judged.probability is None or judged.kind not in BINARY:
        raise _needs(name, "probabilities", judged.kind, "Use a target such as Direction(), or a score such as 'rmse'.")
    return judged.probability


def _directional_accuracy(judged: Judged) -> float:
    if judged.kind == "direction":
        chance = _probability("directional_accuracy", judged)
        known = np.where(np.isnan(judged.realised), np.nan, 2.0 * (judged.realised > 0.0) - 1.0)
        return accuracy.directional_accuracy(known, 2.0 * chance - 1.0)
    if judged.kind not in SIGNED:
        raise _needs("directional_accuracy", "forecasts of a direction or a return", judged.kind, "Use 'rmse'.")
    return accuracy.directional_accuracy(judged.realised, judged.mean)


def _decided(name: str, measure: Callable[..., float]) -> Callable[[Judged], float]:
    """Measure what forecasts say: yes above 0.5 for a probability, above 0 for a return."""

    def measured(judged: Judged) -> float:
        if judged.kind in BINARY:
            return measure(judged.realised, _probability(name, judged), threshold=0.5)
        if judged.kind not in SIGNED:
            raise _needs(name, "forecasts of an event or a return", judged.kind, "Use a score such as 'rmse'.")
        return measure(judged.realised, judged.mean, threshold=0.0)

    return measured


def _qlike(judged: Judged) -> float:
    """Compare variances; cells in which nothing varied are left out, and a forecast of none leaves no score."""
    if judged.kind == "volatility":
        came, said = judged.realised**2, np.maximum(judged.mean, 0.0) ** 2
    elif judged.variance is None:
        hint = "Use a volatility target, a forecaster with variances, or a score such as 'rmse'."
        raise _needs("qlike", "volatilities or variances", judged.kind, hint)
    else:
        came, said = (judged.realised - judged.mean) ** 2, judged.variance
    came = np.where(came > 0.0, came, np.nan)
    if (said[~np.isnan(came)] <= 0.0).any():
        return np.nan
    return accuracy.qlike(came, np.where(np.isnan(came), np.nan, said))


def _mase(judged: Judged) -> float:
    assert judged.history is not None
    return accuracy.mase(judged.realised, judged.mean, history=judged.history)


def _r2_out_of_sample(judged: Judged) -> float:
    assert judged.naive is not None
    return accuracy.r2_out_of_sample(judged.realised, judged.mean, naive=judged.naive)


def _information_coefficient(judged: Judged) -> float:
    if judged.realised.shape[1] < 2:
        raise StudyError("the objective information_coefficient", must="be given at least 2 symbols to rank", got=1)
    return accuracy.information_coefficient(judged.realised, judged.mean)


FORECAST_SCORES: Final[Mapping[str, ForecastScore]] = MappingProxyType(
    {
        one.name: one
        for one in (
            ForecastScore("rmse", lambda j: accuracy.rmse(j.realised, j.mean), -1.0, in_units=True),
            ForecastScore("mae", lambda j: accuracy.mae(j.realised, j.mean), -1.0, in_units=True),
            ForecastScore("mase", _mase, -1.0, needs_history=True),
            ForecastScore("smape", lambda j: accuracy.smape(j.realised, j.mean), -1.0),
            ForecastScore("r2_out_of_sample", _r2_out_of_sample, needs_naive=True),
            ForecastScore("qlike", _qlike, -1.0),
            ForecastScore("directional_accuracy", _directional_accuracy),
            ForecastScore("information_coefficient", _information_coefficient),
            ForecastScore("brier", lambda j: accuracy.brier(j.realised, _probability("brier", j)), -1.0),
            ForecastScore("log_loss", lambda j: accuracy.log_loss(j.realised, _probability("log_loss", j)), -1.0),
            ForecastScore("precision", _decided("precision", accuracy.precision)),
            ForecastScore("recall", _decided("recall", accuracy.recall)),
            ForecastScore("f1", _decided("f1", accuracy.f1)),
        )
    }
)
"""Every score of forecasts that tuning may look for the best of."""

UNFIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("pinball_loss", "coverage"), "It needs quantiles, which folds do not forecast."),
        **dict.fromkeys(("diebold_mariano", "forecast_accuracy"), "It gives no single number."),
        **dict.fromkeys(
            ("absolute_error", "squared_error", "probability_error", "variance_loss", "information_coefficients"),
            "It gives many numbers.",
        ),
    }
)
"""What `accuracy` has besides, and why it is no objective."""

LOWER_IS_BETTER: Final = RISKS | {name for name, part in FORECAST_SCORES.items() if part.sign < 0.0}
"""Names of the measures of which less is better; scores have the other sign."""
