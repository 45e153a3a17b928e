"""Tuning: the search of a fold's parameters on inner purged folds, scored on simulated trades net of costs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from quantml.errors import ParameterError, check_whole, did_you_mean
from quantml.space import LISTED, RealSpace, Space, combinations, grid, sample

SAMPLERS: Final = ("grid", "random")
LOWER_IS_BETTER: Final = frozenset(
    {"annual_volatility", "downside_deviation", "ulcer_index", "pain_index", "longest_drawdown"}
)


@dataclass(frozen=True)
class Tuning:
    """How a study's search spaces are searched inside each fold.

    Every candidate is a whole configuration: parameters of features, target, forecaster and signal together. It is
    fitted on inner folds of the training window, purged like the outer ones, and scored by simulating its trades on
    the validation blocks, net of costs. A rule without a forecaster, and without steps to fit, is scored on
    the whole training window.

    Parameters
    ----------
    objective : str or callable
        A metric's name in `quantml.metrics`, or a function of a series of net simple returns. Higher is better,
        except for metrics of risk.
    trials : int, optional
        How many candidates the random sampler draws; where there are no more combinations than that, each is tried
        once.
    folds : int
        Number of inner folds: the first half of the window only trains, the second is cut into so many blocks.
    sampler : {"grid", "random"}
        Every combination, or `trials` different ones drawn by the study's seed.
    average : int
        How many of a fold's best candidates are fitted and averaged, those with a score at most: their forecasts, and
        the weights that each decides by its own forecasts and rules. 1 takes the best alone.
    """

    objective: str | Callable[[pd.Series], float] = "sharpe_ratio"
    trials: int | None = None
    folds: int = 3
    sampler: Literal["grid", "random"] = "grid"
    average: int = 1

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            hint = did_you_mean(str(self.sampler), SAMPLERS)
            raise ParameterError("Tuning.sampler", must="be 'grid' or 'random'", got=self.sampler, hint=hint)
        object.__setattr__(self, "folds", check_whole("Tuning.folds", self.folds, least=1))
        object.__setattr__(self, "average", check_whole("Tuning.average", self.average, least=1))
        if (self.sampler == "random") != (self.trials is not None):
            raise ParameterError("Tuning.trials", must="be given exactly with sampler='random'", got=self.trials)
        if self.trials is not None:
            object.__setattr__(self, "trials", check_whole("Tuning.trials", self.trials, least=1))
        Objective.of(self.objective)

    def check_spaces(self, spaces: Mapping[str, Space]) -> None:
        """Raise `ParameterError` where a grid search is asked for that cannot be listed.

        Parameters
        ----------
        spaces : mapping of str to Space
            By dotted path.
        """
        most = min(combinations(spaces), math.inf if self.trials is None else self.trials)
        if self.average > most:
            raise ParameterError("Tuning.average", must=f"be at most the {most} candidates", got=self.average)
        if self.sampler != "grid":
            return
        for path, space in spaces.items():
            if isinstance(space, RealSpace):
                raise ParameterError(path, must="be a Choice or an Integer in a grid search", got=space, hint=_DRAW)
        if (total := combinations(spaces)) > LISTED:
            got = total if total < 10**12 else "more than 10**12"
            rule = f"have at most {LISTED:,} combinations"
            raise ParameterError("a grid search", must=rule, got=got, where=", ".join(spaces), hint=_DRAW)

    def candidates(self, spaces: Mapping[str, Space], seed: np.random.SeedSequence) -> list[dict[str, Any]]:
        """List the candidates of one fold: values by dotted path.

        Parameters
        ----------
        spaces : mapping of str to Space
            By dotted path.
        seed : numpy.random.SeedSequence
            What the random sampler draws by.
        """
        self.check_spaces(spaces)
        if self.sampler == "grid":
            return grid(spaces)
        return sample(spaces, self.trials or 0, np.random.default_rng(seed))


_DRAW: Final = "Write Tuning(..., sampler='random', trials=50)."


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
        from quantml.evaluation import metrics

        if callable(objective):
            return cls(getattr(objective, "__name__", "objective"), objective, 1.0)
        known = {name: part for name, part in vars(metrics).items() if _scores_returns(part)}
        if objective not in known:
            hint = did_you_mean(str(objective), known)
            raise ParameterError("Tuning.objective", must="name a metric of returns", got=objective, hint=hint)
        return cls(objective, known[objective], -1.0 if objective in LOWER_IS_BETTER else 1.0)

    def score(self, returns: pd.Series, periods_per_year: float, risk_free: ArrayLike = 0.0) -> float:
        """Return the metric of `returns`, higher being better; NaN where it is not defined.

        What cash earned per period, `risk_free`, is taken off by metrics that have such a parameter.
        """
        known = {"periods_per_year": periods_per_year, "risk_free": risk_free}
        taken = inspect.signature(self.metric).parameters
        arguments = {name: value for name, value in known.items() if name in taken}
        return self.sign * float(self.metric(returns, **arguments))


def _scores_returns(part: Any) -> bool:
    """Say whether `part` is a function of returns alone (and periods per year) that gives one number."""
    if not inspect.isfunction(part) or part.__name__.startswith("_"):
        return False
    parameters = inspect.signature(part).parameters
    needed = [name for name, p in parameters.items() if p.default is p.empty and name != "periods_per_year"]
    return needed == ["returns"] and inspect.signature(part).return_annotation in (float, "float")
