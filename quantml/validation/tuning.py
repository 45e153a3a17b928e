"""Tuning: the search of a fold's parameters on inner purged folds, scored on simulated trades net of costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from quantml.errors import ParameterError, StudyError, check, check_whole, did_you_mean
from quantml.faults import name_of, users_code
from quantml.space import LISTED, RealSpace, Space, combinations, grid, sample
from quantml.validation.candidates import Candidate
from quantml.validation.choosing import Best, ChoiceRule, OneStandardError, Plateau
from quantml.validation.objectives import LOWER_IS_BETTER as LOWER_IS_BETTER
from quantml.validation.objectives import ForecastScore, find_objective, named
from quantml.validation.objectives import Objective as Objective

SAMPLERS: Final = ("grid", "random", "tpe")


@dataclass(frozen=True)
class Tuning:
    """How a study's search spaces are searched inside each fold.

    Every candidate is a whole configuration: parameters of features, target, forecaster and signal together. It is
    fitted on inner folds of the training window, purged like the outer ones, and scored on the validation blocks: by
    simulating its trades, net of costs, or by its forecasts. A rule without a forecaster, and without steps to fit, is
    scored on the whole training window; where costs are in proportion to notional, by the account that it has kept
    since the first bar, which is simulated once for all folds.

    Parameters
    ----------
    objective : str or callable
        The name of a metric in `quantml.metrics` or of a score of forecasts in `quantml.accuracy` (no name is in both),
        or a function of a series of net simple returns. Higher is better, except for metrics of risk and losses of
        forecasts. With a score of forecasts the signal holds no search space, and a study needs none.
    trials : int, optional
        How many candidates the samplers that draw score; where there are no more combinations than that, each is tried
        once.
    folds : int
        Number of inner folds: the first half of the window only trains, the second is cut into so many blocks.
    sampler : {"grid", "random", "tpe"}
        Every combination; `trials` different ones drawn by the study's seed; or `trials` different ones proposed one
        after another by what the ones before scored (optuna's multivariate tree-structured Parzen estimator, of which
        the first ten are random). Combinations that a part of the study refuses are no candidates.
    choose : Best, Plateau or OneStandardError
        Which of the scored candidates is taken; the best by default.
    pruning : bool
        Give up a candidate whose best score after some of the inner folds is below the median of what others had after
        as many (optuna's median rule; the first five are never given up). Only with ``sampler="tpe"``: of listed
        candidates, who is given up would hang on the order in which they are listed. Not with `Plateau`, which needs
        every score.
    average : int
        How many of a fold's best candidates are fitted and averaged, those with a score at most: their forecasts, and
        the weights that each decides by its own forecasts and rules. 1 takes the best alone.
    """

    objective: str | Callable[[pd.Series], float] = "sharpe_ratio"
    _: KW_ONLY
    trials: int | None = None
    folds: int = 3
    sampler: Literal["grid", "random", "tpe"] = "grid"
    choose: ChoiceRule = field(default_factory=Best)
    pruning: bool = False
    average: int = 1

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            hint = did_you_mean(str(self.sampler), SAMPLERS)
            raise ParameterError("Tuning.sampler", must="be 'grid', 'random' or 'tpe'", got=self.sampler, hint=hint)
        object.__setattr__(self, "folds", check_whole("Tuning.folds", self.folds, least=1))
        if (self.sampler == "grid") != (self.trials is None):
            must = "be given exactly with sampler='random' or 'tpe'"
            raise ParameterError("Tuning.trials", must=must, got=self.trials)
        object.__setattr__(self, "average", check_whole("Tuning.average", self.average, least=1))
        if self.trials is not None:
            object.__setattr__(self, "trials", check_whole("Tuning.trials", self.trials, least=1))
        object.__setattr__(self, "objective", named(self.objective))
        find_objective(self.objective)  # raises where there is none of that name
        self._check_choice()

    def _check_choice(self) -> None:
        if isinstance(self.choose, type) or not callable(getattr(self.choose, "choose", None)):
            hint = "Write choose=Plateau(), or leave it out for the best score."
            raise ParameterError("Tuning.choose", must="be Best(), Plateau() or OneStandardError()", got=self.choose,
                                 hint=hint)  # fmt: skip
        check(isinstance(self.pruning, bool), "Tuning.pruning", "be True or False", self.pruning)
        if isinstance(self.choose, OneStandardError):
            check(self.folds > 1, "Tuning.folds", "be at least 2 for a standard error", self.folds)
        if self.pruning:
            check(self.sampler == "tpe", "Tuning.sampler", "be 'tpe' with pruning", self.sampler)
            check(self.folds > 1, "Tuning.folds", "be at least 2 with pruning", self.folds)
            check(not isinstance(self.choose, Plateau), "Tuning.choose", "not be a Plateau with pruning", self.choose)

    @property
    def goal(self) -> Objective | ForecastScore:
        """What is looked for the best of."""
        return find_objective(self.objective)

    def check_study(self, spaces: Mapping[str, Space], *, trades: bool, forecasts: bool) -> None:
        """Raise `InputError` where a study cannot be tuned so.

        Parameters
        ----------
        spaces : mapping of str to Space
            By dotted path.
        trades, forecasts : bool
            Whether the study has a signal, and a forecaster.
        """
        goal = self.goal
        if isinstance(goal, ForecastScore):
            _check_forecasts(goal, spaces, forecasts=forecasts)
        elif not trades:
            hint = "Add signal=Sign(), or tune by a score of forecasts such as 'rmse'."
            raise StudyError("tuning", must="have a signal to score on simulated trades", hint=hint)
        if self.pruning and not forecasts:
            hint = "Leave pruning out: without a forecaster, all of a candidate is scored at once."
            raise StudyError("Tuning.pruning", must="have a forecaster whose fits it can save", got="a rule", hint=hint)
        if isinstance(self.choose, Plateau):
            self.choose.check_spaces(spaces)
        self.check_spaces(spaces)

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

    def is_grid(self, spaces: Mapping[str, Space]) -> bool:
        """Say whether every combination is tried."""
        return self.trials is None or combinations(spaces) <= self.trials

    def is_listed(self, spaces: Mapping[str, Space]) -> bool:
        """Say whether the candidates are known before any of them is scored."""
        return self.sampler != "tpe" or self.is_grid(spaces)

    def candidates(self, spaces: Mapping[str, Space], seed: np.random.SeedSequence) -> list[dict[str, Any]]:
        """List the candidates of one fold: values by dotted path.

        Parameters
        ----------
        spaces : mapping of str to Space
            By dotted path. Where candidates are proposed by the scores of others, these are as many random ones.
        seed : numpy.random.SeedSequence
            What candidates are drawn by.
        """
        self.check_spaces(spaces)
        if self.trials is None:
            return grid(spaces)
        return sample(spaces, self.trials, np.random.default_rng(seed))

    def choice(self, candidates: Sequence[Candidate], spaces: Mapping[str, Space]) -> int:
        """Return the place of the candidate that is taken.

        Raises
        ------
        StudyError
            If a user's own rule of choice fails, or returns no place.
        """
        name = f"{name_of(self.choose)}.choose"
        with users_code(self.choose, name, StudyError):
            place = self.choose.choose(candidates, spaces, is_grid=self.is_grid(spaces))
        if isinstance(place, bool) or not isinstance(place, (int, np.integer)) or not 0 <= place < len(candidates):
            raise StudyError(name, must=f"return the place of a candidate, from 0 to {len(candidates) - 1}", got=place)
        return int(place)


_DRAW: Final = "Write Tuning(..., sampler='random', trials=50)."


def _check_forecasts(score: ForecastScore, spaces: Iterable[str], *, forecasts: bool) -> None:
    """Raise where candidates cannot be told apart by a score of their forecasts, or not compared."""
    subject = f"tuning by {score.name}"
    if not forecasts:
        hint = "Tune by a metric of returns such as 'sharpe_ratio'."
        raise StudyError(subject, must="have a forecaster whose forecasts it scores", got="a rule", hint=hint)
    moved = [path for path in spaces if path.split(".")[0] == "signal"]
    if moved:
        hint = "Its parameters change no forecast: give them one value, or tune by a metric such as 'sharpe_ratio'."
        raise StudyError(subject, must="have no search space in the signal", got=", ".join(moved), hint=hint)
    targets = [path for path in spaces if path.split(".")[0] == "target"]
    if targets and score.in_units:
        hint = "Errors in another target's unit are neither better nor worse: give it one value, or use 'smape'."
        raise StudyError(subject, must="have no search space in the target", got=", ".join(targets), hint=hint)
